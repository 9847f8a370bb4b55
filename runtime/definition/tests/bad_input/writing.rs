//! How artifacts are written: broken JSON, unknown keys, wrong values, files in wrong places, too much of anything.

use super::*;

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
          Known keys: id, entity, label, kind, layout, columns, filter, sort, quick_filters, page_size, highlights, offline.
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
