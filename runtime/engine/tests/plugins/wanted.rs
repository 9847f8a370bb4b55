//! Apps that use plugins: those that ship with the product come along, the others are missed, and the app works either way.

use std::path::Path;
use std::sync::Arc;

use mortise_engine::plugins::{PluginOptions, PluginState};
use mortise_engine::{Engine, EngineOptions, System, Tenant};
use serde_json::{Value as Json, json};

use crate::common::desk::{entity, plain, thing, words};
use crate::common::{Bench, databases, package as app_package};
use crate::support::{GOOD, ID, manifest, package, reads, rights};

/// A shelf with the plugin in two versions.
fn shelf(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for version in ["1.0.0", "1.2.0"] {
        let mut manifest = manifest(
            version,
            &json!({ "records.read": [{ "entity": "thing", "fields": ["name", "note"] }] }),
        );
        manifest["exports"][0]["input"] = json!(["title"]);
        std::fs::write(folder.join(format!("{version}.plugin")), package(&manifest, GOOD)).unwrap();
    }
    std::fs::write(folder.join("broken.plugin"), "nothing").unwrap();
    std::fs::write(folder.join("readme.txt"), "words").unwrap();
}

/// `desk`, which uses the plugin for its `item` where the plugin says `thing`.
fn app(version: &str, wants: &str) -> mortise_definition::Package {
    let wanted = json!({
        "id": ID,
        "version": wants,
        "grant": reads(&["name"]),
        "entities": { "thing": { "entity": "item", "fields": { "title": "name" } } },
    });
    let app =
        json!({ "id": "desk", "version": version, "label": words("Desk"), "plugins": { "checker": wanted } });
    let item = entity("item", vec![plain("name", "text"), plain("note", "text")], json!({ "title": "name" }));
    app_package(vec![("app.json", app), ("entities/item.json", item), ("entities/thing.json", thing(vec![]))])
}

/// A tenant on an engine with a shelf.
async fn check(test: impl AsyncFn(&Bench, &Tenant)) {
    for (name, kind) in databases() {
        let bench = Bench::open(name, kind.clone(), Arc::new(System)).await;
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("shelf");
        shelf(&place);
        let engine = Engine::open(EngineOptions {
            data_dir: folder.path().join("data"),
            database: kind,
            env: Arc::new(System),
            file_bytes_max: mortise_engine::FILE_BYTES_MAX,
            plugins: PluginOptions { shelf: Some(place), ..PluginOptions::default() },
        });
        let engine = engine.await.unwrap();
        let slug = format!("{}w", bench.tenant.slug);
        let tenant = engine.tenant(&slug).await.unwrap();
        tenant.set_directory((*bench.tenant.directory()).clone());
        test(&bench, &tenant).await;
        engine.drop_tenant_storage(&slug).await.unwrap();
        bench.drop().await;
    }
}

#[tokio::test]
async fn an_app_brings_its_plugin_from_the_shelf_and_its_grant_is_confirmed() {
    check(async |bench: &Bench, tenant: &Tenant| {
        let (root, app) = (bench.admin(), Arc::new(app("1.0.0", ">=1, <2")));
        let plan = tenant.plan(app.clone()).await.unwrap();
        let planned = &plan.plugins[0];
        assert_eq!(
            (planned.plugin.id.as_str(), planned.plugin.version.to_string()),
            (ID, "1.2.0".to_owned())
        );
        assert_eq!(planned.grant, rights(&reads(&["name"])));
        assert!(tenant.plugins(&root).await.unwrap().is_empty(), "a plan changes nothing");

        let report = tenant.install(&root, app, std::slice::from_ref(&planned.key)).await.unwrap();
        assert_eq!(report.plugins[0].version, "1.2.0");
        let plugin = tenant.plugin(&root, ID).await.unwrap();
        assert_eq!(plugin.state, PluginState::On, "{:?}", plugin.problems);
        assert_eq!(plugin.entities["thing"].as_deref(), Some("desk.item"), "the app says what is meant");
        assert_eq!(plugin.versions[0].granted, Some(rights(&reads(&["name"]))));
    })
    .await;
}

#[tokio::test]
async fn without_confirmation_the_plugin_waits_and_the_app_works() {
    check(async |bench: &Bench, tenant: &Tenant| {
        let root = bench.admin();
        tenant.install(&root, Arc::new(app("1.0.0", ">=1, <2")), &[]).await.unwrap();
        assert_eq!(tenant.plugin(&root, ID).await.unwrap().state, PluginState::Waiting);
        let values = json!({ "name": "a" }).as_object().unwrap().clone();
        let entity = "desk.item".into();
        let command = mortise_engine::Command::Create { entity, values, id: None, allow_duplicates: false };
        tenant.run(&root, command, mortise_engine::RunOptions::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_is_nowhere_is_a_warning() {
    check(async |bench: &Bench, tenant: &Tenant| {
        let root = bench.admin();
        let newer = Arc::new(app("1.0.0", ">=7"));
        let warned = |plan: mortise_engine::Plan| -> Vec<&'static str> {
            let own = plan.warnings.into_iter().map(|warning| warning.code);
            own.filter(|code| code.starts_with("plugin.wanted")).collect()
        };
        let plan = tenant.plan(newer.clone()).await.unwrap();
        assert!(plan.plugins.is_empty());
        assert_eq!(warned(plan), ["plugin.wanted_missing"]);
        let mut optional = app("1.0.0", ">=7");
        optional.app.plugins.values_mut().for_each(|wanted| wanted.optional = true);
        assert_eq!(warned(tenant.plan(Arc::new(optional)).await.unwrap()), ["plugin.wanted_optional"]);
        tenant.install(&root, newer, &[]).await.unwrap();
        assert!(tenant.plugins(&root).await.unwrap().is_empty());

        tenant.install_shipped_plugin(&root, ID, None).await.unwrap();
        let plan = tenant.plan(Arc::new(app("1.0.1", ">=7"))).await.unwrap();
        assert_eq!(warned(plan), ["plugin.wanted_version"]);
    })
    .await;
}

#[tokio::test]
async fn the_shelf_shows_each_plugin_in_its_newest_version() {
    check(async |bench: &Bench, tenant: &Tenant| {
        let shipped = tenant.shipped_plugins(&bench.admin()).await.unwrap();
        let shown: Vec<Json> = shipped.iter().map(|one| json!([one.id, one.version.to_string()])).collect();
        assert_eq!(shown, [json!([ID, "1.2.0"])]);
        let ann = bench.hire("ann", &[], |_| ());
        assert!(tenant.shipped_plugins(&ann).await.is_err());
    })
    .await;
}
