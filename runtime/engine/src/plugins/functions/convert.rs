//! Values on their way to functions of plugins and back. What comes back is believed only as far as its declared type goes.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use indexmap::Equivalent;
use mortise_definition::source::PLUGIN_DECIMAL_SCALE;
use mortise_expr::{Decimal, INT_LIMIT, Type, Value};
use mortise_plugin_host::manifest::{Export, ValueKind};
use mortise_plugin_host::value::Value as Wire;

use crate::plugins::entry;

/// Arguments of a call, as something to remember an answer by: two are the same when every part of them is.
#[derive(Debug, Clone)]
pub(super) struct Args(Arc<[Value]>);

/// Arguments that are looked up only.
pub(super) struct Question<'a>(pub(super) &'a [Value]);

impl Args {
    pub(super) fn new(values: &[Value]) -> Args {
        Args(values.into())
    }

    /// Whether two are one and the same.
    pub(super) fn is(&self, other: &Args) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// As a plugin sees them.
    pub(super) fn outward(&self, export: &Export) -> Vec<Wire> {
        let kinds = export.parameters.iter().map(|parameter| parameter.kind);
        self.0.iter().zip(kinds).map(|(value, kind)| outward(value, kind)).collect()
    }
}

impl PartialEq for Args {
    fn eq(&self, other: &Args) -> bool {
        all_identical(&self.0, &other.0)
    }
}

impl Eq for Args {}

impl Hash for Args {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Question(&self.0).hash(state);
    }
}

impl Hash for Question<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| hash(value, state));
    }
}

impl Equivalent<Args> for Question<'_> {
    fn equivalent(&self, args: &Args) -> bool {
        all_identical(self.0, &args.0)
    }
}

fn all_identical(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| identical(a, b))
}

/// Whether a function can tell no difference: of numbers, their digits count and not what they are worth.
fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (Value::Decimal(a), Value::Decimal(b)) => (a.mantissa, a.scale) == (b.mantissa, b.scale),
        (Value::List(a), Value::List(b)) => all_identical(a, b),
        (a, b) => a == b,
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Text(text) => text.hash(state),
        Value::Int(number) | Value::Duration(number) => number.hash(state),
        Value::Float(number) => number.to_bits().hash(state),
        Value::Decimal(number) => (number.mantissa, number.scale).hash(state),
        Value::Bool(yes) => yes.hash(state),
        Value::Date(day) => day.hash(state),
        Value::DateTime(instant) => instant.hash(state),
        Value::Id(id) => id.hash(state),
        Value::List(items) => items.iter().for_each(|item| hash(item, state)),
        // No function takes these.
        Value::Null | Value::Geo(_) | Value::Json(_) => {}
    }
}

/// The types of a function as expressions know them; none when it gives nothing.
pub(super) fn signature(export: &Export) -> Option<(Vec<Type>, Type)> {
    let parameters = export.parameters.iter().map(|parameter| ty(parameter.kind)).collect();
    Some((parameters, ty(export.returns?)))
}

fn ty(kind: ValueKind) -> Type {
    match kind {
        ValueKind::Text | ValueKind::Json => Type::Text,
        ValueKind::Integer => Type::Int,
        ValueKind::Decimal => Type::Decimal(PLUGIN_DECIMAL_SCALE),
        ValueKind::Float => Type::Float,
        ValueKind::Boolean => Type::Bool,
        ValueKind::Date => Type::Date,
        ValueKind::Timestamp => Type::DateTime,
        ValueKind::Many => Type::List(Box::new(Type::Text)),
    }
}

fn outward(value: &Value, kind: ValueKind) -> Wire {
    match (value, kind) {
        (Value::Text(text), ValueKind::Json) => Wire::Json(text.to_string()),
        (value, _) => entry::plain(value),
    }
}

/// What a function answered; none when it is not of the type that it declares.
pub(super) fn inward(value: Wire, wanted: &Type) -> Option<Value> {
    Some(match (value, wanted) {
        (Wire::Null, _) => Value::Null,
        (Wire::Boolean(yes), Type::Bool) => Value::Bool(yes),
        (Wire::Integer(number), Type::Int) if number.unsigned_abs() <= INT_LIMIT.unsigned_abs() => {
            Value::Int(number)
        }
        (Wire::Float(number), Type::Float) if number.is_finite() => Value::Float(number),
        (Wire::Decimal(text), Type::Decimal(scale)) => {
            let number: Decimal = text.parse().ok()?;
            Value::Decimal(number.rescale(*scale).filter(|number| number.mantissa.abs() <= INT_LIMIT)?)
        }
        (Wire::Text(text) | Wire::Json(text), Type::Text) => plain_text(text)?,
        (Wire::Date(text), Type::Date) => Value::Date(NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?),
        (Wire::Timestamp(text), Type::DateTime) => {
            let instant = DateTime::parse_from_rfc3339(&text).ok()?;
            Value::DateTime(DateTime::from_timestamp_micros(instant.timestamp_micros())?)
        }
        (Wire::Many(texts), Type::List(_)) => {
            Value::list(texts.into_iter().map(plain_text).collect::<Option<Vec<Value>>>()?)
        }
        _ => return None,
    })
}

/// A text that every database takes.
fn plain_text(text: String) -> Option<Value> {
    (!text.contains('\0')).then(|| Value::text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(mantissa: i64, scale: u8) -> Value {
        Value::Decimal(Decimal::new(mantissa, scale))
    }

    #[test]
    fn answers_of_the_declared_type_are_taken_and_others_are_not() {
        let six = Type::Decimal(6);
        assert_eq!(inward(Wire::Decimal("-12.5".into()), &six), Some(decimal(-12_500_000, 6)));
        assert_eq!(inward(Wire::Float(0.5), &six), None);
        assert_eq!(inward(Wire::Null, &Type::Date), Some(Value::Null));
        assert_eq!(inward(Wire::Date("2026-02-30".into()), &Type::Date), None);
        assert_eq!(inward(Wire::Text("a\0b".into()), &Type::Text), None);
        assert_eq!(inward(Wire::Integer(i64::MAX), &Type::Int), None);
        let many = Type::List(Box::new(Type::Text));
        let texts = Wire::Many(vec!["a".into(), "b".into()]);
        assert_eq!(inward(texts, &many), Some(Value::list([Value::text("a"), Value::text("b")])));
    }

    #[test]
    fn only_identical_arguments_share_an_answer() {
        let args = |value: Value| Args::new(&[value]);
        assert_eq!(args(Value::text("a")), args(Value::text("a")));
        assert_ne!(args(decimal(10, 1)), args(decimal(100, 2)));
        assert_ne!(args(Value::Float(0.0)), args(Value::Float(-0.0)));
        assert_ne!(args(Value::Int(1)), args(Value::Float(1.0)));
    }
}
