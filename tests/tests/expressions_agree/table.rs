//! The table of the agreement test: its columns, and rows of values at which databases are known to differ.
//! Rows are the same in every run.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use mortise_expr::{Decimal, INT_LIMIT, Member, Scope, Shape, Type, Value};
use uuid::Uuid;

/// The columns: name, type, whether it may be null, and its type in PostgreSQL. SQLite needs none.
pub(crate) fn columns() -> Vec<(&'static str, Type, bool, &'static str)> {
    vec![
        ("a", Type::Int, true, "bigint"),
        ("b", Type::Int, false, "bigint"),
        ("c", Type::Decimal(2), true, "bigint"),
        ("d", Type::Decimal(4), false, "bigint"),
        ("f", Type::Float, true, "double precision"),
        ("s", Type::Text, true, "text COLLATE \"C\""),
        ("t", Type::Text, false, "text COLLATE \"C\""),
        ("p", Type::Text, true, "text COLLATE \"C\""),
        ("flag", Type::Bool, true, "boolean"),
        ("done", Type::Bool, false, "boolean"),
        ("due", Type::Date, true, "date"),
        ("start", Type::Date, false, "date"),
        ("at", Type::DateTime, true, "timestamptz"),
        ("made", Type::DateTime, false, "timestamptz"),
        ("worked", Type::Duration, true, "bigint"),
        ("owner", Type::Id, true, "uuid"),
        ("tags", Type::List(Box::new(Type::Text)), true, "jsonb"),
    ]
}

pub(crate) fn scope() -> Scope {
    let members = columns().into_iter().map(|(name, ty, nullable, _)| {
        let member = Member::new(name, ty).column(name);
        if nullable { member.nullable() } else { member }
    });
    let user = Shape::new(vec![
        Member::new("id", Type::Id),
        Member::new("name", Type::Text).nullable(),
        Member::new("teams", Type::List(Box::new(Type::Id))),
        Member::new("limit", Type::Int).nullable(),
        Member::new("since", Type::DateTime).nullable(),
        Member::new("day", Type::Date),
    ]);
    Scope::new().root("record", Arc::new(Shape::new(members.collect()))).root("user", Arc::new(user))
}

/// The values of the root `user`.
pub(crate) fn constants() -> Vec<Value> {
    vec![
        Value::Id(id(1)),
        Value::Null,
        Value::list([Value::Id(id(1)), Value::Id(id(2)), Value::Null]),
        Value::Int(3),
        Value::DateTime(instant("2026-03-29T00:30:00.5Z")),
        Value::Date(date("2026-03-29")),
    ]
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128((0x0190 << 112) + number)
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a literal date")
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("a literal instant")
}

const TEXTS: [&str; 20] = [
    "", "a", "A", "b", "ab", "AB", "Ab", "a b", "ß", "É", "é", "客户", "客", "%", "_", "a%b", "\\", "'",
    "\u{D7FF}", "🙂x",
];

const PATHS: [&str; 9] = ["31", "31/01", "31/01/15", "310", "3", "31/", "/", "", "a"];

/// Around midnights and changes of clocks, and one with more than milliseconds.
const INSTANTS: [&str; 14] = [
    "2026-03-28T16:00:00Z",
    "2026-03-28T15:59:59.999999Z",
    "2026-03-29T00:59:59Z",
    "2026-03-29T01:30:00.654321Z",
    "2026-03-29T01:00:00Z",
    "2026-03-08T05:00:00Z",
    "2026-03-08T04:59:59.999Z",
    "2026-03-08T06:59:59Z",
    "2026-11-01T05:30:00Z",
    "2026-11-01T04:30:00Z",
    "2026-11-01T03:59:59Z",
    "1999-12-31T23:59:59.000001Z",
    "1969-12-31T23:59:59.999Z",
    "2024-02-29T12:00:00Z",
];

const DATES: [&str; 8] = [
    "2026-03-29",
    "2026-03-28",
    "2026-03-30",
    "2026-03-08",
    "2024-02-29",
    "1969-12-31",
    "2026-11-01",
    "0099-01-01",
];

/// Values of a type that make a difference somewhere.
fn pool(name: &str, ty: &Type) -> Vec<Value> {
    let ints = [0, 1, -1, 2, 3, 7, 100, -250, INT_LIMIT, -INT_LIMIT];
    match ty {
        Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
        Type::Int => ints.map(Value::Int).to_vec(),
        Type::Decimal(scale) => ints.map(|mantissa| Value::Decimal(Decimal::new(mantissa, *scale))).to_vec(),
        Type::Float => [0.0, -0.0, 0.5, 1.0, -2.5, 0.1, 1e300, -1e-300].map(Value::Float).to_vec(),
        Type::Text if name == "p" => PATHS.map(Value::from).to_vec(),
        Type::Text => TEXTS.map(Value::from).to_vec(),
        Type::Date => DATES.map(|text| Value::Date(date(text))).to_vec(),
        Type::DateTime => INSTANTS.map(|text| Value::DateTime(instant(text))).to_vec(),
        Type::Duration => {
            [0, 1, -1, 3_600_000, 86_400_000, INT_LIMIT, -INT_LIMIT].map(Value::Duration).to_vec()
        }
        Type::Id => vec![Value::Id(id(1)), Value::Id(id(2)), Value::Id(id(3))],
        Type::List(_) => [&[][..], &["a"], &["A", "ab"], &["客户", "'", "a\"b"], &["", "a%b"]]
            .map(|items| Value::list(items.iter().map(|item| Value::from(*item))))
            .to_vec(),
        Type::Geo | Type::Json | Type::Null => vec![Value::Null],
    }
}

/// Rows of values from the pools, in an order that looks random and is always the same.
pub(crate) fn rows(count: usize) -> Vec<Vec<Value>> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = |limit: usize| {
        // A linear congruential generator; its upper bits are good enough to mix rows.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let pools: Vec<_> =
        columns().into_iter().map(|(name, ty, nullable, _)| (pool(name, &ty), nullable)).collect();
    (0..count)
        .map(|_| {
            let value = |(pool, nullable): &(Vec<Value>, bool)| {
                let choice = next(pool.len() + usize::from(*nullable) * pool.len().div_ceil(4));
                pool.get(choice).cloned().unwrap_or_default()
            };
            pools.iter().map(value).collect()
        })
        .collect()
}
