//! Search over everything that a person may see: records of all kinds, pages and actions. As a page of its own and as
//! what the palette shows. Never more than a few records of each kind, each kind by one statement with the person's scope in it.

use std::collections::HashSet;
use std::sync::Arc;

use axum::response::Response;
use futures_util::future::try_join_all;
use mortise_definition::model::{EntityModel, Model, Slot, ViewModel};
use mortise_definition::source::Operation;
use mortise_engine::Record;
use serde::Serialize;

use super::list;
use super::shell::{NavLink, entity_path};
use super::show::Show;
use super::visit::Visit;
use crate::Failure;

/// Kinds of records that one question is put to; tenants with more have them in their lists.
const KINDS_MAX: usize = 24;
/// Records of each kind: a glance, not a list. One more is asked for, to know whether there are others.
const EACH: usize = 4;
/// Views beside those of the menus; beyond that, lists show their views themselves.
const VIEWS_MAX: usize = 60;
/// Longer questions are cut; nobody types as much into a search box.
const QUESTION_CHARS_MAX: usize = 100;

#[derive(Serialize)]
struct Page {
    found: Found,
}

#[derive(Serialize)]
struct Found {
    query: String,
    groups: Vec<Group>,
    views: Vec<View>,
}

/// A view that no menu has.
#[derive(Serialize)]
struct View {
    link: NavLink,
    of: String,
}

/// The records of one kind that were found.
#[derive(Serialize)]
struct Group {
    label: String,
    icon: String,
    hits: Vec<Hit>,
    /// Address of all of them, where there are more.
    all: Option<String>,
}

#[derive(Serialize)]
struct Hit {
    title: String,
    detail: Option<String>,
    href: String,
}

/// `GET /search?q=`: the page, which works without script.
pub(super) async fn page(visit: Visit) -> Result<Response, Failure> {
    let found = find(&visit).await?;
    visit.page("search.html", &visit.t("shell.search", &[]), Page { found })
}

/// `GET /palette?q=`: records for what was typed; pages and actions when nothing was.
pub(super) async fn palette(visit: Visit) -> Result<Response, Failure> {
    let found = find(&visit).await?;
    let template = if found.query.is_empty() { "parts/commands.html" } else { "parts/hits.html" };
    visit.page(template, "", Page { found })
}

async fn find(visit: &Visit) -> Result<Found, Failure> {
    let asked = visit.look.param("q").unwrap_or_default().trim();
    let query: String = asked.chars().take(QUESTION_CHARS_MAX).collect();
    let model = visit.tenant.engine.model();
    if query.is_empty() {
        return Ok(Found { query, groups: Vec::new(), views: views(visit, &model) });
    }
    let kinds = kinds(visit, &model);
    let mut answers = Vec::with_capacity(kinds.len());
    for entity in &kinds {
        answers.push(ask(visit, entity, &query));
    }
    let answers = try_join_all(answers).await?;
    let directory = visit.tenant.engine.directory();
    let show = Show::new(&visit.by, &model, &directory);
    let answered = kinds.iter().zip(answers).filter(|(_, records)| !records.is_empty());
    let groups = answered.map(|(entity, records)| group(visit, &show, entity, &records, &query)).collect();
    Ok(Found { query, groups, views: Vec::new() })
}

/// The views that no menu has, of what the person may read.
fn views(visit: &Visit, model: &Model) -> Vec<View> {
    let listed: HashSet<&str> = model.apps.iter().flat_map(|app| &app.menu).map(String::as_str).collect();
    let fits = |view: &&Arc<ViewModel>| {
        !listed.contains(view.key.as_str()) && visit.may(&model.entities[view.entity], Operation::Read)
    };
    let entry = |view: &Arc<ViewModel>| {
        let entity = &model.entities[view.entity];
        let link = NavLink {
            label: view.label.get(visit.language).to_owned(),
            href: format!("{}?view={}", entity_path(model, entity), view.key),
            icon: entity.icon.clone(),
            active: false,
            views: Vec::new(),
        };
        View { link, of: entity.plural.get(visit.language).to_owned() }
    };
    model.views.values().filter(fits).take(VIEWS_MAX).map(entry).collect()
}

/// The kinds of records that can be searched and have pages to be opened on, the apps that people work with first.
fn kinds(visit: &Visit, model: &Model) -> Vec<Arc<EntityModel>> {
    let fits = |entity: &&Arc<EntityModel>| {
        visit.may(entity, Operation::Read)
            && model.views_of(entity).next().is_some()
            && !shown(visit, entity).is_empty()
    };
    let mut kinds: Vec<Arc<EntityModel>> = model.entities.iter().filter(fits).cloned().collect();
    kinds.sort_by_key(|entity| std::cmp::Reverse(entity.app));
    kinds.truncate(KINDS_MAX);
    kinds
}

/// What of a record is shown: its title, and what else the search box finds, as far as the person sees it.
fn shown(visit: &Visit, entity: &EntityModel) -> Vec<Slot> {
    if entity.search.is_empty() {
        return Vec::new();
    }
    let others = entity.search.iter().copied().filter(|slot| *slot != entity.title);
    let all = std::iter::once(entity.title).chain(others);
    all.filter(|slot| entity.fields[*slot].stored() && visit.by.sees(entity, *slot)).collect()
}

async fn ask(visit: &Visit, entity: &EntityModel, query: &str) -> Result<Vec<Record>, Failure> {
    let names: Vec<&str> =
        shown(visit, entity).into_iter().map(|slot| entity.fields[slot].name.as_ref()).collect();
    let (fields, limit) = (names.join(","), (EACH + 1).to_string());
    let params = [("q", query), ("fields", &*fields), ("limit", &*limit), ("total", "false")];
    let query = visit.tenant.engine.query(visit.actor(), &entity.key, params.into_iter())?;
    Ok(visit.tenant.engine.list(visit.actor(), &query).await?.rows)
}

fn group(visit: &Visit, show: &Show, entity: &EntityModel, records: &[Record], query: &str) -> Group {
    let address = visit.base.path(&entity_path(show.model, entity));
    let hit = |record: &Record| {
        let others = shown(visit, entity).into_iter().filter(|slot| *slot != entity.title);
        let words = others.map(|slot| show.words(&entity.fields[slot], &record.values[slot]));
        let words: Vec<String> = words.filter(|text| !text.is_empty()).collect();
        let asked = query.to_lowercase();
        // What was asked for tells most; else words tell more than numbers.
        let telling = words.iter().find(|text| text.to_lowercase().contains(&asked));
        let telling = telling.or_else(|| words.iter().find(|text| text.chars().any(char::is_alphabetic)));
        Hit {
            title: list::title_of(show, entity, record),
            detail: telling.or(words.first()).cloned(),
            href: format!("{address}/{}", record.id()),
        }
    };
    let all = || format!("{address}?{}", serde_urlencoded::to_string([("q", query)]).unwrap_or_default());
    Group {
        label: entity.plural.get(visit.language).to_owned(),
        icon: entity.icon.clone(),
        hits: records.iter().take(EACH).map(hit).collect(),
        all: (records.len() > EACH).then(all),
    }
}
