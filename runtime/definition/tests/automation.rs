//! What the compiler makes of what apps do by themselves, and what it says of slips in it.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::model::{ActionKind, LimitModel, Model, RecipientModel, Test, TriggerModel};
use mortise_definition::{Package, Problem, compile};
use serde_json::{Value, json};

type Files = BTreeMap<String, Value>;

/// A repair shop: tickets come in, are given to technicians, and have to be looked at in time.
fn shop() -> Files {
    let text = |id: &str, label: &str| json!({"id": id, "label": label, "type": "text"});
    let choices = |values: &[&str]| {
        values.iter().map(|value| json!({"value": value, "label": value})).collect::<Vec<_>>()
    };
    let permission = |entity: &str, fields: Value| json!({"entity": entity, "operations": ["read", "create", "update"], "fields": fields});
    Files::from([
        (
            "app.json".to_owned(),
            json!({"id": "shop", "version": "1.0.0", "label": "Shop", "settings": {
            "answer_hours": {"type": "integer", "label": "Hours to answer", "default": 72, "min": 1, "max": 240},
            "near_weight": {"type": "decimal", "label": "Weight of nearness", "default": "0.4"}}}),
        ),
        (
            "entities/ticket.json".to_owned(),
            json!({"id": "ticket", "label": "Ticket", "fields": [
            text("title", "Title"), text("city", "City"), text("email_text", "E-mail"),
            {"id": "status", "label": "Status", "type": "choice", "choices": choices(&["new", "open", "waiting", "done", "dropped"])},
            {"id": "grade", "label": "Grade", "type": "choice", "choices": choices(&["A", "B", "C"])},
            {"id": "lists", "label": "Lists", "type": "choices", "choices": choices(&["watch", "late"])},
            {"id": "value", "label": "Value", "type": "money"},
            {"id": "answered_at", "label": "Answered at", "type": "datetime"},
            {"id": "reviewer", "label": "Reviewer", "type": "user"},
            {"id": "limit", "label": "Limit", "type": "duration"},
            {"id": "visits", "label": "Visits", "type": "rollup", "entity": "visit", "via": "ticket", "operation": "count"},
            {"id": "reason", "label": "Reason", "type": "long_text"}]}),
        ),
        (
            "entities/visit.json".to_owned(),
            json!({"id": "visit", "label": "Visit", "fields": [
            {"id": "title", "label": "Title", "type": "text", "required": true},
            {"id": "ticket", "label": "Ticket", "type": "reference", "entity": "ticket"},
            {"id": "open", "label": "Open", "type": "boolean"}]}),
        ),
        (
            "roles/technician.json".to_owned(),
            json!({"id": "technician", "label": "Technician", "permissions": [
            permission("ticket", json!({"grade": "read", "limit": "read", "answered_at": "read"})), permission("visit", json!({}))]}),
        ),
        (
            "roles/chief.json".to_owned(),
            json!({"id": "chief", "label": "Chief", "permissions": [
            {"entity": "ticket", "operations": ["read"]}]}),
        ),
        (
            "lifecycles/ticket.json".to_owned(),
            json!({"id": "ticket", "entity": "ticket", "field": "status", "initial": "new", "transitions": [
            {"id": "take", "label": "Take", "from": ["new"], "to": "open", "roles": ["technician"]},
            {"id": "wait", "label": "Wait", "from": ["open"], "to": "waiting", "requires": ["reason"]},
            {"id": "go_on", "label": "Go on", "from": ["waiting"], "to": "open", "roles": []},
            {"id": "finish", "label": "Finish", "from": ["open"], "to": "done", "guard": "record.visits > 0 && record.answered_at != null",
             "message": "A visit is needed.", "set": {"reason": "'done by ' + user.name"}},
            {"id": "drop", "label": "Drop", "from": ["new", "open", "waiting"], "to": "dropped", "roles": ["chief"]}]}),
        ),
        (
            "decisions/time.json".to_owned(),
            json!({"id": "time", "entity": "ticket", "label": "Time to answer",
            "inputs": [{"id": "grade", "label": "Grade", "value": "record.grade"}, {"id": "value", "label": "Value", "value": "coalesce(record.value, 0.00)"}],
            "outputs": [{"id": "limit", "label": "Limit", "type": "duration"}, {"id": "list", "label": "List", "type": "text"}],
            "rows": [
                {"when": ["'A'", ">= 1000"], "then": ["hours(4)", "'watch'"]},
                {"when": ["not('A', null)", "[0..1000)"], "then": ["hours(settings.answer_hours)", "null"]},
                {"when": ["-", "-"], "then": ["hours(24)", "null"], "note": "Everything else"}]}),
        ),
        (
            "notifications/overdue.json".to_owned(),
            json!({"id": "overdue", "entity": "ticket", "label": "Overdue",
            "title": {"en": "Overdue: {{ record.title }}", "zh-CN": "超时：{{ record.title }}"},
            "body": "{{ person.name }}, {{ record.title }} was due {{ clock.due_at }}. {{ link }}",
            "to": ["owner", "supervisor", {"role": "chief"}, {"field": "reviewer"}], "email": true}),
        ),
        (
            "slas/answer.json".to_owned(),
            json!({"id": "answer", "entity": "ticket", "label": "Answer",
            "start": "record.status == 'new' && record.owner != null", "stop": "record.answered_at != null",
            "cancel": "record.status == 'dropped'", "pause": "record.status == 'waiting'",
            "reset": "record.owner != previous.owner", "limit_by": {"decision": "time", "output": "limit"},
            "ladder": [
                {"id": "remind", "label": "Remind", "offset": "-hours(2)", "do": [{"type": "notify", "notification": "overdue"}]},
                {"id": "recall", "label": "Recall", "offset": "hours(0)", "condition": "record.visits == 0 && !clock.late", "do": [
                    {"type": "freeze", "person": "record.owner", "for": "days(7)", "reason": "Not answered in time"},
                    {"type": "set", "values": {"owner": "null"}},
                    {"type": "report", "name": "Recall {{ now }}", "template": "<h1>{{ record.title }}</h1>{% for entry in timeline %}<p>{{ entry.at }}</p>{% endfor %}"}]}]}),
        ),
        (
            "rules/on_new.json".to_owned(),
            json!({"id": "on_new", "label": "On new", "entity": "ticket", "order": 10,
            "on": [{"type": "created"}, {"type": "changed", "fields": ["city", "value"]}],
            "condition": "record.status == 'new'",
            "do": [
                {"type": "decide", "decision": "time", "values": {"limit": "limit"}},
                {"type": "add", "field": "lists", "value": "watch", "when": "record.value != null && record.value > 1000"},
                {"type": "run", "rule": "visit"}]}),
        ),
        (
            "rules/visit.json".to_owned(),
            json!({"id": "visit", "label": "Plan a visit", "entity": "ticket",
            "do": [
                {"type": "create", "entity": "visit", "values": {"title": "'Visit of ' + record.title", "ticket": "record.id", "open": "true"}},
                {"type": "update_related", "entity": "visit", "via": "ticket", "where": "record.open == true", "values": {"open": "false"}},
                {"type": "comment", "text": "Planned by {{ user.name }}"},
                {"type": "unfreeze"}]}),
        ),
        (
            "rules/nightly.json".to_owned(),
            json!({"id": "nightly", "label": "Nightly", "entity": "ticket", "order": 5,
            "on": [{"type": "schedule", "cron": "0 2 * * 1-5", "time_zone": "Asia/Shanghai", "where": "record.status == 'waiting' && record.updated_at < now() - days(30)"}],
            "do": [{"type": "transition", "transition": "go_on"}]}),
        ),
    ])
}

