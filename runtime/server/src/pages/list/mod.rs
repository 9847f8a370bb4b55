//! The list of an entity: views as tabs, filters, search, order, pages, and what can be done with many records at once.
//! One query per page, whatever is shown.

mod columns;
mod filters;
mod params;

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_definition::model::{EntityModel, FieldKind, Slot, ViewModel};
use mortise_definition::source::Operation;
use mortise_engine::{Command, Error, Op, Outcome, Page, Query, RunOptions};
use mortise_expr::Value;
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

pub(super) use columns::title_of;
pub(super) use filters::field_label;

use self::columns::{Column, Row};
use self::filters::{Chip, Filter, Filters, Quick};
use self::params::Params;
use super::flash::Toast;
use super::shell::entity_path;
use super::show::{Show, grouped};
use super::visit::Visit;
use crate::Failure;

/// Records deleted or restored by one request.
const BULK_MAX: usize = 500;

#[derive(Serialize)]
struct List {
    app: String,
    label: String,
    plural: String,
    heading: String,
    icon: String,
    url: String,
    here: String,
    q: String,
    can: Can,
    views: Vec<Tab>,
    quick: Vec<Quick>,
    filters: Vec<Filter>,
    chips: Vec<Chip>,
    problem: Option<String>,
    filtered: bool,
    narrowed: bool,
    clear: String,
    keep: Vec<(String, String)>,
    keep_without_filters: Vec<(String, String)>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    /// Some of the rows can be claimed.
    claims: bool,
    range: String,
    next: Option<String>,
    previous: Option<String>,
    export: Export,
}

#[derive(Serialize)]
struct Can {
    create: bool,
    delete: bool,
    import: bool,
    export: bool,
}

/// One of several ways to look at a page.
#[derive(Serialize)]
pub(super) struct Tab {
    pub(super) label: String,
    pub(super) href: String,
    pub(super) active: bool,
}

#[derive(Serialize)]
struct Export {
    csv: String,
    xlsx: String,
}

/// The entity of an address, if the person may read any of its records.
pub(super) fn entity_of(visit: &Visit, app: &str, entity: &str) -> Result<Arc<EntityModel>, Failure> {
    let model = visit.tenant.engine.model();
    let key = format!("{app}.{entity}");
    let unknown = || Failure::not_found("entity.not_found").with("entity", &key);
    let entity = model.entity(&key).cloned().ok_or_else(unknown)?;
    if !visit.may(&entity, Operation::Read) {
        return Err(Failure::forbidden().with("entity", &entity.key));
    }
    Ok(entity)
}

