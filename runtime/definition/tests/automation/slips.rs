//! Apps whose automation is wrong in one way each: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use super::check;

const LIFECYCLE: &str = "lifecycles/ticket.json";
const RULE: &str = "rules/on_new.json";
const VISIT: &str = "rules/visit.json";
const CLOCK: &str = "slas/answer.json";
const TABLE: &str = "decisions/time.json";
const WORDS: &str = "notifications/overdue.json";
const POLICY: &str = "assignments/ticket.json";
const FORM: &str = "connectors/form.json";

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

#[test]
fn clocks() {
    check(
        CLOCK,
        "/stop",
        json!("record.answered"),
        expect![[r#"
        error shop/slas/answer.json#/stop:8: there is no `answered` in `record`; did you mean `answered_at`? [expr.unknown_name]
    "#]],
    );
    check(
        CLOCK,
        "/limit",
        json!("hours(3)"),
        expect![[r#"
        error shop/slas/answer.json#/limit_by: The clock has two limits. [sla.two_limits]
          Keep either “limit” or “limit_by”.
    "#]],
    );
    check(
        CLOCK,
        "/limit_by",
        json!(null),
        expect![[r#"
        error shop/slas/answer.json: The clock has no limit. [sla.no_limit]
          Add “limit”, such as hours(72), or “limit_by” with a decision table.
    "#]],
    );
    check(
        CLOCK,
        "/limit_by/output",
        json!("list"),
        expect![[r#"
        error shop/slas/answer.json#/limit_by/output: The output “list” gives text, but a limit is a duration. [sla.limit_type]
    "#]],
    );
    check(
        CLOCK,
        "/calendar",
        json!("offce"),
        expect![[r#"
        error shop/slas/answer.json#/calendar: There is no calendar “offce”. Did you mean “office”? [ref.calendar]
    "#]],
    );
    check(CLOCK, "/pause", json!(null), expect![""]);
    check(
        CLOCK,
        "/from",
        json!("record.title"),
        expect![[r#"
        error shop/slas/answer.json#/from:1: the expression gives text, but datetime is needed here [expr.type]
    "#]],
    );
    check(
        CLOCK,
        "/ladder/0/offset",
        json!("2"),
        expect![[r#"
        error shop/slas/answer.json#/ladder/0/offset:1: the expression gives int, but duration is needed here [expr.type]
    "#]],
    );
    check(
        CLOCK,
        "/ladder/0/id",
        json!("recall"),
        expect![[r#"
        error shop/slas/answer.json#/ladder/1/id: “recall” is there twice. [automation.twice]
          Remove one, or give it another id.
    "#]],
    );
    check(
        CLOCK,
        "/start",
        json!("clock.late"),
        expect![[r#"
        error shop/slas/answer.json#/start:1: there is no `clock`; check the spelling, or put texts in quotation marks [expr.unknown_name]
    "#]],
    );
    check(
        "calendars/office.json",
        "/week",
        json!({}),
        expect![[r#"
        error shop/calendars/office.json#/working_days/0: The working day 2026-10-10 has no hours. [calendar.no_hours]
          Add “hours”, or name with “like” a weekday that has some.
    "#]],
    );
    check(
        "calendars/office.json",
        "/week/monday",
        json!(["09:00-25:00", "13-14"]),
        expect![[r#"
        error shop/calendars/office.json#/week/monday/0: “09:00-25:00” is not an interval. [calendar.interval]
          Write beginning and end, such as 09:00-12:00; a day ends at 24:00.
        error shop/calendars/office.json#/week/monday/1: “13-14” is not an interval. [calendar.interval]
          Write beginning and end, such as 09:00-12:00; a day ends at 24:00.
    "#]],
    );
    check(
        "calendars/office.json",
        "/holidays/0/to",
        json!("2026-09-07"),
        expect![[r#"
        error shop/calendars/office.json#/holidays/0/to: The last day 2026-09-07 lies before the first. [calendar.backwards]
    "#]],
    );
    check(
        "calendars/office.json",
        "/working_days/0",
        json!({"date": "2026-10-02", "like": "sunday"}),
        expect![[r#"
            error shop/calendars/office.json#/working_days/0: The working day 2026-10-02 has no hours. [calendar.no_hours]
              Add “hours”, or name with “like” a weekday that has some.
            error shop/calendars/office.json#/working_days/0/date: The day 2026-10-02 is there already. [calendar.twice]
              A day is either a holiday or a working day, and is named once.
        "#]],
    );
}

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

#[test]
fn notifications() {
    check(
        WORDS,
        "/title",
        json!({"en": "{{ record.titel }}", "zh-CN": "{{ record.title"}),
        expect![[r#"
        error shop/notifications/overdue.json#/title/en: There is no “titel” in “record”. Did you mean “title”? [template.unknown_member]
        error shop/notifications/overdue.json#/title/zh-CN: The template cannot be read in line 1: unexpected end of input, expected end of variable block. [template.syntax]
    "#]],
    );
    check(
        WORDS,
        "/body",
        json!("{{ timeline }} {{ clock.limitt }} {{ settings.hours }}"),
        expect![[r#"
            error shop/notifications/overdue.json#/body: There is no “limitt” in “clock”. Did you mean “limit”? [template.unknown_member]
            error shop/notifications/overdue.json#/body: There is no “hours” in “settings”. [template.unknown_member]
            error shop/notifications/overdue.json#/body: The template uses “timeline”, which is not there. [template.unknown_name]
              It may use: record, previous, clock, link, person, now, settings, measures.
        "#]],
    );
    check(
        WORDS,
        "/to",
        json!([{"field": "title"}, {"role": "boss"}]),
        expect![[r#"
        error shop/notifications/overdue.json#/to/0/field: The field “title” does not hold a person. [automation.not_person]
          Name a field of type user, or owner.
        error shop/notifications/overdue.json#/to/1/role: There is no role “boss”. [ref.role]
    "#]],
    );
    check(
        WORDS,
        "/channels",
        json!(["form", "group", "group"]),
        expect![[r#"
        error shop/notifications/overdue.json#/channels/0: The connector “form” is of another kind than is needed here. [connector.kind]
          Messages go to dingtalk, wecom, feishu or webhook, calls to webhook; what is inbound sends nothing.
        error shop/notifications/overdue.json#/channels/2: “group” is there twice. [automation.twice]
          Remove one, or give it another id.
    "#]],
    );
    check(
        CLOCK,
        "/ladder/0/do/0/notification",
        json!("overdu"),
        expect![[r#"
        error shop/slas/answer.json#/ladder/0/do/0/notification: There is no notification “overdu”. Did you mean “overdue”? [ref.notification]
    "#]],
    );
}

#[test]
fn metrics_and_dashboards() {
    check(
        "metrics/tickets.json",
        "/dimensions",
        json!(["owner", "lists", "reason", "city", "city", "status"]),
        expect![[r#"
            error shop/metrics/tickets.json#/dimensions/1: Nothing can be broken down by “lists”. [metric.dimension]
              Use a field with few different values, such as a choice, a person, a reference or a region.
            error shop/metrics/tickets.json#/dimensions/2: Nothing can be broken down by “reason”. [metric.dimension]
              Use a field with few different values, such as a choice, a person, a reference or a region.
            error shop/metrics/tickets.json#/dimensions/4: “city” is there twice. [automation.twice]
              Remove one, or give it another id.
        "#]],
    );
    check(
        "metrics/tickets.json",
        "/measure",
        json!({"type": "sum", "value": "record.title"}),
        expect![[r#"
        error shop/metrics/tickets.json#/measure/value: Values of type text cannot be measured; a number or a duration is needed. [metric.value]
          Count records, or subtract two moments.
    "#]],
    );
    check(
        "metrics/tickets.json",
        "/measure",
        json!({"type": "sum", "value": "round(record.value)"}),
        expect![[r#"
            error shop/metrics/tickets.json#/measure/value:1: `round` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that [expr.sql]
        "#]],
    );
    check(
        "metrics/tickets.json",
        "/dimensions",
        json!(["owner", "status"]),
        expect![[r#"
        error shop/metrics/solved_share.json#/measure/to: The ratio is broken down by “city”, but “tickets” is not. [metric.ratio_dimension]
          Add the dimension there, or remove it here.
        error shop/assignments/ticket.json#/measures/cities/top/by: The metric shop.tickets is not broken down by “city”. [ref.dimension]
    "#]],
    );
    check(
        "metrics/solved_share.json",
        "/measure/of",
        json!("solved_share"),
        expect![[r#"
        error shop/metrics/solved_share.json#/measure/of: “solved_share” is a ratio itself. [metric.ratio_of_ratio]
          Name metrics that count or sum.
    "#]],
    );
    check(
        "metrics/solved_share.json",
        "/filter",
        json!("true"),
        expect![[r#"
        error shop/metrics/solved_share.json#/measure: A ratio has no “filter” of its own. [metric.ratio_part]
          Put it into the two metrics.
    "#]],
    );
    check(
        "metrics/solved_share.json",
        "/target",
        json!("record.value"),
        expect![[r#"
        error shop/metrics/solved_share.json#/target: A target cannot read record.value: it is the same for everybody. [metric.target]
          Use settings and numbers.
    "#]],
    );
    check(
        "metrics/answer_time.json",
        "/time",
        json!("title"),
        expect![[r#"
        error shop/metrics/answer_time.json#/time: “title” is neither a day nor a moment. [metric.time]
    "#]],
    );
    check(
        "metrics/answer_time.json",
        "/amber",
        json!(8),
        expect![[r#"
        error shop/metrics/answer_time.json#/amber: The share has to be 0 to 1. [metric.amber]
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/0/by",
        json!("city"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/0/by: A card of this kind is not broken down. [dashboard.by_unused]
          Remove “by”, or choose bar, leaderboard or table.
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/2/by",
        json!("city"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/2/by: A funnel goes by the order of choices. [dashboard.funnel]
          Name a dimension of type choice.
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/3/by",
        json!(null),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/3: It is not said by what the figures are broken down. [dashboard.no_by]
          Add “by” with a dimension of the metric.
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/3/by",
        json!("grade"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/3/by: The metric shop.solved is not broken down by “grade”. [ref.dimension]
    "#]],
    );
    check(
        "dashboards/desk.json",
        "/cards/0/per",
        json!("day"),
        expect![[r#"
        error shop/dashboards/desk.json#/cards/0/per: Only a line has steps of time. [dashboard.per_unused]
    "#]],
    );
}

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

#[test]
fn scenarios() {
    let steps = |steps: serde_json::Value, expected| check("scenarios/first.json", "/steps", steps, expected);
    steps(
        json!([
            {"type": "create", "by": "bob", "entity": "tickets", "as": "first", "values": {}},
            {"type": "create", "by": "ann", "entity": "ticket", "as": "many", "times": 2, "values": {"titel": "a"}},
            {"type": "transition", "record": "$many2", "transition": "tak"},
            {"type": "update", "record": "$many3", "values": {}},
            {"type": "update", "record": "many1", "values": {}},
            {"type": "claim", "by": "ann", "record": "$many1", "policy": "tickets"},
            {"type": "receive", "connector": "group", "body": {}, "as": "called"},
            {"type": "advance", "by": "a day"}
        ]),
        expect![[r#"
            error shop/scenarios/first.json#/steps/0/by: Nobody of this scenario has the login “bob”. [scenario.person]
            error shop/scenarios/first.json#/steps/0/entity: There is no entity “tickets”. Did you mean “ticket”? [ref.entity]
            error shop/scenarios/first.json#/steps/1/values/titel: The entity shop.ticket has no field “titel”. Did you mean “title”? [ref.field]
            error shop/scenarios/first.json#/steps/2/transition: The lifecycle shop.ticket has no transition “tak”. Did you mean “take”? [ref.transition]
            error shop/scenarios/first.json#/steps/3/record: No step before makes a record “$many3”. Did you mean “$many1”? [scenario.record]
              Name it with “as” where it is made, and write $ in front here.
            error shop/scenarios/first.json#/steps/4/record: No step before makes a record “many1”. Did you mean “$many1”? [scenario.record]
              Name it with “as” where it is made, and write $ in front here.
            error shop/scenarios/first.json#/steps/5/policy: There is no assignment policy “tickets”. Did you mean “ticket”? [ref.assignment]
            error shop/scenarios/first.json#/steps/6/connector: The connector “group” is of another kind than is needed here. [connector.kind]
              Messages go to dingtalk, wecom, feishu or webhook, calls to webhook; what is inbound sends nothing.
            error shop/scenarios/first.json#/steps/7/by: “a day” is not a length of time that can pass. [scenario.duration]
              Write it as 25h, 30m, 7d or 1d12h.
        "#]],
    );
    steps(
        json!([
            {"type": "receive", "connector": "form", "body": {}, "as": "called"},
            {"type": "expect", "record": "$called", "values": {"town": "x"}, "that": "record.visits", "frozen": ["bob"]},
            {"type": "expect_count", "entity": "ticket", "where": "record.title.trim() == ''"},
            {"type": "expect_notified", "notification": "overdue", "people": ["eve"], "channels": ["grop"]},
            {"type": "expect_clock", "record": "$called", "sla": "anser", "state": "runing", "due": "tomorrow"},
            {"type": "expect_metric", "metric": "solved", "where": {"grade": "A"}}
        ]),
        expect![[r#"
            error shop/scenarios/first.json#/steps/1/values/town: The entity shop.ticket has no field “town”. [ref.field]
            error shop/scenarios/first.json#/steps/1/that:1: the expression gives int, but bool is needed here; compare it with something [expr.type]
            error shop/scenarios/first.json#/steps/1/frozen/0: Nobody of this scenario has the login “bob”. [scenario.person]
            error shop/scenarios/first.json#/steps/2/where:14: `trim` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that [expr.sql]
            error shop/scenarios/first.json#/steps/3/people/0: Nobody of this scenario has the login “eve”. [scenario.person]
            error shop/scenarios/first.json#/steps/3/channels/0: There is no connector “grop”. Did you mean “group”? [ref.connector]
            error shop/scenarios/first.json#/steps/4/sla: There is no clock “anser”. Did you mean “answer”? [ref.sla]
            error shop/scenarios/first.json#/steps/4/state: A clock is never “runing”. Did you mean “running”? [scenario.clock_state]
              It is one of: running, paused, met, late, cancelled, none.
            error shop/scenarios/first.json#/steps/4/due: “tomorrow” is not a moment. [scenario.moment]
              Write it as 2026-03-02T09:00:00+08:00.
            error shop/scenarios/first.json#/steps/5/where/grade: The metric shop.solved is not broken down by “grade”. [ref.dimension]
        "#]],
    );
    check(
        "scenarios/first.json",
        "/starts",
        json!("2026-03-02 09:00"),
        expect![[r#"
        error shop/scenarios/first.json#/starts: “2026-03-02 09:00” is not a moment. [scenario.moment]
          Write it as 2026-03-02T09:00:00+08:00.
    "#]],
    );
    check(
        "scenarios/first.json",
        "/settings",
        json!({"answer_hours": 5, "answer_days": 5, "shp.answer_hours": 5}),
        expect![[r#"
            error shop/scenarios/first.json#/settings/answer_days: There is no setting “answer_days”. [scenario.setting]
              Write it with its app: app.setting.
            error shop/scenarios/first.json#/settings/shp.answer_hours: There is no setting “shp.answer_hours”. [scenario.setting]
              Write it with its app: app.setting.
        "#]],
    );
    check(
        "scenarios/first.json",
        "/people/ann",
        json!({"roles": ["techncian"], "supervisor": "eve"}),
        expect![[r#"
            error shop/scenarios/first.json#/people/ann/roles/0: There is no role “techncian”. Did you mean “technician”? [ref.role]
            error shop/scenarios/first.json#/people/ann/supervisor: Nobody of this scenario has the login “eve”. [scenario.person]
        "#]],
    );
}
