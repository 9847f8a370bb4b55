//! Why somebody has a record: each decision of an assignment policy with the candidates, what spoke for them, who was
//! out and why, and the fallbacks that were taken. Shown as it was decided then, not as it would be today.

use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::model::AssignmentModel;
use mortise_engine::{Advice, Choice, Considered, Excluded, Score, StoredAssignment};
use serde::Serialize;
use uuid::Uuid;

use super::course::{length, person_name};
use crate::Failure;
use crate::pages::list::{entity_of, title_of};
use crate::pages::shell::entity_path;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Characters of a policy's digest that name its version to people.
const VERSION_CHARS: usize = 8;

#[derive(Serialize)]
struct Page {
    record: About,
    decisions: Vec<Decision>,
}

#[derive(Serialize)]
struct About {
    title: String,
    plural: String,
    list_url: String,
    url: String,
}

#[derive(Serialize)]
struct Decision {
    policy: String,
    version: String,
    /// The policy is another one by now.
    changed: bool,
    claimed: bool,
    /// Who was asked, where the record was offered.
    offered: Vec<String>,
    until: Option<String>,
    /// How long it took until somebody answered the offer.
    answered: Option<String>,
    person: Option<String>,
    when: String,
    exact: String,
    iso: String,
    terms: Vec<String>,
    candidates: Vec<Candidate>,
    more: usize,
    excluded: Vec<Out>,
    /// What a plugin had to say.
    advice: Option<String>,
    fallbacks: Vec<String>,
    tied: usize,
}

#[derive(Serialize)]
struct Candidate {
    name: String,
    chosen: bool,
    total: String,
    open: i64,
    today: i64,
    values: Vec<Term>,
}

#[derive(Serialize)]
struct Term {
    score: String,
    weight: String,
    missing: bool,
}

/// People who were out for the same reason.
#[derive(Serialize)]
struct Out {
    reason: String,
    people: Vec<String>,
}

/// `GET /a/{app}/{entity}/{id}/assignments`.
pub(in crate::pages) async fn show(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let engine = &visit.tenant.engine;
    let record = engine.read(visit.actor(), &entity.key, id).await?;
    let stored = engine.assignments(visit.actor(), &entity.key, id).await?;
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let list_url = visit.base.path(&entity_path(&model, &entity));
    let about = About {
        title: title_of(&show, &entity, &record),
        plural: entity.plural.get(visit.language).to_owned(),
        url: format!("{list_url}/{id}"),
        list_url,
    };
    let decisions = stored.into_iter().map(|one| decision(&visit, &show, one)).collect();
    let page = Page { record: about, decisions };
    visit.page("assignments.html", &visit.t("assignment.title", &[]), page)
}

fn decision(visit: &Visit, show: &Show, stored: StoredAssignment) -> Decision {
    let policy = show.model.automation.assignments.get(&stored.policy).map(|policy| &**policy);
    let choice = stored.choice.unwrap_or_else(|| Choice { person: stored.person, ..Choice::default() });
    let local = |at: DateTime<Utc>| at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M").to_string();
    let language = visit.language;
    let term = |id: &String| {
        let known = policy.and_then(|policy| policy.terms.iter().find(|term| term.id == *id));
        known.map_or(id.as_str(), |term| term.label.get(language)).to_owned()
    };
    let fallback = |id: &String| {
        let known = policy.and_then(|policy| policy.fallbacks.iter().find(|one| one.id == *id));
        known.map_or(id.as_str(), |one| one.label.get(language)).to_owned()
    };
    let first = choice.considered.first();
    let chosen: Vec<Uuid> = stored.person.map_or_else(|| choice.offered.clone(), |person| vec![person]);
    Decision {
        policy: policy.map_or(stored.policy.as_str(), |policy| policy.label.get(language)).to_owned(),
        version: stored.digest.chars().take(VERSION_CHARS).collect(),
        changed: policy.is_none_or(|policy| policy.digest != stored.digest),
        claimed: stored.kind == "claim",
        offered: choice.offered.iter().map(|person| person_name(show, *person)).collect(),
        until: choice.until.map(local),
        answered: choice.answered_ms.map(|waited| length(visit, TimeDelta::milliseconds(waited))),
        person: stored.person.map(|id| person_name(show, id)),
        when: show.ago(stored.at),
        exact: stored.at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M:%S").to_string(),
        iso: stored.at.to_rfc3339(),
        terms: first
            .map(|first| first.terms.iter().map(|score| term(&score.term)).collect())
            .unwrap_or_default(),
        candidates: choice.considered.iter().map(|one| candidate(one, &chosen)).collect(),
        more: choice.more,
        excluded: excluded(visit, show, policy, &choice.excluded),
        fallbacks: choice.fallbacks.iter().map(fallback).collect(),
        advice: choice.advice.as_ref().map(|advice| advised(visit, show, advice)),
        // Several are asked at once: nobody had to be preferred.
        tied: if stored.kind == "offer" { 0 } else { choice.tied },
    }
}

/// What a plugin had to say.
fn advised(visit: &Visit, show: &Show, advice: &Advice) -> String {
    let plugin = ("plugin", advice.title.as_str());
    match (advice.person, &advice.failure) {
        (Some(person), _) => visit.t("assignment.advised", &[plugin, ("person", &person_name(show, person))]),
        (None, Some(code)) => {
            let reason = mortise_definition::locale::translate(visit.language, &format!("error.{code}"), &[]);
            visit.t("assignment.advice_failed", &[plugin, ("reason", &reason)])
        }
        (None, None) => visit.t("assignment.advice_none", &[plugin]),
    }
}

fn candidate(one: &Considered, chosen: &[Uuid]) -> Candidate {
    let term = |score: &Score| Term {
        score: figure(score.score),
        weight: figure(score.weight),
        missing: score.missing,
    };
    Candidate {
        name: one.name.clone(),
        chosen: chosen.contains(&one.person),
        total: figure(one.total),
        open: one.open,
        today: one.today,
        values: one.terms.iter().map(term).collect(),
    }
}

/// A weight or score with as many digits as say something.
fn figure(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn excluded(visit: &Visit, show: &Show, policy: Option<&AssignmentModel>, all: &[Excluded]) -> Vec<Out> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for one in all {
        let name = person_name(show, one.person);
        match groups.iter_mut().find(|(reason, _)| *reason == one.reason) {
            Some((_, people)) => people.push(name),
            None => groups.push((&one.reason, vec![name])),
        }
    }
    let reason = |code: &str| match code.split_once(':') {
        Some(("filter", id)) => {
            let known = policy.and_then(|policy| policy.filters.iter().find(|filter| filter.id == id));
            let name = known.map_or(id, |filter| filter.label.get(visit.language));
            visit.t("assignment.out_filter", &[("filter", name)])
        }
        Some(("capacity", "per_day")) => visit.t("assignment.out_per_day", &[]),
        Some(("capacity", "open")) => visit.t("assignment.out_open", &[]),
        _ if code == "holder" => visit.t("assignment.out_holder", &[]),
        _ if code == "frozen" => visit.t("assignment.out_frozen", &[]),
        _ => code.to_owned(),
    };
    groups.into_iter().map(|(code, people)| Out { reason: reason(code), people }).collect()
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_have_no_idle_digits() {
        assert_eq!(
            [figure(1.0), figure(0.25), figure(0.3333333), figure(-0.5)],
            ["1", "0.25", "0.333", "-0.5"]
        );
    }
}
