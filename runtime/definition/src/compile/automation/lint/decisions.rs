//! Findings about decision tables: values for which no row fits, rows that fit together where one alone may, rows that
//! never come to count. Looks at every combination of the pieces into which the tests cut the inputs.

use std::cmp::Ordering;

use mortise_expr::{Type, Value};

use super::{Lint, id_of};
use crate::Kind;
use crate::compile::automation::decision::bare_field;
use crate::compile::automation::unary::order;
use crate::compile::place::Place;
use crate::model::{DecisionModel, FieldKind, InputModel, Test};
use crate::source::{HitPolicy, RollupOperation};

/// Most combinations that are looked at; a table with more is not checked for gaps.
const COMBINATIONS_MAX: usize = 10_000;
/// Most examples in one finding.
const EXAMPLES_MAX: usize = 3;

/// A piece of an input that all tests of a table treat alike.
#[derive(Debug, Clone)]
enum Piece {
    Empty,
    One(Value),
    /// What lies between two values, neither included; without one it goes on for ever.
    Between(Option<Value>, Option<Value>),
    /// Whatever no row names.
    Other,
}

impl Lint<'_> {
    pub(super) fn decisions(&mut self) {
        for table in self.model.automation.decisions.values() {
            let place = self.place(Kind::Decision, table.app, id_of(&table.key)).key("rows");
            let pieces: Vec<Vec<Piece>> =
                (0..table.inputs.len()).map(|column| self.pieces(table, column)).collect();
            let combinations = pieces.iter().try_fold(1_usize, |product, one| product.checked_mul(one.len()));
            if combinations.is_some_and(|count| count <= COMBINATIONS_MAX) {
                self.combinations(table, &pieces, &place);
            }
        }
    }

    fn combinations(&mut self, table: &DecisionModel, pieces: &[Vec<Piece>], place: &Place) {
        let mut gaps: Vec<String> = Vec::new();
        let mut missing = 0_usize;
        let mut counts = vec![false; table.rows.len()];
        let mut overlaps: Vec<(usize, usize)> = Vec::new();
        for combination in product(pieces) {
            let fits = |row: &usize| {
                let tests = table.rows[*row].tests.iter().zip(&combination);
                tests.into_iter().all(|(test, piece)| fits(test, piece))
            };
            let rows: Vec<usize> = (0..table.rows.len()).filter(fits).collect();
            match (rows.first(), table.hit) {
                (None, HitPolicy::First | HitPolicy::Unique | HitPolicy::Priority) => {
                    missing += 1;
                    if gaps.len() < EXAMPLES_MAX {
                        gaps.push(describe(&table.inputs, &combination));
                    }
                }
                (Some(first), HitPolicy::First) => counts[*first] = true,
                _ => rows.iter().for_each(|row| counts[*row] = true),
            }
            let clash =
                rows.get(1).copied().zip(rows.first().copied()).filter(|(second, first)| match table.hit {
                    HitPolicy::Unique => true,
                    HitPolicy::Priority => table.rows[*second].priority == table.rows[*first].priority,
                    _ => false,
                });
            overlaps.extend(clash.filter(|clash| !overlaps.contains(clash)));
        }
        if missing > 0 {
            let more = if missing > gaps.len() { "; …" } else { "" };
            let problem = place.warning("lint.decision_gap").arg("count", missing);
            self.problems.push(problem.arg("examples", format!("{}{more}", gaps.join("; "))));
        }
        for (row, other) in overlaps {
            let problem = place.index(row).warning("lint.decision_overlap");
            self.problems.push(problem.arg("row", row + 1).arg("other", other + 1));
        }
        for (row, _) in counts.iter().enumerate().filter(|(_, counts)| !**counts) {
            self.problems.push(place.index(row).warning("lint.decision_row_idle").arg("row", row + 1));
        }
    }

    /// The pieces of one input.
    fn pieces(&self, table: &DecisionModel, column: usize) -> Vec<Piece> {
        let input = &table.inputs[column];
        let field = bare_field(&input.value);
        let filled = field.is_some_and(|slot| self.always_filled(table.entity, slot));
        let kind = field.map(|slot| &self.entity(table.entity).fields[slot].kind);
        let mut named: Vec<Value> = Vec::new();
        for value in table.rows.iter().flat_map(|row| values(&row.tests[column])) {
            if !value.is_null() && !named.iter().any(|other| same(other, value)) {
                named.push(value.clone());
            }
        }
        let mut pieces = match (kind, &input.ty) {
            (Some(FieldKind::Choice { choices }), _) => {
                let offered = choices.iter().filter(|choice| !choice.retired);
                offered.map(|choice| Piece::One(Value::text(choice.value.as_str()))).collect()
            }
            (_, Type::Bool) => vec![Piece::One(Value::Bool(true)), Piece::One(Value::Bool(false))],
            (_, Type::Text | Type::Id) => named.into_iter().map(Piece::One).chain([Piece::Other]).collect(),
            (kind, _) => {
                let (min, max) = kind.map_or((None, None), bounds);
                intervals(named)
                    .into_iter()
                    .filter(|piece| lies_within(piece, min.as_ref(), max.as_ref()))
                    .collect()
            }
        };
        if input.value.nullable() && !filled {
            pieces.push(Piece::Empty);
        }
        pieces
    }
}

