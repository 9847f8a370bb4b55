//! The lane under way: in the background, beside another node, through failures of the database.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::works::{World, check_works, rule, task, works};
use common::{Bench, check_bare, text};
use futures_util::future::BoxFuture;
use mortise_engine::{Engine, EngineOptions, Error, Lanes, Sole, Tenant, WorkState};
use serde_json::{Value as Json, json};

fn greet() -> (&'static str, serde_json::Value) {
    ("rules/greet.json", rule("greet", json!({"on": [{"type": "created"}], "do": [task("record.name")]})))
}

/// Read without the total, which may be that of a moment ago.
async fn tasks(bench: &Bench) -> Vec<String> {
    let root = bench.admin();
    let query = bench.tenant.query(&root, "works.task", [("limit", "500")].into_iter()).unwrap();
    let page: Json = serde_json::from_slice(&bench.tenant.list_json(&root, &query).await.unwrap()).unwrap();
    let mut tasks: Vec<String> =
        page["rows"].as_array().unwrap().iter().map(|row| text(&row["what"])).collect();
    tasks.sort();
    tasks
}

/// Waits until there are so many tasks.
async fn wait_for(bench: &Bench, count: usize) -> Vec<String> {
    for _ in 0..2_000 {
        let tasks = tasks(bench).await;
        if tasks.len() >= count {
            return tasks;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not all was worked off: {:?}", bench.tenant.backlog().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lane_works_by_itself_until_the_tenant_is_closed() {
    check_bare(async |bench: &Bench| {
        bench.install(works("1.0.0", vec![greet()])).await.unwrap();
        bench.tenant.work_lane(Arc::new(Sole));
        let root = bench.admin();
        for name in ["a", "b", "c"] {
            bench.create(&root, "works.job", json!({ "name": name })).await;
        }
        assert_eq!(wait_for(bench, 3).await, ["a", "b", "c"]);
        // What was asleep is woken by the next commit.
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.create(&root, "works.job", json!({"name": "d"})).await;
        assert_eq!(wait_for(bench, 4).await, ["a", "b", "c", "d"]);
        bench.tenant.close().await;
        let error = bench.try_create(&root, "works.job", json!({"name": "e"})).await.unwrap_err();
        assert_eq!(error.code(), "server.closing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_work_at_once_do_nothing_twice() {
    check_works(vec![greet()], async |world: &mut World| {
        let names: Vec<String> = (100..400).map(|number| format!("Job {number}")).collect();
        let jobs = names.iter().map(|name| json!({ "name": name }));
        world.bench.create_all(&world.bench.admin(), "works.job", jobs).await;
        let (one, other) = tokio::join!(world.bench.tenant.run_due(), world.bench.tenant.run_due());
        one.unwrap();
        other.unwrap();
        assert_eq!(world.tasks().await, names);
    })
    .await;
}

#[tokio::test]
async fn a_bad_moment_of_the_database_is_made_up_for() {
    check_works(vec![greet()], async |world: &mut World| {
        world.bench.tamper("ALTER TABLE {schema}works__task RENAME TO hidden").await;
        world.job(json!({"name": "Roof"})).await;
        world.pass(TimeDelta::seconds(30)).await;
        let waiting = world.failed(WorkState::Waiting).await;
        assert_eq!((waiting.len(), waiting[0].attempts), (1, 2));
        assert_eq!(waiting[0].error.code, "server.failed");
        world.bench.tamper("ALTER TABLE {schema}hidden RENAME TO works__task").await;
        world.pass(TimeDelta::seconds(60)).await;
        assert_eq!(world.tasks().await, ["Roof"]);
        assert_eq!(world.failed(WorkState::Done).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_does_not_heal_in_time_is_parked() {
    check_works(vec![greet()], async |world: &mut World| {
        world.bench.tamper("ALTER TABLE {schema}works__task RENAME TO hidden").await;
        let id = world.job(json!({"name": "Roof"})).await;
        world.pass(TimeDelta::hours(4)).await;
        assert_eq!(world.failed(WorkState::Parked).await[0].attempts, 8);
        world.bench.tamper("ALTER TABLE {schema}hidden RENAME TO works__task").await;
        let told = world.timeline(id).await;
        assert_eq!(told, ["record.created", "automation.failed", "automation.failed"]);
    })
    .await;
}

#[tokio::test]
async fn what_happened_before_the_first_rule_came_sets_nothing_off() {
    check_works(vec![], async |world: &mut World| {
        world.bench.install(works("1.1.0", vec![])).await.unwrap();
        world.bench.create(&world.ann(), "works.job", json!({"name": "Roof"})).await;
        world.bench.install(works("1.2.0", vec![greet()])).await.unwrap();
        world.bench.create(&world.ann(), "works.job", json!({"name": "Wall"})).await;
        world.settle().await;
        assert_eq!(world.tasks().await, ["Wall"]);
    })
    .await;
}

/// Leases in memory that end at once: whoever asks takes the lane over.
#[derive(Default)]
struct Scramble(Mutex<HashMap<String, i64>>);

impl Lanes for Scramble {
    fn acquire<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<i64>, Error>> {
        let mut epochs = self.0.lock().unwrap();
        let epoch = epochs.entry(slug.to_owned()).or_default();
        *epoch += 1;
        let epoch = *epoch;
        Box::pin(async move { Ok(Some(epoch)) })
    }

    fn renew<'a>(&'a self, slug: &'a str, epoch: i64) -> BoxFuture<'a, Result<bool, Error>> {
        let held = self.0.lock().unwrap().get(slug) == Some(&epoch);
        Box::pin(async move { Ok(held) })
    }

    fn release<'a>(
        &'a self,
        _slug: &'a str,
        _epoch: i64,
        _next_due: Option<DateTime<Utc>>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_writes_and_the_other_is_kept_out() {
    check_works(vec![greet()], async |world: &mut World| {
        let bench = &world.bench;
        if bench.database != "postgres" {
            return;
        }
        let other: Arc<Tenant> = {
            let options = EngineOptions {
                data_dir: bench.engine.tenant_dir("x").parent().unwrap().parent().unwrap().to_owned(),
                database: mortise_engine::Database::Postgres {
                    url: std::env::var("MORTISE_TEST_POSTGRES").unwrap(),
                },
                env: world.time.clone(),
                file_bytes_max: 1024,
                plugins: mortise_engine::plugins::PluginOptions::default(),
            };
            let engine = Box::leak(Box::new(Engine::open(options).await.unwrap()));
            engine.tenant(&bench.tenant.slug).await.unwrap()
        };
        let lanes = Arc::new(Scramble::default());
        bench.tenant.work_lane(lanes.clone());
        other.work_lane(lanes);
        let names: Vec<String> = (100..300).map(|number| format!("Job {number}")).collect();
        for name in &names {
            bench.create(&world.ann(), "works.job", json!({ "name": name })).await;
            other.wake_lane();
        }
        assert_eq!(wait_for(bench, names.len()).await, names);
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_restarts_itself_in_the_past_is_stopped() {
    let sla = json!({"id": "answer", "label": "Answer", "entity": "job", "start": "true",
        "from": "record.created_at", "stop": "record.state == 'done'",
        "reset": "record.amount != previous.amount", "limit": "minutes(1)",
        "ladder": [{"id": "over", "label": "Over", "offset": "minutes(0)", "do": [
            {"type": "set", "values": {"amount": "coalesce(record.amount, 0) + 1"}}]}]});
    check_works(vec![("slas/answer.json", sla)], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        world.pass(TimeDelta::minutes(2)).await;
        let parked = ["step:works.answer. automation.loop", "step:works.answer.over automation.loop"];
        assert_eq!(world.parked().await, parked);
        // A step and the event that follows from it are two links of the chain.
        assert_eq!(world.see(id).await["amount"], json!(8));
        // Dismissed, it is gone for good; the clock goes on when the record changes again.
        for item in world.failed(WorkState::Parked).await {
            world.bench.tenant.dismiss(&world.bench.admin(), item.id).await.unwrap();
        }
        world.pass(TimeDelta::days(1)).await;
        assert_eq!(world.see(id).await["amount"], json!(8));
    })
    .await;
}
