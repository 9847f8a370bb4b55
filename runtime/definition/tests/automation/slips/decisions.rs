//! Slips in decision tables: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

const TABLE: &str = "decisions/time.json";

#[test]
fn decisions() {
    check(
        TABLE,
        "/rows",
        json!([]),
        expect![[r#"
        error shop/decisions/time.json#/rows: The table has no rows. [decision.no_rows]
    "#]],
    );
    check(
        TABLE,
        "/rows/0/when",
        json!(["'A'"]),
        expect![[r#"
        error shop/decisions/time.json#/rows/0/when: The row has 1 entries; the table needs 2. [decision.width]
    "#]],
    );
    check(
        TABLE,
        "/rows/0/when",
        json!(["'D'", "> many"]),
        expect![[r#"
        error shop/decisions/time.json#/rows/0/when/0: “D” is not one of the choices of “grade”, so the row never fits. [decision.choice]
        error shop/decisions/time.json#/rows/0/when/1: “many” is not a value of type decimal(2), which “value” has. [decision.cell]
          Write -, null, a value, several with commas, >= 5, [1..5) or not(…); texts stand in quotes.
    "#]],
    );
    check(
        TABLE,
        "/rows/0/when",
        json!(["A", "[5..1]"]),
        expect![[r#"
        error shop/decisions/time.json#/rows/0/when/0: Texts stand in quotes: 'A'. [decision.cell]
          Write -, null, a value, several with commas, >= 5, [1..5) or not(…); texts stand in quotes.
        error shop/decisions/time.json#/rows/0/when/1: No value lies in the range “[5..1]”. [decision.cell]
          Write -, null, a value, several with commas, >= 5, [1..5) or not(…); texts stand in quotes.
    "#]],
    );
    check(
        TABLE,
        "/rows/0/then",
        json!(["4", "inputs.grade + inputs.worth"]),
        expect![[r#"
        error shop/decisions/time.json#/rows/0/then/0:1: the expression gives int, but duration is needed here [expr.type]
        error shop/decisions/time.json#/rows/0/then/1:23: there is no `worth` in `inputs`; check the spelling, or put texts in quotation marks [expr.unknown_name]
    "#]],
    );
    check(
        TABLE,
        "/hit",
        json!("sum"),
        expect![[r#"
        error shop/decisions/time.json#/outputs/1/type: “list” cannot be summed up. [decision.sum]
          Use the types integer, decimal or duration, or another hit policy.
    "#]],
    );
    check(
        TABLE,
        "/inputs/0/value",
        json!("record.lists"),
        expect![[r#"
        error shop/decisions/time.json#/inputs/0/value: Values of type list(text) cannot be looked at in a table. [decision.input_type]
    "#]],
    );
    check(
        TABLE,
        "/inputs/1/id",
        json!("grade"),
        expect![[r#"
        error shop/decisions/time.json#/inputs/1/id: “grade” is there twice. [automation.twice]
          Remove one, or give it another id.
    "#]],
    );
}
