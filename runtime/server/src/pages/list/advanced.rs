//! The part of the filter drawer where rows are put together: what it offers, and what rows mean while somebody works on them.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::{EntityModel, FieldKind};
use serde::Serialize;
use serde_json::json;

use super::builder::{self, Fields, Group, Join, Kind, Offered, Wrong};
use super::entity_of;
use crate::Failure;
use crate::api::body::{self, Body};
use crate::pages::lookup;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// What the script of the rows says; each is `ui.builder.<key>` in the catalogue.
pub(super) const TEXTS: &[&str] = &[
    "join",
    "join_and",
    "join_or",
    "rows",
    "group",
    "add",
    "add_group",
    "remove",
    "remove_group",
    "field",
    "op",
    "value",
    "clear",
    "op_eq",
    "op_ne",
    "op_lt",
    "op_lte",
    "op_gt",
    "op_gte",
    "op_contains",
    "op_starts",
    "op_ends",
    "op_any",
    "op_has",
    "op_under",
    "op_mine",
    "op_yes",
    "op_no",
    "op_last",
    "op_within",
    "op_empty",
    "op_filled",
    "op_date_eq",
    "op_date_lt",
    "op_date_lte",
    "op_date_gt",
    "op_date_gte",
];

/// What the drawer shows of the expression of a list.
#[derive(Serialize)]
pub(super) struct Advanced {
    /// The expression.
    expression: String,
    /// Its rows, and the fields that rows can have, as JSON for the script; no rows where it cannot be shown as such.
    rows: Option<String>,
    fields: String,
    /// What the script says, as JSON.
    texts: String,
    /// The filter in words; empty where there are no rows.
    pub(super) sentence: String,
}

/// What is set in the address.
pub(super) async fn of(visit: &Visit, show: &Show<'_>, entity: &EntityModel, expression: &str) -> Advanced {
    let fields = Fields { show, entity };
    let kind = |name: &str| fields.find(name).map(|(_, kind)| kind);
    let empty = Group { join: Join::And, items: Vec::new() };
    let mut group = match expression.is_empty() {
        true => Some(empty),
        false => builder::read(expression, &kind),
    };
    if let Some(group) = &mut group {
        fields.name(group);
        name_records(visit, &fields, group).await;
    }
    let offered: Vec<Offered> = fields.offered();
    Advanced {
        sentence: group.as_ref().map(|group| fields.sentence(group)).unwrap_or_default(),
        rows: group.map(|group| json!(group).to_string()),
        fields: json!(offered).to_string(),
        texts: super::texts(visit, "builder", TEXTS),
        expression: expression.to_owned(),
    }
}

/// Titles of the records that rows name: one read for each.
async fn name_records(visit: &Visit, fields: &Fields<'_>, group: &mut Group) {
    let model = visit.tenant.engine.model();
    for row in group.rows_mut() {
        let Some((field, Kind::Record)) = fields.find(&row.field) else { continue };
        let (FieldKind::Reference { entity }, Ok(id)) = (&field.kind, row.value.parse()) else { continue };
        row.title = lookup::title(visit, &model.entities[*entity], id).await;
    }
}

/// `POST /a/{app}/{entity}/filter-words`: rows → `{"expression", "sentence", "problem"}`.
pub(in crate::pages) async fn words(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Body(group): Body<Group>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let fields = Fields { show: &show, entity: &entity };
    let kind = |name: &str| fields.find(name).map(|(_, kind)| kind);
    let label = |name: &str| fields.find(name).map(|(field, _)| super::field_label(&show, field));
    let (expression, problem) = match builder::write(&group, &kind) {
        Ok(expression) => {
            let asked = [("filter", expression.as_str())].into_iter();
            let query = visit.tenant.engine.query(visit.actor(), &entity.key, asked);
            let problem = query.err().map(|error| Failure::from(error).title(visit.language));
            (Some(expression), problem)
        }
        Err(Wrong::Value(name)) => {
            let label = label(&name).unwrap_or(name);
            (None, Some(visit.t("builder.value_missing", &[("label", &label)])))
        }
        Err(Wrong::Field(name)) => (None, Some(visit.t("builder.field_unknown", &[("name", &name)]))),
        Err(Wrong::Large) => {
            (None, Some(visit.t("builder.too_large", &[("limit", &builder::ROWS_MAX.to_string())])))
        }
    };
    let sentence = if expression.is_some() { fields.sentence(&group) } else { String::new() };
    Ok(body::json(&json!({ "expression": expression, "sentence": sentence, "problem": problem })))
}
