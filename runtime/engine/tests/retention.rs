//! What is over is cleared away when it is old; what waits, or waits for somebody, never.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use chrono::TimeDelta;
use common::works::{World, check_works, rule, task, works};
use futures_util::future::BoxFuture;
use mortise_engine::connect::{Call, Circumstances};
use mortise_engine::{Courier, EndpointInput, Parcel, Refusal, WorkState};
use serde_json::{Value as Json, json};

/// Takes everything.
struct Taker;

impl Courier for Taker {
    fn deliver<'a>(&'a self, _parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }
}

/// Each new job makes a task, tells its owner and calls out; jobs without an amount fail.
fn files() -> Vec<(&'static str, Json)> {
    let label = json!({"en": "X", "zh-CN": "某"});
    let receive = json!({"entity": "task", "map": [{"field": "what", "from": "/what"}], "key": "/no"});
    vec![
        (
            "notifications/news.json",
            json!({"id": "news", "entity": "job", "label": label, "title": label, "body": label, "to": ["owner"]}),
        ),
        ("connectors/out.json", json!({"id": "out", "label": label, "kind": "webhook"})),
        (
            "connectors/form.json",
            json!({"id": "form", "label": label, "kind": "inbound", "receive": receive}),
        ),
        (
            "rules/made.json",
            rule(
                "made",
                json!({"on": [{"type": "created"}], "do": [task("record.name"),
                {"type": "notify", "notification": "news"}, {"type": "webhook", "connector": "out"}]}),
            ),
        ),
        (
            "rules/fails.json",
            rule(
                "fails",
                json!({"on": [{"type": "created"}], "do": [{"type": "set", "values": {"name": "record.note"}}]}),
            ),
        ),
    ]
}

/// Rows of a table of the runtime.
async fn rows(world: &World, table: &str) -> usize {
    let prefix = format!("{table}: ");
    world.bench.dump().await.lines().filter(|line| line.starts_with(&prefix)).count()
}

async fn all(world: &World) -> [usize; 5] {
    let mut counts = [0; 5];
    for (count, table) in counts.iter_mut().zip(["_event", "_work", "_delivery", "_inbox", "_received"]) {
        *count = rows(world, table).await;
    }
    counts
}

async fn call(world: &World, body: Json, id: &str) -> Result<bool, &'static str> {
    let meta = Circumstances { id: Some(id.to_owned()), ..Circumstances::default() };
    let received = world.bench.tenant.receive(Call::new("works.form", body, meta)).await;
    received.map(|received| received.repeated).map_err(|error| error.code())
}

#[tokio::test]
async fn what_is_over_goes_when_it_is_old_and_what_waits_stays() {
    check_works(files(), async |world: &mut World| {
        let (tenant, root, ann) = (&world.bench.tenant, world.bench.admin(), world.ann());
        let url = Some("https://example.com".to_owned());
        let endpoint = EndpointInput { url, secret: Some("a secret of some length".into()), mail: None };
        tenant.set_endpoint(&root, "works.out", endpoint).await.unwrap();
        for name in ["Roof", "Wall", "Door"] {
            world.job(json!({ "name": name })).await;
        }
        tenant.deliver_due(&Taker).await.unwrap();
        tenant.mark_read(&ann, None).await.unwrap();
        world.job(json!({"name": "Window"})).await;
        // Parked: all four. One is dismissed, one is mended and done.
        let parked = world.failed(WorkState::Parked).await;
        tenant.dismiss(&root, parked[0].id).await.unwrap();
        world.change(parked[1].record.unwrap(), json!({"note": "Mended"})).await;
        tenant.retry(&root, parked[1].id).await.unwrap();
        world.settle().await;
        assert_eq!(call(world, json!({"what": "Hello", "no": 1}), "1").await, Ok(false));
        assert_eq!(call(world, json!({"no": 2}), "2").await, Err("record.invalid"));
        world.settle().await;
        let before = all(world).await;
        let [events, ..] = before;
        assert_eq!(before[1..], [5, 4, 4, 4], "work, deliveries, inbox, received");

        world.sleep(TimeDelta::days(89));
        assert_eq!(tenant.clear_old().await.unwrap(), 0);
        world.sleep(TimeDelta::days(2));
        assert_eq!(tenant.clear_old().await.unwrap(), events as u64 - 2 + 2 + 3 + 2);
        // Left are the events of parked work, that work, what was not sent, the inbox, and the kept call.
        assert_eq!(all(world).await, [2, 3, 1, 4, 2]);
        assert_eq!(call(world, json!({"no": 2}), "2").await, Err("connector.kept"));
        assert_eq!(
            call(world, json!({"what": "Again", "no": 1}), "1").await,
            Ok(false),
            "after so long it is new"
        );
        world.sleep(TimeDelta::days(90));
        world.settle().await;
        tenant.clear_old().await.unwrap();
        assert_eq!(all(world).await[3], 1, "what was not read stays");
        // What was parked still runs with what its event told.
        let parked = world.failed(WorkState::Parked).await;
        let left = parked.iter().find(|item| item.record.is_some()).unwrap();
        world.change(left.record.unwrap(), json!({"note": "Late"})).await;
        tenant.retry(&root, left.id).await.unwrap();
        world.settle().await;
        assert_eq!(world.see(left.record.unwrap()).await["name"], "Late");
        assert!(tenant.verify().await.unwrap().broken.is_none());
        assert!(!world.timeline(left.record.unwrap()).await.is_empty(), "the history stays");
    })
    .await;
}

#[tokio::test]
async fn many_old_events_go_in_batches_and_none_that_was_not_worked_off() {
    check_works(files(), async |world: &mut World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        let jobs = |name: &str, count: usize| vec![json!({"name": name, "note": name}); count];
        bench.create_all(&root, "works.job", jobs("Old", 600)).await;
        world.settle().await;
        let worked = rows(world, "_event").await;
        assert_eq!(worked, 1_200, "jobs, and what follows");
        world.sleep(TimeDelta::days(100));
        bench.create_all(&root, "works.job", jobs("New", 3)).await;
        world.sleep(TimeDelta::days(100));
        bench.tenant.clear_old().await.unwrap();
        assert_eq!(rows(world, "_event").await, 3, "they wait for the lane, however old they are");
        world.settle().await;
        assert_eq!(bench.count(&root, "works.task", &[]).await, 603);
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn where_nothing_follows_from_events_they_go_by_age_alone() {
    check_works(vec![], async |world: &mut World| {
        world.job(json!({"name": "Roof"})).await;
        world.sleep(TimeDelta::days(91));
        world.bench.tenant.clear_old().await.unwrap();
        assert_eq!(rows(world, "_event").await, 0);
        // The first rule still begins with what happens from then on.
        world.bench.install(works("1.1.0", files())).await.unwrap();
        world.job(json!({"name": "Wall", "note": "Wall"})).await;
        assert_eq!(world.tasks().await, ["Wall"]);
    })
    .await;
}
