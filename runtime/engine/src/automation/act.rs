//! Carrying out actions, in order. After each one that may have changed the record it is read again, so that the next
//! one sees what has become of it.

use mortise_definition::model::{ActionKind, ActionModel, system};
use mortise_expr::Value;
use mortise_store::Session;

use super::{Subject, actions, look_up, rules};
use crate::assign;
use crate::commands::Work;
use crate::error::Error;
use crate::notify;
use crate::plugins;
use crate::values::Issue;

/// Carries out actions of an app (by its position) on a record. `work` has to carry the cause. Fails as a whole with
/// the first action that fails; the caller undoes what the ones before did.
pub(crate) fn all(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    subject: &mut Subject,
    actions: &[ActionModel],
) -> Result<(), Error> {
    for action in actions {
        one(work, session, app, subject, action)
            .map_err(|error| Error::Within { place: action.pointer.clone(), error: Box::new(error) })?;
    }
    Ok(())
}

fn one(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    subject: &mut Subject,
    action: &ActionModel,
) -> Result<(), Error> {
    if let Some(when) = &action.when
        && !subject.test(work, app, when)?
    {
        return Ok(());
    }
    match &action.kind {
        ActionKind::Set { values } => {
            let values = actions::values(work, subject, app, values)?;
            actions::set(work, session, subject, values)
        }
        ActionKind::Add { slot, value, remove } => {
            actions::add(work, session, subject, *slot, value, *remove)
        }
        ActionKind::Create { entity, values, owner } => {
            let mut values = actions::values(work, subject, app, values)?;
            if let Some(owner) = owner {
                let owner = notify::recipient(work, subject, owner)?;
                values.push((system::OWNER, owner.map_or(Value::Null, Value::Id)));
            }
            actions::create(work, session, subject, *entity, values)
        }
        ActionKind::UpdateRelated { entity, via, condition, values } => {
            let values = actions::values(work, subject, app, values)?;
            let related = actions::Related { entity: *entity, via: *via, condition: condition.as_ref(), app };
            actions::update_related(work, session, subject, &related, &values)
        }
        ActionKind::UpdateReferenced { entity, via, condition, values } => {
            let values = actions::values(work, subject, app, values)?;
            let related = actions::Related { entity: *entity, via: *via, condition: condition.as_ref(), app };
            actions::update_referenced(work, session, subject, &related, values)
        }
        ActionKind::Transition { transition } => actions::transition(work, session, subject, transition),
        ActionKind::Decide { decision, values } => actions::decide(work, session, subject, decision, values),
        ActionKind::LookUp { entity, value, first, last, values } => {
            let value = subject.eval(work, app, value)?;
            let range = look_up::Table { entity: *entity, first: *first, last: *last };
            look_up::look_up(work, session, subject, &range, &value, values)
        }
        ActionKind::Freeze { person, duration, reason } => {
            actions::freeze(work, session, subject, app, (person, duration.as_ref(), reason))
        }
        ActionKind::Unfreeze { person } => actions::unfreeze(work, session, subject, app, person.as_ref()),
        ActionKind::Run { rule } => run(work, session, subject, rule),
        ActionKind::Assign { policy } => {
            let policy = assign::find(work, policy)?;
            assign::assign(work, session, &policy, subject).map(drop)
        }
        ActionKind::Notify { notification, to } => {
            notify::tell(work, session, &*notify::find(work, notification)?, to, subject)
        }
        ActionKind::Report { name, template } => {
            notify::report(work, session, app, subject, (name, template))
        }
        ActionKind::Comment { text } => notify::comment(work, session, app, subject, text),
        ActionKind::Webhook { connector, body } => notify::call(work, session, app, subject, connector, body),
        ActionKind::Plugin { .. } => plugins::ask(work, session, app, subject, action),
        ActionKind::Signal { .. } => plugins::signal(work, session, app, subject, action),
    }
}

/// Runs another rule on the record, its condition included.
fn run(work: &Work, session: &mut Session<'_>, subject: &mut Subject, key: &str) -> Result<(), Error> {
    let missing = || Error::BadRequest(Issue::new("automation.no_rule").with("rule", key));
    let rule = work.model().automation.rules.get(key).cloned().ok_or_else(missing)?;
    let cause = work.cause.as_ref().ok_or_else(missing)?;
    let work = work.because_as(cause.run(key), work.actor.user.clone());
    let own = std::mem::take(&mut subject.measures);
    if rules::holds(&work, session, &rule, subject)? {
        rules::run(&work, session, &rule, subject)?;
    }
    subject.measures = own;
    Ok(())
}
