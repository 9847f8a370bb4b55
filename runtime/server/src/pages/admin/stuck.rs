//! Where people get stuck: for each form how often it is opened, saved and left behind, what takes long, and what it complains
//! about most; and the switch by which a tenant's forms are watched or not. Figures of many visits only, never of one person.

use axum::extract::Form;
use axum::response::Response;
use mortise_definition::locale;
use mortise_definition::model::{EntityModel, Model};
use mortise_engine::{FormUse, ROLE_PEOPLE_MIN};
use serde::Serialize;

use super::{administrator, value};
use crate::Failure;
use crate::api::interactions::{DAYS, uses};
use crate::pages::flash::Toast;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Spans of time that are offered, in days.
const SPANS: [i64; 3] = [7, 30, 90];
/// With fewer visits than this a share says little, and is shown as such.
const FEW: i64 = 10;
/// From this share of forms left behind on, it is pointed out.
const OFTEN_PERCENT: i64 = 30;

#[derive(Serialize)]
struct Page {
    stuck: Stuck,
}

#[derive(Serialize)]
struct Stuck {
    on: bool,
    path: String,
    spans: Vec<Choice>,
    days: i64,
    roles: Vec<Choice>,
    role: Option<String>,
    people_min: usize,
    /// Where not all of the time could be looked at: from when on it was.
    only_since: Option<String>,
    forms: Vec<Row>,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    label: String,
    href: String,
    active: bool,
}

#[derive(Serialize)]
struct Row {
    entity: String,
    form: Option<String>,
    icon: String,
    opened: i64,
    saved: i64,
    abandoned: i64,
    percent: i64,
    often: bool,
    few: bool,
    refused: i64,
    median: Option<String>,
    slowest: Vec<(String, String)>,
    errors: Vec<Met>,
}

#[derive(Serialize)]
struct Met {
    field: Option<String>,
    text: String,
    code: String,
    count: i64,
}

/// `GET /admin/stuck?days=&role=`.
pub(in crate::pages) async fn show(visit: Visit) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    let days = visit.look.param("days").and_then(|text| text.parse().ok());
    let days = days.filter(|days| SPANS.contains(days)).unwrap_or(DAYS);
    let model = visit.tenant.engine.model();
    let asked = visit.look.param("role").filter(|key| model.roles.contains_key(*key));
    let role = asked.filter(|key| visit.tenant.engine.is_large_role(key)).map(str::to_owned);
    let uses = uses(&by, days, role.clone()).await?;
    let path = visit.base.path("/admin/stuck");
    let address = |days: i64, role: Option<&str>| {
        let pairs = [Some(("days", days.to_string())), role.map(|role| ("role", role.to_owned()))];
        let pairs: Vec<_> = pairs.into_iter().flatten().collect();
        format!("{path}?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
    };
    let span = |span: i64| Choice {
        value: span.to_string(),
        label: visit.t("stuck.days", &[("count", &span.to_string())]),
        href: address(span, role.as_deref()),
        active: span == days,
    };
    let stuck = Stuck {
        on: visit.tenant.engine.watches_forms(),
        spans: SPANS.into_iter().map(span).collect(),
        days,
        roles: roles(&visit, &model, role.as_deref()),
        people_min: ROLE_PEOPLE_MIN,
        only_since: uses.only_since.map(|at| {
            let directory = visit.tenant.engine.directory();
            Show::new(&visit.by, &model, &directory).ago(at)
        }),
        forms: uses.forms.iter().filter_map(|form| row(&visit, &model, form)).collect(),
        role,
        path,
    };
    visit.page("admin/stuck.html", &visit.t("stuck.title", &[]), Page { stuck })
}

/// Roles that can be looked at alone.
fn roles(visit: &Visit, model: &Model, chosen: Option<&str>) -> Vec<Choice> {
    let large = model.roles.iter().filter(|(key, _)| visit.tenant.engine.is_large_role(key));
    let role = |(key, role): (&String, &std::sync::Arc<mortise_definition::model::RoleModel>)| Choice {
        value: key.clone(),
        label: role.label.get(visit.language).to_owned(),
        href: String::new(),
        active: chosen == Some(key),
    };
    large.map(role).collect()
}

/// A form that is still there; one of a removed app has no words.
fn row(visit: &Visit, model: &Model, form: &FormUse) -> Option<Row> {
    let entity = model.entity(&form.entity)?;
    let percent = form.abandoned * 100 / form.opened.max(1);
    let label = model.forms.get(&form.form).map(|form| form.label.get(visit.language).to_owned());
    let slowest = form
        .slowest
        .iter()
        .filter_map(|slow| Some((label_of(visit, entity, &slow.field)?, length(visit, slow.median_ms))));
    Some(Row {
        entity: entity.label.get(visit.language).to_owned(),
        form: label,
        icon: entity.icon.clone(),
        opened: form.opened,
        saved: form.saved,
        abandoned: form.abandoned,
        percent,
        often: percent >= OFTEN_PERCENT && form.opened >= FEW,
        few: form.opened < FEW,
        refused: form.refused,
        median: form.median_ms.map(|millis| length(visit, millis)),
        slowest: slowest.collect(),
        errors: form
            .errors
            .iter()
            .map(|error| Met {
                field: error.field.as_deref().and_then(|name| label_of(visit, entity, name)),
                text: told(visit.language, &error.code),
                code: error.code.clone(),
                count: error.visits,
            })
            .collect(),
    })
}

fn label_of(visit: &Visit, entity: &EntityModel, field: &str) -> Option<String> {
    Some(entity.field(field)?.label.get(visit.language).to_owned())
}

/// The words of an error without what it was about, which nobody has kept.
fn told(language: &str, code: &str) -> String {
    let mut words = locale::translate(language, &format!("error.{code}"), &[]);
    while let Some((start, end)) =
        words.find('{').and_then(|start| Some((start, start + words[start..].find('}')?)))
    {
        words.replace_range(start..=end, "…");
    }
    words
}

/// A length of time as one would say it.
fn length(visit: &Visit, millis: i64) -> String {
    let tenths = (millis + 50) / 100;
    let seconds = (millis + 500) / 1_000;
    match seconds {
        0..10 => visit.t("stuck.seconds", &[("count", &format!("{}.{}", tenths / 10, tenths % 10))]),
        10..60 => visit.t("stuck.seconds", &[("count", &seconds.to_string())]),
        _ => {
            let (minutes, rest) = (seconds / 60, seconds % 60);
            visit.t("stuck.minutes", &[("minutes", &minutes.to_string()), ("seconds", &rest.to_string())])
        }
    }
}

/// `POST /admin/stuck/switch`: forms are watched from now on, or not any more.
pub(in crate::pages) async fn switch(
    visit: Visit,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    let on = value(&form, "on") == "true";
    visit.tenant.engine.watch_forms(by.actor(), on).await?;
    let words = if on { "stuck.switched_on" } else { "stuck.switched_off" };
    Ok(visit.go_with("/admin/stuck", &Toast::good(visit.t(words, &[]))))
}

/// `POST /admin/stuck/delete`: everything that was recorded.
pub(in crate::pages) async fn delete(visit: Visit) -> Result<Response, Failure> {
    let by = administrator(&visit)?;
    visit.tenant.engine.delete_interactions(by.actor()).await?;
    Ok(visit.go_with("/admin/stuck", &Toast::good(visit.t("stuck.deleted", &[]))))
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn an_error_is_told_without_what_was_typed() {
        assert_eq!(told("en", "value.too_long"), "The text has … characters; at most … fit.");
        assert_eq!(told("en", "field.required"), "Please fill in this field.");
    }
}
