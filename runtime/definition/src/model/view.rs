//! Views, compiled: which records, which columns, in which order.

use mortise_expr::Expression;

use super::{FieldKind, FieldModel, Slot};
use crate::Text;
use crate::source::{Total, ViewKind};

/// A view, compiled.
#[derive(Debug)]
pub struct ViewModel {
    /// `app.view`.
    pub key: String,
    /// Id within the app.
    pub id: String,
    /// App that owns it.
    pub app: usize,
    /// Entity.
    pub entity: usize,
    /// Label.
    pub label: Text,
    /// How it is drawn.
    pub kind: ViewKind,
    /// What that needs to know.
    pub layout: LayoutModel,
    /// Columns that show fields.
    pub columns: Vec<ColumnModel>,
    /// Columns that show expressions.
    pub calculated: Vec<CalculatedModel>,
    /// Which records.
    pub filter: Option<Expression>,
    /// Order; `true` is descending. Ends with the id, so that it is total.
    pub sort: Vec<(Slot, bool)>,
    /// Quick filters.
    pub quick_filters: Vec<Slot>,
    /// Records on a page.
    pub page_size: u16,
    /// Row colours.
    pub highlights: Vec<(Expression, String)>,
    /// Kept on the devices of everybody who may read it.
    pub offline: bool,
}

/// What a way of drawing needs to know, with fields in the form of slots of the view's entity.
#[derive(Debug, Default)]
pub struct LayoutModel {
    /// Columns of a board, groups of a table, lanes of a timeline.
    pub by: Option<Slot>,
    /// Added up for each column of a board.
    pub sum: Option<Slot>,
    /// Beginning of a record.
    pub start: Option<Slot>,
    /// End of a record.
    pub end: Option<Slot>,
    /// Choice that gives its colour.
    pub color: Option<Slot>,
    /// Place on the map.
    pub place: Option<Slot>,
    /// Size of a bubble.
    pub size: Option<Slot>,
    /// Picture.
    pub image: Option<Slot>,
    /// Figures below columns.
    pub totals: Vec<(Slot, Total)>,
    /// Fields that can be changed in place.
    pub edit: Vec<Slot>,
}

impl LayoutModel {
    /// The fields that a record is drawn by.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        let all = [self.by, self.sum, self.start, self.end, self.color, self.place, self.size, self.image];
        all.into_iter().flatten()
    }
}

/// A column of a view, of either sort.
#[derive(Debug, Clone, Copy)]
pub enum ViewColumn<'v> {
    /// Shows a field.
    Field(&'v ColumnModel),
    /// Shows an expression.
    Calculated(&'v CalculatedModel),
}

impl ViewModel {
    /// All columns in the order in which they are shown.
    pub fn all_columns(&self) -> Vec<ViewColumn<'_>> {
        let mut columns: Vec<ViewColumn<'_>> = self.columns.iter().map(ViewColumn::Field).collect();
        for calculated in &self.calculated {
            columns.insert(calculated.position.min(columns.len()), ViewColumn::Calculated(calculated));
        }
        columns
    }
}

/// A column of a view.
#[derive(Debug)]
pub struct ColumnModel {
    /// Field of the entity.
    pub slot: Slot,
    /// Field of the referenced entity, for `reference.field`.
    pub through: Option<Slot>,
    /// As written: `name` or `account.phone`; the key in API answers.
    pub path: String,
    /// Heading.
    pub label: Text,
    /// Left out on a phone.
    pub hide_on_phone: bool,
}

/// A column of a view that shows an expression.
#[derive(Debug)]
pub struct CalculatedModel {
    /// Its place among all columns of the view, counted from 0.
    pub position: usize,
    /// What it shows, in the form of a field: name, label and a computed value. It belongs to no entity and has no slot.
    pub field: FieldModel,
    /// Left out on a phone.
    pub hide_on_phone: bool,
}

impl CalculatedModel {
    /// The expression.
    pub fn expression(&self) -> Option<&Expression> {
        match &self.field.kind {
            FieldKind::Computed { value } => Some(value),
            _ => None,
        }
    }
}
