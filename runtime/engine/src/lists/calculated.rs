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
    work.foresee(asked, |functions| {
        for record in rows.iter() {
            for (_, expression) in &columns {
                // Its value is asked for below; here it is only found out what it depends on.
                drop(eval(work, view, expression, functions, record));
            }
            if coloured {
                drop(colour(work, view, functions, record));
            }
        }
    })
    .await;
    let functions = work.asking();
    for record in rows {
        let value = |(column, expression): &(&CalculatedModel, &Expression)| {
            let value = eval(work, view, expression, &functions, record);
            (column.field.name.clone(), value.unwrap_or_default())
        };
        record.calculated = columns.iter().map(value).collect();
        if coloured {
            record.colour = colour(work, view, &functions, record).unwrap_or_default();
        }
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
