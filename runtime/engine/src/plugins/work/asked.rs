//! What rules and clocks ask of plugins, and what follows when a plugin has finished: the actions that the app wrote under
//! `then`, with the answer as `result`, in the transaction that marks the call as done.

use mortise_definition::model::{ActionKind, ActionModel, Model, PluginAsk};
use mortise_expr::{Expression, Type, Value};
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::value::{Field, Value as Wire};
use mortise_store::Session;

use super::row::{self, PluginCall, Why};
use crate::automation::{Subject, act};
use crate::commands::Work;
use crate::error::Error;
use crate::plugins::entry;
use crate::values::{self, Issue};

/// Calls of one export about one record that wait at most while their plugin is off, broken or gone: when it comes back, the
/// last ones say what there is to say.
const HELD_MAX: i64 = 20;

fn point(asks: &PluginAsk) -> Point {
    match asks {
        PluginAsk::Action(_) => Point::Action,
        PluginAsk::Connector(_) => Point::Connector,
        PluginAsk::Scorer(_) => Point::Scorer,
        PluginAsk::Renderer(_) => Point::Renderer,
    }
}

/// Queues what an action asks of a plugin. Where the plugin is off or broken the call waits for it; where the app can do
/// without the plugin, and it is not installed, the rule goes on. No timeline speaks of that: nothing is missing then.
pub(crate) fn ask(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    subject: &Subject,
    action: &ActionModel,
) -> Result<(), Error> {
    let ActionKind::Plugin { plugin, optional, asks, input, .. } = &action.kind else { return Ok(()) };
    if *optional && !is_installed(session, plugin)? {
        return Ok(());
    }
    let input = serde_json::to_value(given(work, app, subject, input)?).unwrap_or_default();
    let call = PluginCall::new(work, point(asks), (plugin, asks.name()), input);
    let rule = work.cause.as_ref().map(|cause| cause.rule.clone());
    let why = Why { rule, place: Some(action.pointer.clone()), steps: 0 };
    let call = PluginCall { why, ..call.about(&subject.entity.key, subject.id) };
    if work.published.plugins.plugin(plugin).is_none() {
        row::make_room(session, &call, HELD_MAX)?;
    }
    row::put(session, &call)
}

/// What a plugin is given, as the app wrote it: by name, worked out for a record.
pub(super) fn given(
    work: &Work,
    app: usize,
    subject: &Subject,
    written: &[(String, Expression)],
) -> Result<Vec<Field>, Error> {
    let field = |(name, expression): &(String, Expression)| {
        let value = subject.eval(work, app, expression)?;
        Ok(Field::new(name.as_str(), entry::plain(&value)))
    };
    written.iter().map(field).collect()
}

fn is_installed(session: &mut Session<'_>, plugin: &str) -> Result<bool, Error> {
    let table = session.naming.table("_plugin");
    let sql = session.naming.sql(&format!("SELECT 1 FROM {table} WHERE id = ?1"));
    Ok(!session.query(&sql, &[plugin.into()], |_| Ok(()))?.is_empty())
}

/// Does what an app wants done with the answer of a plugin. `work` has to carry the cause of the call.
pub(super) fn follow_up(
    work: &Work,
    session: &mut Session<'_>,
    call: &PluginCall,
    fields: &[Field],
) -> Result<(), Error> {
    let Some(rule) = &call.why.rule else { return Ok(()) };
    let model = work.published.model.clone();
    let Some((app, action)) = asking(&model, call) else {
        return Err(Error::BadRequest(Issue::new("plugin.no_follow_up").with("rule", rule)));
    };
    let ActionKind::Plugin { returns, then, .. } = &action.kind else { return Ok(()) };
    let entity = call.entity.as_deref().and_then(|key| model.entity(key));
    let (Some(entity), Some(record), false) = (entity, call.record, then.is_empty()) else { return Ok(()) };
    work.cause.iter().try_for_each(|cause| cause.limit(session))?;
    // What is gone by now needs nothing any more.
    let Some(mut subject) = Subject::load(work, session, entity, record, work.now)? else { return Ok(()) };
    subject.result = results(work, returns, fields)?;
    act::all(work, session, app, &mut subject, then)
}

/// The action that asked for a call, with its app: where it stood, or wherever it stands now, if there is only one like it.
fn asking<'m>(model: &'m Model, call: &PluginCall) -> Option<(usize, &'m ActionModel)> {
    let key = call.why.rule.as_deref()?;
    let (app, lists): (usize, Vec<&[ActionModel]>) = match model.automation.rules.get(key) {
        Some(rule) => (rule.app, vec![&rule.actions]),
        None => {
            let sla = model.automation.slas.get(key.rsplit_once('.')?.0)?;
            (sla.app, sla.ladder.iter().map(|step| step.actions.as_slice()).collect())
        }
    };
    let asks_so = |action: &&ActionModel| match &action.kind {
        ActionKind::Plugin { plugin, asks, .. } => {
            *plugin == call.plugin && asks.name() == call.export && Some(point(asks)) == call.point()
        }
        _ => false,
    };
    let all = lists.into_iter().flatten().flat_map(ActionModel::with_later).filter(asks_so);
    let all: Vec<&ActionModel> = all.collect();
    let place = call.why.place.as_deref();
    let there = all.iter().find(|action| Some(action.pointer.as_str()) == place);
    let only = all.first().filter(|_| all.len() == 1);
    there.or(only).map(|action| (app, *action))
}

/// The root `result`: what was declared, of the declared types.
fn results(work: &Work, returns: &[(String, Type)], fields: &[Field]) -> Result<Vec<Value>, Error> {
    let read = |(name, ty): &(String, Type)| {
        let Some(field) = fields.iter().find(|field| field.name == *name) else { return Ok(Value::Null) };
        typed(work, ty, &field.value).ok_or_else(|| {
            Error::BadRequest(Issue::new("plugin.result_type").with("name", name).with("type", ty))
        })
    };
    returns.iter().map(read).collect()
}

fn typed(work: &Work, ty: &Type, value: &Wire) -> Option<Value> {
    match (ty, value) {
        // Nested things are texts to expressions.
        (Type::Text, Wire::Json(text)) => Some(Value::text(text.as_str())),
        (ty, value) => values::from_stored(ty, &entry::wire_json(value).ok()?, &work.values()),
    }
}
