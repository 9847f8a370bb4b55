//! The rules of forms, evaluated natively. The same cases are written to `carried.json`, from which the browser's test takes
//! them: both have to come to the same state. After a change run with `UPDATE_EXPECT=1`.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_expr::{Carried, Context, Expression, Member, Portable, Scope, Shape, Type, Value};
use mortise_expr_web::{Calculated, Check, Input, Reads, Rules, State, Typed, Words};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const KINDS: [(&str, Type, Reads); 11] = [
    ("name", Type::Text, Reads::Line(20)),
    ("notes", Type::Text, Reads::Text(200)),
    ("count", Type::Int, Reads::Int),
    ("price", Type::Decimal(2), Reads::Decimal(2)),
    ("hot", Type::Bool, Reads::Bool),
    ("day", Type::Date, Reads::Day),
    ("at", Type::DateTime, Reads::Moment),
    ("kind", Type::Text, Reads::Word),
    ("owner", Type::Id, Reads::Id),
    ("phone", Type::Text, Reads::Other),
    ("total", Type::Decimal(2), Reads::Other),
];

fn slot(name: &str) -> usize {
    KINDS.iter().position(|(known, _, _)| *known == name).unwrap()
}

fn compile(source: &str) -> Expression {
    let member =
        |(name, ty, _): &(&str, Type, Reads)| Member::new(*name, ty.clone()).nullable().column(*name);
    let record = Shape::new(KINDS.iter().map(member).collect());
    let user = Shape::new(vec![Member::new("role", Type::Text)]);
    let settings = Shape::new(vec![Member::new("limit", Type::Decimal(2))]);
    let scope = Scope::new()
        .root("record", Arc::new(record))
        .root("user", Arc::new(user))
        .root("settings", Arc::new(settings));
    Expression::compile(source, &scope).unwrap_or_else(|errors| panic!("{source}: {errors:?}"))
}

fn now() -> DateTime<Utc> {
    "2026-03-01T20:30:00Z".parse().unwrap()
}

fn carry(source: &str) -> Portable {
    let (user, settings) = ([Value::text("boss")], [Value::Decimal("1000.00".parse().unwrap())]);
    let cx = Context {
        now: now(),
        tz: chrono_tz::Asia::Shanghai,
        roots: &[&[], &user, &settings],
        functions: None,
    };
    compile(source).portable(&cx).unwrap_or_else(|| panic!("{source} cannot be carried"))
}

/// Rules that use most of the language.
fn rules() -> Rules {
    let named = |pairs: &[(&str, &str)]| -> Vec<(String, Portable)> {
        pairs.iter().map(|(name, source)| ((*name).to_owned(), carry(source))).collect()
    };
    let inputs = KINDS.iter().filter(|(name, _, _)| *name != "total").map(|(name, _, reads)| Input {
        name: (*name).to_owned(),
        slot: slot(name),
        reads: *reads,
        confirm: *name == "phone",
    });
    let check = |field: &str, given: bool, source: &str, message: &str| Check {
        field: field.to_owned(),
        given: given.then(|| slot(field)),
        holds: carry(source),
        message: message.to_owned(),
    };
    Rules {
        slots: KINDS.len(),
        base: vec![(slot("owner"), Carried::Null)],
        inputs: inputs.collect(),
        calculated: vec![Calculated {
            name: Some("total".to_owned()),
            slot: slot("total"),
            value: carry("record.count * record.price * 1.13"),
        }],
        unknown: Vec::new(),
        visible: named(&[
            ("notes", "record.kind == 'other' || size(record.name) > 5"),
            ("price", "user.role == 'boss' && record.count > 0"),
            ("day", "record.hot"),
            ("at", "record.day != null && record.day >= today()"),
            ("phone", "record.kind in ['call', 'visit'] && !record.hot"),
        ]),
        required: named(&[
            ("price", "record.total > settings.limit"),
            ("notes", "record.name.contains('医院') && similarity(record.name, '上海医院') > 0.5"),
            ("at", "hour(record.at) >= 18 || weekday(record.at) > 5"),
            ("kind", "['a', 'b'].exists(x, record.name.startsWith(x))"),
        ]),
        sections: vec![
            None,
            Some(carry("coalesce(record.count, 0) >= 3 ? record.hot : record.owner != null")),
        ],
        checks: vec![
            check("price", true, "record.price <= settings.limit", "At most the limit."),
            check("count", false, "record.count == null || record.count % 2 == 0", "In pairs."),
            check("at", true, "record.at > now()", "Later than now."),
        ],
        rows: BTreeMap::from([("items".to_owned(), row_rules())]),
        words: Words { yes: "是".to_owned(), no: "否".to_owned() },
        asks: false,
    }
}

