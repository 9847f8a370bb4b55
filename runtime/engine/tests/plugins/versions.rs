//! Several versions of a plugin: one is tried out on some, brought into force, and taken back.

use mortise_engine::plugins::{PluginState, Standing};
use serde_json::json;
use uuid::Uuid;

use crate::common::Bench;
use crate::support::{
    GOOD, ID, TRAP, check, code, info, install, install_plain, manifest, package, reads, standing, trail,
};

/// Whether somebody can save a thing: one of the versions breaks down over each.
async fn saves(bench: &Bench, login: &str) -> bool {
    bench.try_create(&bench.person(login), "desk.thing", json!({ "name": "a" })).await.is_ok()
}

#[tokio::test]
async fn a_version_is_tried_out_on_people_and_taken_back_with_one_step() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        let ann = bench.hire("ann", &[], |ann| ann.administrator = true).id().unwrap();
        install_plain(bench, "1.0.0", GOOD).await;
        let bytes = package(&manifest("2.0.0", &json!({})), TRAP);
        let report = tenant.stage_plugin(&root, bytes, None).await.unwrap();
        assert_eq!((report.number, report.standing), (2, Standing::Kept));
        assert!(saves(bench, "ann").await, "the new version serves nobody yet");

        tenant.start_canary(&root, ID, 2, 0, vec![ann]).await.unwrap();
        assert!(!saves(bench, "ann").await);
        assert!(saves(bench, "root").await);
        let canary = info(bench).await.canary.unwrap();
        assert_eq!((canary.number, canary.share, canary.people), (2, 0, vec![ann]));
        assert_eq!(standing(bench).await, (PluginState::On, 1, "1.0.0".into()));

        tenant.stop_canary(&root, ID).await.unwrap();
        assert!(saves(bench, "ann").await);
        tenant.start_canary(&root, ID, 2, 100, Vec::new()).await.unwrap();
        assert!(!saves(bench, "root").await);
        tenant.promote_canary(&root, ID).await.unwrap();
        assert_eq!(standing(bench).await, (PluginState::On, 2, "2.0.0".into()));
        assert!(info(bench).await.canary.is_none());
        assert!(!saves(bench, "root").await);
        assert_eq!(tenant.rollback_plugin(&root, ID, None).await.unwrap(), 1);
        assert_eq!(standing(bench).await, (PluginState::On, 1, "1.0.0".into()));
        assert!(saves(bench, "root").await && saves(bench, "ann").await);
        assert_eq!(
            trail(bench).await,
            [
                "plugin.installed",
                "plugin.upgraded",
                "plugin.canary",
                "plugin.canary",
                "plugin.canary",
                "plugin.promoted",
                "plugin.rolled_back"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_share_of_calls_goes_to_the_version_that_is_tried_out() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        install_plain(bench, "1.0.0", GOOD).await;
        // Its failures are passed over, but they are counted.
        let mut second = manifest("2.0.0", &json!({}));
        second["exports"][0]["on_failure"] = "skip".into();
        tenant.stage_plugin(&root, package(&second, GOOD), None).await.unwrap();
        tenant.start_canary(&root, ID, 2, 50, Vec::new()).await.unwrap();
        for _ in 0..60 {
            assert!(saves(bench, "root").await);
        }
        let usage = tenant.plugin_usage(&root, ID, chrono::DateTime::UNIX_EPOCH).await.unwrap();
        let calls = |number: i64| -> i64 {
            usage.iter().filter(|one| one.number == number).map(|one| one.calls).sum()
        };
        assert_eq!(calls(1) + calls(2), 60, "each save is served once");
        // Fewer than 8 of 60 come out of a fair coin once in a thousand million times.
        assert!(calls(1) >= 8 && calls(2) >= 8, "{} and {}", calls(1), calls(2));
    })
    .await;
}

#[tokio::test]
async fn only_what_can_be_called_is_tried_out_or_brought_into_force() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        install_plain(bench, "1.0.0", GOOD).await;
        install(bench, package(&manifest("2.0.0", &reads(&["name"])), GOOD)).await;
        let canary = async |number, share| code(tenant.start_canary(&root, ID, number, share, vec![]).await);
        assert_eq!(canary(2, 10).await, "plugin.waits");
        assert_eq!(canary(1, 10).await, "plugin.is_current");
        assert_eq!(canary(3, 10).await, "plugin.no_such_version");
        assert_eq!(canary(2, 0).await, "record.invalid");
        assert_eq!(canary(2, 101).await, "record.invalid");
        assert_eq!(code(tenant.rollback_plugin(&root, ID, Some(2)).await), "plugin.waits");
        assert_eq!(code(tenant.rollback_plugin(&root, ID, None).await), "plugin.no_earlier_version");
        assert_eq!(code(tenant.promote_canary(&root, ID).await), "plugin.no_canary");
        assert_eq!(code(tenant.stop_canary(&root, ID).await), "plugin.no_canary");
        assert_eq!(
            code(tenant.start_canary(&root, "no.plugin", 1, 9, vec![Uuid::nil()]).await),
            "plugin.not_installed"
        );
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_ends_the_trial_of_another_version() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        install_plain(bench, "1.0.0", GOOD).await;
        tenant.stage_plugin(&root, package(&manifest("2.0.0", &json!({})), GOOD), None).await.unwrap();
        tenant.start_canary(&root, ID, 2, 50, Vec::new()).await.unwrap();
        install_plain(bench, "3.0.0", GOOD).await;
        assert_eq!(standing(bench).await, (PluginState::On, 3, "3.0.0".into()));
        assert!(info(bench).await.canary.is_none());
        assert_eq!(tenant.rollback_plugin(&root, ID, None).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn old_versions_are_forgotten_but_never_the_one_in_force() {
    check(async |bench: &Bench| {
        install_plain(bench, "1.0.0", GOOD).await;
        for number in 1..=22 {
            let bytes = package(&manifest(&format!("2.{number}.0"), &json!({})), GOOD);
            bench.tenant.stage_plugin(&bench.admin(), bytes, None).await.unwrap();
        }
        let info = info(bench).await;
        assert_eq!(info.versions.len(), 20);
        assert_eq!(standing(bench).await, (PluginState::On, 1, "1.0.0".into()));
        assert_eq!(info.versions[0].number, 23);
    })
    .await;
}
