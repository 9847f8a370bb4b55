//! Values that an upgrade took out of sight are kept until somebody purges them, on real databases: then they are gone,
//! everything else is as it was, and a version that wants them back says that they begin empty.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::desk::*;
use common::{Bench, check_bare};
use mortise_definition::Package;
use mortise_engine::{Error, Retired};
use serde_json::{Value as Json, json};

/// What is kept, as `key column rows`.
fn told(kept: &[Retired]) -> Vec<String> {
    let line =
        |one: &Retired| format!("{} {} {}", one.key, one.column.as_deref().unwrap_or(&one.table), one.rows);
    kept.iter().map(line).collect()
}

async fn kept(bench: &Bench) -> Vec<String> {
    told(&bench.tenant.retired(&bench.admin(), None).await.unwrap())
}

async fn purge(bench: &Bench, keys: &[&str]) -> Result<Vec<String>, Error> {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    Ok(told(&bench.tenant.purge(&bench.admin(), None, &keys).await?))
}

async fn back(bench: &Bench, number: i64, confirm: &[&str]) -> Result<(), Error> {
    let confirm: Vec<String> = confirm.iter().map(|key| (*key).to_owned()).collect();
    bench.tenant.rollback(&bench.admin(), "desk", Some(number), &confirm).await.map(drop)
}

fn other() -> Json {
    let fields = vec![
        field("name", "text", json!({"search": true})),
        field("thing", "reference", json!({"entity": "thing"})),
    ];
    let duplicates = json!({"fields": [{"field": "name", "compare": "exact"}], "show": ["name"]});
    entity("other", fields, json!({"title": "name", "duplicates": duplicates}))
}

fn first() -> Package {
    let fields = vec![
        field("note", "text", json!({"search": true})),
        field("tag", "text", json!({"unique": true})),
        plain("empty", "text"),
        plain("size", "integer"),
        field("double", "computed", json!({"value": "record.size * 2"})),
    ];
    desk("1.0.0", vec![thing(fields), other()])
}

fn second() -> Package {
    desk("2.0.0", vec![thing(vec![plain("note", "date"), plain("size", "integer")])])
}

const LOST: [&str; 5] =
    ["desk.other", "desk.thing.note", "desk.thing.tag", "desk.thing.empty", "desk.thing.double"];

