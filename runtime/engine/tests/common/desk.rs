//! The app `desk`, put together from a few fields: versions of it are installed one after the other.

use mortise_definition::Package;
use mortise_engine::Error;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Bench, package};

pub fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

pub fn field(id: &str, kind: &str, more: Json) -> Json {
    let mut field = json!({"id": id, "type": kind, "label": words(id)});
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    field
}

pub fn plain(id: &str, kind: &str) -> Json {
    field(id, kind, json!({}))
}

/// The app `desk` with entities of these fields.
pub fn desk(version: &str, entities: Vec<Json>) -> Package {
    desk_with(version, entities, vec![])
}

pub fn desk_with(version: &str, entities: Vec<Json>, more: Vec<(&str, Json)>) -> Package {
    let app = json!({"id": "desk", "version": version, "label": words("Desk"), "settings": {
        "days": {"type": "integer", "label": words("Days"), "default": 7, "min": 1, "max": 30}}});
    let names: Vec<String> =
        entities.iter().map(|entity| format!("entities/{}.json", entity["id"].as_str().unwrap())).collect();
    let mut files = vec![("app.json", app)];
    files.extend(names.iter().map(String::as_str).zip(entities));
    files.extend(more);
    package(files)
}

pub fn entity(id: &str, fields: Vec<Json>, more: Json) -> Json {
    let mut entity = json!({"id": id, "label": words(id), "fields": fields});
    entity.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entity
}

/// `thing` with a name and these fields.
pub fn thing(fields: Vec<Json>) -> Json {
    let mut all = vec![field("name", "text", json!({"required": true}))];
    all.extend(fields);
    entity("thing", all, json!({"title": "name"}))
}

pub async fn one(bench: &Bench, values: Json) -> Uuid {
    bench.create(&bench.admin(), "desk.thing", values).await
}

pub async fn see(bench: &Bench, id: Uuid) -> Json {
    bench.json(&bench.admin(), "desk.thing", id).await
}

pub async fn columns(bench: &Bench, name: &str) -> Vec<String> {
    bench.column(&bench.admin(), "desk.thing", name, &[]).await
}

pub fn keys(error: &Error) -> Vec<(&str, &str)> {
    match error {
        Error::Unconfirmed(steps) => steps.iter().map(|step| (step.key.as_str(), step.kind)).collect(),
        other => panic!("{other}"),
    }
}
