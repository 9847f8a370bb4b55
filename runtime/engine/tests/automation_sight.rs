//! What automation knows stays with those who may see it: clocks belong to their record and to no other of the same id,
//! messages call other records by their names only where the reader may see these, and how colleagues stand is told to
//! who may know it.

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

/// Jobs are assigned to workers by profiles of which each worker sees the own one.
fn profiles() -> Vec<(&'static str, Json)> {
    let profile = json!({"id": "profile", "label": words("Profile"), "title": "town", "fields": [
        field("person", "user", json!({"required": true, "unique": true})),
        field("town", "text", json!({})),
        field("share", "integer", json!({})),
    ]});
    let operations = ["read", "create", "update"];
    let role = |id: &str, rows: Option<&str>| {
        let mut profile = json!({"entity": "profile", "operations": ["read"]});
        if let Some(rows) = rows {
            profile["rows"] = json!({"where": rows});
        }
        let jobs = json!({"entity": "job", "operations": operations});
        json!({"id": id, "label": words(id), "permissions": [jobs, profile]})
    };
    let policy = json!({"id": "job", "label": words("Job"), "entity": "job",
        "pool": {"roles": ["worker"], "profile": {"entity": "profile", "person": "person"}},
        "filters": [{"id": "town", "label": words("Town"), "condition": "profile.town != 'away'"}],
        "terms": [{"id": "share", "label": words("Share"), "weight": "1.0", "score": "profile.share / 100"}]});
    let assign =
        rule("assign", json!({"on": [{"type": "created"}], "do": [{"type": "assign", "policy": "job"}]}));
    vec![
        ("entities/profile.json", profile),
        ("roles/worker.json", role("worker", Some("record.person == user.id"))),
        ("roles/chief.json", role("chief", None)),
        ("assignments/job.json", policy),
        ("rules/assign.json", assign),
    ]
}

#[tokio::test]
async fn how_colleagues_stand_is_told_to_who_may_read_their_profiles() {
    check_works(profiles(), async |world: &mut World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        bench.hire("cat", &["works.worker"], |_| ());
        for (login, town, share) in [("ann", "here", 90), ("bob", "here", 20), ("cat", "away", 50)] {
            let person = bench.person(login).user.id;
            bench
                .create(&root, "works.profile", json!({"person": person, "town": town, "share": share}))
                .await;
        }
        let id = bench.create(&root, "works.job", json!({"name": "Roof", "owner": null})).await;
        world.settle().await;
        let told = async |login: &str| {
            let decision =
                bench.tenant.assignments(&bench.person(login), "works.job", id).await.unwrap().remove(0);
            let choice = decision.choice.unwrap();
            let considered: Vec<String> = choice.considered.into_iter().map(|one| one.name).collect();
            (considered, choice.more, choice.excluded.len())
        };
        let all = (vec!["Ann".to_owned(), "Bob".to_owned()], 0, 1);
        assert_eq!(told("eve").await, all);
        assert_eq!(told("root").await, all);
        assert_eq!(told("bob").await, (vec!["Bob".to_owned()], 1, 0));
        assert_eq!(told("cat").await, (vec![], 2, 1));
    })
    .await;
}
