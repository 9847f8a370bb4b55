//! Apps that are wrong in one way each: what a person is told, word for word.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

mod meaning;
mod names;
mod plugins;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::{Package, Problem, compile};

/// A small app that is right.
fn app() -> BTreeMap<String, String> {
    let files = [
        (
            "app.json",
            r#"{"id": "club", "version": "1.0.0", "label": {"en": "Club", "zh-CN": "俱乐部"}, "menu": ["members"],
                "settings": {"fee": {"type": "decimal", "label": {"en": "Fee", "zh-CN": "会费"}, "default": "10.50"}}}"#,
        ),
        (
            "entities/member.json",
            r#"{"id": "member", "label": {"en": "Member", "zh-CN": "会员"}, "fields": [
                {"id": "name", "label": {"en": "Name", "zh-CN": "姓名"}, "type": "text", "required": true, "unique": true},
                {"id": "level", "label": {"en": "Level", "zh-CN": "级别"}, "type": "choice", "choices": [
                    {"value": "basic", "label": {"en": "Basic", "zh-CN": "普通"}},
                    {"value": "gold", "label": {"en": "Gold", "zh-CN": "金卡"}}]},
                {"id": "paid", "label": {"en": "Paid", "zh-CN": "已付"}, "type": "money"},
                {"id": "joined", "label": {"en": "Joined", "zh-CN": "加入日期"}, "type": "date"},
                {"id": "sponsor", "label": {"en": "Sponsor", "zh-CN": "介绍人"}, "type": "reference", "entity": "member"}]}"#,
        ),
        (
            "views/members.json",
            r#"{"id": "members", "entity": "member", "label": {"en": "Members", "zh-CN": "会员"}, "columns": ["name"]}"#,
        ),
    ];
    files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
}

/// What is said about the files, in English.
fn problems(files: BTreeMap<String, String>) -> Vec<Problem> {
    let compiled =
        Package::from_files(files).and_then(|package| compile(&[Arc::new(package)], &[], &BTreeMap::new()));
    match compiled {
        Ok(compiled) => compiled.warnings,
        Err(problems) => problems,
    }
}

fn said(files: BTreeMap<String, String>) -> String {
    problems(files).iter().map(|problem| format!("{problem}\n")).collect()
}

/// Replaces `old` by `new` in one file of the app that is right.
fn check_change(path: &str, old: &str, new: &str, expected: Expect) {
    let mut files = app();
    let text = files.get_mut(path).expect("the file is part of the app");
    assert!(text.contains(old), "{old} is not in {path}");
    *text = text.replacen(old, new, 1);
    expected.assert_eq(&said(files));
}

/// Adds a file to the app that is right.
fn check_file(path: &str, text: &str, expected: Expect) {
    let mut files = app();
    files.insert(path.to_owned(), text.to_owned());
    expected.assert_eq(&said(files));
}

/// Adds a field to the entity of the app that is right.
fn check_field(field: &str, expected: Expect) {
    check_change(
        "entities/member.json",
        r#"{"id": "paid""#,
        &format!(r#"{field}, {{"id": "paid""#),
        expected,
    );
}

const LABEL: &str = r#""label": {"en": "X", "zh-CN": "某"}"#;

#[test]
fn the_app_that_is_right_gives_no_problems() {
    expect![""].assert_eq(&said(app()));
}

#[test]
fn problems_are_told_in_chinese_too() {
    let mut files = app();
    let entity = files.get_mut("entities/member.json").expect("the entity is part of the app");
    *entity = entity.replace(r#""type": "money""#, r#""type": "mony""#);
    let found: Vec<String> = problems(files)
        .iter()
        .map(|problem| {
            format!(
                "{} {}{}",
                problem.place(),
                problem.message("zh-CN"),
                problem.hint("zh-CN").unwrap_or_default()
            )
        })
        .collect();
    expect!["entities/member.json#/fields/2/type “mony”不是此处允许的值。你是否想写“money”？允许的值：text, long_text, integer, decimal, money, boolean, date, datetime, duration, choice, choices, tree, reference, lines, user, team, phone, email, url, region, geo_point, file, files, photo, signature, json, autonumber, computed, rollup。"].assert_eq(&found.join("\n"));
}
