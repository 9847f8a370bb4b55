//! Slips in rules and their actions: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

const RULE: &str = "rules/on_new.json";
const VISIT: &str = "rules/visit.json";
const POLICY: &str = "assignments/ticket.json";

#[test]
fn rules() {
    check(
        RULE,
        "/entity",
        json!("tickets"),
        expect![[r#"
        error shop/rules/on_new.json#/entity: There is no entity “tickets”. Did you mean “ticket”? [ref.entity]
    "#]],
    );
    check(
        RULE,
        "/on/1/fields/0",
        json!("town"),
        expect![[r#"
        error shop/rules/on_new.json#/on/1/fields/0: The entity shop.ticket has no field “town”. [ref.field]
    "#]],
    );
    check(
        RULE,
        "/on/0",
        json!({"type": "transition", "transition": "grab"}),
        expect![[r#"
        error shop/rules/on_new.json#/on/0/transition: The lifecycle shop.ticket has no transition “grab”. [ref.transition]
    "#]],
    );
    check(
        RULE,
        "/condition",
        json!("record.status == 'nwe' && previous.status == 'fresh'"),
        expect![[r#"
        error shop/rules/on_new.json#/condition:1: “nwe” is not one of the choices of “status”, so this never holds. Did you mean “new”? [expr.unknown_choice]
        error shop/rules/on_new.json#/condition:27: “fresh” is not one of the choices of “status”, so this never holds. [expr.unknown_choice]
    "#]],
    );
    check(
        RULE,
        "/condition",
        json!("record.value > 5"),
        expect![[r#"
            warning shop/rules/on_new.json#/condition:1: “value” may be empty, and then the whole condition does not hold. [expr.maybe_empty]
              Say what is meant then: record.value == null || …, or coalesce(record.value, …).
        "#]],
    );
    check(
        RULE,
        "/condition",
        json!("candidate.open > 5"),
        expect![[r#"
        error shop/rules/on_new.json#/condition:1: there is no `candidate`; check the spelling, or put texts in quotation marks [expr.unknown_name]
    "#]],
    );
    check(
        RULE,
        "/do",
        json!([]),
        expect![[r#"
        error shop/rules/on_new.json#/do: The rule does nothing. [rule.no_actions]
          Add an action, or remove the rule.
    "#]],
    );
    check(
        "rules/nightly.json",
        "/on/0/cron",
        json!("0 2 * *"),
        expect![[r#"
            error shop/rules/nightly.json#/on/0/cron: “0 2 * *” is not a cron line: Invalid pattern: Pattern must have 5 fields when seconds are disallowed. [rule.cron]
              Write minute, hour, day of month, month and day of week, such as 0 9 * * 1-5.
        "#]],
    );
    check(
        "rules/nightly.json",
        "/on/0/cron",
        json!("0 2 30 2 *"),
        expect![[r#"
        error shop/rules/nightly.json#/on/0/cron: The time “0 2 30 2 *” never comes. [rule.cron_never]
    "#]],
    );
    check(
        "rules/nightly.json",
        "/on/0/cron",
        json!("0 0 2 * * 1-5"),
        expect![[r#"
            error shop/rules/nightly.json#/on/0/cron: “0 0 2 * * 1-5” is not a cron line: Invalid pattern: Pattern must have 5 fields when seconds are disallowed. [rule.cron]
              Write minute, hour, day of month, month and day of week, such as 0 9 * * 1-5.
        "#]],
    );
    check(
        "rules/nightly.json",
        "/on/0/time_zone",
        json!("Asia/Shangai"),
        expect![[r#"
        error shop/rules/nightly.json#/on/0/time_zone: There is no time zone “Asia/Shangai”. Did you mean “Asia/Shanghai”? [automation.time_zone]
          Use an IANA name such as Asia/Shanghai.
    "#]],
    );
    check(
        "rules/nightly.json",
        "/on/0/where",
        json!("record.title.matches('a+')"),
        expect![[r#"
        error shop/rules/nightly.json#/on/0/where:14: `matches` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that [expr.sql]
    "#]],
    );
}

#[test]
fn actions() {
    check(
        RULE,
        "/do/0/decision",
        json!("times"),
        expect![[r#"
        error shop/rules/on_new.json#/do/0/decision: There is no decision table “times”. Did you mean “time”? [ref.decision]
    "#]],
    );
    check(
        RULE,
        "/do/0/values",
        json!({"limit": "limits", "title": "list", "value": "limit", "status": "list"}),
        expect![[r#"
            error shop/rules/on_new.json#/do/0/values/limit: The decision table time has no output “limits”. Did you mean “limit”? [ref.output]
            error shop/rules/on_new.json#/do/0/values/value: The decision gives duration, but the field “value” holds decimal(2). [action.output_type]
            error shop/rules/on_new.json#/do/0/values/status: “status” holds the state of the record and changes by transition only. [action.state]
              Use an action of type transition.
        "#]],
    );
    check(
        RULE,
        "/do/1/value",
        json!("wach"),
        expect![[r#"
        error shop/rules/on_new.json#/do/1/value: “wach” is not one of the choices of “lists”. Did you mean “watch”? [action.choice]
    "#]],
    );
    check(
        RULE,
        "/do/1/field",
        json!("title"),
        expect![[r#"
        error shop/rules/on_new.json#/do/1/field: “title” is not a field of choices. [action.not_list]
          Name a field of type choices.
    "#]],
    );
    check(
        RULE,
        "/do/2/rule",
        json!("visits"),
        expect![[r#"
        error shop/rules/on_new.json#/do/2/rule: There is no rule “visits”. Did you mean “visit”? [ref.rule]
    "#]],
    );
    check(
        VISIT,
        "/do/0/values",
        json!({"open": "1"}),
        expect![[r#"
        error shop/rules/visit.json#/do/0/values/open:1: the expression gives int, but bool is needed here; compare it with something [expr.type]
        error shop/rules/visit.json#/do/0/values: The new record has no value for the required field “title”. [action.required]
    "#]],
    );
    check(
        VISIT,
        "/do/0/values/title",
        json!("null"),
        expect![[r#"
        error shop/rules/visit.json#/do/0/values/title: The field “title” is required and cannot be emptied. [action.empties_required]
    "#]],
    );
    check(
        VISIT,
        "/do/1/via",
        json!("title"),
        expect![[r#"
        error shop/rules/visit.json#/do/1/via: The field “title” of shop.visit does not refer to shop.ticket. [field.via]
          Name a reference field that points to this entity.
    "#]],
    );
    check(
        VISIT,
        "/do/1/values",
        json!({"id": "record.id", "title": "null"}),
        expect![[r#"
        error shop/rules/visit.json#/do/1/values/id: The field “id” cannot be given a value. [action.not_writable]
        error shop/rules/visit.json#/do/1/values/title: The field “title” is required and cannot be emptied. [action.empties_required]
    "#]],
    );
    check(
        VISIT,
        "/do/2/text",
        json!("Planned by {{ who.name }} {% if %}"),
        expect![[r#"
        error shop/rules/visit.json#/do/2/text: The template cannot be read in line 1: unexpected end of block. [template.syntax]
    "#]],
    );
    check(
        VISIT,
        "/do/3",
        json!({"type": "set", "values": {"status": "'done'", "visits": "1", "grade": "'D'"}}),
        expect![[r#"
            error shop/rules/visit.json#/do/3/values/status: “status” holds the state of the record and changes by transition only. [action.state]
              Use an action of type transition.
            error shop/rules/visit.json#/do/3/values/visits: The field “visits” cannot be given a value. [action.not_writable]
            error shop/rules/visit.json#/do/3/values/grade: “D” is not one of the choices of “grade”. [action.choice]
        "#]],
    );
    check(
        VISIT,
        "/do/3",
        json!({"type": "transition", "transition": "finsh"}),
        expect![[r#"
        error shop/rules/visit.json#/do/3/transition: The lifecycle shop.ticket has no transition “finsh”. Did you mean “finish”? [ref.transition]
    "#]],
    );
    check(
        "rules/nightly.json",
        "/do/0",
        json!({"type": "freeze", "person": "record.title", "for": "7", "reason": "x"}),
        expect![[r#"
            error shop/rules/nightly.json#/do/0/for:1: the expression gives int, but duration is needed here [expr.type]
            error shop/rules/nightly.json#/do/0/person:1: the expression gives text, but id is needed here [expr.type]
        "#]],
    );
    check(
        "rules/assign.json",
        "/do/1/connector",
        json!("form"),
        expect![[r#"
        error shop/rules/assign.json#/do/1/connector: The connector “form” is of another kind than is needed here. [connector.kind]
          Messages go to dingtalk, wecom, feishu or webhook, calls to webhook; what is inbound sends nothing.
    "#]],
    );
    check(
        POLICY,
        "/entity",
        json!("visit"),
        expect![[r#"
        error shop/assignments/ticket.json#/measures/share/where/city:8: there is no `city` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/filters/0/condition:8: there is no `city` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/filters/0/condition:47: there is no `city` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/filters/1/condition:8: there is no `city` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/filters/1/condition:58: there is no `city` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/capacity/open_when:8: there is no `status` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/fallbacks/1/when:8: there is no `value` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/assignments/ticket.json#/claim:8: there is no `status` in `record`; check the spelling, or put texts in quotation marks [expr.unknown_name]
        error shop/rules/assign.json#/do/0/policy: This is about records of shop.visit; here it would have to be about shop.ticket. [automation.other_entity]
    "#]],
    );
}
