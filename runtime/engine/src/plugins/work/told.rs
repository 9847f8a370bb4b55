//! What plugins are told after a change: each event becomes a call for every export that wants to know, in the transaction in
//! which the lane works the event off. The record goes along as it was right after the event, since by the time of the call it
//! may be another.

use std::sync::Arc;

use mortise_definition::model::EntityModel;
use mortise_expr::{Context, Value};
use mortise_plugin_host::manifest::Point;
use mortise_store::{Session, id_of};
use serde_json::{Map, Value as Json, json};

use super::row::{self, PluginCall};
use crate::automation::{Subject, failed};
use crate::commands::Work;
use crate::error::Error;
use crate::plugins::Binding;
use crate::values;

/// What a plugin calls a change; none for what changes no record.
pub(crate) fn operation(kind: &str) -> Option<&'static str> {
    match kind {
        // Out of the trash it comes into the world once more, whoever has forgotten it meanwhile.
        "record.created" | "record.restored" => Some("create"),
        "record.changed" | "record.transitioned" => Some("update"),
        "record.deleted" => Some("delete"),
        _ => None,
    }
}

/// The exports among bindings, each with its versions: while a version is tried out there are two of most.
pub(crate) fn exports(bindings: &[Arc<Binding>]) -> impl Iterator<Item = &[Arc<Binding>]> {
    bindings
        .chunk_by(|one, other| one.plugin.id == other.plugin.id && one.export().name == other.export().name)
}

/// Name of an export, for failed work.
pub(crate) fn name(versions: &[Arc<Binding>]) -> String {
    let first = &versions[0];
    format!("{}/{}", first.plugin.id, first.export().name)
}

/// Queues the call of an export about an event, if it wants to know. `then` is the record right after the event.
pub(crate) fn tell(
    work: &Work,
    session: &mut Session<'_>,
    versions: &[Arc<Binding>],
    then: &Subject,
    operation: &str,
) -> Result<(), Error> {
    let first = &versions[0];
    let names = (first.plugin.id.as_str(), first.export().name.as_str());
    let mut call = PluginCall::new(work, Point::AfterCommit, names, Json::Null);
    let key = call.key();
    let Some(binding) = versions.iter().find(|binding| binding.serves(None, &key)) else { return Ok(()) };
    let previous = (!then.previous.is_empty()).then_some(&then.previous[..]);
    let (before, after) = match operation {
        "create" => (None, Some(&then.record[..])),
        "delete" => (Some(&then.record[..]), None),
        _ => (previous, Some(&then.record[..])),
    };
    if !wanted(work, binding, &then.entity, before, after)? {
        return Ok(());
    }
    work.cause.iter().try_for_each(|cause| cause.limit(session))?;
    call.input = change(&then.entity, operation, before, after);
    row::put(session, &call.about(&then.entity.key, then.id))
}

/// Queues a check that could not be made while a record was saved.
pub(crate) fn defer(
    work: &Work,
    session: &mut Session<'_>,
    binding: &Binding,
    entity: &EntityModel,
    (operation, before, after): (&str, Option<&[Value]>, &[Value]),
) -> Result<(), Error> {
    let export = binding.export();
    let input = change(entity, operation, before, Some(after));
    let call = PluginCall::new(work, export.point, (&binding.plugin.id, &export.name), input);
    row::put(session, &call.about(&entity.key, id_of(after)))
}

/// Whether the condition of an export holds.
fn wanted(
    work: &Work,
    binding: &Binding,
    entity: &EntityModel,
    before: Option<&[Value]>,
    after: Option<&[Value]>,
) -> Result<bool, Error> {
    let Some(when) = &binding.when else { return Ok(true) };
    let nothing = vec![Value::Null; entity.fields.len()];
    let roots = [before.unwrap_or(&nothing), after.unwrap_or(&nothing)];
    let cx = Context { now: work.now, tz: work.actor.user.tz, roots: &roots, functions: None };
    when.test(&cx).map_err(|error| failed(when, &error))
}

/// A change as it is kept with a call: values by the ids of their fields, which stay when fields are renamed.
fn change(entity: &EntityModel, operation: &str, before: Option<&[Value]>, after: Option<&[Value]>) -> Json {
    let stored = |record: Option<&[Value]>| record.map(|record| stored(entity, record));
    json!({ "op": operation, "before": stored(before), "after": stored(after) })
}

fn stored(entity: &EntityModel, record: &[Value]) -> Map<String, Json> {
    let fields = entity.fields.iter().filter(|field| !record[field.slot].is_null());
    fields.map(|field| (field.id.clone(), values::to_json(&record[field.slot]))).collect()
}

/// A change that was kept with a call.
pub(super) struct Change {
    pub(super) operation: String,
    pub(super) before: Option<Vec<Value>>,
    pub(super) after: Option<Vec<Value>>,
}

impl Change {
    pub(super) fn read(work: &Work, entity: &EntityModel, input: &Json) -> Change {
        let record = |name: &str| input[name].as_object().map(|stored| restored(work, entity, stored));
        Change {
            operation: input["op"].as_str().unwrap_or("update").to_owned(),
            before: record("before"),
            after: record("after"),
        }
    }
}

/// What does not fit its field any more, because its type has changed since, counts as empty.
fn restored(work: &Work, entity: &EntityModel, stored: &Map<String, Json>) -> Vec<Value> {
    let cx = work.values();
    let members = entity.shape.members();
    let value = |(id, slot): (&str, usize)| {
        let json = stored.get(id)?;
        values::from_stored(&members[slot].ty, json, &cx)
    };
    entity.fields.iter().map(|field| value((&field.id, field.slot)).unwrap_or_default()).collect()
}
