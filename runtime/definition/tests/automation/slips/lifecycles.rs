//! Slips in lifecycles: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

const LIFECYCLE: &str = "lifecycles/ticket.json";

#[test]
fn lifecycles() {
    check(
        LIFECYCLE,
        "/field",
        json!("title"),
        expect![[r#"
            error shop/lifecycles/ticket.json#/field: “title” cannot hold states. [lifecycle.field]
              Name a field of type choice; its choices are the states.
        "#]],
    );
    check(
        LIFECYCLE,
        "/field",
        json!("state"),
        expect![[r#"
            error shop/lifecycles/ticket.json#/field: The entity shop.ticket has no field “state”. Did you mean “status”? [ref.field]
        "#]],
    );
    check(
        LIFECYCLE,
        "/initial",
        json!("fresh"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/initial: There is no state “fresh”. [lifecycle.state_unknown]
          States are the choices of the lifecycle's field.
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/0/to",
        json!("opened"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/0/to: There is no state “opened”. Did you mean “open”? [lifecycle.state_unknown]
          States are the choices of the lifecycle's field.
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/0/from",
        json!([]),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/0/from: It is not said in which states the transition can be taken. [lifecycle.no_from]
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/0/roles/0",
        json!("technican"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/0/roles/0: There is no role “technican”. Did you mean “technician”? [ref.role]
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/0/id",
        json!("wait"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/1/id: “wait” is there twice. [automation.twice]
          Remove one, or give it another id.
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/0/message",
        json!("No"),
        expect![[r#"
            warning shop/lifecycles/ticket.json#/transitions/0/message: The message is never shown, because there is no guard. [lifecycle.message_unused]
        "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/1/requires/0",
        json!("visits"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/1/requires/0: “visits” cannot be asked for with a transition. [lifecycle.requires]
          Name a field that people fill in, and not the state itself.
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/1/requires/0",
        json!("status"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/1/requires/0: “status” cannot be asked for with a transition. [lifecycle.requires]
          Name a field that people fill in, and not the state itself.
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/3/guard",
        json!("record.visits"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/3/guard:1: the expression gives int, but bool is needed here; compare it with something [expr.type]
    "#]],
    );
    check(
        LIFECYCLE,
        "/transitions/3/set",
        json!({"status": "'new'"}),
        expect![[r#"
        error shop/lifecycles/ticket.json#/transitions/3/set/status: “status” holds the state of the record and changes by transition only. [action.state]
          Use an action of type transition.
    "#]],
    );
    check(
        "entities/ticket.json",
        "/fields/3/default",
        json!("'open'"),
        expect![[r#"
        error shop/lifecycles/ticket.json#/initial: The field “status” has the default “open”, but new records begin as “new”. [lifecycle.default]
          Remove the default.
    "#]],
    );
}