/// What child rows calculate.
fn row_rules() -> Rules {
    let input = |name: &str| Input {
        name: name.to_owned(),
        slot: slot(name),
        reads: KINDS[slot(name)].2,
        confirm: false,
    };
    let value = carry("record.count * record.price");
    Rules {
        slots: KINDS.len(),
        inputs: vec![input("count"), input("price")],
        calculated: vec![Calculated { name: Some("total".to_owned()), slot: slot("total"), value }],
        ..Rules::default()
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, text) in pairs {
        values.entry((*name).to_owned()).or_default().push((*text).to_owned());
    }
    values
}

fn typed(pairs: &[(&str, &str)]) -> Typed {
    Typed { values: texts(pairs), rows: BTreeMap::new() }
}

fn with_rows(pairs: &[(&str, &str)], rows: &[&[(&str, &str)]]) -> Typed {
    let rows = rows.iter().map(|row| texts(row)).collect();
    Typed { rows: BTreeMap::from([("items".to_owned(), rows)]), ..typed(pairs) }
}

fn cases() -> Vec<(&'static str, &'static str, Typed)> {
    let shanghai = "Asia/Shanghai";
    vec![
        ("nothing typed", shanghai, typed(&[])),
        (
            "empty texts",
            shanghai,
            typed(&[("name", ""), ("count", " "), ("price", ""), ("hot", "false"), ("at", "")]),
        ),
        (
            "an amount beyond the limit",
            shanghai,
            typed(&[("count", "3"), ("price", "999999.99"), ("hot", "false"), ("hot", "true")]),
        ),
        (
            "an amount that people write",
            shanghai,
            typed(&[("count", "3"), ("price", "1.5万"), ("phone", "138")]),
        ),
        (
            "a day and a choice",
            shanghai,
            typed(&[("day", "2026-03-02"), ("kind", "visit"), ("hot", "false")]),
        ),
        (
            "yesterday there, today here",
            "America/New_York",
            typed(&[("day", "2026-03-01"), ("kind", "call")]),
        ),
        ("an evening", shanghai, typed(&[("at", "2026-03-06T18:05"), ("name", "上海市医院")])),
        ("an hour that does not exist", "America/New_York", typed(&[("at", "2026-03-08T02:30")])),
        ("an hour that comes twice", "America/New_York", typed(&[("at", "2026-11-01T01:30:10.25")])),
        ("a moment that is over", shanghai, typed(&[("at", "2026-03-01T18:00")])),
        (
            "somebody typed and not picked",
            shanghai,
            typed(&[("owner", ""), ("_title/owner", "Anna"), ("name", "abc")]),
        ),
        (
            "somebody picked",
            shanghai,
            typed(&[("owner", "0193a3f2-7b1c-7e44-9a58-3f6c1d2e4b5a"), ("count", "2")]),
        ),
        ("numbers beyond every limit", shanghai, typed(&[("count", "9007199254740993"), ("price", "1.005")])),
        (
            "rows",
            shanghai,
            with_rows(
                &[("count", "1")],
                &[&[("count", "3"), ("price", "2.50")], &[("count", "x"), ("price", "1")], &[]],
            ),
        ),
        (
            "odd texts",
            shanghai,
            typed(&[("name", "a\u{7}b"), ("count", "-4"), ("price", "-.5"), ("day", "2026-02-30")]),
        ),
    ]
}

fn answer((_, zone, typed): &(&str, &str, Typed)) -> State {
    rules().state(typed, now(), zone.parse().unwrap())
}

