//! Slips in figures of rules and notifications, in tables of ranges, in offers, and in who gets a new record.

use expect_test::expect;
use serde_json::json;

use super::{check, compiled, put, said, shop};

const RULE: &str = "rules/on_new.json";
const VISIT: &str = "rules/visit.json";
const WORDS: &str = "notifications/overdue.json";
const POLICY: &str = "assignments/ticket.json";
const FORM: &str = "connectors/form.json";

#[test]
fn figures_tables_and_offers() {
    check(
        RULE,
        "/measures",
        json!({
            "many": {"metric": "tickets", "where": {"city": "record.city", "colour": "'red'"}},
            "Late": {"metric": "tickts"},
            "share": {"metric": "solved_share", "where": {"owner": "record.title"}}
        }),
        expect![[r#"
            error shop/rules/on_new.json#/measures/many/where/colour: The metric shop.tickets is not broken down by “colour”. [ref.dimension]
            error shop/rules/on_new.json#/measures/Late: “Late” cannot be a name: use lower-case letters, digits and underscores, starting with a letter. [name.form]
            error shop/rules/on_new.json#/measures/Late/metric: There is no metric “tickts”. Did you mean “tickets”? [ref.metric]
            error shop/rules/on_new.json#/measures/share/where/owner:1: the expression gives text, but id is needed here [expr.type]
        "#]],
    );
    let mut files = shop();
    put(&mut files, RULE, "/measures", json!({"share": {"metric": "solved_share"}}));
    put(&mut files, RULE, "/condition", json!("measures.share < 0.5 && measures.shares > 1"));
    expect![[r#"
        error shop/rules/on_new.json#/condition:34: there is no `shares` in `measures`; did you mean `share`? [expr.unknown_name]
    "#]].assert_eq(&said(&compiled(&files).unwrap_err()));
    put(&mut files, RULE, "/condition", json!("measures.share < 0.5"));
    expect![[r#"
        warning shop/rules/on_new.json#/condition: Where nothing was counted, share is empty, and this condition does not hold. [lint.measure_empty]
          Say what counts then: measures.x != null && …, or coalesce(measures.x, 0).
    "#]].assert_eq(&said(&compiled(&files).unwrap().1));
    put(&mut files, RULE, "/condition", json!("measures.share != null && measures.share < 0.5"));
    expect![[""]].assert_eq(&said(&compiled(&files).unwrap().1));
    check(
        WORDS,
        "/body",
        json!("{{ measures.many }}"),
        expect![[r#"
        error shop/notifications/overdue.json#/body: There is no “many” in “measures”. [template.unknown_member]
    "#]],
    );
    check(
        VISIT,
        "/do/0/owner",
        json!({"role": "chief"}),
        expect![[r#"
        error shop/rules/visit.json#/do/0/owner: A new record belongs to one person, not to a role. [action.owner_role]
          Use “supervisor”, “owner”, {"field": …} or {"supervisor_of": …}.
    "#]],
    );
    check(
        VISIT,
        "/do/0/owner",
        json!({"supervisor_of": "city"}),
        expect![[r#"
        error shop/rules/visit.json#/do/0/owner/supervisor_of: The field “city” does not hold a person. [automation.not_person]
          Name a field of type user, or owner.
    "#]],
    );
    let look_up = json!({"type": "look_up", "entity": "profile", "value": "record.value", "first": "daily",
        "last": "citi", "values": {"reviewer": "city", "city": "city", "visits": "city"}});
    check(
        VISIT,
        "/do/0",
        look_up,
        expect![[r#"
        error shop/rules/visit.json#/do/0/value:1: the expression gives decimal(2), but text is needed here; use string(…) [expr.type]
        error shop/rules/visit.json#/do/0/first: “daily” is of type int; ranges begin and end with texts. [action.bound]
          Use a text field, or one that is calculated as text.
        error shop/rules/visit.json#/do/0/last: The entity shop.profile has no field “citi”. Did you mean “city”? [ref.field]
        error shop/rules/visit.json#/do/0/values/reviewer: “reviewer” cannot take the values of “city”: they are of different kinds. [action.unlike]
          Use a field of the same kind.
        error shop/rules/visit.json#/do/0/values/visits: The field “visits” cannot be given a value. [action.not_writable]
    "#]],
    );
    let offer = json!({"count": 11, "for": "5", "notification": "overdu"});
    check(
        POLICY,
        "/offer",
        offer,
        expect![[r#"
        error assignments/ticket.json#/offer/count: 11 is too large; the largest value allowed is 10. [schema.too_large]
    "#]],
    );
    let offer = json!({"count": 2, "for": "5", "when": "record.value > 3", "notification": "overdu"});
    check(
        POLICY,
        "/offer",
        offer,
        expect![[r#"
        error shop/assignments/ticket.json#/offer/for:1: the expression gives int, but duration is needed here [expr.type]
        error shop/assignments/ticket.json#/offer/notification: There is no notification “overdu”. Did you mean “overdue”? [ref.notification]
        warning shop/assignments/ticket.json#/offer/when:1: “value” may be empty, and then the whole condition does not hold. [expr.maybe_empty]
          Say what is meant then: record.value == null || …, or coalesce(record.value, …).
    "#]],
    );
    check(
        FORM,
        "/receive/map/0/from",
        json!(["/name", "@ipp", "name"]),
        expect![[r#"
        error shop/connectors/form.json#/receive/map/0/from/1: A call has no “@ipp”. Did you mean “@ip”? [connector.circumstance]
          There are: @ip, @user_agent, @received_at, @device.
        error shop/connectors/form.json#/receive/map/0/from/2: “name” is not a JSON pointer. [connector.pointer]
          Write the keys with / in front of each, such as /contact/phone.
    "#]],
    );
}
