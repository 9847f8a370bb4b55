//! Versions of an app: how their difference is told, and how an administrator's changes survive an upgrade.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::{Conflict, Overlay, Package, Problem, compile, diff};

const ENTITY: &str = r#"{"id": "member", "label": {"en": "Member", "zh-CN": "会员"}, "fields": [
    {"id": "name", "label": "Name", "type": "text", "required": true, "unique": true},
    {"id": "level", "label": "Level", "type": "choice", "choices": [
        {"value": "basic", "label": "Basic"}, {"value": "gold", "label": "Gold"}]},
    {"id": "paid", "label": "Paid", "type": "decimal", "scale": 2}]}"#;
const VIEW: &str = r#"{"id": "members", "entity": "member", "label": "Members", "columns": ["name", "level", "paid"], "sort": ["name"]}"#;
const DATA: &str =
    r#"{"id": "founders", "entity": "member", "key": "name", "records": [{"name": "Wang"}, {"name": "Li"}]}"#;

fn package(changes: &[(&str, &str, &str)]) -> Package {
    let app = r#"{"id": "club", "version": "1.0.0", "label": "Club", "menu": ["members"]}"#;
    let mut files: BTreeMap<String, String> = [
        ("app.json", app),
        ("entities/member.json", ENTITY),
        ("views/members.json", VIEW),
        ("data/founders.json", DATA),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into();
    for (path, old, new) in changes {
        let text = files.get_mut(*path).expect("the file is part of the app");
        assert!(text.contains(old), "{old} is not in {path}");
        *text = text.replacen(old, new, 1);
    }
    files.retain(|_, text| !text.is_empty());
    Package::from_files(files).unwrap_or_else(|problems| panic!("{}", said(&problems)))
}

fn said(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn check_diff(changes: &[(&str, &str, &str)], expected: Expect) {
    let told: String =
        diff(&package(&[]), &package(changes)).iter().map(|change| format!("{change}\n")).collect();
    expected.assert_eq(&told);
}

const PHONE: (&str, &str, &str) = (
    "entities/member.json",
    r#"{"id": "level""#,
    r#"{"id": "phone", "label": "Phone", "type": "phone"}, {"id": "level""#,
);

#[test]
fn equal_versions_have_no_difference() {
    check_diff(&[], expect![""]);
}

#[test]
fn differences_are_told_by_ids() {
    check_diff(
        &[PHONE],
        expect![[r#"
        Added: entities/member fields/phone
    "#]],
    );
    check_diff(
        &[("entities/member.json", r#""en": "Member""#, r#""en": "Fellow""#)],
        expect![[r#"
        Changed: entities/member label/en, from “Member” to “Fellow”
    "#]],
    );
    check_diff(
        &[("entities/member.json", r#""id": "paid","#, r#""id": "paid", "name": "fee","#)],
        expect![[r#"
        Renamed: entities/member fields/paid/name, from “paid” to “fee”
    "#]],
    );
    check_diff(
        &[("views/members.json", r#""name", "level""#, r#""level", "name""#)],
        expect![[r#"
        Put into another order: views/members columns
    "#]],
    );
    check_diff(
        &[("views/members.json", r#""level","#, r#"{"field": "level", "hide_on_phone": true},"#)],
        expect![[r#"
        Changed: views/members columns/level, from “level” to “{"field":"level","hide_on_phone":true}”
    "#]],
    );
    check_diff(
        &[("data/founders.json", r#"{"name": "Li"}"#, r#"{"name": "Li", "paid": "2.00"}"#)],
        expect![[r#"
        Added: data/founders records/Li/paid
    "#]],
    );
    check_diff(
        &[("data/founders.json", DATA, "")],
        expect![[r#"
        Removed: data/founders
    "#]],
    );
}

#[test]
fn what_may_destroy_data_is_marked() {
    check_diff(
        &[("entities/member.json", r#""type": "text""#, r#""type": "long_text""#)],
        expect![[r#"
        Changed: entities/member fields/name/type, from “text” to “long_text”
    "#]],
    );
    check_diff(
        &[("entities/member.json", r#""type": "text""#, r#""type": "date""#)],
        expect![[r#"
        Changed: entities/member fields/name/type, from “text” to “date” (values of records may be lost)
    "#]],
    );
    check_diff(
        &[("entities/member.json", r#""scale": 2"#, r#""scale": 1"#)],
        expect![[r#"
        Changed: entities/member fields/paid/scale, from “2” to “1” (values of records may be lost)
    "#]],
    );
    check_diff(
        &[(
            "entities/member.json",
            r#",
    {"id": "paid", "label": "Paid", "type": "decimal", "scale": 2}"#,
            "",
        )],
        expect![[r#"
            Removed: entities/member fields/paid (values of records may be lost)
        "#]],
    );
}

fn files(package: &Package) -> String {
    package.files().into_iter().map(|(path, text)| format!("{path}\n{text}")).collect()
}

#[test]
fn an_overlay_between_two_versions_makes_one_of_the_other() {
    let base = package(&[]);
    for changes in [
        vec![PHONE],
        vec![("views/members.json", r#""name", "level""#, r#""level", "name""#)],
        vec![("data/founders.json", DATA, "")],
        vec![("entities/member.json", r#"{"value": "basic", "label": "Basic"}, "#, "")],
        vec![
            PHONE,
            ("views/members.json", r#""name","#, r#""name", "phone","#),
            ("app.json", r#", "menu": ["members"]"#, ""),
        ],
    ] {
        let changed = package(&changes);
        let overlay = Overlay::between(&base, &changed);
        let applied = overlay.apply(&base).unwrap_or_else(|problems| panic!("{}", said(&problems)));
        assert_eq!(files(&applied), files(&changed));
        assert_ne!(applied.digest(), base.digest());
        // An overlay is kept as JSON.
        let kept: Overlay = serde_json::from_str(&serde_json::to_string(&overlay).unwrap()).unwrap();
        assert_eq!(kept, overlay);
        let backwards = Overlay::between(&changed, &base);
        assert_eq!(files(&backwards.apply(&changed).unwrap()), files(&base));
    }
}

#[test]
fn the_model_is_compiled_with_overlays() {
    let base = Arc::new(package(&[]));
    let overlay = Overlay::between(&base, &package(&[PHONE]));
    let compiled = compile(&[base], &[overlay], &BTreeMap::new()).unwrap();
    assert!(compiled.model.entity("club.member").unwrap().field("phone").is_some());
}

fn conflicts(found: &[Conflict]) -> String {
    let shown =
        |value: &Option<serde_json::Value>| value.as_ref().map_or("–".to_owned(), ToString::to_string);
    let line = |conflict: &Conflict| {
        let Conflict { artifact, path, before, ours, theirs } = conflict;
        format!("{artifact} {path}: {} → ours {}, theirs {}\n", shown(before), shown(ours), shown(theirs))
    };
    found.iter().map(line).collect()
}

#[test]
fn an_upgrade_keeps_what_the_administrator_changed() {
    let base = package(&[]);
    let ours = package(&[PHONE, ("entities/member.json", r#""label": "Paid""#, r#""label": "Fee""#)]);
    let theirs = package(&[
        ("app.json", "1.0.0", "1.1.0"),
        ("entities/member.json", r#""en": "Member""#, r#""en": "Fellow""#),
        (
            "entities/member.json",
            r#""fields": ["#,
            r#""fields": [{"id": "code", "label": "Code", "type": "text"},"#,
        ),
    ]);
    let (rebased, found) = Overlay::between(&base, &ours).rebase(&theirs);
    assert_eq!(conflicts(&found), "");
    assert_eq!(rebased.version, "1.1.0");
    let merged = rebased.apply(&theirs).unwrap();
    let names: Vec<&str> = merged.entities[0].fields.iter().map(|field| field.id.as_str()).collect();
    assert_eq!(names, ["code", "name", "phone", "level", "paid"]);
    assert_eq!(merged.entities[0].label.get("en"), "Fellow");
    assert_eq!(merged.entities[0].fields[4].label.as_ref().unwrap().get("en"), "Fee");
}

#[test]
fn what_both_changed_alike_is_no_longer_part_of_the_overlay() {
    let base = package(&[]);
    let ours = package(&[PHONE]);
    let (rebased, found) = Overlay::between(&base, &ours).rebase(&ours);
    assert_eq!((rebased.patches.len(), conflicts(&found)), (0, String::new()));
}

#[test]
fn what_both_changed_differently_is_reported_and_left_as_the_new_version_has_it() {
    let base = package(&[]);
    let ours = package(&[
        ("entities/member.json", r#""label": "Paid""#, r#""label": "Fee""#),
        ("entities/member.json", r#""label": "Gold""#, r#""label": "Golden""#),
        ("views/members.json", r#""name", "level", "paid""#, r#""paid", "level", "name""#),
        ("data/founders.json", DATA, ""),
    ]);
    let theirs = package(&[
        ("entities/member.json", r#""label": "Paid""#, r#""label": "Dues""#),
        ("entities/member.json", r#", {"value": "gold", "label": "Gold"}"#, ""),
        ("views/members.json", r#""name", "level", "paid""#, r#""level", "name", "paid""#),
        ("data/founders.json", r#"{"name": "Li"}"#, r#"{"name": "Zhao"}"#),
    ]);
    let (rebased, found) = Overlay::between(&base, &ours).rebase(&theirs);
    expect![[r#"
        data/founders : {"id":"founders","entity":"member","key":"name","records":[{"name":"Wang"},{"name":"Li"}]} → ours –, theirs {"id":"founders","entity":"member","key":"name","records":[{"name":"Wang"},{"name":"Zhao"}]}
        entities/member fields/level/choices/gold/label: "Gold" → ours "Golden", theirs –
        entities/member fields/paid/label: "Paid" → ours "Fee", theirs "Dues"
        views/members columns/#order: ["name","level","paid"] → ours ["paid","level","name"], theirs ["level","name","paid"]
    "#]].assert_eq(&conflicts(&found));
    assert_eq!(files(&rebased.apply(&theirs).unwrap()), files(&theirs));
}

#[test]
fn an_overlay_that_does_not_fit_gives_problems() {
    let base = package(&[]);
    let overlay = |text: &str| -> Overlay {
        serde_json::from_str(&format!(r#"{{"app": "club", "version": "1.0.0", "patches": [{text}]}}"#))
            .unwrap()
    };
    let check = |text: &str, expected: Expect| {
        expected.assert_eq(&said(&overlay(text).apply(&base).expect_err("the overlay does not fit")));
    };
    check(
        r#"{"artifact": "entities/member", "path": "fields/fax/label", "before": "a", "after": "b"}"#,
        expect![[r#"
        error entities/member.json: The change cannot be applied: there is no “fields/fax/label” in entities/member. [overlay.target]
    "#]],
    );
    check(
        r#"{"artifact": "entities/nobody", "path": "label", "before": "a", "after": "b"}"#,
        expect![[r#"
        error entities/nobody.json: The change cannot be applied: there is no “label” in entities/nobody. [overlay.target]
    "#]],
    );
    check(
        r#"{"artifact": "../secrets", "path": "", "after": {}}"#,
        expect![[r#"
        error ../secrets.json: The change of ../secrets at “” is incomplete, or names no file of an app. [overlay.path]
    "#]],
    );
    check(
        r#"{"artifact": "entities/member", "path": "fields/name", "after": {}}"#,
        expect![[r#"
        error entities/member.json: The change cannot be applied: “fields/name” is in entities/member already. [overlay.exists]
    "#]],
    );
    check(
        r#"{"artifact": "entities/member", "path": "fields/name"}"#,
        expect![[r#"
        error entities/member.json: The change of entities/member at “fields/name” is incomplete, or names no file of an app. [overlay.path]
    "#]],
    );
    check(
        r#"{"artifact": "entities/member", "path": "fields/name/type", "before": "text", "after": "txt"}"#,
        expect![[r#"
        error entities/member.json#/fields/0/type: “txt” is not one of the values allowed here. Did you mean “text”? [schema.choice]
          Allowed: text, long_text, integer, decimal, money, boolean, date, datetime, duration, choice, choices, tree, reference, lines, user, team, phone, email, url, region, geo_point, file, files, photo, signature, json, autonumber, computed, rollup.
    "#]],
    );
    check(
        r#"{"artifact": "entities/member", "path": "", "before": {}}, {"artifact": "app", "path": "", "before": {}}"#,
        expect![[r#"
        error app.json: The app has no app.json. [package.no_manifest]
          Add app.json with id, version and label.
    "#]],
    );
}
