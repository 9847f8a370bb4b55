//! Reads JSON more strictly than the language asks for: a key that is written twice and nesting without end are
//! refused, and every error has its line and column. Never panics, whatever the text.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Problem;

/// Deepest nesting of a file. A tree of ten levels needs twenty-two.
pub(crate) const DEPTH_MAX: usize = 48;

/// The value of a JSON text, or what is wrong with the text.
pub(crate) fn parse(file: &str, text: &str) -> Result<Value, Box<Problem>> {
    // Editors on Windows put a byte order mark in front; it carries no meaning.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let state = RefCell::new(State::default());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Node { state: &state }.deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    read.map_err(|error| {
        let state = state.into_inner();
        let at = |problem: Problem| problem.at(error.line(), column_of(text, &error));
        match state.broken {
            Some(Broken::Duplicate(key)) => {
                at(Problem::error("json.duplicate_key", file, pointer(&state.path)).arg("key", key))
            }
            Some(Broken::Depth) => at(Problem::error("json.too_deep", file, "").arg("limit", DEPTH_MAX)),
            None => problem_of_text(file, text, &error),
        }
        .into()
    })
}

/// The problem of a file that serde could not read.
pub(crate) fn problem_of(file: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return problem_of_text(file, "", error);
    }
    let problem = Problem::error("json.content", file, "").arg("reason", bare(error));
    if error.line() > 0 { problem.at(error.line(), error.column()) } else { problem }
}

fn problem_of_text(file: &str, text: &str, error: &serde_json::Error) -> Problem {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default().trim();
    let shown: String = line.chars().take(80).collect();
    let detail = bare(error);
    let problem = Problem::error("json.syntax", file, "").arg("reason", reason(&detail)).arg("text", shown);
    let problem = problem.arg("detail", detail);
    problem.at(error.line(), column_of(text, error))
}

/// A stable word for each way in which JSON is commonly broken, for which the catalogue has a text.
fn reason(detail: &str) -> &'static str {
    match detail {
        _ if detail.starts_with("EOF") => "end",
        _ if detail.starts_with("expected `,`") => "comma",
        "trailing comma" => "trailing_comma",
        "expected `:`" => "colon",
        "key must be a string" => "key",
        "expected value" | "expected ident" => "value",
        "trailing characters" => "rest",
        _ if detail.contains("escape") || detail.contains("control character") => "text",
        _ if detail.contains("number") => "number",
        _ => "other",
    }
}

/// serde_json counts columns in bytes; people count characters.
fn column_of(text: &str, error: &serde_json::Error) -> usize {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let bytes = error.column().min(line.len());
    line.char_indices().take_while(|(start, _)| *start < bytes).count().max(1)
}

/// The message without "at line 3 column 4", which a problem says itself.
fn bare(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.rsplit_once(" at line ").map_or(message.clone(), |(bare, _)| bare.to_owned())
}

/// A JSON pointer of these segments.
pub(crate) fn pointer(path: &[String]) -> String {
    path.iter().map(|segment| format!("/{}", escape(segment))).collect()
}

/// A key as a segment of a JSON pointer.
pub(crate) fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// A segment of a JSON pointer as the key it stands for.
pub(crate) fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

#[derive(Default)]
struct State {
    path: Vec<String>,
    broken: Option<Broken>,
}

enum Broken {
    Duplicate(String),
    Depth,
}

#[derive(Clone, Copy)]
struct Node<'a> {
    state: &'a RefCell<State>,
}

impl Node<'_> {
    /// Goes one level down; the path is left as it is when reading stops there.
    fn enter<E: serde::de::Error>(&self, segment: String) -> Result<(), E> {
        let mut state = self.state.borrow_mut();
        state.path.push(segment);
        if state.path.len() > DEPTH_MAX {
            state.broken = Some(Broken::Depth);
            return Err(E::custom("too deep"));
        }
        Ok(())
    }

    fn leave(&self) {
        self.state.borrow_mut().path.pop();
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            self.enter(items.len().to_string())?;
            let Some(item) = seq.next_element_seed(self)? else { break };
            items.push(item);
            self.leave();
        }
        self.leave();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.enter(key.clone())?;
            if object.contains_key(&key) {
                self.state.borrow_mut().broken = Some(Broken::Duplicate(key));
                return Err(A::Error::custom("duplicate key"));
            }
            let value = map.next_value_seed(self)?;
            object.insert(key, value);
            self.leave();
        }
        Ok(Value::Object(object))
    }
}
