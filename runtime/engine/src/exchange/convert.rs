//! From cells to values: each mapped cell becomes the wire form of its field's value or a complaint. Pure apart from a memory
//! of texts that occur again and again (choices, places, people); what only the database knows is left open.

use std::collections::HashMap;
use std::sync::Arc;

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot};
use mortise_expr::Value;
use serde_json::{Map, Value as Json};

use super::guess::{can_be_key, importable, names_record};
use super::job::{Complaint, Mapping, RowError};
use super::rows::Row;
use crate::error::{Error, Suspect};
use crate::values::{self, Issue, Parsed, ValueContext};

/// Texts remembered per column; more different ones are looked up each time.
const REMEMBERED_MAX: usize = 10_000;

/// Values of a similar record that are told: enough to recognise it.
const SHOWN_OF_SUSPECT: usize = 4;

/// A mapping that was checked against the definitions.
pub(super) struct Columns {
    pub(super) entity: Arc<EntityModel>,
    /// Column and slot.
    pub(super) pairs: Vec<(usize, Slot)>,
    /// Slot of the key field.
    pub(super) key: Option<Slot>,
    memory: HashMap<(Slot, String), Result<Parsed, Issue>>,
}

/// A row as far as it can be understood without the database.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub(super) row: u64,
    /// Values by field name.
    pub(super) values: Map<String, Json>,
    /// Value of the key field.
    pub(super) key: Option<Value>,
    /// Titles of records, still to be found: slot, title, column.
    pub(super) references: Vec<(Slot, String, usize)>,
    pub(super) errors: Vec<RowError>,
}

impl Columns {
    /// Checks a mapping.
    pub(super) fn new(
        entity: &Arc<EntityModel>,
        mapping: &Mapping,
        headers: usize,
    ) -> Result<Columns, Error> {
        let refused = |issue: Issue| Err(Error::BadRequest(issue));
        if mapping.columns.is_empty() {
            return refused(Issue::new("import.no_columns"));
        }
        let mut pairs: Vec<(usize, Slot)> = Vec::with_capacity(mapping.columns.len());
        for column in &mapping.columns {
            let Some(field) = entity.field(&column.field).filter(|field| importable(field)) else {
                return refused(Issue::new("import.unknown_field").with("field", &column.field));
            };
            if column.column >= headers {
                return refused(Issue::new("import.unknown_column").with("column", column.column + 1));
            }
            if pairs.iter().any(|(_, slot)| *slot == field.slot) {
                return refused(Issue::new("import.field_twice").with("field", &column.field));
            }
            pairs.push((column.column, field.slot));
        }
        let mapped = |field: &&FieldModel| pairs.iter().any(|(_, slot)| *slot == field.slot);
        let key = match &mapping.key {
            None => None,
            Some(name) => match entity.field(name).filter(mapped) {
                Some(field) if can_be_key(field) => Some(field.slot),
                Some(_) => return refused(Issue::new("import.key_type").with("field", name)),
                None => return refused(Issue::new("import.no_key").with("field", name)),
            },
        };
        // A mapped id or number is the key: there is nothing else that it could mean.
        let naming = pairs.iter().map(|(_, slot)| *slot).find(|slot| names_record(&entity.fields[*slot]));
        let key = key.or(naming);
        Ok(Columns { entity: entity.clone(), pairs, key, memory: HashMap::new() })
    }

    /// The column of the key field.
    pub(super) fn key_column(&self) -> usize {
        self.pairs.iter().find(|(_, slot)| Some(*slot) == self.key).map_or(0, |(column, _)| *column)
    }

    /// The column of a field.
    pub(super) fn column_of(&self, field: &str) -> Option<usize> {
        // Child rows name their field first: `lines/2/amount`.
        let name = field.split('/').next().unwrap_or(field);
        let slot = self.entity.field(name)?.slot;
        self.pairs.iter().find(|(_, mapped)| *mapped == slot).map(|(column, _)| *column)
    }

