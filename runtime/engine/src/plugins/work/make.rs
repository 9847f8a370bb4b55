//! Making one call of the queue: the version that serves it, the service's rights, and what the plugin said.

use std::convert::Infallible;
use std::sync::Arc;

use mortise_plugin_host::manifest::{OnFailure, Point};
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::{Field, Outcome, Value as Wire, Verdict};

use super::about;
use super::course::Said;
use super::row::PluginCall;
use super::told::Change;
use crate::people::Actor;
use crate::plugins::Binding;
use crate::plugins::call::Calling;
use crate::tenant::Tenant;

/// What became of a call, and what its author wants when it failed.
pub(super) struct Made {
    pub(super) said: Result<Said, Failure>,
    pub(super) on_failure: OnFailure,
}

impl Made {
    /// Something of ours went wrong in making the call.
    pub(super) fn stumbled() -> Made {
        let reason = "the server stumbled over this call".to_owned();
        Made { said: Err(Failure::Trap { reason }), on_failure: OnFailure::Retry }
    }
}

/// Makes a call. None while the plugin is not in force, or its package is gone: it waits.
pub(super) async fn make(tenant: &Arc<Tenant>, call: &PluginCall) -> Option<Made> {
    let system = tenant.work(&Actor::system(tenant.directory().tz));
    let plugins = system.published.plugins.clone();
    plugins.plugin(&call.plugin)?;
    let failed = |failure| Made { said: Err(failure), on_failure: OnFailure::Retry };
    let Some(point) = call.point() else {
        let reason = format!("there is no point named {}", call.point);
        return Some(failed(Failure::Output { reason }));
    };
    let key = call.key();
    let Some(binding) = plugins.find(point, &call.plugin, &call.export, None, &key) else {
        return Some(failed(Failure::Missing { point, name: call.export.clone() }));
    };
    if binding.version.is_lost() {
        return None;
    }
    // A check that was put off sees what it would have seen in the save: its words are for everybody who sees the record.
    let asked_by = call.actor.filter(|_| matches!(point, Point::Validator | Point::BeforeSave));
    let work = match asked_by.and_then(|id| system.directory.context(id)) {
        Some(user) => system.as_plugin_for(&call.plugin, call.cause(), user),
        None => system.as_plugin(&call.plugin, call.cause()),
    };
    let calling =
        Calling::background(&work, key).attempt(u32::try_from(call.attempts + 1).unwrap_or(u32::MAX));
    let entity = call.entity.as_deref().and_then(|key| work.published.model.entity(key));
    let calling = match entity.zip(call.record) {
        Some((entity, record)) => calling.about(entity, record),
        None => calling,
    };
    let said = match point {
        Point::Action | Point::Connector => ask(&calling, binding, point, call).await,
        Point::AfterCommit | Point::Validator | Point::BeforeSave => match entity {
            Some(entity) => tell(&calling, binding, point, Change::read(&work, entity, &call.input)).await,
            // The kind of record is gone with its app.
            None => Ok(Said::Done(Vec::new())),
        },
        Point::Scorer | Point::Renderer => match entity.zip(call.record) {
            Some(about) => about::answer(tenant, (&work, &calling, binding), point, call, about).await,
            None => Ok(Said::Done(Vec::new())),
        },
        Point::Function | Point::Assigner | Point::Provider | Point::Job => {
            Err(Failure::Missing { point, name: call.export.clone() })
        }
    };
    Some(Made { said, on_failure: binding.export().failure_policy() })
}

async fn ask(
    calling: &Calling<'_>,
    binding: &Binding,
    point: Point,
    call: &PluginCall,
) -> Result<Said, Failure> {
    let input: Vec<Field> = serde_json::from_value(call.input.clone()).unwrap_or_default();
    if point == Point::Connector {
        let fields = calling.invoke(binding, &input).await?;
        return Ok(Said::Done(fields.unwrap_or_default()));
    }
    let resumed: Option<Vec<Field>> = match &call.resumed {
        Some(arrived) => Some(serde_json::from_value(arrived.clone()).unwrap_or_default()),
        // It slept, and nothing arrived but the hour.
        None => (call.why.steps > 0).then(Vec::new),
    };
    Ok(match calling.run(binding, &input, resumed.as_deref()).await? {
        Some(Outcome::Done(fields)) => Said::Done(fields),
        Some(Outcome::SleepUntil(at)) => Said::SleepUntil(at),
        Some(Outcome::WaitFor(key)) => Said::WaitFor(key),
        None => Said::Done(Vec::new()),
    })
}

async fn tell(
    calling: &Calling<'_>,
    binding: &Binding,
    point: Point,
    change: Change,
) -> Result<Said, Failure> {
    let (before, after) = (change.before.as_deref(), change.after.as_deref());
    let fields = match (point, after) {
        (Point::Validator, Some(after)) => {
            let found = calling.validate(binding, before, after).await?.unwrap_or_default();
            let words = found.into_iter().map(|violation| violation.message);
            words.map(|words| Field::new("violation", Wire::Text(words))).collect()
        }
        (Point::BeforeSave, _) => {
            let any = Ok::<Verdict, Infallible>;
            match calling.before_save(binding, &change.operation, (before, after), any).await? {
                Some(Ok(Verdict::Reject(fault))) => {
                    vec![Field::new("violation", Wire::Text(fault.message))]
                }
                // The record was saved without it, and may have gone on since.
                Some(Ok(Verdict::Change(_) | Verdict::Proceed)) | None => Vec::new(),
            }
        }
        _ => {
            calling.after_commit(binding, &change.operation, before, after).await?;
            Vec::new()
        }
    };
    Ok(Said::Done(fields))
}
