//! What pickers ask for while somebody types: records, people, departments. Answers JSON, never more
//! than the person may see, and few entries at a time.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model};
use mortise_definition::source::Operation;
use mortise_engine::Record;
use serde::Serialize;
use uuid::Uuid;

use super::list::entity_of;
use super::shell::entity_path;
use super::show::Show;
use super::visit::Visit;
use crate::api::body;
use crate::{Failure, SignedIn};

/// Entries of one answer: more than fit a phone's screen are not read.
const ITEMS_MAX: usize = 20;
/// An entry of a picker.
#[derive(Clone, Serialize)]
pub(super) struct Item {
    id: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize)]
struct Items {
    items: Vec<Item>,
}

/// Where a reference field's picker searches.
pub(super) fn reference_address(
    by: &SignedIn,
    model: &Model,
    entity: &EntityModel,
    field: &FieldModel,
) -> String {
    by.base.path(&format!("{}/lookup/{}", entity_path(model, entity), field.name))
}

/// Where the picker of people searches.
pub(super) fn users_address(by: &SignedIn) -> String {
    by.base.path("/lookup/users")
}

/// The same, with people who are not active any more: what they did has not gone with them.
pub(super) fn all_users_address(by: &SignedIn) -> String {
    by.base.path("/lookup/users?inactive=true")
}

/// Where the picker of departments searches.
pub(super) fn teams_address(by: &SignedIn) -> String {
    by.base.path("/lookup/teams")
}

/// Title of a record that may be out of sight: then empty.
pub(super) async fn title(visit: &Visit, entity: &EntityModel, id: Uuid) -> String {
    match visit.tenant.engine.read(visit.actor(), &entity.key, id).await {
        Ok(record) => {
            let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
            let show = Show::new(&visit.by, &model, &directory);
            show.words(&entity.fields[entity.title], &record.values[entity.title])
        }
        Err(_) => String::new(),
    }
}

/// `GET /a/{app}/{entity}/lookup/{field}?q=`: records that a reference field may point to.
pub(super) async fn records(
    visit: Visit,
    Path((app, entity, field)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let model = visit.tenant.engine.model();
    let key = format!("{app}.{entity}");
    // A form may be open to somebody who may create but not read.
    let entity = match model.entity(&key) {
        Some(entity) if visit.may(entity, Operation::Create) => entity.clone(),
        _ => entity_of(&visit, &app, &entity)?,
    };
    let unknown = || Failure::not_found("query.unknown_field").with("name", &field);
    let field = entity.field(&field).ok_or_else(unknown)?;
    let FieldKind::Reference { entity: target } = &field.kind else { return Err(unknown()) };
    let opens = |operation| visit.by.opens(&entity, operation, field.slot);
    let sees = [Operation::Read, Operation::Create, Operation::Update].into_iter().any(opens);
    let target = &model.entities[*target];
    if !sees || !visit.may(target, Operation::Read) {
        return Ok(body::json(&Items { items: Vec::new() }));
    }
    let asked = visit.look.param("q").unwrap_or_default();
    let limit = ITEMS_MAX.to_string();
    let mut params = vec![("q", asked), ("limit", &*limit), ("total", "false")];
    if asked.is_empty() {
        params.push(("sort", "-updated_at"));
    }
    let query = visit.tenant.engine.query(visit.actor(), &target.key, params.into_iter())?;
    let page = visit.tenant.engine.list(visit.actor(), &query).await?;
    let directory = visit.tenant.engine.directory();
    let show = Show::new(&visit.by, &model, &directory);
    let items = page.rows.iter().map(|record| item(&show, target, record)).collect();
    Ok(body::json(&Items { items }))
}

/// The records of a kind that changed last, for devices that will be without network.
pub(super) async fn recent(visit: &Visit, target: &EntityModel, limit: usize) -> Result<Vec<Item>, Failure> {
    let limit = limit.to_string();
    let params = [("sort", "-updated_at"), ("limit", &*limit), ("total", "false")];
    let query = visit.tenant.engine.query(visit.actor(), &target.key, params.into_iter())?;
    let page = visit.tenant.engine.list(visit.actor(), &query).await?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    Ok(page.rows.iter().map(|record| item(&show, target, record)).collect())
}

/// A record by its title, and by the first other field that the search box finds.
fn item(show: &Show, entity: &EntityModel, record: &Record) -> Item {
    let details = entity.search.iter().filter(|slot| **slot != entity.title);
    let mut details = details.map(|slot| show.words(&entity.fields[*slot], &record.values[*slot]));
    Item {
        id: record.id().to_string(),
        title: super::list::title_of(show, entity, record),
        detail: details.find(|text| !text.is_empty()),
    }
}

/// `GET /lookup/users?q=`: active people; all of them with `inactive=true`.
pub(super) async fn users(visit: Visit) -> Response {
    let directory = visit.tenant.engine.directory();
    let asked = visit.look.param("q").unwrap_or_default().to_lowercase();
    let fits = |text: &str| text.to_lowercase().contains(&asked);
    let all = visit.look.param("inactive") == Some("true");
    let shown =
        |user: &&mortise_engine::Person| (all || user.active) && (fits(&user.name) || fits(&user.login));
    let mut users: Vec<_> = directory.users().filter(shown).collect();
    // The person first, then by name: most pickers of people are set to oneself.
    users.sort_by_key(|user| (user.id != visit.user().id, user.name.clone(), user.id));
    let item = |user: &&mortise_engine::Person| Item {
        id: user.id.to_string(),
        title: user.name.clone(),
        detail: user
            .department
            .and_then(|id| directory.department(id))
            .map(|department| department.name.clone()),
    };
    body::json(&Items { items: users.iter().take(ITEMS_MAX).map(item).collect() })
}

/// `GET /lookup/teams?q=`: departments.
pub(super) async fn teams(visit: Visit) -> Response {
    let directory = visit.tenant.engine.directory();
    let asked = visit.look.param("q").unwrap_or_default().to_lowercase();
    let mut teams: Vec<_> = directory
        .departments()
        .filter(|department| department.name.to_lowercase().contains(&asked))
        .collect();
    teams.sort_by_key(|department| (department.name.clone(), department.id));
    let item = |department: &&mortise_engine::Department| Item {
        id: department.id.to_string(),
        title: department.name.clone(),
        detail: department.parent.and_then(|id| directory.department(id)).map(|parent| parent.name.clone()),
    };
    body::json(&Items { items: teams.iter().take(ITEMS_MAX).map(item).collect() })
}
