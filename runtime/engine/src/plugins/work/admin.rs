//! What administrators see of background calls and jobs, and what they decide about them.

use std::sync::Arc;

use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::value::{Field, Value as Wire};
use mortise_store::{Param, Session};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::job_row::{self, PluginJob};
use super::row::{self, CallState, PluginCall};
use super::{alert, course};
use crate::automation::{Cause, Failure};
use crate::commands::audit_entry;
use crate::error::Error;
use crate::people::Actor;
use crate::plugins::call::Calling;
use crate::plugins::entry;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Calls of one page at most.
const PAGE_MAX: i64 = 200;
/// Most fields of a signal, or of what somebody gives to a job or a connector.
const FIELDS_MAX: usize = 100;
/// Longest text of one of these, in bytes.
const FIELD_BYTES_MAX: usize = 64 * 1024;

pub(super) fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}

/// What a program sent, as a plugin sees it.
pub(super) fn fields(given: &Map<String, Json>) -> Result<Vec<Field>, Error> {
    if given.len() > FIELDS_MAX {
        return Err(Error::BadRequest(Issue::new("plugin.too_many_fields").with("limit", FIELDS_MAX)));
    }
    given.iter().map(|(name, value)| Ok(Field::new(name.as_str(), wire(name, value)?))).collect()
}

fn wire(name: &str, value: &Json) -> Result<Wire, Error> {
    let too_large = || {
        let issue = Issue::new("plugin.field_too_large").with("name", name);
        Error::BadRequest(issue.with("limit", FIELD_BYTES_MAX))
    };
    let wire = match value {
        Json::Null => Wire::Null,
        Json::Bool(yes) => Wire::Boolean(*yes),
        Json::String(text) if text.len() > FIELD_BYTES_MAX => return Err(too_large()),
        Json::String(text) => Wire::Text(text.clone()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Wire::Integer(whole),
            (None, Some(number)) => Wire::Float(number),
            (None, None) => Wire::Json(number.to_string()),
        },
        Json::Array(_) | Json::Object(_) => match value.to_string() {
            text if text.len() > FIELD_BYTES_MAX => return Err(too_large()),
            text => Wire::Json(text),
        },
    };
    Ok(wire)
}

impl Tenant {
    /// Background calls of a state and a plugin, newest first, before this one; for administrators.
    pub async fn background_calls(
        &self,
        actor: &Actor,
        (state, plugin): (Option<CallState>, Option<&str>),
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<PluginCall>, Error> {
        administrator(actor)?;
        let (before, limit) = (before.unwrap_or(Uuid::max()), limit.clamp(1, PAGE_MAX));
        let state = state.map(CallState::name);
        Ok(self.marked(row::CALLS.list(&self.store, (state, plugin), before, limit).await?))
    }

    /// Background calls about a record that the person may see, newest first. What a plugin found out with rights of its own is
    /// for administrators: others are told what became of a call, and no more.
    pub async fn background_calls_of(
        &self,
        actor: &Actor,
        entity: &str,
        id: Uuid,
    ) -> Result<Vec<PluginCall>, Error> {
        self.read(actor, entity, id).await?;
        let mut calls = self.marked(row::of_record(&self.store, entity, id, PAGE_MAX).await?);
        if !actor.user.admin {
            for call in &mut calls {
                let outline =
                    |error: Failure| Failure { code: outline(&error.code).into(), ..Failure::default() };
                (call.error, call.wait_key) = (call.error.take().map(outline), None);
            }
        }
        Ok(calls)
    }

    /// How many background calls there are in each state, in the order of [`CallState::ALL`]; for administrators.
    pub async fn background_call_counts(&self, actor: &Actor) -> Result<[i64; 6], Error> {
        administrator(actor)?;
        row::CALLS.counts(&self.store, CallState::ALL.map(CallState::name)).await
    }

    /// How many calls are to be made, now or later, and how many were given up; those that are over are not counted.
    pub(crate) async fn calls_left(&self) -> Result<(i64, i64), Error> {
        row::CALLS.left(&self.store).await
    }

    /// Says which calls wait for their plugin to come back.
    fn marked(&self, mut calls: Vec<PluginCall>) -> Vec<PluginCall> {
        let plugins = self.published().plugins.clone();
        for call in &mut calls {
            call.held = !call.state.is_over() && plugins.plugin(&call.plugin).is_none();
        }
        calls
    }

    /// Makes a call that was given up, or waits for its next try, at once; for administrators.
    pub async fn revive_plugin_call(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        let details = json!({ "call": id });
        match self.revive_calls(actor, ("id", id.into()), details).await? {
            0 => Err(Error::NotFound(Issue::new("plugin.no_call").with("id", id))),
            _ => Ok(()),
        }
    }

    /// Makes all calls of a plugin at once that were given up or wait for their next try; for administrators.
    pub async fn revive_plugin_calls(&self, actor: &Actor, plugin: &str) -> Result<u64, Error> {
        self.revive_calls(actor, ("plugin", plugin.into()), json!({ "plugin": plugin })).await
    }

    async fn revive_calls(
        &self,
        actor: &Actor,
        (column, value): (&'static str, Param),
        details: Json,
    ) -> Result<u64, Error> {
        administrator(actor)?;
        let work = self.work(actor);
        let write = move |session: &mut Session<'_>| {
            let count = row::CALLS.revive(session, work.now, (column, value))?;
            if count > 0 {
                session.audit(audit_entry(&work, "plugin.called_again", details.to_string()));
            }
            Ok(count)
        };
        self.store.write(write).await
    }

    /// Decides that a call is not to be made; for administrators.
    pub async fn dismiss_plugin_call(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        administrator(actor)?;
        let work = self.work(actor);
        let write = move |session: &mut Session<'_>| {
            let no_call = || Error::NotFound(Issue::new("plugin.no_call").with("id", id));
            let call = row::find(session, id)?.ok_or_else(no_call)?;
            if !row::dismiss(session, work.now, id)? {
                return Err(Error::BadRequest(Issue::new("plugin.call_over").with("id", id)));
            }
            alert::note(&work, session, "plugin.dismissed", &call);
            // What stood behind it may go on.
            session.wake_lane();
            Ok(())
        };
        self.store.write(write).await
    }

