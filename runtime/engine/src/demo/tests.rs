//! Tests of the generator: on the shipped apps and on small made-up descriptions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{Datelike, TimeZone, Timelike, Utc};
use chrono_tz::Asia::Shanghai;
use mortise_definition::Package;
use mortise_definition::model::system;
use mortise_expr::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::people::{Department, Directory, Person};
use crate::query::Query;
use crate::{Engine, EngineOptions, Simulated};

pub(crate) fn templates() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../app-templates");
    ["sales-core", "lead-management"].iter().map(|app| root.join(app)).collect()
}

/// The people of a demo, with ids that follow from their names.
pub(crate) fn directory(people: &People) -> Directory {
    let id = |name: &str| Uuid::from_u128(u128::from(dice::stream(&[name])));
    let departments = people.departments.iter();
    let departments = departments
        .map(|one| Department {
            id: id(&one.id),
            name: one.label.clone(),
            parent: one.parent.as_deref().map(id),
        })
        .collect();
    let users = people.users.iter();
    let users = users
        .map(|one| Person {
            id: id(&one.login),
            login: one.login.clone(),
            name: one.name.clone(),
            email: one.email.clone(),
            active: true,
            administrator: one.administrator,
            department: one.department.as_deref().map(id),
            supervisor: one.supervisor.as_deref().map(id),
            roles: one.roles.clone(),
            language: one.language.clone(),
        })
        .collect();
    Directory::new(users, departments, Shanghai, "zh-CN".to_owned())
}

/// A tenant with both shipped apps and the people of the demo.
pub(crate) async fn tenant_with_templates() -> (TempDir, Engine, Arc<Tenant>, Demo) {
    let folder = tempfile::tempdir().unwrap();
    let now = Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap();
    let mut options = EngineOptions::sqlite(folder.path());
    options.env = Arc::new(Simulated::new(now, 1));
    let engine = Engine::open(options).await.unwrap();
    let tenant = engine.tenant("acme").await.unwrap();
    let demo = Demo::read_folders(&templates()).unwrap();
    tenant.set_directory(directory(&demo.people));
    let system = Actor::system(Shanghai);
    for path in templates() {
        let package = Package::read_folder(&path).unwrap();
        tenant.install(&system, Arc::new(package), &[]).await.unwrap();
    }
    (folder, engine, tenant, demo)
}

fn options(scale: f64) -> DemoOptions {
    DemoOptions { seed: 7, base: Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap(), scale }
}

#[tokio::test]
async fn the_shipped_demo_is_valid_and_the_same_every_time() {
    let mut first: Option<BTreeMap<Uuid, Vec<Value>>> = None;
    for _ in 0..2 {
        let (_folder, _engine, tenant, demo) = tenant_with_templates().await;
        let mut told = Vec::new();
        let total = generate(&tenant, &demo, options(0.02), |entity, made, count| {
            told.push((entity.to_owned(), made, count))
        });
        let total = total.await.unwrap_or_else(|error| panic!("{error}: {:?}", error.issues()));
        assert_eq!(
            told.iter().filter(|(_, made, count)| made == count).map(|(_, made, _)| made).sum::<u64>(),
            total
        );

        let query = Query { limit: 500, ..Query::all("lead-management.lead") };
        let page = tenant.list(&Actor::system(Shanghai), &query).await.unwrap();
        assert_eq!(page.rows.len(), 200);
        let records: BTreeMap<Uuid, Vec<Value>> =
            page.rows.into_iter().map(|row| (row.id(), row.values)).collect();
        match &first {
            None => first = Some(records),
            Some(before) => assert_eq!(before, &records),
        }
    }
    let model = {
        let (_folder, _engine, tenant, _) = tenant_with_templates().await;
        tenant.model()
    };
    let lead = model.entity("lead-management.lead").unwrap();
    let records = first.unwrap();
    let owner = |record: &Vec<Value>| !record[system::OWNER].is_null();
    assert!(records.values().any(owner) && !records.values().all(owner));
    // Made in working hours of the past, not at the time of the run.
    for record in records.values() {
        let Value::DateTime(at) = record[system::CREATED_AT] else { panic!("no time") };
        let local = at.with_timezone(&Shanghai);
        assert!((8..19).contains(&local.hour()) && local.weekday().number_from_monday() < 6, "{local}");
    }
    let phone = lead.field("phone").unwrap().slot;
    assert!(records.values().all(|record| record[phone].as_text().unwrap().starts_with('+')));
}

#[tokio::test]
async fn more_records_begin_with_the_same_ones() {
    let (_a, _engine_a, small, demo) = tenant_with_templates().await;
    let (_b, _engine_b, large, _) = tenant_with_templates().await;
    let only = |scale: f64| DemoOptions { scale, ..options(scale) };
    generate(&small, &demo, only(0.005), |_, _, _| {}).await.unwrap();
    generate(&large, &demo, only(0.01), |_, _, _| {}).await.unwrap();
    let query = Query { limit: 500, sort: vec![(system::ID, false)], ..Query::all("lead-management.lead") };
    let system = Actor::system(Shanghai);
    let tenant_model = small.model();
    let small = small.list(&system, &query).await.unwrap().rows;
    let large = large.list(&system, &query).await.unwrap().rows;
    assert_eq!((small.len(), large.len()), (50, 100));
    // What points to other demo records or is copied from them depends on how many of those there are; nothing else does.
    let model = tenant_model.entity("lead-management.lead").unwrap().clone();
    let own = ["id", "name", "phone", "need", "status", "email", "owner", "created_at"];
    for name in own {
        let slot = model.field(name).unwrap().slot;
        assert!(small.iter().zip(&large).all(|(a, b)| a.values[slot] == b.values[slot]), "{name}");
    }
}

#[test]
fn wrong_descriptions_say_where_and_why() {
    let read = |entity: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("demo")).unwrap();
        std::fs::write(folder.path().join("app.json"), r#"{"id": "a"}"#).unwrap();
        std::fs::write(folder.path().join("demo/x.json"), entity).unwrap();
        Demo::read_folders(&[folder.path()]).unwrap_err().to_string()
    };
    let wrong = [
        (r#"{"#, "EOF"),
        (r#"{"entity": "x"}"#, "missing field `order`"),
        (r#"{"entity": "x", "order": 1, "fields": {"a": {"dice": 6}}}"#, "a: there is no generator `dice`"),
        (r#"{"entity": "x", "order": 1, "fields": {"a": {"weighted": [["b"]]}}}"#, "a: `weighted` takes"),
        (r#"{"entity": "x", "order": 1, "fields": {"a": "{b"}}"#, "not closed"),
        (r#"{"entity": "x", "order": 1, "fields": {"a": {"get": "b", "list": "c"}}}"#, "exactly one key"),
    ];
    for (source, reason) in wrong {
        let told = read(source);
        assert!(told.contains(reason) && told.contains("x.json"), "{told}");
    }
}
