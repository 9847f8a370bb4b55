//! Installing a plugin, consenting to what it asks for, and everything that an administrator says to it.

use mortise_engine::plugins::{PluginState, Standing};
use serde_json::json;

use crate::common::Bench;
use crate::support::{
    GOOD, ID, check, code, info, install, install_plain, manifest, museum, package, reads, rights, standing,
    trail,
};

#[tokio::test]
async fn a_plugin_that_asks_for_nothing_is_in_force_at_once() {
    check(async |bench: &Bench| {
        let report = install(bench, museum("similarity")).await;
        assert_eq!((report.number, report.standing), (1, Standing::InForce));
        let plugin = bench.tenant.plugin(&bench.admin(), "mortise.similarity").await.unwrap();
        assert_eq!(plugin.state, PluginState::On);
        assert_eq!(plugin.title.get("zh-CN"), "公司名称相似度");
        assert_eq!(trail(bench).await, ["plugin.installed"]);
        bench.create(&bench.admin(), "desk.thing", json!({ "name": "a" })).await;
        bench.tenant.verify().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn only_administrators_have_anything_to_do_with_plugins() {
    check(async |bench: &Bench| {
        let ann = bench.hire("ann", &[], |_| ());
        let tenant = &bench.tenant;
        assert_eq!(code(tenant.plugins(&ann).await), "permission.administrator");
        let bytes = museum("similarity");
        assert_eq!(code(tenant.inspect_plugin(&ann, bytes.clone()).await), "permission.administrator");
        assert_eq!(code(tenant.install_plugin(&ann, bytes, None).await), "permission.administrator");
        assert_eq!(code(tenant.remove_plugin(&ann, ID, true).await), "permission.administrator");
        assert_eq!(code(tenant.set_plugin_secret(&ann, ID, "key", "x").await), "permission.administrator");
        assert_eq!(code(tenant.reset_circuits(&ann, ID)), "permission.administrator");
        assert_eq!(trail(bench).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_package_is_looked_into_before_anything_is_done() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let first = package(&manifest("1.0.0", &reads(&["name"])), GOOD);
        let seen = tenant.inspect_plugin(&root, first.clone()).await.unwrap();
        assert!(seen.needs_consent && seen.installed.is_none() && seen.problems.is_empty());
        assert_eq!(seen.asked, rights(&reads(&["name"])));
        tenant.install_plugin(&root, first, Some(seen.asked)).await.unwrap();

        let mut second = manifest("2.0.0", &reads(&["name", "nota"]));
        second["exports"][0]["name"] = "other".into();
        let seen = tenant.inspect_plugin(&root, package(&second, GOOD)).await.unwrap();
        assert!(seen.needs_consent);
        let problems: Vec<(&str, String, Option<&str>)> =
            seen.problems.iter().map(|one| (one.code, one.place(), one.get("suggestion"))).collect();
        let place = "plugin.json#/permissions/records.read".to_owned();
        assert_eq!(problems, [("plugin.field_missing", place, Some("note"))]);
        let difference = seen.installed.unwrap();
        assert_eq!((difference.version.as_str(), difference.number), ("1.0.0", 1));
        assert_eq!(difference.added[0].name, "other");
        assert_eq!(difference.removed[0].name, "it");
        assert_eq!(standing(bench).await, (PluginState::On, 1, "1.0.0".into()), "nothing has changed");
    })
    .await;
}

#[tokio::test]
async fn what_asks_for_rights_waits_until_somebody_consents() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let report = install(bench, package(&manifest("1.0.0", &reads(&["name", "note"])), GOOD)).await;
        assert_eq!(report.standing, Standing::Waits);
        assert_eq!(standing(bench).await, (PluginState::Waiting, 1, "1.0.0".into()));

        // Consent to more than was asked for gives no more than was asked for.
        let grant = rights(&reads(&["name", "owner"]));
        let report = tenant.grant_plugin(&root, ID, 1, grant).await.unwrap();
        assert_eq!(report.standing, Standing::InForce);
        assert_eq!(standing(bench).await.0, PluginState::On);
        let version = info(bench).await.versions.remove(0);
        assert_eq!(version.granted, Some(rights(&reads(&["name"]))));
        assert_eq!(version.granted_by, root.id());

        tenant.grant_plugin(&root, ID, 1, rights(&json!({}))).await.unwrap();
        let version = info(bench).await.versions.remove(0);
        assert_eq!(version.granted, Some(rights(&json!({}))));
        assert_eq!(trail(bench).await, ["plugin.installed", "plugin.granted", "plugin.narrowed"]);
        assert_eq!(
            code(tenant.grant_plugin(&root, ID, 7, rights(&json!({}))).await),
            "plugin.no_such_version"
        );
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_that_asks_for_more_waits_and_one_that_asks_for_less_applies_at_once() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let version = |number: &str, fields: &[&str]| package(&manifest(number, &reads(fields)), GOOD);
        let all = Some(rights(&reads(&["*"])));
        tenant.install_plugin(&root, version("1.0.0", &["name"]), all).await.unwrap();

        let report = install(bench, version("2.0.0", &["name", "note"])).await;
        assert_eq!((report.number, report.standing), (2, Standing::Waits));
        assert_eq!(standing(bench).await, (PluginState::On, 1, "1.0.0".into()), "the old one goes on");
        let report = tenant.grant_plugin(&root, ID, 2, rights(&reads(&["*"]))).await.unwrap();
        assert_eq!(report.standing, Standing::InForce);
        assert_eq!(standing(bench).await, (PluginState::On, 2, "2.0.0".into()));

        let report = install(bench, version("3.0.0", &["note"])).await;
        assert_eq!(report.standing, Standing::InForce);
        assert_eq!(standing(bench).await, (PluginState::On, 3, "3.0.0".into()));

        tenant.grant_plugin(&root, ID, 3, rights(&json!({}))).await.unwrap();
        let report = install(bench, version("3.1.0", &["note"])).await;
        assert_eq!(report.standing, Standing::InForce, "what was asked for before is not asked again");
        let newest = info(bench).await.versions.remove(0);
        assert_eq!(newest.granted, Some(rights(&json!({}))), "what was narrowed stays narrowed");
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_whose_exports_get_more_waits_unless_it_may_read_that_anyway() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let version = |number: &str, input: &[&str], fields: &[&str]| {
            let mut manifest = manifest(number, &reads(fields));
            manifest["exports"][0]["input"] = json!(input);
            package(&manifest, GOOD)
        };
        let first = version("1.0.0", &["name"], &["name"]);
        tenant.install_plugin(&root, first, Some(rights(&reads(&["*"])))).await.unwrap();
        let second = version("2.0.0", &["name", "note"], &["name"]);
        assert!(tenant.inspect_plugin(&root, second.clone()).await.unwrap().needs_consent);
        assert_eq!(install(bench, second).await.standing, Standing::Waits);
        assert_eq!(standing(bench).await.1, 1, "the old one goes on");

        let third = version("3.0.0", &["name"], &["name", "note"]);
        tenant.install_plugin(&root, third, Some(rights(&reads(&["*"])))).await.unwrap();
        let fourth = version("4.0.0", &["name", "note"], &["name", "note"]);
        assert_eq!(install(bench, fourth).await.standing, Standing::InForce);
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_back_does_not_return_with_an_earlier_version() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let both = rights(&reads(&["name", "note"]));
        for number in ["1.0.0", "2.0.0"] {
            let version = package(&manifest(number, &reads(&["name", "note"])), GOOD);
            tenant.install_plugin(&root, version, Some(both.clone())).await.unwrap();
        }
        tenant.grant_plugin(&root, ID, 2, rights(&reads(&["name"]))).await.unwrap();
        tenant.rollback_plugin(&root, ID, Some(1)).await.unwrap();
        let first = info(bench).await.versions.into_iter().find(|version| version.number == 1).unwrap();
        assert_eq!(first.granted, Some(rights(&reads(&["name"]))));
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_that_begins_to_work_by_itself_waits() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let checks = |number: &str| {
            let mut manifest = manifest(number, &reads(&["name"]));
            manifest["exports"][0]["point"] = "validator".into();
            manifest
        };
        let both = rights(&reads(&["name"]));
        tenant.install_plugin(&root, package(&checks("1.0.0"), GOOD), Some(both)).await.unwrap();
        let asks = async |manifest| {
            tenant.inspect_plugin(&root, package(&manifest, GOOD)).await.unwrap().needs_consent
        };
        assert!(!asks(checks("2.0.0")).await);
        let mut harvest = checks("2.0.0");
        let job = json!({"point": "job", "name": "harvest", "schedule": "* * * * *"});
        harvest["exports"].as_array_mut().unwrap().push(job);
        assert!(asks(harvest).await, "what it may read becomes all records");
    })
    .await;
}

#[tokio::test]
async fn the_same_package_again_changes_nothing_and_can_be_consented_to() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let bytes = package(&manifest("1.0.0", &reads(&["name"])), GOOD);
        install(bench, bytes.clone()).await;
        assert_eq!(install(bench, bytes.clone()).await.number, 1);
        assert_eq!(standing(bench).await.0, PluginState::Waiting);
        tenant.install_plugin(&root, bytes.clone(), Some(rights(&reads(&["name"])))).await.unwrap();
        install(bench, bytes).await;
        assert_eq!(standing(bench).await, (PluginState::On, 1, "1.0.0".into()));
        assert_eq!(info(bench).await.versions.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_plugin_is_switched_off_and_on_and_removed() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        install_plain(bench, "1.0.0", GOOD).await;
        tenant.set_plugin_enabled(&root, ID, false).await.unwrap();
        assert_eq!(standing(bench).await.0, PluginState::Off);
        tenant.set_plugin_enabled(&root, ID, true).await.unwrap();
        assert_eq!(standing(bench).await.0, PluginState::On);
        tenant.remove_plugin(&root, ID, true).await.unwrap();
        assert!(tenant.plugins(&root).await.unwrap().is_empty());
        assert_eq!(code(tenant.set_plugin_enabled(&root, ID, true).await), "plugin.not_installed");
        assert_eq!(code(tenant.remove_plugin(&root, ID, true).await), "plugin.not_installed");
        bench.create(&root, "desk.thing", json!({ "name": "a" })).await;
        let said = ["plugin.installed", "plugin.disabled", "plugin.enabled", "plugin.removed"];
        assert_eq!(trail(bench).await, said);
        assert_eq!(install_plain(bench, "1.0.0", GOOD).await.number, 1, "it begins anew");
    })
    .await;
}

