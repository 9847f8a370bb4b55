//! Settings: their types, the values that administrators gave them, and their shape in expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use mortise_expr::{Decimal, INT_LIMIT, Member, Shape, Type, Value};
use serde_json::Value as Json;

use super::place::Place;
use crate::model::SettingModel;
use crate::problem::Problems;
use crate::source::{Setting, SettingType};
use crate::{Kind, Package};

/// Places of a decimal setting.
pub const DECIMAL_SETTING_SCALE: u8 = 6;
/// Longest text of a setting, in characters.
pub const TEXT_SETTING_CHARS_MAX: usize = 1_000;

/// Why a value does not suit a setting; shown, it says what is wanted in the words of the app language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Another type is wanted.
    #[error("{0}")]
    Type(&'static str),
    /// Below the smallest or above the largest value.
    #[error("{0}")]
    Range(String),
}

/// The value of a setting from its JSON form.
pub fn setting_value(declaration: &Setting, value: &Json) -> Result<Value, SettingError> {
    match declaration.kind {
        SettingType::Integer => {
            let number = value.as_i64().filter(|number| number.abs() <= INT_LIMIT);
            let number = number.ok_or(SettingError::Type("integer"))?;
            check_range(declaration, Decimal::from(number))?;
            Ok(Value::Int(number))
        }
        SettingType::Decimal => {
            let number = decimal(value).ok_or(SettingError::Type("decimal"))?;
            check_range(declaration, number)?;
            Ok(Value::Decimal(number))
        }
        SettingType::Boolean => value.as_bool().map(Value::Bool).ok_or(SettingError::Type("boolean")),
        SettingType::Text => {
            let text = value.as_str().filter(|text| text.chars().count() <= TEXT_SETTING_CHARS_MAX);
            text.map(Value::text).ok_or(SettingError::Type("text"))
        }
    }
}

/// The type of a setting in expressions.
pub(super) fn setting_type(kind: SettingType) -> Type {
    match kind {
        SettingType::Integer => Type::Int,
        SettingType::Decimal => Type::Decimal(DECIMAL_SETTING_SCALE),
        SettingType::Boolean => Type::Bool,
        SettingType::Text => Type::Text,
    }
}

/// The settings of an app with their values, and their shape. A stored value that no longer suits its declaration
/// gives a warning and the default: an upgrade must not be stopped by what an administrator once chose.
pub(super) fn settings_of(
    package: &Package,
    stored: Option<&BTreeMap<String, Json>>,
    problems: &mut Problems,
) -> (Vec<SettingModel>, Arc<Shape>) {
    let mut settings = Vec::with_capacity(package.app.settings.len());
    let mut members = Vec::with_capacity(package.app.settings.len());
    let place = Place::new(package, Kind::App, "").key("settings");
    for (name, declaration) in &package.app.settings {
        let place = place.key(name);
        super::names::check_name(name, &place, problems);
        let default = match setting_value(declaration, &declaration.default) {
            Ok(value) => value,
            Err(error) => {
                let problem = place.key("default").error("setting.default").arg("name", name);
                problems.push(problem.arg("value", &declaration.default).arg("wanted", error));
                Value::Null
            }
        };
        let given = stored.and_then(|values| values.get(name));
        let value = match given.map(|value| (value, setting_value(declaration, value))) {
            Some((_, Ok(value))) => value,
            Some((value, Err(error))) => {
                let problem = place.warning("setting.value").arg("name", name).arg("value", value);
                problems.push(problem.arg("wanted", error));
                default
            }
            None => default,
        };
        members.push(Member::new(name.as_str(), setting_type(declaration.kind)));
        settings.push(SettingModel { name: name.clone(), declaration: declaration.clone(), value });
    }
    (settings, Arc::new(Shape::new(members)))
}

fn decimal(value: &Json) -> Option<Decimal> {
    let number: Decimal = match value {
        Json::String(text) => text.parse().ok()?,
        Json::Number(number) => number.to_string().parse().ok()?,
        _ => return None,
    };
    let fits = number.scale <= DECIMAL_SETTING_SCALE;
    number.rescale(DECIMAL_SETTING_SCALE).filter(|number| fits && number.mantissa.abs() <= INT_LIMIT)
}

fn check_range(declaration: &Setting, number: Decimal) -> Result<(), SettingError> {
    let below = declaration.min.is_some_and(|min| number < Decimal::from(min));
    let above = declaration.max.is_some_and(|max| number > Decimal::from(max));
    if !below && !above {
        return Ok(());
    }
    Err(SettingError::Range(match (declaration.min, declaration.max) {
        (Some(min), Some(max)) => format!("{min}–{max}"),
        (Some(min), None) => format!("≥ {min}"),
        (None, Some(max)) => format!("≤ {max}"),
        (None, None) => unreachable!("without bounds no number is out of bounds"),
    }))
}
