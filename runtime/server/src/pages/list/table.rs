//! What a table has beyond its page: rows in windows for long lists, groups with what they add up to, figures below the
//! columns. A window is one statement; groups are one for the figures and one for the first rows of all of them.

use axum::extract::Path;
use axum::response::Response;
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, ViewModel};
use mortise_definition::source::Total;
use mortise_engine::{Condition, Figures, GroupFigures, Op, Page, Part, Query};
use mortise_expr::Value;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

use super::columns::{self, Column, Row};
use super::params::Params;
use super::personal;
use super::{entity_of, query_for, view_of};
use crate::Failure;
use crate::api::body;
use crate::pages::shell::entity_path;
use crate::pages::show::{Cell, Show, grouped};
use crate::pages::visit::Visit;

/// Rows of a group that are there before somebody scrolls.
const GROUP_ROWS: u64 = 20;
/// Groups whose first rows come with the page; those of others come when they are scrolled to.
const GROUPS_OPEN: usize = 8;
/// Rows of one window at most.
const WINDOW_MAX: u64 = 200;

/// What the script of a table says; each is `ui.table.<key>` in the catalogue.
pub(super) const TEXTS: &[&str] = &[
    "saved",
    "gone",
    "closed",
    "failed",
    "retry",
    "range",
    "moved",
    "not_kept",
    "bulk_count",
    "bulk_running",
    "bulk_done",
    "bulk_stopped",
    "bulk_broken",
    "bulk_deleting",
    "bulk_more",
    "cancel",
    "close",
];

/// What was read for a table.
#[derive(Default)]
pub(super) struct Found {
    pub(super) page: Option<Page>,
    figures: Option<Figures>,
    parts: Vec<Part>,
    liking: personal::Liking,
}

/// A table beyond its rows.
#[derive(Default, Serialize)]
pub(super) struct Table {
    /// Where windows of rows are read.
    rows_url: String,
    /// Where figures are read again.
    figures_url: String,
    /// Under which name columns are remembered.
    choice: String,
    /// The person chose widths: nothing is stretched.
    sized: bool,
    /// Rows of a window.
    size: u64,
    /// Rows before the first that is shown.
    start: u64,
    /// Rows in all, as far as they were counted.
    total: i64,
    exact: bool,
    next: Option<String>,
    previous: Option<String>,
    /// Label of the field by which rows are grouped.
    grouped: Option<String>,
    sections: Vec<Section>,
    /// Figures below the columns; empty where there are none.
    totals: Vec<Option<Figure>>,
    /// What the script says, as JSON.
    texts: String,
    /// All columns that can be chosen.
    pub(super) choosable: Vec<personal::Choosable>,
}

/// The rows of a group.
#[derive(Serialize)]
struct Section {
    label: Cell,
    count: i64,
    count_text: String,
    /// Parameters of the list that leave only these.
    with: String,
    href: String,
    totals: Vec<Option<Figure>>,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A figure below a column.
#[derive(Serialize)]
struct Figure {
    /// Name of the column.
    key: String,
    label: String,
    text: String,
}

/// Reads a table: its page, or the groups of a grouped one.
pub(super) async fn read(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
    query: &Query,
) -> Result<Found, Failure> {
    let engine = &visit.tenant.engine;
    let view = view_of(visit, entity, params);
    let liking = personal::liking(visit, entity, view.as_deref()).await?;
    let layout = view.as_deref().map(|view| &view.layout);
    // A list of one group only has pages like any other.
    let one = |slot: &Slot| query.conditions.iter().any(|known| known.slot == *slot && known.op != Op::In);
    let by = layout.and_then(|layout| layout.by).filter(|slot| query.cursor.is_none() && !one(slot));
    let totals = layout.map(|layout| layout.totals.as_slice()).unwrap_or_default();
    let mut found = Found { liking, ..Found::default() };
    if by.is_some() || !totals.is_empty() {
        found.figures = Some(engine.figures(visit.actor(), query, by, totals).await?);
    }
    if let (Some(by), Some(groups)) = (by, found.figures.as_mut().and_then(|figures| figures.groups.as_mut()))
    {
        in_order(&entity.fields[by], groups);
        let cases: Vec<Vec<Condition>> =
            groups.iter().take(GROUPS_OPEN).map(|group| vec![case(by, &group.value)]).collect();
        let query = Query { limit: GROUP_ROWS, ..query.clone() };
        found.parts = engine.parts(visit.actor(), &query, &cases).await?;
    } else {
        found.page = Some(engine.list(visit.actor(), query).await?);
    }
    Ok(found)
}

/// Groups of a choice in the order of its choices, which is the one that people know; what has no value comes last.
fn in_order(field: &FieldModel, groups: &mut [GroupFigures]) {
    let place = |value: &Value| match (&field.kind, value) {
        (FieldKind::Choice { choices }, Value::Text(code)) => {
            choices.iter().position(|choice| *choice.value == **code).unwrap_or(choices.len())
        }
        _ => 0,
    };
    groups.sort_by_key(|group| (group.value.is_null(), place(&group.value)));
}

/// The condition that a record belongs to a group.
fn case(by: Slot, value: &Value) -> Condition {
    match value {
        Value::Null => {
            Condition { slot: by, op: Op::Empty, values: vec![Value::Bool(true)], text: String::new() }
        }
        value => Condition { slot: by, op: Op::Eq, values: vec![value.clone()], text: String::new() },
    }
}

/// The same as a parameter of the list.
fn case_params(field: &FieldModel, value: &Value) -> Params {
    let name = format!("where.{}", field.name);
    let text = match mortise_engine::values::to_json(value) {
        serde_json::Value::Null => return Params::default().with(&format!("{name}.empty"), "true"),
        serde_json::Value::String(text) => text,
        json => json.to_string(),
    };
    Params::default().with(&name, text)
}

/// All that a table is drawn from.
pub(super) struct Drawing<'a> {
    pub(super) visit: &'a Visit,
    pub(super) show: &'a Show<'a>,
    pub(super) entity: &'a EntityModel,
    pub(super) view: Option<&'a ViewModel>,
    pub(super) params: &'a Params,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a Query>,
}

