//! From a figure to the records behind it: the address of the list with the metric's filter, its span of time, its group,
//! and what was chosen above the cards. None where the list could not show just those.

use chrono::{Days, Months, NaiveDate};
use mortise_definition::model::{CardModel, EntityModel, FieldKind, MeasureModel, MetricModel, Slot};
use mortise_definition::source::Grain;
use mortise_engine::values;
use mortise_expr::{Expression, Value};

use crate::api::cards::CardFigures;
use crate::pages::shell::entity_path;
use crate::pages::visit::Visit;

/// Whose records a figure is about: its groups, and its step of time.
#[derive(Default, Clone, Copy)]
pub(super) struct Spot<'a> {
    /// A dimension with its value.
    pub(super) groups: [Option<(Slot, &'a Value)>; 2],
    /// The first day of a step.
    pub(super) step: Option<NaiveDate>,
}

/// The address of the records behind a figure.
pub(super) fn records(
    visit: &Visit,
    card: &CardModel,
    figures: &CardFigures,
    spot: Spot<'_>,
) -> Option<String> {
    let model = visit.tenant.engine.model();
    let own = &model.entities[figures.metric.entity];
    // Of a ratio, the records that were counted: those above the line.
    let metric: &MetricModel = match &figures.metric.measure {
        MeasureModel::Ratio { of, .. } => model.automation.metrics.get(of)?,
        _ => &figures.metric,
    };
    let entity = &model.entities[metric.entity];
    model.views_of(entity).next()?;
    let filter = metric.filter.as_ref().map(Expression::source);
    // A list knows the settings of its own app only.
    if metric.app != entity.app && filter.is_some_and(|filter| filter.contains("settings.")) {
        return None;
    }
    let mut params = vec![("view".to_owned(), "-".to_owned())];
    params.extend(filter.map(|filter| ("filter".to_owned(), filter.to_owned())));
    let time = &entity.fields[metric.time].name;
    match (spot.step, figures.window) {
        (Some(day), _) => {
            params.push((format!("where.{time}.gte"), day.to_string()));
            params.push((format!("where.{time}.lt"), after(day, card.per)?.to_string()));
        }
        (None, Some(window)) => {
            let since = visit.tenant.engine.window_start(window);
            params.push((format!("where.{time}.gte"), since.to_rfc3339()));
        }
        (None, None) => {}
    }
    let chosen = figures.narrowed.matching.iter().map(|(slot, value)| (*slot, value));
    for (slot, value) in spot.groups.into_iter().flatten().chain(chosen) {
        params.push(condition(own, entity, slot, value)?);
    }
    for (slot, node) in &figures.narrowed.under {
        params.push((format!("where.{}.under", same(own, entity, *slot)?), node.clone()));
    }
    let query = serde_urlencoded::to_string(&params).ok()?;
    Some(visit.base.path(&format!("{}?{query}", entity_path(&model, entity))))
}

/// The name of a field in the records that are listed; fields of the two parts of a ratio correspond by their names.
fn same<'a>(own: &'a EntityModel, entity: &EntityModel, slot: Slot) -> Option<&'a str> {
    let name = &own.fields[slot].name;
    entity.field(name).map(|_| &**name)
}

fn condition(own: &EntityModel, entity: &EntityModel, slot: Slot, value: &Value) -> Option<(String, String)> {
    let name = same(own, entity, slot)?;
    Some(match (value, &own.fields[slot].kind) {
        (Value::Null, _) => (format!("where.{name}.empty"), "true".to_owned()),
        // Groups of trees are their uppermost nodes.
        (value, FieldKind::Tree { .. }) => (format!("where.{name}.under"), wire(value)),
        (value, _) => (format!("where.{name}"), wire(value)),
    })
}

fn wire(value: &Value) -> String {
    match values::to_json(value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The first day of the next step.
fn after(day: NaiveDate, grain: Grain) -> Option<NaiveDate> {
    match grain {
        Grain::Day => day.succ_opt(),
        Grain::Week => day.checked_add_days(Days::new(7)),
        Grain::Month => day.checked_add_months(Months::new(1)),
    }
}
