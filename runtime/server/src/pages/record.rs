//! The page of one record: head, key facts, sections, records that point here, and its history.

mod assignments;
pub(super) mod course;
mod happened;
mod related;
mod sections;
pub(super) mod timeline;

use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect, Response};
use mortise_definition::model::{EntityModel, FieldKind, system};
use mortise_definition::source::Operation;
use mortise_engine::{Command, FileInfo, Record, RunOptions, Signature};
use mortise_expr::Value;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

pub(super) use self::assignments::show as assignments;
use self::course::Course;
use self::related::Related;
use self::sections::{Fact, Section};
use self::timeline::Timeline;
use super::flash::Toast;
use super::list::{entity_of, title_of};
use super::shell::entity_path;
use super::show::{Cell, Show, file_ids};
use super::visit::Visit;
use crate::Failure;
use crate::api::sync;

#[derive(Serialize)]
struct Page {
    record: RecordContext,
    course: Course,
    timeline: Timeline,
}

#[derive(Serialize)]
struct RecordContext {
    title: String,
    label: String,
    plural: String,
    icon: String,
    list_url: String,
    url: String,
    version: i64,
    deleted: Option<String>,
    owner: Option<String>,
    can: Can,
    badges: Vec<Cell>,
    facts: Vec<Fact>,
    sections: Vec<Section>,
    related: Vec<Related>,
    system: Vec<String>,
}

#[derive(Serialize)]
struct Can {
    update: bool,
    delete: bool,
    comment: bool,
}

/// Names of all files of a record and its child rows, by one question.
async fn files_of(visit: &Visit, entity: &EntityModel, record: &Record) -> Result<Vec<FileInfo>, Failure> {
    let model = visit.tenant.engine.model();
    let mut ids: Vec<Uuid> = Vec::new();
    let mut collect = |entity: &EntityModel, record: &Record| {
        let fields = entity.declared().iter().filter(|field| matches!(field.kind, FieldKind::File { .. }));
        ids.extend(fields.flat_map(|field| file_ids(&record.values[field.slot]).collect::<Vec<_>>()));
    };
    collect(entity, record);
    for field in entity.declared() {
        if let FieldKind::Lines { entity: child, .. } = &field.kind {
            record.rows(field.slot).iter().for_each(|row| collect(&model.entities[*child], row));
        }
    }
    Ok(visit.tenant.engine.file_infos(visit.actor(), &ids).await?)
}

/// `GET /a/{app}/{entity}/{id}`.
pub(super) async fn show(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let id: Uuid = id.parse().map_err(|_| Failure::not_found("record.not_found"))?;
    let record = visit.tenant.engine.read(visit.actor(), &entity.key, id).await?;
    let files = files_of(&visit, &entity, &record).await?;
    let before = visit.look.param("before").and_then(|text| text.parse().ok());
    let signatures = visit.tenant.engine.signatures(visit.actor(), &entity.key, &record).await?;
    let (timeline, related, course) = tokio::try_join!(
        timeline::read(&visit, &entity, id, before),
        related::read(&visit, &entity, &record),
        course::read(&visit, &entity, &record),
    )?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show {
        by: &visit.by,
        model: &model,
        directory: &directory,
        now: visit.tenant.engine.now(),
        files: &files,
    };
    let course = course::tell(&visit, &show, &entity, &record, course);
    let record = context(&visit, &show, &entity, &record, (related, &signatures));
    let title = record.title.clone();
    visit.page("record.html", &title, Page { record, course, timeline })
}

fn context(
    visit: &Visit,
    show: &Show,
    entity: &Arc<EntityModel>,
    record: &Record,
    (related, signatures): (Vec<Related>, &[Signature]),
) -> RecordContext {
    let path = visit.base.path(&entity_path(show.model, entity));
    let (badges, facts) = sections::head(show, entity, record);
    let deleted = match &record.values[system::DELETED_AT] {
        Value::DateTime(at) => Some(show.ago(*at)),
        _ => None,
    };
    let owner = &record.values[system::OWNER];
    RecordContext {
        title: title_of(show, entity, record),
        label: entity.label.get(visit.language).to_owned(),
        plural: entity.plural.get(visit.language).to_owned(),
        icon: entity.icon.clone(),
        url: format!("{path}/{}", record.id()),
        list_url: path,
        version: record.version(),
        owner: (!owner.is_null()).then(|| show.words(&entity.fields[system::OWNER], owner)),
        can: Can {
            update: record.may(Operation::Update),
            delete: record.may(Operation::Delete),
            comment: deleted.is_none(),
        },
        deleted,
        badges,
        facts,
        sections: sections::sections(show, entity, record, signatures),
        related,
        system: made(visit, show, entity, record),
    }
}

/// Who made the record and who changed it last (DATA-04).
fn made(visit: &Visit, show: &Show, entity: &EntityModel, record: &Record) -> Vec<String> {
    let line = |key: &str, at, who| {
        let Value::DateTime(at) = record.values[at] else { return None };
        let who = match &record.values[who] {
            Value::Null => visit.t("record.system", &[]),
            id => show.words(&entity.fields[who], id),
        };
        Some(visit.t(key, &[("when", &show.ago(at)), ("who", &who)]))
    };
    let created = line("record.created", system::CREATED_AT, system::CREATED_BY);
    let updated =
        line("record.updated", system::UPDATED_AT, system::UPDATED_BY).filter(|_| record.version() > 1);
    created.into_iter().chain(updated).collect()
}

