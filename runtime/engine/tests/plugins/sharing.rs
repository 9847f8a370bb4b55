//! What a set of plugins survives, and who shares what: restarts, other nodes, other tenants, the operator's limits.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mortise_engine::plugins::{PluginOptions, PluginState};
use mortise_engine::{
    Actor, Command, Database, Engine, EngineOptions, Error, Outcome, RunOptions, System, Tenant,
};
use serde_json::json;

use crate::common::desk::{desk, plain, thing};
use crate::common::{Bench, databases};
use crate::support::{
    GOOD, ID, TRAP, check, code, info, install, install_plain, manifest, museum, package, reads, rights,
};

/// What is awaited comes in milliseconds; a machine that is busy takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn data_dir(bench: &Bench) -> std::path::PathBuf {
    bench.engine.tenant_dir("x").parent().unwrap().parent().unwrap().to_owned()
}

/// Another node, or another operator's settings, on the same database.
async fn opened(data_dir: &Path, database: Database, plugins: PluginOptions) -> Engine {
    let options = EngineOptions {
        data_dir: data_dir.to_owned(),
        database,
        env: Arc::new(System),
        file_bytes_max: mortise_engine::FILE_BYTES_MAX,
        plugins,
    };
    Engine::open(options).await.unwrap()
}

/// A tenant as another engine sees it, with the same people.
async fn tenant_of(engine: &Engine, slug: &str, bench: &Bench) -> Arc<Tenant> {
    let tenant = engine.tenant(slug).await.unwrap();
    tenant.set_directory((*bench.tenant.directory()).clone());
    tenant
}

/// Another tenant beside that of the bench, with the same people.
async fn beside(engine: &Engine, suffix: &str, bench: &Bench) -> Arc<Tenant> {
    tenant_of(engine, &format!("{}{suffix}", bench.tenant.slug), bench).await
}

/// A second node of the tenant, where databases can be shared. Nodes share the data folder.
async fn second_node(bench: &Bench, plugins: PluginOptions) -> Option<(Engine, Arc<Tenant>)> {
    let database = databases().pop().map(|(_, database)| database)?;
    if bench.database != "postgres" || !matches!(database, Database::Postgres { .. }) {
        return None;
    }
    let engine = opened(&data_dir(bench), database, plugins).await;
    let tenant = tenant_of(&engine, &bench.tenant.slug, bench).await;
    Some((engine, tenant))
}

async fn create(tenant: &Tenant, actor: &Actor) -> Result<Outcome, Error> {
    let values = json!({ "name": "a" }).as_object().unwrap().clone();
    let entity = "desk.thing".into();
    let command = Command::Create { entity, values, id: None, allow_duplicates: false };
    tenant.run(actor, command, RunOptions::default()).await
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    for (name, kind) in databases() {
        let mut bench = Bench::open(name, kind, Arc::new(System)).await;
        bench.install(desk("1.0.0", vec![thing(vec![plain("note", "text")])])).await.unwrap();
        install_plain(&bench, "1.0.0", GOOD).await;
        let bytes = package(&manifest("2.0.0", &json!({})), TRAP);
        bench.tenant.stage_plugin(&bench.admin(), bytes, None).await.unwrap();
        bench.tenant.start_canary(&bench.admin(), ID, 2, 30, vec![]).await.unwrap();
        install(&bench, museum("similarity")).await;
        let before = serde_json::to_value(bench.tenant.plugins(&bench.admin()).await.unwrap()).unwrap();
        bench.crash().await;
        let after = serde_json::to_value(bench.tenant.plugins(&bench.admin()).await.unwrap()).unwrap();
        assert_eq!(after, before);
        bench.tenant.rollback_plugin(&bench.admin(), ID, Some(2)).await.unwrap();
        let refused = bench.try_create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
        assert!(refused.is_err(), "the code is loaded from where it was kept");
        bench.drop().await;
    }
}

