//! Calculated values in words, as the server says them.

use mortise_expr::Value;
use serde::{Deserialize, Serialize};

/// Words of the person's language.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Words {
    /// For true.
    pub yes: String,
    /// For false.
    pub no: String,
}

impl Words {
    /// The words for a value; none where the server says them in ways of its own (times, lists, places).
    pub(crate) fn of(&self, value: &Value) -> Option<String> {
        match value {
            Value::Null => Some(String::new()),
            Value::Bool(true) => Some(self.yes.clone()),
            Value::Bool(false) => Some(self.no.clone()),
            Value::Decimal(number) => Some(number.shortened().grouped()),
            Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Date(_) | Value::Id(_) => {
                Some(value.to_string())
            }
            Value::DateTime(_) | Value::Duration(_) | Value::List(_) | Value::Geo(_) | Value::Json(_) => None,
        }
    }
}
