//! What the checks say about an installed app: findings with place, reason and what to do, those that its authors accept with
//! their note, and every way in which people could get around a clock or a schedule by hand.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::{EntityModel, Model, TriggerModel};
use mortise_definition::{Bypass, Means, bypasses, rule_bypasses};
use serde::Serialize;

use super::administrator;
use super::install::{Found, found};
use crate::Failure;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Page {
    app: App,
}

#[derive(Serialize)]
struct App {
    id: String,
    label: String,
    findings: Vec<Found>,
    accepted: Vec<Accepted>,
    guarded: Vec<Guarded>,
}

#[derive(Serialize)]
struct Accepted {
    finding: Found,
    note: String,
}

/// A clock or a rule, and the ways around it.
#[derive(Serialize)]
struct Guarded {
    label: String,
    ways: Vec<Way>,
}

#[derive(Serialize)]
struct Way {
    condition: String,
    role: String,
    means: String,
}

/// `GET /admin/apps/{app}/findings`.
pub(in crate::pages) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    let engine = &visit.tenant.engine;
    let model = engine.model();
    let index = model.apps.iter().position(|app| app.id == id);
    let index = index.ok_or_else(|| Failure::not_found("app.not_found").with("app", &id))?;
    let findings = engine.findings(visit.actor(), &id).await?;
    let accepted = findings.accepted.iter().flat_map(|one| {
        let note = one.note.get(visit.language).to_owned();
        found(&visit, std::slice::from_ref(&one.problem))
            .into_iter()
            .map(move |finding| Accepted { finding, note: note.clone() })
    });
    let app = App {
        id: id.clone(),
        label: model.apps[index].label.get(visit.language).to_owned(),
        findings: found(&visit, &findings.warnings),
        accepted: accepted.collect(),
        guarded: guarded(&visit, &model, index),
    };
    visit.page("admin/findings.html", &visit.t("findings.title", &[]), Page { app })
}

/// The clocks and schedules of an app with the ways around them.
fn guarded(visit: &Visit, model: &Model, app: usize) -> Vec<Guarded> {
    let way = |entity: usize| {
        let entity = &model.entities[entity];
        move |one: &Bypass| way(visit, model, entity, one)
    };
    let clocks = model.automation.slas.values().filter(|sla| sla.app == app).map(|sla| Guarded {
        label: sla.label.get(visit.language).to_owned(),
        ways: bypasses(model, sla).iter().map(way(sla.entity)).collect(),
    });
    let scheduled = |trigger: &TriggerModel| matches!(trigger, TriggerModel::Schedule { .. });
    let rules = model.automation.rules.values().filter(|rule| rule.app == app);
    let rules = rules.filter(|rule| rule.triggers.iter().any(scheduled)).map(|rule| Guarded {
        label: rule.label.get(visit.language).to_owned(),
        ways: rule_bypasses(model, rule).iter().map(way(rule.entity)).collect(),
    });
    clocks.chain(rules).collect()
}

fn way(visit: &Visit, model: &Model, entity: &EntityModel, one: &Bypass) -> Way {
    let role = model.roles.get(&one.role);
    let means = match &one.means {
        Means::Field { slot, forms, import } => {
            let field = &entity.fields[*slot];
            let named = forms.iter().filter_map(|key| model.forms.get(key));
            let mut doors: Vec<String> =
                named.map(|form| form.label.get(visit.language).to_owned()).collect();
            doors.push(visit.t("findings.api", &[]));
            if *import {
                doors.push(visit.t("findings.import", &[]));
            }
            let doors = doors.join(&visit.t("value.list_separator", &[]));
            visit.t("findings.field", &[("field", field.label.get(visit.language)), ("doors", &doors)])
        }
        Means::Transition { id } => {
            let lifecycle =
                model.automation.by_entity.get(entity.index).and_then(|one| one.lifecycle.as_ref());
            let label = lifecycle.and_then(|lifecycle| lifecycle.transition(id));
            let label = label.map_or(id.as_str(), |transition| transition.label.get(visit.language));
            visit.t("findings.transition", &[("transition", label)])
        }
        Means::Delete => visit.t("findings.delete", &[]),
    };
    Way {
        condition: visit.t(&format!("findings.condition.{}", one.condition), &[]),
        role: role.map_or(one.role.as_str(), |role| role.label.get(visit.language)).to_owned(),
        means,
    }
}