#[tokio::test]
async fn two_tenants_share_code_and_nothing_else() {
    check(async |bench: &Bench| {
        let other = beside(&bench.engine, "b", bench).await;
        let root = bench.admin();
        let app = Arc::new(desk("1.0.0", vec![thing(vec![])]));
        other.install(&root, app, &[]).await.unwrap();
        install_plain(bench, "1.0.0", GOOD).await;
        assert!(other.plugins(&root).await.unwrap().is_empty());
        let bytes = package(&manifest("1.0.0", &json!({})), GOOD);
        other.install_plugin(&root, bytes, None).await.unwrap();
        let plugins = data_dir(bench).join("plugins");
        assert_eq!((files(&plugins.join("packages")), files(&plugins.join("code"))), (1, 1));

        bench.tenant.set_plugin_enabled(&root, ID, false).await.unwrap();
        assert_eq!(other.plugin(&root, ID).await.unwrap().state, PluginState::On);
        bench.tenant.remove_plugin(&root, ID, false).await.unwrap();
        assert_eq!(other.plugin(&root, ID).await.unwrap().state, PluginState::On);
        bench.engine.drop_tenant_storage(&other.slug).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_node_notices_what_another_one_changed() {
    check(async |bench: &Bench| {
        let Some((engine, tenant)) = second_node(bench, PluginOptions::default()).await else { return };
        let listening = engine.listen(|_| ()).await.unwrap();
        install_plain(bench, "1.0.0", TRAP).await;
        let create = async || create(&tenant, &bench.admin()).await;
        assert!(create().await.is_err(), "a write never goes past a plugin that is in force");
        bench.tenant.set_plugin_enabled(&bench.admin(), ID, false).await.unwrap();
        let begun = Instant::now();
        while create().await.is_err() {
            assert!(begun.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(listening);
        engine.shutdown().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_heard_nothing_does_not_go_on_refusing() {
    check(async |bench: &Bench| {
        let Some((engine, tenant)) = second_node(bench, crate::common::patient()).await else { return };
        let create = async || create(&tenant, &bench.admin()).await;
        // It listens to nobody.
        for _ in 0..2 {
            install_plain(bench, "1.0.0", TRAP).await;
            assert!(create().await.is_err(), "the writer tells that there is a plugin now");
            bench.tenant.remove_plugin(&bench.admin(), ID, false).await.unwrap();
            create().await.expect("a refusal is looked into");
        }
        install_plain(bench, "1.0.0", GOOD).await;
        assert!(tenant.plugins(&bench.admin()).await.is_ok());
        engine.catch_up().await;
        create().await.unwrap();
        engine.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn the_operator_allows_less_than_an_administrator_grants() {
    for (name, kind) in databases() {
        let mut bench = Bench::open(name, kind.clone(), Arc::new(System)).await;
        bench.install(desk("1.0.0", vec![thing(vec![plain("note", "text")])])).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ceiling = Some(rights(&reads(&["name"])));
        let plugins = PluginOptions { ceiling: ceiling.clone(), ..PluginOptions::default() };
        let engine = opened(folder.path(), kind, plugins).await;
        let root = bench.admin();
        let limited = beside(&engine, "c", &bench).await;
        let old = std::mem::replace(&mut bench.tenant, limited);
        let bytes = package(&manifest("1.0.0", &reads(&["name", "note"])), GOOD);
        let seen = bench.tenant.inspect_plugin(&root, bytes).await.unwrap();
        assert_eq!(Some(seen.allowed), ceiling);
        assert_ne!(Some(seen.asked), ceiling);
        engine.drop_tenant_storage(&bench.tenant.slug).await.unwrap();
        bench.tenant = old;
        bench.drop().await;
    }
}

#[tokio::test]
async fn a_copy_of_a_tenant_has_the_same_plugins_and_leaves_them_alone() {
    check(async |bench: &Bench| {
        install_plain(bench, "1.0.0", GOOD).await;
        let before = serde_json::to_value(info(bench).await).unwrap();
        let wish = mortise_engine::scenario::sandbox::Wish { days: 2, ..Default::default() };
        let watcher: mortise_engine::scenario::sandbox::Watcher = Arc::new(|_| true);
        bench.engine.sandbox(&bench.tenant, &bench.admin(), &wish, &watcher).await.unwrap();
        assert_eq!(serde_json::to_value(info(bench).await).unwrap(), before);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_nobody_uses_is_closed_with_its_plugins_and_finds_them_again() {
    check(async |bench: &Bench| {
        let root = bench.admin();
        let tenant = beside(&bench.engine, "d", bench).await;
        let slug = tenant.slug.clone();
        tenant.install_plugin(&root, museum("similarity"), None).await.unwrap();
        tenant.run_due().await.unwrap();
        drop(tenant);
        assert!(bench.engine.rest(&slug, 0, chrono::TimeDelta::minutes(2)).await.unwrap());
        assert!(bench.engine.opened(&slug).is_none());
        let tenant = bench.engine.tenant(&slug).await.unwrap();
        assert_eq!(tenant.plugins(&root).await.unwrap()[0].state, PluginState::On);
        assert_eq!(code(tenant.plugin(&root, ID).await), "plugin.not_installed");
        drop(tenant);
        bench.engine.drop_tenant_storage(&slug).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_two_nodes_keep_at_the_same_time_are_both_kept() {
    check(async |bench: &Bench| {
        let Some((engine, tenant)) = second_node(bench, PluginOptions::default()).await else { return };
        install_plain(bench, "1.0.0", GOOD).await;
        let root = bench.admin();
        for round in 1..=4 {
            let version = |node: u32| package(&manifest(&format!("1.{round}.{node}"), &json!({})), GOOD);
            let (here, there) = tokio::join!(
                bench.tenant.stage_plugin(&root, version(1), None),
                tenant.stage_plugin(&root, version(2), None)
            );
            assert_ne!(here.unwrap().number, there.unwrap().number);
            assert_eq!(info(bench).await.versions.len(), 1 + 2 * round);
        }
        engine.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_as_many_plugins_as_the_operator_allows() {
    for (name, kind) in databases() {
        let bench = Bench::open(name, kind.clone(), Arc::new(System)).await;
        let folder = tempfile::tempdir().unwrap();
        let mut plugins = PluginOptions::default();
        plugins.settings.plugins_per_tenant = 1;
        let engine = opened(folder.path(), kind, plugins).await;
        let (root, tenant) = (bench.admin(), beside(&engine, "l", &bench).await);
        for version in ["1.0.0", "2.0.0"] {
            let bytes = package(&manifest(version, &json!({})), GOOD);
            tenant.install_plugin(&root, bytes, None).await.unwrap();
        }
        let refused = tenant.install_plugin(&root, museum("similarity"), None).await;
        assert_eq!(code(refused), "plugin.too_many", "another version is not another plugin");
        engine.drop_tenant_storage(&tenant.slug).await.unwrap();
        bench.drop().await;
    }
}

#[tokio::test]
async fn nobody_waits_for_all_that_another_tenant_installs() {
    check(async |bench: &Bench| {
        let other = beside(&bench.engine, "q", bench).await;
        let (root, done) = (bench.admin(), parking_lot::Mutex::new(Vec::new()));
        let install = async |tenant: &mortise_engine::Tenant, number: u32| {
            let mut manifest = manifest("1.0.0", &json!({}));
            manifest["id"] = format!("test.plugin{number}").into();
            let body = format!("(drop (i32.const {number})) {GOOD}");
            tenant.install_plugin(&root, package(&manifest, &body), None).await.unwrap();
            done.lock().push(number);
        };
        let many = futures_util::future::join_all((1..=5).map(|number| install(&bench.tenant, number)));
        tokio::join!(many, install(&other, 6));
        assert_ne!(done.lock().last(), Some(&6), "{:?}", done.lock());
        bench.engine.drop_tenant_storage(&other.slug).await.unwrap();
    })
    .await;
}
