//! Records that point to this one, a few of each kind with the way to all of them: one query per kind, never per record.

use futures_util::future::join_all;
use mortise_definition::model::{EntityModel, FieldKind, Model, Slot};
use mortise_definition::source::Operation;
use mortise_engine::{Page, Record};
use serde::Serialize;
use std::sync::Arc;

use crate::Failure;
use crate::pages::list::{field_label, title_of};
use crate::pages::shell::entity_path;
use crate::pages::show::{Cell, Show, grouped};
use crate::pages::visit::Visit;

/// Kinds of related records on one page.
const KINDS_MAX: usize = 8;
/// Records shown of each kind.
const SHOWN: &str = "5";
/// Values beside a title.
const CELLS: usize = 2;

/// Related records of one kind.
#[derive(Serialize)]
pub(super) struct Related {
    label: String,
    singular: String,
    icon: String,
    total: String,
    all: Option<String>,
    create: Option<String>,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    title: String,
    href: String,
    cells: Vec<Cell>,
}

/// References that are worth a list: visible ones that are not child rows of this record.
fn kinds<'a>(visit: &Visit, model: &'a Model, entity: &EntityModel) -> Vec<(&'a Arc<EntityModel>, Slot)> {
    let is_line = |index: usize, slot: Slot| {
        let same = |kind: &FieldKind| matches!(kind, FieldKind::Lines { entity, via } if *entity == index && *via == slot);
        entity.declared().iter().any(|field| same(&field.kind))
    };
    let visible =
        |entity: &EntityModel, slot: Slot| visit.may(entity, Operation::Read) && visit.by.sees(entity, slot);
    let kinds = entity.referrers.iter().filter(|(index, slot)| !is_line(*index, *slot));
    let kinds = kinds.map(|(index, slot)| (&model.entities[*index], *slot));
    // Rows that live inside of other records have no page to come from.
    let listed = |entity: &EntityModel| model.views_of(entity).next().is_some();
    kinds.filter(|(entity, slot)| listed(entity) && visible(entity, *slot)).take(KINDS_MAX).collect()
}

/// Reads all kinds beside each other.
pub(super) async fn read(
    visit: &Visit,
    entity: &EntityModel,
    record: &Record,
) -> Result<Vec<Related>, Failure> {
    let model = visit.tenant.engine.model();
    let kinds = kinds(visit, &model, entity);
    let pages = kinds.iter().map(|(other, slot)| page(visit, other, *slot, record));
    let pages: Vec<Page> = join_all(pages).await.into_iter().collect::<Result<_, _>>()?;
    let directory = visit.tenant.engine.directory();
    let show = Show::new(&visit.by, &model, &directory);
    // Two references to this record, or one within its own kind, are told apart by the name of the field.
    let several = |other: &EntityModel| {
        other.index == entity.index || kinds.iter().filter(|(one, _)| one.index == other.index).count() > 1
    };
    let together = kinds.iter().zip(&pages);
    Ok(together
        .map(|((other, slot), page)| group(visit, &show, (other, *slot, several(other)), record, page))
        .collect())
}

async fn page(visit: &Visit, other: &EntityModel, slot: Slot, record: &Record) -> Result<Page, Failure> {
    let condition = format!("where.{}", other.fields[slot].name);
    let id = record.id().to_string();
    let params = [(condition.as_str(), id.as_str()), ("limit", SHOWN), ("sort", "-id")];
    let query = visit.tenant.engine.query(visit.actor(), &other.key, params.into_iter())?;
    Ok(visit.tenant.engine.list(visit.actor(), &query).await?)
}

fn group(
    visit: &Visit,
    show: &Show,
    (other, slot, several): (&EntityModel, Slot, bool),
    record: &Record,
    page: &Page,
) -> Related {
    let path = visit.base.path(&entity_path(show.model, other));
    let name = &other.fields[slot].name;
    let plural = other.plural.get(visit.language);
    let total = page.total.map_or_else(String::new, |total| {
        let mark = if total.exact { "" } else { "+" };
        format!("{}{mark}", grouped(total.count))
    });
    let cells = cells(show, other, slot);
    let item = |row: &Record| Item {
        title: title_of(show, other, row),
        href: format!("{path}/{}", row.id()),
        cells: cells.iter().map(|slot| show.cell(other, row, *slot)).collect(),
    };
    Related {
        label: match several {
            true => format!("{plural} · {}", field_label(show, &other.fields[slot])),
            false => plural.to_owned(),
        },
        singular: other.label.get(visit.language).to_owned(),
        icon: other.icon.clone(),
        total,
        all: (!page.rows.is_empty()).then(|| format!("{path}?view=-&where.{name}={}", record.id())),
        create: (visit.may(other, Operation::Create) && !record.deleted())
            .then(|| format!("{path}/new?{name}={}", record.id())),
        items: page.rows.iter().map(item).collect(),
    }
}

/// Short values of the first view that say most beside a title.
fn cells(show: &Show, other: &EntityModel, reference: Slot) -> Vec<Slot> {
    let view = show.model.views_of(other).next();
    let columns = view.into_iter().flat_map(|view| &view.columns).filter(|column| column.through.is_none());
    let short = |slot: &Slot| {
        let kind = &other.fields[*slot].kind;
        matches!(
            kind,
            FieldKind::Choice { .. } | FieldKind::Date | FieldKind::Datetime | FieldKind::Decimal { .. }
        )
    };
    let slots = columns.map(|column| column.slot).filter(|slot| *slot != other.title && *slot != reference);
    slots.filter(short).take(CELLS).collect()
}
