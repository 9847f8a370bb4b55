//! Where a record stands in its course: the transitions that may be taken, its clocks, freezes of rights, and whether
//! somebody may claim it. What is shown here is asked of the engine; nothing is decided here.

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::{AssignmentModel, EntityModel};
use mortise_engine::{ClockState, Freeze, Record, StoredAssignment, StoredClock, TransitionOffer};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

use crate::Failure;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// From this share of the limit on a clock is amber.
const AMBER_FROM: f64 = 0.7;

/// The course of a record.
#[derive(Serialize, Default)]
pub(super) struct Course {
    transitions: Vec<Step>,
    clocks: Vec<Clock>,
    freezes: Vec<Frozen>,
    /// Policies by which the record can be claimed now: key and name.
    claims: Vec<(String, String)>,
    /// It is offered to the best few, and nobody has taken it yet.
    offer: Option<Offered>,
    /// It was decided by a policy whose record this is, so that there is something to explain.
    explained: bool,
}

#[derive(Serialize)]
struct Step {
    id: String,
    label: String,
    color: String,
    /// Asks for something first.
    asks: bool,
    /// Why it cannot be taken yet.
    refused: Option<String>,
}

/// A clock as people see it.
#[derive(Serialize)]
pub(in crate::pages) struct Clock {
    label: String,
    state: &'static str,
    state_name: String,
    color: &'static str,
    /// Share of the limit that has been used, in percent.
    used: u8,
    due_iso: Option<String>,
    due: Option<String>,
    due_exact: Option<String>,
    left: Option<String>,
    ended: Option<String>,
    limit: String,
}

#[derive(Serialize)]
struct Frozen {
    person: String,
    /// Whoever looks.
    own: bool,
    until: Option<String>,
    reason: String,
    by: String,
}

/// An offer that stands.
#[derive(Serialize)]
struct Offered {
    /// Key of the policy, for whoever may take the record.
    policy: Option<String>,
    people: Vec<String>,
    until: String,
}

/// What was read of it.
pub(super) struct Read {
    transitions: Vec<TransitionOffer>,
    clocks: Vec<(StoredClock, i64)>,
    freezes: Vec<Freeze>,
    decisions: Vec<StoredAssignment>,
}

/// Asks the engine, and only what can have an answer: most kinds of records have neither clocks nor policies.
pub(super) async fn read(visit: &Visit, entity: &EntityModel, record: &Record) -> Result<Read, Failure> {
    let engine = &visit.tenant.engine;
    let model = engine.model();
    let (id, actor) = (record.id(), visit.actor());
    let clocks = match model.automation.slas.values().any(|sla| sla.entity == entity.index) {
        true => engine.clocks(actor, &entity.key, id).await?,
        false => Vec::new(),
    };
    let counted = |clock: StoredClock| {
        let counted = engine.counted(&clock);
        (clock, counted)
    };
    Ok(Read {
        transitions: match record.deleted() {
            true => Vec::new(),
            false => engine.transitions(actor, &entity.key, record).await?,
        },
        clocks: newest(clocks).into_iter().map(counted).collect(),
        freezes: engine.freezes(actor, &entity.key, id).await?,
        decisions: match policies(&model, entity).next() {
            Some(_) => engine.assignments(actor, &entity.key, id).await?,
            None => Vec::new(),
        },
    })
}

/// The newest clock of each policy.
fn newest(clocks: Vec<StoredClock>) -> Vec<StoredClock> {
    let mut shown: Vec<StoredClock> = Vec::new();
    for clock in clocks {
        if !shown.iter().any(|other| other.sla == clock.sla) {
            shown.push(clock);
        }
    }
    shown
}

/// Assignment policies of a kind of record.
pub(in crate::pages) fn policies<'a>(
    model: &'a mortise_definition::model::Model,
    entity: &EntityModel,
) -> impl Iterator<Item = &'a Arc<AssignmentModel>> {
    let index = entity.index;
    model.automation.assignments.values().filter(move |policy| policy.entity == index)
}

/// Policies by which the person may claim records of a kind.
pub(in crate::pages) fn claims(visit: &Visit, entity: &EntityModel) -> Vec<Arc<AssignmentModel>> {
    let engine = &visit.tenant.engine;
    let may = |policy: &&Arc<AssignmentModel>| engine.may_claim(visit.actor(), &policy.key);
    policies(&engine.model(), entity).filter(may).cloned().collect()
}

/// What was read, in words.
pub(super) fn tell(visit: &Visit, show: &Show, entity: &EntityModel, record: &Record, read: Read) -> Course {
    let language = visit.language;
    let step = |offer: TransitionOffer| Step {
        label: offer.label.get(language).to_owned(),
        color: offer.color.unwrap_or_default(),
        asks: !offer.requires.is_empty(),
        refused: (!offer.ready && offer.requires.is_empty()).then(|| match &offer.message {
            Some(message) => message.get(language).to_owned(),
            None => visit.t("transition.not_ready", &[]),
        }),
        id: offer.id,
    };
    let free = |policy: &Arc<AssignmentModel>| record.values[policy.field].is_null() && !record.deleted();
    let offer = read.decisions.first().filter(|one| one.is_open_offer(show.now));
    let offer = offer.and_then(|one| {
        let policy = show.model.automation.assignments.get(&one.policy)?;
        Some(offered(visit, show, one)).filter(|_| free(policy))
    });
    let open = claims(visit, entity).into_iter().filter(|policy| free(policy) && offer.is_none());
    Course {
        transitions: read.transitions.into_iter().map(step).collect(),
        clocks: read.clocks.iter().map(|(one, counted)| clock(visit, show, one, *counted)).collect(),
        freezes: read.freezes.iter().map(|freeze| frozen(visit, show, freeze)).collect(),
        claims: open.map(|policy| (policy.key.clone(), policy.label.get(language).to_owned())).collect(),
        offer,
        explained: !read.decisions.is_empty(),
    }
}

