//! The same validator for extism, whose plugins get bytes and give bytes: the record comes as JSON.

use extism_pdk::{FnResult, Json, plugin_fn};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Record {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    value: serde_json::Value,
}

#[derive(Serialize)]
struct Violation {
    field: String,
    code: &'static str,
}

#[plugin_fn]
pub fn validate(Json(record): Json<Record>) -> FnResult<Json<Vec<Violation>>> {
    let too_long = |field: &Field| field.value.as_str().is_some_and(|text| text.len() > 100);
    let long = record.fields.into_iter().filter(too_long);
    Ok(Json(long.map(|field| Violation { field: field.name, code: "too_long" }).collect()))
}
