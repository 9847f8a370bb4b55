//! What the values of fields look like outside: JSON of the API, text of forms and spreadsheets, words on a page. One file
//! per family of field types; nothing here reads a database or a clock, so the same text always means the same value.
//!
//! Three ways in and out: [`from_json`] is strict (programs), [`from_text`] is lenient (people), [`write_json`] and
//! [`display`] go back. Both ways in end in [`check`], so a value that leaves this module keeps every limit of its field.

mod boolean;
mod choice;
mod contact;
mod duration;
mod files;
mod fold;
mod issue;
mod json;
mod number;
mod people;
mod place;
mod plain;
mod text;
mod time;
mod tree;

pub mod normalize;
#[cfg(test)]
mod tests;

use chrono_tz::Tz;
use mortise_definition::model::{FieldKind, FieldModel, Model, system};
use mortise_definition::source::RollupOperation;
use mortise_expr::{Type, Value};
use serde_json::Value as Json;
use uuid::Uuid;

pub(crate) use fold::comparable;
pub use fold::half_width;
pub use issue::Issue;
pub(crate) use json::write_text;
pub use json::{to_json, write_json};
pub use number::currency_sign;

/// Most entries of a list value (choices, files). Enough for people, small enough to stay in one row.
pub const LIST_LIMIT: usize = 200;

/// The people of a tenant, as far as values need them: users and teams are stored by id and typed by name.
pub trait People: Send + Sync {
    /// Name of a user, active or not.
    fn user_name(&self, id: Uuid) -> Option<&str>;
    /// Active users with this login, e-mail address or name; several when a name is not unique.
    fn find_user(&self, text: &str) -> Vec<Uuid>;
    /// Name of a department or team.
    fn team_name(&self, id: Uuid) -> Option<&str>;
    /// Departments and teams with this name.
    fn find_team(&self, text: &str) -> Vec<Uuid>;
}

/// What the meaning of a text depends on beside the field.
#[derive(Clone, Copy)]
pub struct ValueContext<'a> {
    /// The tenant's definitions (trees).
    pub model: &'a Model,
    /// The tenant's people.
    pub directory: &'a dyn People,
    /// Zone of local times.
    pub tz: Tz,
    /// Language of [`display`]; labels are understood in every language.
    pub language: &'a str,
}

/// What a text means: a value, or words that name a record which only the database knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// The value.
    Value(Value),
    /// Title (or another unique text) of a record of the referenced entity.
    Reference(String),
}

impl From<Value> for Parsed {
    fn from(value: Value) -> Parsed {
        Parsed::Value(value)
    }
}

/// Reads the wire form of a value. `null` and empty text are no value.
pub fn from_json(field: &FieldModel, json: &Json, cx: &ValueContext) -> Result<Value, Issue> {
    let empty = json.as_str().is_some_and(|text| text.trim().is_empty());
    if json.is_null() || (empty && !matches!(field.kind, FieldKind::Json)) {
        return Ok(Value::Null);
    }
    let value = match &field.kind {
        FieldKind::Text { .. } | FieldKind::Autonumber { .. } => text::line(text::of_json(json)?)?,
        FieldKind::LongText { .. } => text::lines(text::of_json(json)?)?,
        FieldKind::Integer { .. } => number::integer_from_json(json)?,
        FieldKind::Decimal { scale, .. } => number::decimal_from_json(json, *scale)?,
        FieldKind::Boolean => boolean::from_json(json)?,
        FieldKind::Date => time::date_from_json(json)?,
        FieldKind::Datetime => time::datetime_from_json(json, cx.tz)?,
        FieldKind::Duration => duration::from_json(json)?,
        FieldKind::Choice { .. } => Value::text(text::of_json(json)?),
        FieldKind::Choices { .. } => choice::list_from_json(json)?,
        FieldKind::Tree { tree, .. } => tree::from_json(json, tree, cx)?,
        FieldKind::Reference { .. } => people::id_from_json(json)?,
        FieldKind::User => people::user_from_json(json, cx.directory)?,
        FieldKind::Team => people::team_from_json(json, cx.directory)?,
        FieldKind::Phone => contact::phone(text::of_json(json)?)?,
        FieldKind::Email => contact::email(text::of_json(json)?)?,
        FieldKind::Url => contact::url(text::of_json(json)?)?,
        FieldKind::GeoPoint => place::from_json(json)?,
        FieldKind::File { many, .. } => files::from_json(json, *many)?,
        FieldKind::Json => json::from_json(json)?,
        FieldKind::Lines { .. } => return Err(Issue::new("value.lines")),
        FieldKind::Computed { value } => plain::from_json(value.ty(), json, cx)?,
        FieldKind::Rollup { .. } => {
            return rollup(field, cx, |f| from_json(f, json, cx), |ty| plain::from_json(ty, json, cx));
        }
        FieldKind::System => plain::from_json(&system_type(field), json, cx)?,
    };
    check(field, &value)?;
    tree::check_leaf(field, &value, cx)?;
    Ok(value)
}