fn compiled(files: &Files) -> Result<(Model, Vec<Problem>), Vec<Problem>> {
    let files = files.iter().map(|(path, value)| (path.clone(), value.to_string())).collect();
    let compiled = compile(&[Arc::new(Package::from_files(files)?)], &[], &BTreeMap::new())?;
    Ok((compiled.model, compiled.warnings))
}

fn model(files: &Files) -> Model {
    compiled(files).unwrap_or_else(|problems| panic!("{}", said(&problems))).0
}

fn said(problems: &[Problem]) -> String {
    for problem in problems {
        assert!(!problem.message("zh-CN").starts_with("error."), "{problem}");
    }
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// What is said of the shop when one place is another value.
#[track_caller]
fn check(file: &str, pointer: &str, value: Value, expected: Expect) {
    let mut files = shop();
    let place = files.get_mut(file).expect("the file is part of the shop");
    match place.pointer_mut(pointer) {
        Some(found) => *found = value,
        None => {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            place.pointer_mut(parent).unwrap()[key] = value;
        }
    }
    let problems = match compiled(&files) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    expected.assert_eq(&said(&problems));
}

#[test]
fn the_shop_compiles_without_a_word() {
    let (_, warnings) = compiled(&shop()).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    expect![""].assert_eq(&said(&warnings));
}

#[test]
fn names_become_slots_and_keys() {
    let model = model(&shop());
    let ticket = model.entity("shop.ticket").unwrap();
    let automation = &model.automation;
    let own = &automation.by_entity[ticket.index];
    let lifecycle = own.lifecycle.as_ref().unwrap();
    assert_eq!(lifecycle.field, ticket.field("status").unwrap().slot);
    assert_eq!(lifecycle.transition("take").unwrap().roles, Some(vec!["shop.technician".to_owned()]));
    assert_eq!(lifecycle.transition("go_on").unwrap().roles, Some(vec![]));
    assert_eq!(lifecycle.transition("finish").unwrap().roles, None);
    let clock = &own.slas[0];
    assert!(matches!(&clock.limit, LimitModel::Decision { decision, output: 0 } if decision == "shop.time"));
    assert_eq!(clock.ladder.len(), 2);
    // A schedule is nothing that an event sets off, a rule without triggers neither.
    let keys: Vec<&str> = own.rules.iter().map(|rule| rule.key.as_str()).collect();
    assert_eq!(keys, ["shop.on_new"]);
    assert!(matches!(
        automation.rules["shop.nightly"].triggers[0],
        TriggerModel::Schedule { zone: Some(_), .. }
    ));
    let ActionKind::Run { rule } = &automation.rules["shop.on_new"].actions[2].kind else { panic!() };
    assert_eq!(rule, "shop.visit");
    assert_eq!(automation.rules["shop.on_new"].actions[2].pointer, "/do/2");
    let to = &automation.notifications["shop.overdue"].to;
    assert_eq!(
        to[2..],
        [
            RecipientModel::Role("shop.chief".into()),
            RecipientModel::Field(ticket.field("reviewer").unwrap().slot)
        ]
    );
    assert_eq!(automation.decisions["shop.time"].rows[2].tests, [Test::Any, Test::Any]);
}
