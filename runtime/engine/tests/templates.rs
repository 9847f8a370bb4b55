//! The shipped apps on real databases: both install into one new tenant, and records of every entity can be made with
//! every field, are read back as they were given, and are found in every view.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use common::{Bench, check_bare, template};
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model};
use mortise_engine::PhotoFacts;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

/// A value of each kind of field; none for what has to come from elsewhere.
async fn value(
    bench: &Bench,
    model: &Model,
    field: &FieldModel,
    number: usize,
    made: &HashMap<usize, Uuid>,
) -> Json {
    match &field.kind {
        FieldKind::Text { max_length, pattern: None } => {
            json!(format!("文字 {number}").chars().take(*max_length as usize).collect::<String>())
        }
        FieldKind::Text { pattern: Some(pattern), .. } => {
            let letter = char::from(b'a' + number as u8);
            let candidates = [
                format!("L{}", number + 5),
                format!("x_{letter}"),
                format!("X{number}"),
                format!("{number:018}"),
                format!("9100000000000000X{number}"),
            ];
            json!(candidates.into_iter().find(|candidate| pattern.is_match(candidate)))
        }
        FieldKind::LongText { .. } => json!(format!("第一行\nline {number}")),
        FieldKind::Integer { min, max } => json!((number as i64).clamp(*min, *max)),
        FieldKind::Decimal { scale, min, .. } => json!(
            min.unwrap_or(mortise_expr::Decimal::new(number as i64 * 10i64.pow((*scale).into()), *scale))
                .to_string()
        ),
        FieldKind::Boolean => json!(number.is_multiple_of(2)),
        FieldKind::Date => json!(format!("2026-03-{:02}", number + 1)),
        FieldKind::Datetime => json!(format!("2026-03-{:02}T08:30:00Z", number + 1)),
        FieldKind::Duration => json!("PT2H30M"),
        FieldKind::Choice { choices } => json!(choices[number % choices.len()].value),
        FieldKind::Choices { choices } => json!([choices[0].value]),
        FieldKind::Tree { tree, .. } => {
            json!(model.trees[tree].by_path.iter().find(|(_, node)| node.leaf).unwrap().0)
        }
        FieldKind::Reference { entity } => made.get(entity).map_or(Json::Null, |id| json!(id)),
        FieldKind::User if field.unique => json!(bench.hire(&format!("person{number}"), &[], |_| ()).user.id),
        FieldKind::User => json!(bench.admin().user.id),
        FieldKind::Phone => json!(format!("+86138123456{number:02}")),
        FieldKind::Email => json!(format!("person{number}@example.com")),
        FieldKind::Url => json!("https://example.com/"),
        FieldKind::GeoPoint => json!({"lat": 31.23, "lon": 121.47}),
        FieldKind::File { many, image, .. } => {
            let kind = if *image { "image/png" } else { "text/plain" };
            let bytes = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"content"))]);
            let (by, named) = (bench.admin(), ("file", kind));
            // Fields for photos may take only what is known to be one.
            let file = match *image {
                true => bench.tenant.put_photo(&by, None, named, bytes, &photo(bench, number)).await,
                false => bench.tenant.put_file(&by, named.0, named.1, bytes).await,
            };
            let file = file.unwrap().id;
            if *many { json!([file]) } else { json!(file) }
        }
        FieldKind::Json => json!({"a": [1, 2.5, null, "文"]}),
        _ => Json::Null,
    }
}

/// What is known of a photo into which its mark was drawn.
fn photo(bench: &Bench, number: usize) -> PhotoFacts {
    let hash = format!("{number:064x}");
    PhotoFacts { hash, look: 0x0F0F_3355_AACC_1234, at: bench.tenant.now(), place: None, used_before: 0 }
}

/// Fields that apply: `visible_when` may forbid some of those that a first try gives.
async fn create(
    bench: &Bench,
    entity: &EntityModel,
    mut values: Map<String, Json>,
) -> (Uuid, Map<String, Json>) {
    for _ in 0..10 {
        match bench.try_create(&bench.admin(), &entity.key, Json::Object(values.clone())).await {
            Ok(id) => return (id, values),
            Err(error) if !error.issues().is_empty() => {
                for issue in error.issues() {
                    let refused =
                        ["field.not_applicable", "field.not_valid", "record.check", "lifecycle.state"]
                            .contains(&issue.issue.code);
                    assert!(
                        refused && values.remove(&issue.field).is_some(),
                        "{}: {} {}",
                        entity.key,
                        issue.field,
                        issue.issue
                    );
                }
            }
            Err(error) => panic!("{}: {error}", entity.key),
        }
    }
    panic!("{}: no end of complaints", entity.key)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_apps_install_and_hold_records_with_every_field() {
    check_bare(async |bench: &Bench| {
        let admin = bench.admin();
        for name in ["sales-core", "lead-management"] {
            bench.install(template(name)).await.unwrap();
        }
        let model = bench.tenant.model();
        let mut made: HashMap<usize, Uuid> = HashMap::new();
        for entity in &model.entities {
            let brought = bench.rows(&admin, &entity.key, &[]).await.unwrap();
            made.extend(
                brought.first().map(|row| (entity.index, row["id"].as_str().unwrap().parse().unwrap())),
            );
        }
        // Several times, so that in the end every reference has something to point to.
        let mut complete = 0;
        for number in [1, 2, 3] {
            for entity in &model.entities {
                let lacks = |field: &FieldModel| match &field.kind {
                    FieldKind::Reference { entity } => field.required && !made.contains_key(entity),
                    _ => false,
                };
                if entity.declared().iter().any(lacks) {
                    continue;
                }
                complete += usize::from(number == 3);
                let mut values = Map::new();
                for field in entity.declared().iter().filter(|field| field.writable()) {
                    let value = value(bench, &model, field, number, &made).await;
                    if !value.is_null() {
                        values.insert(field.name.to_string(), value);
                    }
                }
                let (id, given) = create(bench, entity, values).await;
                let record = bench.json(&admin, &entity.key, id).await;
                for (name, value) in &given {
                    assert_eq!(&record[name], value, "{}.{name}", entity.key);
                }
                bench.update(&admin, &entity.key, id, json!({"owner": null})).await.unwrap();
                made.insert(entity.index, id);
            }
        }
        assert_eq!(complete, model.entities.len());
        for view in model.views.values() {
            let entity = &model.entities[view.entity];
            let rows = bench.rows(&admin, &entity.key, &[("view", view.key.as_str())]).await.unwrap();
            let shown =
                bench.rows(&admin, &entity.key, &[("view", view.key.as_str()), ("q", "文字")]).await.unwrap();
            assert!(shown.len() <= rows.len(), "{}", view.key);
        }
        // Nothing changes when the same apps come again, and the tenant opens again from what is stored.
        let before: Vec<i64> = counts(bench, &model).await;
        for name in ["sales-core", "lead-management"] {
            let report = bench.tenant.install(&admin, Arc::new(template(name)), &[]).await.unwrap();
            assert_eq!((report.steps, report.created, report.updated), (0, 0, 0), "{name}");
        }
        assert_eq!(counts(bench, &model).await, before);
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

async fn counts(bench: &Bench, model: &Model) -> Vec<i64> {
    let mut counts = Vec::new();
    for entity in &model.entities {
        counts.push(bench.count(&bench.admin(), &entity.key, &[]).await);
    }
    counts
}
