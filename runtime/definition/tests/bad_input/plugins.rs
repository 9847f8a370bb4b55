//! What an app says about plugins, and how its expressions call their functions.

use super::*;

const SETTINGS: &str = r#""settings""#;

/// Declares plugins in the app that is right.
fn check_plugins(plugins: &str, expected: Expect) {
    check_change("app.json", SETTINGS, &format!(r#""plugins": {{{plugins}}}, {SETTINGS}"#), expected);
}

const ALIKE: &str = r#""alike": {"id": "acme.alike", "version": ">=1, <2", "functions": {
    "how-much": {"parameters": ["text", "text"], "returns": "float", "otherwise": 0.0},
    "next-day": {"parameters": ["date"], "returns": "date"}}}"#;

/// Changes the app that is right and uses a plugin.
fn check_use(path: &str, old: &str, new: &str, expected: Expect) {
    let mut files = app();
    let manifest = files.get_mut("app.json").unwrap();
    *manifest = manifest.replacen(SETTINGS, &format!(r#""plugins": {{{ALIKE}}}, {SETTINGS}"#), 1);
    let text = files.get_mut(path).unwrap();
    assert!(text.contains(old), "{old} is not in {path}");
    *text = text.replacen(old, new, 1);
    expected.assert_eq(&said(files));
}

fn check_columns(columns: &str, expected: Expect) {
    check_use("views/members.json", r#"["name"]"#, columns, expected);
}

fn check_computed(value: &str, expected: Expect) {
    let field = format!(r#"{{"id": "x", {LABEL}, "type": "computed", "value": "{value}"}}, {{"id": "paid""#);
    check_use("entities/member.json", r#"{"id": "paid""#, &field, expected);
}

#[test]
fn names_of_plugins_and_functions_fit_into_expressions() {
    check_plugins(
        r#""record": {"id": "acme.a", "version": "1"}"#,
        expect![[r#"
        error club/app.json#/plugins/record: “record” means something else in expressions already. [plugin.use_reserved]
          Give the plugin another name.
    "#]],
    );
    check_plugins(
        r#""A b": {"id": "acme.a", "version": "1"}"#,
        expect![[r#"
        error club/app.json#/plugins/A b: “A b” cannot be a name: use lower-case letters, digits and underscores, starting with a letter. [name.form]
    "#]],
    );
    check_plugins(
        r#""a--b": {"id": "acme.a", "version": "1"}"#,
        expect![[r#"
        error club/app.json#/plugins/a--b: “a--b” cannot be a name in expressions. [plugin.use_name]
          Use at most 40 lower-case letters, digits and single hyphens or underscores, starting with a letter.
    "#]],
    );
    check_plugins(
        r#""a-b": {"id": "acme.a", "version": "1"}, "a_b": {"id": "acme.b", "version": "1"}"#,
        expect![[r#"
            error club/app.json#/plugins/a_b: “a_b” and “a-b” would have the same name in expressions. [plugin.use_twice]
              Hyphens become underscores there; give one of them another name.
        "#]],
    );
    check_plugins(
        r#""a": {"id": "acme.a", "version": "1"}, "b": {"id": "acme.a", "version": "1"}"#,
        expect![[r#"
            error club/app.json#/plugins/b/id: The plugin acme.a is there already, as “a”. [plugin.use_same]
              Put everything about it in one place.
        "#]],
    );
    check_plugins(
        r#""a": {"id": "acme.a", "version": "1", "functions": {
            "in": {"returns": "text"}, "x-y": {"returns": "text"}, "x_y": {"returns": "text"}}}"#,
        expect![[r#"
            error club/app.json#/plugins/a/functions/in: “in” is a word that expressions keep for themselves. [name.reserved]
              Choose another name; the id may stay.
            error club/app.json#/plugins/a/functions/x_y: “x_y” and “x-y” would have the same name in expressions. [plugin.use_twice]
              Hyphens become underscores there; give one of them another name.
        "#]],
    );
}

#[test]
fn ids_versions_and_rights_are_of_the_right_form() {
    check_plugins(
        r#""a": {"id": "alike", "version": "1"}"#,
        expect![[r#"
        error app.json#/plugins/a/id: “alike” cannot be the id of a plugin: write its author and its name with a point between, such as acme.credit-check. [schema.form]
    "#]],
    );
    check_plugins(
        r#""a": {"id": "acme.a", "version": "soon"}"#,
        expect![[r#"
        error club/app.json#/plugins/a/version: “soon” does not say which versions will do: unexpected character 's' while parsing major version number. [plugin.use_version]
          Write a range, such as >=1, <2.
    "#]],
    );
    check_plugins(
        r#""a": {"id": "acme.a", "version": "1", "grant": {"records.read": [{"entity": "member"}], "mail": true}}"#,
        expect![[r#"
            error app.json#/plugins/a/grant/records.read/0: The key “fields” is missing. [schema.missing_key]
            error app.json#/plugins/a/grant/mail: The key “mail” is not known here. [schema.unknown_key]
              Known keys: records.read, records.write, http, storage.
        "#]],
    );
}

#[test]
fn entities_and_fields_that_are_meant_exist() {
    check_plugins(
        r#""a": {"id": "acme.a", "version": "1", "entities": {
            "person": {"entity": "membr"}, "payer": {"entity": "member", "fields": {"sum": "payd"}}}}"#,
        expect![[r#"
            error club/app.json#/plugins/a/entities/person/entity: There is no entity “membr”. Did you mean “member”? [ref.entity]
            error club/app.json#/plugins/a/entities/payer/fields/sum: The entity club.member has no field “payd”. Did you mean “paid”? [ref.field]
        "#]],
    );
}

#[test]
fn the_value_that_stands_in_is_of_the_declared_type() {
    let function = |declared: &str| {
        format!(r#""a": {{"id": "acme.a", "version": "1", "functions": {{"f": {{{declared}}}}}}}"#)
    };
    check_plugins(
        &function(r#""returns": "date", "otherwise": "tomorrow""#),
        expect![[r#"
        error club/app.json#/plugins/a/functions/f/otherwise: “f” gives date, but “tomorrow” is none. [plugin.otherwise]
          Write a value of that type, or null for the empty value.
    "#]],
    );
    check_plugins(
        &function(r#""returns": "decimal", "otherwise": "1.2345678""#),
        expect![[r#"
        error club/app.json#/plugins/a/functions/f/otherwise: “f” gives decimal, but “1.2345678” is none. [plugin.otherwise]
          Write a value of that type, or null for the empty value.
    "#]],
    );
    check_plugins(
        &function(r#""returns": "many", "otherwise": ["a", 1]"#),
        expect![[r#"
        error club/app.json#/plugins/a/functions/f/otherwise: “f” gives many, but “["a",1]” is none. [plugin.otherwise]
          Write a value of that type, or null for the empty value.
    "#]],
    );
    check_plugins(
        &function(r#""returns": "money""#),
        expect![[r#"
        error app.json#/plugins/a/functions/f/returns: “money” is not one of the values allowed here. Did you mean “many”? [schema.choice]
          Allowed: text, integer, decimal, float, boolean, date, timestamp, many, json.
    "#]],
    );
    for good in [
        r#""returns": "date", "otherwise": null"#,
        r#""returns": "decimal", "otherwise": "1.25""#,
        r#""returns": "many", "otherwise": ["a"]"#,
        r#""returns": "json", "otherwise": {"a": [1]}"#,
        r#""returns": "timestamp", "otherwise": "2026-03-01T08:00:00+08:00""#,
    ] {
        check_plugins(&function(good), expect![[""]]);
    }
}

#[test]
fn calls_are_checked_against_the_declaration() {
    check_computed("alike.how_much(record.name, 'x')", expect![""]);
    check_computed(
        "alike.how_much(record.name)",
        expect![[r#"
        error club/entities/member.json#/fields/2/value:7: `alike.how_much` is given 1 arguments; it is used as alike.how_much(text, text) → float [expr.type]
    "#]],
    );
    check_computed(
        "alike.how_much(record.name, record.paid)",
        expect![[r#"
        error club/entities/member.json#/fields/2/value:29: `alike.how_much` needs text here, but this is of type decimal(2) [expr.type]
    "#]],
    );
    check_computed(
        "alike.how_mutch(record.name, 'x')",
        expect![[r#"
        error club/entities/member.json#/fields/2/value:7: there is no function `alike.how_mutch`; did you mean `alike.how_much`? [expr.unknown_name]
    "#]],
    );
    check_computed(
        "alike.name",
        expect![[r#"
        error club/entities/member.json#/fields/2/value:1: `alike` holds functions of a plugin; call one of them, such as alike.how_much(text, text) → float [expr.type]
    "#]],
    );
    check_computed(
        "other.how_much(record.name)",
        expect![[r#"
        error club/entities/member.json#/fields/2/value:7: there is no function `other.how_much`; the documentation lists all functions [expr.unknown_name]
    "#]],
    );
}

#[test]
fn where_the_database_decides_no_plugin_is_asked() {
    let filter = r#"["name"], "filter": "alike.how_much(record.name, 'x') > 0.5""#;
    check_columns(
        filter,
        expect![[r#"
        error club/views/members.json#/filter:7: `alike.how_much` is a function of a plugin, and a database cannot call it; keep its result in a computed field, and use that field here [expr.sql]
    "#]],
    );
    check_columns(
        r#"["name"], "highlights": [{"when": "alike.how_much(record.name, 'x') > 0.5", "color": "red"}]"#,
        expect![[""]],
    );
    let rows = r#"{"id": "clerk", "label": {"en": "Clerk", "zh-CN": "职员"}, "permissions": [{"entity": "member",
        "operations": ["read"], "rows": {"where": "alike.next_day(record.joined) > today()"}}]}"#;
    let mut files = app();
    let manifest = files.get_mut("app.json").unwrap();
    *manifest = manifest.replacen(SETTINGS, &format!(r#""plugins": {{{ALIKE}}}, {SETTINGS}"#), 1);
    files.insert("roles/clerk.json".to_owned(), rows.to_owned());
    expect![[r#"
        error club/roles/clerk.json#/permissions/0/rows/where:7: `alike.next_day` is a function of a plugin, and a database cannot call it; keep its result in a computed field, and use that field here [expr.sql]
        warning club/roles/clerk.json#/permissions/0/rows/where:16: “joined” may be empty, and then the whole condition does not hold. [expr.maybe_empty]
          Say what is meant then: record.joined == null || …, or coalesce(record.joined, …).
    "#]].assert_eq(&said(files));
}

#[test]
fn columns_that_are_calculated_have_names_of_their_own() {
    let column = |id: &str, expression: &str| {
        format!(r#"["name", {{"id": "{id}", "expression": "{expression}", {LABEL}}}]"#)
    };
    check_columns(&column("score", "alike.how_much(record.name, 'x')"), expect![""]);
    check_columns(
        &column("level", "record.name + '!'"),
        expect![[r#"
        error club/views/members.json#/columns/1/id: There is a field or a column “level” already. [view.column_id]
          Give the column another id.
    "#]],
    );
    check_columns(
        &column("place", "['a', 'b']"),
        expect![[r#"
        error club/views/members.json#/columns/1/expression: A column cannot show values of type list(text). [view.column_type]
          Let the expression give a text, a number, a date or a time, yes or no.
    "#]],
    );
    check_columns(
        &column("score", "record.nam"),
        expect![[r#"
        error club/views/members.json#/columns/1/expression:8: there is no `nam` in `record`; did you mean `name`? [expr.unknown_name]
    "#]],
    );
    check_columns(
        &format!(
            r#"["name", {{"id": "a", "expression": "1", {LABEL}}}, {{"id": "a", "expression": "2", {LABEL}}}]"#
        ),
        expect![[r#"
            error club/views/members.json#/columns/2/id: There is a field or a column “a” already. [view.column_id]
              Give the column another id.
        "#]],
    );
    check_columns(
        r#"["name"], "sort": ["score"]"#,
        expect![[r#"
        error club/views/members.json#/sort/0: The entity club.member has no field “score”. [ref.field]
    "#]],
    );
}
