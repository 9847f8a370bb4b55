//! Slips in assignment policies: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

const POLICY: &str = "assignments/ticket.json";

#[test]
fn assignments() {
    check(
        POLICY,
        "/field",
        json!("title"),
        expect![[r#"
        error shop/assignments/ticket.json#/field: The field “title” does not hold a person. [automation.not_person]
          Name a field of type user, or owner.
    "#]],
    );
    check(
        POLICY,
        "/pool/roles",
        json!([]),
        expect![[r#"
        error shop/assignments/ticket.json#/pool/roles: No role is named, so nobody can be chosen. [assignment.no_roles]
    "#]],
    );
    check(
        POLICY,
        "/pool/profile/person",
        json!("owner"),
        expect![[r#"
        error shop/assignments/ticket.json#/pool/profile/person: The field “owner” is not unique, so a person could have two profiles. [assignment.profile_unique]
          Add "unique": true to the field.
    "#]],
    );
    check(
        POLICY,
        "/pool/profile",
        json!(null),
        expect![[r#"
        error shop/assignments/ticket.json#/filters/0/condition:32: there is no `city` in `profile`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/capacity/per_day:18: there is no `daily` in `profile`; check the spelling, or put texts in quotation marks [expr.unknown_name]
    "#]],
    );
    check(
        POLICY,
        "/measures/share/metric",
        json!("answer_time"),
        expect![[r#"
        error shop/assignments/ticket.json#/measures/share/person: The metric shop.answer_time is not broken down by “owner”. [ref.dimension]
        error shop/assignments/ticket.json#/measures/share/where/city: The metric shop.answer_time is not broken down by “city”. [ref.dimension]
    "#]],
    );
    check(
        POLICY,
        "/measures/cities/top/by",
        json!("owner"),
        expect![[r#"
        error shop/assignments/ticket.json#/measures/cities/top/by: The values of “owner” are not texts. [assignment.top]
          Use a choice, a region or another text.
    "#]],
    );
    check(
        POLICY,
        "/measures/share/where",
        json!({"grade": "'A'"}),
        expect![[r#"
        error shop/assignments/ticket.json#/measures/share/where/grade: The metric shop.solved_share is not broken down by “grade”. [ref.dimension]
    "#]],
    );
    check(
        POLICY,
        "/capacity/per_day",
        json!("profile.city"),
        expect![[r#"
        error shop/assignments/ticket.json#/capacity/per_day:1: the expression gives text, but int is needed here [expr.type]
    "#]],
    );
    check(
        POLICY,
        "/capacity/open_when",
        json!(null),
        expect![[r#"
        error shop/assignments/ticket.json#/capacity: It is not said which records are open. [assignment.no_open_when]
          Add “open_when”, such as record.status == 'open'.
    "#]],
    );
    check(
        POLICY,
        "/terms/0/score",
        json!("record.city == profile.city"),
        expect![[r#"
        error shop/assignments/ticket.json#/terms/0/score: A number is needed here, but the expression gives bool. [automation.not_number]
          Choose between numbers with a condition: … ? 1 : 0.
    "#]],
    );
    check(
        POLICY,
        "/terms/0/weight",
        json!("candidate.open"),
        expect![[r#"
        error shop/assignments/ticket.json#/terms/0/weight:1: there is no `candidate`; check the spelling, or put texts in quotation marks [expr.unknown_name]
    "#]],
    );
    check(
        POLICY,
        "/fallbacks/0/without",
        json!(["same_town"]),
        expect![[r#"
        error shop/assignments/ticket.json#/fallbacks/0/without/0: The policy has no filter “same_town”. [ref.filter]
    "#]],
    );
    check(
        POLICY,
        "/fallbacks/0/without",
        json!([]),
        expect![[r#"
        error shop/assignments/ticket.json#/fallbacks/0: The fallback changes nothing. [assignment.empty_fallback]
          Add “without” with filters to leave out, or another “pool”.
    "#]],
    );
    check(
        POLICY,
        "/claim",
        json!("record.title.trim() == ''"),
        expect![[r#"
        error shop/assignments/ticket.json#/claim:14: `trim` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that [expr.sql]
    "#]],
    );
}
