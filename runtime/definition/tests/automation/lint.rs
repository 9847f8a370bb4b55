//! What the linter finds in the shop when somebody makes it worse.

use expect_test::{Expect, expect};
use mortise_definition::model::system;
use mortise_definition::{Means, bypasses};
use serde_json::{Value, json};

use super::{Files, check, compiled, model, put, said, shop};

/// What is said of the shop with several changes.
#[track_caller]
fn check_all(changes: &[(&str, &str, Value)], expected: Expect) {
    let mut files = shop();
    changes.iter().for_each(|(file, pointer, value)| put(&mut files, file, pointer, value.clone()));
    expected.assert_eq(&findings(&files));
}

fn findings(files: &Files) -> String {
    match compiled(files) {
        Ok((_, warnings)) => said(&warnings),
        Err(problems) => said(&problems),
    }
}

const CLOCK: &str = "slas/answer.json";
const LIFECYCLE: &str = "lifecycles/ticket.json";
const TABLE: &str = "decisions/time.json";
const POLICY: &str = "assignments/ticket.json";
const TECHNICIAN: &str = "roles/technician.json";
const CHIEF: &str = "roles/chief.json";

#[test]
fn a_clock_that_people_can_stop_by_hand_is_named_with_every_way() {
    // A field that is open to the role, on a form and through the API.
    check(
        TECHNICIAN,
        "/permissions/0/fields/answered_at",
        json!("write"),
        expect![[r#"
        warning shop/slas/answer.json#/stop: People with shop.technician can bring “stop” about by setting answered_at by hand, through the API. [lint.clock_bypass]
          Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
    "#]],
    );
    // A state that somebody may set without saying why.
    check(
        LIFECYCLE,
        "/transitions/1/requires",
        json!([]),
        expect![[r#"
        warning shop/slas/answer.json#/pause: People with shop.chief, shop.technician can bring “pause” about with wait, which asks for nothing. [lint.clock_bypass_transition]
          Give the transition a guard or required fields, or leave it to rules (roles: []).
    "#]],
    );
    // What every save changes.
    check(
        CLOCK,
        "/stop",
        json!("record.updated_at != previous.updated_at"),
        expect![[r#"
        warning shop/slas/answer.json#/stop: Every save changes updated_at, so anything that is saved counts, whatever it is. [lint.clock_touched]
          Read a field that only a real action changes, such as the number of related records.
    "#]],
    );
    // What child records say is evidence, and an event of the record.
    check(CLOCK, "/stop", json!("record.visits > 0"), expect![[""]]);
    // Two things of which one can be done by hand and the other not.
    check(
        CLOCK,
        "/stop",
        json!("record.answered_at != null || record.reviewer != null"),
        expect![[r#"
        warning shop/slas/answer.json#/stop: People with shop.chief, shop.technician can bring “stop” about by setting reviewer by hand, through the API. [lint.clock_bypass]
          Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
    "#]],
    );
    check(CLOCK, "/stop", json!("record.answered_at != null && record.reviewer != null"), expect![[""]]);
}

#[test]
fn ways_around_a_clock_are_listed_role_by_role() {
    let mut files = shop();
    put(
        &mut files,
        TECHNICIAN,
        "/permissions/0/fields",
        json!({"grade": "read", "limit": "read", "reason": "read"}),
    );
    put(&mut files, TECHNICIAN, "/permissions/0/operations", json!(["read", "create", "update", "import"]));
    let form =
        json!({"id": "desk", "entity": "ticket", "label": "Desk", "sections": [{"fields": ["answered_at"]}]});
    files.insert("forms/desk.json".to_owned(), form);
    let model = model(&files);
    let found = bypasses(&model, &model.automation.slas["shop.answer"]);
    let ticket = model.entity("shop.ticket").unwrap();
    let answered = ticket.field("answered_at").unwrap().slot;
    let fields = |condition: &str| {
        let of = found.iter().filter(|one| one.condition == condition);
        of.map(|one| (one.role.as_str(), &one.means)).collect::<Vec<_>>()
    };
    let by_form = Means::Field { slot: answered, forms: vec!["shop.desk".to_owned()], import: true };
    assert_eq!(fields("stop"), [("shop.technician", &by_form)]);
    let by_owner = Means::Field { slot: system::OWNER, forms: vec![], import: true };
    assert_eq!(fields("reset"), [("shop.technician", &by_owner)]);
}

#[test]
fn a_limit_that_people_can_put_off_for_ever_is_found() {
    check_all(
        &[
            (CLOCK, "/limit_by", json!(null)),
            (CLOCK, "/limit", json!("coalesce(record.limit, hours(4))")),
            (TECHNICIAN, "/permissions/0/fields/limit", json!("write")),
        ],
        expect![[r#"
            warning shop/slas/answer.json#/limit: People with shop.technician can put off the limit as far as they like with limit. [lint.clock_stretch]
              Give the field a largest value or “valid_when”, or close it to these roles.
        "#]],
    );
    check(
        "app.json",
        "/settings/answer_hours/max",
        json!(null),
        expect![[r#"
        warning shop/slas/answer.json#/limit_by: The setting answer_hours has no largest value, so the limit has none either. [lint.clock_setting]
          Add “max” to the setting.
    "#]],
    );
    check(CLOCK, "/from", json!("record.answered_at"), expect![""]);
}

#[test]
fn a_clock_that_never_stops_or_stands_still_for_ever_is_found() {
    check(
        CLOCK,
        "/stop",
        json!("1 > 2"),
        expect![[r#"
        error shop/slas/answer.json#/stop: The clock never stops, because “stop” never holds. [lint.clock_never_stops]
          Name what ends the waiting, such as record.answered_at != null.
    "#]],
    );
    check(
        CLOCK,
        "/stop",
        json!("true"),
        expect![[r#"
        error shop/slas/answer.json#/stop: The clock stops as soon as it starts, because “stop” always holds. [lint.clock_stops_at_once]
          Name what ends the waiting, such as record.answered_at != null.
    "#]],
    );
    check(
        CLOCK,
        "/start",
        json!("false"),
        expect![[r#"
        error shop/slas/answer.json#/start: The clock never starts, because “start” never holds. [lint.clock_never_starts]
    "#]],
    );
    check(
        CLOCK,
        "/stop",
        json!("record.answered_at != null && record.answered_at < now() - days(1)"),
        expect![[r#"
            warning shop/slas/answer.json#/stop: The condition uses now() or today(), but is only asked when the record changes. [lint.clock_time]
              Use a step of the ladder for what happens when time has passed.
        "#]],
    );
    check_all(
        &[
            (CLOCK, "/stop", json!("record.signed_at != null")),
            (
                "entities/ticket.json",
                "/fields/-",
                json!({"id": "signed_at", "label": "Signed at", "type": "datetime"}),
            ),
            (TECHNICIAN, "/permissions/0/fields/signed_at", json!("read")),
            (CHIEF, "/permissions/0/fields/signed_at", json!("read")),
        ],
        expect![[r#"
            warning shop/slas/answer.json#/stop: Nothing ever fills signed_at, so the clock never stops. [lint.clock_unset]
              Let a rule, a transition or a role fill it, or read another field.
        "#]],
    );
    check(
        CLOCK,
        "/stop",
        json!("record.status == 'waiting' && record.status == 'done'"),
        expect![[r#"
        warning shop/slas/answer.json#/stop: “stop” holds in no state that a record can reach, so the clock never stops. [lint.clock_unreachable]
          Add a transition into such a state, or correct the condition.
    "#]],
    );
    check_all(
        &[
            (CLOCK, "/stop", json!("record.status == 'done'")),
            (LIFECYCLE, "/transitions/2/from", json!(["dropped"])),
            (LIFECYCLE, "/transitions/4/from", json!(["new", "open"])),
        ],
        expect![[r#"
            warning shop/slas/answer.json#/pause: The clock stands still in “waiting”, which nothing leaves. [lint.clock_stuck]
              Let it be cancelled there, or add a transition.
        "#]],
    );
    check(
        CLOCK,
        "/ladder",
        json!([]),
        expect![[r#"
        warning shop/slas/answer.json#/ladder: Nothing happens when the time is over, because the ladder is empty. [lint.clock_without_steps]
          Add steps, or keep the clock for figures only and accept this.
    "#]],
    );
    check(
        CLOCK,
        "/ladder/0/base",
        json!("start"),
        expect![[r#"
        error shop/slas/answer.json#/ladder/0/offset: The step lies before the start of the clock. [lint.step_before_start]
          Use an offset without a minus, or base: due.
    "#]],
    );
    check(
        "notifications/overdue.json",
        "/to",
        json!(["previous_owner"]),
        expect![[r#"
        warning shop/slas/answer.json#/ladder/0/do/0: A step of a clock has no previous owner, so that nobody is told. [lint.step_previous]
          Tell owner or supervisor.
    "#]],
    );
}

#[test]
fn states_and_transitions_that_lead_nowhere_are_found() {
    check(
        LIFECYCLE,
        "/transitions/1/to",
        json!("open"),
        expect![[r#"
        warning shop/lifecycles/ticket.json#/transitions: No transition leads to “waiting”. [lint.state_unreachable]
          Add a transition, or remove the choice (retired: true keeps it for old records).
    "#]],
    );
    check(
        CHIEF,
        "/permissions/0/operations",
        json!(["read"]),
        expect![[r#"
        warning shop/lifecycles/ticket.json#/transitions/4/roles: No role that may take “drop” may change the record. [lint.transition_forbidden]
          Add “update” to the permission of a role.
    "#]],
    );
    check(
        "rules/nightly.json",
        "/do/0/transition",
        json!("drop"),
        expect![[r#"
        warning shop/lifecycles/ticket.json#/transitions/2/roles: “go_on” is left to rules, but none takes it. [lint.transition_unused]
          Name roles, or add a rule with an action of type transition.
    "#]],
    );
    check_all(
        &[
            (CHIEF, "/permissions/0/operations", json!(["read"])),
            (LIFECYCLE, "/transitions/0/roles", json!(["chief"])),
        ],
        expect![[r#"
            warning shop/lifecycles/ticket.json#/transitions: Nobody can take a record out of “new”. [lint.state_no_exit]
              Give a role that may change the record one of the transitions.
            warning shop/lifecycles/ticket.json#/transitions/0/roles: No role that may take “take” may change the record. [lint.transition_forbidden]
              Add “update” to the permission of a role.
            warning shop/lifecycles/ticket.json#/transitions/4/roles: No role that may take “drop” may change the record. [lint.transition_forbidden]
              Add “update” to the permission of a role.
        "#]],
    );
}

#[test]
fn rules_that_undo_each_other_or_never_end_are_found() {
    let rule = |id: &str, on: Value, condition: Option<&str>, actions: Value| {
        let mut rule = json!({"id": id, "label": id, "entity": "visit", "on": [on], "do": actions});
        if let Some(condition) = condition {
            rule["condition"] = condition.into();
        }
        rule
    };
    let changed = |field: &str| json!({"type": "changed", "fields": [field]});
    let set = |field: &str, value: &str| json!([{"type": "set", "values": {field: value}}]);
    let check_rules = |rules: &[Value], expected: Expect| {
        let mut files = shop();
        for rule in rules {
            files.insert(format!("rules/{}.json", rule["id"].as_str().unwrap()), rule.clone());
        }
        expected.assert_eq(&findings(&files));
    };
    // Each sets what the other takes back.
    let open = rule("open", changed("open"), None, set("open", "true"));
    let close = rule("shut", changed("open"), None, set("open", "false"));
    check_rules(
        &[open.clone(), close],
        expect![[r#"
        error shop/rules/open.json: The rules undo each other again and again: shop.open → shop.shut → shop.open. [lint.rules_undo]
          Let their conditions exclude each other, or name the fields that set them off.
        warning shop/rules/shut.json#/do: This rule and shop.open are set off by the same event and give open different values; the later one wins. [lint.rules_contradict]
          Let their conditions exclude each other.
    "#]],
    );
    // The same with conditions that exclude each other is a switch, and rests.
    let titled = rule("titled", changed("title"), Some("record.title == 'a'"), set("open", "true"));
    let untitled = rule("untitled", changed("title"), Some("record.title == 'b'"), set("open", "false"));
    check_rules(&[titled, untitled], expect![[""]]);
    // One rule alone comes to rest: the second time nothing changes.
    check_rules(&[open], expect![[""]]);
    // Counting does not.
    let count = rule("count", changed("title"), None, set("title", "record.title + '!'"));
    check_rules(
        &[count],
        expect![[r#"
        error shop/rules/count.json: The rules set each other off without end, since a value changes each time: shop.count → shop.count. [lint.rules_loop]
          Add a condition that no longer holds the second time, or name the fields that set the rule off.
    "#]],
    );
    let limited = rule(
        "limited",
        changed("title"),
        Some("size(record.title) < 10"),
        set("title", "record.title + '!'"),
    );
    check_rules(
        &[limited],
        expect![[r#"
        warning shop/rules/limited.json: The rules set each other off without end, since a value changes each time: shop.limited → shop.limited. [lint.rules_loop]
          Add a condition that no longer holds the second time, or name the fields that set the rule off.
    "#]],
    );
    // Neither does making records of records.
    let create =
        json!([{"type": "create", "entity": "visit", "values": {"title": "'Again'", "open": "false"}}]);
    let again = rule("again", json!({"type": "created"}), None, create.clone());
    check_rules(
        &[again],
        expect![[r#"
        error shop/rules/again.json: The rules make records without end: shop.again → shop.again. [lint.rules_loop]
          Add a condition that no longer holds the second time, or name the fields that set the rule off.
    "#]],
    );
    // What is made does not meet the condition here.
    let once = rule("once", json!({"type": "created"}), Some("record.open == true"), create);
    check_rules(&[once], expect![[""]]);
    check_rules(
        &[rule("idle", changed("open"), Some("false"), set("title", "'x'"))],
        expect![[r#"
        warning shop/rules/idle.json#/condition: The condition never holds. [lint.rule_never]
    "#]],
    );
}

#[test]
fn rules_that_people_can_escape_or_that_take_rights_for_ever_are_found() {
    check_all(
        &[
            ("rules/nightly.json", "/on/0/where", json!("record.status == 'waiting' && record.city == null")),
            (LIFECYCLE, "/transitions/4/requires", json!([])),
        ],
        expect![[r#"
            warning shop/slas/answer.json#/cancel: People with shop.chief can bring “cancel” about with drop, which asks for nothing. [lint.clock_bypass_transition]
              Give the transition a guard or required fields, or leave it to rules (roles: []).
            warning shop/rules/nightly.json#/on/0/where: People with shop.chief, shop.technician can take a record out of this rule by changing city, status by hand. [lint.rule_bypass]
              Close the fields to these roles, or use a clock whose conditions are evidence.
        "#]],
    );
    check(
        "rules/nightly.json",
        "/on",
        json!([]),
        expect![[r#"
        warning shop/rules/nightly.json: Nothing sets the rule off, and no other rule runs it. [lint.rule_idle]
          Add “on”, or run it from another rule.
    "#]],
    );
    check("rules/nightly.json", "/on/0", json!({"type": "changed", "fields": ["visits"]}), expect![[""]]);
    check_all(
        &[(
            "rules/visit.json",
            "/do/3",
            json!({"type": "freeze", "person": "record.owner", "reason": "Enough"}),
        )],
        expect![[r#"
            warning shop/rules/visit.json#/do/3: The rights are taken away for ever: no time is named, and no rule lifts it. [lint.freeze_forever]
              Add “for”, such as days(7), or a rule with unfreeze.
        "#]],
    );
    let other = json!({"id": "assign", "label": "Assign", "entity": "ticket", "on": [{"type": "created"}],
        "do": [{"type": "add", "field": "lists", "value": "watch"}, {"type": "set", "values": {"grade": "'A'"}}]});
    let mut files = shop();
    files.insert("rules/assign.json".to_owned(), other);
    put(&mut files, "rules/on_new.json", "/do/1", json!({"type": "set", "values": {"grade": "'B'"}}));
    expect![[r#"
        warning shop/rules/on_new.json#/do: This rule and shop.assign are set off by the same event and give grade different values; the later one wins. [lint.rules_contradict]
          Let their conditions exclude each other.
    "#]].assert_eq(&findings(&files));
}

#[test]
fn tables_with_gaps_overlaps_and_idle_rows_are_found() {
    check(
        TABLE,
        "/rows/2",
        json!({"when": ["'B'", "-"], "then": ["hours(24)", "null"]}),
        expect![[r#"
        warning shop/decisions/time.json#/rows: For 11 combinations no row fits: grade: 'A', value: < 0.00; grade: 'A', value: 0.00; grade: 'A', value: (0.00..1000.00); …. [lint.decision_gap]
          Add rows, or a last row with - for everything else.
    "#]],
    );
    check(
        TABLE,
        "/rows/2",
        json!({"when": ["null", "(0..2000)"], "then": ["hours(24)", "null"]}),
        expect![[r#"
            warning shop/decisions/time.json#/rows: For 17 combinations no row fits: grade: 'A', value: < 0.00; grade: 'A', value: 0.00; grade: 'A', value: (0.00..1000.00); …. [lint.decision_gap]
              Add rows, or a last row with - for everything else.
        "#]],
    );
    check(
        TABLE,
        "/hit",
        json!("unique"),
        expect![[r#"
        warning shop/decisions/time.json#/rows/2: Rows 1 and 3 fit together. [lint.decision_overlap]
          Make the tests exclude each other, or use the hit policy first.
        warning shop/decisions/time.json#/rows/2: Rows 2 and 3 fit together. [lint.decision_overlap]
          Make the tests exclude each other, or use the hit policy first.
    "#]],
    );
    check(
        TABLE,
        "/rows/0/when",
        json!(["-", "-"]),
        expect![[r#"
        warning shop/decisions/time.json#/rows/1: Row 2 never comes to count. [lint.decision_row_idle]
          Rows before it take everything that fits; move it up, or remove it.
        warning shop/decisions/time.json#/rows/2: Row 3 never comes to count. [lint.decision_row_idle]
          Rows before it take everything that fits; move it up, or remove it.
    "#]],
    );
    check_all(
        &[
            (TABLE, "/inputs/1", json!({"id": "visits", "label": "Visits", "value": "record.visits"})),
            (
                TABLE,
                "/rows",
                json!([{"when": ["-", "0"], "then": ["hours(1)", "null"]}, {"when": ["-", "[2..5]"], "then": ["hours(1)", "null"]}]),
            ),
        ],
        expect![[r#"
            warning shop/decisions/time.json#/rows: For 8 combinations no row fits: grade: 'A', visits: (0..2); grade: 'A', visits: > 5; grade: 'B', visits: (0..2); …. [lint.decision_gap]
              Add rows, or a last row with - for everything else.
        "#]],
    );
}

#[test]
fn assignments_that_hang_on_an_empty_field_are_found() {
    check(
        POLICY,
        "/filters/0/condition",
        json!("profile.city == record.city"),
        expect![[r#"
        warning shop/assignments/ticket.json#/filters/0/condition: The filter “same_city” depends on city, which may be empty; then all records go to people whose own value is empty. [lint.assignment_empty]
          Begin with record.x == null || …, and add a fallback without the filter.
    "#]],
    );
    check_all(
        &[
            (POLICY, "/filters/0/condition", json!("record.city in measures.cities")),
            (POLICY, "/fallbacks/0/without", json!(["knows"])),
        ],
        expect![[r#"
            warning shop/assignments/ticket.json#/filters/0/condition: The filter “same_city” depends on city, which may be empty, and no fallback goes on without it. [lint.assignment_empty]
              Begin with record.x == null || …, and add a fallback without the filter.
        "#]],
    );
    check(
        POLICY,
        "/terms/0/missing",
        json!(null),
        expect![[r#"
        warning shop/assignments/ticket.json#/terms/0/score: The term “share” has no value where measures.share is empty, and counts as 0 then. [lint.assignment_term_empty]
          Add “missing” with the score that is fair then.
    "#]],
    );
    check(
        POLICY,
        "/capacity",
        json!(null),
        expect![[r#"
        warning shop/assignments/ticket.json: Nobody's load is limited, so one person can get everything. [lint.assignment_no_capacity]
          Add “capacity” with per_day or open.
    "#]],
    );
    check(
        POLICY,
        "/capacity/per_day",
        json!("profile.daily"),
        expect![[r#"
        warning shop/assignments/ticket.json#/capacity/per_day: This number may be empty, and then there is no limit for that person. [lint.assignment_capacity_empty]
          Say what counts then: coalesce(profile.x, 10).
    "#]],
    );
    check(
        POLICY,
        "/terms",
        json!([]),
        expect![[r#"
        warning shop/assignments/ticket.json: Nothing speaks for a candidate; who waited longest is chosen. [lint.assignment_no_terms]
          Add “terms”, or accept this.
    "#]],
    );
}

#[test]
fn what_the_authors_accept_is_no_warning() {
    let mut files = shop();
    put(&mut files, CLOCK, "/ladder", json!([]));
    let accept = |code: &str| json!([{"code": code, "file": "slas/answer.json", "pointer": "/ladder", "note": "Figures only"}]);
    put(&mut files, "app.json", "/accepted", accept("lint.clock_without_steps"));
    assert_eq!(findings(&files), "");
    put(&mut files, "app.json", "/accepted", accept("lint.clock_time"));
    expect![[r#"
        warning shop/slas/answer.json#/ladder: Nothing happens when the time is over, because the ladder is empty. [lint.clock_without_steps]
          Add steps, or keep the clock for figures only and accept this.
        warning shop/app.json#/accepted/0: “lint.clock_time” in slas/answer.json is accepted, but is not found there any more. [lint.accepted_unused]
          Remove it from “accepted”.
    "#]].assert_eq(&findings(&files));
}
