//! What the compiler makes of what apps do by themselves, what it says of slips in it, and what the linter finds. The
//! app is a repair shop (`shop/`): tickets come in, are given to technicians, and have to be answered in time.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod anything;
mod evasion;
mod figures;
mod lint;
mod plugins;
mod slips;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::model::{
    ActionKind, LimitModel, MeasureModel, Model, RecipientModel, Test, TriggerModel,
};
use mortise_definition::{Package, Problem, compile};
use serde_json::Value;

type Files = BTreeMap<String, Value>;

/// The shop, which is right.
fn shop() -> Files {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/automation/shop");
    Package::read_folder(&folder).unwrap_or_else(|problems| panic!("{}", said(&problems))).values()
}

fn compiled(files: &Files) -> Result<(Arc<Model>, Vec<Problem>), Vec<Problem>> {
    let files = files.iter().map(|(path, value)| (path.clone(), value.to_string())).collect();
    let compiled = compile(&[Arc::new(Package::from_files(files)?)], &[], &BTreeMap::new())?;
    Ok((compiled.model, compiled.warnings))
}

fn model(files: &Files) -> Arc<Model> {
    compiled(files).unwrap_or_else(|problems| panic!("{}", said(&problems))).0
}

/// In English; every problem has words in Chinese too.
fn said(problems: &[Problem]) -> String {
    for problem in problems {
        let chinese = problem.message("zh-CN");
        let gap = chinese.split('{').skip(1).filter_map(|rest| rest.split_once('}')).any(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        assert!(!chinese.starts_with("error.") && !gap, "{chinese}");
    }
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// Puts a value at a place of a file, in the place of what is there; `null` takes it away.
fn put(files: &mut Files, file: &str, pointer: &str, value: Value) {
    let place = files.get_mut(file).expect("the file is part of the shop");
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer begins with /");
    let parent = place.pointer_mut(parent).expect("the place is there");
    match parent {
        Value::Array(items) => match key.parse::<usize>() {
            Ok(index) => items[index] = value,
            Err(_) => items.push(value),
        },
        Value::Object(map) if value.is_null() => drop(map.shift_remove(key)),
        parent => parent[key] = value,
    }
}

/// What is said of the shop when one place is another value.
#[track_caller]
fn check(file: &str, pointer: &str, value: Value, expected: Expect) {
    let mut files = shop();
    put(&mut files, file, pointer, value);
    let problems = match compiled(&files) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    expected.assert_eq(&said(&problems));
}

#[test]
fn the_shop_compiles_without_a_word() {
    let (_, warnings) = compiled(&shop()).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    let words: Vec<&Problem> = warnings.iter().filter(|problem| problem.code != "text.missing").collect();
    assert!(words.is_empty(), "{words:#?}");
}

#[test]
fn names_become_slots_and_keys() {
    let model = model(&shop());
    let ticket = model.entity("shop.ticket").unwrap();
    let slot = |name: &str| ticket.field(name).unwrap().slot;
    let automation = &model.automation;
    let own = &automation.by_entity[ticket.index];
    let lifecycle = own.lifecycle.as_ref().unwrap();
    assert_eq!(lifecycle.field, slot("status"));
    assert_eq!(lifecycle.transition("take").unwrap().roles, Some(vec!["shop.technician".to_owned()]));
    assert_eq!(lifecycle.transition("go_on").unwrap().roles, Some(vec![]));
    assert_eq!(lifecycle.transition("finish").unwrap().roles, None);
    let clock = &own.slas[0];
    assert!(matches!(&clock.limit, LimitModel::Decision { decision, output: 0 } if decision == "shop.time"));
    assert_eq!((clock.ladder.len(), clock.calendar.as_deref()), (2, Some("shop.office")));
    // A schedule is nothing that an event sets off, and neither is a rule without triggers.
    let keys: Vec<&str> = own.rules.iter().map(|rule| rule.key.as_str()).collect();
    assert_eq!(keys, ["shop.on_new", "shop.assign"]);
    let nightly = &automation.rules["shop.nightly"].triggers[0];
    assert!(matches!(nightly, TriggerModel::Schedule { zone: Some(_), .. }));
    let run = &automation.rules["shop.on_new"].actions[2];
    assert!(matches!(&run.kind, ActionKind::Run { rule } if rule == "shop.visit"));
    assert_eq!(run.pointer, "/do/2");
    let to = &automation.notifications["shop.overdue"].to;
    let expected = [RecipientModel::Role("shop.chief".into()), RecipientModel::Field(slot("reviewer"))];
    assert_eq!(to[2..], expected);
    assert_eq!(automation.decisions["shop.time"].rows[2].tests, [Test::Any, Test::Any]);
    let MeasureModel::Ratio { of, to, .. } = &automation.metrics["shop.solved_share"].measure else {
        panic!()
    };
    assert_eq!((of.as_str(), to.as_str()), ("shop.solved", "shop.tickets"));
    let policy = &automation.assignments["shop.ticket"];
    assert_eq!((policy.fallbacks[0].without.as_slice(), policy.digest.len()), (&[0, 1][..], 64));
    assert!(policy.fallbacks[1].pool.as_ref().unwrap().profile.is_some());
    assert_eq!(automation.connectors["shop.form"].receive.as_ref().unwrap().map.len(), 4);
    let widths: Vec<u8> = automation.dashboards["shop.desk"].cards.iter().map(|card| card.width).collect();
    assert_eq!(widths, [3, 6, 6, 6]);
}

#[test]
fn shapes_of_roots_have_the_slots_that_the_model_names() {
    // Members are read by position when an expression is evaluated.
    let rule = "clock.sla == null && clock.step == null && clock.started_at == null && clock.due_at == null \
                && clock.limit == null && clock.elapsed == null && clock.late == null && previous.owner == null";
    let mut files = shop();
    put(&mut files, "rules/on_new.json", "/condition", rule.into());
    let model = model(&files);
    let condition = model.automation.rules["shop.on_new"].condition.as_ref().unwrap();
    let slots: Vec<(usize, usize)> = condition.references().iter().map(|one| (one.root, one.slot)).collect();
    let mut expected: Vec<(usize, usize)> = (0..7).map(|slot| (4, slot)).collect();
    expected.push((3, mortise_definition::model::system::OWNER));
    assert_eq!(slots, expected);
    let known = "candidate.id != null && candidate.name != '' && candidate.department == null \
                 && size(candidate.roles) > 0 && candidate.open > 0 && candidate.today > 0 && measures.share > 0";
    put(&mut files, "assignments/ticket.json", "/filters/0/condition", known.into());
    let model = self::model(&files);
    let condition = &model.automation.assignments["shop.ticket"].filters[0].condition;
    let slots: Vec<(usize, usize)> = condition.references().iter().map(|one| (one.root, one.slot)).collect();
    let mut expected: Vec<(usize, usize)> = (0..6).map(|slot| (3, slot)).collect();
    expected.push((5, 0));
    assert_eq!(slots, expected);
}

#[test]
fn the_digest_of_a_policy_changes_with_its_words_and_nothing_else() {
    let digest = |files: &Files| model(files).automation.assignments["shop.ticket"].digest.clone();
    let mut files = shop();
    let before = digest(&files);
    put(&mut files, "rules/on_new.json", "/label", "Other".into());
    assert_eq!(digest(&files), before);
    put(&mut files, "assignments/ticket.json", "/capacity/open", "40".into());
    assert_ne!(digest(&files), before);
}

#[test]
fn changes_of_automation_are_told_by_ids() {
    let package = |files: &Files| {
        Package::from_files(files.iter().map(|(path, value)| (path.clone(), value.to_string())).collect())
            .unwrap()
    };
    let before = shop();
    let mut after = before.clone();
    put(&mut after, "slas/answer.json", "/ladder/0/offset", "-hours(4)".into());
    put(&mut after, "lifecycles/ticket.json", "/transitions/0/roles/0", "chief".into());
    put(&mut after, "assignments/ticket.json", "/terms/1/weight", "0.3".into());
    put(&mut after, "rules/nightly.json", "/on/0/cron", "0 3 * * *".into());
    after.remove("metrics/answer_time.json");
    let told = mortise_definition::diff(&package(&before), &package(&after));
    let told: String = told.iter().map(|change| format!("{change}\n")).collect();
    expect![[r#"
        Changed: assignments/ticket terms/free/weight, from “settings.near_weight” to “0.3”
        Removed: lifecycles/ticket transitions/take/roles/technician
        Added: lifecycles/ticket transitions/take/roles/chief
        Removed: metrics/answer_time
        Changed: rules/nightly on/0/cron, from “0 2 * * 1-5” to “0 3 * * *”
        Changed: slas/answer ladder/remind/offset, from “-hours(2)” to “-hours(4)”
    "#]]
    .assert_eq(&told);
}