#[tokio::test]
async fn what_a_removed_plugin_stored_is_kept_until_it_is_purged() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let store = |key: &str| {
            let bytes = if bench.database == "sqlite" { "x'616263'" } else { "'\\x616263'" };
            let columns = "(plugin, key, value)";
            format!("INSERT INTO {{schema}}\"_plugin_storage\" {columns} VALUES ('{ID}', '{key}', {bytes})")
        };
        install_plain(bench, "1.0.0", GOOD).await;
        bench.tamper(&store("ab")).await;
        tenant.remove_plugin(&root, ID, true).await.unwrap();
        assert_eq!(tenant.kept_plugin_data(&root).await.unwrap(), [(ID.to_owned(), 5)]);
        install_plain(bench, "1.0.0", GOOD).await;
        assert_eq!(info(bench).await.stored_bytes, 5, "it is found again");
        assert!(tenant.kept_plugin_data(&root).await.unwrap().is_empty());
        assert_eq!(code(tenant.purge_plugin_data(&root, ID).await), "plugin.not_installed");
        tenant.remove_plugin(&root, ID, true).await.unwrap();
        tenant.purge_plugin_data(&root, ID).await.unwrap();
        assert!(tenant.kept_plugin_data(&root).await.unwrap().is_empty());

        install_plain(bench, "1.0.0", GOOD).await;
        bench.tamper(&store("ab")).await;
        tenant.remove_plugin(&root, ID, false).await.unwrap();
        assert!(tenant.kept_plugin_data(&root).await.unwrap().is_empty());
    })
    .await;
}
