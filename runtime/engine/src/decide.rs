//! Decision tables: which rows fit the inputs, and what comes out by the hit policy. Pure: values in, values out.

use std::cmp::Ordering;

use mortise_definition::model::{DecisionModel, RowModel, Test};
use mortise_definition::source::{HitPolicy, OutputType};
use mortise_expr::{Context, Decimal, EvalError, Value};

/// Why a table gives no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DecideError {
    /// Two rows fit where only one may.
    #[error("rows {0} and {1} of the decision table both fit")]
    NotUnique(usize, usize),
    /// A sum leaves the range of numbers.
    #[error("the sum of the decision table is too large")]
    TooLarge,
    /// An expression failed.
    #[error(transparent)]
    Expression(#[from] EvalError),
}

/// What a table says.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// A value for each output; all null when no row fits.
    pub outputs: Vec<Value>,
    /// Positions of the rows that counted.
    pub rows: Vec<usize>,
    /// The inputs as they were.
    pub inputs: Vec<Value>,
}

/// Asks a table. `cx` holds the roots `record`, `user` and `settings`.
pub fn decide(decision: &DecisionModel, cx: &Context<'_>) -> Result<Decided, DecideError> {
    let inputs = decision.inputs.iter().map(|input| input.value.eval(cx)).collect::<Result<Vec<_>, _>>()?;
    let rows = hits(decision, &inputs)?;
    let roots: Vec<&[Value]> = cx.roots.iter().take(3).copied().chain([inputs.as_slice()]).collect();
    let with_inputs = Context { now: cx.now, tz: cx.tz, roots: &roots, functions: cx.functions };
    let of_row = |row: usize, output: usize| decision.rows[row].then[output].eval(&with_inputs);
    let outputs = decision.outputs.iter().enumerate().map(|(output, model)| match decision.hit {
        HitPolicy::First | HitPolicy::Unique | HitPolicy::Priority => match rows.first() {
            Some(&row) => Ok(of_row(row, output)?),
            None => Ok(Value::Null),
        },
        HitPolicy::Collect => {
            let values = rows.iter().map(|&row| of_row(row, output)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::list(values))
        }
        HitPolicy::Sum => {
            let values = rows.iter().map(|&row| of_row(row, output)).collect::<Result<Vec<_>, _>>()?;
            sum(&values, model.kind).ok_or(DecideError::TooLarge)
        }
    });
    let outputs = outputs.collect::<Result<Vec<_>, DecideError>>()?;
    Ok(Decided { outputs, rows, inputs })
}

/// The rows that count, in the order of the table.
fn hits(decision: &DecisionModel, inputs: &[Value]) -> Result<Vec<usize>, DecideError> {
    let mut fitting = decision.rows.iter().enumerate().filter(|(_, row)| fits(row, inputs)).map(|(at, _)| at);
    Ok(match decision.hit {
        HitPolicy::First => fitting.next().into_iter().collect(),
        HitPolicy::Unique => {
            let first = fitting.next();
            if let (Some(first), Some(second)) = (first, fitting.next()) {
                return Err(DecideError::NotUnique(first + 1, second + 1));
            }
            first.into_iter().collect()
        }
        HitPolicy::Collect | HitPolicy::Sum => fitting.collect(),
        // The first of the highest: a later row has to be higher, not as high.
        HitPolicy::Priority => {
            let highest = fitting.reduce(|best, row| {
                let higher = decision.rows[row].priority > decision.rows[best].priority;
                if higher { row } else { best }
            });
            highest.into_iter().collect()
        }
    })
}

fn fits(row: &RowModel, inputs: &[Value]) -> bool {
    row.tests.iter().zip(inputs).all(|(test, input)| passes(test, input))
}

