//! Expressions that travel: the tree, written down and read again, gives the same values; and what it gives away is no more
//! than is needed.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;

use mortise_expr::{
    Carried, Context, Decimal, Expression, GeoPoint, Member, OutsideFunction, Portable, Scope, Shape, Type,
    Value,
};
use proptest::prelude::*;

fn scope() -> Scope {
    let record = Shape::new(vec![
        Member::new("name", Type::Text).nullable().column("f_name"),
        Member::new("amount", Type::Decimal(2)).nullable().column("f_amount"),
        Member::new("count", Type::Int).nullable().column("f_count"),
        Member::new("day", Type::Date).nullable().column("f_day"),
        Member::new("at", Type::DateTime).nullable().column("f_at"),
        Member::new("tags", Type::List(Box::new(Type::Text))).nullable().column("f_tags"),
        Member::new("place", Type::Geo).nullable().column("f_place"),
    ]);
    let user = Shape::new(vec![Member::new("role", Type::Text), Member::new("home", Type::Geo)]);
    let asked = OutsideFunction {
        space: "far".into(),
        name: "away".into(),
        owner: "a.b".into(),
        export: "away".into(),
        parameters: vec![Type::Text],
        returns: Type::Int,
        otherwise: Some(Value::Int(1)),
    };
    Scope::new()
        .root("record", Arc::new(record))
        .root("user", Arc::new(user))
        .functions(vec![Arc::new(asked)].into())
}

fn user() -> [Value; 2] {
    [Value::text("boss"), Value::Geo(GeoPoint { lat: 31.0, lon: 121.0 })]
}

fn context<'a>(roots: &'a [&'a [Value]]) -> Context<'a> {
    let now = "2026-03-01T20:30:00Z".parse().unwrap();
    Context { now, tz: chrono_tz::Asia::Shanghai, roots, functions: None }
}

fn carried(source: &str) -> Option<Portable> {
    let user = user();
    Expression::compile(source, &scope()).unwrap().portable(&context(&[&[], &user]))
}

const SOURCES: [&str; 16] = [
    "record.amount * 0.85 + record.count > 100",
    "record.name.contains('x') || size(record.name) > 3 && !(record.count in [1, 2, 3])",
    "coalesce(record.count, 7) % 2 == 0 ? record.amount : -record.amount",
    "record.day != null && record.day + days(2) >= today()",
    "hour(record.at) < 9 || weekday(record.day) > 5",
    "record.tags.exists(t, t == 'hot' || t.startsWith(record.name))",
    "record.tags.filter(t, t != 'cold').map(t, size(t))",
    "distance_km(record.place, user.home) < 50.0",
    "user.role == 'boss' && record.count > 0",
    "user.role == 'clerk' || record.amount == null",
    "record.at > datetime('2026-03-01T08:00:00+08:00')",
    "string(record.amount) + ' ' + record.name.trim().upperAscii()",
    "round(record.amount, 1) == 2.5 || floor(record.amount) == 2",
    "similarity(record.name, 'Acme') > 0.4",
    "under(record.name, '31/01')",
    "max(record.amount, record.count, 3)",
];

fn row(
    name: Option<String>,
    amount: Option<i64>,
    count: Option<i64>,
    minutes: Option<i64>,
    tags: Vec<String>,
) -> Vec<Value> {
    let at = minutes.and_then(|minutes| chrono::DateTime::from_timestamp(minutes * 60, 0));
    vec![
        name.map_or(Value::Null, Value::text),
        amount.map_or(Value::Null, |amount| Value::Decimal(Decimal::new(amount, 2))),
        count.map_or(Value::Null, Value::Int),
        at.map_or(Value::Null, |at| Value::Date(at.date_naive())),
        at.map_or(Value::Null, Value::DateTime),
        if tags.is_empty() { Value::Null } else { Value::list(tags.into_iter().map(Value::text)) },
        Value::Geo(GeoPoint { lat: 31.2, lon: 121.4 }),
    ]
}

proptest! {
    #[test]
    fn a_carried_expression_gives_the_same_values(
        name in proptest::option::of("[a-zA-Z中文 /0-9]{0,8}"),
        amount in proptest::option::of(-1_000_000i64..1_000_000),
        count in proptest::option::of(-10i64..10),
        minutes in proptest::option::of(29_000_000i64..30_000_000),
        tags in proptest::collection::vec("hot|cold|a", 0..3),
    ) {
        let (row, user) = (row(name, amount, count, minutes, tags), user());
        for source in SOURCES {
            let here = Expression::compile(source, &scope()).unwrap().eval(&context(&[&row, &user]));
            let text = serde_json::to_string(&carried(source).unwrap()).unwrap();
            let back: Portable = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.eval(&context(&[&row])), here, "{}", source);
        }
    }

    #[test]
    fn values_are_the_same_after_the_way_there_and_back(number in any::<i64>(), scale in 0u8..=9, float in -1e9f64..1e9, text in ".{0,20}") {
        let values = [
            Value::Int(number), Value::Decimal(Decimal { mantissa: number, scale }), Value::Float(float), Value::text(text.as_str()),
            Value::Duration(number), Value::list([Value::Bool(true), Value::Null]), Value::Id(uuid::Uuid::from_u128(number.unsigned_abs().into())),
        ];
        for value in values {
            let text = serde_json::to_string(&Carried::from(&value)).unwrap();
            prop_assert_eq!(Value::from(serde_json::from_str::<Carried>(&text).unwrap()), value);
        }
    }
}

#[test]
fn what_only_the_server_can_tell_is_not_carried() {
    for source in
        ["record.name.matches('^a+$')", "record.name.matches(user.role)", "far.away(record.name) > 1"]
    {
        assert!(carried(source).is_none(), "{source}");
    }
    // What it comes to may be: nothing of it depends on the record.
    assert!(carried("far.away(user.role) > 0 && record.count > 1").is_some());
    assert!(carried("user.role == 'clerk' && record.name.matches('^a')").is_some(), "it never comes to that");
}

#[test]
fn facts_about_the_person_stay_behind_where_they_decide() {
    let told = |source: &str| serde_json::to_string(&carried(source).unwrap()).unwrap();
    assert!(!told("user.role == 'boss' && record.count > 0").contains("boss"));
    assert_eq!(
        told("user.role == 'clerk' && record.count > 0"),
        told("user.role == 'nobody' && record.amount > 5")
    );
    assert!(!told("user.role == 'boss' ? record.amount : 12345.67").contains("1234567"));
}

#[test]
fn an_expression_tells_which_members_it_reads() {
    let expression = carried("user.role == 'boss' && (record.count > 0 || record.name == 'x')").unwrap();
    let reads = |slot| expression.reads(&|root, read| (root, read) == (0, slot));
    assert_eq!((reads(0), reads(1), reads(2)), (true, false, true));
}
