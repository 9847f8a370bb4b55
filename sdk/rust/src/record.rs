//! Records as plugins see them: an entry of the host behind a type of the plugin's own, with one accessor for each field.

use crate::{Entry, Value};

/// A type that `schema!` makes for a kind of record.
pub trait Record {
    /// The kind.
    const ENTITY: &'static str;
    /// The record of an entry.
    fn of(entry: Entry) -> Self;
    /// What the host sent.
    fn entry(&self) -> &Entry;
}

/// A record before and after a change.
#[derive(Debug, Clone)]
pub struct Change<R> {
    /// `create`, `update` or `delete`.
    pub op: String,
    /// As it was; none when it is being created.
    pub before: Option<R>,
    /// As it is going to be; none when it is being deleted.
    pub after: Option<R>,
}

impl<R> Change<R> {
    /// The record as it is going to be, or as it was when it is being deleted.
    pub fn record(&self) -> Option<&R> {
        self.after.as_ref().or(self.before.as_ref())
    }
}

/// A field that was looked up. An empty field and one that the manifest did not ask for are both nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Get<'a>(Option<&'a Value>);

impl<'a> Get<'a> {
    /// Looks a field up.
    pub fn of(entry: &'a Entry, name: &str) -> Get<'a> {
        let field = entry.fields.iter().find(|field| field.name == name);
        Get(field.map(|field| &field.value).filter(|value| !matches!(value, Value::Null)))
    }

    /// The value.
    pub fn value(self) -> Option<&'a Value> {
        self.0
    }

    /// True when there is no value, or only white space.
    pub fn is_empty(self) -> bool {
        match self.0 {
            None => true,
            Some(Value::Text(text)) => text.trim().is_empty(),
            Some(Value::Many(texts)) => texts.is_empty(),
            Some(_) => false,
        }
    }

    /// Its text, or the text that stands for it: digits of a decimal, a date, the id of a reference. Empty when there is none.
    pub fn text(self) -> &'a str {
        match self.0 {
            Some(
                Value::Text(text)
                | Value::Decimal(text)
                | Value::Date(text)
                | Value::Timestamp(text)
                | Value::Json(text),
            ) => text,
            Some(Value::Reference(reference)) => &reference.id,
            Some(Value::Other(other)) => &other.text,
            _ => "",
        }
    }

    /// Its whole number.
    pub fn integer(self) -> Option<i64> {
        match self.0 {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// Its number, with the precision of a floating point.
    pub fn number(self) -> Option<f64> {
        match self.0 {
            Some(Value::Integer(value)) => Some(*value as f64),
            Some(Value::Float(value)) => Some(*value),
            Some(Value::Decimal(text)) => text.parse().ok(),
            _ => None,
        }
    }

    /// Yes or no; no when there is no value.
    pub fn boolean(self) -> bool {
        matches!(self.0, Some(Value::Boolean(true)))
    }

    /// Its texts.
    pub fn many(self) -> &'a [String] {
        match self.0 {
            Some(Value::Many(texts)) => texts,
            _ => &[],
        }
    }
}