/// `GET /a/{app}/{entity}`.
pub(super) async fn show(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let params = Params::read(visit.look.params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    answer(&visit, &entity, &params, Vec::new()).await
}

/// The view that an address asks for, else the entity's first.
fn view_of(visit: &Visit, entity: &EntityModel, params: &Params) -> Option<Arc<ViewModel>> {
    let model = visit.tenant.engine.model();
    let mut views = model.views_of(entity);
    match params.get("view") {
        Some("-") => None,
        Some(key) => views.find(|view| view.key == key || view.id == key).cloned(),
        None => views.next().cloned(),
    }
}

/// Reads the query; one that makes no sense becomes an empty list with the reason above it.
fn query_of(visit: &Visit, entity: &EntityModel, params: &Params) -> (Option<Query>, Option<String>) {
    let params = match view_of(visit, entity, params) {
        Some(view) => params.with("view", &*view.key),
        None => params.without(|name| name == "view"),
    };
    match visit.tenant.engine.query(visit.actor(), &entity.key, params.for_engine()) {
        Ok(query) => (Some(query), None),
        Err(error) => {
            let failure = Failure::from(error);
            let reason = failure.title(visit.language);
            (None, Some(visit.t("filter.problem", &[("reason", &reason)])))
        }
    }
}

async fn answer(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
    toasts: Vec<Toast>,
) -> Result<Response, Failure> {
    let (query, problem) = query_of(visit, entity, params);
    let mut page = None;
    let mut problem = problem;
    if let Some(query) = &query {
        match visit.tenant.engine.list(visit.actor(), query).await {
            Ok(found) => page = Some(found),
            Err(error @ Error::BadRequest(_)) => problem = Some(Failure::from(error).title(visit.language)),
            Err(error) => return Err(error.into()),
        }
    }
    let titles = condition_titles(visit, entity, query.as_ref()).await;
    let list = context(visit, entity, params, query.as_ref(), page.as_ref(), problem, &titles);
    let title = list.heading.clone();
    visit.page_with("list.html", &title, Wrapped { list }, toasts)
}

#[derive(Serialize)]
struct Wrapped {
    list: List,
}

/// Titles of the records that conditions name, for the chips: one read for each such condition.
async fn condition_titles(visit: &Visit, entity: &EntityModel, query: Option<&Query>) -> Vec<(Slot, String)> {
    let model = visit.tenant.engine.model();
    let mut titles = Vec::new();
    for condition in query.into_iter().flat_map(|query| &query.conditions) {
        let FieldKind::Reference { entity: target } = &entity.fields[condition.slot].kind else { continue };
        let (Op::Eq, Some(id)) = (condition.op, condition.values.first().and_then(Value::as_id)) else {
            continue;
        };
        let title = super::lookup::title(visit, &model.entities[*target], id).await;
        titles.push((condition.slot, title));
    }
    titles
}

fn context(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
    query: Option<&Query>,
    page: Option<&Page>,
    problem: Option<String>,
    titles: &[(Slot, String)],
) -> List {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&entity_path(&model, entity));
    let view = view_of(visit, entity, params);
    let view = view.as_deref();
    let filters = Filters { show: &show, entity, params, path: &path, titles };
    let sort = query.map(|query| query.sort.as_slice()).unwrap_or_default();
    let columns = columns::columns(&show, entity, view, sort, params, &path);
    let records = page.map(|page| page.rows.as_slice()).unwrap_or_default();
    let claims = super::record::course::claims(visit, entity);
    let rows = columns::rows(&show, entity, view, &columns, records, &claims);
    let chips = query.map(|query| filters.chips(query)).unwrap_or_default();
    let export = |format: &str| {
        let query = params.rewound();
        let query =
            view.map_or(query.clone(), |view| query.with("view", &*view.key)).with("format", format).query();
        visit.base.path(&format!("/api/v1/records/{}/export?{query}", entity.key))
    };
    let owned =
        |params: &Params| params.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let plural = entity.plural.get(visit.language).to_owned();
    List {
        app: model.apps[entity.app].label.get(visit.language).to_owned(),
        label: entity.label.get(visit.language).to_owned(),
        heading: view.map_or_else(|| plural.clone(), |view| view.label.get(visit.language).to_owned()),
        plural,
        icon: entity.icon.clone(),
        here: params.query(),
        q: params.get("q").unwrap_or_default().to_owned(),
        can: Can {
            create: visit.may(entity, Operation::Create),
            delete: visit.may(entity, Operation::Delete),
            import: visit.may(entity, Operation::Import),
            export: visit.may(entity, Operation::Export),
        },
        views: tabs(visit, entity, view, &path),
        quick: filters.quick(view),
        filters: filters.drawer(),
        narrowed: view.is_some_and(|view| view.filter.is_some()),
        filtered: !chips.is_empty() || problem.is_some(),
        chips,
        problem,
        clear: params.without_filters().href(&path),
        keep: owned(&params.rewound().without(|name| name == "q")),
        keep_without_filters: owned(&params.rewound().without(|name| name.starts_with("where."))),
        range: page.and_then(|page| range(visit, params, query?, page)).unwrap_or_default(),
        next: page
            .as_ref()
            .and_then(|page| page.next.as_deref())
            .map(|cursor| params.next(cursor).href(&path)),
        previous: params.previous().map(|previous| previous.href(&path)),
        export: Export { csv: export("csv"), xlsx: export("xlsx") },
        claims: rows.iter().any(Row::claimable),
        columns,
        rows,
        url: path,
    }
}

fn tabs(visit: &Visit, entity: &EntityModel, shown: Option<&ViewModel>, path: &str) -> Vec<Tab> {
    let model = visit.tenant.engine.model();
    let tab = |view: &Arc<ViewModel>| Tab {
        label: view.label.get(visit.language).to_owned(),
        href: format!("{path}?view={}", view.key),
        active: shown.is_some_and(|shown| shown.key == view.key),
    };
    model.views_of(entity).map(tab).collect()
}

/// "1–50 of 10,000+".
fn range(visit: &Visit, params: &Params, query: &Query, page: &Page) -> Option<String> {
    let shown = i64::try_from(page.rows.len()).ok().filter(|count| *count > 0)?;
    let before = i64::try_from(query.limit.checked_mul(params.page() - 1)?).ok()?;
    let (from, to) = (grouped(before + 1), grouped(before + shown));
    Some(match page.total {
        Some(total) => {
            let mark = if total.exact { "" } else { "+" };
            let total = format!("{}{mark}", grouped(total.count));
            visit.t("list.range", &[("from", &from), ("to", &to), ("total", &total)])
        }
        None => visit.t("list.range_open", &[("from", &from), ("to", &to)]),
    })
}

/// Ids out of a form with check boxes.
fn chosen(form: &[(String, String)]) -> Vec<Uuid> {
    let ids = form.iter().filter(|(name, _)| name == "id");
    ids.filter_map(|(_, value)| value.parse().ok()).take(BULK_MAX).collect()
}

/// `POST /a/{app}/{entity}/bulk-delete`: shows the list again, with a way back.
pub(super) async fn bulk_delete(
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
pub(super) async fn bulk_restore(
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
