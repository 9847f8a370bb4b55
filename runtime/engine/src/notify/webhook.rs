//! Calls of other systems: what a rule sends becomes a delivery, signed when it goes.

use mortise_expr::Expression;
use mortise_store::Session;
use serde_json::{Map, Value as Json};

use super::{about, delivery};
use crate::automation::Subject;
use crate::commands::Work;
use crate::error::Error;
use crate::values::{self, Issue};

/// Longest body of a call in bytes; receivers refuse much more.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Calls a connector: with these values, or with the whole record.
pub(crate) fn call(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    subject: &Subject,
    connector: &str,
    body: &[(String, Expression)],
) -> Result<(), Error> {
    if !work.model().automation.connectors.contains_key(connector) {
        return Err(super::unknown_connector(connector));
    }
    let mut sent = Map::new();
    if body.is_empty() {
        let stored = &work.published.layout.tables[subject.entity.index].stored;
        for &slot in stored {
            let name = subject.entity.fields[slot].name.to_string();
            sent.insert(name, values::to_json(&subject.record[slot]));
        }
    }
    for (key, expression) in body {
        sent.insert(key.clone(), values::to_json(&subject.eval(work, app, expression)?));
    }
    let payload = Json::Object(sent);
    if payload.to_string().len() > BODY_BYTES_MAX {
        return Err(Error::BadRequest(Issue::new("automation.body_long").with("limit", BODY_BYTES_MAX)));
    }
    delivery::put(session, &about(delivery::new(work, connector, "", payload), None, subject))
}
