//! What plugins make of a record when a rule asks: a number with its reasons, or a document that is attached to it. They see the
//! record as it is when they are called, since what is asked about it later replaces what was asked before.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use mortise_definition::model::{EntityModel, system};
use mortise_expr::Value;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::{Document, Field, Reason, Scored, Value as Wire};
use uuid::Uuid;

use super::course::Said;
use super::row::PluginCall;
use crate::commands::{Command, RunOptions, Work};
use crate::error::Error;
use crate::plugins::Binding;
use crate::plugins::call::Calling;
use crate::tenant::Tenant;

/// Asks a scorer or a renderer about a record. What is gone by now needs nothing any more.
pub(super) async fn answer(
    tenant: &Arc<Tenant>,
    (work, calling, binding): (&Work, &Calling<'_>, &Binding),
    point: Point,
    call: &PluginCall,
    (entity, id): (&Arc<EntityModel>, Uuid),
) -> Result<Said, Failure> {
    let Some(record) = read(tenant, work, entity, id).await.map_err(|error| unavailable(&error))? else {
        return Ok(Said::Done(Vec::new()));
    };
    if point == Point::Scorer {
        let scored = calling.score(binding, &[&record]).await?.unwrap_or_default();
        let own = id.to_string();
        let own = scored.into_iter().find(|one| one.id == own);
        return Ok(Said::Done(own.map(score).unwrap_or_default()));
    }
    let params: Vec<Field> = serde_json::from_value(call.input.clone()).unwrap_or_default();
    let Some(document) = calling.render(binding, &record, &params).await? else {
        return Ok(Said::Done(Vec::new()));
    };
    let name = Field::new("name", Wire::Text(document.name.clone()));
    attach(tenant, work, call, (&entity.key, id), document).await.map_err(|error| unavailable(&error))?;
    Ok(Said::Done(vec![name]))
}

async fn read(
    tenant: &Tenant,
    work: &Work,
    entity: &EntityModel,
    id: Uuid,
) -> Result<Option<Vec<Value>>, Error> {
    let table = &work.published.layout.tables[entity.index];
    let found = tenant.store.fetch(table.select(), &[id.into()], |row| table.record(row)).await?.pop();
    Ok(found.filter(|record| record[system::DELETED_AT].is_null()))
}

/// The number, and its reasons one to a line: what weighs nothing tells of the whole and stands first, then the weightiest.
fn score(mut scored: Scored) -> Vec<Field> {
    let weighs = |reason: &Reason| if reason.weight == 0.0 { f64::INFINITY } else { reason.weight.abs() };
    scored.reasons.sort_by(|one, other| weighs(other).total_cmp(&weighs(one)));
    let line = |reason: &Reason| match reason.weight == 0.0 {
        true => reason.text.clone(),
        false => format!("{} ({:+})", reason.text, rounded(reason.weight)),
    };
    let reasons: Vec<String> = scored.reasons.iter().map(line).collect();
    vec![
        Field::new("score", Wire::Float(scored.score)),
        Field::new("reasons", Wire::Text(reasons.join("\n"))),
    ]
}

/// Two places are all that a reader needs.
fn rounded(weight: f64) -> f64 {
    (weight * 100.0).round() / 100.0
}

/// Attaches a document to the record, once however often it was made.
async fn attach(
    tenant: &Arc<Tenant>,
    work: &Work,
    call: &PluginCall,
    (entity, id): (&str, Uuid),
    document: Document,
) -> Result<(), Error> {
    let bytes = stream::iter([Ok::<_, std::io::Error>(Bytes::from(document.content))]);
    let file = tenant.put_file(&work.actor, &document.name, &document.media_type, bytes).await?;
    let options = RunOptions { idempotency_key: Some(format!("plugin-document:{}", call.id)) };
    let command = Command::Attach { entity: entity.to_owned(), id, file: file.id };
    match tenant.run(&work.actor, command, options).await {
        // Made before, with another file: the document is there.
        Err(Error::KeyReused) => Ok(()),
        result => result.map(drop),
    }
}

/// Something of ours that may be better next time.
fn unavailable(error: &Error) -> Failure {
    Failure::Unavailable { reason: error.to_string() }
}
