//! The files of plugins: machine code that is made anew after an upgrade of the server, what is cleared away and what never
//! is, and a package that is gone.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mortise_engine::System;
use mortise_engine::plugins::{PluginState, Renewal, RunFilter, Standing};
use serde_json::json;

use crate::common::desk::{desk, plain, thing};
use crate::common::{Bench, databases};
use crate::support::{
    GOOD, ID, TRAP, check, info, install, install_plain, issue, manifest, museum, package, problems,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn folders(bench: &Bench) -> (PathBuf, PathBuf) {
    let data = bench.engine.tenant_dir("x").parent().unwrap().parent().unwrap().to_owned();
    (data.join("plugins/packages"), data.join("plugins/code"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Lets the files of a folder be from long ago.
fn age(folder: &Path) {
    for name in names(folder) {
        let file = File::open(folder.join(name)).unwrap();
        let used = file.metadata().unwrap().modified().unwrap();
        file.set_modified(used - 3 * HOUR).unwrap();
    }
}

/// Makes all machine code that of another server.
fn outdate(code: &Path) {
    for name in names(code) {
        let (start, _) = name.rsplit_once('-').unwrap();
        std::fs::rename(code.join(&name), code.join(format!("{start}-0123456789ab.code"))).unwrap();
    }
}

/// A package that no other test has: on a server all of them have their tenants beside one another.
async fn install_own(bench: &Bench, version: &str) {
    let number =
        bench.tenant.slug.bytes().fold(7_i32, |number, byte| number.wrapping_mul(31) ^ i32::from(byte));
    let body = format!("(drop (i32.const {number})) {GOOD}");
    install_plain(bench, version, &body).await;
}

async fn opened(name: &'static str, kind: mortise_engine::Database) -> Bench {
    let bench = Bench::open(name, kind, Arc::new(System)).await;
    bench.install(desk("1.0.0", vec![thing(vec![plain("note", "text")])])).await.unwrap();
    bench
}

#[tokio::test]
async fn after_an_upgrade_code_is_made_anew_before_it_is_needed_and_the_old_one_goes() {
    for (name, kind) in databases() {
        let mut bench = opened(name, kind).await;
        install_plain(&bench, "1.0.0", GOOD).await;
        let other = format!("{}r", bench.tenant.slug);
        let tenant = bench.engine.tenant(&other).await.unwrap();
        tenant.set_directory((*bench.tenant.directory()).clone());
        tenant.install_plugin(&bench.admin(), museum("similarity"), None).await.unwrap();
        drop(tenant);
        let (_, code) = folders(&bench);
        let before = names(&code);
        assert_eq!(
            bench.engine.renew_plugins(HOUR).await.unwrap(),
            Renewal::default(),
            "all is as it should be"
        );
        bench.crash().await;
        outdate(&code);
        age(&code);
        assert!(bench.engine.opened(&other).is_none(), "one of the tenants is not open");
        let renewal = bench.engine.renew_plugins(HOUR).await.unwrap();
        assert_eq!((renewal.compiled, renewal.failed), (2, 0));
        assert_eq!(renewal.cleared_files, before.len() as u64);
        assert_eq!(names(&code), before);
        assert_eq!(bench.engine.plugin_renewal(), renewal);
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
        bench.engine.drop_tenant_storage(&other).await.unwrap();
        bench.drop().await;
    }
}

#[tokio::test]
async fn only_what_no_tenant_has_installed_is_cleared_away_and_not_at_once() {
    check(async |bench: &Bench| {
        let (packages, code) = folders(bench);
        install_own(bench, "1.0.0").await;
        install_own(bench, "2.0.0").await;
        bench.tenant.set_plugin_enabled(&bench.admin(), ID, false).await.unwrap();
        age(&packages);
        age(&code);
        assert_eq!(
            bench.engine.renew_plugins(HOUR).await.unwrap(),
            Renewal::default(),
            "off or earlier is kept"
        );
        bench.tenant.remove_plugin(&bench.admin(), ID, false).await.unwrap();
        assert_eq!(bench.engine.renew_plugins(24 * HOUR).await.unwrap(), Renewal::default(), "not yet");
        install_own(bench, "2.0.0").await;
        bench.tenant.remove_plugin(&bench.admin(), ID, false).await.unwrap();
        bench.engine.renew_plugins(HOUR).await.unwrap();
        assert_eq!(names(&packages).len(), 1, "the one that was used a moment ago");
        age(&packages);
        age(&code);
        bench.engine.renew_plugins(HOUR).await.unwrap();
        assert!(names(&packages).is_empty() && names(&code).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_plugin_whose_package_is_gone_is_shown_as_broken_until_it_is_installed_again() {
    for (name, kind) in databases() {
        let mut bench = opened(name, kind).await;
        install_plain(&bench, "1.0.0", TRAP).await;
        let (packages, code) = folders(&bench);
        for file in names(&packages) {
            std::fs::remove_file(packages.join(file)).unwrap();
        }
        assert_eq!(problems(&bench).await, ["plugin.package_lost"]);
        assert_eq!(info(&bench).await.state, PluginState::Broken);
        let refused = bench.try_create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
        assert!(refused.is_err(), "as long as its code is there it goes on");

        for file in names(&code) {
            std::fs::remove_file(code.join(file)).unwrap();
        }
        bench.crash().await;
        assert_eq!(problems(&bench).await, ["plugin.package_lost", "plugin.saves_refused"]);
        assert_eq!(info(&bench).await.state, PluginState::Broken);
        let refused = bench.try_create(&bench.admin(), "desk.thing", json!({ "name": "b" })).await;
        assert_eq!(issue(refused), "plugin.unavailable", "what it has to check is not saved unchecked");
        let runs = bench.tenant.plugin_runs(&bench.admin(), &RunFilter::default(), None, 1).await.unwrap();
        assert_eq!(runs[0].outcome, "plugin.run.unavailable");
        bench.tenant.set_plugin_enabled(&bench.admin(), ID, false).await.unwrap();
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "b" })).await;
        bench.tenant.set_plugin_enabled(&bench.admin(), ID, true).await.unwrap();

        let report = install(&bench, package(&manifest("1.0.0", &json!({})), TRAP)).await;
        assert_eq!((report.number, report.standing), (1, Standing::InForce));
        assert_eq!(info(&bench).await.state, PluginState::On);
        assert!(bench.try_create(&bench.admin(), "desk.thing", json!({ "name": "c" })).await.is_err());
        bench.drop().await;
    }
}

#[tokio::test]
async fn a_plugin_that_does_not_work_after_an_upgrade_is_shown_with_the_reason() {
    for (name, kind) in databases() {
        let mut bench = opened(name, kind).await;
        install_plain(&bench, "1.0.0", GOOD).await;
        let (packages, code) = folders(&bench);
        bench.crash().await;
        outdate(&code);
        let file = packages.join(&names(&packages)[0]);
        std::fs::write(&file, "no package").unwrap();
        let renewal = bench.engine.renew_plugins(HOUR).await.unwrap();
        assert_eq!((renewal.compiled, renewal.failed), (0, 1));
        assert_eq!(problems(&bench).await, ["plugin.package_lost"]);
        install_plain(&bench, "1.0.0", GOOD).await;
        assert_eq!(info(&bench).await.state, PluginState::On);
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
        bench.drop().await;
    }
}
