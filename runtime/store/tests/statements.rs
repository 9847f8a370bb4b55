//! The statements of lists in both dialects, as text.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::model::{Model, system};
use mortise_definition::{Package, compile};
use mortise_expr::{Dialect, Value};
use mortise_store::select::{Select, column};
use mortise_store::{Layout, Naming};
use sea_query::{Expr, ExprTrait};
use serde_json::json;
use uuid::Uuid;

fn model() -> Arc<Model> {
    let words = |en: &str| json!({"en": en, "zh-CN": en});
    let app = json!({"id": "desk", "version": "1.0.0", "label": words("Desk")});
    let thing = json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": [
        {"id": "name", "type": "text", "label": words("Name"), "search": true},
        {"id": "size", "type": "integer", "label": words("Size")},
        {"id": "order", "type": "boolean", "label": words("Order")}
    ], "indexes": [{"fields": ["owner", "size", "id"]}]});
    let files = [("app.json", app), ("entities/thing.json", thing)]
        .map(|(name, json)| (name.to_owned(), json.to_string()));
    let package =
        Package::from_files(BTreeMap::from(files)).unwrap_or_else(|problems| panic!("{problems:#?}"));
    compile(&[Arc::new(package)], &[], &BTreeMap::new())
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
        .model
}

const NAME: usize = system::FIRST;
const SIZE: usize = system::FIRST + 1;

/// Both dialects of a list's statements, with their parameters.
fn check(make: impl Fn(&Model) -> Select<'_>, expected: &Expect) {
    let model = model();
    let mut told = String::new();
    for naming in [
        Naming { dialect: Dialect::Sqlite, schema: None },
        Naming { dialect: Dialect::Postgres, schema: Some("t_acme".to_owned()) },
    ] {
        let layout = Layout::new(&naming, &model);
        let select = make(&model);
        let (sql, params) = select.records(&layout);
        told.push_str(&format!("{sql}\n  {params:?}\n"));
        for (sql, params) in select.counts(&layout, 100) {
            told.push_str(&format!("{sql}\n  {params:?}\n"));
        }
    }
    expected.assert_eq(&told);
}

fn all(model: &Model) -> Select<'_> {
    Select {
        entity: &model.entities[0],
        slots: &[system::ID, NAME, SIZE],
        branches: Vec::new(),
        conditions: Vec::new(),
        search: None,
        sort: &[(SIZE, false), (system::ID, false)],
        after: None,
        limit: 51,
        trash: false,
    }
}

