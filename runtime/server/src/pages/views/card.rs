//! A record as a card: its title and the columns of its view that have a value. Shows what was read and nothing else.

use mortise_definition::model::{ColumnModel, EntityModel, FieldKind, ViewColumn, ViewModel};
use mortise_engine::Record;
use mortise_expr::Value;
use serde::Serialize;

use crate::pages::list::{title_of, tone};
use crate::pages::show::{Cell, Show};

/// Values on a card at most: what is behind them is on its page.
const LINES_MAX: usize = 6;

/// A record as templates need it.
#[derive(Serialize)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) href: String,
    pub(super) version: i64,
    pub(super) tone: Option<String>,
    pub(super) lines: Vec<Line>,
}

/// A value with the name of its field.
#[derive(Clone, Serialize)]
pub(super) struct Line {
    label: String,
    phone_hide: bool,
    value: Cell,
}

/// What makes cards of records.
pub(super) struct Cards<'a> {
    pub(super) show: &'a Show<'a>,
    pub(super) entity: &'a EntityModel,
    pub(super) view: &'a ViewModel,
    /// Address of the list, with base.
    pub(super) path: &'a str,
}

impl Cards<'_> {
    /// All of them.
    pub(super) fn all(&self, records: &[Record]) -> Vec<Card> {
        records.iter().map(|record| self.card(record)).collect()
    }

    /// One of them.
    pub(super) fn card(&self, record: &Record) -> Card {
        let lines = self.view.all_columns().into_iter().filter_map(|column| self.line(column, record));
        Card {
            id: record.id().to_string(),
            title: title_of(self.show, self.entity, record),
            href: format!("{}/{}", self.path, record.id()),
            version: record.version(),
            tone: tone(self.show, self.view, record),
            lines: lines.take(LINES_MAX).collect(),
        }
    }

    /// A value that is there and that neither the title nor the place of the card tells already.
    fn line(&self, column: ViewColumn<'_>, record: &Record) -> Option<Line> {
        let language = self.show.by.language;
        let (label, phone_hide, value) = match column {
            ViewColumn::Field(column) => {
                let told = column.through.is_none()
                    && (column.slot == self.entity.title || self.view.layout.by == Some(column.slot));
                if told || !self.show.by.sees(self.entity, column.slot) {
                    return None;
                }
                (column.label.get(language), column.hide_on_phone, self.field(column, record))
            }
            ViewColumn::Calculated(column) => {
                let named = |(name, _): &&(std::sync::Arc<str>, Value)| **name == *column.field.name;
                let (_, value) = record.calculated.iter().find(named)?;
                let cell = self.show.value(&column.field, value, None);
                (column.field.label.get(language), column.hide_on_phone, cell)
            }
        };
        let there = !matches!(value, Cell::None);
        there.then(|| Line { label: label.to_owned(), phone_hide, value })
    }

    fn field(&self, column: &ColumnModel, record: &Record) -> Cell {
        let field = &self.entity.fields[column.slot];
        if let (Some(inner), FieldKind::Reference { entity: target }) = (column.through, &field.kind) {
            let value = record.through.iter().find(|(at, _)| *at == (column.slot, inner));
            let value = value.map_or(&Value::Null, |(_, value)| value);
            return self.show.value(&self.show.model.entities[*target].fields[inner], value, None);
        }
        self.show.cell(self.entity, record, column.slot)
    }
}
