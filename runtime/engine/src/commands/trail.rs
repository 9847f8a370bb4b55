//! What is written beside a change: its audit entry and its event.

use mortise_definition::model::{EntityModel, Slot};
use mortise_expr::Value;
use mortise_store::{AuditEntry, EventEntry, Session};
use uuid::Uuid;

use super::Work;
use crate::values::write_json;

/// Writes audit entry and event of a change to a record.
pub(crate) fn record(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    kind: &'static str,
    version: (Uuid, i64),
    changes: String,
) {
    detailed(work, session, entity, kind, version, changes, None);
}

/// The same, with the id of the transition that was taken.
pub(crate) fn detailed(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    kind: &'static str,
    (id, version): (Uuid, i64),
    changes: String,
    detail: Option<String>,
) {
    session.audit(AuditEntry {
        entity: Some(entity.key.clone()),
        record: Some(id),
        version: Some(version),
        ..entry(work, kind, changes)
    });
    let cause = work.cause.as_deref();
    session.event(EventEntry {
        at: work.now,
        kind,
        entity: entity.key.clone(),
        record: id,
        version,
        // What happens by itself goes back to the person with whom it began.
        actor: cause.map_or_else(|| work.actor.id(), |cause| cause.actor),
        cause: cause.and_then(|cause| cause.event),
        depth: cause.map_or(0, |cause| cause.depth + 1),
        rule: cause.map(|cause| cause.rule.clone()),
        detail,
    });
    session.touch(entity.index);
}

/// An audit entry about something else than a record.
pub(crate) fn entry(work: &Work, action: &str, changes: String) -> AuditEntry {
    let origin = &work.actor.origin;
    AuditEntry {
        at: work.now,
        actor: work.actor.id(),
        action: action.to_owned(),
        entity: None,
        record: None,
        version: None,
        channel: origin.channel.name().to_owned(),
        ip: origin.ip.map(|ip| ip.to_string()),
        device: origin.device.as_deref().map(str::to_owned),
        changes,
    }
}

/// `{"field id": [old, new]}` of the slots; ids, so that a renamed field keeps its history.
pub(crate) fn changes(entity: &EntityModel, old: Option<&[Value]>, new: &[Value], slots: &[Slot]) -> String {
    let mut text = Vec::with_capacity(slots.len() * 32 + 2);
    text.push(b'{');
    for (position, &slot) in slots.iter().enumerate() {
        if position > 0 {
            text.push(b',');
        }
        // Ids of fields are checked names: nothing in them needs escaping.
        text.push(b'"');
        text.extend_from_slice(entity.fields[slot].id.as_bytes());
        text.extend_from_slice(b"\":[");
        write_json(old.map_or(&Value::Null, |old| &old[slot]), &mut text);
        text.push(b',');
        write_json(&new[slot], &mut text);
        text.push(b']');
    }
    text.push(b'}');
    String::from_utf8(text).unwrap_or_default()
}