    /// The jobs of plugins; for administrators.
    pub async fn plugin_jobs(&self, actor: &Actor) -> Result<Vec<PluginJob>, Error> {
        administrator(actor)?;
        let plugins = self.published().plugins.clone();
        let mut jobs = job_row::all(&self.store).await?;
        for job in &mut jobs {
            job.held = plugins.plugin(&job.plugin).is_none();
        }
        Ok(jobs)
    }

    /// Starts a job now, or has it go on at once where it waits after a failure; for administrators. `given` is what its
    /// steps are told, unless it is under way.
    pub async fn run_plugin_job(
        &self,
        actor: &Actor,
        plugin: &str,
        export: &str,
        given: &Map<String, Json>,
    ) -> Result<(), Error> {
        administrator(actor)?;
        let params = Some(serde_json::to_value(fields(given)?).unwrap_or_default());
        let params = params.filter(|_| !given.is_empty());
        let known = self
            .published()
            .plugins
            .at(Point::Job)
            .iter()
            .any(|binding| binding.plugin.id == plugin && binding.export().name == export);
        let (work, plugin, export) = (self.work(actor), plugin.to_owned(), export.to_owned());
        let write = move |session: &mut Session<'_>| {
            let no_job = || Error::NotFound(Issue::new("plugin.no_job").with("name", &export));
            let job = match job_row::read(session, &plugin, &export)? {
                Some(job) => job,
                None if known => {
                    let new = PluginJob::new(&plugin, &export);
                    job_row::put(session, &new)?;
                    new
                }
                None => return Err(no_job()),
            };
            let params = if job.running { job.params.clone() } else { params };
            job_row::update(session, &job, &PluginJob { next_at: Some(work.now), params, ..job.clone() })?;
            let details = json!({ "plugin": plugin, "export": export });
            session.audit(audit_entry(&work, "plugin.job_started", details.to_string()));
            Ok(())
        };
        self.store.write(write).await
    }

    /// Asks a connector of a plugin whether the other system can be reached with these values; for administrators. What it
    /// answers, or why it does not.
    pub async fn probe_plugin_connector(
        self: &Arc<Self>,
        actor: &Actor,
        plugin: &str,
        operation: &str,
        given: &Map<String, Json>,
    ) -> Result<Result<Map<String, Json>, Failure>, Error> {
        administrator(actor)?;
        let given = fields(given)?;
        let work = self.work(actor);
        let key = work.env.id().to_string();
        let plugins = work.published.plugins.clone();
        if plugins.plugin(plugin).is_none() {
            return Err(Error::NotFound(Issue::new("plugin.not_installed").with("plugin", plugin)));
        }
        let found = plugins.find(Point::Connector, plugin, operation, None, &key);
        let missing = || Error::NotFound(Issue::new("plugin.no_connector").with("name", operation));
        let binding = found.ok_or_else(missing)?;
        let work = work.as_plugin(plugin, Cause::time(format!("plugin:{plugin}/{operation}")));
        let said = Calling::background(&work, key).probe(binding, &given).await;
        Ok(match said {
            Ok(answer) => Ok(told(&answer.unwrap_or_default())),
            Err(failure) => Err(course::reason(plugin, operation, &failure)),
        })
    }
}

/// What is told of a failure to people who are no administrators: that the plugin failed, and in which way, or that what was to
/// follow did not.
pub(crate) fn outline(code: &str) -> &str {
    if code.starts_with("plugin.run.") { code } else { "plugin.not_followed" }
}

/// What a plugin said, as JSON.
fn told(fields: &[Field]) -> Map<String, Json> {
    let pair = |field: &Field| Some((field.name.clone(), entry::wire_json(&field.value).ok()?));
    fields.iter().filter_map(pair).collect()
}
