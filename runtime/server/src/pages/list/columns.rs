//! Columns, rows and order of a list. Shows what the query read and nothing else: no row asks the database again.

use mortise_definition::model::{
    AssignmentModel, CalculatedModel, EntityModel, FieldKind, FieldModel, Slot, ViewColumn, ViewModel, system,
};
use mortise_definition::source::Operation;
use mortise_engine::Record;
use mortise_expr::{Context, Type, Value};
use serde::Serialize;
use std::sync::Arc;

use super::params::Params;
use crate::pages::show::{Cell, Show};

/// Columns of a list without a view.
const COLUMNS_UNASKED: usize = 7;
/// Width of the column that leads to the record: names of companies are long.
const TITLE_WIDTH: u16 = 260;
/// The same in a table of few columns, where there is room.
const TITLE_WIDEST: u16 = 460;
/// Up to this width of all columns together there is room: what a laptop shows beside the menu.
const ROOM: u16 = 1000;

/// A column as the template needs it.
#[derive(Serialize)]
pub(super) struct Column {
    /// Its name among the columns of the list: by it a person's choices are kept.
    pub(super) key: String,
    pub(super) label: String,
    pub(super) title: bool,
    pub(super) numeric: bool,
    /// Width in pixels unless the person chose another.
    pub(super) width: u16,
    /// Values can be changed in their cells.
    pub(super) edit: bool,
    phone_hide: bool,
    sort: Option<&'static str>,
    href: Option<String>,
    #[serde(skip)]
    pub(super) slot: Slot,
    #[serde(skip)]
    pub(super) through: Option<Slot>,
    /// Of a column that shows an expression.
    #[serde(skip)]
    name: Arc<str>,
}

impl Column {
    /// A column that shows an expression; lists have no order by it.
    fn calculated(part: &CalculatedModel, language: &str) -> Column {
        Column {
            key: part.field.name.to_string(),
            width: width(&part.field),
            edit: false,
            label: part.field.label.get(language).to_owned(),
            title: false,
            numeric: numeric(&part.field),
            phone_hide: part.hide_on_phone,
            sort: None,
            href: None,
            slot: part.field.slot,
            through: None,
            name: part.field.name.clone(),
        }
    }
}

/// A row as the template needs it.
#[derive(Serialize)]
pub(super) struct Row {
    id: String,
    version: i64,
    title: String,
    tone: Option<String>,
    cells: Vec<Cell>,
    /// Key of the policy by which the person may claim it.
    claim: Option<String>,
}

/// Whether lists can be ordered by a field.
fn sortable(entity: &EntityModel, field: &FieldModel) -> bool {
    field.stored()
        && !matches!(entity.shape.members()[field.slot].ty, Type::List(_) | Type::Geo | Type::Json | Type::Id)
}

fn numeric(field: &FieldModel) -> bool {
    match &field.kind {
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } | FieldKind::Rollup { .. } => true,
        FieldKind::Computed { value } => matches!(value.ty(), Type::Int | Type::Decimal(_) | Type::Float),
        _ => false,
    }
}

/// The name of a column among those of its list.
fn key_of(field: &FieldModel, through: Option<&FieldModel>) -> String {
    through.map_or_else(|| field.name.to_string(), |inner| format!("{}.{}", field.name, inner.name))
}

/// How wide a column is before anybody chooses: what most values of its kind need.
fn width(field: &FieldModel) -> u16 {
    match &field.kind {
        FieldKind::Boolean => 90,
        FieldKind::Date | FieldKind::Choice { .. } => 130,
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } | FieldKind::Rollup { .. } => 130,
        FieldKind::Datetime | FieldKind::User | FieldKind::Phone | FieldKind::System => 150,
        FieldKind::Email | FieldKind::Url | FieldKind::Reference { .. } | FieldKind::LongText { .. } => 210,
        _ => 160,
    }
}

/// Fields that say enough on one line.
fn fits_a_cell(field: &FieldModel) -> bool {
    !matches!(
        field.kind,
        FieldKind::LongText { .. }
            | FieldKind::Lines { .. }
            | FieldKind::Json
            | FieldKind::File { .. }
            | FieldKind::GeoPoint
    )
}

