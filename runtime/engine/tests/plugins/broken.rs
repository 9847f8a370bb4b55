//! What cannot be used is shown with its reason, and whatever was in force before stays in force.

use mortise_engine::plugins::{EntityMapping, PluginState, Standing};
use mortise_plugin_host::Package;
use mortise_plugin_host::limits::Settings;
use serde_json::{Value as Json, json};

use crate::common::Bench;
use crate::common::desk::{desk, entity, plain, thing};
use crate::support::{
    GOOD, ID, check, code, info, install, install_plain, issue, manifest, museum, of_parts, package,
    problems, reads, rights, standing,
};

fn component(version: &str) -> Vec<u8> {
    let bytes = package(&manifest(version, &json!({})), GOOD);
    Package::read(&bytes, &Settings::default()).unwrap().component
}

/// A component with a module that has more global variables than anybody needs.
fn crowded() -> Vec<u8> {
    let text = format!("(module {})", "(global i32 (i32.const 0))".repeat(60_001));
    let module = wat::parse_str(text).unwrap();
    // A section of kind 1 is a module; its length is written seven bits at a time.
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    let mut length = module.len();
    while length >= 0x80 {
        component.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    component.push(u8::try_from(length).unwrap());
    component.extend(module);
    component
}

/// Components that cannot be used, with the reason.
fn bad() -> Vec<(Vec<u8>, Json, &'static str)> {
    let good = component("2.0.0");
    let plain = manifest("2.0.0", &json!({}));
    let mut lying = plain.clone();
    lying["exports"][0]["point"] = "after-commit".into();
    let mut newer = plain.clone();
    newer["runtime"] = ">=7".into();
    let other = Package::read(&museum("intent-heat"), &Settings::default()).unwrap().component;
    let mut scorer = plain.clone();
    scorer["exports"][0]["point"] = "scorer".into();
    vec![
        (good[..good.len() / 2].to_vec(), plain.clone(), "plugin.component_broken"),
        (wat::parse_str("(module)").unwrap(), plain.clone(), "plugin.core_module"),
        (crowded(), plain.clone(), "plugin.too_many_globals"),
        (b"MZ, a program".to_vec(), plain, "plugin.no_webassembly"),
        (good.clone(), lying, "plugin.export_missing"),
        (good, newer, "plugin.server_version"),
        // It imports what its manifest does not ask for.
        (other, scorer, "plugin.import_not_declared"),
    ]
}

#[tokio::test]
async fn a_component_that_cannot_be_used_is_shown_as_broken_with_the_reason() {
    check(async |bench: &Bench| {
        for (component, manifest, reason) in bad() {
            let report = install(bench, of_parts(&manifest, component)).await;
            assert_eq!(report.standing, Standing::Broken, "{reason}");
            assert_eq!(standing(bench).await.0, PluginState::Broken, "{reason}");
            assert!(problems(bench).await.iter().any(|problem| problem == reason), "{reason}");
            let problem = info(bench).await.problems.remove(0);
            assert!(
                !problem.message.get("en").is_empty()
                    && problem.message.get("zh-CN") != problem.message.get("en")
            );
            bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
            bench.tenant.remove_plugin(&bench.admin(), ID, false).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_that_cannot_be_used_leaves_the_version_before_in_force() {
    check(async |bench: &Bench| {
        install_plain(bench, "1.0.0", GOOD).await;
        for (number, (component, manifest, reason)) in (2..).zip(bad()) {
            let report = install(bench, of_parts(&manifest, component)).await;
            assert_eq!((report.number, report.standing), (number, Standing::Broken), "{reason}");
            assert_eq!(standing(bench).await, (PluginState::On, 1, "1.0.0".into()), "{reason}");
            let version = info(bench).await.versions.remove(0);
            assert!(version.broken.iter().any(|problem| problem.code == reason), "{reason}");
            let rolled = bench.tenant.rollback_plugin(&bench.admin(), ID, Some(number)).await;
            assert_eq!(code(rolled), "plugin.is_broken");
        }
        assert_eq!(install_plain(bench, "3.0.0", GOOD).await.standing, Standing::InForce);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_package_is_refused_with_everything_that_is_wrong() {
    check(async |bench: &Bench| {
        let bytes = package(&manifest("1.0.0", &json!({})), GOOD);
        let half = bytes[..bytes.len() / 2].to_vec();
        for bytes in [half, b"{}".to_vec(), Vec::new()] {
            let refused = bench.tenant.install_plugin(&bench.admin(), bytes, None).await.unwrap_err();
            assert_eq!(refused.code(), "plugin.invalid");
            let mortise_engine::Error::Plugin(problems) = refused else { panic!("{refused}") };
            assert_eq!(problems[0].code, "plugin.package_broken");
        }
        assert!(bench.tenant.plugins(&bench.admin()).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_plugin_for_an_entity_that_is_not_there_says_what_to_do_and_works_once_it_is() {
    check(async |bench: &Bench| {
        let mut gadget = manifest("1.0.0", &json!({}));
        gadget["exports"][0]["entity"] = "gadget".into();
        let report = install(bench, package(&gadget, GOOD)).await;
        assert_eq!(report.standing, Standing::Broken);
        assert_eq!(problems(bench).await, ["plugin.entity_missing"]);
        let problem = info(bench).await.problems.remove(0);
        assert_eq!(problem.place, "plugin.json#/exports/0/entity");
        assert!(problem.hint.unwrap().get("zh-CN").contains("插件页面"));

        // The entity comes with an app, and the plugin is in force without anybody doing anything.
        let note = plain("note", "text");
        let gadgets = entity("gadget", vec![plain("name", "text")], json!({ "title": "name" }));
        bench.install(desk("1.1.0", vec![thing(vec![note.clone()]), gadgets])).await.unwrap();
        assert_eq!(standing(bench).await.0, PluginState::On);

        // And it goes with it.
        let gone = desk("1.2.0", vec![thing(vec![note])]);
        bench.install_confirmed(gone, &["desk.gadget"]).await.unwrap();
        assert_eq!(problems(bench).await, ["plugin.entity_missing"]);
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
    })
    .await;
}

/// A plugin that gets the note of things, and does this when its validator fails.
fn noted(on_failure: &str) -> Vec<u8> {
    let mut noted = manifest("1.0.0", &json!({}));
    noted["exports"][0]["input"] = json!(["name", "note"]);
    noted["exports"][0]["on_failure"] = on_failure.into();
    package(&noted, GOOD)
}

/// Takes the note away from things.
async fn without_note(bench: &Bench) {
    bench.install_confirmed(desk("2.0.0", vec![thing(vec![])]), &["desk.thing.note"]).await.unwrap();
}

#[tokio::test]
async fn what_a_plugin_checked_is_not_saved_unchecked_when_its_fields_go() {
    check(async |bench: &Bench| {
        install(bench, noted("reject")).await;
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
        without_note(bench).await;
        assert_eq!(problems(bench).await, ["plugin.field_missing", "plugin.saves_refused"]);
        let refused = bench.try_create(&bench.admin(), "desk.thing", json!({ "name": "b" })).await;
        assert_eq!(issue(refused), "plugin.unfit");
        bench.tenant.set_plugin_enabled(&bench.admin(), ID, false).await.unwrap();
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "c" })).await;
    })
    .await;
}

#[tokio::test]
async fn what_may_be_saved_without_a_plugin_is_saved_when_its_fields_go() {
    check(async |bench: &Bench| {
        install(bench, noted("skip")).await;
        without_note(bench).await;
        assert_eq!(problems(bench).await, ["plugin.field_missing"]);
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
    })
    .await;
}

#[tokio::test]
async fn what_never_fitted_keeps_nobody_from_saving() {
    check(async |bench: &Bench| {
        without_note(bench).await;
        install(bench, noted("reject")).await;
        assert_eq!(problems(bench).await, ["plugin.field_missing"]);
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
        // With the field it comes into force, and stays responsible when that goes again.
        bench.install(desk("2.1.0", vec![thing(vec![plain("note", "text")])])).await.unwrap();
        assert_eq!(standing(bench).await.0, PluginState::On);
        bench.install_confirmed(desk("2.2.0", vec![thing(vec![])]), &["desk.thing.note"]).await.unwrap();
        let refused = bench.try_create(&bench.admin(), "desk.thing", json!({ "name": "b" })).await;
        assert_eq!(issue(refused), "plugin.unfit");
    })
    .await;
}

#[tokio::test]
async fn names_of_a_plugin_can_mean_other_entities_and_fields() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let mut firm =
            manifest("1.0.0", &json!({ "records.read": [{ "entity": "firm", "fields": ["tax"] }] }));
        firm["exports"][0]["entity"] = "firm".into();
        firm["exports"][0]["input"] = json!(["name", "tax"]);
        firm["exports"][0]["when"] = "after.tax != before.tax".into();
        let grant = rights(&json!({ "records.read": [{ "entity": "firm", "fields": ["*"] }] }));
        tenant.install_plugin(&root, package(&firm, GOOD), Some(grant)).await.unwrap();
        assert_eq!(standing(bench).await.0, PluginState::Broken);
        assert_eq!(info(bench).await.entities["firm"], None);

        let meaning = |entity: &str, field: &str| {
            let fields = [("tax".to_owned(), field.to_owned())].into();
            [("firm".to_owned(), EntityMapping { entity: entity.into(), fields })].into()
        };
        tenant.set_plugin_mapping(&root, ID, meaning("desk.thing", "nota")).await.unwrap();
        assert!(problems(bench).await.contains(&"plugin.field_missing".to_owned()));
        tenant.set_plugin_mapping(&root, ID, meaning("desk.thing", "note")).await.unwrap();
        assert_eq!(standing(bench).await.0, PluginState::On);
        assert_eq!(info(bench).await.entities["firm"].as_deref(), Some("desk.thing"));
        let stranger = [("nobody".to_owned(), EntityMapping::default())].into();
        assert_eq!(code(tenant.set_plugin_mapping(&root, ID, stranger).await), "record.invalid");
    })
    .await;
}

#[tokio::test]
async fn fields_conditions_and_outputs_that_do_not_fit_are_all_named() {
    check(async |bench: &Bench| {
        let mut hook = manifest("1.0.0", &reads(&["colour"]));
        hook["exports"][0] = json!({
            "point": "before-save", "name": "it", "entity": "thing",
            "input": ["name", "size", "name.length"],
            "output": ["note", "version", "weight"],
            "when": "after.nothing == 1",
        });
        let all = Some(rights(&reads(&["*"])));
        let report = bench.tenant.install_plugin(&bench.admin(), package(&hook, GOOD), all).await.unwrap();
        let found: Vec<(&str, &str)> =
            report.problems.iter().map(|one| (one.code.as_str(), one.place.as_str())).collect();
        let expected = [
            ("plugin.field_missing", "plugin.json#/permissions/records.read"),
            ("plugin.field_missing", "plugin.json#/exports/0/input/1"),
            ("plugin.not_a_reference", "plugin.json#/exports/0/input/2"),
            ("plugin.output", "plugin.json#/exports/0/output/1"),
            ("plugin.field_missing", "plugin.json#/exports/0/output/2"),
        ];
        assert_eq!(found[..5], expected);
        assert!(found[5].1.starts_with("plugin.json#/exports/0/when"), "{found:?}");
    })
    .await;
}

#[tokio::test]
async fn two_entities_of_one_name_have_to_be_told_apart() {
    check(async |bench: &Bench| {
        let mut other = desk("1.0.0", vec![thing(vec![])]).files();
        let app = other.get_mut("app.json").unwrap();
        *app = app.replace("\"desk\"", "\"loft\"");
        let files: Vec<(&str, Json)> =
            other.iter().map(|(name, text)| (name.as_str(), serde_json::from_str(text).unwrap())).collect();
        bench.install(crate::common::package(files)).await.unwrap();
        install_plain(bench, "1.0.0", GOOD).await;
        assert_eq!(problems(bench).await, ["plugin.entity_ambiguous"]);
        let meant = EntityMapping { entity: "loft.thing".into(), ..EntityMapping::default() };
        let mapping = [("thing".to_owned(), meant)].into();
        bench.tenant.set_plugin_mapping(&bench.admin(), ID, mapping).await.unwrap();
        assert_eq!(info(bench).await.entities["thing"].as_deref(), Some("loft.thing"));
    })
    .await;
}
