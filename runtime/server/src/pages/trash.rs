//! What was deleted of an entity, newest first, with the way back.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::system;
use mortise_definition::source::Operation;
use mortise_engine::{Query, Record};
use mortise_expr::Value;
use serde::Serialize;

use super::list::{entity_of, field_label, title_of};
use super::shell::entity_path;
use super::show::Show;
use super::visit::Visit;
use crate::Failure;

#[derive(Serialize)]
struct Page {
    trash: Trash,
}

#[derive(Serialize)]
struct Trash {
    list_url: String,
    plural: String,
    title_label: String,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Row {
    href: String,
    restore: String,
    title: String,
    owner: Option<String>,
    iso: String,
    exact: String,
    when: String,
}

/// `GET /a/{app}/{entity}/trash`.
pub(super) async fn show(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    if !visit.may(&entity, Operation::Delete) {
        return Err(Failure::forbidden().with("entity", &entity.key));
    }
    let query = Query {
        trash: true,
        total: false,
        sort: vec![(system::DELETED_AT, true)],
        cursor: visit.look.param("cursor").filter(|cursor| !cursor.is_empty()).map(str::to_owned),
        ..Query::all(&entity.key)
    };
    let page = visit.tenant.engine.list(visit.actor(), &query).await?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&entity_path(&model, &entity));
    let row = |record: &Record| {
        let (iso, exact, when) = match &record.values[system::DELETED_AT] {
            Value::DateTime(at) => {
                let local = at.with_timezone(&visit.user().tz);
                (at.to_rfc3339(), local.format("%Y-%m-%d %H:%M:%S").to_string(), show.ago(*at))
            }
            _ => Default::default(),
        };
        let owner = &record.values[system::OWNER];
        Row {
            href: format!("{path}/{}", record.id()),
            restore: format!("{path}/{}/restore", record.id()),
            title: title_of(&show, &entity, record),
            owner: (!owner.is_null()).then(|| show.words(&entity.fields[system::OWNER], owner)),
            iso,
            exact,
            when,
        }
    };
    let trash = Trash {
        plural: entity.plural.get(visit.language).to_owned(),
        title_label: field_label(&show, &entity.fields[entity.title]),
        rows: page.rows.iter().map(row).collect(),
        next: page.next.map(|cursor| format!("{path}/trash?cursor={cursor}")),
        list_url: path,
    };
    visit.page("trash.html", &visit.t("trash.title", &[]), Page { trash })
}
