//! A scope and a row that the tests of expressions share. Never used outside of tests.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "the texts are literals")]

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use mortise_expr::{Context, Decimal, Expression, GeoPoint, Member, Scope, Shape, Type, Value};
use uuid::Uuid;

pub(crate) const OWNER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

pub(crate) fn scope() -> Scope {
    let stored = |name: &str, ty: Type| Member::new(name, ty).column(name).nullable();
    let record = Shape::new(vec![
        stored("status", Type::Text),
        Member::new("name", Type::Text).column("name"),
        stored("amount", Type::Decimal(2)),
        stored("count", Type::Int),
        stored("ratio", Type::Float),
        stored("active", Type::Bool),
        Member::new("locked", Type::Bool).column("locked"),
        stored("due", Type::Date),
        Member::new("created_at", Type::DateTime).column("created_at"),
        stored("closed_at", Type::DateTime),
        stored("worked", Type::Duration),
        stored("owner", Type::Id),
        stored("tags", Type::List(Box::new(Type::Text))),
        stored("place", Type::Geo),
        stored("extra", Type::Json),
        stored("region", Type::Text),
        Member::new("score", Type::Int).nullable(),
        Member::new("total", Type::Int).column("total"),
    ]);
    let user = Shape::new(vec![
        Member::new("id", Type::Id),
        Member::new("name", Type::Text),
        Member::new("teams", Type::List(Box::new(Type::Id))),
        Member::new("base", Type::Geo).nullable(),
    ]);
    let settings =
        Shape::new(vec![Member::new("hours", Type::Int), Member::new("factor", Type::Decimal(3)).nullable()]);
    Scope::new()
        .root("record", Arc::new(record))
        .root("user", Arc::new(user))
        .root("settings", Arc::new(settings))
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn record() -> Vec<Value> {
    vec![
        Value::text("open"),
        Value::text("上海 Acme Ltd"),
        Value::Decimal(Decimal::new(123_450, 2)),
        Value::Int(7),
        Value::Float(0.5),
        Value::Bool(true),
        Value::Bool(false),
        Value::Date(date("2026-03-01")),
        Value::DateTime(instant("2026-02-28T17:30:00Z")),
        Value::Null,
        Value::Duration(5_400_000),
        Value::Id(OWNER),
        Value::list([Value::text("hot"), Value::text("vip")]),
        Value::Geo(GeoPoint { lat: 31.2304, lon: 121.4737 }),
        Value::Json(Arc::new(serde_json::json!({"a": 1}))),
        Value::text("31/0115"),
        Value::Null,
        Value::Int(3),
    ]
}

/// Gives a closure the context of the shared record, at noon of 2026-03-02 in Shanghai.
pub(crate) fn with_context<T>(record: &[Value], use_it: impl FnOnce(&Context<'_>) -> T) -> T {
    let user = [
        Value::Id(OWNER),
        Value::text("李明"),
        Value::list([Value::Id(OWNER), Value::Id(Uuid::nil())]),
        Value::Geo(GeoPoint { lat: 39.9042, lon: 116.4074 }),
    ];
    let settings = [Value::Int(72), Value::Decimal(Decimal::new(850, 3))];
    let now = instant("2026-03-02T04:00:00.123456Z");
    use_it(&Context {
        now,
        tz: chrono_tz::Asia::Shanghai,
        roots: &[record, &user, &settings],
        functions: None,
    })
}

pub(crate) fn compile(source: &str) -> Expression {
    Expression::compile(source, &scope()).unwrap_or_else(|findings| panic!("{source}: {findings:#?}"))
}

/// The value of an expression on the shared record, with its type.
pub(crate) fn value(source: &str) -> String {
    let expression = compile(source);
    match with_context(&record(), |cx| expression.eval(cx)) {
        Ok(Value::Null) => format!("null: {}", expression.ty()),
        Ok(value) => format!("{value}: {}", expression.ty()),
        Err(error) => format!("{} {error}", error.code()),
    }
}