fn offered(visit: &Visit, show: &Show, stored: &StoredAssignment) -> Offered {
    let choice = stored.choice.as_ref();
    let people = choice.map_or(&[][..], |choice| &choice.offered);
    let until = choice.and_then(|choice| choice.until).unwrap_or(stored.at);
    Offered {
        policy: people.contains(&visit.user().id).then(|| stored.policy.clone()),
        people: people.iter().map(|person| person_name(show, *person)).collect(),
        until: until.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M").to_string(),
    }
}

/// Name of a person, active or not; the id of somebody who is gone.
pub(super) fn person_name(show: &Show, id: Uuid) -> String {
    show.directory.user(id).map_or_else(|| id.to_string(), |user| user.name.clone())
}

fn frozen(visit: &Visit, show: &Show, freeze: &Freeze) -> Frozen {
    let local = |at: DateTime<Utc>| at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M").to_string();
    Frozen {
        person: person_name(show, freeze.person),
        own: freeze.person == visit.user().id,
        until: freeze.until.map(local),
        reason: freeze.reason.get(visit.language).to_owned(),
        by: origin(show, &freeze.rule),
    }
}

/// The name of a rule or of a step of a clock, by its key; the key itself when it is gone.
pub(in crate::pages) fn origin(show: &Show, key: &str) -> String {
    let automation = &show.model.automation;
    let language = show.by.language;
    if let Some(rule) = automation.rules.get(key) {
        return rule.label.get(language).to_owned();
    }
    if let Some(sla) = automation.slas.get(key) {
        return sla.label.get(language).to_owned();
    }
    if let Some(policy) = automation.assignments.get(key) {
        return policy.label.get(language).to_owned();
    }
    let step = key.rsplit_once('.').and_then(|(sla, step)| {
        let sla = automation.slas.get(sla)?;
        let step = sla.ladder.iter().find(|known| known.id == step)?;
        Some(format!("{} · {}", sla.label.get(language), step.label.get(language)))
    });
    step.unwrap_or_else(|| key.to_owned())
}

/// A clock in words.
pub(in crate::pages) fn clock(visit: &Visit, show: &Show, clock: &StoredClock, counted: i64) -> Clock {
    let sla = show.model.automation.slas.get(&clock.sla);
    let used = share(counted, clock.limit);
    let over = clock.breached || clock.due_at.is_some_and(|due| due <= show.now);
    let color = match clock.state {
        ClockState::Met => "green",
        ClockState::Late => "red",
        ClockState::Cancelled => "gray",
        ClockState::Running | ClockState::Paused if over => "red",
        ClockState::Paused => "gray",
        ClockState::Running if used >= AMBER_FROM => "orange",
        ClockState::Running => "green",
    };
    let due = clock.due_at.filter(|_| clock.state == ClockState::Running);
    let local = |at: DateTime<Utc>| at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M").to_string();
    Clock {
        label: sla.map_or(clock.sla.as_str(), |sla| sla.label.get(visit.language)).to_owned(),
        state: clock.state.name(),
        state_name: visit.t(&format!("clock.state.{}", clock.state.name()), &[]),
        color,
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is 0 to 1")]
        used: (used * 100.0).round() as u8,
        due_iso: due.map(|due| due.to_rfc3339()),
        due: due.map(local),
        due_exact: due.map(|due| due.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M:%S").to_string()),
        left: due.map(|due| left(visit, due - show.now)),
        ended: clock.ended_at.map(|at| show.ago(at)),
        limit: length(visit, TimeDelta::microseconds(clock.limit)),
    }
}

/// The used share of a limit, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
fn share(counted: i64, limit: i64) -> f64 {
    if limit <= 0 { 1.0 } else { (counted as f64 / limit as f64).clamp(0.0, 1.0) }
}

/// How long until a limit, or how long ago it passed.
fn left(visit: &Visit, left: TimeDelta) -> String {
    let (key, span) =
        if left < TimeDelta::zero() { ("js.clock_over", -left) } else { ("js.clock_left", left) };
    visit.t(key, &[("time", &length(visit, span))])
}

/// A length of time by its two largest units, as people say it.
pub(in crate::pages) fn length(visit: &Visit, span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    let units = [("days", seconds / 86_400), ("hours", seconds / 3_600 % 24), ("minutes", seconds / 60 % 60)];
    let named =
        |(unit, count): &(&str, i64)| visit.t(&format!("value.{unit}"), &[("count", &count.to_string())]);
    let Some(first) = units.iter().position(|(_, count)| *count > 0) else {
        return visit.t("value.seconds", &[("count", &seconds.to_string())]);
    };
    let parts: Vec<String> =
        units[first..].iter().take(2).filter(|(_, count)| *count > 0).map(named).collect();
    parts.join(&visit.t("value.duration_separator", &[]))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_clock_never_has_used_less_than_nothing_or_more_than_all() {
        assert_eq!([share(-1, 10), share(5, 10), share(20, 10), share(0, 0)], [0.0, 0.5, 1.0, 1.0]);
    }
}