    /// Reads the cells of a row. Empty cells give no value: a new record gets its default, an old one keeps what it has.
    pub(super) fn convert(&mut self, row: &Row, cx: &ValueContext) -> Converted {
        let mut converted = Converted { row: row.number, ..Converted::default() };
        for index in 0..self.pairs.len() {
            let (column, slot) = self.pairs[index];
            let text = row.cell(column).trim();
            if text.is_empty() {
                continue;
            }
            let entity = Arc::clone(&self.entity);
            let field = &entity.fields[slot];
            match self.parse(field, text, cx) {
                Ok(Parsed::Value(value)) => {
                    if self.key == Some(slot) {
                        converted.key = Some(value.clone());
                    }
                    if !names_record(field) {
                        converted.values.insert(field.name.to_string(), values::to_json(&value));
                    }
                }
                Ok(Parsed::Reference(title)) => converted.references.push((slot, title, column)),
                Err(issue) => converted.errors.push(cell_error(row.number, column, field, text, &issue)),
            }
        }
        if let Some(slot) = self.key
            && converted.key.is_none()
            && converted.errors.is_empty()
            && !names_record(&self.entity.fields[slot])
        {
            let field = &self.entity.fields[slot];
            let complaint =
                cell_error(row.number, self.key_column(), field, "", &Issue::new("import.empty_key"));
            converted.errors.push(complaint);
        }
        converted
    }

    fn parse(&mut self, field: &FieldModel, text: &str, cx: &ValueContext) -> Result<Parsed, Issue> {
        let recurring = matches!(
            field.kind,
            FieldKind::Choice { .. }
                | FieldKind::Choices { .. }
                | FieldKind::Tree { .. }
                | FieldKind::User
                | FieldKind::Team
        );
        if !recurring {
            return values::from_text(field, text, cx);
        }
        if let Some(known) = self.memory.get(&(field.slot, text.to_owned())) {
            return known.clone();
        }
        let parsed = values::from_text(field, text, cx);
        if self.memory.len() < REMEMBERED_MAX * self.pairs.len() {
            self.memory.insert((field.slot, text.to_owned()), parsed.clone());
        }
        parsed
    }
}

/// A complaint about one cell.
pub(super) fn cell_error(row: u64, column: usize, field: &FieldModel, text: &str, issue: &Issue) -> RowError {
    RowError {
        row,
        column: Some(column),
        field: Some(field.name.to_string()),
        value: text.to_owned(),
        complaint: Complaint::from(issue),
    }
}

/// The complaints of a refused command about its row.
pub(super) fn command_errors(columns: &Columns, row: &Row, error: &Error) -> Vec<RowError> {
    if error.issues().is_empty() {
        let complaint = match error {
            Error::Duplicate(suspects) => Complaint::from(&duplicate(suspects)),
            other => Complaint::from(other),
        };
        return vec![RowError {
            row: row.number,
            column: None,
            field: None,
            value: String::new(),
            complaint,
        }];
    }
    let issues = error.issues().iter();
    issues
        .map(|found| {
            let column = columns.column_of(&found.field);
            RowError {
                row: row.number,
                column,
                field: Some(found.field.clone()).filter(|field| !field.is_empty()),
                value: column.map_or_else(String::new, |column| row.cell(column).to_owned()),
                complaint: Complaint::from(found),
            }
        })
        .collect()
}

/// Which record is there already, as far as the person may see it.
fn duplicate(suspects: &[Suspect]) -> Issue {
    let Some(most) = suspects.first() else { return Issue::new("record.duplicate") };
    let words: Vec<&str> =
        most.shown.iter().filter_map(|(_, value)| value.as_str()).take(SHOWN_OF_SUSPECT).collect();
    let percent = (most.similarity * 100.0).round();
    Issue::of("import.duplicate", &words.join(" · ")).with("percent", percent).with("count", suspects.len())
}
