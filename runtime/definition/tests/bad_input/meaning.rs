//! Artifacts that are written well and still cannot work: expressions, options, forms, roles, trees, data.

use super::*;

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
