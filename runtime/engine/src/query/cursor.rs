//! Places in an order as opaque texts: what a page hands out for the next one, and what comes back with it. A place has the
//! values of the sort fields only; whether they fit the order is checked again when it comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mortise_definition::model::{EntityModel, Slot};
use mortise_expr::Value;

use crate::commands::Work;
use crate::error::Error;
use crate::values::{self, Issue};

/// The place of a record in an order, as an opaque text.
pub(crate) fn write_cursor(sort: &[(Slot, bool)], record: &[Value]) -> String {
    let mut text = vec![b'['];
    for (position, (slot, _)) in sort.iter().enumerate() {
        if position > 0 {
            text.push(b',');
        }
        values::write_json(&record[*slot], &mut text);
    }
    text.push(b']');
    URL_SAFE_NO_PAD.encode(text)
}

/// The values of a place, in the order of the sort slots.
pub(crate) fn read_cursor(
    work: &Work,
    entity: &EntityModel,
    sort: &[(Slot, bool)],
    cursor: &str,
) -> Result<Vec<Value>, Error> {
    let wrong = || Error::BadRequest(Issue::new("query.cursor"));
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    let parts: Vec<serde_json::Value> = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if parts.len() != sort.len() {
        return Err(wrong());
    }
    let cx = work.values();
    let read = |((slot, _), json): (&(Slot, bool), &serde_json::Value)| {
        let value = values::from_stored(&entity.shape.members()[*slot].ty, json, &cx);
        // PostgreSQL takes no NUL in a text.
        value.filter(|value| !value.as_text().is_some_and(|text| text.contains('\0'))).ok_or_else(wrong)
    };
    sort.iter().zip(&parts).map(read).collect()
}
