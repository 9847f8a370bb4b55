//! Filters that people keep: a menu above the list with their own and those that others share, and the forms that keep one or
//! throw it away.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::model::{EntityModel, ViewModel};
use mortise_engine::values::People as _;
use mortise_engine::{FilterInput, SavedFilter};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::entity_of;
use super::params::Params;
use crate::Failure;
use crate::pages::flash::Toast;
use crate::pages::shell::entity_path;
use crate::pages::show::Show;
use crate::pages::visit::Visit;

/// A kept filter in the menu.
#[derive(Serialize)]
pub(super) struct Kept {
    id: String,
    name: String,
    href: String,
    active: bool,
    /// Whose it is, where it is somebody else's.
    owner: Option<String>,
    shared: bool,
    own: bool,
}

/// What is kept of a list's address: its filters, search and order within a view.
fn kept_part(params: &Params) -> Params {
    params
        .rewound()
        .without(|name| !(matches!(name, "view" | "q" | "sort" | "filter") || name.starts_with("where.")))
}

fn params_of(filter: &SavedFilter) -> Params {
    Params::read(filter.params.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))))
}

fn sorted(params: &Params) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> =
        params.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    pairs.sort();
    pairs
}

/// The filters that the person has over an entity.
pub(super) async fn of(
    visit: &Visit,
    show: &Show<'_>,
    entity: &EntityModel,
    view: Option<&ViewModel>,
    params: &Params,
    path: &str,
) -> Result<Vec<Kept>, Failure> {
    let filters = visit.tenant.engine.saved_filters(visit.actor(), &entity.key).await?;
    let with_view = |params: Params| match view {
        Some(view) if params.get("view").is_none() => params.with("view", &*view.key),
        _ => params,
    };
    let now = sorted(&with_view(kept_part(params)));
    let kept = |filter: &SavedFilter| {
        let params = params_of(filter);
        let own = filter.owner == visit.user().id;
        Kept {
            id: filter.id.to_string(),
            name: filter.name.clone(),
            href: params.href(path),
            active: sorted(&with_view(params)) == now,
            owner: (!own).then(|| show.directory.user_name(filter.owner).unwrap_or_default().to_owned()),
            shared: filter.shared,
            own,
        }
    };
    Ok(filters.iter().map(kept).collect())
}

/// `POST /a/{app}/{entity}/filters`: keeps what is set under a name.
pub(in crate::pages) async fn keep(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let part = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    let params = kept_part(&Params::parse(part("return").unwrap_or_default()));
    let pairs = params.pairs().map(|(name, value)| (name.to_owned(), Json::from(value)));
    let input = FilterInput {
        entity: entity.key.clone(),
        name: part("name").unwrap_or_default().to_owned(),
        params: pairs.collect::<Map<_, _>>(),
        shared: part("shared") == Some("true"),
    };
    let path = params.href(&entity_path(&visit.tenant.engine.model(), &entity));
    let toast = match visit.tenant.engine.save_filter(visit.actor(), None, input).await {
        Ok(filter) => Toast::good(visit.t("saved.kept", &[("name", &filter.name)])),
        Err(error) => Toast::error(Failure::from(error).title(visit.language)),
    };
    Ok(visit.go_with(&path, &toast))
}

/// `POST /a/{app}/{entity}/filters/{id}/delete`.
pub(in crate::pages) async fn forget(
    visit: Visit,
    Path((app, entity, id)): Path<(String, String, String)>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let id: Uuid = id.parse().map_err(|_| Failure::not_found("saved_filter.not_found"))?;
    visit.tenant.engine.delete_filter(visit.actor(), id).await?;
    let back = form.iter().find(|(name, _)| name == "return").map(|(_, query)| query.as_str());
    let path = entity_path(&visit.tenant.engine.model(), &entity);
    let path = Params::parse(back.unwrap_or_default()).href(&path);
    Ok(visit.go_with(&path, &Toast::good(visit.t("saved.forgotten", &[]))))
}
