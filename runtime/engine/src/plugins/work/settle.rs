//! Writing what has become of a call: its new state and everything that follows from its answer are one transaction, so that
//! whatever follows happens once, however often the plugin had to be asked.

use std::sync::Arc;

use chrono::TimeDelta;
use mortise_plugin_host::manifest::{OnFailure, Point};
use mortise_plugin_host::run::Failure as RunFailure;
use mortise_plugin_host::value::{Field, Value as Wire};
use mortise_store::Session;

use super::course::Try;
use super::make::Made;
use super::row::{self, CallState, PluginCall};
use super::{alert, asked};
use crate::again;
use crate::automation::{Failure, guarded, heals};
use crate::commands::{self, COMMENT_MAX, Work};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;

/// Pause before it is looked again whether a plugin can be loaded.
const LOST: TimeDelta = TimeDelta::minutes(5);
/// Tries of a write whose definitions change meanwhile.
const TRIES_MAX: u32 = 50;

/// Writes what has become of a call; with an epoch only as long as nobody else has taken the lane over.
pub(super) async fn settle(
    tenant: &Arc<Tenant>,
    was: &PluginCall,
    made: &Made,
    epoch: Option<i64>,
) -> Result<(), Error> {
    let tried = Try { now: tenant.now(), dice: again::dice(&*tenant.env), on_failure: made.on_failure };
    let now = was.after(tried, &made.said);
    finish(tenant, was, now, tried, epoch).await
}

/// Does what follows from an answer that is there already: it failed when the answer came.
pub(super) async fn go_on(tenant: &Arc<Tenant>, was: &PluginCall, epoch: Option<i64>) -> Result<(), Error> {
    let now = tenant.now();
    let tried = Try { now, dice: again::dice(&*tenant.env), on_failure: OnFailure::Retry };
    let done = PluginCall {
        state: CallState::Done,
        attempts: was.attempts + 1,
        next_at: None,
        ended_at: Some(now),
        error: None,
        ..was.clone()
    };
    finish(tenant, was, done, tried, epoch).await
}

/// Has a call wait whose plugin is in force, but cannot be loaded on this node.
pub(super) async fn put_off(tenant: &Arc<Tenant>, was: &PluginCall, epoch: Option<i64>) -> Result<(), Error> {
    let failure = RunFailure::Unavailable { reason: "its package is gone".to_owned() };
    let (was, now) = (was.clone(), was.put_off(tenant.now() + LOST, &failure));
    let write = move |session: &mut Session<'_>| {
        if let Some(epoch) = epoch {
            session.fence(epoch)?;
        }
        row::update(session, &was, &now).map(drop)
    };
    tenant.store.write(write).await
}

async fn finish(
    tenant: &Arc<Tenant>,
    was: &PluginCall,
    now: PluginCall,
    tried: Try,
    epoch: Option<i64>,
) -> Result<(), Error> {
    if let Some(error) = &now.error {
        let (id, plugin, export) = (now.id, &now.plugin, &now.export);
        let (tenant, code) = (&tenant.slug, &error.code);
        // What an author lets fail, and what is tried again, is nothing that an operator has to look at.
        match now.state {
            CallState::Dead => tracing::warn!(tenant, %id, plugin, export, code, "a call of a plugin failed"),
            _ => tracing::debug!(tenant, %id, plugin, export, code, "a call of a plugin failed"),
        }
    }
    let mut tries = 0;
    loop {
        let work = tenant.work(&Actor::system(tenant.directory().tz)).because(now.cause());
        let (was, now) = (was.clone(), now.clone());
        let write = move |session: &mut Session<'_>| {
            if session.model != work.published.digest {
                return Err(Error::ModelChanged);
            }
            if let Some(epoch) = epoch {
                session.fence(epoch)?;
            }
            write(&work, session, &was, now, tried)
        };
        match tenant.store.write(write).await {
            Err(Error::ModelChanged) if tries < TRIES_MAX => tries += 1,
            result => return result,
        }
        tenant.catch_up().await;
    }
}

fn write(
    work: &Work,
    session: &mut Session<'_>,
    was: &PluginCall,
    mut now: PluginCall,
    tried: Try,
) -> Result<(), Error> {
    if !row::update(session, was, &now)? {
        // Somebody has dismissed or revived it meanwhile.
        return Ok(());
    }
    if now.state == CallState::Done {
        let fields: Vec<Field> = now
            .result
            .as_ref()
            .and_then(|json| serde_json::from_value(json.clone()).ok())
            .unwrap_or_default();
        let done = guarded(session, |session| follow(work, session, &now, &fields));
        if let Err(error) = done {
            if ends_everything(&error) {
                return Err(error);
            }
            work.figures.clear();
            work.published.hands.forget();
            let written = now.clone();
            now = now.follow_up_failed(tried, Failure::of(&error), heals(&error));
            row::update(session, &written, &now)?;
        }
    }
    match now.state {
        CallState::Done if now.why.rule.is_some() => alert::note(work, session, "plugin.done", &now),
        CallState::Awaiting | CallState::Sleeping => alert::note(work, session, "plugin.waits", &now),
        CallState::Dead => alert::note(work, session, "plugin.dead", &now),
        CallState::Done | CallState::Waiting | CallState::Dismissed => {}
    }
    Ok(())
}

fn ends_everything(error: &Error) -> bool {
    matches!(
        error,
        Error::ModelChanged | Error::Store(mortise_store::Error::Closed | mortise_store::Error::Fenced)
    )
}

/// What follows from an answer.
fn follow(work: &Work, session: &mut Session<'_>, call: &PluginCall, fields: &[Field]) -> Result<(), Error> {
    match call.point() {
        Some(Point::Action | Point::Connector | Point::Scorer | Point::Renderer) => {
            asked::follow_up(work, session, call, fields)
        }
        Some(Point::Validator | Point::BeforeSave) => complain(work, session, call, fields),
        _ => Ok(()),
    }
}

/// A check that was made only after the record was saved has found something: that is said at the record, and administrators
/// are told.
fn complain(work: &Work, session: &mut Session<'_>, call: &PluginCall, found: &[Field]) -> Result<(), Error> {
    let words = found.iter().filter_map(|field| match &field.value {
        Wire::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ => None,
    });
    let words: Vec<&str> = words.collect();
    let entity = call.entity.as_deref().and_then(|key| work.published.model.entity(key)).cloned();
    let (Some(entity), Some(record), false) = (entity, call.record, words.is_empty()) else { return Ok(()) };
    let words = words.join("\n");
    let comment: String = words.chars().filter(|c| *c != '\0').take(COMMENT_MAX).collect();
    commands::say(work, session, &entity, record, &comment)?;
    let args =
        [("plugin", call.plugin.as_str()), ("export", call.export.as_str()), ("reason", words.as_str())];
    alert::administrators(work, session, "late", &args, Some(call))
}
