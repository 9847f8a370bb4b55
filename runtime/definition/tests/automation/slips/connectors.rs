//! Slips in connectors: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

const FORM: &str = "connectors/form.json";

#[test]
fn connectors() {
    check(
        FORM,
        "/receive",
        json!(null),
        expect![[r#"
        error shop/connectors/form.json: It is not said what becomes of a call. [connector.no_receive]
          Add “receive”.
    "#]],
    );
    check(
        "connectors/group.json",
        "/receive",
        json!({"entity": "visit", "map": []}),
        expect![[r#"
        error shop/connectors/group.json#/receive: Only connectors of kind inbound receive anything. [connector.receive_unused]
    "#]],
    );
    check(
        FORM,
        "/receive/map/0",
        json!({"field": "visits", "from": "subject"}),
        expect![[r#"
        error shop/connectors/form.json#/receive/map/0/from: “subject” is not a JSON pointer. [connector.pointer]
          Write the keys with / in front of each, such as /contact/phone.
        error shop/connectors/form.json#/receive/map/0/field: The field “visits” cannot be given a value. [action.not_writable]
    "#]],
    );
    check(
        FORM,
        "/receive/map/1",
        json!({"field": "title", "from": "@ip_address"}),
        expect![[r#"
        error shop/connectors/form.json#/receive/map/1/from: A call has no “@ip_address”. [connector.circumstance]
          There are: @ip, @user_agent, @received_at, @device.
        error shop/connectors/form.json#/receive/map/1/field: “title” is there twice. [automation.twice]
          Remove one, or give it another id.
        error shop/connectors/form.json#/receive/attach/match/0: “email_text” gets no value from the call, so nothing can be found by it. [connector.match_unmapped]
          Add it to “map”.
    "#]],
    );
    check(
        FORM,
        "/receive/map/3",
        json!({"field": "status", "default": "done"}),
        expect![[r#"
        error shop/connectors/form.json#/receive/map/3/field: “status” holds the state of the record and changes by transition only. [action.state]
          Use an action of type transition.
    "#]],
    );
    check(
        FORM,
        "/receive/map/3",
        json!({"field": "grade"}),
        expect![[r#"
        error shop/connectors/form.json#/receive/map/3: It is not said where the value comes from. [connector.no_value]
          Add “from” with a JSON pointer, or “default”.
    "#]],
    );
    check(
        FORM,
        "/receive/attach/match",
        json!(["reviewer"]),
        expect![[r#"
        error shop/connectors/form.json#/receive/attach/match/0: “reviewer” gets no value from the call, so nothing can be found by it. [connector.match_unmapped]
          Add it to “map”.
    "#]],
    );
    check(
        FORM,
        "/receive/attach/map",
        json!([{"field": "ticket", "from": "/id"}]),
        expect![[r#"
        error shop/connectors/form.json#/receive/attach/map: “ticket” is filled with the record that was found. [connector.via_mapped]
          Remove it from “map”.
        error shop/connectors/form.json#/receive/attach/map: The new record has no value for the required field “title”. [action.required]
    "#]],
    );
    check(
        FORM,
        "/receive/attach/via",
        json!("title"),
        expect![[r#"
        error shop/connectors/form.json#/receive/attach/via: The field “title” of shop.visit does not refer to shop.ticket. [field.via]
          Name a reference field that points to this entity.
    "#]],
    );
}
