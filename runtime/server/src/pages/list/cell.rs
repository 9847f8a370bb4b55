//! A cell that is changed where it stands: its widget, and the save of that one field. What others changed meanwhile in other
//! fields is kept; where they changed the same one, the person decides and sees what they would overwrite.

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::Response;
use mortise_definition::model::{EntityModel, FieldModel, system};
use mortise_definition::source::Operation;
use mortise_engine::{Command, Condition, Error, Op, RunOptions};
use mortise_expr::Value;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::bulk::{in_sight, small};
use super::entity_of;
use super::filters::field_label;
use super::params::Params;
use super::{query_for, table};
use crate::Failure;
use crate::pages::form::single::Single;
use crate::pages::visit::Visit;

#[derive(Serialize)]
struct Wrapped {
    cell: Editor,
}

/// The editor of a cell.
#[derive(Serialize)]
struct Editor {
    field: Json,
    label: String,
    /// The value that the person saw, in wire form: what others changed is told from it.
    base: String,
    /// What others made of it meanwhile.
    theirs: Option<String>,
}

/// A field of this name that can be changed outside its form; others are as unknown as misspelt ones.
pub(super) fn field_of<'a>(
    visit: &Visit,
    entity: &'a EntityModel,
    name: &str,
) -> Result<&'a FieldModel, Failure> {
    let found = entity.field(name).filter(|field| small(visit, entity, field));
    found.ok_or_else(|| Failure::not_found("query.unknown_field").with("name", name))
}

fn id_of(text: &str) -> Result<Uuid, Failure> {
    text.parse().map_err(|_| Failure::not_found("record.not_found"))
}

fn wire(value: &Value) -> Json {
    mortise_engine::values::to_json(value)
}

/// `GET /a/{app}/{entity}/{id}/cell/{field}`: the widget, with the value as it is now.
pub(in crate::pages) async fn show(
    visit: Visit,
    Path((app, entity, id, name)): Path<(String, String, String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let field = field_of(&visit, &entity, &name)?;
    let record = visit.tenant.engine.read(visit.actor(), &entity.key, id_of(&id)?).await?;
    if !record.may(Operation::Update) || !record.takes(field.slot) || !record.shows(field.slot) {
        return Err(Failure::forbidden().with("entity", &entity.key));
    }
    let cell = in_sight(&visit, |show| {
        let single = Single { show, entity: &entity, slot: field.slot };
        Editor {
            field: single.widget(single.of_record(&record), None),
            label: field_label(show, field),
            base: wire(&record.values[field.slot]).to_string(),
            theirs: None,
        }
    });
    visit.page("list/cell.html", "", Wrapped { cell })
}

/// `POST /a/{app}/{entity}/{id}/cell/{field}`: saves it and gives the row back, or the widget with what is wrong.
pub(in crate::pages) async fn save(
    visit: Visit,
    Path((app, entity, id, name)): Path<(String, String, String, String)>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let field = field_of(&visit, &entity, &name)?;
    let id = id_of(&id)?;
    let part = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    let editing = Editing { visit: &visit, entity: &entity, field, id };
    let base = part("_base").unwrap_or_default();
    let list = Params::parse(&part("_list").unwrap_or_default());
    let typed: Vec<(String, String)> =
        form.into_iter().filter(|(name, _)| !matches!(name.as_str(), "_base" | "_list")).collect();
    let read =
        in_sight(&visit, |show| Single { show, entity: &entity, slot: field.slot }.value(typed.clone()));
    let value = match read {
        Ok(value) => value,
        Err(message) => return editing.again(typed, base, message),
    };
    let one = |value: Json| Map::from_iter([(field.name.to_string(), value)]);
    let seen = serde_json::from_str(&base).unwrap_or_default();
    let command = Command::Merge { entity: entity.key.clone(), id, base: one(seen), values: one(value) };
    match visit.tenant.engine.run(visit.actor(), command, RunOptions::default()).await {
        Ok(_) => editing.row(&list).await,
        Err(Error::Conflict { .. }) => editing.conflict(typed).await,
        Err(error) => {
            let failure = Failure::from(error);
            if failure.status().is_server_error() || failure.status() == StatusCode::NOT_FOUND {
                return Err(failure);
            }
            editing.again(typed, base, editing.reason(&failure))
        }
    }
}

struct Editing<'a> {
    visit: &'a Visit,
    entity: &'a EntityModel,
    field: &'a FieldModel,
    id: Uuid,
}

impl Editing<'_> {
    /// What was wrong: about the field itself, else the first thing, else the refusal as a whole.
    fn reason(&self, failure: &Failure) -> String {
        let issues = failure.issues();
        let own = issues.iter().find(|issue| issue.field == *self.field.name).or_else(|| issues.first());
        let language = self.visit.language;
        match own {
            Some(issue) if issue.field != *self.field.name => match self.entity.field(&issue.field) {
                Some(other) => {
                    let label = in_sight(self.visit, |show| field_label(show, other));
                    self.visit.t("cell.other_field", &[("label", &label), ("reason", &issue.text(language))])
                }
                None => issue.text(language),
            },
            Some(issue) => issue.text(language),
            None => mortise_definition::locale::sentences(&failure.title(language), &failure.hint(language)),
        }
    }

    /// The widget again, with what is wrong beside it.
    fn again(&self, typed: Vec<(String, String)>, base: String, wrong: String) -> Result<Response, Failure> {
        let cell = self.editor(typed, base, Some(wrong), None);
        let mut response = self.visit.page("list/cell.html", "", Wrapped { cell })?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    }

    /// Somebody else changed the same field: what it says now, and what was typed. Saving again overwrites knowingly.
    async fn conflict(&self, typed: Vec<(String, String)>) -> Result<Response, Failure> {
        let record = self.visit.tenant.engine.read(self.visit.actor(), &self.entity.key, self.id).await?;
        let value = &record.values[self.field.slot];
        let words = in_sight(self.visit, |show| match record.title(self.field.slot) {
            Some(title) => title.to_owned(),
            None => show.words(self.field, value),
        });
        let words = if words.is_empty() { self.visit.t("value.none", &[]) } else { words };
        let wrong = self.visit.t("cell.changed", &[]);
        let cell = self.editor(typed, wire(value).to_string(), Some(wrong), Some(words));
        let mut response = self.visit.page("list/cell.html", "", Wrapped { cell })?;
        *response.status_mut() = StatusCode::CONFLICT;
        Ok(response)
    }

    fn editor(
        &self,
        typed: Vec<(String, String)>,
        base: String,
        wrong: Option<String>,
        theirs: Option<String>,
    ) -> Editor {
        in_sight(self.visit, |show| {
            let single = Single { show, entity: self.entity, slot: self.field.slot };
            Editor { field: single.widget(typed, wrong), label: field_label(show, self.field), base, theirs }
        })
    }

    /// The row as it is now; no row when it is no part of the list any more.
    async fn row(&self, list: &Params) -> Result<Response, Failure> {
        let mut query = query_for(self.visit, self.entity, &list.rewound())?;
        let (id, text) = (Value::Id(self.id), self.id.to_string());
        query.conditions.push(Condition { slot: system::ID, op: Op::Eq, values: vec![id], text });
        (query.limit, query.total) = (1, false);
        table::window(self.visit, self.entity, list, &query).await
    }
}
