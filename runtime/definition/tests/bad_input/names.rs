//! What artifacts are called, and what they call each other.

use super::*;

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
