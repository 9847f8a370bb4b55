//! Plugins that reach for what is another tenant's: its records by their real ids, in a save with the rights of a person and in
//! the background with those of a service; its store; its log. The people are the same in both tenants, so that nothing
//! but the tenant itself is in the way.

use std::sync::Arc;

use mortise_engine::plugins::{CallState, RunFilter};
use mortise_engine::{Command, Outcome, RunOptions, Tenant};
use mortise_plugin_host::manifest::Point;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::code::Component;
use super::guests::reader;
use super::{check, install, neighbour, save};
use crate::background;
use crate::common::Bench;
use crate::common::works::{World, check_works, works};
use crate::guard::{asked, guard};

async fn create(
    tenant: &Tenant,
    actor: &mortise_engine::Actor,
    entity: &str,
    values: &Json,
) -> Result<Uuid, String> {
    let values = values.as_object().unwrap().clone();
    let command = Command::Create { entity: entity.into(), values, id: None, allow_duplicates: false };
    match tenant.run(actor, command, RunOptions::default()).await {
        Ok(Outcome::Record(written)) => Ok(written.id),
        Ok(other) => panic!("{other:?}"),
        Err(error) => {
            let issue = &error.issues()[0].issue;
            let said = issue.args.iter().find(|(name, _)| *name == "message");
            Err(said.map_or_else(|| issue.code.to_owned(), |(_, said)| said.clone()))
        }
    }
}

#[tokio::test]
async fn the_id_of_another_tenant_s_record_is_an_id_of_nothing_in_a_save() {
    check_works(Vec::new(), async |world: &mut World| {
        let (slug, next) = neighbour(&world.bench).await;
        let root = world.bench.admin();
        next.install(&root, Arc::new(works("1.0.0", Vec::new())), &[]).await.unwrap();
        for tenant in [&world.bench.tenant, &next] {
            let granted = serde_json::from_value(asked()).unwrap();
            tenant.install_plugin(&root, guard(&json!({})), Some(granted)).await.unwrap();
        }
        for actor in [world.ann(), root] {
            let secret = json!({"name": "--", "note": "secret"});
            let theirs = create(&next, &actor, "works.job", &secret).await.unwrap();
            let look = json!({"name": format!("-G{theirs}")});
            assert_eq!(
                create(&next, &actor, "works.job", &look).await,
                Err("secret".into()),
                "its own tenant"
            );
            assert!(create(&world.bench.tenant, &actor, "works.job", &look).await.is_ok(), "finds nothing");
            let point = json!({"what": format!("Z{theirs}")});
            let pointing = create(&world.bench.tenant, &actor, "works.task", &point).await;
            assert_eq!(pointing, Err("value.no_such_record".into()));
        }
        drop(next);
        world.bench.engine.drop_tenant_storage(&slug).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_id_of_another_tenant_s_record_is_an_id_of_nothing_in_the_background() {
    check(async |bench: &Bench, neighbour: &Arc<Tenant>| {
        let guest = reader();
        assert_eq!(guest.point, Point::AfterCommit);
        let package = Component::of(&guest).package("test.reader", "1.0.0", &guest, "retry");
        let number = install(bench, neighbour, package, &guest.granted).await;
        let secret = json!({"name": "calm", "note": "secret"});
        let theirs = create(neighbour, &bench.admin(), "desk.thing", &secret).await.unwrap();
        let mut told = Vec::new();
        for tenant in [&bench.tenant, neighbour] {
            save(tenant, bench, &format!("W{theirs}")).await.unwrap();
            tenant.run_due().await.unwrap();
            tenant.call_due().await.unwrap();
            let calls = tenant.background_calls(&bench.admin(), (None, None), None, 10).await.unwrap();
            let runs = super::failed_runs(tenant, bench, "test.reader", number).await;
            let message = runs.first().and_then(|run| run.message.clone()).unwrap_or_default();
            told.push((calls[0].state, message));
        }
        let expected = [(CallState::Done, String::new()), (CallState::Dead, "secret".to_owned())];
        assert_eq!(told, expected, "only its own tenant's plugin finds the record");
    })
    .await;
}

#[tokio::test]
async fn what_a_plugin_keeps_in_one_tenant_it_does_not_find_in_another() {
    check_works(vec![background::app(false)], async |world: &mut World| {
        let (slug, next) = neighbour(&world.bench).await;
        let root = world.bench.admin();
        next.install(&root, Arc::new(works("1.0.0", vec![background::app(false)])), &[]).await.unwrap();
        background::install(world).await;
        world.job(json!({"name": "Roof"})).await;
        background::work(world).await;
        assert_eq!(background::did(world).await, ["create Roof -->-"]);

        let own = std::mem::replace(&mut world.bench.tenant, next);
        background::install(world).await;
        world.job(json!({"name": "Door"})).await;
        background::work(world).await;
        assert_eq!(background::did(world).await, ["create Door -->-"], "its store begins empty");
        let runs = world.bench.tenant.plugin_runs(&root, &RunFilter::default(), None, 100).await.unwrap();
        assert!(!runs.is_empty());
        let others = own.plugin_runs(&root, &RunFilter::default(), None, 100).await.unwrap();
        assert!(runs.iter().all(|run| others.iter().all(|other| other.id != run.id)));
        drop(std::mem::replace(&mut world.bench.tenant, own));
        world.bench.engine.drop_tenant_storage(&slug).await.unwrap();
    })
    .await;
}