#[test]
fn the_state_of_a_form_is_what_its_expressions_say() {
    let state = |name: &str| answer(cases().iter().find(|(case, _, _)| *case == name).unwrap());
    let beyond = state("an amount beyond the limit");
    assert_eq!(beyond.computed["total"], "3,389,999.9661");
    assert_eq!(
        (beyond.visible["day"], beyond.required["price"], beyond.sections[1]),
        (true, true, Some(true))
    );
    assert_eq!(beyond.issues["price"], ["At most the limit."]);
    assert_eq!(beyond.issues["count"], ["In pairs."]);
    assert!(!beyond.ask);

    let written = state("an amount that people write");
    assert!(written.ask, "only the server can read it");
    assert!(!written.required.contains_key("price") && !written.issues.contains_key("price"));
    assert!(!written.computed.contains_key("total"));
    assert!(written.visible["price"], "what does not read it is known");

    assert!(state("a day and a choice").visible["at"]);
    assert!(state("yesterday there, today here").visible["at"]);
    assert!(state("an evening").required["notes"]);
    assert_eq!(state("a moment that is over").issues["at"], ["Later than now."]);
    assert_eq!(state("somebody typed and not picked").sections[1], None);
    assert_eq!(state("somebody picked").sections[1], Some(true));
    let rows = &state("rows").rows["items"];
    assert_eq!(
        (rows[0]["total"].as_str(), rows[1].get("total"), rows[2]["total"].as_str()),
        ("7.50", None, "")
    );
}

#[test]
fn no_name_setting_or_fact_about_a_person_is_carried_without_need() {
    let carried = serde_json::to_string(&carry("user.role == 'boss' && record.count > 0")).unwrap();
    assert!(!carried.contains("boss") && !carried.contains("record"), "{carried}");
    let settled =
        serde_json::to_string(&carry("user.role == 'clerk' && record.count > settings.limit")).unwrap();
    assert!(!settled.contains("100000"), "{settled}");
}

#[test]
fn the_browser_is_tested_with_the_same_cases() {
    let written: Vec<Json> = cases()
        .iter()
        .map(|case| {
            let (name, zone, typed) = case;
            json!({ "name": name, "zone": zone, "values": typed.values, "rows": typed.rows, "state": answer(case) })
        })
        .collect();
    let file = json!({
        "now": now().timestamp_millis(),
        "rules": serde_json::to_string(&rules()).unwrap(),
        "cases": written,
    });
    let text = serde_json::to_string_pretty(&file).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/carried.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert!(known == text, "carried.json is not what the cases come to: run with UPDATE_EXPECT=1");
}

#[test]
fn rules_are_the_same_after_the_way_there_and_back() {
    let there = serde_json::to_string(&rules()).unwrap();
    let back: Rules = serde_json::from_str(&there).unwrap();
    for (name, zone, typed) in cases() {
        let zone = zone.parse().unwrap();
        assert_eq!(back.state(&typed, now(), zone), rules().state(&typed, now(), zone), "{name}");
    }
}

proptest! {
    #[test]
    fn whatever_is_typed_has_a_state(texts in proptest::collection::vec((0..KINDS.len(), ".{0,12}"), 0..12)) {
        let pairs: Vec<(&str, &str)> = texts.iter().map(|(at, text)| (KINDS[*at].0, text.as_str())).collect();
        let state = rules().state(&typed(&pairs), now(), chrono_tz::Asia::Shanghai);
        prop_assert!(state.visible.len() <= 5);
    }

    #[test]
    fn numbers_are_read_as_they_were_written(number in -9_007_199_254_740_991i64..=9_007_199_254_740_991, places in 0u8..3) {
        let text = mortise_expr::Decimal::new(number, places).to_string();
        let state = rules().state(&typed(&[("count", "2"), ("price", text.as_str())]), now(), chrono_tz::UTC);
        // Known exactly where it fits with two places.
        let fits = mortise_expr::Decimal::new(number, places).rescale(2).is_some_and(|n| n.mantissa.unsigned_abs() <= 9_007_199_254_740_991);
        prop_assert_eq!(state.issues.contains_key("price"), fits);
    }
}
