//! What plugins change: through commands, as far as it was granted, under their own name.

use mortise_engine::plugins::CallState;
use mortise_engine::{Command, TrailFilter};
use mortise_plugin_host::{Permissions, WriteOp};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{ID, asked, check_clerk, given_up, settled};
use crate::common::works::{World, rule};

/// When the reason of a job changes, the clerk does what it says.
fn telling() -> Vec<(&'static str, Json)> {
    let ask = json!({"type": "plugin", "plugin": "clerk", "action": "write",
        "input": {"do": "record.reason", "job": "string(record.id)", "value": "'by the clerk'"}});
    let tell = rule("tell", json!({"on": [{"type": "changed", "fields": ["reason"]}], "do": [ask]}));
    vec![("rules/tell.json", tell)]
}

async fn told(world: &World, id: Uuid, what: &str) -> mortise_engine::plugins::PluginCall {
    world.change(id, json!({ "reason": what })).await;
    settled(world, "write", id).await
}

#[tokio::test]
async fn what_a_plugin_changes_is_an_ordinary_change_under_its_own_name() {
    check_clerk(telling(), async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        for what in ["note", "amount", "task"] {
            let call = told(world, id, what).await;
            assert_eq!(call.state, CallState::Done, "{what}: {call:?}");
        }
        let seen = world.see(id).await;
        assert_eq!(
            (&seen["note"], &seen["amount"], &seen["open"]),
            (&json!("by the clerk"), &json!(7), &json!(1))
        );
        let (tenant, admin) = (&world.bench.tenant, world.bench.admin());
        let filter = TrailFilter { people: Some(false), ..TrailFilter::default() };
        let found = tenant.trail(&admin, &filter, None, 100).await.unwrap();
        let by_plugin: Vec<_> = found.entries.iter().filter(|one| one.entry.channel == "plugin").collect();
        assert!(by_plugin.len() >= 3, "{by_plugin:?}");
        for one in &by_plugin {
            assert_eq!((one.entry.actor, one.entry.device.as_deref()), (None, Some(ID)), "{one:?}");
        }
        let timeline = tenant.timeline(&world.ann(), "works.job", id, None, 50).await.unwrap();
        let changed =
            timeline.iter().find(|entry| entry.changes.iter().any(|one| one.field == "note")).unwrap();
        assert_eq!(changed.actor_name.as_deref(), Some("Clerk"));
        tenant.verify().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_plugin_changes_no_more_than_it_was_granted() {
    check_clerk(telling(), async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        let refused = given_up(&told(world, id, "name").await);
        assert!(refused.contains("plugin.run.fault"), "it never asked for that field: {refused}");

        let mut narrow: Permissions = asked();
        narrow.write.retain(|one| one.entity == "job");
        narrow.write[0].fields.shift_remove("amount");
        narrow.write[0].ops = [WriteOp::Update].into_iter().collect();
        world.bench.tenant.grant_plugin(&world.bench.admin(), ID, 1, narrow).await.unwrap();
        for what in ["amount", "task", "delete"] {
            let refused = given_up(&told(world, id, what).await);
            assert!(refused.contains("plugin.run.fault"), "{what}: {refused}");
        }
        assert_eq!(told(world, id, "note").await.state, CallState::Done);
        let seen = world.see(id).await;
        assert_eq!((&seen["name"], &seen["amount"], &seen["open"]), (&json!("Roof"), &Json::Null, &json!(0)));
        assert_eq!(seen["note"], "by the clerk");
    })
    .await;
}

#[tokio::test]
async fn a_plugin_puts_into_the_trash_what_it_was_granted_to() {
    check_clerk(telling(), async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        let call = told(world, id, "delete").await;
        assert_eq!(call.state, CallState::Done, "{call:?}");
        let restore = Command::Restore { entity: "works.job".into(), id };
        world.bench.run(&world.ann(), restore).await.unwrap();
        assert_eq!(world.timeline(id).await.iter().filter(|action| *action == "record.deleted").count(), 1);
    })
    .await;
}
