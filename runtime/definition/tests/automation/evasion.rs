//! Ways around clocks and rules that are less plain than a field on a form: two fields compared, what transitions set
//! along the way, the conditions of steps, the trash.

use expect_test::{Expect, expect};
use mortise_definition::{Means, bypasses, rule_bypasses};
use serde_json::json;

use super::{check, model, put, shop};

const CLOCK: &str = "slas/answer.json";
const LIFECYCLE: &str = "lifecycles/ticket.json";

#[track_caller]
fn check_stop(condition: &str, expected: Expect) {
    check(CLOCK, "/stop", json!(condition), expected);
}

#[test]
fn of_two_fields_that_are_compared_one_that_people_write_is_enough() {
    check_stop("record.answered_at != null && record.owner == record.created_by", expect![[""]]);
    check_stop(
        "record.reviewer == record.owner",
        expect![[r#"
        warning shop/slas/answer.json#/stop: People with shop.chief, shop.technician can bring “stop” about by setting reviewer by hand, through the API. [lint.clock_bypass]
          Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
    "#]],
    );
    check_stop(
        "record.grade == record.city",
        expect![[r#"
        warning shop/slas/answer.json#/stop: People with shop.chief, shop.technician can bring “stop” about by setting city by hand, through the API. [lint.clock_bypass]
          Close the fields to these roles (“fields” of the permission: read) and let a rule fill them from what really happened.
    "#]],
    );
}

#[test]
fn a_transition_that_asks_for_nothing_and_sets_the_field_is_a_way() {
    let mut files = shop();
    put(&mut files, LIFECYCLE, "/transitions/0/set", json!({"answered_at": "now()"}));
    let model = model(&files);
    let found = bypasses(&model, &model.automation.slas["shop.answer"]);
    let stop: Vec<_> = found.iter().filter(|one| one.condition == "stop").collect();
    assert!(
        stop.iter()
            .any(|one| one.means == Means::Transition { id: "take".into() } && one.role == "shop.technician"),
        "{stop:?}"
    );
}

#[test]
fn a_step_that_people_can_make_pass_over_is_named() {
    check(
        CLOCK,
        "/ladder/1/condition",
        json!("record.city == null"),
        expect![[r#"
        warning shop/slas/answer.json#/ladder/1/condition: People with shop.chief, shop.technician can make this step pass over by changing city by hand. [lint.step_bypass]
          Close the fields to these roles, or let the condition ask for evidence.
    "#]],
    );
    // What is evidence passes over by what really happened.
    check(CLOCK, "/ladder/1/condition", json!("record.answered_at == null"), expect![[""]]);
}

#[test]
fn throwing_a_record_away_is_listed_among_the_ways_and_no_warning() {
    let mut files = shop();
    let operations = json!(["read", "create", "update", "delete"]);
    put(&mut files, "roles/technician.json", "/permissions/0/operations", operations);
    let model = model(&files);
    let deletes = |found: Vec<mortise_definition::Bypass>| {
        found
            .iter()
            .filter(|one| one.means == Means::Delete)
            .map(|one| (one.condition, one.role.clone()))
            .collect::<Vec<_>>()
    };
    let automation = &model.automation;
    let expected = |condition| vec![(condition, "shop.technician".to_owned())];
    assert_eq!(deletes(bypasses(&model, &automation.slas["shop.answer"])), expected("cancel"));
    assert_eq!(deletes(rule_bypasses(&model, &automation.rules["shop.nightly"])), expected("where"));
}
