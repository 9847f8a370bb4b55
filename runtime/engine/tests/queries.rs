//! What lists are asked for, on real databases: every comparison on every kind of field, nulls included, and requests
//! that were made to break something.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{Bench, check, check_bare, issues, package, text};
use mortise_engine::{Command, Error};
use serde_json::{Value as Json, json};

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

/// One entity with every kind of field that can be asked for, and five records; the last one is empty.
async fn collection(bench: &Bench) {
    let plain = |id: &str, kind: &str| json!({"id": id, "type": kind, "label": words(id)});
    let colours = json!([{"value": "red", "label": words("Red")}, {"value": "green", "label": words("Green")}, {"value": "blue", "label": words("Blue")}]);
    let entity = json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": [
        {"id": "name", "type": "text", "label": words("name"), "required": true, "search": true},
        plain("line", "text"), plain("int", "integer"),
        {"id": "dec", "type": "decimal", "scale": 2, "label": words("dec")},
        plain("flag", "boolean"), plain("day", "date"), plain("at", "datetime"), plain("span", "duration"),
        {"id": "colour", "type": "choice", "label": words("colour"), "choices": colours},
        {"id": "colours", "type": "choices", "label": words("colours"), "choices": colours},
        {"id": "place", "type": "tree", "tree": "places", "label": words("place")},
        {"id": "friend", "type": "reference", "entity": "thing", "label": words("friend")},
        plain("who", "user"), plain("phone", "phone"), plain("mail", "email"),
        plain("spot", "geo_point"), plain("extra", "json"), plain("paper", "file"),
    ]});
    let places = json!({"id": "places", "label": words("Places"), "nodes": [
        {"code": "A", "label": words("A"), "children": [{"code": "A1", "label": words("A1")}, {"code": "A2", "label": words("A2")}]},
        {"code": "AB", "label": words("AB")}, {"code": "B", "label": words("B")}]});
    let app = json!({"id": "zoo", "version": "1.0.0", "label": words("Zoo")});
    bench
        .install(package(vec![
            ("app.json", app),
            ("entities/thing.json", entity),
            ("trees/places.json", places),
        ]))
        .await
        .unwrap();
    let root = bench.admin();
    let me = root.user.id;
    let mut friend = Json::Null;
    for values in [
        json!({"name": "a", "line": "Apple pie", "int": -1, "dec": "-0.50", "flag": true, "day": "2026-01-31", "at": "2026-01-31T23:30:00+08:00", "span": "PT1H", "colour": "red", "colours": ["red", "blue"], "place": "A", "who": me, "phone": "13812345678", "mail": "a@example.com", "spot": {"lat": 1, "lon": 2}, "extra": {"k": 1}}),
        json!({"name": "b", "line": "apple", "int": 0, "dec": "0.00", "flag": false, "day": "2026-02-01", "at": "2026-01-31T16:00:00Z", "span": "PT0S", "colour": "green", "colours": ["green"], "place": "A/A1"}),
        json!({"name": "c", "line": "苹果派", "int": 10, "dec": "10.05", "flag": true, "day": "2025-12-31", "at": "2026-02-01T10:00:00Z", "span": "P1D", "colour": "blue", "place": "A/A2"}),
        json!({"name": "d", "line": "100%_done", "int": 9, "dec": "9.99", "flag": false, "day": "0999-01-01", "at": "1969-12-31T23:59:59.999999Z", "span": "PT90M", "colour": "red", "colours": ["blue"], "place": "AB"}),
        json!({"name": "e"}),
    ] {
        let mut values = values;
        if values["name"] == "b" {
            values["friend"] = friend.clone();
        }
        let id = bench.create(&root, "zoo.thing", values).await;
        if friend.is_null() {
            friend = json!(id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_comparison_finds_what_it_should_on_both_databases() {
    check_bare(async |bench: &Bench| {
        collection(bench).await;
        let root = bench.admin();
        let a = text(&bench.rows(&root, "zoo.thing", &[("where.name", "a")]).await.unwrap()[0]["id"]);
        let table = [
            ("line", "apple", "b"),
            ("line.ne", "apple", "acde"),
            ("line.contains", "pple", "ab"),
            ("line.contains", "%", "d"),
            ("line.contains", "果", "c"),
            ("line.starts", "Apple", "a"),
            ("line.starts", "1", "d"),
            ("line.gt", "a", "bc"),
            ("line.lte", "Apple pie", "ad"),
            ("line.in", "apple,苹果派,none", "bc"),
            ("line.empty", "true", "e"),
            ("line.empty", "false", "abcd"),
            ("int", "0", "b"),
            ("int.ne", "0", "acde"),
            ("int.lt", "0", "a"),
            ("int.lte", "0", "ab"),
            ("int.gt", "9", "c"),
            ("int.gte", "9", "cd"),
            ("int.in", "-1,10", "ac"),
            ("int.empty", "true", "e"),
            ("dec", "10.05", "c"),
            ("dec", "0", "b"),
            ("dec.lt", "9.99", "ab"),
            ("dec.gte", "9.99", "cd"),
            ("dec.gt", "-0.5", "bcd"),
            ("dec.ne", "9.99", "abce"),
            ("dec.in", "9.99,10.05", "cd"),
            ("flag", "true", "ac"),
            ("flag", "false", "bd"),
            ("flag.ne", "true", "bde"),
            ("flag.empty", "true", "e"),
            ("day", "2026-01-31", "a"),
            ("day.lt", "2026-01-01", "cd"),
            ("day.gte", "2026-01-31", "ab"),
            ("day.in", "2025-12-31,0999-01-01", "cd"),
            // A day means its beginning in Shanghai: 2026-02-01T00:00+08:00.
            ("at", "2026-02-01", "b"),
            ("at.lt", "2026-02-01", "ad"),
            ("at.gte", "2026-02-01", "bc"),
            ("at", "2026-01-31T15:30:00Z", "a"),
            ("at.lt", "1970-01-01T00:00:00Z", "d"),
            ("span", "1h", "a"),
            ("span.gt", "PT1H", "cd"),
            ("span", "PT24H", "c"),
            ("span.lte", "0s", "b"),
            ("colour", "red", "ad"),
            ("colour.ne", "red", "bce"),
            ("colour.in", "red,green", "abd"),
            ("colour.empty", "true", "e"),
            ("colours.contains", "blue", "ad"),
            ("colours.contains", "green", "b"),
            ("colours.empty", "true", "ce"),
            ("place", "A", "a"),
            ("place.under", "A", "abc"),
            ("place.under", "A/A1", "b"),
            ("place.under", "B", ""),
            ("place.starts", "A", "abcd"),
            ("friend", a.as_str(), "b"),
            ("friend.ne", a.as_str(), "acde"),
            ("friend.in", a.as_str(), "b"),
            ("friend.empty", "true", "acde"),
            ("who", "me", "a"),
            ("who.ne", "me", "bcde"),
            ("phone", "138 1234 5678", "a"),
            ("phone.contains", "1234", "a"),
            ("mail", "a@EXAMPLE.com", "a"),
            ("spot.empty", "false", "a"),
            ("extra.empty", "true", "bcde"),
            ("paper.empty", "true", "abcde"),
            ("version", "1", "abcde"),
            ("created_at.gt", "2020-01-01", "abcde"),
            ("created_by", "me", "abcde"),
            ("owner.empty", "true", ""),
            ("id", a.as_str(), "a"),
        ];
        let mut wrong = Vec::new();
        for (target, value, expected) in table {
            let name = format!("where.{target}");
            match bench.rows(&root, "zoo.thing", &[(name.as_str(), value)]).await {
                Ok(rows) => {
                    let mut found: Vec<String> = rows.iter().map(|row| text(&row["name"])).collect();
                    found.sort();
                    if found.concat() != expected {
                        wrong.push(format!("{target}={value}: {} instead of {expected}", found.concat()));
                    }
                }
                Err(error) => wrong.push(format!("{target}={value}: {error}")),
            }
        }
        assert!(wrong.is_empty(), "{}: {wrong:#?}", bench.database);
        // Several conditions hold together, also twice on one field.
        let both = [("where.int.gte", "0"), ("where.int.lt", "10"), ("where.line.contains", "e")];
        assert_eq!(bench.column(&root, "zoo.thing", "name", &both).await, ["b", "d"]);
        for (field, values) in [
            ("spot", ["eq", "lt"]),
            ("extra", ["eq", "contains"]),
            ("int", ["contains", "under"]),
            ("flag", ["starts", "under"]),
            ("colours", ["eq", "in"]),
        ] {
            for op in values {
                let name = format!("where.{field}.{op}");
                let value = if field == "flag" { "true" } else { "1" };
                let error =
                    bench.tenant.query(&root, "zoo.thing", [(name.as_str(), value)].into_iter()).unwrap_err();
                assert!(
                    ["query.operator_does_not_fit", "query.value"].contains(&error.code()),
                    "{name}: {error}"
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sortable_field_pages_through_all_records_in_both_directions() {
    check_bare(async |bench: &Bench| {
        collection(bench).await;
        let root = bench.admin();
        for field in [
            "name",
            "line",
            "int",
            "dec",
            "flag",
            "day",
            "at",
            "span",
            "colour",
            "place",
            "friend",
            "who",
            "phone",
            "mail",
            "version",
            "created_at",
            "created_by",
            "id",
            "owner",
        ] {
            let mut orders = Vec::new();
            for sort in [field.to_owned(), format!("-{field}")] {
                let mut names = Vec::new();
                let mut cursor = String::new();
                loop {
                    let params = [("sort", sort.as_str()), ("limit", "1"), ("cursor", cursor.as_str())];
                    let query = bench.tenant.query(&root, "zoo.thing", params.into_iter()).unwrap();
                    let page = bench.tenant.list(&root, &query).await.unwrap();
                    names.extend(page.rows.iter().map(|row| row.values[8].to_string()));
                    match page.next {
                        Some(next) => cursor = next,
                        None => break,
                    }
                }
                orders.push(names);
            }
            orders[1].reverse();
            assert_eq!(orders[0], orders[1], "{field}");
            assert_eq!(orders[0].len(), 5, "{field}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_made_to_break_something_find_nothing_or_are_refused() {
    check(async |bench: &Bench| {
        let (ann, bob) = (bench.person("ann"), bench.person("bob"));
        bench.create(&bob, "shop.order", json!({"title": "bob's", "status": "open"})).await;
        bench.create(&ann, "shop.order", json!({"title": "ann's", "status": "open"})).await;
        let before = bench.rows(&bench.admin(), "shop.order", &[]).await.unwrap();
        let strings = [
            "' OR '1'='1",
            "'; DROP TABLE shop__order; --",
            "\" OR 1=1 --",
            "%",
            "_",
            "\\",
            "') UNION SELECT * FROM _audit --",
            "$1",
            "?1",
            "?",
            "$$",
            "/*",
            "*/",
            "--",
            "NULL",
            "1 OR 1=1",
            "\"owner\"",
            "title OR 1=1",
            "{}",
            "[]",
            "\u{202e}",
            "🦀",
            "ÿ",
            "a\u{0}b",
            "\u{0}",
            "\n",
            "NEAR(a b)",
            "title:bob",
            "*",
            "^a",
            "a* OR b",
            "'':*",
            "& | !",
            "<->",
            "ⓐb ⓑ",
            "㎏a",
            "İstanbul",
            "हिन्दी",
            "a\u{301}b",
        ];
        let names = [
            "q",
            "sort",
            "filter",
            "cursor",
            "view",
            "fields",
            "limit",
            "trash",
            "total",
            "where.title",
            "where.title.contains",
            "where.title.starts",
            "where.title.in",
            "where.title.gt",
            "where.status",
            "where.amount",
            "where.amount.gt",
            "where.created_at.lt",
            "where.owner",
            "where.customer",
            "where.title.under",
            "where.title.empty",
            "where.title.like",
            "where.owner=x",
            "where.",
            "where",
            "where.title.",
            "where..eq",
            "where.\"title\"",
            "where.title; DROP",
            "order",
            "'",
        ];
        for value in strings {
            for name in names {
                let listed = async {
                    let query = bench.tenant.query(&ann, "shop.order", [(name, value)].into_iter())?;
                    bench.tenant.list(&ann, &query).await
                };
                match listed.await {
                    Ok(page) => {
                        assert!(
                            page.rows
                                .iter()
                                .all(|row| row.values.iter().all(|field| field.to_string() != "bob's")),
                            "{name}={value}"
                        );
                        assert!(page.total.is_none_or(|total| total.count <= 1), "{name}={value}");
                    }
                    Err(Error::BadRequest(_)) => {}
                    Err(error) => panic!("{name}={value:?} on {}: {error}", bench.database),
                }
            }
            let mut values = json!({"title": value, "customer": value, "reason": value, "status": value});
            if let Err(error) = bench.try_create(&ann, "shop.order", values.clone()).await {
                assert!(!error.issues().is_empty(), "{value:?}: {error}");
            }
            values["title"] = json!("x");
            let typed = json!({"name": value, "phone": value, "code": value});
            bench.tenant.suspects(&ann, "shop.customer", typed.as_object().unwrap(), None).await.unwrap();
            bench.tenant.form_state(&ann, "shop.order", None, values.as_object().unwrap()).await.unwrap();
            for entity in [value, "shop.order\0", "shop"] {
                assert!(matches!(bench.try_create(&ann, entity, json!({})).await, Err(Error::NotFound(_))));
            }
        }
        assert_eq!(
            bench
                .rows(&bench.admin(), "shop.order", &[])
                .await
                .unwrap()
                .iter()
                .filter(|row| before.contains(row))
                .count(),
            2
        );
        // A text is kept as it was given, whatever it looks like.
        let id = bench.create(&ann, "shop.order", json!({"title": "'; DROP TABLE \"x\"; --"})).await;
        assert_eq!(bench.json(&ann, "shop.order", id).await["title"], "'; DROP TABLE \"x\"; --");
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_from_elsewhere_are_refused_or_lead_nowhere_new() {
    check(async |bench: &Bench| {
        let (ann, bob) = (bench.person("ann"), bench.person("bob"));
        for number in 0..3 {
            bench.create(&bob, "shop.order", json!({"title": format!("bob {number}"), "amount": "5"})).await;
            bench.create(&ann, "shop.order", json!({"title": format!("ann {number}")})).await;
        }
        let list = async |actor, sort: &str, cursor: &str| {
            let query = bench.tenant.query(
                actor,
                "shop.order",
                [("sort", sort), ("limit", "2"), ("cursor", cursor)].into_iter(),
            )?;
            bench.tenant.list(actor, &query).await
        };
        let bobs = list(&bob, "title", "").await.unwrap().next.unwrap();
        let seen = list(&ann, "title", &bobs).await.unwrap();
        assert!(seen.rows.iter().all(|row| row.values[7 + 2].to_string().starts_with("ann")));
        let encode = |json: Json| URL_SAFE_NO_PAD.encode(json.to_string());
        for cursor in [
            "x".to_owned(),
            "!!".to_owned(),
            "A".repeat(5_000),
            encode(json!([])),
            encode(json!(["a"])),
            encode(json!(["a", "b", "c"])),
            encode(json!({"a": 1})),
            encode(json!([1, "01"])),
            encode(json!(["a", "not an id"])),
            encode(json!(["a\u{0}", "01a202f0-1e72-7192-9e56-de185c059530"])),
            encode(json!([["a"], null])),
            URL_SAFE_NO_PAD.encode("[".repeat(3_000)),
        ] {
            match list(&ann, "title", &cursor).await {
                Err(Error::BadRequest(issue)) => assert_eq!(issue.code, "query.cursor", "{cursor}"),
                Err(error) => panic!("{cursor}: {error}"),
                Ok(page) => panic!("{cursor}: {} rows", page.rows.len()),
            }
        }
        // One made for another order has values of other types.
        let amount = list(&bob, "amount", "").await.unwrap().next.unwrap();
        assert!(matches!(list(&ann, "created_at", &amount).await, Err(Error::BadRequest(_))));
        let nulls = encode(json!([null, null]));
        assert!(list(&ann, "-title", &nulls).await.unwrap().rows.len() <= 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invisible_characters_are_refused_before_they_reach_the_database() {
    check(async |bench: &Bench| {
        let ann = bench.person("ann");
        let id = bench.create(&ann, "shop.order", json!({"title": "t"})).await;
        let nul = "a\0b";
        assert_eq!(
            issues(&bench.update(&ann, "shop.order", id, json!({"title": nul})).await.unwrap_err()),
            ["title value.control_character"]
        );
        let comment = Command::Comment { entity: "shop.order".into(), id, text: nul.into() };
        assert_eq!(issues(&bench.run(&ann, comment).await.unwrap_err()), ["text comment.length"]);
        for params in [
            ("q", nul),
            ("where.title", nul),
            ("filter", "record.title == 'a\\u0000b'"),
            ("filter", "record.title == 'a\\x00b'"),
            ("filter", nul),
            ("cursor", nul),
        ] {
            let query = bench.tenant.query(&ann, "shop.order", [params].into_iter());
            assert!(matches!(query, Err(Error::BadRequest(_))), "{params:?}");
        }
        let bytes = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"x"))]);
        let file = bench.tenant.put_file(&ann, "a\0/../b.txt", "text/\0plain", bytes).await.unwrap();
        assert_eq!((file.name.as_str(), file.content_type.as_str()), ("a/../b.txt", "text/plain"));
        assert_eq!(
            bench.tenant.get_file(&ann, file.id).await.unwrap().1.bytes().await.unwrap().as_ref(),
            b"x"
        );
    })
    .await;
}
