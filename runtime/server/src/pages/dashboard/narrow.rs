//! What people choose above the cards: values of dimensions and a span of time. All of it stands in the address, so that
//! a dashboard can be shared as it is seen.

use mortise_definition::model::{DashboardModel, EntityModel, FieldKind, FieldModel, Shown, system};
use mortise_engine::{Record, values};
use serde::Serialize;

use super::words;
use crate::api::cards::{Narrowing, PREFIX};
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Values offered by a filter; whoever needs others looks at the list.
const OPTIONS_MAX: usize = 200;
/// Spans of time that are offered.
const SPANS: [&str; 8] = ["today", "week", "month", "quarter", "year", "7d", "30d", "90d"];

/// The choices above the cards.
#[derive(Serialize)]
pub(super) struct Choices {
    filters: Vec<Choice>,
    /// Nothing is chosen.
    clear: bool,
}

#[derive(Serialize)]
struct Choice {
    name: String,
    label: String,
    /// What choosing nothing means.
    all: String,
    options: Vec<Offered>,
}

#[derive(Serialize)]
struct Offered {
    value: String,
    label: String,
    selected: bool,
}

/// The choices of a dashboard; none where it has none for the person.
pub(super) async fn choices(
    visit: &Visit,
    dashboard: &DashboardModel,
    narrowing: &Narrowing,
) -> Option<Choices> {
    let model = visit.tenant.engine.model();
    let mut filters = Vec::new();
    for (name, label) in &dashboard.filters {
        let metrics = dashboard.cards.iter().filter_map(|card| match &card.shows {
            Shown::Metric(key) => model.automation.metrics.get(key),
            _ => None,
        });
        let dimension = metrics.into_iter().find_map(|metric| {
            let entity = &model.entities[metric.entity];
            let field = entity.field(name).filter(|field| metric.dimensions.contains(&field.slot))?;
            visit.by.sees(entity, field.slot).then_some((entity, field))
        });
        let Some((entity, field)) = dimension else { continue };
        let chosen = narrowing.by.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let offered = options(visit, field).await.into_iter().map(|(value, label)| Offered {
            selected: chosen == Some(value.as_str()),
            value,
            label,
        });
        filters.push(Choice {
            name: format!("{PREFIX}{name}"),
            label: match label {
                Some(label) => label.get(visit.language).to_owned(),
                None => words::dimension(visit, entity, field.slot),
            },
            all: visit.t("dashboard.everything", &[]),
            options: offered.collect(),
        });
    }
    if dashboard.spans {
        filters.push(spans(visit, narrowing));
    }
    (!filters.is_empty()).then(|| Choices { filters, clear: narrowing.is_empty() })
}

fn spans(visit: &Visit, narrowing: &Narrowing) -> Choice {
    let chosen = narrowing.span.as_ref().map(|(name, _)| name.as_str());
    let words = |name: &str| match name.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => visit.t("dashboard.window.days", &[("count", &days.to_string())]),
        None => visit.t(&format!("dashboard.window.{name}"), &[]),
    };
    // One that was shared may be another than those offered.
    let others = chosen.filter(|chosen| !SPANS.contains(chosen));
    let option =
        |name: &str| Offered { value: name.to_owned(), label: words(name), selected: chosen == Some(name) };
    Choice {
        name: "span".to_owned(),
        label: visit.t("dashboard.span", &[]),
        all: visit.t("dashboard.own_span", &[]),
        options: SPANS.into_iter().chain(others).map(option).collect(),
    }
}

/// Values of a dimension with their words.
async fn options(visit: &Visit, field: &FieldModel) -> Vec<(String, String)> {
    let engine = &visit.tenant.engine;
    let (model, directory) = (engine.model(), engine.directory());
    let mut options: Vec<(String, String)> = match &field.kind {
        FieldKind::Choice { choices } => {
            let living = choices.iter().filter(|choice| !choice.retired);
            living.map(|choice| (choice.value.clone(), choice.label.get(visit.language).to_owned())).collect()
        }
        FieldKind::Boolean => vec![
            ("true".to_owned(), visit.t("value.yes", &[])),
            ("false".to_owned(), visit.t("value.no", &[])),
        ],
        FieldKind::Tree { tree, .. } => {
            let nodes = model.trees.get(tree).into_iter().flat_map(|tree| &tree.by_path);
            let top = nodes.filter(|(_, node)| node.depth == 0);
            top.map(|(path, node)| (path.clone(), node.label.get(visit.language).to_owned())).collect()
        }
        FieldKind::Team => {
            directory.departments().map(|one| (one.id.to_string(), one.name.clone())).collect()
        }
        FieldKind::Reference { entity } => records(visit, &model.entities[*entity]).await,
        _ if matches!(field.kind, FieldKind::User) || is_person(field) => {
            let active = directory.users().filter(|user| user.active && user.id != visit.user().id);
            active.map(|user| (user.id.to_string(), user.name.clone())).collect()
        }
        _ => Vec::new(),
    };
    if matches!(field.kind, FieldKind::User | FieldKind::System | FieldKind::Team) {
        options.sort_by(|a, b| a.1.cmp(&b.1));
    }
    if matches!(field.kind, FieldKind::User) || is_person(field) {
        options.insert(0, ("me".to_owned(), visit.t("dashboard.me", &[])));
    }
    options.truncate(OPTIONS_MAX);
    options
}

fn is_person(field: &FieldModel) -> bool {
    matches!(field.slot, system::OWNER | system::CREATED_BY)
}

/// Titles of the records that a reference may name.
async fn records(visit: &Visit, target: &EntityModel) -> Vec<(String, String)> {
    let engine = &visit.tenant.engine;
    let (limit, title) = (OPTIONS_MAX.to_string(), target.fields[target.title].name.to_string());
    let params = [("limit", &*limit), ("sort", &*title), ("fields", &*title), ("total", "false")].into_iter();
    // Where they may not be read, there is nothing to choose from.
    let Ok(query) = engine.query(visit.actor(), &target.key, params) else { return Vec::new() };
    let rows = engine.list(visit.actor(), &query).await.map(|page| page.rows).unwrap_or_default();
    let (model, directory) = (engine.model(), engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let field = &target.fields[target.title];
    let words = |row: &Record| values::display(field, &row.values[field.slot], &show.values());
    rows.iter().map(|row| (row.id().to_string(), words(row))).collect()
}
