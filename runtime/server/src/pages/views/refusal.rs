//! Why a card cannot be moved to where it was dropped: what the app demands, which of it is missing, and where to give it.

use mortise_definition::model::{ActionKind, ActionModel, RuleModel, Slot, TransitionModel, roots, system};
use mortise_engine::{Record, TransitionOffer};
use mortise_expr::{Expression, Value};
use serde::Serialize;
use std::sync::Arc;

use super::Scene;
use crate::Failure;
use crate::pages::list::field_label;
use crate::pages::show::Cell;

/// An explanation as its template needs it.
#[derive(Serialize)]
pub(super) struct Refusal {
    title: String,
    reasons: Vec<String>,
    /// What can be done instead.
    possible: Option<String>,
    /// What is looked at, with the values as they are.
    facts: Vec<Fact>,
    /// The record, and the form in which what is missing is given.
    record: String,
    form: Option<String>,
}

#[derive(Serialize)]
struct Fact {
    label: String,
    value: Cell,
    missing: bool,
}

impl Refusal {
    /// What could not be done.
    pub(super) fn title(&self) -> &str {
        &self.title
    }
}

/// No transition that the person may take leads there.
pub(super) fn no_way(scene: &Scene<'_>, record: &Record, to: &Value, offers: &[TransitionOffer]) -> Refusal {
    let language = scene.visit.language;
    let lifecycle = scene.show.model.automation.by_entity.get(scene.entity.index);
    let lifecycle = lifecycle.and_then(|automation| automation.lifecycle.as_ref());
    let field = lifecycle.map_or(scene.entity.title, |lifecycle| lifecycle.field);
    let words = |value: &Value| scene.show.words(&scene.entity.fields[field], value);
    let from = &record.values[field];
    let closed = lifecycle.and_then(|lifecycle| {
        let state = from.as_text().unwrap_or(&lifecycle.initial);
        let joins = |from: &[String], target: &str| {
            to.as_text() == Some(target) && from.iter().any(|from| from == state)
        };
        lifecycle.transitions.iter().find(|transition| joins(&transition.from, &transition.to))
    });
    let reasons = match closed {
        Some(transition) if transition.roles.as_ref().is_some_and(Vec::is_empty) => {
            return by_itself(scene, record, &words(to), transition);
        }
        Some(transition) => {
            vec![scene.t("refused.not_yours", &[("transition", transition.label.get(language))])]
        }
        None => vec![scene.t("refused.no_step", &[("from", &words(from)), ("to", &words(to))])],
    };
    let open: Vec<&str> = offers.iter().map(|offer| offer.label.get(language)).collect();
    let separator = scene.visit.t("value.list_separator", &[]);
    let possible =
        (!open.is_empty()).then(|| scene.t("refused.possible", &[("transitions", &open.join(&separator))]));
    Refusal {
        title: title(scene, record, &words(to)),
        reasons,
        possible,
        facts: Vec::new(),
        record: address(scene, record),
        form: None,
    }
}

/// Nobody takes the transition by hand: rules do, once their conditions hold.
fn by_itself(scene: &Scene<'_>, record: &Record, to: &str, transition: &TransitionModel) -> Refusal {
    let language = scene.visit.language;
    let takes = |rule: &&Arc<RuleModel>| {
        let taken = |action: &ActionModel| match &action.kind {
            ActionKind::Transition { transition: taken, .. } => *taken == transition.id,
            _ => false,
        };
        rule.actions.iter().any(taken)
    };
    let automation = scene.show.model.automation.by_entity.get(scene.entity.index);
    let rules: Vec<&Arc<RuleModel>> =
        automation.into_iter().flat_map(|automation| &automation.rules).filter(takes).collect();
    let conditions = rules.iter().filter_map(|rule| rule.condition.as_ref());
    let slots = looked_at(conditions.chain(transition.guard.as_ref()));
    let step = scene.t("refused.by_itself", &[("transition", transition.label.get(language))]);
    let empty = |slot: &Slot| record.values[*slot].is_null() && scene.entity.fields[*slot].writable();
    Refusal {
        title: title(scene, record, to),
        reasons: std::iter::once(step)
            .chain(rules.iter().map(|rule| rule.label.get(language).to_owned()))
            .collect(),
        possible: None,
        // Only what people give themselves is given in the form.
        form: form(scene, record).filter(|_| slots.iter().any(empty)),
        facts: facts(scene, record, &slots),
        record: address(scene, record),
    }
}