/// The columns of a view, or of an entity without one; the title comes first and is always there.
pub(super) fn columns(
    show: &Show,
    entity: &EntityModel,
    view: Option<&ViewModel>,
    sort: &[(Slot, bool)],
    params: &Params,
    path: &str,
) -> Vec<Column> {
    let language = show.by.language;
    let sees = |slot: Slot| show.by.sees(entity, slot);
    let edited = view.map(|view| view.layout.edit.as_slice()).unwrap_or_default();
    let column = |slot: Slot, through: Option<Slot>, label: String, phone_hide: bool| {
        let field = &entity.fields[slot];
        let target = match (through, &field.kind) {
            (Some(inner), FieldKind::Reference { entity }) => &show.model.entities[*entity].fields[inner],
            _ => field,
        };
        let can_sort = through.is_none() && sortable(entity, field);
        let order =
            sort.first().filter(|(sorted, _)| *sorted == slot && through.is_none()).map(|(_, down)| *down);
        let title = slot == entity.title && through.is_none();
        Column {
            key: key_of(field, through.map(|_| target)),
            width: if title { TITLE_WIDTH } else { width(target) },
            edit: through.is_none()
                && edited.contains(&slot)
                && show.by.opens(entity, Operation::Update, slot),
            label,
            title,
            numeric: numeric(target),
            phone_hide,
            sort: can_sort.then_some(match order {
                None => "none",
                Some(false) => "ascending",
                Some(true) => "descending",
            }),
            href: can_sort.then(|| {
                let sign = if order == Some(false) { "-" } else { "" };
                params.rewound().with("sort", format!("{sign}{}", field.name)).href(path)
            }),
            slot,
            through,
            name: Arc::default(),
        }
    };
    let mut columns: Vec<Column> = match view {
        Some(view) => view
            .all_columns()
            .into_iter()
            .filter_map(|part| match part {
                ViewColumn::Field(part) => sees(part.slot).then(|| {
                    column(part.slot, part.through, part.label.get(language).to_owned(), part.hide_on_phone)
                }),
                ViewColumn::Calculated(part) => Some(Column::calculated(part, language)),
            })
            .collect(),
        None => entity
            .declared()
            .iter()
            .filter(|field| fits_a_cell(field) && sees(field.slot))
            .take(COLUMNS_UNASKED)
            .map(|field| column(field.slot, None, field.label.get(language).to_owned(), false))
            .collect(),
    };
    if !columns.iter().any(|column| column.title) {
        let title = &entity.fields[entity.title];
        columns.insert(0, column(title.slot, None, title.label.get(language).to_owned(), false));
    }
    columns
}

/// Gives the column that leads to the record what the others leave.
pub(super) fn spread(columns: &mut [Column]) {
    let all: u16 = columns.iter().map(|column| column.width).sum();
    if let Some(title) = columns.iter_mut().find(|column| column.title) {
        title.width = (TITLE_WIDTH + ROOM.saturating_sub(all)).min(TITLE_WIDEST);
    }
}

/// The title of a record, or words for one without.
pub(in crate::pages) fn title_of(show: &Show, entity: &EntityModel, record: &Record) -> String {
    let title = show.words(&entity.fields[entity.title], &record.values[entity.title]);
    if title.is_empty() {
        mortise_definition::locale::translate(show.by.language, "ui.record.untitled", &[])
    } else {
        title
    }
}

/// The rows.
pub(super) fn rows(
    show: &Show,
    entity: &EntityModel,
    view: Option<&ViewModel>,
    columns: &[Column],
    records: &[Record],
    claims: &[Arc<AssignmentModel>],
) -> Vec<Row> {
    // Of a list only some fields are read: whether another one is empty is not known.
    let read = |slot: Slot| slot == system::OWNER || columns.iter().any(|column| column.slot == slot);
    let free = |record: &Record, policy: &&Arc<AssignmentModel>| {
        read(policy.field) && record.values[policy.field].is_null() && record.shows(policy.field)
    };
    let row = |record: &Record| Row {
        id: record.id().to_string(),
        version: record.version(),
        title: title_of(show, entity, record),
        tone: view.and_then(|view| tone(show, view, record)),
        cells: columns.iter().map(|column| cell(show, entity, view, column, record)).collect(),
        claim: claims.iter().find(|policy| free(record, policy)).map(|policy| policy.key.clone()),
    };
    records.iter().map(row).collect()
}

fn cell(
    show: &Show,
    entity: &EntityModel,
    view: Option<&ViewModel>,
    column: &Column,
    record: &Record,
) -> Cell {
    let Some(field) = entity.fields.get(column.slot) else {
        return calculated(show, view, column, record);
    };
    if let (Some(inner), FieldKind::Reference { entity: target }) = (column.through, &field.kind) {
        let value = record.through.iter().find(|(at, _)| *at == (column.slot, inner)).map(|(_, value)| value);
        return show.value(&show.model.entities[*target].fields[inner], value.unwrap_or(&Value::Null), None);
    }
    show.cell(entity, record, column.slot)
}

/// A cell that shows an expression.
fn calculated(show: &Show, view: Option<&ViewModel>, column: &Column, record: &Record) -> Cell {
    let columns = view.map_or(&[][..], |view| &view.calculated);
    let field = columns.iter().map(|column| &column.field).find(|field| *field.name == *column.name);
    let value = record.calculated.iter().find(|(name, _)| **name == *column.name);
    match (field, value) {
        (Some(field), Some((_, value))) => show.value(field, value, None),
        _ => Cell::None,
    }
}

/// The colour of a row: the first condition of the view that holds.
pub(in crate::pages) fn tone(show: &Show, view: &ViewModel, record: &Record) -> Option<String> {
    if view.highlights.iter().any(|(when, _)| !when.outside().is_empty()) {
        return record.colour.map(|position| view.highlights[position].1.clone());
    }
    let settings = &show.model.apps[view.app].setting_values;
    let roots: [&[Value]; 3] = [&record.values, &show.by.user().root, settings];
    let context = Context { now: show.now, tz: show.by.user().tz, roots: &roots, functions: None };
    let holds = |(when, _): &&(mortise_expr::Expression, String)| when.test(&context).unwrap_or(false);
    view.highlights.iter().find(holds).map(|(_, color)| color.clone())
}

/// Whether a field of the system may stand in a filter.
pub(super) fn filterable_system(slot: Slot) -> bool {
    matches!(slot, system::OWNER | system::CREATED_AT | system::CREATED_BY | system::UPDATED_AT)
}
