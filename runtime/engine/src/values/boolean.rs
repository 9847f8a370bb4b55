//! Yes and no, in the words of forms and spreadsheets.

use mortise_expr::Value;
use serde_json::Value as Json;

use super::{Issue, fold};

const YES: [&str; 14] = ["true", "yes", "y", "1", "on", "t", "x", "✓", "√", "✔", "是", "对", "有", "真"];
const NO: [&str; 13] = ["false", "no", "n", "0", "off", "f", "-", "✗", "×", "否", "不是", "无", "假"];

pub(super) fn from_json(json: &Json) -> Result<Value, Issue> {
    json.as_bool().map(Value::Bool).ok_or_else(|| Issue::of("value.not_boolean", &json.to_string()))
}

pub(super) fn from_text(text: &str) -> Result<Value, Issue> {
    let word = fold::comparable(text);
    match (YES.contains(&word.as_str()), NO.contains(&word.as_str())) {
        (true, _) => Ok(Value::Bool(true)),
        (_, true) => Ok(Value::Bool(false)),
        _ => Err(Issue::of("value.not_boolean", text)),
    }
}
