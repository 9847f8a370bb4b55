//! Tenants with the same definitions share what ties a plugin to them, as far as they mean the same by it, and nothing else.

use std::sync::Arc;

use mortise_engine::plugins::EntityMapping;
use mortise_engine::{Command, RunOptions, Tenant};
use serde_json::json;

use crate::common::desk::{desk, plain, thing};
use crate::common::{Bench, check_bare};
use crate::support::{ID, TRAP, manifest, package};

async fn is_saved(tenant: &Tenant, bench: &Bench, field: &str) -> bool {
    let mut values = json!({ "name": "a" }).as_object().unwrap().clone();
    values.insert(field.to_owned(), "x".into());
    let entity = "desk.thing".into();
    let command = Command::Create { entity, values, id: None, allow_duplicates: true };
    tenant.run(&bench.admin(), command, RunOptions::default()).await.is_ok()
}

#[tokio::test]
async fn the_same_plugin_means_other_fields_in_another_tenant() {
    check_bare(async |bench: &Bench| {
        let root = bench.admin();
        let slug = format!("{}e", bench.tenant.slug);
        let other = bench.engine.tenant(&slug).await.unwrap();
        other.set_directory((*bench.tenant.directory()).clone());
        let app = || desk("1.0.0", vec![thing(vec![plain("note", "text"), plain("memo", "text")])]);
        bench.install(app()).await.unwrap();
        other.install(&root, Arc::new(app()), &[]).await.unwrap();
        // It breaks down whenever it is called, and is called when its field changes.
        let mut plugin = manifest("1.0.0", &json!({}));
        plugin["exports"][0]["input"] = json!(["name", "tax"]);
        plugin["exports"][0]["when"] = "after.tax != before.tax".into();
        let meanings = [(&bench.tenant, "note", "memo"), (&other, "memo", "note")];
        for (tenant, meant, _) in meanings {
            tenant.install_plugin(&root, package(&plugin, TRAP), None).await.unwrap();
            let fields = [("tax".to_owned(), meant.to_owned())].into();
            let mapping =
                [("thing".to_owned(), EntityMapping { entity: "desk.thing".into(), fields })].into();
            tenant.set_plugin_mapping(&root, ID, mapping).await.unwrap();
        }
        for (tenant, meant, free) in meanings {
            assert!(!is_saved(tenant, bench, meant).await, "{meant} is what it looks at");
            assert!(is_saved(tenant, bench, free).await, "{free} is what only the other tenant means");
        }
        bench.engine.drop_tenant_storage(&slug).await.unwrap();
    })
    .await;
}