/// What the form for deleting sends.
#[derive(Deserialize)]
pub(super) struct Seen {
    #[serde(rename = "_version")]
    version: Option<i64>,
}

/// `POST /a/{app}/{entity}/{id}/delete`: into the trash, with a way back.
pub(super) async fn delete(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
    Form(seen): Form<Seen>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let title = named(&visit, &entity, id).await?;
    let path = entity_path(&visit.tenant.engine.model(), &entity);
    let command = Command::Delete { entity: entity.key.clone(), id, version: seen.version };
    match visit.tenant.engine.run(visit.actor(), command, RunOptions::default()).await {
        Ok(_) => {
            let toast = Toast::good(visit.t("record.deleted", &[("title", &title)]));
            let undo = visit.base.path(&format!("{path}/bulk-restore"));
            Ok(visit.go_with(&path, &toast.with_undo(undo, vec![id.to_string()])))
        }
        Err(error) => refused(&visit, &format!("{path}/{id}"), error),
    }
}

/// What does not need an error page of its own is told on the record's page.
fn refused(visit: &Visit, path: &str, error: mortise_engine::Error) -> Result<Response, Failure> {
    let failure = Failure::from(error);
    let gone = matches!(failure.status().as_u16(), 404 | 500..);
    if gone { Err(failure) } else { Ok(visit.go_with(path, &Toast::error(failure.title(visit.language)))) }
}

async fn named(visit: &Visit, entity: &EntityModel, id: Uuid) -> Result<String, Failure> {
    let record = visit.tenant.engine.read(visit.actor(), &entity.key, id).await?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    Ok(title_of(&show, entity, &record))
}

/// Where the form for restoring was.
#[derive(Deserialize, Default)]
pub(super) struct Back {
    #[serde(default, rename = "return")]
    to: String,
}

/// `POST /a/{app}/{entity}/{id}/restore`.
pub(super) async fn restore(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
    Form(back): Form<Back>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let title = named(&visit, &entity, id).await?;
    let path = entity_path(&visit.tenant.engine.model(), &entity);
    let next = if back.to == "trash" { format!("{path}/trash") } else { format!("{path}/{id}") };
    let command = Command::Restore { entity: entity.key.clone(), id };
    match visit.tenant.engine.run(visit.actor(), command, RunOptions::default()).await {
        Ok(_) => Ok(visit.go_with(&next, &Toast::good(visit.t("record.restored", &[("title", &title)])))),
        Err(error) => refused(&visit, &next, error),
    }
}

/// By which policy somebody claims a record.
#[derive(Deserialize)]
pub(super) struct Claiming {
    policy: String,
    #[serde(default, rename = "return")]
    to: String,
}

/// `POST /a/{app}/{entity}/{id}/claim`: back to the list when it was claimed there, with what came of it.
pub(super) async fn claim(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
    Form(claiming): Form<Claiming>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let title = named(&visit, &entity, id).await;
    let list = entity_path(&visit.tenant.engine.model(), &entity);
    let own = format!("{list}/{id}");
    // Only an address within the list is followed. Who came too late may not see the record any more.
    let back = match (claiming.to.as_str(), &title) {
        ("", Ok(_)) => own.clone(),
        ("", Err(_)) => list,
        (to, _) => format!("{list}?{to}"),
    };
    let command = Command::Claim { entity: entity.key.clone(), id, policy: claiming.policy };
    match (visit.tenant.engine.run(visit.actor(), command, RunOptions::default()).await, title) {
        (Ok(_), title) => Ok(visit
            .go_with(&own, &Toast::good(visit.t("claim.done", &[("title", &title.unwrap_or_default())])))),
        (Err(error), Err(unseen)) if error.code() != "claim.taken" => Err(unseen),
        (Err(error), _) => refused(&visit, &back, error),
    }
}

/// Whose freeze is lifted.
#[derive(Deserialize)]
pub(super) struct Lifting {
    #[serde(default)]
    person: Option<Uuid>,
}

/// `POST /a/{app}/{entity}/{id}/unfreeze`: for administrators.
pub(super) async fn unfreeze(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
    Form(lifting): Form<Lifting>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let path = format!("{}/{id}", entity_path(&visit.tenant.engine.model(), &entity));
    let command = Command::Unfreeze { entity: entity.key.clone(), id, person: lifting.person };
    match visit.tenant.engine.run(visit.actor(), command, RunOptions::default()).await {
        Ok(_) => Ok(visit.go_with(&path, &Toast::good(visit.t("freeze.lifted", &[])))),
        Err(error) => refused(&visit, &path, error),
    }
}

/// What is said about a record.
#[derive(Deserialize)]
pub(super) struct Said {
    text: String,
    /// Names what is said: sent again, because the answer got lost, it is not said twice.
    #[serde(rename = "_key", default)]
    key: String,
}

/// `POST /a/{app}/{entity}/{id}/comments`.
pub(super) async fn comment(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, Uuid)>,
    Form(said): Form<Said>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let path = format!("{}/{id}", entity_path(&visit.tenant.engine.model(), &entity));
    if !said.text.trim().is_empty() {
        let command = Command::Comment { entity: entity.key.clone(), id, text: said.text };
        let key = Some(said.key).filter(|key| !key.is_empty() && key.len() <= sync::KEY_CHARS);
        let options = RunOptions { idempotency_key: key };
        visit.tenant.engine.run(visit.actor(), command, options).await?;
    }
    // A plain redirect for htmx too: it follows and takes the timeline out of the page.
    Ok(Redirect::to(&visit.base.path(&path)).into_response())
}
