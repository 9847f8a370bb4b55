//! What the compiler makes of an app: indexes, order of calculation, scopes of roles, who depends on whom.

// Helpers of tests may unwrap, and take what an `expect!` makes as it comes.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use mortise_definition::model::{EntityModel, FieldKind, Model};
use mortise_definition::source::{FormPurpose, Operation};
use mortise_definition::{Package, SettingValues, compile, recompile};
use serde_json::json;

fn package(files: &[(&str, serde_json::Value)]) -> Arc<Package> {
    let files = files.iter().map(|(path, value)| ((*path).to_owned(), value.to_string())).collect();
    Arc::new(Package::from_files(files).unwrap_or_else(|problems| panic!("{problems:#?}")))
}

fn model(packages: &[Arc<Package>]) -> Arc<Model> {
    compile(packages, &[], &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems:#?}")).model
}

fn templates() -> [Arc<Package>; 2] {
    ["lead-management", "sales-core"].map(|app| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../app-templates").join(app);
        Arc::new(Package::read_folder(&folder).expect("the template is right"))
    })
}

fn indexes(entity: &EntityModel) -> String {
    let column = |(slot, descending): &(usize, bool)| {
        format!("{}{}", if *descending { "-" } else { "" }, entity.fields[*slot].name)
    };
    let line = |index: &mortise_definition::model::IndexModel| {
        let columns: Vec<String> = index.slots.iter().map(column).collect();
        format!("{}{} ({})\n", if index.unique { "unique " } else { "" }, index.name, columns.join(", "))
    };
    entity.indexes.iter().map(line).collect()
}

fn tasks(view: serde_json::Value, roles: &[serde_json::Value]) -> Arc<Package> {
    let mut files = vec![
        ("app.json".to_owned(), json!({"id": "work", "version": "1.0.0", "label": "Work"})),
        (
            "entities/task.json".to_owned(),
            json!({"id": "task", "label": "Task", "fields": [
                {"id": "title", "label": "Title", "type": "text", "unique": true},
                {"id": "status", "label": "Status", "type": "choice", "index": true, "choices": [
                    {"value": "open", "label": "Open"}, {"value": "done", "label": "Done"}]},
                {"id": "due", "label": "Due", "type": "date"},
                {"id": "parent", "label": "Parent", "type": "reference", "entity": "task"},
                {"id": "team", "label": "Team", "type": "team"},
                {"id": "hours", "label": "Hours", "type": "decimal", "scale": 1},
                {"id": "days", "label": "Days", "type": "computed", "value": "record.effort / 8"},
                {"id": "effort", "label": "Effort", "type": "computed", "value": "coalesce(record.hours, 0) * 1.25"},
                {"id": "children", "label": "Children", "type": "rollup", "entity": "task", "via": "parent", "operation": "sum", "field": "effort"}]}),
        ),
        ("views/tasks.json".to_owned(), view),
    ];
    for (number, rows) in roles.iter().enumerate() {
        let id = format!("role_{number}");
        let permission = json!({"entity": "task", "operations": ["read"], "rows": rows});
        files
            .push((format!("roles/{id}.json"), json!({"id": id, "label": "R", "permissions": [permission]})));
    }
    let files: Vec<(&str, serde_json::Value)> =
        files.iter().map(|(path, value)| (path.as_str(), value.clone())).collect();
    package(&files)
}

fn view(filter: &str, sort: &[&str]) -> serde_json::Value {
    let mut view =
        json!({"id": "tasks", "entity": "task", "label": "Tasks", "columns": ["title"], "sort": sort});
    if !filter.is_empty() {
        view["filter"] = filter.into();
    }
    view
}

fn check_indexes(view: serde_json::Value, roles: &[serde_json::Value], expected: Expect) {
    let model = model(&[tasks(view, roles)]);
    expected.assert_eq(&indexes(&model.entities[0]));
}

