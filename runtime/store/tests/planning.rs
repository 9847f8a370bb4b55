//! The steps from one version of an app to the next, as they are shown to an administrator.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::{Package, compile};
use mortise_store::catalog::{Catalog, plan};
use serde_json::{Value as Json, json};

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

fn field(id: &str, more: Json) -> Json {
    let mut field = json!({"id": id, "label": words(id), "type": "text"});
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    field
}

fn entity(id: &str, more: Json, fields: Vec<Json>) -> Json {
    let mut entity = json!({"id": id, "label": words(id), "fields": fields});
    entity.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entity
}

/// The catalogue of the app `desk` with these entities.
fn desk(entities: &[Json]) -> Catalog {
    let app = json!({"id": "desk", "version": "1.0.0", "label": words("Desk")});
    let mut files = BTreeMap::from([("app.json".to_owned(), app.to_string())]);
    for entity in entities {
        files.insert(format!("entities/{}.json", entity["id"].as_str().unwrap()), entity.to_string());
    }
    let package = Package::from_files(files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let compiled = compile(&[Arc::new(package)], &[], &BTreeMap::new());
    Catalog::of(&compiled.unwrap_or_else(|problems| panic!("{problems:#?}")).model)
}

/// Checks the steps along versions, and that there is nothing left to do after each.
fn check(versions: &[&[Json]], expected: &Expect) {
    let mut present = Catalog::default();
    let mut told = String::new();
    for entities in versions {
        let desired = desk(entities);
        let migration = plan(&present, &desired);
        told.push_str("--\n");
        for step in &migration.steps {
            let mut step = serde_json::to_value(step).unwrap();
            let name = step["step"].as_str().unwrap().to_owned();
            let members = step.as_object_mut().unwrap();
            ["step", "entity"].iter().for_each(|key| drop(members.remove(*key)));
            let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
            told.push_str(&format!("{name} {}\n", members.join(" ")));
        }
        for lost in &migration.destructive {
            told.push_str(&format!("! {} {}\n", lost.kind, lost.key));
        }
        // What is stored is what is planned from the next time.
        present = serde_json::from_str(&serde_json::to_string(&migration.after).unwrap()).unwrap();
        assert_eq!(present, migration.after);
        assert_eq!(plan(&present, &desired).steps, [], "there is something left to do");
    }
    expected.assert_eq(&told);
}

#[test]
fn a_new_table_comes_with_its_indexes() {
    let thing = entity(
        "thing",
        json!({"indexes": [{"fields": ["name", "size"]}], "duplicates": {"fields": [{"field": "name", "compare": "exact"}], "show": ["name"]}}),
        vec![
            field("name", json!({"search": true})),
            field("size", json!({"type": "integer", "unique": true})),
        ],
    );
    check(
        &[&[thing]],
        &expect![[r#"
            --
            create_table table="desk__thing"
            create_index unique=true columns=[["size",false]] table="desk__thing" index="desk__thing__size__unique"
            create_index unique=false columns=[["name",false],["id",false]] table="desk__thing" index="desk__thing__name_id"
            create_index unique=false columns=[["name",false],["size",false]] table="desk__thing" index="desk__thing__name_size"
            rebuild_search create=true drop=false table="desk__thing"
            rebuild_duplicates create=true drop=false table="desk__thing"
        "#]],
    );
}

#[test]
fn fields_are_added_renamed_swapped_and_widened() {
    let first = entity(
        "thing",
        json!({}),
        vec![
            field("a", json!({"index": true})),
            field("b", json!({})),
            field("n", json!({"type": "integer"})),
        ],
    );
    let second = entity(
        "thing",
        json!({}),
        vec![
            field("new", json!({"name": "a"})),
            field("a", json!({"name": "b", "index": true})),
            field("b", json!({"name": "c"})),
            field("n", json!({"type": "decimal", "scale": 2})),
        ],
    );
    let third = entity(
        "thing",
        json!({}),
        vec![
            field("new", json!({"name": "b"})),
            field("a", json!({"name": "a", "index": true})),
            field("b", json!({"name": "c"})),
            field("n", json!({"type": "text"})),
        ],
    );
    check(
        &[&[first], &[second], &[third]],
        &expect![[r#"
            --
            create_table table="desk__thing"
            create_index unique=false columns=[["a",false],["id",false]] table="desk__thing" index="desk__thing__a_id"
            --
            drop_index index="desk__thing__a_id"
            rename_column to="_moving_a" from="a" table="desk__thing"
            rename_column to="_moving_b" from="b" table="desk__thing"
            add_column column="a" table="desk__thing"
            rename_column to="b" from="_moving_a" table="desk__thing"
            rename_column to="c" from="_moving_b" table="desk__thing"
            widen column="n" table="desk__thing"
            create_index unique=false columns=[["b",false]] table="desk__thing" index="desk__thing__b"
            create_index unique=false columns=[["a",false],["id",false]] table="desk__thing" index="desk__thing__a_id"
            --
            drop_index index="desk__thing__b"
            drop_index index="desk__thing__a_id"
            rename_column to="_moving_b" from="b" table="desk__thing"
            rename_column to="_moving_a" from="a" table="desk__thing"
            rename_column to="b" from="_moving_a" table="desk__thing"
            rename_column to="a" from="_moving_b" table="desk__thing"
            widen column="n" table="desk__thing"
            create_index unique=false columns=[["a",false]] table="desk__thing" index="desk__thing__a"
            create_index unique=false columns=[["b",false],["id",false]] table="desk__thing" index="desk__thing__b_id"
        "#]],
    );
}

#[test]
fn entities_are_renamed_swapped_removed_and_come_back() {
    let named = |id: &str, name: &str| {
        entity(id, json!({"name": name}), vec![field("name", json!({"unique": true, "search": true}))])
    };
    check(
        &[
            &[named("one", "one"), named("two", "two")],
            &[named("one", "two"), named("two", "one")],
            &[named("two", "one"), named("three", "two")],
            &[named("one", "two"), named("two", "one")],
        ],
        &expect![[r#"
            --
            create_table table="desk__one"
            create_table table="desk__two"
            create_index unique=true columns=[["name",false]] table="desk__one" index="desk__one__name__unique"
            rebuild_search create=true drop=false table="desk__one"
            create_index unique=true columns=[["name",false]] table="desk__two" index="desk__two__name__unique"
            rebuild_search create=true drop=false table="desk__two"
            --
            drop_index index="desk__one__name__unique"
            drop_index index="desk__two__name__unique"
            rename_table to="_moving_desk__two" from="desk__two"
            rename_table to="_moving_desk__one" from="desk__one"
            rename_table to="desk__two" from="_moving_desk__one"
            rename_table to="desk__one" from="_moving_desk__two"
            create_index unique=true columns=[["name",false]] table="desk__two" index="desk__two__name__unique"
            create_index unique=true columns=[["name",false]] table="desk__one" index="desk__one__name__unique"
            --
            drop_index index="desk__two__name__unique"
            rename_table to="_old_desk__two" from="desk__two"
            create_table table="desk__two"
            create_index unique=true columns=[["name",false]] table="desk__two" index="desk__two__name__unique"
            rebuild_search create=true drop=false table="desk__two"
            ! entity_removed desk.one
            --
            drop_index index="desk__two__name__unique"
            rename_table to="_old_desk__two_2" from="desk__two"
            rename_table to="desk__two" from="_old_desk__two"
            create_index unique=true columns=[["name",false]] table="desk__two" index="desk__two__name__unique"
            ! entity_removed desk.three
        "#]],
    );
}

#[test]
fn columns_that_go_are_kept_and_those_whose_type_changes_come_back_with_it() {
    let with = |kind: &str| {
        entity(
            "thing",
            json!({}),
            vec![field("a", json!({})), field("n", json!({"type": kind, "search": kind == "text"}))],
        )
    };
    let without = entity("thing", json!({}), vec![field("a", json!({}))]);
    check(
        &[
            &[with("text")],
            &[with("integer")],
            &[with("text")],
            std::slice::from_ref(&without),
            &[with("integer")],
            std::slice::from_ref(&without),
            &[with("text")],
        ],
        &expect![[r#"
            --
            create_table table="desk__thing"
            create_index unique=false columns=[["a",false],["id",false]] table="desk__thing" index="desk__thing__a_id"
            rebuild_search create=true drop=false table="desk__thing"
            --
            rename_column to="_old_n" from="n" table="desk__thing"
            add_column column="n" table="desk__thing"
            rebuild_search create=false drop=true table="desk__thing"
            ! type_changed desk.thing.n
            --
            rename_column to="_old_n_2" from="n" table="desk__thing"
            rename_column to="n" from="_old_n" table="desk__thing"
            rebuild_search create=true drop=false table="desk__thing"
            ! type_changed desk.thing.n
            --
            rename_column to="_old_n" from="n" table="desk__thing"
            rebuild_search create=false drop=true table="desk__thing"
            ! field_removed desk.thing.n
            --
            rename_column to="n" from="_old_n_2" table="desk__thing"
            --
            rename_column to="_old_n_2" from="n" table="desk__thing"
            ! field_removed desk.thing.n
            --
            rename_column to="n" from="_old_n" table="desk__thing"
            rebuild_search create=true drop=false table="desk__thing"
        "#]],
    );
}
