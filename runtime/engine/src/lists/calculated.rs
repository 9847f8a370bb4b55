//! Columns of views that show expressions: calculated for a whole page at once, after everything that the person may not see
//! was taken out of the records. Never stored, and never part of a condition.

use mortise_definition::model::{CalculatedModel, ViewModel};
use mortise_expr::{Context, EvalError, Expression, OutsideFunctions, Value};

use crate::commands::Work;
use crate::query::Query;
use crate::records::Record;

/// Calculates the columns of the list's view for its records, and the colours of rows where plugins have a say in them. What
/// cannot be calculated stays empty: a list must not fail over one of its cells.
pub(super) async fn fill(work: &Work, query: &Query, rows: &mut [Record]) {
    let Some(view) = query.view.as_deref() else { return };
    let columns: Vec<(&CalculatedModel, &Expression)> = match query.columns {
        None => view.calculated.iter().filter_map(|column| Some((column, column.expression()?))).collect(),
        Some(_) => Vec::new(),
    };
    let coloured = view.highlights.iter().any(|(when, _)| !when.outside().is_empty());
    if (columns.is_empty() && !coloured) || rows.is_empty() {
        return;
    }
    let highlights = view.highlights.iter().filter(|_| coloured).map(|(when, _)| when);
    let asked = columns.iter().map(|(_, expression)| *expression).chain(highlights);
    let nothing = || Cells { values: vec![None; columns.len()], colour: None };
    let mut found: Vec<Cells> = rows.iter().map(|_| nothing()).collect();
    let look = |found: &mut [Cells], functions: &dyn OutsideFunctions| {
        for (record, cells) in rows.iter().zip(found) {
            let open = columns.iter().zip(&mut cells.values).filter(|(_, value)| value.is_none());
            for ((_, expression), value) in open {
                *value = known(eval(work, view, expression, functions, record));
            }
            if coloured && cells.colour.is_none() {
                cells.colour = known(colour(work, view, functions, record));
            }
        }
    };
    work.foresee(asked, |functions| look(&mut found, functions)).await;
    // What asks nobody, and what is still open.
    look(&mut found, &work.asking());
    for (record, cells) in rows.iter_mut().zip(found) {
        let values = columns.iter().zip(cells.values);
        let value = |((column, _), value): (&(&CalculatedModel, &Expression), Option<Value>)| {
            (column.field.name.clone(), value.unwrap_or_default())
        };
        record.calculated = values.map(value).collect();
        if coloured {
            record.colour = cells.colour.flatten();
        }
    }
}

/// What is known of a record so far.
struct Cells {
    values: Vec<Option<Value>>,
    /// The highlight that holds, if one does.
    colour: Option<Option<usize>>,
}

/// What an expression has come to, unless that depends on what is still to be asked.
fn known<T: Default>(value: Result<T, EvalError>) -> Option<T> {
    match value {
        Err(EvalError::Pending) => None,
        value => Some(value.unwrap_or_default()),
    }
}

fn eval(
    work: &Work,
    view: &ViewModel,
    expression: &Expression,
    functions: &dyn OutsideFunctions,
    record: &Record,
) -> Result<Value, EvalError> {
    with_roots(work, view, functions, record, |cx| expression.eval(cx))
}

/// The position of the first highlight that holds.
fn colour(
    work: &Work,
    view: &ViewModel,
    functions: &dyn OutsideFunctions,
    record: &Record,
) -> Result<Option<usize>, EvalError> {
    with_roots(work, view, functions, record, |cx| {
        for (position, (when, _)) in view.highlights.iter().enumerate() {
            match when.test(cx) {
                Ok(true) => return Ok(Some(position)),
                Err(EvalError::Pending) => return Err(EvalError::Pending),
                Ok(false) | Err(_) => {}
            }
        }
        Ok(None)
    })
}

fn with_roots<R>(
    work: &Work,
    view: &ViewModel,
    functions: &dyn OutsideFunctions,
    record: &Record,
    evaluate: impl FnOnce(&Context<'_>) -> R,
) -> R {
    let settings = &work.model().apps[view.app].setting_values;
    let roots: [&[Value]; 3] = [&record.values, &work.actor.user.root, settings];
    let functions = Some(functions);
    evaluate(&Context { now: work.now, tz: work.actor.user.tz, roots: &roots, functions })
}
