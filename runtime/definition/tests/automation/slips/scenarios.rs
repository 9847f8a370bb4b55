//! Slips in scenarios: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

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
