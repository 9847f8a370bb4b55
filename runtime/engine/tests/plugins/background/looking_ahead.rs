//! Simulations tell which plugins would be called and call none; the loop beside the lane makes the real calls by itself.

use std::sync::Arc;
use std::time::Duration;

use mortise_engine::scenario::sandbox::Wish;
use mortise_engine::{Sole, System};
use serde_json::json;

use super::{CallState, app, asking, calls, check_worker, did, granted};
use crate::common::works::{World, rule, works};
use crate::common::{Bench, databases};

#[tokio::test]
async fn a_simulation_tells_what_would_be_called_and_calls_nobody() {
    let ask =
        json!({"type": "plugin", "plugin": "helper", "action": "greet", "input": {"name": "record.name"}});
    let daily = rule(
        "daily",
        json!({"on": [{"type": "schedule", "cron": "0 10 * * *",
        "where": "record.state == 'new'"}], "do": [{"type": "set", "values": {"amount": "1"}}, ask]}),
    );
    check_worker(vec![("rules/daily.json", daily)], async |world: &mut World| {
        world.bench.create(&world.ann(), "works.job", json!({"name": "Roof"})).await;
        world.settle().await;
        let wish = Wish { days: 3, ..Wish::default() };
        let bench = &world.bench;
        let forecast = bench
            .engine
            .sandbox(&bench.tenant, &bench.admin(), &wish, &(Arc::new(|_| true) as _))
            .await
            .unwrap();
        let told: Vec<String> = forecast
            .plugins
            .iter()
            .map(|((plugin, point, export), tally)| format!("{plugin} {point} {export} {}", tally.count))
            .collect();
        // The amount changes once.
        assert_eq!(
            told,
            ["test.worker action greet 3", "test.worker after-commit tell 1", "test.worker job walk 3"]
        );
        assert_eq!(calls(world).await.len(), 1, "the tenant itself has only been told of its new job");
        assert_eq!(did(world).await, [] as [&str; 0]);
    })
    .await;
}

#[tokio::test]
async fn calls_are_made_by_themselves_while_the_lane_is_worked() {
    let ask = json!({"action": "greet", "input": {"name": "record.name"}, "returns": {"words": "text"},
        "then": [{"type": "set", "values": {"note": "result.words"}}]});
    for (name, kind) in databases() {
        let bench = Bench::open(name, kind, Arc::new(System)).await;
        bench.install(works("1.0.0", vec![app(false), asking(&ask.clone())])).await.unwrap();
        let (tenant, admin) = (bench.tenant.clone(), bench.admin());
        tenant.install_plugin(&admin, super::WORKER.to_vec(), Some(granted())).await.unwrap();
        tenant.work_lane(Arc::new(Sole));
        let id = bench.create(&admin, "works.job", json!({"name": "Roof"})).await;
        let done = async {
            while bench.json(&admin, "works.job", id).await["note"] != "Hello Roof" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), done).await.unwrap();
        tenant.close().await;
        let all = tenant.background_calls(&admin, (None, None), None, 50).await.unwrap();
        assert!(all.iter().any(|call| (call.export.as_str(), call.state) == ("greet", CallState::Done)));
        bench.drop().await;
    }
}
