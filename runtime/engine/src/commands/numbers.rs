//! Autonumbers: counted inside the transaction, so that none is given twice and a failed save gives none away.

use chrono::Datelike;
use mortise_definition::model::{EntityModel, FieldKind, NumberPart, NumberPattern};
use mortise_expr::Value;
use mortise_store::Session;

use super::Work;
use crate::error::Error;

/// Gives a new record its numbers.
pub(crate) fn assign(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    values: &mut [Value],
) -> Result<bool, Error> {
    let mut assigned = false;
    for field in entity.declared() {
        let FieldKind::Autonumber { pattern } = &field.kind else { continue };
        let local = work.now.with_timezone(&work.actor.user.tz);
        // The counter starts again with the period that stands in the number.
        let period = render(pattern, &local, None);
        let name = format!("{}.{}:{period}", entity.key, field.id);
        let sql = session.naming.sql(&format!(
            "INSERT INTO {table} (name, value) VALUES (?1, 1) \
             ON CONFLICT (name) DO UPDATE SET value = {table_name}.value + 1 RETURNING value",
            table = session.naming.table("_sequence"),
            table_name = "_sequence",
        ));
        let counter = session.query(&sql, &[name.into()], |row| row.int(0))?.pop().flatten().unwrap_or(1);
        values[field.slot] = Value::text(render(pattern, &local, Some(counter)));
        assigned = true;
    }
    Ok(assigned)
}

fn render(pattern: &NumberPattern, date: &impl Datelike, counter: Option<i64>) -> String {
    let part = |part: &NumberPart| match part {
        NumberPart::Text(text) => text.clone(),
        NumberPart::Year => format!("{:04}", date.year()),
        NumberPart::Month => format!("{:02}", date.month()),
        NumberPart::Day => format!("{:02}", date.day()),
        NumberPart::Counter(width) => counter.map_or(String::new(), |counter| format!("{counter:0width$}")),
    };
    pattern.0.iter().map(part).collect()
}
