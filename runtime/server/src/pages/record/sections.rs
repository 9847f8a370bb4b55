//! Values of a record in the order of its form; what no form shows comes after it.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, system};
use mortise_engine::{Record, Signature};
use mortise_expr::Type;
use serde::Serialize;
use std::sync::Arc;

use crate::pages::form::{Layout, line_columns};
use crate::pages::list::field_label;
use crate::pages::show::{Cell, Show};

/// Badges beside the title.
const BADGES: usize = 3;
/// Facts in the row below the title.
const FACTS: usize = 4;

/// A key fact.
#[derive(Serialize)]
pub(super) struct Fact {
    label: String,
    value: Cell,
}

/// A part of the page.
#[derive(Serialize)]
pub(super) struct Section {
    label: Option<String>,
    columns: u8,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    #[serde(skip)]
    slot: Slot,
    label: String,
    value: Cell,
    wide: bool,
    table: Option<Table>,
    signed: Option<Signed>,
}

/// Who signed, when, and whether the record still says what was signed.
#[derive(Serialize)]
struct Signed {
    words: String,
    hash: Option<String>,
    unchanged: bool,
}

/// Child rows.
#[derive(Serialize)]
struct Table {
    columns: Vec<Heading>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Serialize)]
struct Heading {
    label: String,
    numeric: bool,
}

/// Whether the field has a meaning for this record.
fn applies(show: &Show, field: &FieldModel, record: &Record) -> bool {
    let Some(when) = &field.visible_when else { return true };
    show.holds(field.app, when, &record.values)
}

/// Badges and key facts: what the entity's first view shows is what people look for.
pub(super) fn head(show: &Show, entity: &EntityModel, record: &Record) -> (Vec<Cell>, Vec<Fact>) {
    let view = show.model.views_of(entity).next();
    let slots = view.into_iter().flat_map(|view| &view.columns).filter(|column| column.through.is_none());
    let (mut badges, mut facts) = (Vec::new(), Vec::new());
    for slot in slots.map(|column| column.slot) {
        let field = &entity.fields[slot];
        let told = slot == entity.title || slot == system::OWNER || record.values[slot].is_null();
        if told || !show.by.sees(entity, slot) || !applies(show, field, record) {
            continue;
        }
        let value = show.cell(entity, record, slot);
        match &field.kind {
            FieldKind::Choice { .. } if badges.len() < BADGES => badges.push(value),
            FieldKind::LongText { .. }
            | FieldKind::Json
            | FieldKind::File { .. }
            | FieldKind::Lines { .. } => {}
            _ if facts.len() < FACTS => facts.push(Fact { label: field_label(show, field), value }),
            _ => {}
        }
    }
    (badges, facts)
}

/// All values that the person may see.
pub(super) fn sections(
    show: &Show,
    entity: &Arc<EntityModel>,
    record: &Record,
    signatures: &[Signature],
) -> Vec<Section> {
    let layout = Layout::of(show.by, show.model, entity, Some(record), None);
    let mut shown: Vec<Slot> = vec![entity.title, system::OWNER];
    let mut sections = Vec::new();
    for section in &layout.sections {
        shown.extend(section.items.iter().map(|item| item.slot));
        if !section.visible(show, &record.values) {
            continue;
        }
        let fields = section.items.iter().filter(|item| item.slot != system::OWNER);
        let fields = fields.filter(|item| applies(show, &entity.fields[item.slot], record));
        let items: Vec<Item> =
            fields.map(|field| item(show, entity, record, field.slot, field.wide, &field.columns)).collect();
        if !items.is_empty() {
            sections.push(Section { label: section.label.clone(), columns: section.columns, items });
        }
    }
    let rest = entity.declared().iter().filter(|field| {
        !shown.contains(&field.slot) && show.by.sees(entity, field.slot) && !record_is_empty(record, field)
    });
    let rest: Vec<Item> = rest
        .filter(|field| applies(show, field, record))
        .map(|field| {
            item(show, entity, record, field.slot, false, &line_columns(show.model, entity, field.slot, &[]))
        })
        .collect();
    if !rest.is_empty() {
        let label = mortise_definition::locale::translate(show.by.language, "ui.record.more", &[]);
        sections.push(Section { label: Some(label), columns: 2, items: rest });
    }
    for (slot, item) in
        sections.iter_mut().flat_map(|section| &mut section.items).map(|item| (item.slot, item))
    {
        item.signed = signatures.iter().find(|known| known.slot == slot).map(|known| signed(show, known));
    }
    sections
}

fn signed(show: &Show, signature: &Signature) -> Signed {
    let who =
        signature.person.and_then(|id| show.directory.user(id)).map_or("", |person| person.name.as_str());
    let when = show.ago(signature.at);
    let say = |key: &str| {
        mortise_definition::locale::translate(show.by.language, key, &[("who", who), ("when", &when)])
    };
    Signed { words: say("ui.signature.signed"), hash: signature.hash.clone(), unchanged: signature.unchanged }
}

fn record_is_empty(record: &Record, field: &FieldModel) -> bool {
    match field.kind {
        FieldKind::Lines { .. } => record.rows(field.slot).is_empty(),
        _ => record.values[field.slot].is_null(),
    }
}

fn item(
    show: &Show,
    entity: &EntityModel,
    record: &Record,
    slot: Slot,
    wide: bool,
    columns: &[Slot],
) -> Item {
    let field = &entity.fields[slot];
    Item {
        slot,
        label: field_label(show, field),
        value: show.cell(entity, record, slot),
        wide: wide || matches!(field.kind, FieldKind::Lines { .. }),
        table: table(show, field, record, columns),
        signed: None,
    }
}

fn table(show: &Show, field: &FieldModel, record: &Record, columns: &[Slot]) -> Option<Table> {
    let FieldKind::Lines { entity: child, .. } = &field.kind else { return None };
    let child = &show.model.entities[*child];
    let columns: Vec<Slot> = columns.iter().copied().filter(|slot| show.by.sees(child, *slot)).collect();
    let heading = |slot: &Slot| Heading {
        label: field_label(show, &child.fields[*slot]),
        numeric: matches!(child.shape.members()[*slot].ty, Type::Int | Type::Decimal(_) | Type::Float),
    };
    let row = |row: &Record| columns.iter().map(|slot| show.cell(child, row, *slot)).collect();
    Some(Table {
        columns: columns.iter().map(heading).collect(),
        rows: record.rows(field.slot).iter().map(row).collect(),
    })
}
