//! Lists read in parts, on real databases: what boards count and show, days of calendars, points on maps; and that scope and
//! closed fields hold there as they do everywhere.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use common::{Bench, check_bare, package};
use mortise_engine::{Actor, Condition, Group, Op, Query};
use mortise_expr::Value;
use serde_json::{Value as Json, json};

const THING: &str = "zoo.thing";

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

/// Seven records of three colours, one without, of two owners.
async fn zoo(bench: &Bench) -> (Actor, Actor) {
    let field = |id: &str, kind: &str| json!({"id": id, "type": kind, "label": words(id)});
    let choice = |value: &str| json!({"value": value, "label": words(value)});
    let colours: Vec<Json> = ["red", "green", "blue"].map(choice).into();
    let entity = json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": [
        {"id": "name", "type": "text", "label": words("name"), "required": true, "search": true},
        {"id": "colour", "type": "choice", "label": words("colour"), "choices": colours},
        {"id": "price", "type": "decimal", "scale": 2, "label": words("price")},
        field("day", "date"), field("until", "date"), field("spot", "geo_point"),
    ]});
    let own = json!({"id": "own", "label": words("Own"), "permissions": [
        {"entity": "thing", "operations": ["create", "read", "update"], "rows": "own"}]});
    let blind = json!({"id": "blind", "label": words("Blind"), "permissions": [
        {"entity": "thing", "operations": ["read"], "fields": {"colour": "hidden"}}]});
    let app = json!({"id": "zoo", "version": "1.0.0", "label": words("Zoo")});
    let files = vec![
        ("app.json", app),
        ("entities/thing.json", entity),
        ("roles/own.json", own),
        ("roles/blind.json", blind),
    ];
    bench.install(package(files)).await.unwrap();
    let (ann, root) = (bench.hire("ann", &["zoo.own"], |_| ()), bench.admin());
    for (name, colour, price, day, until, spot) in [
        ("a", json!("red"), "1.10", "2026-06-01", "2026-06-01", [31.30, 120.60]),
        ("b", json!("red"), "2.20", "2026-06-01", "2026-06-03", [31.32, 120.62]),
        ("c", json!("green"), "3.30", "2026-06-02", "2026-06-02", [39.90, 116.40]),
        ("d", Json::Null, "4.40", "2026-05-30", "2026-06-09", [-33.90, -70.60]),
    ] {
        let spot = json!({"lat": spot[0], "lon": spot[1]});
        let values =
            json!({"name": name, "colour": colour, "price": price, "day": day, "until": until, "spot": spot});
        bench.create(&root, THING, values).await;
    }
    for name in ["e", "f"] {
        bench.create(&ann, THING, json!({"name": name, "colour": "red", "price": "10.00"})).await;
    }
    bench.create(&ann, THING, json!({"name": "g", "colour": "blue"})).await;
    (root, ann)
}

fn query(bench: &Bench, actor: &Actor, params: &[(&str, &str)]) -> Query {
    bench.tenant.query(actor, THING, params.iter().copied()).unwrap()
}

fn slot(bench: &Bench, name: &str) -> usize {
    bench.tenant.model().entity(THING).unwrap().field(name).unwrap().slot
}