impl Drawing<'_> {
    /// The columns as the person likes them, the rows of the page, and the table around them.
    pub(super) fn draw(&self, found: &Found) -> (Vec<Column>, Vec<Row>, Table) {
        let sort = self.query.map(|query| query.sort.as_slice()).unwrap_or_default();
        let mut columns = columns::columns(self.show, self.entity, self.view, sort, self.params, self.path);
        columns::spread(&mut columns);
        let (columns, choosable) = found.liking.arrange(columns);
        let records = found.page.as_ref().map(|page| page.rows.as_slice()).unwrap_or_default();
        let rows = self.rows(&columns, records);
        let size = self.query.map_or(0, |query| query.limit);
        let shown = self.params.rewound();
        let address = |part: &str| shown.href(&format!("{}/{part}", self.path));
        let mut table = Table {
            rows_url: address("rows"),
            figures_url: address("figures"),
            choice: personal::name(self.entity, self.view),
            sized: found.liking.sized(),
            start: size * (self.params.page() - 1),
            size,
            choosable,
            texts: super::texts(self.visit, "table", TEXTS),
            ..Table::default()
        };
        if let Some(page) = &found.page {
            (table.next, table.previous) = (page.next.clone(), page.previous.clone());
            let seen = i64::try_from(table.start).unwrap_or(0) + i64::try_from(page.rows.len()).unwrap_or(0);
            table.total = page.total.map_or(seen, |total| total.count).max(seen);
            table.exact = page.total.is_some_and(|total| total.exact);
        }
        if let Some(figures) = &found.figures {
            table.totals = self.figures(&columns, &figures.all.totals);
            if let (Some(groups), Some(by)) = (&figures.groups, self.view.and_then(|view| view.layout.by)) {
                table.grouped = Some(super::field_label(self.show, &self.entity.fields[by]));
                table.size = GROUP_ROWS;
                (table.total, table.exact) = (figures.all.count, true);
                let part = |index: usize| found.parts.get(index);
                table.sections = groups
                    .iter()
                    .enumerate()
                    .map(|(index, group)| self.section(&columns, by, group, part(index)))
                    .collect();
            }
        }
        (columns, rows, table)
    }

    fn rows(&self, columns: &[Column], records: &[mortise_engine::Record]) -> Vec<Row> {
        let claims = crate::pages::record::course::claims(self.visit, self.entity);
        columns::rows(self.show, self.entity, self.view, columns, records, &claims)
    }

    fn section(&self, columns: &[Column], by: Slot, group: &GroupFigures, part: Option<&Part>) -> Section {
        let field = &self.entity.fields[by];
        let with = case_params(field, &group.value);
        let all = with.pairs().fold(self.params.rewound(), |params, (name, value)| params.with(name, value));
        Section {
            label: self.show.value(field, &group.value, group.title.as_deref()),
            count: group.count,
            count_text: grouped(group.count),
            with: with.query(),
            href: all.href(self.path),
            totals: self.figures(columns, &group.totals),
            rows: part.map(|part| self.rows(columns, &part.rows)).unwrap_or_default(),
            next: part.and_then(|part| part.next.clone()),
        }
    }

    /// Figures in their columns; empty where no column has one.
    fn figures(&self, columns: &[Column], values: &[Value]) -> Vec<Option<Figure>> {
        let totals = self.view.map(|view| view.layout.totals.as_slice()).unwrap_or_default();
        if totals.is_empty() {
            return Vec::new();
        }
        let figure = |column: &Column| {
            let at = totals.iter().position(|(slot, _)| *slot == column.slot && column.through.is_none())?;
            let (slot, total) = totals[at];
            let value = values.get(at)?;
            let day = matches!(value, Value::Date(_) | Value::DateTime(_));
            let text = match (total, value) {
                (Total::Count, Value::Int(count)) => grouped(*count),
                (_, Value::Date(day)) => self.show.day_words(*day),
                (_, Value::DateTime(at)) => {
                    self.show.day_words(at.with_timezone(&self.show.by.user().tz).date_naive())
                }
                (_, value) => self.show.words(&self.entity.fields[slot], value),
            };
            let label = self.visit.t(&format!("list.total_{}", name_of(total, day)), &[]);
            Some(Figure { key: column.key.clone(), label, text })
        };
        columns.iter().map(figure).collect()
    }
}

