//! Apps that are wrong in one way each: what a person is told, word for word.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

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
fn broken_json_is_shown_with_its_line_and_column() {
    check_change(
        "app.json",
        r#""menu": ["members"],"#,
        r#""menu": ["members"]"#,
        expect![[r#"
        error app.json:2:17: A comma or a closing bracket is missing here. [json.syntax]
          The line reads: "settings": {"fee": {"type": "decimal", "label": {"en": "Fee", "zh-CN": "会费"}, "
        error app.json: The app has no app.json. [package.no_manifest]
          Add app.json with id, version and label.
    "#]],
    );
    check_change(
        "views/members.json",
        r#"["name"]}"#,
        r#"["name","#,
        expect![[r#"
        error views/members.json:1:100: The JSON ends too early; a closing bracket or quote is missing. [json.syntax]
          The line reads: {"id": "members", "entity": "member", "label": {"en": "Members", "zh-CN": "会员"},
    "#]],
    );
    check_change(
        "views/members.json",
        r#""会员"}"#,
        "\"会\t员\"}",
        expect![[r#"
        error views/members.json:1:77: The text holds a line break, a tab or a backslash; write \n, \t or \\. [json.syntax]
          The line reads: {"id": "members", "entity": "member", "label": {"en": "Members", "zh-CN": "会	员"}
    "#]],
    );
    check_change(
        "views/members.json",
        r#""id":"#,
        "id:",
        expect![[r#"
        error views/members.json:1:2: A key has to stand in double quotes. [json.syntax]
          The line reads: {id: "members", "entity": "member", "label": {"en": "Members", "zh-CN": "会员"}, "
    "#]],
    );
    check_change(
        "views/members.json",
        r#"["name"]}"#,
        r#"["name",]}"#,
        expect![[r#"
        error views/members.json:1:101: There is a comma too many before the closing bracket. [json.syntax]
          The line reads: {"id": "members", "entity": "member", "label": {"en": "Members", "zh-CN": "会员"},
    "#]],
    );
    check_file(
        "views/empty.json",
        "",
        expect![[r#"
        error views/empty.json:1:1: The JSON ends too early; a closing bracket or quote is missing. [json.syntax]
          The line reads: 
    "#]],
    );
}

#[test]
fn a_key_written_twice_is_refused() {
    check_change(
        "views/members.json",
        r#""id": "members","#,
        r#""id": "members", "id": "others","#,
        expect![[r#"
        error views/members.json#/id:1:22: The key “id” is written twice in the same object. [json.duplicate_key]
          Keep one of the two.
    "#]],
    );
}

#[test]
fn nesting_without_end_is_refused() {
    check_file(
        "views/deep.json",
        &"[".repeat(100_000),
        expect![[r#"
        error views/deep.json:1:49: The JSON is nested more than 48 levels deep. [json.too_deep]
          Make it flatter.
    "#]],
    );
    check_file(
        "views/deep.json",
        &r#"{"a":"#.repeat(60),
        expect![[r#"
        error views/deep.json:1:244: The JSON is nested more than 48 levels deep. [json.too_deep]
          Make it flatter.
    "#]],
    );
}

#[test]
fn unknown_keys_are_named_with_the_likely_one() {
    check_change(
        "views/members.json",
        r#""columns":"#,
        r#""colums":"#,
        expect![[r#"
        error views/members.json: The key “columns” is missing. [schema.missing_key]
        error views/members.json#/colums: The key “colums” is not known here. Did you mean “columns”? [schema.unknown_key]
          Known keys: id, entity, label, kind, columns, filter, sort, quick_filters, page_size, highlights.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "integer", "maximum": 3}}"#),
        expect![[r#"
        error entities/member.json#/fields/2/maximum: The key “maximum” is not known here. [schema.unknown_key]
          Known keys: id, name, label, help, required, unique, search, index, default, visible_when, required_when, valid_when, message, type, min, max.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "date", "max_length": 3}}"#),
        expect![[r#"
        error entities/member.json#/fields/2/max_length: The key “max_length” is not known here. [schema.unknown_key]
          Known keys: id, name, label, help, required, unique, search, index, default, visible_when, required_when, valid_when, message, type.
    "#]],
    );
    check_change(
        "app.json",
        r#""en": "Club""#,
        r#""English": "Club""#,
        expect![[r#"
        error app.json#/label: “English” is not a language. [schema.language]
          Texts are given as "…" or by language: {"en": "…", "zh-CN": "…"}.
    "#]],
    );
}

#[test]
fn wrong_values_are_named_with_what_is_allowed() {
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "string"}}"#),
        expect![[r#"
        error entities/member.json#/fields/2/type: “string” is not one of the values allowed here. [schema.choice]
          Allowed: text, long_text, integer, decimal, money, boolean, date, datetime, duration, choice, choices, tree, reference, lines, user, team, phone, email, url, region, geo_point, file, files, photo, signature, json, autonumber, computed, rollup.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "integr"}}"#),
        expect![[r#"
        error entities/member.json#/fields/2/type: “integr” is not one of the values allowed here. Did you mean “integer”? [schema.choice]
          Allowed: text, long_text, integer, decimal, money, boolean, date, datetime, duration, choice, choices, tree, reference, lines, user, team, phone, email, url, region, geo_point, file, files, photo, signature, json, autonumber, computed, rollup.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}}}"#),
        expect![[r#"
        error entities/member.json#/fields/2: The key “type” is missing. [schema.missing_key]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "decimal"}}"#),
        expect![[r#"
        error entities/member.json#/fields/2: The key “scale” is missing. [schema.missing_key]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "decimal", "scale": 12}}"#),
        expect![[r#"
        error entities/member.json#/fields/2/scale: 12 is too large; the largest value allowed is 9. [schema.too_large]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "text", "required": "yes"}}"#),
        expect![[r#"
        error entities/member.json#/fields/2/required: true or false is wanted here, not “yes”. [schema.type]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "Next Visit", {LABEL}, "type": "text"}}"#),
        expect![[r#"
            error entities/member.json#/fields/2/id: “Next Visit” cannot be a name: use lower-case letters, digits and underscores, starting with a letter, such as next_review. [schema.form]
        "#]],
    );
    check_field(
        r#"{"id": "x", "label": 5, "type": "text"}"#,
        expect![[r#"
        error entities/member.json#/fields/2/label: Text or an object in { } is wanted here, not “5”. [schema.type]
    "#]],
    );
    check_field(
        r#"{"id": "x", "label": null, "type": "text"}"#,
        expect![[r#"
        error entities/member.json#/fields/2/label: Text or an object in { } is wanted here, not “null”. [schema.type]
    "#]],
    );
    check_change(
        "views/members.json",
        r#"["name"]"#,
        r#"[{"feld": "name"}]"#,
        expect![[r#"
        error views/members.json#/columns/0/feld: The key “feld” is not known here. Did you mean “field”? [schema.unknown_key]
          Known keys: field, label, hide_on_phone.
        error views/members.json#/columns/0: The key “field” is missing. [schema.missing_key]
    "#]],
    );
    check_change(
        "views/members.json",
        r#"["name"]"#,
        r#""name""#,
        expect![[r#"
        error views/members.json#/columns: A list in [ ] is wanted here, not “name”. [schema.type]
    "#]],
    );
    check_change(
        "app.json",
        r#""id": "club""#,
        r#""id": "Club 7""#,
        expect![[r#"
            error app.json#/id: “Club 7” cannot be the id of an app: use lower-case letters and digits, with single hyphens between words, such as order-desk. [schema.form]
        "#]],
    );
}

#[test]
fn row_scopes_are_words_or_a_condition() {
    let role = |rows: &str| {
        format!(
            r#"{{"id": "r", {LABEL}, "permissions": [{{"entity": "member", "operations": ["read"], "rows": {rows}}}]}}"#
        )
    };
    check_file("roles/r.json", &role(r#""own""#), expect![""]);
    check_file("roles/r.json", &role(r#"{"where": "record.owner == user.id"}"#), expect![""]);
    check_file(
        "roles/r.json",
        &role(r#""owner""#),
        expect![[r#"
        error roles/r.json#/permissions/0/rows: “owner” is not one of the values allowed here. Did you mean “own”? [schema.choice]
          Allowed: all, own, team, department, { … }.
    "#]],
    );
    check_file(
        "roles/r.json",
        &role(r#"{"when": "true"}"#),
        expect![[r#"
        error roles/r.json#/permissions/0/rows/when: The key “when” is not known here. Did you mean “where”? [schema.unknown_key]
          Known keys: where.
        error roles/r.json#/permissions/0/rows: The key “where” is missing. [schema.missing_key]
    "#]],
    );
    check_file(
        "roles/r.json",
        &role(r#"{"where": "true", "x": 1}"#),
        expect![[r#"
        error roles/r.json#/permissions/0/rows/x: The key “x” is not known here. [schema.unknown_key]
          Known keys: where.
    "#]],
    );
    check_file(
        "roles/r.json",
        &role("3"),
        expect![[r#"
        error roles/r.json#/permissions/0/rows: “3” is not one of the values allowed here. [schema.choice]
          Allowed: all, own, team, department, { … }.
    "#]],
    );
    check_file(
        "roles/r.json",
        &role(r#"{"where": "matches(record.name, 'a')"}"#),
        expect![[r#"
        error club/roles/r.json#/permissions/0/rows/where:1: `matches` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that [expr.sql]
    "#]],
    );
    check_file(
        "roles/r.json",
        &role(r#"{"where": "record.paid > 5"}"#),
        expect![[r#"
        warning club/roles/r.json#/permissions/0/rows/where:1: “paid” may be empty, and then the whole condition does not hold. [expr.maybe_empty]
          Say what is meant then: record.paid == null || …, or coalesce(record.paid, …).
    "#]],
    );
}

#[test]
fn files_are_named_after_ids_and_lie_in_known_folders() {
    let view = app()["views/members.json"].clone();
    check_file(
        "views/others.json",
        &view,
        expect![[r#"
        error views/others.json#/id: The id “members” is used by views/members.json too. [package.duplicate_id]
          Give one of them another id.
    "#]],
    );
    check_file(
        "views/others.json",
        &view.replace("members", "third"),
        expect![[r#"
        error views/others.json#/id: The file is not named after its id “third”. [package.file_name]
          Rename it to views/third.json, or correct the id.
    "#]],
    );
    check_file(
        "view/others.json",
        &view,
        expect![[r#"
        error view/others.json: This file does not belong to any kind of artifact. Did you mean “views”? [package.unknown_file]
          Put it into entities/, extensions/, trees/, forms/, views/, roles/ or data/ with the ending .json, or remove it.
    "#]],
    );
    check_file(
        "views/sub/others.json",
        &view,
        expect![[r#"
        error views/sub/others.json: This file does not belong to any kind of artifact. Did you mean “views”? [package.unknown_file]
          Put it into entities/, extensions/, trees/, forms/, views/, roles/ or data/ with the ending .json, or remove it.
    "#]],
    );
    check_file(
        "notes.txt",
        "",
        expect![[r#"
        error notes.txt: This file does not belong to any kind of artifact. [package.unknown_file]
          Put it into entities/, extensions/, trees/, forms/, views/, roles/ or data/ with the ending .json, or remove it.
    "#]],
    );
    check_file("demo/anything.bin", "", expect![""]);
    let mut files = app();
    files.remove("app.json");
    expect![[r#"
        error app.json: The app has no app.json. [package.no_manifest]
          Add app.json with id, version and label.
    "#]]
    .assert_eq(&said(files));
}

#[test]
fn an_app_has_limits() {
    let files = (0..2_001).map(|n| (format!("views/v{n}.json"), String::new())).collect();
    expect![[r#"
        error: The app has 2001 files; at most 2000 are allowed. [package.too_many_files]
    "#]]
    .assert_eq(&said(files));
    let large = BTreeMap::from([("views/v.json".to_owned(), " ".repeat(9 * 1024 * 1024))]);
    expect![[r#"
        error views/v.json: The file has 9.0 MiB; at most 8.0 MiB are allowed. [package.file_too_large]
    "#]]
    .assert_eq(&said(large));
    let mut many = app();
    many.insert(
        "views/many.json".into(),
        format!("{{{}}}", (0..200).map(|n| format!(r#""k{n}": 1"#)).collect::<Vec<_>>().join(",")),
    );
    assert_eq!(problems(many).len(), 51);
}

#[test]
fn ids_and_names_are_unique() {
    check_field(
        &format!(r#"{{"id": "name", {LABEL}, "type": "text"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/id: The field “name” is there twice. [field.duplicate_id]
          Give one of them another id.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "other", "name": "name", {LABEL}, "type": "text"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/name: The entity club.member has a field “name” already. [field.duplicate_name]
          Give this one another name.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "owner", {LABEL}, "type": "user"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/id: Every record has a field “owner” already. [field.system_name]
          Leave it out, or give yours another name.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "in", {LABEL}, "type": "text"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/id: “in” is a word that expressions keep for themselves. [name.reserved]
          Choose another name; the id may stay.
    "#]],
    );
    let other =
        app()["entities/member.json"].replacen(r#""id": "member""#, r#""id": "fellow", "name": "member""#, 1);
    check_file(
        "entities/fellow.json",
        &other,
        expect![[r#"
        error club/entities/member.json: The table “club__member” is used by the entity club.fellow too. [entity.duplicate_name]
          Give one of them another name.
    "#]],
    );
    check_change(
        "entities/member.json",
        r#""value": "gold""#,
        r#""value": "basic""#,
        expect![[r#"
        error club/entities/member.json#/fields/1/choices/1/value: The choice “basic” is there twice. [field.duplicate_choice]
    "#]],
    );
}

#[test]
fn names_of_other_artifacts_are_looked_up() {
    check_change(
        "entities/member.json",
        r#""entity": "member""#,
        r#""entity": "membr""#,
        expect![[r#"
        error club/entities/member.json#/fields/4/entity: There is no entity “membr”. Did you mean “member”? [ref.entity]
    "#]],
    );
    check_change(
        "entities/member.json",
        r#""entity": "member""#,
        r#""entity": "sales.member""#,
        expect![[r#"
        error club/entities/member.json#/fields/4/entity: There is no app “sales”. [ref.app]
    "#]],
    );
    check_change(
        "views/members.json",
        r#"["name"]"#,
        r#"["nam", "sponsor.nme", "name.x"]"#,
        expect![[r#"
        error club/views/members.json#/columns/0: The entity club.member has no field “nam”. Did you mean “name”? [ref.field]
        error club/views/members.json#/columns/1: The entity club.member has no field “nme”. Did you mean “name”? [ref.field]
        error club/views/members.json#/columns/2: “name” is not a reference, so nothing can be read through it. [view.through]
    "#]],
    );
    check_change(
        "app.json",
        r#"["members"]"#,
        r#"["member", "members", "members"]"#,
        expect![[r#"
        error club/app.json#/menu/0: The app has no view “member”. Did you mean “members”? [ref.view]
        error club/app.json#/menu/2: The view “members” is twice in the menu. [menu.twice]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "tree", "tree": "industry"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/tree: There is no tree “industry”. [ref.tree]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "lines", "entity": "member", "via": "name"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/via: The field “name” of club.member does not refer to club.member. [field.via]
          Name a reference field that points to this entity.
    "#]],
    );
}

#[test]
fn expressions_that_do_not_compile_are_shown_with_their_column() {
    let with = |rule: &str| format!(r#"{{"id": "x", {LABEL}, "type": "text", {rule}}}"#);
    check_field(
        &with(r#""visible_when": "record.level = 'gold'""#),
        expect![[r#"
        error club/entities/member.json#/fields/2/visible_when:14: `=` is not an operator here; write == [expr.syntax]
    "#]],
    );
    check_field(
        &with(r#""visible_when": "record.levl == 'gold' && record.paid > 'a'""#),
        expect![[r#"
        error club/entities/member.json#/fields/2/visible_when:8: there is no `levl` in `record`; did you mean `level`? [expr.unknown_name]
        error club/entities/member.json#/fields/2/visible_when:38: `>` does not work with decimal(2) and text; write numbers without quotation marks, or use int(…) or decimal(…, scale) on the text [expr.type]
    "#]],
    );
    check_field(
        &with(r#""visible_when": "record.level""#),
        expect![[r#"
        error club/entities/member.json#/fields/2/visible_when:1: the expression gives text, but bool is needed here; compare it with something [expr.type]
    "#]],
    );
    check_field(
        &with(r#""visible_when": "record.level == 'golden' || record.level in ['basic', 'glod']""#),
        expect![[r#"
        error club/entities/member.json#/fields/2/visible_when:1: “golden” is not one of the choices of “level”, so this never holds. Did you mean “gold”? [expr.unknown_choice]
        error club/entities/member.json#/fields/2/visible_when:29: “glod” is not one of the choices of “level”, so this never holds. Did you mean “gold”? [expr.unknown_choice]
    "#]],
    );
    check_field(
        &with(r#""default": "settings.fee""#),
        expect![[r#"
        error club/entities/member.json#/fields/2/default:1: the expression gives decimal(6), but text is needed here; use string(…) [expr.type]
    "#]],
    );
    check_field(
        &with(r#""default": "record.x""#),
        expect![[r#"
        error club/entities/member.json#/fields/2/default: The default of “x” reads the field itself, which is still empty. [field.default_self]
    "#]],
    );
    check_field(
        &with(r#""required_when": """#),
        expect![[r#"
        error club/entities/member.json#/fields/2/required_when:1: the expression is empty; write a condition such as record.name != null [expr.syntax]
    "#]],
    );
    check_change(
        "entities/member.json",
        r#""type": "choice","#,
        r#""type": "choice", "default": "'silver'","#,
        expect![[r#"
        error club/entities/member.json#/fields/1/default: The default “silver” is not one of the choices. [field.default_choice]
    "#]],
    );
    check_change(
        "views/members.json",
        r#"["name"]"#,
        r#"["name"], "filter": "similarity(record.name, 'x') > 0.8""#,
        expect![[r#"
        error club/views/members.json#/filter:1: `similarity` cannot be used on fields of the record in a database condition; compare plain fields, or keep the result in a computed field and compare that [expr.sql]
    "#]],
    );
    check_change(
        "views/members.json",
        r#"["name"]"#,
        r#"["name"], "filter": "record.paid > 3.5""#,
        expect![[r#"
        warning club/views/members.json#/filter: No index serves the part “record.paid > 3.5” of the filter, so many records may have to be read. [view.unindexed]
          Compare a field with == beside it, or sort by the field.
    "#]],
    );
}

#[test]
fn computed_fields_have_no_circles_and_read_only_the_record() {
    let computed = |id: &str, value: &str| {
        format!(r#"{{"id": "{id}", {LABEL}, "type": "computed", "value": "{value}"}}"#)
    };
    let circle =
        [computed("a", "record.b + 1"), computed("b", "record.c"), computed("c", "record.a + 2")].join(",");
    check_field(
        &circle,
        expect![[r#"
        error club/entities/member.json#/fields/2/value: Computed fields need each other in a circle: a → b → c → a. [computed.cycle]
          Let one of them be calculated from other fields.
    "#]],
    );
    check_field(
        &computed("a", "record.a"),
        expect![[r#"
        error club/entities/member.json#/fields/2/value: Computed fields need each other in a circle: a → a. [computed.cycle]
          Let one of them be calculated from other fields.
    "#]],
    );
    check_field(
        &computed("a", "days_between(record.joined, today())"),
        expect![[r#"
        error club/entities/member.json#/fields/2/value: A computed field cannot use now() or today(): its value is stored and would soon be wrong. [computed.volatile]
          Compare with now() where the value is read, in a view's filter or a condition.
    "#]],
    );
    check_field(
        &computed("a", "settings.fee"),
        expect![[r#"
        error club/entities/member.json#/fields/2/value:1: A computed field cannot read settings.fee: its value may change without the record being saved. [computed.reads]
          Use other fields of the record.
    "#]],
    );
    check_field(
        &computed("a", "record.version + 1"),
        expect![[r#"
        error club/entities/member.json#/fields/2/value:1: A computed field cannot read record.version: its value may change without the record being saved. [computed.reads]
          Use other fields of the record.
    "#]],
    );
    check_field(
        &computed("a", "null"),
        expect![[r#"
        error club/entities/member.json#/fields/2/value: A computed field cannot hold a value of type null. [computed.type]
    "#]],
    );
    check_field(&computed("a", "record.paid * 2"), expect![""]);
    let rollup = format!(
        r#"{{"id": "guests", {LABEL}, "type": "rollup", "entity": "member", "via": "sponsor", "operation": "count"}}"#
    );
    check_field(
        &format!("{rollup}, {}", computed("a", "record.guests")),
        expect![[r#"
        error club/entities/member.json#/fields/3/value:1: A computed field cannot read record.guests: its value may change without the record being saved. [computed.reads]
          Use other fields of the record.
    "#]],
    );
    check_field(
        &rollup.replace("count", "sum"),
        expect![[r#"
        error club/entities/member.json#/fields/2: It is not said which field is summed up. [rollup.no_field]
          Add “field”.
    "#]],
    );
    check_field(
        &rollup.replace(r#""count""#, r#""sum", "field": "name""#),
        expect![[r#"
        error club/entities/member.json#/fields/2/field: Values of type text cannot be calculated in this way. [rollup.type]
    "#]],
    );
}

#[test]
fn options_that_a_type_cannot_honour_are_refused() {
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "json", "unique": true, "search": true, "index": true}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/search: “search” cannot be used with a field of this type. [field.option]
          Remove it.
        error club/entities/member.json#/fields/2/unique: “unique” cannot be used with a field of this type. [field.option]
          Remove it.
        error club/entities/member.json#/fields/2/index: “index” cannot be used with a field of this type. [field.option]
          Remove it.
    "#]],
    );
    check_field(
        &format!(
            r#"{{"id": "x", {LABEL}, "type": "autonumber", "pattern": "X-{{yyyy}}", "required": true}}"#
        ),
        expect![[r#"
        error club/entities/member.json#/fields/2/required: “required” cannot be used with a field of this type. [field.option]
          Remove it.
        error club/entities/member.json#/fields/2/pattern: The pattern “X-{yyyy}” has no counter, so all numbers would be equal. [number.no_counter]
          Use {yyyy}, {mm}, {dd} and one run of zeros in braces, such as L-{yyyy}-{0000}.
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "text", "pattern": "[a-"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/pattern: The pattern is not a usable regular expression: unclosed character class. [field.pattern]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "text", "pattern": "a)|(b"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/pattern: The pattern is not a usable regular expression: unopened group. [field.pattern]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "decimal", "scale": 2, "min": "5", "max": "1.50"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2: The smallest value 5.00 and the largest value 1.50 do not make a range. [field.range]
    "#]],
    );
    check_field(
        &format!(r#"{{"id": "x", {LABEL}, "type": "decimal", "scale": 2, "min": "0.005"}}"#),
        expect![[r#"
        error club/entities/member.json#/fields/2/min: “0.005” is not a number with at most 2 digits after the point. [field.bound]
          Write it as text, such as "12.50".
    "#]],
    );
    check_field(
        r#"{"id": "x", "label": {"en": "X"}, "type": "text", "message": "no"}"#,
        expect![[r#"
        warning club/entities/member.json#/fields/2/message: The message is never shown, because there is no valid_when. [field.message_unused]
        warning club/entities/member.json#/fields/2/label: The text has no words in zh-CN. [text.missing]
    "#]],
    );
    check_change(
        "app.json",
        r#""10.50""#,
        r#""ten""#,
        expect![[r#"
        error club/app.json#/settings/fee/default: The default "ten" does not suit the setting “fee”: it has to be decimal. [setting.default]
    "#]],
    );
}

#[test]
fn forms_and_roles_are_checked() {
    let form = |fields: &str| {
        format!(r#"{{"id": "f", "entity": "member", {LABEL}, "sections": [{{"fields": [{fields}]}}]}}"#)
    };
    check_file(
        "forms/f.json",
        &form(r#""name", "name", {"field": "paid", "columns": ["x"]}"#),
        expect![[r#"
        error club/forms/f.json#/sections/0/fields/1: The field “name” is twice on the form. [form.twice]
        error club/forms/f.json#/sections/0/fields/2/columns: Only child rows have columns; “paid” has none. [form.columns_of]
    "#]],
    );
    check_file(
        "forms/f.json",
        &form(r#""level""#),
        expect![[r#"
        warning club/forms/f.json#/sections: The required field “name” is not on the form and has no default, so nothing can be saved with it. [form.required_missing]
          Add the field, give it a default, or use the form for existing records only (purpose: edit).
    "#]],
    );
    let role =
        |rest: &str| format!(r#"{{"id": "r", {LABEL}, "permissions": [{{"entity": "member", {rest}}}]}}"#);
    check_file(
        "roles/r.json",
        &role(
            r#""operations": ["create", "update", "update"], "fields": {"name": "read", "nmae": "hidden"}"#,
        ),
        expect![[r#"
        error club/roles/r.json#/permissions/0/operations/2: The operation is there twice. [role.operation_twice]
        error club/roles/r.json#/permissions/0/fields/nmae: The entity club.member has no field “nmae”. Did you mean “name”? [ref.field]
        warning club/roles/r.json#/permissions/0/operations: Records can be changed, deleted or exported, but not seen. [role.no_read]
          Add “read”.
        warning club/roles/r.json#/permissions/0/fields/name: The role may create records but may not fill in “name”, which is required and has no default. [role.required_closed]
          Open the field, or give it a default.
    "#]],
    );
    check_file(
        "roles/r.json",
        &role(r#""operations": ["see"]"#),
        expect![[r#"
        error roles/r.json#/permissions/0/operations/0: “see” is not one of the values allowed here. [schema.choice]
          Allowed: read, create, update, delete, export, import.
    "#]],
    );
}

#[test]
fn trees_and_data_are_checked() {
    let tree = r#"{"id": "t", "label": {"en": "T", "zh-CN": "树"}, "nodes": [
        {"code": "A", "label": "a", "children": [{"code": "x/y", "label": "b"}, {"code": "", "label": "c"}]},
        {"code": "A", "label": "d", "point": [121.47, 31.23]}]}"#;
    check_file(
        "trees/t.json",
        tree,
        expect![[r#"
        error club/trees/t.json#/nodes/0/children/0: “x/y” cannot be a code: it must not be empty, hold “/” or begin or end with a space. [tree.code]
        error club/trees/t.json#/nodes/0/children/1: “” cannot be a code: it must not be empty, hold “/” or begin or end with a space. [tree.code]
        error club/trees/t.json#/nodes/1: Latitude goes from -90 to 90, longitude from -180 to 180. [tree.point]
          Write latitude first.
        error club/trees/t.json#/nodes/1: The path “A” is there twice. [tree.duplicate_code]
          Give one of the nodes another code.
    "#]],
    );
    let data = |records: &str| {
        format!(r#"{{"id": "d", "entity": "member", "key": "name", "records": [{records}]}}"#)
    };
    check_file(
        "data/d.json",
        &data(
            r#"{"name": "Wang", "level": "silver", "paid": "1.234", "joined": "yesterday", "sponsor": "Li", "x": 1},
               {"name": "Wang", "version": 3}, {"level": "gold"}"#,
        ),
        expect![[r#"
            error club/data/d.json#/records/0/level: “silver” does not suit the field “level”. [data.value]
              Wanted: basic, gold.
            error club/data/d.json#/records/0/paid: “1.234” does not suit the field “paid”. [data.value]
              Wanted: "0.00".
            error club/data/d.json#/records/0/joined: “yesterday” does not suit the field “joined”. [data.value]
              Wanted: 2026-01-31.
            error club/data/d.json#/records/0/sponsor: “Li” does not suit the field “sponsor”. [data.value]
              Wanted: Wang.
            error club/data/d.json#/records/0/x: The entity club.member has no field “x”. [ref.field]
            error club/data/d.json#/records/1/name: Two records have the key “Wang”. [data.duplicate_key]
            error club/data/d.json#/records/1/version: The field “version” cannot be given in a data file. [data.not_writable]
            error club/data/d.json#/records/2: The record has no value for the key field “name”. [data.no_key]
            error club/data/d.json#/records/2: The required field “name” has no value. [data.required]
        "#]],
    );
    check_file(
        "data/d.json",
        &data("").replace(r#""key": "name""#, r#""key": "level""#),
        expect![[r#"
        error club/data/d.json#/key: The key field “level” is not unique, so records could not be recognised. [data.key_not_unique]
          Add "unique": true to the field.
    "#]],
    );
}

#[test]
fn requirements_are_met_and_have_no_circles() {
    let app = |id: &str, requires: &str| {
        let text = format!(
            r#"{{"id": "{id}", "version": "1.2.0", "label": {{"en": "A", "zh-CN": "甲"}}, "requires": [{requires}]}}"#
        );
        Arc::new(Package::from_files(BTreeMap::from([("app.json".to_owned(), text)])).unwrap())
    };
    let say = |packages: &[Arc<Package>]| -> String {
        let found = compile(packages, &[], &BTreeMap::new()).expect_err("the requirements cannot be met");
        found.iter().map(|problem| format!("{problem}\n")).collect()
    };
    let on = |id: &str, version: &str| format!(r#"{{"app": "{id}", "version": "{version}"}}"#);
    expect![[r#"
        error a/app.json#/requires: Apps require each other in a circle: a → b → c → a. [app.requirement_cycle]
          Remove one of the requirements.
    "#]].assert_eq(&say(&[app("a", &on("b", "1.0.0")), app("b", &on("c", "1.0.0")), app("c", &on("a", "1.0.0"))]));
    expect![[r#"
        error a/app.json#/requires/0/app: The app “base” is required but not installed. Did you mean “bas”? [app.requirement_missing]
          Install it first.
    "#]].assert_eq(&say(&[app("a", &on("base", "1.0.0")), app("bas", "")]));
    expect![[r#"
        error a/app.json#/requires/0/version: The app “base” is needed in version 2.0.0 or later; installed is 1.2.0. [app.requirement_version]
          Upgrade it first.
    "#]].assert_eq(&say(&[app("a", &on("base", "2.0.0")), app("base", "")]));
    expect![[r#"
        error base/app.json#/id: The app “base” is given twice. [app.duplicate]
        error a/app.json#/requires/0/version: “two” is not a version: unexpected character 't' while parsing major version number. [app.version]
          Write three numbers with points, such as 1.4.0.
    "#]].assert_eq(&say(&[app("a", &on("base", "two")), app("base", ""), app("base", "")]));
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
    expect!["entities/member.json#/fields/2/type “mony”不是此处允许的值。您是否想写“money”？允许的值：text, long_text, integer, decimal, money, boolean, date, datetime, duration, choice, choices, tree, reference, lines, user, team, phone, email, url, region, geo_point, file, files, photo, signature, json, autonumber, computed, rollup。"].assert_eq(&found.join("\n"));
}