/// Whether an input passes a test.
fn passes(test: &Test, input: &Value) -> bool {
    let among = |values: &[Value]| values.iter().any(|value| same(value, input));
    match test {
        Test::Any => true,
        Test::In(values) => among(values),
        Test::NotIn(values) => !among(values),
        Test::Range { low, high } => {
            let above = |(value, included): &(Value, bool)| match input.order(value) {
                Some(Ordering::Greater) => true,
                Some(Ordering::Equal) => *included,
                _ => false,
            };
            let below = |(value, included): &(Value, bool)| match input.order(value) {
                Some(Ordering::Less) => true,
                Some(Ordering::Equal) => *included,
                _ => false,
            };
            !input.is_null() && low.as_ref().is_none_or(above) && high.as_ref().is_none_or(below)
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.is_null(), b.is_null()) {
        (true, true) => true,
        (false, false) => a == b || a.order(b) == Some(Ordering::Equal),
        _ => false,
    }
}

/// The sum of what the rows give; what is empty counts nothing.
fn sum(values: &[Value], kind: OutputType) -> Option<Value> {
    let mut total = Decimal::new(0, 0);
    let mut length: i64 = 0;
    for value in values {
        match value {
            Value::Int(number) => total = total.checked_add(Decimal::new(*number, 0))?,
            Value::Decimal(number) => total = total.checked_add(*number)?,
            Value::Duration(milliseconds) => length = length.checked_add(*milliseconds)?,
            _ => {}
        }
    }
    Some(match kind {
        OutputType::Duration => Value::Duration(length),
        OutputType::Integer => Value::Int(total.rescale(0)?.mantissa),
        _ => Value::Decimal(total),
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use mortise_definition::model::{InputModel, OutputModel};
    use mortise_expr::{Expression, Member, Scope, Shape, Type};
    use std::sync::Arc;

    use super::*;

    fn table(hit: HitPolicy, rows: Vec<(Test, i64, i32)>) -> DecisionModel {
        let record = Arc::new(Shape::new(vec![Member::new("size", Type::Int).nullable()]));
        let scope = Scope::new().root("record", record);
        let constant = |number: i64| Expression::compile(&number.to_string(), &scope).unwrap();
        DecisionModel {
            key: "a.t".into(),
            app: 0,
            entity: 0,
            label: "T".into(),
            inputs: vec![InputModel {
                id: "size".into(),
                label: "S".into(),
                ty: Type::Int,
                value: Expression::compile("record.size", &scope).unwrap(),
            }],
            outputs: vec![OutputModel { id: "out".into(), label: "O".into(), kind: OutputType::Integer }],
            hit,
            rows: rows
                .into_iter()
                .map(|(test, then, priority)| RowModel {
                    tests: vec![test],
                    then: vec![constant(then)],
                    priority,
                })
                .collect(),
        }
    }

    fn ask(table: &DecisionModel, size: Value) -> Result<Value, DecideError> {
        let record = [size];
        let roots: [&[Value]; 3] = [&record, &[], &[]];
        let now = DateTime::from_timestamp(0, 0).unwrap();
        Ok(decide(table, &Context { now, tz: chrono_tz::UTC, roots: &roots, functions: None })?
            .outputs
            .remove(0))
    }

    fn range(low: i64, high: i64) -> Test {
        Test::Range { low: Some((Value::Int(low), true)), high: Some((Value::Int(high), false)) }
    }

    #[test]
    fn the_hit_policy_says_which_rows_count() {
        let rows = || {
            vec![
                (range(0, 10), 1, 5),
                (range(5, 20), 2, 9),
                (Test::In(vec![Value::Int(7)]), 4, 9),
                (Test::Any, 8, 0),
            ]
        };
        let answer = |hit, size| ask(&table(hit, rows()), Value::Int(size)).unwrap();
        assert_eq!(answer(HitPolicy::First, 7), Value::Int(1));
        assert_eq!(answer(HitPolicy::Collect, 7), Value::list([1, 2, 4, 8].map(Value::Int)));
        assert_eq!(answer(HitPolicy::Sum, 7), Value::Int(15));
        assert_eq!(answer(HitPolicy::Priority, 7), Value::Int(2), "the first of two as high");
        assert_eq!(answer(HitPolicy::First, 99), Value::Int(8));
        assert!(matches!(
            ask(&table(HitPolicy::Unique, rows()), Value::Int(7)),
            Err(DecideError::NotUnique(1, 2))
        ));
    }

    #[test]
    fn an_empty_input_fits_only_where_it_is_meant() {
        let rows = vec![
            (range(0, 10), 1, 0),
            (Test::In(vec![Value::Null, Value::Int(70)]), 2, 0),
            (Test::NotIn(vec![Value::Int(10)]), 3, 0),
        ];
        let table = table(HitPolicy::First, rows);
        assert_eq!(ask(&table, Value::Null).unwrap(), Value::Int(2));
        assert_eq!(ask(&table, Value::Int(10)).unwrap(), Value::Null, "no row fits");
        assert_eq!(ask(&table, Value::Int(11)).unwrap(), Value::Int(3));
    }
}