fn told(groups: Vec<Group>) -> String {
    let one = |group: &Group| format!("{}={} {}", group.value, group.count, group.sum);
    groups.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn condition(slot: usize, op: Op, value: Value) -> Condition {
    Condition { slot, op, values: vec![value], text: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_counted_and_added_up_within_what_a_person_may_see() {
    check_bare(async |bench: &Bench| {
        let (root, ann) = zoo(bench).await;
        let (colour, price) = (slot(bench, "colour"), slot(bench, "price"));
        let groups = async |actor: &Actor, params: &[(&str, &str)], sum: Option<usize>| {
            let query = query(bench, actor, params);
            bench.tenant.groups(actor, &query, colour, sum).await.map(told)
        };
        let all = groups(&root, &[], Some(price)).await.unwrap();
        assert!(all.starts_with("red=4 23.30"), "{all}");
        assert_eq!(all.split(", ").count(), 4, "{all}");
        assert_eq!(groups(&ann, &[], Some(price)).await.unwrap(), "red=2 20.00, blue=1 ");
        let filtered = groups(&root, &[("where.name.in", "a,c"), ("q", "a")], None).await.unwrap();
        assert_eq!(filtered, "red=1 ");
        let blind = bench.hire("blind", &["zoo.blind"], |_| ());
        assert!(groups(&blind, &[], None).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_each_column_come_with_the_way_to_the_rest() {
    check_bare(async |bench: &Bench| {
        let (root, ann) = zoo(bench).await;
        let colour = slot(bench, "colour");
        let is = |value: Value| vec![condition(colour, Op::Eq, value)];
        let cases =
            [is(Value::text("red")), is(Value::text("green")), is(Value::Null), is(Value::text("none"))];
        let mut first = query(bench, &root, &[("sort", "name"), ("limit", "3")]);
        let parts = bench.tenant.parts(&root, &first, &cases).await.unwrap();
        let name = slot(bench, "name");
        let names = |part: &mortise_engine::Part| {
            part.rows.iter().map(|row| row.values[name].to_string()).collect::<String>()
        };
        assert_eq!(parts.iter().map(names).collect::<Vec<_>>(), ["abe", "c", "d", ""]);
        assert_eq!(
            parts.iter().map(|part| part.next.is_some()).collect::<Vec<_>>(),
            [true, false, false, false]
        );
        first.conditions = cases[0].clone();
        first.cursor.clone_from(&parts[0].next);
        let rest = bench.tenant.list(&root, &first).await.unwrap();
        assert_eq!(rest.rows.iter().map(|row| row.values[name].to_string()).collect::<Vec<_>>(), ["f"]);
        let own = bench.tenant.parts(&ann, &query(bench, &ann, &[("sort", "name")]), &cases).await.unwrap();
        assert_eq!(own.iter().map(names).collect::<Vec<_>>(), ["ef", "", "", ""]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_hold_what_begins_on_them_and_what_lasts_is_found_apart() {
    check_bare(async |bench: &Bench| {
        let (root, _) = zoo(bench).await;
        let (day, until, name) = (slot(bench, "day"), slot(bench, "until"), slot(bench, "name"));
        let date = |text: &str| Value::Date(text.parse().unwrap());
        let on = |from: &str, to: &str| {
            vec![condition(day, Op::Gte, date(from)), condition(day, Op::Lt, date(to))]
        };
        let cases = [
            on("2026-06-01", "2026-06-02"),
            on("2026-06-02", "2026-06-03"),
            vec![condition(day, Op::Lt, date("2026-06-01")), condition(until, Op::Gte, date("2026-06-01"))],
        ];
        let query = query(bench, &root, &[("sort", "day,name")]);
        let parts = bench.tenant.parts(&root, &query, &cases).await.unwrap();
        let names = |part: &mortise_engine::Part| {
            part.rows.iter().map(|row| row.values[name].to_string()).collect::<String>()
        };
        assert_eq!(parts.iter().map(names).collect::<Vec<_>>(), ["ab", "c", "d"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn points_near_each_other_are_gathered() {
    check_bare(async |bench: &Bench| {
        let (root, _) = zoo(bench).await;
        let (spot, price) = (slot(bench, "spot"), slot(bench, "price"));
        let query = query(bench, &root, &[]);
        let spots = bench.tenant.spots(&root, &query, spot, Some(price), 1.0).await.unwrap();
        let mut told: Vec<String> = spots
            .iter()
            .map(|spot| {
                let only = spot.only.as_ref().map_or("", |(_, title)| title);
                format!("{:.2},{:.2} {} {} {only}", spot.lat, spot.lon, spot.count, spot.sum)
            })
            .collect();
        told.sort();
        assert_eq!(
            told,
            ["-33.90,-70.60 1 4.40 d", "31.31,120.61 2 3.30 ", "39.90,116.40 1 3.30 c"].map(str::to_owned)
        );
    })
    .await;
}