/// Reads what a person typed into a form or a spreadsheet. Empty text is no value.
pub fn from_text(field: &FieldModel, text: &str, cx: &ValueContext) -> Result<Parsed, Issue> {
    if text.trim().is_empty() {
        return Ok(Parsed::Value(Value::Null));
    }
    let value = match &field.kind {
        FieldKind::Text { .. } | FieldKind::Autonumber { .. } => text::line(text)?,
        FieldKind::LongText { .. } => text::lines(text)?,
        FieldKind::Integer { .. } => number::integer_from_text(text)?,
        FieldKind::Decimal { scale, currency, .. } => {
            number::decimal_from_text(text, *scale, currency.as_deref())?
        }
        FieldKind::Boolean => boolean::from_text(text)?,
        FieldKind::Date => time::date_from_text(text)?,
        FieldKind::Datetime => time::datetime_from_text(text, cx.tz)?,
        FieldKind::Duration => duration::from_text(text)?,
        FieldKind::Choice { choices } => choice::from_text(text, choices, cx.language)?,
        FieldKind::Choices { choices } => choice::list_from_text(text, choices, cx.language)?,
        FieldKind::Tree { tree, leaf_only, .. } => tree::from_text(text, tree, *leaf_only, cx)?,
        FieldKind::Reference { .. } => return people::reference_from_text(text),
        FieldKind::User => people::user_from_text(text, cx.directory)?,
        FieldKind::Team => people::team_from_text(text, cx.directory)?,
        FieldKind::Phone => contact::phone(text)?,
        FieldKind::Email => contact::email(text)?,
        FieldKind::Url => contact::url(text)?,
        FieldKind::GeoPoint => place::from_text(text)?,
        FieldKind::File { many, .. } => files::from_text(text, *many)?,
        FieldKind::Json => json::from_text(text)?,
        FieldKind::Lines { .. } => return Err(Issue::new("value.lines")),
        FieldKind::Computed { value } => plain::from_text(value.ty(), text, cx)?,
        FieldKind::Rollup { .. } => {
            return rollup(
                field,
                cx,
                |f| from_text(f, text, cx),
                |ty| plain::from_text(ty, text, cx).map(Parsed::Value),
            );
        }
        FieldKind::System => plain::from_text(&system_type(field), text, cx)?,
    };
    check(field, &value)?;
    tree::check_leaf(field, &value, cx)?;
    Ok(Parsed::Value(value))
}

/// The words for a value on a page. References to records and files show their id: their titles come from the query.
pub fn display(field: &FieldModel, value: &Value, cx: &ValueContext) -> String {
    match (&field.kind, value) {
        (_, Value::Null) => String::new(),
        (FieldKind::Decimal { currency, .. }, Value::Decimal(number)) => {
            number::display(*number, currency.as_deref())
        }
        (FieldKind::Choice { choices }, Value::Text(text)) => {
            choice::display(text, choices, cx.language).to_owned()
        }
        (FieldKind::Choices { choices }, Value::List(items)) => {
            choice::display_list(items, choices, cx.language)
        }
        (FieldKind::Tree { tree, .. }, Value::Text(path)) => tree::display(path, tree, cx),
        (FieldKind::User, Value::Id(id)) => {
            cx.directory.user_name(*id).map_or_else(|| id.to_string(), str::to_owned)
        }
        (FieldKind::Team, Value::Id(id)) => {
            cx.directory.team_name(*id).map_or_else(|| id.to_string(), str::to_owned)
        }
        (FieldKind::Rollup { entity, field: Some(slot), operation, .. }, value)
            if *operation != RollupOperation::Count =>
        {
            display(&cx.model.entities[*entity].fields[*slot], value, cx)
        }
        (_, value) => plain::display(value, cx),
    }
}

/// Whether a text is a telephone number.
pub(crate) fn contact_phone(text: &str) -> bool {
    contact::phone(text).is_ok()
}

