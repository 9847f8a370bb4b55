//! The import in four steps: file, columns, preview, result. What was chosen travels with the forms, so that every step
//! can be gone back to; the work itself is done by the engine's imports, also while nobody watches.

use axum::extract::{Form, Multipart, Path};
use axum::response::Response;
use mortise_definition::locale::sentences;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, system};
use mortise_definition::source::Operation;
use mortise_engine::exchange::{
    ColumnMapping, Job, Mapping, Preview, RowError, State, can_be_key, importable,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

use super::list::{entity_of, field_label};
use super::shell::entity_path;
use super::show::{Show, grouped};
use super::visit::Visit;
use crate::Failure;

/// Examples of a column.
const SAMPLES: usize = 3;

type Place = Path<(String, String, Uuid)>;
type Pairs = Vec<(String, String)>;

#[derive(Serialize)]
struct Page<T> {
    import: T,
}

/// What every step shows.
struct Import {
    visit: Visit,
    entity: Arc<EntityModel>,
    path: String,
}

impl Import {
    fn of(visit: Visit, app: &str, entity: &str) -> Result<Import, Failure> {
        let entity = entity_of(&visit, app, entity)?;
        if !visit.may(&entity, Operation::Import) {
            return Err(Failure::forbidden().with("entity", &entity.key));
        }
        let path = entity_path(&visit.tenant.engine.model(), &entity);
        Ok(Import { visit, entity, path })
    }

    fn job(&self, id: Uuid) -> Result<Job, Failure> {
        let job = self.visit.tenant.imports.job(self.visit.actor(), id)?;
        if job.entity == self.entity.key { Ok(job) } else { Err(Failure::not_found("import.not_found")) }
    }

    fn page(
        &self,
        template: &str,
        step: usize,
        job: Option<&Job>,
        parts: Value,
        failure: Option<&Failure>,
    ) -> Result<Response, Failure> {
        let (visit, language) = (&self.visit, self.visit.language);
        let list = visit.base.path(&self.path);
        let mut import = json!({
            "step": step,
            "list_url": list,
            "plural": self.entity.plural.get(language),
            "url": job.map_or_else(|| format!("{list}/import"), |job| format!("{list}/import/{}", job.id)),
            "file": job.map(|job| &job.file),
            "rows": job.map(|job| number(job.total_rows)),
        });
        if let (Some(import), Value::Object(parts)) = (import.as_object_mut(), parts) {
            import.extend(parts);
        }
        let title = visit.t("import.heading", &[("label", self.entity.plural.get(language))]);
        visit.page_telling(template, &title, Page { import }, failure)
    }

    fn showing<R>(&self, work: impl FnOnce(&Show) -> R) -> R {
        let (model, directory) = (self.visit.tenant.engine.model(), self.visit.tenant.engine.directory());
        work(&Show::new(&self.visit.by, &model, &directory))
    }

    /// Fields that columns may belong to.
    fn fields(&self) -> Vec<&FieldModel> {
        let opens = |operation, slot: Slot| self.visit.by.opens(&self.entity, operation, slot);
        let gives = |field: &&FieldModel| {
            importable(field)
                && (opens(Operation::Import, field.slot) || opens(Operation::Update, field.slot))
        };
        let declared = self.entity.declared().iter();
        declared.chain([&self.entity.fields[system::OWNER]]).filter(gives).collect()
    }
}

fn number(count: u64) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// `GET /a/{app}/{entity}/import`.
pub(super) async fn begin(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
) -> Result<Response, Failure> {
    Import::of(visit, &app, &entity)?.page("import/upload.html", 1, None, json!({}), None)
}

/// `POST /a/{app}/{entity}/import`.
pub(super) async fn upload(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    mut form: Multipart,
) -> Result<Response, Failure> {
    let import = Import::of(visit, &app, &entity)?;
    let bad =
        |error: axum::extract::multipart::MultipartError| Failure::new(error.status(), "http.bad_request");
    while let Some(part) = form.next_field().await.map_err(bad)? {
        let Some(name) = part.file_name().filter(|name| !name.is_empty()).map(str::to_owned) else {
            continue;
        };
        let (tenant, by) = (&import.visit.tenant, import.visit.actor());
        return match tenant
            .imports
            .upload(&tenant.engine, by, &import.entity.key, &name, Box::pin(part))
            .await
        {
            Ok(job) => Ok(import.visit.go(&format!("{}/import/{}", import.path, job.id))),
            Err(error) => import.page("import/upload.html", 1, None, json!({}), Some(&error.into())),
        };
    }
    let failure = Failure::invalid_field("file", "import.no_file");
    import.page("import/upload.html", 1, None, json!({}), Some(&failure))
}

/// `GET /a/{app}/{entity}/import/{id}`: the step that the import is at.
pub(super) async fn show(visit: Visit, Path((app, entity, id)): Place) -> Result<Response, Failure> {
    let import = Import::of(visit, &app, &entity)?;
    let job = import.job(id)?;
    match job.state {
        State::Uploaded => mapping_page(&import, &job, &guess(&job), None).await,
        _ => report_page(&import, &job),
    }
}

/// The mapping that the headings suggest.
fn guess(job: &Job) -> Mapping {
    let columns = job.guessed.iter().enumerate();
    Mapping {
        columns: columns
            .filter_map(|(column, field)| Some(ColumnMapping { column, field: field.clone()? }))
            .collect(),
        ..Mapping::default()
    }
}

/// The mapping that a form or an address carries.
fn chosen(pairs: &[(String, String)]) -> Mapping {
    let get = |name: &str| {
        pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let column = |(name, field): &(String, String)| {
        let column = name.strip_prefix("column.")?.parse().ok()?;
        (!field.is_empty()).then(|| ColumnMapping { column, field: field.clone() })
    };
    Mapping {
        columns: pairs.iter().filter_map(column).collect(),
        key: Some(get("key")).filter(|key| !key.is_empty()).map(str::to_owned),
        allow_duplicates: get("duplicates") == "allow",
        ..Mapping::default()
    }
}

/// The same as pairs of a form.
fn pairs_of(mapping: &Mapping) -> Pairs {
    let mut pairs: Pairs =
        mapping.columns.iter().map(|one| (format!("column.{}", one.column), one.field.clone())).collect();
    pairs.extend(mapping.key.clone().map(|key| ("key".to_owned(), key)));
    if mapping.allow_duplicates {
        pairs.push(("duplicates".to_owned(), "allow".to_owned()));
    }
    pairs
}

/// `GET /a/{app}/{entity}/import/{id}/mapping`: back to the columns, as they were chosen.
pub(super) async fn mapping(visit: Visit, Path((app, entity, id)): Place) -> Result<Response, Failure> {
    let import = Import::of(visit, &app, &entity)?;
    let job = import.job(id)?;
    let mapping = chosen(&import.visit.look.params);
    let mapping = if mapping.columns.is_empty() { guess(&job) } else { mapping };
    mapping_page(&import, &job, &mapping, None).await
}

async fn mapping_page(
    import: &Import,
    job: &Job,
    mapping: &Mapping,
    failure: Option<&Failure>,
) -> Result<Response, Failure> {
    let (tenant, by) = (&import.visit.tenant, import.visit.actor());
    // Without columns only the rows are read, for the examples.
    let preview = tenant.imports.preview(&tenant.engine, by, job.id, &Mapping::default()).await?;
    let column = |(index, name): (usize, &String)| {
        let samples =
            preview.rows.iter().filter_map(|row| row.cells.get(index)).filter(|cell| !cell.trim().is_empty());
        let field = mapping.columns.iter().find(|known| known.column == index).map(|known| &known.field);
        json!({"name": name, "samples": samples.take(SAMPLES).collect::<Vec<_>>(), "field": field})
    };
    let columns: Vec<Value> = preview.headers.iter().enumerate().map(column).collect();
    let fields: Vec<Value> = import.showing(|show| {
        let field = |field: &&FieldModel| {
            // More fields could be keys; these are the ones by which people know a record again.
            let tells =
                matches!(field.kind, FieldKind::Autonumber { .. } | FieldKind::Phone | FieldKind::Email);
            let titles = field.search && field.slot == import.entity.title;
            json!({
                "name": field.name, "label": field_label(show, field), "required": field.required,
                "can_be_key": can_be_key(field) && (field.unique || tells || titles),
            })
        };
        import.fields().iter().map(field).collect()
    });
    let duplicates = if mapping.allow_duplicates { "allow" } else { "skip" };
    let parts = json!({"columns": columns, "fields": fields, "key": mapping.key, "duplicates": duplicates});
    import.page("import/mapping.html", 2, Some(job), parts, failure)
}

/// `POST /a/{app}/{entity}/import/{id}/mapping`: the preview.
pub(super) async fn preview(
    visit: Visit,
    Path((app, entity, id)): Place,
    Form(pairs): Form<Pairs>,
) -> Result<Response, Failure> {
    let import = Import::of(visit, &app, &entity)?;
    let job = import.job(id)?;
    let mapping = chosen(&pairs);
    if mapping.columns.is_empty() {
        let failure = Failure::invalid_field("columns", "import.no_columns");
        return mapping_page(&import, &job, &mapping, Some(&failure)).await;
    }
    let (tenant, by) = (&import.visit.tenant, import.visit.actor());
    match tenant.imports.preview(&tenant.engine, by, id, &mapping).await {
        Ok(preview) => {
            let parts = import.showing(|show| preview_parts(&import, show, &mapping, &preview));
            import.page("import/preview.html", 3, Some(&job), parts, None)
        }
        Err(error) => mapping_page(&import, &job, &mapping, Some(&error.into())).await,
    }
}

fn preview_parts(import: &Import, show: &Show, mapping: &Mapping, preview: &Preview) -> Value {
    let language = import.visit.language;
    let label = |name: &str| {
        import.entity.field(name).map_or_else(|| name.to_owned(), |field| field_label(show, field))
    };
    let of_row = |number: u64| preview.errors.iter().filter(move |error| error.row == number);
    let row = |row: &mortise_engine::exchange::Row| {
        let wrong = |column: usize| of_row(row.number).any(|error| error.column == Some(column));
        let cell =
            |one: &ColumnMapping| json!({"text": row.cells.get(one.column), "wrong": wrong(one.column)});
        let problem = |error: &RowError| match &error.field {
            Some(field) => {
                let (label, said) = (label(field), told(error, language));
                import.visit.t("import.field_problem", &[("label", &label), ("problem", &said)])
            }
            None => told(error, language),
        };
        json!({
            "number": row.number,
            "cells": mapping.columns.iter().map(cell).collect::<Vec<_>>(),
            "problems": of_row(row.number).map(problem).collect::<Vec<_>>(),
        })
    };
    let wrong = preview.rows.iter().filter(|row| of_row(row.number).next().is_some()).count();
    json!({
        "columns": mapping.columns.iter().map(|one| label(&one.field)).collect::<Vec<_>>(),
        "preview": preview.rows.iter().map(row).collect::<Vec<_>>(),
        "shown": preview.rows.len(),
        "errors": wrong,
        "pairs": pairs_of(mapping),
        "back": serde_urlencoded::to_string(pairs_of(mapping)).unwrap_or_default(),
    })
}

/// What is wrong with a cell, and what to do.
fn told(error: &RowError, language: &str) -> String {
    let text = error.complaint.message(language);
    match error.complaint.hint(language) {
        Some(hint) => sentences(&text, &hint),
        None => text,
    }
}

/// `POST /a/{app}/{entity}/import/{id}/start`: begins, or goes on after a stop.
pub(super) async fn start(
    visit: Visit,
    Path((app, entity, id)): Place,
    Form(pairs): Form<Pairs>,
) -> Result<Response, Failure> {
    let import = Import::of(visit, &app, &entity)?;
    let job = import.job(id)?;
    let mapping = (job.state == State::Uploaded).then(|| chosen(&pairs));
    let (tenant, by) = (&import.visit.tenant, import.visit.actor());
    match tenant.imports.start(&tenant.engine, by, id, mapping.clone()).await {
        Ok(_) => Ok(import.visit.go(&format!("{}/import/{id}", import.path))),
        Err(error) => match mapping {
            Some(mapping) => mapping_page(&import, &job, &mapping, Some(&error.into())).await,
            None => Err(error.into()),
        },
    }
}

/// `POST /a/{app}/{entity}/import/{id}/stop`.
pub(super) async fn stop(visit: Visit, Path((app, entity, id)): Place) -> Result<Response, Failure> {
    let import = Import::of(visit, &app, &entity)?;
    // One that has just come to its end needs no stop.
    if import.job(id)?.state == State::Running {
        import.visit.tenant.imports.cancel(import.visit.actor(), id).or_else(|error| match error {
            mortise_engine::Error::BadRequest(_) => Ok(()),
            other => Err(other),
        })?;
    }
    Ok(import.visit.go(&format!("{}/import/{id}", import.path)))
}

/// `GET /a/{app}/{entity}/import/{id}/errors`: refused rows as a file.
pub(super) async fn errors(visit: Visit, Path((app, entity, id)): Place) -> Result<Response, Failure> {
    let import = Import::of(visit, &app, &entity)?;
    import.job(id)?;
    crate::api::imports::report_file(&import.visit, id).await
}

fn report_page(import: &Import, job: &Job) -> Result<Response, Failure> {
    let (visit, language) = (&import.visit, import.visit.language);
    let progress = job.progress;
    let running = job.state == State::Running;
    let outcome = match (job.state, progress.failed) {
        (State::Cancelled, _) => visit.t("import.outcome_stopped", &[]),
        (State::Failed, _) => {
            let reason = job.failure.as_ref().map(|failure| failure.message(language)).unwrap_or_default();
            visit.t("import.outcome_failed", &[("reason", &reason)])
        }
        (_, 0) => visit.t("import.outcome_good", &[]),
        _ => visit.t("import.outcome_partly", &[]),
    };
    let figure = |count: u64, key: &str| json!({"value": number(count), "label": visit.t(key, &[])});
    let errors: Vec<Value> = import.showing(|show| {
        let label = |error: &RowError| {
            let field = error.field.as_deref().and_then(|name| import.entity.field(name));
            field.map(|field| field_label(show, field)).unwrap_or_default()
        };
        job.errors
            .iter()
            .map(|error| json!({"row": error.row, "field": label(error), "text": told(error, language)}))
            .collect()
    });
    let url = visit.base.path(&format!("{}/import/{}/errors", import.path, job.id));
    let parts = json!({
        "running": running,
        "stopped": matches!(job.state, State::Cancelled | State::Failed),
        "failed": progress.failed,
        "outcome": outcome,
        "done": number(progress.rows),
        "done_number": progress.rows,
        "rows_number": job.total_rows,
        "figures": [
            figure(progress.created, "import.created"),
            figure(progress.updated, "import.updated"),
            figure(progress.failed, "import.failed"),
        ],
        "errors": errors,
        "errors_url": (!running && progress.failed > 0).then_some(url),
        "can_resume": matches!(job.state, State::Cancelled | State::Failed),
    });
    import.page("import/report.html", 4, Some(job), parts, None)
}