#[test]
fn uniqueness_references_and_the_newest_first_order_have_indexes() {
    check_indexes(
        view("", &[]),
        &[],
        expect![[r#"
        unique work__task__title__unique (title)
        work__task__status (status)
        work__task__parent (parent)
        work__task__created_at_desc_id_desc (-created_at, -id)
    "#]],
    );
}

#[test]
fn a_view_and_a_row_scope_become_one_index() {
    let own_or_free = json!({"where": "record.owner == user.id || record.owner == null"});
    check_indexes(
        view("record.status == 'open'", &["due"]),
        &[own_or_free],
        expect![[r#"
        unique work__task__title__unique (title)
        work__task__parent (parent)
        work__task__owner_status_due_id (owner, status, due, id)
        work__task__status_due_id (status, due, id)
    "#]],
    );
    let same_team = json!({"where": "record.team == user.department"});
    check_indexes(
        view("record.status == 'open' && record.due < today()", &["-due"]),
        &[json!("department"), same_team],
        expect![[r#"
        unique work__task__title__unique (title)
        work__task__parent (parent)
        work__task__owner_status_due_desc_id_desc (owner, status, -due, -id)
        work__task__team_status_due_desc_id_desc (team, status, -due, -id)
        work__task__status_due_desc_id_desc (status, -due, -id)
    "#]],
    );
}

#[test]
fn long_names_of_indexes_end_in_a_digest() {
    let model = model(&[tasks(
        view(
            "record.status == 'open' && record.parent == null && record.team == user.department",
            &["due", "-hours", "-title"],
        ),
        &[json!("own")],
    )]);
    for index in &model.entities[0].indexes {
        assert!(index.name.len() <= 60, "{}", index.name);
    }
    expect![[r#"
        unique work__task__title__unique (title)
        work__task__parent (parent)
        work__task__owner_status_parent_team_due_hours_desc_8f26beaf (owner, status, parent, team, due, -hours, -title, -id)
        work__task__status_parent_team_due_hours_desc_title_96283ff0 (status, parent, team, due, -hours, -title, -id)
    "#]].assert_eq(&indexes(&model.entities[0]));
}

#[test]
fn computed_fields_are_calculated_after_those_they_read() {
    let model = model(&[tasks(view("", &[]), &[])]);
    let task = &model.entities[0];
    let names: Vec<&str> = task.computed.iter().map(|slot| &*task.fields[*slot].name).collect();
    assert_eq!(names, ["effort", "days"]);
    let ty = |name: &str| task.shape.member(name).unwrap().ty.to_string();
    assert_eq!(
        [ty("hours"), ty("effort"), ty("days"), ty("children")],
        ["decimal(1)", "decimal(3)", "decimal(6)", "decimal(3)"]
    );
    let children = task.field("children").unwrap();
    assert_eq!(task.feeds, [(0, children.slot)]);
    assert_eq!(task.referrers, [(0, task.field("parent").unwrap().slot)]);
    assert!(
        !children.writable()
            && task.field("owner").unwrap().writable()
            && !task.field("id").unwrap().writable()
    );
}

#[test]
fn settings_are_values_that_administrators_change() {
    let app = package(&[(
        "app.json",
        json!({"id": "a", "version": "1.0.0", "label": {"en": "A", "zh-CN": "甲"}, "settings": {
            "share": {"type": "decimal", "label": "Share", "default": "0.40", "min": 0, "max": 1},
            "days": {"type": "integer", "label": "Days", "default": 30, "min": 1}}}),
    )]);
    let compiled = |values: serde_json::Value| {
        let values: SettingValues =
            BTreeMap::from([("a".to_owned(), serde_json::from_value(values).unwrap())]);
        let compiled = compile(std::slice::from_ref(&app), &[], &values).unwrap();
        let values: Vec<String> =
            compiled.model.apps[0].setting_values.iter().map(ToString::to_string).collect();
        (
            values.join(" "),
            compiled.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            compiled.model.digest.clone(),
        )
    };
    let (values, warnings, digest) = compiled(json!({"days": 7, "forgotten": true}));
    assert_eq!((values.as_str(), warnings.as_str()), ("0.400000 7", ""));
    let (values, warnings, other) = compiled(json!({"days": 0, "share": "2"}));
    assert_eq!(values, "0.400000 30");
    expect![[r#"
        warning a/app.json#/settings/share: The value "2" no longer suits the setting “share”, which has to be 0–1; the default is used. [setting.value]
          Set a new value.
        warning a/app.json#/settings/days: The value 0 no longer suits the setting “days”, which has to be ≥ 1; the default is used. [setting.value]
          Set a new value."#]].assert_eq(&warnings);
    assert_ne!(digest, other);
}

#[test]
fn the_templates_make_the_model_that_their_authors_meant() {
    let model = model(&templates());
    let lead = model.entity("lead-management.lead").unwrap();
    assert_eq!(lead.table, "lead_management__lead");
    assert_eq!(&*lead.fields[lead.title].name, "name");
    let create = model.form_of(lead, FormPurpose::Create).unwrap();
    let required = create.sections.iter().flat_map(|section| &section.items);
    let required: Vec<&str> = required
        .map(|item| &lead.fields[item.slot])
        .filter(|field| field.required)
        .map(|field| &*field.name)
        .collect();
    assert_eq!(required, ["name", "phone", "company", "need"]);
    let representative = &model.roles["lead-management.representative"].permissions[&lead.index];
    assert!(representative.operations.contains(&Operation::Read) && representative.rows.is_some());
    let region = lead.field("region").unwrap();
    let FieldKind::Tree { tree, region: true, .. } = &region.kind else { panic!("{:?}", region.kind) };
    assert!(model.trees[tree].by_path.len() > 3_000);
    // Fields of an extension stand behind those of the entity and keep the id of their app.
    let account = model.entity("sales-core.account").unwrap();
    assert_eq!(account.field("origin_lead").unwrap().id, "lead-management:origin_lead");
    expect![[r#"
        lead_management__lead__grade (grade)
        lead_management__lead__source (source)
        lead_management__lead__product_line (product_line)
        lead_management__lead__lost_to (lost_to)
        lead_management__lead__account (account)
        lead_management__lead__contact (contact)
        lead_management__lead__opportunity (opportunity)
        lead_management__lead__name_id (name, id)
        lead_management__lead__phone (phone)
        lead_management__lead__email (email)
        lead_management__lead__owner_open_follow_up_due_at_id (owner, open, follow_up_due_at, id)
        lead_management__lead__owner_open_heat_rank_desc_he_73f3067b (owner, open, -heat_rank, -heat_score, -created_at, -id)
        lead_management__lead__open_follow_up_due_at_id (open, follow_up_due_at, id)
        lead_management__lead__owner_status_updated_at_desc_id_desc (owner, status, -updated_at, -id)
        lead_management__lead__status_updated_at_desc_id_desc (status, -updated_at, -id)
        lead_management__lead__owner_open_next_step_on_id (owner, open, next_step_on, id)
        lead_management__lead__open_next_step_on_id (open, next_step_on, id)
        lead_management__lead__owner_open_created_at_desc_id_desc (owner, open, -created_at, -id)
        lead_management__lead__open_created_at_desc_id_desc (open, -created_at, -id)
        lead_management__lead__owner_created_at_desc_id_desc (owner, -created_at, -id)
        lead_management__lead__created_at_desc_id_desc (-created_at, -id)
        lead_management__lead__owner_open_updated_at_desc_id_desc (owner, open, -updated_at, -id)
        lead_management__lead__open_updated_at_desc_id_desc (open, -updated_at, -id)
        lead_management__lead__owner_region_open_created_at_5e812e6a (owner, region, open, -created_at, -id)
        lead_management__lead__region_open_created_at_desc_id_desc (region, open, -created_at, -id)
    "#]]
    .assert_eq(&indexes(lead));
}

#[test]
fn what_was_compiled_before_is_compiled_again_to_the_same_model() {
    let packages = templates().map(|package| {
        Arc::new(Package::trusted_from_files(&package.files()).expect("what was saved is right"))
    });
    let compiled = recompile(&packages, &[], &BTreeMap::new()).unwrap();
    assert_eq!(compiled.model.digest, model(&templates()).digest);
    assert_eq!(compiled.packages[0].app.id, "sales-core");
}
