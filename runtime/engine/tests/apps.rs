//! Upgrading, rolling back and removing apps on real databases: data is kept, what would take it away is asked for
//! first, and what fails leaves the tenant exactly as it was.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::desk::*;
use common::{Bench, check_bare, issues, text};
use mortise_engine::{Command, Error};
use serde_json::{Value as Json, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_adds_renames_and_widens_fields_and_keeps_what_they_hold() {
    check_bare(async |bench: &Bench| {
        let size = |kind: &str, more: Json| {
            desk(
                "1.0.0",
                vec![thing(vec![plain("note", "text"), plain("flag", "boolean"), field("size", kind, more)])],
            )
        };
        bench.install(size("integer", json!({}))).await.unwrap();
        let id = one(bench, json!({"name": "one", "note": "n", "flag": true, "size": 12})).await;
        let minus = one(bench, json!({"name": "two", "size": -7})).await;
        let empty = one(bench, json!({"name": "three"})).await;
        let mut seen = Vec::new();
        for (kind, more) in
            [("decimal", json!({"scale": 1})), ("decimal", json!({"scale": 3})), ("text", json!({}))]
        {
            bench.install(size(kind, more)).await.unwrap();
            seen.push([
                see(bench, id).await["size"].clone(),
                see(bench, minus).await["size"].clone(),
                see(bench, empty).await["size"].clone(),
            ]);
        }
        assert_eq!(
            seen,
            [
                [json!("12.0"), json!("-7.0"), json!(null)],
                [json!("12.000"), json!("-7.000"), json!(null)],
                [json!("12.000"), json!("-7.000"), json!(null)]
            ]
        );

        // Renamed by id, a boolean becomes text, and a new field comes with its index.
        let next = desk(
            "1.1.0",
            vec![thing(vec![
                field("note", "text", json!({"name": "remark"})),
                field("flag", "text", json!({})),
                field("size", "text", json!({"index": true})),
                field("extra", "integer", json!({"index": true})),
            ])],
        );
        bench.install(next).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!(
            (&record["remark"], &record["flag"], &record["extra"]),
            (&json!("n"), &json!("true"), &json!(null))
        );
        bench
            .update(&bench.admin(), "desk.thing", id, json!({"remark": "m", "size": "big", "extra": 4}))
            .await
            .unwrap();
        let found = bench
            .column(&bench.admin(), "desk.thing", "name", &[("where.remark", "m"), ("sort", "-extra")])
            .await;
        assert_eq!(found, ["one"]);
        let history = bench.tenant.timeline(&bench.admin(), "desk.thing", id, None, 10).await.unwrap();
        assert_eq!(
            history[1].changes.iter().find(|change| change.field == "remark").unwrap().new.as_deref(),
            Some("n")
        );
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_too_large_for_more_places_stops_the_upgrade() {
    check_bare(async |bench: &Bench| {
        bench.install(desk("1.0.0", vec![thing(vec![plain("size", "integer")])])).await.unwrap();
        one(bench, json!({"name": "one", "size": 9_000_000_000_000i64})).await;
        let before = bench.dump().await;
        let error = bench
            .install(desk("1.1.0", vec![thing(vec![field("size", "decimal", json!({"scale": 9}))])]))
            .await
            .unwrap_err();
        assert_eq!(error.code(), "app.too_large");
        assert_eq!(
            error.args(),
            [("entity", "desk.thing".to_owned()), ("field", "size".to_owned()), ("count", "1".to_owned())]
        );
        assert_eq!(bench.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_and_entities_change_names_even_with_each_other() {
    check_bare(async |bench: &Bench| {
        let other = |name: &str| {
            entity(
                "other",
                vec![field("name", "text", json!({"unique": true, "search": true}))],
                json!({"name": name}),
            )
        };
        let named = |a: &str, b: &str, name: &str| {
            let mut thing = thing(vec![
                field("a", "text", json!({"name": a, "unique": true, "search": true})),
                field("b", "text", json!({"name": b, "index": true})),
            ]);
            thing["name"] = json!(name);
            thing
        };
        bench.install(desk("1.0.0", vec![named("a", "b", "thing"), other("other")])).await.unwrap();
        let id = one(bench, json!({"name": "one", "a": "first", "b": "second"})).await;
        let away = bench.create(&bench.admin(), "desk.other", json!({"name": "elsewhere"})).await;
        // The names of the fields are swapped, and those of the tables as well.
        bench.install(desk("1.1.0", vec![named("b", "a", "other"), other("thing")])).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!((&record["a"], &record["b"]), (&json!("second"), &json!("first")));
        assert_eq!(bench.json(&bench.admin(), "desk.other", away).await["name"], "elsewhere");
        // A new field takes the name of one that moves on.
        let mut shifted = named("c", "a", "other");
        shifted["fields"].as_array_mut().unwrap().insert(1, plain("fresh", "text"));
        shifted["fields"][1]["name"] = json!("b");
        bench.install(desk("1.2.0", vec![shifted.clone(), other("thing")])).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!(
            (&record["a"], &record["b"], &record["c"]),
            (&json!("second"), &json!(null), &json!("first"))
        );
        // Uniqueness and search follow their fields, and a violation names the field by its present name.
        let error = bench
            .try_create(&bench.admin(), "desk.thing", json!({"name": "two", "c": "first"}))
            .await
            .unwrap_err();
        assert_eq!(issues(&error), ["c field.not_unique"]);
        assert_eq!(bench.count(&bench.admin(), "desk.thing", &[("q", "first")]).await, 1);
        assert_eq!(bench.count(&bench.admin(), "desk.other", &[("q", "elsewhere")]).await, 1);
        bench.delete(&bench.admin(), "desk.thing", id).await.unwrap();
        assert_eq!(bench.count(&bench.admin(), "desk.thing", &[("trash", "true")]).await, 1);
        // A third entity takes a name that was given up.
        let third = entity("third", vec![field("name", "text", json!({"search": true}))], json!({}));
        let mut renamed = other("elsewhere");
        renamed["fields"][0]["search"] = json!(true);
        let mut taking = third.clone();
        taking["name"] = json!("thing");
        bench.install(desk("1.3.0", vec![shifted, renamed, taking])).await.unwrap();
        bench.create(&bench.admin(), "desk.third", json!({"name": "newcomer"})).await;
        assert_eq!(bench.count(&bench.admin(), "desk.other", &[("q", "elsewhere")]).await, 1);
        assert_eq!(bench.count(&bench.admin(), "desk.third", &[("q", "newcomer")]).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_index_over_equal_values_is_refused_and_nothing_changes() {
    check_bare(async |bench: &Bench| {
        let with = |code: Json, extra: bool| {
            let mut fields = vec![field("code", "text", code)];
            fields.extend(extra.then(|| plain("extra", "text")));
            desk("1.0.0", vec![thing(fields)])
        };
        bench.install(with(json!({}), false)).await.unwrap();
        for code in ["A", "A", "B", "C", "C"] {
            one(bench, json!({"name": code, "code": code})).await;
        }
        for _ in 0..2 {
            one(bench, json!({"name": "none"})).await;
        }
        let before = bench.dump().await;
        let digest = bench.tenant.model().digest.clone();
        let error = bench.install(with(json!({"unique": true}), true)).await.unwrap_err();
        assert_eq!(error.code(), "app.not_unique");
        assert_eq!(
            error.args(),
            [("entity", "desk.thing".to_owned()), ("fields", "code".to_owned()), ("count", "2".to_owned())]
        );
        assert_eq!(bench.dump().await, before);
        assert_eq!(bench.tenant.model().digest, digest);
        one(bench, json!({"name": "still", "code": "A"})).await;
        // Records in the trash and empty values do not count.
        for row in bench.rows(&bench.admin(), "desk.thing", &[("where.code.in", "A,C")]).await.unwrap() {
            bench.delete(&bench.admin(), "desk.thing", text(&row["id"]).parse().unwrap()).await.unwrap();
        }
        bench.install(with(json!({"unique": true}), true)).await.unwrap();
        let error = bench
            .try_create(&bench.admin(), "desk.thing", json!({"name": "B", "code": "B"}))
            .await
            .unwrap_err();
        assert_eq!(issues(&error), ["code field.not_unique"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_and_duplicate_check_that_come_later_know_the_records_that_are_there() {
    check_bare(async |bench: &Bench| {
        let version = |search: &[&str], duplicates: bool| {
            let text = |id: &str| field(id, "text", if search.contains(&id) { json!({"search": true}) } else { json!({}) });
            let more = match duplicates {
                true => json!({"title": "name", "duplicates": {"fields": [{"field": "firm", "compare": "company_name"}], "show": ["firm"]}}),
                false => json!({"title": "name"}),
            };
            desk("1.0.0", vec![entity("thing", vec![text("name"), text("firm")], more)])
        };
        bench.install(version(&[], false)).await.unwrap();
        // More than two batches of the rebuild.
        let item = |number| json!({"name": format!("item{number}"), "firm": format!("Bright Harbour {number} Ltd")});
        let ids = bench.create_all(&bench.admin(), "desk.thing", (0..1_203).map(item)).await;
        bench.delete(&bench.admin(), "desk.thing", ids[1_200]).await.unwrap();
        let q = async |words: &str| bench.count(&bench.admin(), "desk.thing", &[("q", words)]).await;
        assert_eq!(q("item7").await, 0);
        bench.install(version(&["name"], false)).await.unwrap();
        assert_eq!((q("item1202").await, q("item1200").await, q("harbour").await), (1, 0, 0));
        bench.install(version(&["firm"], true)).await.unwrap();
        assert_eq!((q("item1202").await, q("harbour 1202").await), (0, 1));
        let typed = json!({"firm": "bright harbour 1202"});
        let found = bench.tenant.suspects(&bench.admin(), "desk.thing", typed.as_object().unwrap(), None).await.unwrap();
        assert_eq!(found[0].shown, [("firm".to_owned(), json!("Bright Harbour 1202 Ltd"))]);
        bench.install(version(&[], false)).await.unwrap();
        assert_eq!(q("harbour").await, 0);
        assert!(bench.tenant.suspects(&bench.admin(), "desk.thing", typed.as_object().unwrap(), None).await.unwrap().is_empty());
        bench.install(version(&["name", "firm"], true)).await.unwrap();
        assert_eq!(q("item1202 harbour").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_calculated_is_worked_out_anew_for_the_records_that_are_there() {
    check_bare(async |bench: &Bench| {
        let version = |computed: Option<&str>, rollup: Option<Json>| {
            let mut part = vec![
                plain("what", "text"),
                field("thing", "reference", json!({"entity": "thing"})),
                plain("price", "money"),
            ];
            part.extend(computed.map(|value| field("gross", "computed", json!({"value": value}))));
            let rollup = rollup.map(|rollup| field("total", "rollup", rollup));
            desk(
                "1.0.0",
                vec![thing(rollup.into_iter().collect()), entity("part", part, json!({"title": "what"}))],
            )
        };
        let over = |operation: &str, field: &str, filter: Option<&str>| {
            let mut rollup = json!({"entity": "part", "via": "thing", "operation": operation});
            if operation != "count" {
                rollup["field"] = json!(field);
            }
            filter.into_iter().for_each(|filter| rollup["filter"] = json!(filter));
            Some(rollup)
        };
        bench.install(version(None, None)).await.unwrap();
        let id = one(bench, json!({"name": "one"})).await;
        for (what, price) in [("a", "10"), ("b", "5"), ("c", "1")] {
            let part = bench
                .create(&bench.admin(), "desk.part", json!({"what": what, "thing": id, "price": price}))
                .await;
            if what == "c" {
                bench.delete(&bench.admin(), "desk.part", part).await.unwrap();
            }
        }
        let mut totals = Vec::new();
        for (computed, rollup) in [
            (Some("record.price * 2"), None),
            (Some("record.price * 2"), over("sum", "gross", None)),
            (Some("record.price * 3"), over("sum", "gross", None)),
            (Some("record.price * 3"), over("sum", "gross", Some("record.gross > 20.0"))),
            (Some("record.price * 1"), over("sum", "gross", Some("record.gross > 20.0"))),
            (Some("record.price * 1"), over("min", "gross", None)),
            (Some("record.price * 1"), over("max", "what", None)),
            (None, over("count", "", None)),
        ] {
            let confirm = ["desk.thing.total", "desk.part.gross"];
            bench.install_confirmed(version(computed, rollup), &confirm).await.unwrap();
            totals.push(text(&see(bench, id).await["total"]));
        }
        assert_eq!(totals, ["", "30.00", "45.00", "30.00", "0.00", "5.00", "b", "2"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_data_away_is_confirmed_first_and_a_rollback_finds_it_again() {
    check_bare(async |bench: &Bench| {
        let note = |kind: &str| {
            thing(vec![
                field("note", kind, json!({})),
                field("tag", "text", json!({"search": true, "unique": true})),
            ])
        };
        let other = entity("other", vec![plain("name", "text")], json!({}));
        bench.install(desk("1.0.0", vec![note("text"), other.clone()])).await.unwrap();
        let id = one(bench, json!({"name": "one", "note": "abc", "tag": "red"})).await;
        bench.create(&bench.admin(), "desk.other", json!({"name": "kept"})).await;

        let gone = || desk("2.0.0", vec![thing(vec![field("note", "integer", json!({}))])]);
        let before = bench.dump().await;
        let error = bench.install(gone()).await.unwrap_err();
        let mut told = keys(&error);
        told.sort_unstable();
        assert_eq!(
            told,
            [
                ("desk.other", "entity_removed"),
                ("desk.thing.note", "type_changed"),
                ("desk.thing.tag", "field_removed")
            ]
        );
        let error = bench.install_confirmed(gone(), &["desk.thing.note", "desk.other"]).await.unwrap_err();
        assert_eq!(keys(&error), [("desk.thing.tag", "field_removed")]);
        assert_eq!(bench.dump().await, before);
        bench.install_confirmed(gone(), &["desk.thing.note", "desk.other", "desk.thing.tag"]).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!((&record["note"], record.get("tag")), (&json!(null), None));
        assert!(matches!(
            bench.tenant.query(&bench.admin(), "desk.other", std::iter::empty()),
            Err(Error::NotFound(_))
        ));
        bench.update(&bench.admin(), "desk.thing", id, json!({"note": 5})).await.unwrap();

        let error = bench.tenant.rollback(&bench.admin(), "desk", None, &[]).await.unwrap_err();
        assert_eq!(keys(&error), [("desk.thing.note", "type_changed")]);
        bench.tenant.rollback(&bench.admin(), "desk", None, &["desk.thing.note".into()]).await.unwrap();
        let record = see(bench, id).await;
        assert_eq!((&record["note"], &record["tag"]), (&json!("abc"), &json!("red")));
        assert_eq!(bench.column(&bench.admin(), "desk.other", "name", &[]).await, ["kept"]);
        assert_eq!(bench.count(&bench.admin(), "desk.thing", &[("q", "red")]).await, 1);
        assert_eq!(
            issues(
                &bench
                    .try_create(&bench.admin(), "desk.thing", json!({"name": "x", "tag": "red"}))
                    .await
                    .unwrap_err()
            ),
            ["tag field.not_unique"]
        );
        // Forward again: what was entered under the other type is there, too.
        bench
            .tenant
            .rollback(
                &bench.admin(),
                "desk",
                Some(2),
                &["desk.thing.note".into(), "desk.thing.tag".into(), "desk.other".into()],
            )
            .await
            .unwrap();
        assert_eq!(see(bench, id).await["note"], 5);
        let versions = bench.tenant.app_versions("desk").await.unwrap();
        assert_eq!(
            versions
                .iter()
                .map(|version| (version.number, version.version.as_str(), version.current))
                .collect::<Vec<_>>(),
            [(2, "2.0.0", true), (1, "1.0.0", false)]
        );
        let missing = bench.tenant.rollback(&bench.admin(), "desk", Some(9), &[]).await.unwrap_err();
        assert_eq!(missing.code(), "app.no_such_version");
        // A field that went and comes back as something else begins empty; what was there is kept all the same.
        bench.install_confirmed(desk("3.0.0", vec![note("integer")]), &[]).await.unwrap();
        bench
            .install_confirmed(
                desk("3.1.0", vec![thing(vec![field("tag", "integer", json!({}))])]),
                &["desk.thing.tag", "desk.thing.note"],
            )
            .await
            .unwrap();
        assert_eq!(see(bench, id).await["tag"], json!(null));
        bench.install_confirmed(desk("3.2.0", vec![note("integer")]), &["desk.thing.tag"]).await.unwrap();
        assert_eq!((&see(bench, id).await["tag"], &see(bench, id).await["note"]), (&json!("red"), &json!(5)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_app_finds_its_data_again_when_it_is_installed_once_more() {
    check_bare(async |bench: &Bench| {
        let first = || desk("1.0.0", vec![thing(vec![field("tag", "text", json!({"search": true}))])]);
        bench.install(first()).await.unwrap();
        let id = one(bench, json!({"name": "one", "tag": "red"})).await;
        let error = bench.tenant.uninstall(&bench.admin(), "desk", &[]).await.unwrap_err();
        assert_eq!(keys(&error), [("desk.thing", "entity_removed")]);
        bench.tenant.uninstall(&bench.admin(), "desk", &["desk.thing".into()]).await.unwrap();
        assert!(matches!(
            bench.try_create(&bench.admin(), "desk.thing", json!({"name": "x"})).await,
            Err(Error::NotFound(_))
        ));
        assert_eq!(
            bench.tenant.uninstall(&bench.admin(), "desk", &[]).await.unwrap_err().code(),
            "app.not_installed"
        );
        // Somebody else's table may stand where the old one stood.
        let mut other = entity("second", vec![plain("name", "text")], json!({}));
        other["name"] = json!("thing");
        bench.install(desk("5.0.0", vec![other])).await.unwrap();
        bench.create(&bench.admin(), "desk.second", json!({"name": "new"})).await;
        bench.tenant.uninstall(&bench.admin(), "desk", &["desk.second".into()]).await.unwrap();
        bench.install(first()).await.unwrap();
        assert_eq!(see(bench, id).await["tag"], "red");
        assert_eq!(bench.count(&bench.admin(), "desk.thing", &[("q", "red")]).await, 1);
        let versions = bench.tenant.app_versions("desk").await.unwrap();
        assert_eq!(
            versions.iter().map(|version| (version.number, version.current)).collect::<Vec<_>>(),
            [(3, true), (2, false), (1, false)]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_after_an_upgrade_uses_the_new_definitions_with_warm_statements() {
    check_bare(async |bench: &Bench| {
        let size = |kind: &str| desk("1.0.0", vec![thing(vec![plain("size", kind)])]);
        bench.install(size("integer")).await.unwrap();
        let id = one(bench, json!({"name": "one", "size": 5})).await;
        // Every connection of a pool has prepared the statements for the old type of the column.
        let root = bench.admin();
        let reads = (0..64).map(|_| bench.tenant.read(&root, "desk.thing", id));
        futures_util::future::join_all(reads).await;
        bench.install(size("text")).await.unwrap();
        let reads = (0..64).map(|_| bench.tenant.read_json(&root, "desk.thing", id));
        for read in futures_util::future::join_all(reads).await {
            let record: Json = serde_json::from_slice(&read.unwrap().0).unwrap();
            assert_eq!(record["size"], "5");
        }
        bench
            .run(
                &bench.admin(),
                Command::Update {
                    entity: "desk.thing".into(),
                    id,
                    version: Some(1),
                    values: json!({"size": "six"}).as_object().unwrap().clone(),
                },
            )
            .await
            .unwrap();
    })
    .await;
}