/// All values that a test names.
fn values(test: &Test) -> Vec<&Value> {
    match test {
        Test::Any => Vec::new(),
        Test::In(values) | Test::NotIn(values) => values.iter().collect(),
        Test::Range { low, high } => low.iter().chain(high).map(|(value, _)| value).collect(),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || order(a, b) == Some(Ordering::Equal)
}

/// Values of a type with an order, and what lies between them.
fn intervals(mut named: Vec<Value>) -> Vec<Piece> {
    named.sort_by(|a, b| order(a, b).unwrap_or(Ordering::Equal));
    let mut pieces = Vec::with_capacity(named.len() * 2 + 1);
    let mut before: Option<Value> = None;
    for value in named {
        // No whole number lies between two neighbours.
        let neighbours = matches!((&before, &value), (Some(Value::Int(a)), Value::Int(b)) if b - a == 1);
        if !neighbours {
            pieces.push(Piece::Between(before, Some(value.clone())));
        }
        before = Some(value.clone());
        pieces.push(Piece::One(value));
    }
    pieces.push(Piece::Between(before, None));
    pieces
}

/// Smallest and largest value of a field.
fn bounds(kind: &FieldKind) -> (Option<Value>, Option<Value>) {
    match kind {
        FieldKind::Integer { min, max } => (Some(Value::Int(*min)), Some(Value::Int(*max))),
        FieldKind::Decimal { min, max, .. } => (min.map(Value::Decimal), max.map(Value::Decimal)),
        FieldKind::Rollup { operation: RollupOperation::Count, .. } => (Some(Value::Int(0)), None),
        _ => (None, None),
    }
}

fn lies_within(piece: &Piece, min: Option<&Value>, max: Option<&Value>) -> bool {
    let compare = |a: Option<&Value>, b: Option<&Value>| a.zip(b).and_then(|(a, b)| order(a, b));
    match piece {
        Piece::One(value) => {
            compare(Some(value), min) != Some(Ordering::Less)
                && compare(Some(value), max) != Some(Ordering::Greater)
        }
        Piece::Between(low, high) => {
            let below = matches!(compare(high.as_ref(), min), Some(Ordering::Less | Ordering::Equal));
            let above = matches!(compare(low.as_ref(), max), Some(Ordering::Greater | Ordering::Equal));
            !below && !above
        }
        Piece::Empty | Piece::Other => true,
    }
}

/// Whether a test takes a piece; pieces are cut so that it takes all of it or nothing.
fn fits(test: &Test, piece: &Piece) -> bool {
    let names = |values: &[Value]| match piece {
        Piece::Empty => values.iter().any(Value::is_null),
        Piece::One(value) => values.iter().any(|other| same(other, value)),
        Piece::Between(..) | Piece::Other => false,
    };
    match test {
        Test::Any => true,
        Test::In(values) => names(values),
        Test::NotIn(values) => !names(values),
        Test::Range { low, high } => {
            let (from, to) = match piece {
                Piece::One(value) => (Some(value), Some(value)),
                Piece::Between(from, to) => (from.as_ref(), to.as_ref()),
                Piece::Empty | Piece::Other => return false,
            };
            let one = matches!(piece, Piece::One(_));
            end_fits(low.as_ref(), from, Ordering::Greater, one)
                && end_fits(high.as_ref(), to, Ordering::Less, one)
        }
    }
}

/// Whether one end of a piece lies on the right side of one end of a range. An end that the piece leaves out itself may
/// be one that the range leaves out.
fn end_fits(end: Option<&(Value, bool)>, value: Option<&Value>, side: Ordering, one: bool) -> bool {
    let Some((end, inclusive)) = end else { return true };
    match value.and_then(|value| order(value, end)) {
        Some(Ordering::Equal) => *inclusive || !one,
        found => found == Some(side),
    }
}

/// Every combination of pieces.
fn product(pieces: &[Vec<Piece>]) -> Vec<Vec<&Piece>> {
    let mut all: Vec<Vec<&Piece>> = vec![Vec::new()];
    for column in pieces {
        let longer = all
            .iter()
            .flat_map(|start| column.iter().map(move |piece| start.iter().copied().chain([piece]).collect()));
        all = longer.collect();
    }
    all
}

/// A combination as somebody would write it into a row.
fn describe(inputs: &[InputModel], combination: &[&Piece]) -> String {
    let parts =
        inputs.iter().zip(combination).map(|(input, piece)| format!("{}: {}", input.id, written(piece)));
    parts.collect::<Vec<_>>().join(", ")
}

fn written(piece: &Piece) -> String {
    let plain = |value: &Value| match value {
        Value::Text(text) => format!("'{text}'"),
        value => value.to_string(),
    };
    match piece {
        Piece::Empty => "null".to_owned(),
        Piece::One(value) => plain(value),
        Piece::Between(None, None) | Piece::Other => "…".to_owned(),
        Piece::Between(None, Some(high)) => format!("< {}", plain(high)),
        Piece::Between(Some(low), None) => format!("> {}", plain(low)),
        Piece::Between(Some(low), Some(high)) => format!("({}..{})", plain(low), plain(high)),
    }
}
