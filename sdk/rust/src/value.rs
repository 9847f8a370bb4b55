//! Conversions between the values of the interface and types of Rust. Never guesses: text is not read as a number.

use crate::{Fault, Field, Retry, Value, Violation};

/// Something that can be read from a value.
pub trait FromValue: Sized {
    /// What people call it, for messages.
    const NAME: &'static str;
    /// Reads it; none when the value is something else.
    fn from_value(value: Value) -> Option<Self>;
}

/// Something that can be given as a value.
pub trait IntoValue {
    /// The value.
    fn into_value(self) -> Value;
}

macro_rules! value {
    ($type:ty, $name:literal, $($pattern:pat => $read:expr),+; $own:ident => $write:expr) => {
        impl FromValue for $type {
            const NAME: &'static str = $name;
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    $($pattern => Some($read),)+
                    _ => None,
                }
            }
        }
        impl IntoValue for $type {
            fn into_value(self) -> Value {
                let $own = self;
                $write
            }
        }
    };
}

value!(bool, "yes or no", Value::Boolean(value) => value; own => Value::Boolean(own));
value!(i64, "a whole number", Value::Integer(value) => value; own => Value::Integer(own));
value!(f64, "a number", Value::Float(value) => value, Value::Integer(value) => value as f64; own => Value::Float(own));
value!(String, "text",
    Value::Text(text) => text, Value::Decimal(text) => text, Value::Date(text) => text,
    Value::Timestamp(text) => text, Value::Json(text) => text, Value::Null => String::new();
    own => Value::Text(own));
value!(Vec<String>, "texts", Value::Many(texts) => texts, Value::Null => Vec::new(); own => Value::Many(own));

impl FromValue for Value {
    const NAME: &'static str = "anything";
    fn from_value(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const NAME: &'static str = T::NAME;
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::Text(self.to_owned())
    }
}

/// What a function for expressions may give back: a value, or a fault instead of one.
pub trait IntoAnswer {
    /// The answer for one row.
    fn into_answer(self) -> Result<Value, Fault>;
}

impl<T: IntoValue> IntoAnswer for T {
    fn into_answer(self) -> Result<Value, Fault> {
        Ok(self.into_value())
    }
}

impl<T: IntoValue> IntoAnswer for Result<T, Fault> {
    fn into_answer(self) -> Result<Value, Fault> {
        self.map(T::into_value)
    }
}

/// The arguments of one call of a function.
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// The arguments in their order.
    pub fn of(values: Vec<Value>) -> Row {
        Row(values.into_iter())
    }

    /// The next argument, which is the `number`th.
    pub fn next<T: FromValue>(&mut self, number: usize) -> Result<T, Fault> {
        let value = self.0.next().ok_or_else(|| wrong(format!("argument {number} is missing")))?;
        T::from_value(value).ok_or_else(|| wrong(format!("argument {number} is not {}", T::NAME)))
    }

    /// An error when there are arguments left.
    pub fn end(mut self) -> Result<(), Fault> {
        match self.0.next() {
            None => Ok(()),
            Some(_) => Err(wrong("there are too many arguments".into())),
        }
    }
}

fn wrong(message: String) -> Fault {
    fault("argument", message)
}

/// A fault that trying again does not help.
pub fn fault(code: impl Into<String>, message: impl Into<String>) -> Fault {
    Fault { code: code.into(), message: message.into(), retry: Retry::Never }
}

/// Something that is wrong with a field.
pub fn violation(field: &str, code: impl Into<String>, message: impl Into<String>) -> Violation {
    Violation { field: Some(field.to_owned()), code: code.into(), message: message.into() }
}

/// Values by name: what an action, a provider or a connector gets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// Fields in their order.
    pub fn of(fields: Vec<Field>) -> Fields {
        Fields(fields)
    }

    /// The fields of a record that was read.
    pub fn from_entry(entry: crate::Entry) -> Fields {
        Fields(entry.fields)
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl IntoValue) -> Fields {
        self.0.push(Field { name: name.to_owned(), value: value.into_value() });
        self
    }

    /// The field of this name; none when it is missing, empty or of another type.
    pub fn get<T: FromValue>(&self, name: &str) -> Option<T> {
        let field = self.0.iter().find(|field| field.name == name)?;
        T::from_value(field.value.clone())
    }

    /// The field of this name, or a fault that says what is missing.
    pub fn need<T: FromValue>(&self, name: &str) -> Result<T, Fault> {
        self.get(name).ok_or_else(|| wrong(format!("`{name}` has to be {}", T::NAME)))
    }

    /// The fields as the interface has them.
    pub fn into_inner(self) -> Vec<Field> {
        self.0
    }
}
