//! What automation knows stays with those who may see it: clocks belong to their record and to no other of the same id,
//! and messages call other records by their names only where the reader may see these.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::needless_pass_by_value, reason = "JSON literals are handed over as they stand")]

mod common;

use common::desk::{field, words};
use common::works::{World, check_works, rule};
use mortise_engine::{Actor, Command};
use serde_json::{Value as Json, json};
use uuid::Uuid;

#[tokio::test]
async fn a_clock_is_told_with_its_own_record_only() {
    let sla = json!({"id": "answer", "label": "Answer", "entity": "job", "start": "true", "limit": "hours(48)",
        "stop": "record.note != null"});
    check_works(vec![("slas/answer.json", sla)], async |world: &mut World| {
        let (bench, bob) = (&world.bench, world.bench.person("bob"));
        let id = world.job(json!({"name": "Roof"})).await;
        let same = Command::Create {
            entity: "works.task".into(),
            values: json!({"what": "Spy"}).as_object().unwrap().clone(),
            id: Some(id),
            allow_duplicates: true,
        };
        bench.run(&bob, same).await.unwrap();
        assert_eq!(bench.tenant.clocks(&world.ann(), "works.job", id).await.unwrap().len(), 1);
        assert_eq!(bench.tenant.clocks(&bob, "works.task", id).await.unwrap(), []);
        assert!(bench.tenant.clocks(&bob, "works.job", id).await.is_err());
    })
    .await;
}

/// Visits of jobs: no rows of them, so that somebody may see a visit and not its job.
fn visits() -> Vec<(&'static str, Json)> {
    let visit = json!({"id": "visit", "label": words("Visit"), "title": "place", "fields": [
        field("place", "text", json!({"required": true})),
        field("about", "reference", json!({"entity": "job"})),
    ]});
    let operations = ["read", "create", "update"];
    let worker = json!({"id": "worker", "label": words("Worker"), "permissions": [
        {"entity": "job", "operations": operations, "rows": {"where": "record.owner == user.id"}},
        {"entity": "task", "operations": operations},
        {"entity": "visit", "operations": operations}]});
    let told = "{{ record.place }}: {{ record.about }}";
    let news = json!({"id": "news", "entity": "visit", "label": words("News"), "title": words(told),
        "body": words(told), "to": ["owner"]});
    let mut tell = rule(
        "tell",
        json!({"on": [{"type": "created"}], "do": [{"type": "notify", "notification": "news"}]}),
    );
    tell["entity"] = json!("visit");
    vec![
        ("entities/visit.json", visit),
        ("roles/worker.json", worker),
        ("notifications/news.json", news),
        ("rules/tell.json", tell),
    ]
}

#[tokio::test]
async fn a_message_names_other_records_only_to_those_who_may_see_them() {
    check_works(visits(), async |world: &mut World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        let id = world.job(json!({"name": "Secret"})).await;
        let told = async |reader: &Actor| {
            let owner: Uuid = reader.user.id;
            bench.create(&root, "works.visit", json!({"place": "Yard", "about": id, "owner": owner})).await;
            world.settle().await;
            let message = bench.tenant.inbox(reader, false, None, 1).await.unwrap().remove(0);
            (message.title, message.body)
        };
        assert_eq!(told(&world.ann()).await, ("Yard: Secret".into(), "Yard: Secret".into()));
        assert_eq!(told(&bench.person("bob")).await, ("Yard: …".into(), "Yard: …".into()));
        assert_eq!(world.parked().await, [""; 0]);
    })
    .await;
}