/// Both versions installed over a record, and one of the entity that goes.
async fn upgraded(bench: &Bench) -> (uuid::Uuid, uuid::Uuid) {
    bench.install(first()).await.unwrap();
    let id = one(bench, json!({"name": "one", "note": "abc", "tag": "red", "size": 4})).await;
    one(bench, json!({"name": "two", "tag": "blue"})).await;
    let away = bench.create(&bench.admin(), "desk.other", json!({"name": "elsewhere"})).await;
    let comment =
        mortise_engine::Command::Comment { entity: "desk.other".into(), id: away, text: "Well.".into() };
    bench.run(&bench.admin(), comment).await.unwrap();
    bench.install_confirmed(second(), &LOST).await.unwrap();
    (id, away)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upgrade_took_away_is_kept_until_it_is_purged() {
    check_bare(async |bench: &Bench| {
        let (id, _) = upgraded(bench).await;
        let all = [
            "desk.other _old_desk__other 1",
            "desk.thing.tag _old_tag 2",
            "desk.thing.empty _old_empty 0",
            "desk.thing.double _old_double 1",
            "desk.thing.note~old1 _old_note 1",
        ];
        let mut listed = kept(bench).await;
        listed.sort();
        let mut expected = all.map(str::to_owned);
        expected.sort();
        assert_eq!(listed, expected);

        // A rollback finds everything, and nothing is left to purge.
        back(bench, 1, &["desk.thing.note"]).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!(
            (&record["note"], &record["tag"], &record["double"]),
            (&json!("abc"), &json!("red"), &json!(8))
        );
        assert_eq!(kept(bench).await, ["desk.thing.note~old2 _old_note_2 0"]);
        back(bench, 2, &LOST).await.unwrap();

        let purged = purge(bench, &["desk.thing.tag", "desk.thing.note~old1"]).await.unwrap();
        assert_eq!(purged.len(), 2);
        assert!(purged.contains(&"desk.thing.tag _old_tag 2".to_owned()), "{purged:?}");
        let left = kept(bench).await;
        assert!(left.iter().all(|one| !one.contains("tag") && !one.contains("note")), "{left:?}");
        // The records are as they were, and can be written.
        assert_eq!(columns(bench, "name").await, ["one", "two"]);
        bench
            .update(&bench.admin(), "desk.thing", id, json!({"note": "2026-01-02", "name": "three"}))
            .await
            .unwrap();
        assert_eq!(see(bench, id).await["note"], "2026-01-02");
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
        let trail = bench.tenant.trail(&bench.admin(), &Default::default(), None, 50).await.unwrap().entries;
        let entry = trail.iter().find(|stored| stored.entry.action == "app.purged").unwrap();
        let details: Json = serde_json::from_str(&entry.entry.changes).unwrap();
        let tag = details["dropped"].as_array().unwrap().iter().find(|one| one["key"] == "desk.thing.tag");
        assert_eq!(tag.unwrap()["rows"], 2, "{details}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_wants_purged_values_says_first_that_they_are_gone() {
    check_bare(async |bench: &Bench| {
        let (id, _) = upgraded(bench).await;
        let keys: Vec<String> = bench
            .tenant
            .retired(&bench.admin(), None)
            .await
            .unwrap()
            .into_iter()
            .map(|one| one.key)
            .collect();
        bench.tenant.purge(&bench.admin(), None, &keys).await.unwrap();
        assert_eq!(kept(bench).await, [""; 0]);
        let before = bench.dump().await;
        let error = back(bench, 1, &[]).await.unwrap_err();
        let mut said = keys_of(&error);
        said.sort();
        // Nothing was in `empty`, and `double` is calculated: neither is missed.
        assert_eq!(
            said,
            [
                "desk.other entity_purged",
                "desk.thing.note field_purged",
                "desk.thing.note type_changed",
                "desk.thing.tag field_purged"
            ]
        );
        assert_eq!(bench.dump().await, before);
        back(bench, 1, &["desk.other", "desk.thing.note", "desk.thing.tag"]).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!(
            (&record["note"], &record["tag"], &record["empty"], &record["double"]),
            (&json!(null), &json!(null), &json!(null), &json!(8))
        );
        // What came back works like new: unique, searched, compared.
        bench.update(&bench.admin(), "desk.thing", id, json!({"note": "green", "tag": "red"})).await.unwrap();
        assert_eq!(bench.count(&bench.admin(), "desk.thing", &[("q", "green")]).await, 1);
        let clash = bench.try_create(&bench.admin(), "desk.thing", json!({"name": "x", "tag": "red"})).await;
        assert_eq!(common::issues(&clash.unwrap_err()), ["tag field.not_unique"]);
        assert_eq!(bench.count(&bench.admin(), "desk.other", &[]).await, 0);
        bench.create(&bench.admin(), "desk.other", json!({"name": "elsewhere"})).await;
        let again = bench.try_create(&bench.admin(), "desk.other", json!({"name": "elsewhere"})).await;
        assert!(matches!(again, Err(Error::Duplicate(_))));
        // It is said once: the next way there and back loses nothing.
        back(bench, 2, &LOST).await.unwrap();
        let error = back(bench, 1, &[]).await.unwrap_err();
        assert_eq!(keys_of(&error), ["desk.thing.note type_changed"]);
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

fn keys_of(error: &Error) -> Vec<String> {
    keys(error).into_iter().map(|(key, kind)| format!("{key} {kind}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_entity_takes_its_comments_with_it() {
    check_bare(async |bench: &Bench| {
        let (_, away) = upgraded(bench).await;
        assert!(bench.dump().await.contains("Well."));
        purge(bench, &["desk.other"]).await.unwrap();
        let dump = bench.dump().await;
        let comments = dump.lines().filter(|line| line.starts_with("_comment:")).count();
        assert_eq!(comments, 0);
        let mut left =
            dump.lines().filter(|line| !line.starts_with("_audit:") && !line.starts_with("_definition:"));
        assert_eq!(left.find(|line| line.contains("desk__other")), None);
        // The trail tells what happened to it, as before.
        let trail = bench.tenant.trail(&bench.admin(), &Default::default(), None, 100).await.unwrap().entries;
        assert!(trail.iter().any(|stored| stored.entry.record == Some(away)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_fails_leaves_everything_as_it_was() {
    check_bare(async |bench: &Bench| {
        let (id, _) = upgraded(bench).await;
        // Something that the runtime knows nothing of needs one of the columns.
        bench.tamper("CREATE VIEW {schema}blocker AS SELECT _old_tag FROM {schema}desk__thing").await;
        let before = bench.dump().await;
        let error = purge(bench, &["desk.other", "desk.thing.empty", "desk.thing.tag"]).await.unwrap_err();
        assert!(matches!(error, Error::Store(_)), "{error}");
        assert_eq!(bench.dump().await, before);
        assert_eq!(see(bench, id).await["size"], 4);
        bench.tamper("DROP VIEW {schema}blocker").await;
        purge(bench, &["desk.other", "desk.thing.empty", "desk.thing.tag"]).await.unwrap();
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_retired_is_purged_by_administrators_who_name_it() {
    check_bare(async |bench: &Bench| {
        upgraded(bench).await;
        let before = bench.dump().await;
        // A column in use, a system's column, nothing of the kind; and one wrong key spoils all.
        for keys in [
            &["desk.thing.name"][..],
            &["desk.thing"],
            &["desk.thing.id"],
            &["nothing"],
            &["desk.thing.tag", "nothing"],
        ] {
            assert_eq!(purge(bench, keys).await.unwrap_err().code(), "app.not_retired", "{keys:?}");
        }
        let error = purge(bench, &[]).await.unwrap_err();
        assert_eq!(keys(&error).len(), 5);
        let ann = bench.hire("ann", &[], |_| ());
        assert!(matches!(bench.tenant.retired(&ann, None).await, Err(Error::Forbidden(_))));
        assert!(matches!(
            bench.tenant.purge(&ann, None, &["desk.thing.tag".into()]).await,
            Err(Error::Forbidden(_))
        ));
        // Another app has nothing to do with it.
        let elsewhere = bench.tenant.purge(&bench.admin(), Some("else"), &["desk.thing.tag".into()]).await;
        assert_eq!(elsewhere.unwrap_err().code(), "app.not_retired");
        assert_eq!(bench.tenant.retired(&bench.admin(), Some("else")).await.unwrap(), []);
        assert_eq!(bench.tenant.purge(&bench.admin(), Some("else"), &[]).await.unwrap(), []);
        assert_eq!(bench.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_a_removed_app_and_fields_of_an_extension_are_found_under_their_app() {
    check_bare(async |bench: &Bench| {
        bench.install(desk("1.0.0", vec![thing(vec![])])).await.unwrap();
        let extending = || {
            let app = json!({"id": "more", "version": "1.0.0", "label": words("More"), "requires": [{"app": "desk", "version": "1.0.0"}]});
            let extension = json!({"id": "thing", "extends": "desk.thing", "fields": [plain("colour", "text")]});
            let own = entity("own", vec![plain("name", "text")], json!({"title": "name"}));
            common::package(vec![("app.json", app), ("extensions/thing.json", extension), ("entities/own.json", own)])
        };
        bench.install(extending()).await.unwrap();
        one(bench, json!({"name": "one", "colour": "red"})).await;
        let confirm = ["desk.thing.colour".to_owned(), "more.own".to_owned()];
        bench.tenant.uninstall(&bench.admin(), "more", &confirm).await.unwrap();
        let found = bench.tenant.retired(&bench.admin(), Some("more")).await.unwrap();
        assert_eq!(told(&found), ["desk.thing.more:colour _old_colour 1", "more.own _old_more__own 0"]);
        assert_eq!(bench.tenant.retired(&bench.admin(), Some("desk")).await.unwrap(), []);
        let names = bench.tenant.former_names(&found).await.unwrap();
        let said: Vec<_> = names.iter().map(|one| (one.entity.as_ref(), one.field.as_ref())).collect();
        let name = |text: Option<&mortise_definition::Text>| text.map(|text| text.get("en").to_owned());
        let said: Vec<_> = said.into_iter().map(|(entity, field)| (name(entity), name(field))).collect();
        assert_eq!(said, [(Some("thing".to_owned()), Some("colour".to_owned())), (Some("own".to_owned()), None)]);
        let keys: Vec<String> = found.into_iter().map(|one| one.key).collect();
        bench.tenant.purge(&bench.admin(), Some("more"), &keys).await.unwrap();
        let error = bench.install(extending()).await.unwrap_err();
        assert_eq!(keys_of(&error), ["desk.thing.colour field_purged"]);
        bench.install_confirmed(extending(), &["desk.thing.colour"]).await.unwrap();
        assert_eq!(columns(bench, "colour").await, [""]);
    })
    .await;
}
