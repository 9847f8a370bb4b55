//! Slips in clocks: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

const CLOCK: &str = "slas/answer.json";

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
