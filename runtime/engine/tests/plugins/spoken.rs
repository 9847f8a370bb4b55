//! Settings and secrets: what an administrator says to a plugin.

use mortise_plugin_host::manifest::Manifest;
use serde_json::{Map, Value as Json, json};

use crate::common::{Bench, check_bare};
use crate::support::{GOOD, ID, check, code, info, install, manifest, museum, package, trail};

const HEAT: &str = "mortise.similarity";

#[tokio::test]
async fn a_setting_is_checked_stored_and_taken_back() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        install(bench, with_settings()).await;
        let set =
            async |settings: Json| tenant.set_plugin_settings(&root, ID, settings.as_object().unwrap()).await;
        set(json!({ "days": 14 })).await.unwrap();
        assert_eq!(info(bench).await.settings, [("days".to_owned(), json!(14))].into());
        assert_eq!(code(set(json!({ "days": 15, "unit": 1 })).await), "record.invalid", "all or none");
        assert_eq!(code(set(json!({ "days": 15, "hours": 1 })).await), "plugin.setting_unknown");
        assert_eq!(info(bench).await.settings, [("days".to_owned(), json!(14))].into());
        set(json!({ "days": null, "unit": "h" })).await.unwrap();
        assert_eq!(info(bench).await.settings, [("unit".to_owned(), json!("h"))].into());
        set(json!({ "unit": null })).await.unwrap();
        set(json!({})).await.unwrap();
        assert!(info(bench).await.settings.is_empty());
        assert_eq!(
            trail(bench).await,
            ["plugin.installed", "plugin.setting", "plugin.setting", "plugin.setting"]
        );
        let nobody = tenant.set_plugin_settings(&root, HEAT, &Map::new()).await;
        assert_eq!(code(nobody), "plugin.not_installed");
    })
    .await;
}

fn with_settings() -> Vec<u8> {
    let mut manifest = manifest("1.0.0", &json!({}));
    manifest["settings"] = json!([
        { "name": "days", "type": "integer", "default": 7 },
        { "name": "unit", "type": "text", "default": "d" }
    ]);
    manifest["secrets"] =
        json!([{ "name": "vies", "inject": { "header": "Authorization", "format": "Bearer {}" } }]);
    assert!(Manifest::parse(&manifest.to_string()).is_ok());
    package(&manifest, GOOD)
}

#[tokio::test]
async fn a_secret_lies_sealed_and_never_comes_out() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        install(bench, with_settings()).await;
        let secret = info(bench).await.secrets.remove(0);
        assert!(!secret.set && secret.name == "vies");
        tenant.set_plugin_secret(&root, ID, "vies", " hush-hush-hush ").await.unwrap();
        let secret = info(bench).await.secrets.remove(0);
        assert!(secret.set && !secret.locked);
        let dump = bench.dump().await;
        assert!(dump.contains("_plugin_secret") && !dump.contains("hush"), "it is nowhere in clear");
        assert!(!serde_json::to_string(&info(bench).await).unwrap().contains("hush"));
        assert_eq!(code(tenant.set_plugin_secret(&root, ID, "other", "x").await), "plugin.secret_unknown");
        assert_eq!(code(tenant.set_plugin_secret(&root, ID, "vies", "a\nb").await), "record.invalid");
        tenant.set_plugin_secret(&root, ID, "vies", "").await.unwrap();
        assert!(!info(bench).await.secrets.remove(0).set);
        assert_eq!(trail(bench).await, ["plugin.installed", "plugin.secret", "plugin.secret"]);
    })
    .await;
}

#[tokio::test]
async fn secrets_are_sealed_again_when_the_key_changes() {
    check(async |bench: &Bench| {
        let (tenant, root) = (&bench.tenant, bench.admin());
        install(bench, with_settings()).await;
        tenant.set_plugin_secret(&root, ID, "vies", "hush").await.unwrap();
        let sealed = |dump: String| {
            dump.lines().filter(|line| line.starts_with("_plugin_secret: ")).collect::<String>()
        };
        let before = sealed(bench.dump().await);
        let folder = tempfile::tempdir().unwrap();
        bench.engine.trust(bench.engine.keys().rotate(folder.path()).unwrap()).await.unwrap();
        assert_ne!(sealed(bench.dump().await), before);
        assert!(!info(bench).await.secrets.remove(0).locked);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_without_apps_can_have_plugins_that_only_calculate() {
    check_bare(async |bench: &Bench| {
        install(bench, museum("fabe-check")).await;
        install(bench, museum("similarity")).await;
        let plugins = bench.tenant.plugins(&bench.admin()).await.unwrap();
        assert_eq!(plugins.len(), 2);
    })
    .await;
}
