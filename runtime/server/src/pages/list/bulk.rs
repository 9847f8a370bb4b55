//! What is done with many records at once: into the trash and back in one request, and the field and value that the script
//! then writes through the API in parts, so that it can show how far it is and be stopped.

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, system};
use mortise_definition::source::Operation;
use mortise_engine::{Command, Outcome, RunOptions};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::filters::field_label;
use super::params::Params;
use super::{answer, entity_of};
use crate::Failure;
use crate::api::body;
use crate::pages::flash::Toast;
use crate::pages::form::single::Single;
use crate::pages::shell::entity_path;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// Records deleted or restored by one request.
const BULK_MAX: usize = 500;

/// A field that can be given to many records.
#[derive(Serialize)]
pub(super) struct Changeable {
    name: String,
    label: String,
}

/// Whether a field can be changed outside its form: it has a widget of one line, and the person may give it.
pub(super) fn small(visit: &Visit, entity: &EntityModel, field: &FieldModel) -> bool {
    let widget = !matches!(
        field.kind,
        FieldKind::Lines { .. } | FieldKind::File { .. } | FieldKind::Json | FieldKind::GeoPoint
    );
    widget && field.writable() && visit.by.opens(entity, Operation::Update, field.slot)
}

/// Fields that the person may give to many records.
pub(super) fn changeable(visit: &Visit, show: &Show, entity: &EntityModel) -> Vec<Changeable> {
    if !visit.may(entity, Operation::Update) {
        return Vec::new();
    }
    let fields = entity.declared().iter().chain([&entity.fields[system::OWNER]]);
    fields
        .filter(|field| small(visit, entity, field))
        .map(|field| Changeable { name: field.name.to_string(), label: field_label(show, field) })
        .collect()
}

/// The widget of a field that is changed on many records.
#[derive(Serialize)]
struct Widget {
    field: serde_json::Value,
}

/// `GET /a/{app}/{entity}/bulk/{field}`: the widget.
pub(in crate::pages) async fn widget(
    visit: Visit,
    Path((app, entity, name)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let field = super::cell::field_of(&visit, &entity, &name)?;
    let field =
        in_sight(&visit, |show| Single { show, entity: &entity, slot: field.slot }.widget(Vec::new(), None));
    visit.page("list/bulk_widget.html", "", Widget { field })
}

/// `POST /a/{app}/{entity}/bulk/{field}`: what was typed, as a value in the wire form of the API and in words.
pub(in crate::pages) async fn value(
    visit: Visit,
    Path((app, entity, name)): Path<(String, String, String)>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let field = super::cell::field_of(&visit, &entity, &name)?;
    let read = in_sight(&visit, |show| Single { show, entity: &entity, slot: field.slot }.value(form));
    Ok(match read {
        Ok(value) => body::json(&json!({ "value": value })),
        Err(message) => {
            (StatusCode::UNPROCESSABLE_ENTITY, body::json(&json!({ "message": message }))).into_response()
        }
    })
}

/// Runs `work` with what values are shown by.
pub(super) fn in_sight<R>(visit: &Visit, work: impl FnOnce(&Show) -> R) -> R {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    work(&Show::new(&visit.by, &model, &directory))
}

/// Ids out of a form with check boxes.
fn chosen(form: &[(String, String)]) -> Vec<Uuid> {
    let ids = form.iter().filter(|(name, _)| name == "id");
    ids.filter_map(|(_, value)| value.parse().ok()).take(BULK_MAX).collect()
}

/// `POST /a/{app}/{entity}/bulk-delete`: shows the list again, with a way back.
pub(in crate::pages) async fn bulk_delete(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let back =
        form.iter().find(|(name, _)| name == "return").map(|(_, query)| query.as_str()).unwrap_or_default();
    let ids = chosen(&form);
    let toast = if ids.is_empty() {
        Toast::error(visit.t("list.none_selected", &[]))
    } else {
        let delete = |id: &Uuid| Command::Delete { entity: entity.key.clone(), id: *id, version: None };
        let (done, failed, reason) = run_all(&visit, ids.iter().map(delete).collect()).await?;
        let (count, failures) = (done.len().to_string(), failed.to_string());
        let text = match &reason {
            None => visit.t("list.deleted", &[("count", &count)]),
            Some(reason) => visit
                .t("list.deleted_partly", &[("count", &count), ("failed", &failures), ("reason", reason)]),
        };
        let toast = if reason.is_none() { Toast::good(text) } else { Toast::error(text) };
        let model = visit.tenant.engine.model();
        let undo = visit.base.path(&format!("{}/bulk-restore", entity_path(&model, &entity)));
        if done.is_empty() {
            toast
        } else {
            toast.with_undo(undo, done.iter().map(Uuid::to_string).collect())
        }
    };
    answer(&visit, &entity, &Params::parse(back).rewound(), vec![toast]).await
}

/// `POST /a/{app}/{entity}/bulk-restore`: what was just deleted comes back.
pub(in crate::pages) async fn bulk_restore(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let restore = |id: &Uuid| Command::Restore { entity: entity.key.clone(), id: *id };
    let (done, _, reason) = run_all(&visit, chosen(&form).iter().map(restore).collect()).await?;
    let toast = match reason {
        None => Toast::good(visit.t("list.restored", &[("count", &done.len().to_string())])),
        Some(reason) => Toast::error(reason),
    };
    Ok(visit.go_with(&entity_path(&visit.tenant.engine.model(), &entity), &toast))
}

/// Runs commands of which each stands by itself: the records that were written, how many failed, and the first reason.
async fn run_all(
    visit: &Visit,
    commands: Vec<Command>,
) -> Result<(Vec<Uuid>, usize, Option<String>), Failure> {
    let command = Command::Batch { commands, atomic: false };
    let Outcome::Batch(parts) =
        visit.tenant.engine.run(visit.actor(), command, RunOptions::default()).await?
    else {
        return Err(Failure::internal("a batch gave no answers"));
    };
    let (mut done, mut failed, mut reason) = (Vec::new(), 0, None);
    for part in parts {
        match part {
            Ok(written) => done.push(written.id),
            Err(error) => {
                failed += 1;
                reason.get_or_insert_with(|| Failure::from(error).title(visit.language));
            }
        }
    }
    Ok((done, failed, reason))
}