/// Days are early and late, numbers low and high.
fn name_of(total: Total, day: bool) -> &'static str {
    match total {
        Total::Sum => "sum",
        Total::Average => "average",
        Total::Min if day => "earliest",
        Total::Max if day => "latest",
        Total::Min => "min",
        Total::Max => "max",
        Total::Count => "count",
    }
}

#[derive(Serialize)]
struct Window {
    list: WindowList,
}

/// A window of rows; the names are those of the list's own template.
#[derive(Serialize)]
struct WindowList {
    url: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    select: bool,
    claims: bool,
    next: Option<String>,
    previous: Option<String>,
    total: Option<i64>,
}

/// `GET /a/{app}/{entity}/rows`: a window of the list: from `cursor` on, or up to `before`, or from the position `offset` on.
pub(in crate::pages) async fn rows(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let params = Params::read(visit.look.params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut query = query_for(&visit, &entity, &params)?;
    let number = |name: &str| visit.look.param(name).and_then(|text| text.parse::<u64>().ok());
    query.limit = number("limit").unwrap_or(query.limit).clamp(1, WINDOW_MAX);
    query.before = visit.look.param("before").map(str::to_owned).filter(|_| query.cursor.is_none());
    query.offset = number("offset").unwrap_or(0);
    query.total = visit.look.param("total") == Some("exact");
    query.exact = query.total;
    window(&visit, &entity, &params, &query).await
}

/// The rows of a query as the list draws them.
pub(super) async fn window(
    visit: &Visit,
    entity: &EntityModel,
    params: &Params,
    query: &Query,
) -> Result<Response, Failure> {
    let page = visit.tenant.engine.list(visit.actor(), query).await?;
    let view = view_of(visit, entity, params);
    let liking = personal::liking(visit, entity, view.as_deref()).await?;
    let (next, previous) = (page.next.clone(), page.previous.clone());
    let total = page.total.map(|total| total.count);
    let found = Found { page: Some(page), liking, ..Found::default() };
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let url = visit.base.path(&entity_path(&model, entity));
    let view = view.as_deref();
    let drawing = Drawing { visit, show: &show, entity, view, params, path: &url, query: Some(query) };
    let (columns, rows, _) = drawing.draw(&found);
    let select = super::selects(visit, &show, entity);
    let claims = !crate::pages::record::course::claims(visit, entity).is_empty();
    let list = WindowList { select, claims, next, previous, total, columns, rows, url: url.clone() };
    visit.page("list/window.html", "", Window { list })
}

/// `GET /a/{app}/{entity}/figures`: counts and figures of a table again, after something in it has changed.
pub(in crate::pages) async fn figures(
    visit: Visit,
    Path((app, entity)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let entity = entity_of(&visit, &app, &entity)?;
    let params = Params::read(visit.look.params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let query = query_for(&visit, &entity, &params)?;
    let found =
        read(&visit, &entity, &params, &Query { limit: 1, total: true, exact: true, ..query }).await?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let view = view_of(&visit, &entity, &params);
    let path = visit.base.path(&entity_path(&model, &entity));
    let view = view.as_deref();
    let drawing = Drawing {
        visit: &visit,
        show: &show,
        entity: &entity,
        view,
        params: &params,
        path: &path,
        query: None,
    };
    let (_, _, table) = drawing.draw(&found);
    let texts = |totals: &[Option<Figure>]| -> BTreeMap<String, String> {
        totals.iter().flatten().map(|figure| (figure.key.clone(), figure.text.clone())).collect()
    };
    let sections = table.sections.iter();
    let groups = sections.map(|section| {
        json!({
            "with": section.with,
            "count": section.count,
            "text": section.count_text,
            "totals": texts(&section.totals),
        })
    });
    let groups: Vec<_> = groups.collect();
    Ok(body::json(&json!({ "count": table.total, "groups": groups, "totals": texts(&table.totals) })))
}
