//! Slips in notifications: what a person is told, word for word.

use expect_test::expect;
use serde_json::json;

use crate::check;

const CLOCK: &str = "slas/answer.json";
const WORDS: &str = "notifications/overdue.json";

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