/// Fields of the record that conditions look at, each once.
fn looked_at<'e>(conditions: impl Iterator<Item = &'e Expression>) -> Vec<Slot> {
    let mut slots = Vec::new();
    for reference in conditions.flat_map(Expression::references) {
        if reference.root == roots::RECORD && !slots.contains(&reference.slot) {
            slots.push(reference.slot);
        }
    }
    slots
}

/// The guard of the transition does not hold: its words, and the fields that it looks at.
pub(super) fn not_ready(scene: &Scene<'_>, record: &Record, offer: &TransitionOffer) -> Refusal {
    let lifecycle = scene.show.model.automation.by_entity.get(scene.entity.index);
    let transition = lifecycle.and_then(|automation| automation.lifecycle.as_ref()?.transition(&offer.id));
    let guard = transition.and_then(|transition| transition.guard.as_ref());
    let slots = looked_at(guard.into_iter());
    let reason = match &offer.message {
        Some(message) => message.get(scene.visit.language).to_owned(),
        None => scene.visit.t("transition.not_ready", &[]),
    };
    let to = Value::text(offer.to.as_str());
    let state = transition.map_or(String::new(), |_| {
        let field = scene.view.layout.by.unwrap_or(scene.entity.title);
        scene.show.words(&scene.entity.fields[field], &to)
    });
    Refusal {
        title: title(scene, record, &state),
        reasons: vec![reason],
        possible: None,
        facts: facts(scene, record, &slots),
        record: address(scene, record),
        form: form(scene, record),
    }
}

/// What the engine said against it.
pub(super) fn of(scene: &Scene<'_>, record: &Record, failure: &Failure) -> Refusal {
    let language = scene.visit.language;
    let field = |name: &str| scene.entity.field(name.split('/').next().unwrap_or(name));
    let told = |issue: &crate::failure::Issue| match field(&issue.field) {
        Some(field) => {
            let label = field_label(scene.show, field);
            scene.visit.t("named", &[("name", &label), ("text", &issue.text(language))])
        }
        None => issue.text(language),
    };
    let mut reasons: Vec<String> = failure.issues().iter().map(told).collect();
    if reasons.is_empty() {
        reasons.push(failure.title(language));
        reasons.extend(Some(failure.hint(language)).filter(|hint| !hint.is_empty()));
    }
    let slots: Vec<Slot> =
        failure.issues().iter().filter_map(|issue| field(&issue.field)).map(|field| field.slot).collect();
    Refusal {
        title: scene.t("refused.change", &[("title", &name(scene, record))]),
        reasons,
        possible: None,
        facts: facts(scene, record, &slots),
        record: address(scene, record),
        form: form(scene, record),
    }
}

fn name(scene: &Scene<'_>, record: &Record) -> String {
    crate::pages::list::title_of(scene.show, scene.entity, record)
}

fn title(scene: &Scene<'_>, record: &Record, to: &str) -> String {
    scene.t("refused.title", &[("title", &name(scene, record)), ("to", to)])
}

/// Fields that the person may see, as they are.
fn facts(scene: &Scene<'_>, record: &Record, slots: &[Slot]) -> Vec<Fact> {
    let shown = slots.iter().filter(|slot| scene.visit.by.sees(scene.entity, **slot) && record.shows(**slot));
    let fact = |slot: &Slot| Fact {
        label: field_label(scene.show, &scene.entity.fields[*slot]),
        value: scene.show.cell(scene.entity, record, *slot),
        missing: record.values[*slot].is_null(),
    };
    shown.filter(|slot| **slot >= system::FIRST).map(fact).collect()
}

fn address(scene: &Scene<'_>, record: &Record) -> String {
    format!("{}/{}", scene.path, record.id())
}

/// The form of the record, where the person may change it.
fn form(scene: &Scene<'_>, record: &Record) -> Option<String> {
    let may = record.may(mortise_definition::source::Operation::Update);
    may.then(|| format!("{}/edit", address(scene, record)))
}