#[test]
fn a_plain_list() {
    check(
        all,
        &expect![[r#"
        SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL ORDER BY "size" ASC, "id" ASC LIMIT ?
          [BigUnsigned(Some(51))]
        SELECT count(*) FROM (SELECT ? FROM "desk__thing" WHERE "deleted_at" IS NULL LIMIT ?) AS "counted"
          [Int(Some(1)), BigUnsigned(Some(100))]
        SELECT "id", "name", "size" FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL ORDER BY "size" ASC NULLS FIRST, "id" ASC NULLS FIRST LIMIT $1
          [BigUnsigned(Some(51))]
        SELECT count(*) FROM (SELECT $1 FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL LIMIT $2) AS "counted"
          [Int(Some(1)), BigUnsigned(Some(100))]
    "#]],
    );
}

#[test]
fn conditions_with_or_keep_to_themselves() {
    check(
        |model| {
            let entity = &model.entities[0];
            let either = column(entity, SIZE).eq(1).or(column(entity, NAME).eq("x"));
            let empty = column(entity, SIZE).is_null().or(column(entity, NAME).is_null());
            Select { conditions: vec![either, empty, Expr::cust("1 = 0")], ..all(model) }
        },
        &expect![[r#"
            SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND ("size" = ? OR "name" = ?) AND ("size" IS NULL OR "name" IS NULL) AND (1 = 0) ORDER BY "size" ASC, "id" ASC LIMIT ?
              [Int(Some(1)), String(Some("x")), BigUnsigned(Some(51))]
            SELECT count(*) FROM (SELECT ? FROM "desk__thing" WHERE "deleted_at" IS NULL AND ("size" = ? OR "name" = ?) AND ("size" IS NULL OR "name" IS NULL) AND (1 = 0) LIMIT ?) AS "counted"
              [Int(Some(1)), Int(Some(1)), String(Some("x")), BigUnsigned(Some(100))]
            SELECT "id", "name", "size" FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL AND ("size" = $1 OR "name" = $2) AND ("size" IS NULL OR "name" IS NULL) AND (1 = 0) ORDER BY "size" ASC NULLS FIRST, "id" ASC NULLS FIRST LIMIT $3
              [Int(Some(1)), String(Some("x")), BigUnsigned(Some(51))]
            SELECT count(*) FROM (SELECT $1 FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL AND ("size" = $2 OR "name" = $3) AND ("size" IS NULL OR "name" IS NULL) AND (1 = 0) LIMIT $4) AS "counted"
              [Int(Some(1)), Int(Some(1)), String(Some("x")), BigUnsigned(Some(100))]
        "#]],
    );
}

#[test]
fn cases_of_a_scope_become_branches() {
    check(
        |model| {
            let entity = &model.entities[0];
            let owner = || column(entity, system::OWNER);
            Select { branches: vec![owner().eq(Uuid::from_u128(7)), owner().is_null()], ..all(model) }
        },
        &expect![[r#"
            SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND "owner" = ? UNION ALL SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND "owner" IS NULL ORDER BY "size" ASC, "id" ASC LIMIT ?
              [Uuid(Some(00000000-0000-0000-0000-000000000007)), BigUnsigned(Some(51))]
            SELECT count(*) FROM (SELECT ? FROM "desk__thing" WHERE "deleted_at" IS NULL AND "owner" = ? LIMIT ?) AS "counted"
              [Int(Some(1)), Uuid(Some(00000000-0000-0000-0000-000000000007)), BigUnsigned(Some(100))]
            SELECT count(*) FROM (SELECT ? FROM "desk__thing" WHERE "deleted_at" IS NULL AND "owner" IS NULL LIMIT ?) AS "counted"
              [Int(Some(1)), BigUnsigned(Some(100))]
            SELECT * FROM (SELECT "id", "name", "size" FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL AND "owner" = $1 ORDER BY "size" ASC NULLS FIRST, "id" ASC NULLS FIRST LIMIT $2) AS "branch" UNION ALL (SELECT * FROM (SELECT "id", "name", "size" FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL AND "owner" IS NULL ORDER BY "size" ASC NULLS FIRST, "id" ASC NULLS FIRST LIMIT $3) AS "branch") ORDER BY "size" ASC NULLS FIRST, "id" ASC NULLS FIRST LIMIT $4
              [Uuid(Some(00000000-0000-0000-0000-000000000007)), BigUnsigned(Some(51)), BigUnsigned(Some(51)), BigUnsigned(Some(51))]
            SELECT count(*) FROM (SELECT $1 FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL AND "owner" = $2 LIMIT $3) AS "counted"
              [Int(Some(1)), Uuid(Some(00000000-0000-0000-0000-000000000007)), BigUnsigned(Some(100))]
            SELECT count(*) FROM (SELECT $1 FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NULL AND "owner" IS NULL LIMIT $2) AS "counted"
              [Int(Some(1)), BigUnsigned(Some(100))]
        "#]],
    );
}

#[test]
fn a_page_behind_a_record_in_every_direction_with_and_without_nulls() {
    let id = Value::Id(Uuid::from_u128(7));
    for (sort, after, expected) in [
        (
            [(SIZE, false), (system::ID, false)],
            vec![Value::Int(5), id.clone()],
            expect![[
                r#"SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND "size" >= ? AND ("size" > ? OR ("size" = ? AND "id" > ?)) ORDER BY "size" ASC, "id" ASC LIMIT ?"#
            ]],
        ),
        (
            [(SIZE, true), (system::ID, true)],
            vec![Value::Int(5), id.clone()],
            expect![[
                r#"SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND ("size" < ? OR "size" IS NULL OR ("size" = ? AND "id" < ?)) ORDER BY "size" DESC, "id" DESC LIMIT ?"#
            ]],
        ),
        (
            [(SIZE, false), (system::ID, false)],
            vec![Value::Null, id.clone()],
            expect![[
                r#"SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND ("size" IS NOT NULL OR ("size" IS NULL AND "id" > ?)) ORDER BY "size" ASC, "id" ASC LIMIT ?"#
            ]],
        ),
        (
            [(SIZE, true), (system::ID, true)],
            vec![Value::Null, id.clone()],
            expect![[
                r#"SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND ("size" IS NULL AND "id" < ?) ORDER BY "size" DESC, "id" DESC LIMIT ?"#
            ]],
        ),
        (
            [(system::CREATED_AT, true), (system::ID, true)],
            vec![Value::DateTime(chrono::DateTime::UNIX_EPOCH), id],
            expect![[
                r#"SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NULL AND "created_at" <= ? AND ("created_at" < ? OR ("created_at" = ? AND "id" < ?)) ORDER BY "created_at" DESC, "id" DESC LIMIT ?"#
            ]],
        ),
    ] {
        let model = model();
        let naming = Naming { dialect: Dialect::Sqlite, schema: None };
        let select = Select { sort: &sort, after: Some(&after), ..all(&model) };
        expected.assert_eq(&select.records(&Layout::new(&naming, &model)).0);
    }
}

#[test]
fn a_search_in_the_trash() {
    check(
        |model| Select { search: Some("张三 acme"), trash: true, ..all(model) },
        &expect![[r#"
        SELECT "id", "name", "size" FROM "desk__thing" WHERE "deleted_at" IS NOT NULL AND (_rid IN (SELECT rowid FROM "desk__thing__search" WHERE "desk__thing__search" MATCH ?)) ORDER BY "size" ASC, "id" ASC LIMIT ?
          [String(Some("\"张三\" AND \"acme\"*")), BigUnsigned(Some(51))]
        SELECT count(*) FROM (SELECT ? FROM "desk__thing" WHERE "deleted_at" IS NOT NULL AND (_rid IN (SELECT rowid FROM "desk__thing__search" WHERE "desk__thing__search" MATCH ?)) LIMIT ?) AS "counted"
          [Int(Some(1)), String(Some("\"张三\" AND \"acme\"*")), BigUnsigned(Some(100))]
        SELECT "id", "name", "size" FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NOT NULL AND (_search @@ $1::tsquery) ORDER BY "size" ASC NULLS FIRST, "id" ASC NULLS FIRST LIMIT $2
          [String(Some("'张三' & 'acme':*")), BigUnsigned(Some(51))]
        SELECT count(*) FROM (SELECT $1 FROM "t_acme"."desk__thing" WHERE "deleted_at" IS NOT NULL AND (_search @@ $2::tsquery) LIMIT $3) AS "counted"
          [Int(Some(1)), String(Some("'张三' & 'acme':*")), BigUnsigned(Some(100))]
    "#]],
    );
    let nothing = model();
    let naming = Naming { dialect: Dialect::Sqlite, schema: None };
    let (sql, _) = Select { search: Some("?!"), ..all(&nothing) }.records(&Layout::new(&naming, &nothing));
    assert!(sql.contains("1 = 0"), "{sql}");
}

#[test]
fn hostile_names_stay_names() {
    let naming =
        Naming { dialect: Dialect::Postgres, schema: Some("t\"; DROP SCHEMA public; --".to_owned()) };
    assert_eq!(naming.table("a\"b"), "\"t\"\"; DROP SCHEMA public; --\".\"a\"\"b\"");
}
