//! The list of an entity: views as tabs, filters, search, order, pages, and what can be done with many records at once.
//! One query per page, whatever is shown.

pub(super) mod advanced;
mod builder;
pub(super) mod bulk;
pub(super) mod cell;
mod columns;
mod filters;
pub(super) mod params;
pub(super) mod personal;
pub(super) mod saved;
pub(super) mod table;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use mortise_definition::locale;
use mortise_definition::model::{EntityModel, FieldKind, Slot, ViewModel};
use mortise_definition::source::Operation;
use mortise_engine::{Op, Page, Query};
use mortise_expr::Value;
use serde::Serialize;
use std::sync::Arc;

pub(super) use columns::{title_of, tone};
pub(super) use filters::field_label;

use self::advanced::Advanced;
use self::bulk::Changeable;
use self::columns::{Column, Row};
use self::filters::{Chip, Filter, Filters, Quick};
use self::params::Params;
use self::saved::Kept;
use self::table::{Drawing, Found, Table};
use super::flash::Toast;
use super::shell::entity_path;
use super::show::{Show, grouped};
use super::views::{self, Drawn};
use super::visit::Visit;
use crate::Failure;

#[derive(Serialize)]
struct List {
    app: String,
    label: String,
    plural: String,
    heading: String,
    icon: String,
    /// Key of the entity.
    entity: String,
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
    /// What the view is drawn as, where it is no table.
    drawn: Option<Drawn>,
    /// There is a column with a button for rows that can be claimed.
    claims: bool,
    /// Rows can be chosen.
    select: bool,
    /// Fields that can be given to all chosen rows.
    bulk: Vec<Changeable>,
    /// Columns, windows, groups and figures of the table.
    table: Table,
    /// Filters that people keep.
    saved: Vec<Kept>,
    /// The filter that rows are put together for.
    advanced: Option<Advanced>,
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

impl Can {
    fn of(visit: &Visit, entity: &EntityModel) -> Can {
        Can {
            create: visit.may(entity, Operation::Create),
            delete: visit.may(entity, Operation::Delete),
            import: visit.may(entity, Operation::Import),
            export: visit.may(entity, Operation::Export),
        }
    }
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
pub(super) fn view_of(visit: &Visit, entity: &EntityModel, params: &Params) -> Option<Arc<ViewModel>> {
    let model = visit.tenant.engine.model();
    let mut views = model.views_of(entity);
    match params.get("view") {
        Some("-") => None,
        Some(key) => views.find(|view| view.key == key || view.id == key).cloned(),
        None => views.next().cloned(),
    }
}

/// Reads the query; one that makes no sense becomes an empty list with the reason above it.
pub(super) fn query_of(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
) -> (Option<Query>, Option<String>) {
    match query_for(visit, entity, params) {
        Ok(query) => (Some(query), None),
        Err(failure) => {
            let reason = failure.title(visit.language);
            (None, Some(visit.t("filter.problem", &[("reason", &reason)])))
        }
    }
}

/// Reads the query, or says why it makes no sense.
fn query_for(visit: &Visit, entity: &EntityModel, params: &Params) -> Result<Query, Failure> {
    let params = match view_of(visit, entity, params) {
        Some(view) => params.with("view", &*view.key),
        None => params.without(|name| name == "view"),
    };
    Ok(visit.tenant.engine.query(visit.actor(), &entity.key, params.for_engine())?)
}

/// Words for a script, by key, as JSON.
fn texts(visit: &Visit, group: &str, keys: &[&str]) -> String {
    // As they stand in the catalogue: the script puts the details in.
    let word = |key: &&str| {
        let name = format!("ui.{group}.{key}");
        let words = locale::lookup(visit.language, &name).unwrap_or_default();
        ((*key).to_owned(), words.into())
    };
    serde_json::Value::Object(keys.iter().map(word).collect()).to_string()
}

/// Whether rows of a list can be chosen: there is something that the person may do with them.
fn selects(visit: &Visit, show: &Show, entity: &EntityModel) -> bool {
    visit.may(entity, Operation::Delete) || !bulk::changeable(visit, show, entity).is_empty()
}

async fn answer(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
    toasts: Vec<Toast>,
) -> Result<Response, Failure> {
    let (query, problem) = query_of(visit, entity, params);
    let (mut found, mut drawn) = (Found::default(), None);
    let mut problem = problem;
    if let Some(query) = &query {
        match read(visit, entity, params, query).await {
            Ok(read) => (found, drawn) = read,
            Err(failure) if failure.status() == StatusCode::BAD_REQUEST => {
                problem = Some(failure.title(visit.language));
            }
            Err(failure) => return Err(failure),
        }
    }
    let titles = condition_titles(visit, entity, query.as_ref()).await;
    let mut list = context(visit, entity, params, query.as_ref(), &found, problem, &titles);
    list.drawn = drawn;
    {
        let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
        let show = Show::new(&visit.by, &model, &directory);
        let view = view_of(visit, entity, params);
        list.saved = saved::of(visit, &show, entity, view.as_deref(), params, &list.url).await?;
        let expression = params.get("filter").unwrap_or_default();
        list.advanced = Some(advanced::of(visit, &show, entity, expression).await);
    }
    list.say_filter();
    let title = list.heading.clone();
    visit.page_with("list.html", &title, Wrapped { list }, toasts)
}

/// The rows of a table, or what the view is drawn as instead.
async fn read(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
    query: &Query,
) -> Result<(Found, Option<Drawn>), Failure> {
    match views::draw(visit, entity, params, query).await? {
        Some(drawn) => Ok((Found::default(), Some(drawn))),
        None => Ok((table::read(visit, entity, params, query).await?, None)),
    }
}

impl List {
    /// Says the filter of the address in words, where it has any.
    fn say_filter(&mut self) {
        let sentence = self.advanced.as_ref().map(|advanced| advanced.sentence.clone()).unwrap_or_default();
        if let Some(chip) =
            self.chips.iter_mut().find(|chip| chip.expression).filter(|_| !sentence.is_empty())
        {
            chip.text = sentence;
        }
    }
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
    found: &Found,
    problem: Option<String>,
    titles: &[(Slot, String)],
) -> List {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let path = visit.base.path(&entity_path(&model, entity));
    let view = view_of(visit, entity, params);
    let view = view.as_deref();
    let filters = Filters { show: &show, entity, params, path: &path, titles };
    let page = found.page.as_ref();
    let drawing = Drawing { visit, show: &show, entity, view, params, path: &path, query };
    let (columns, rows, table) = drawing.draw(found);
    let claims = super::record::course::claims(visit, entity);
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
        entity: entity.key.clone(),
        here: params.query(),
        q: params.get("q").unwrap_or_default().to_owned(),
        can: Can::of(visit, entity),
        views: tabs(visit, entity, view, &path),
        quick: filters.quick(view),
        filters: filters.drawer(),
        narrowed: view.is_some_and(|view| view.filter.is_some()),
        filtered: !chips.is_empty() || problem.is_some(),
        chips,
        problem,
        clear: params.without_filters().href(&path),
        keep: owned(&params.rewound().without(|name| name == "q")),
        keep_without_filters: owned(
            &params.rewound().without(|name| name.starts_with("where.") || name == "filter"),
        ),
        range: page.and_then(|page| range(visit, params, query?, page)).unwrap_or_default(),
        next: page
            .as_ref()
            .and_then(|page| page.next.as_deref())
            .map(|cursor| params.next(cursor).href(&path)),
        previous: params.previous().map(|previous| previous.href(&path)),
        export: Export { csv: export("csv"), xlsx: export("xlsx") },
        claims: !claims.is_empty(),
        select: selects(visit, &show, entity),
        bulk: bulk::changeable(visit, &show, entity),
        table,
        saved: Vec::new(),
        advanced: None,
        columns,
        rows,
        drawn: None,
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

#[cfg(test)]
mod tests {
    use super::locale;

    #[test]
    fn everything_that_the_scripts_of_lists_say_is_translated() {
        let all = [("table", super::table::TEXTS), ("builder", super::advanced::TEXTS)];
        for (group, key) in all.iter().flat_map(|(group, keys)| keys.iter().map(move |key| (group, key))) {
            for language in locale::languages() {
                assert!(
                    locale::lookup(language, &format!("ui.{group}.{key}")).is_some(),
                    "{group}.{key} in {language}"
                );
            }
        }
    }
}