/// The words for a value that belongs to no field.
pub(crate) fn display_plain(value: &Value, cx: &ValueContext) -> String {
    plain::display(value, cx)
}

/// Whether a value fits its field: right kind of value, within every declared and built-in limit.
/// Values that expressions give (defaults) have to pass it too.
pub fn check(field: &FieldModel, value: &Value) -> Result<(), Issue> {
    match (&field.kind, value) {
        (_, Value::Null) => Ok(()),
        (FieldKind::Text { max_length, pattern }, Value::Text(text)) => {
            text::check(text, *max_length, pattern.as_ref())
        }
        (FieldKind::LongText { max_length }, Value::Text(text)) => text::check(text, *max_length, None),
        (FieldKind::Integer { min, max }, Value::Int(number)) => number::check_integer(*number, *min, *max),
        (FieldKind::Decimal { scale, min, max, .. }, Value::Decimal(number)) => {
            number::check_decimal(*number, *scale, *min, *max)
        }
        (FieldKind::Boolean, Value::Bool(_))
        | (FieldKind::Reference { .. } | FieldKind::User | FieldKind::Team, Value::Id(_)) => Ok(()),
        (FieldKind::Date, Value::Date(date)) => time::check_date(*date),
        (FieldKind::Datetime, Value::DateTime(instant)) => time::check_instant(*instant),
        (FieldKind::Duration, Value::Duration(ms)) => duration::check(*ms),
        (FieldKind::Choice { choices }, Value::Text(text)) => choice::check(text, choices),
        (FieldKind::Choices { choices }, Value::List(items)) => choice::check_list(items, choices),
        (FieldKind::Tree { .. }, Value::Text(path)) => text::check(path, tree::PATH_LIMIT, None),
        (FieldKind::Phone, Value::Text(text)) => contact::phone(text).map(drop),
        (FieldKind::Email, Value::Text(text)) => contact::email(text).map(drop),
        (FieldKind::Url, Value::Text(text)) => contact::url(text).map(drop),
        (FieldKind::GeoPoint, Value::Geo(point)) => place::check(*point),
        (FieldKind::File { many, .. }, value) => files::check(value, *many),
        (FieldKind::Json, Value::Json(json)) => json::check(json),
        (FieldKind::Autonumber { .. }, Value::Text(text)) => text::check(text, text::LINE_LIMIT, None),
        (FieldKind::Computed { .. } | FieldKind::Rollup { .. } | FieldKind::System, value) => {
            plain::check(value)
        }
        (FieldKind::Lines { .. }, _) => Err(Issue::new("value.lines")),
        (kind, _) => Err(Issue::new(expected(kind))),
    }
}

/// The complaint about a value of the wrong kind.
fn expected(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Integer { .. } => "value.not_integer",
        FieldKind::Decimal { .. } => "value.not_number",
        FieldKind::Boolean => "value.not_boolean",
        FieldKind::Date => "value.not_date",
        FieldKind::Datetime => "value.not_datetime",
        FieldKind::Duration => "value.not_duration",
        FieldKind::Choices { .. } => "value.not_list",
        FieldKind::Reference { .. } | FieldKind::User | FieldKind::Team => "value.not_id",
        FieldKind::GeoPoint => "value.not_geo_point",
        FieldKind::Json => "value.not_json",
        _ => "value.not_text",
    }
}

/// A rollup holds what its source field holds; a count is a whole number.
fn rollup<T>(
    field: &FieldModel,
    cx: &ValueContext,
    as_field: impl FnOnce(&FieldModel) -> Result<T, Issue>,
    as_type: impl FnOnce(&Type) -> Result<T, Issue>,
) -> Result<T, Issue> {
    match &field.kind {
        FieldKind::Rollup { entity, field: Some(slot), operation, .. }
            if *operation != RollupOperation::Count =>
        {
            as_field(&cx.model.entities[*entity].fields[*slot])
        }
        _ => as_type(&Type::Int),
    }
}

fn system_type(field: &FieldModel) -> Type {
    match field.slot {
        system::VERSION => Type::Int,
        _ => Type::Id,
    }
}

/// Reads back what [`write_json`] wrote for a value of this type (places in a list, values of the audit trail).
pub(crate) fn from_stored(ty: &Type, json: &Json, cx: &ValueContext) -> Option<Value> {
    if json.is_null() { Some(Value::Null) } else { plain::from_json(ty, json, cx).ok() }
}
