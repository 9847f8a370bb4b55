//! Many at once on real databases: nothing is lost, nothing is half done, and the trail tells of all of it.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{Bench, check_bare, issues, package, text};
use mortise_definition::Package;
use mortise_engine::{Actor, Command, Error, Outcome, RunOptions, Tenant};
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn words(en: &str) -> Json {
    json!({"en": en, "zh-CN": en})
}

fn plain(id: &str, kind: &str) -> Json {
    json!({"id": id, "type": kind, "label": words(id)})
}

/// `board` with a counter and fields `f0` …, `note` with a number, a unique code and a weight that the board sums up.
fn hub(fields: usize) -> Package {
    let mut board = vec![plain("name", "text"), plain("count", "integer")];
    board.extend((0..fields).map(|number| plain(&format!("f{number}"), "integer")));
    for (id, operation) in [("notes", "count"), ("weight", "sum"), ("heaviest", "max")] {
        let mut rollup = json!({"id": id, "type": "rollup", "label": words(id), "entity": "note", "via": "board", "operation": operation});
        if operation != "count" {
            rollup["field"] = json!("weight");
        }
        board.push(rollup);
    }
    package(vec![
        ("app.json", json!({"id": "hub", "version": "1.0.0", "label": words("Hub")})),
        (
            "entities/board.json",
            json!({"id": "board", "label": words("Board"), "title": "name", "fields": board}),
        ),
        (
            "entities/note.json",
            json!({"id": "note", "label": words("Note"), "title": "code", "fields": [
                {"id": "number", "type": "autonumber", "label": words("number"), "pattern": "N-{0000}"},
                {"id": "code", "type": "text", "label": words("code"), "unique": true, "search": true},
                {"id": "board", "type": "reference", "label": words("board"), "entity": "board"},
                {"id": "weight", "type": "integer", "label": words("weight"), "min": 0}
            ]}),
        ),
    ])
}

async fn run(tenant: &Tenant, actor: &Actor, command: Command) -> Result<Outcome, Error> {
    tenant.run(actor, command, RunOptions::default()).await
}

fn create(entity: &str, values: Json) -> Command {
    Command::Create {
        entity: entity.into(),
        values: values.as_object().unwrap().clone(),
        id: None,
        allow_duplicates: true,
    }
}

fn update(entity: &str, id: Uuid, version: Option<i64>, values: Json) -> Command {
    Command::Update { entity: entity.into(), id, version, values: values.as_object().unwrap().clone() }
}

const TASKS: usize = 64;
const ROUNDS: usize = 12;

/// What one of the many does.
async fn work(
    tenant: Arc<Tenant>,
    actor: Actor,
    board: Uuid,
    task: usize,
    written: Arc<AtomicUsize>,
    won: Arc<AtomicUsize>,
) {
    let count =
        |done: &Result<Outcome, Error>| written.fetch_add(usize::from(done.is_ok()), Ordering::Relaxed);
    for round in 0..ROUNDS {
        // A field of one's own on a record that everybody changes, without a version.
        let done =
            run(&tenant, &actor, update("hub.board", board, None, json!({format!("f{task}"): round}))).await;
        count(&done);
        done.unwrap();
        // A counter that everybody raises, with versions.
        loop {
            let record = tenant.read_json(&actor, "hub.board", board).await.unwrap();
            let seen: Json = serde_json::from_slice(&record.0).unwrap();
            let next = seen["count"].as_i64().unwrap() + 1;
            let done =
                run(&tenant, &actor, update("hub.board", board, Some(record.1), json!({"count": next})))
                    .await;
            count(&done);
            match done {
                Ok(_) => break,
                Err(Error::Stale { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            // One round of this kind is enough to prove the point, and to end.
            if round > 0 {
                break;
            }
        }
        // A code that everybody wants.
        let done = run(
            &tenant,
            &actor,
            create("hub.note", json!({"code": format!("c{round}"), "board": board, "weight": task})),
        )
        .await;
        count(&done);
        match done {
            Ok(_) => drop(won.fetch_add(1, Ordering::Relaxed)),
            Err(error) => assert_eq!(issues(&error), ["code field.not_unique"]),
        }
        // A note of one's own; every third goes again.
        let done = run(
            &tenant,
            &actor,
            create("hub.note", json!({"code": format!("t{task}-{round}"), "board": board, "weight": 1})),
        )
        .await;
        count(&done);
        let Ok(Outcome::Record(note)) = done else { panic!() };
        if round % 3 == 0 {
            let done = run(
                &tenant,
                &actor,
                Command::Delete { entity: "hub.note".into(), id: note.id, version: Some(1) },
            )
            .await;
            count(&done);
            done.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_at_once_lose_nothing() {
    check_bare(async |bench: &Bench| {
        bench.install(hub(TASKS)).await.unwrap();
        let admin = bench.admin();
        let board = bench.create(&admin, "hub.board", json!({"name": "b", "count": 0})).await;
        let entries = bench.tenant.verify().await.unwrap().entries;
        let (written, won) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                tokio::spawn(work(
                    bench.tenant.clone(),
                    admin.clone(),
                    board,
                    task,
                    written.clone(),
                    won.clone(),
                ))
            })
            .collect();
        // The trail is whole at any moment, not only in the end.
        let watching = tokio::spawn({
            let tenant = bench.tenant.clone();
            async move {
                for _ in 0..20 {
                    assert_eq!(tenant.verify().await.unwrap().broken, None);
                }
            }
        });
        for task in tasks {
            task.await.unwrap();
        }
        watching.await.unwrap();

        let record = bench.json(&admin, "hub.board", board).await;
        for task in 0..TASKS {
            assert_eq!(record[format!("f{task}")], ROUNDS - 1, "f{task}");
        }
        let raised = bench.tenant.timeline(&admin, "hub.board", board, None, 200).await.unwrap();
        assert!(!raised.is_empty());
        assert_eq!(won.load(Ordering::Relaxed), ROUNDS);
        let mut notes = Vec::new();
        let query = bench.tenant.query(&admin, "hub.note", std::iter::empty()).unwrap();
        bench
            .tenant
            .export(&admin, query, |rows| {
                notes.extend_from_slice(rows);
                Ok(())
            })
            .await
            .unwrap();
        let slot = |name: &str| bench.tenant.model().entity("hub.note").unwrap().field(name).unwrap().slot;
        let weights: Vec<i64> =
            notes.iter().map(|note| note.values[slot("weight")].as_int().unwrap()).collect();
        assert_eq!(notes.len(), ROUNDS + TASKS * (ROUNDS - ROUNDS.div_ceil(3)));
        assert_eq!(record["notes"], notes.len());
        assert_eq!(record["weight"], weights.iter().sum::<i64>());
        assert_eq!(record["heaviest"], *weights.iter().max().unwrap());
        // Refused notes gave no number away; deleted ones keep theirs.
        let query = bench.tenant.query(&admin, "hub.note", [("trash", "true")].into_iter()).unwrap();
        bench
            .tenant
            .export(&admin, query, |rows| {
                notes.extend_from_slice(rows);
                Ok(())
            })
            .await
            .unwrap();
        let numbers: BTreeSet<String> =
            notes.iter().map(|note| note.values[slot("number")].to_string()).collect();
        let expected: BTreeSet<String> =
            (1..=ROUNDS + TASKS * ROUNDS).map(|number| format!("N-{number:04}")).collect();
        assert_eq!(numbers, expected);
        // Each change that was acknowledged is in the trail once; the board's version tells its own.
        let verified = bench.tenant.verify().await.unwrap();
        assert_eq!(verified.broken, None);
        assert_eq!((verified.entries - entries) as usize, written.load(Ordering::Relaxed));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_counter_raised_with_versions_counts_every_raise() {
    check_bare(async |bench: &Bench| {
        bench.install(hub(0)).await.unwrap();
        let admin = bench.admin();
        let board = bench.create(&admin, "hub.board", json!({"name": "b", "count": 0})).await;
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (tenant, admin) = (bench.tenant.clone(), admin.clone());
                tokio::spawn(async move {
                    let mut raised = 0;
                    while raised < 5 {
                        let record = tenant.read_json(&admin, "hub.board", board).await.unwrap();
                        let seen: Json = serde_json::from_slice(&record.0).unwrap();
                        let next = seen["count"].as_i64().unwrap() + 1;
                        match run(
                            &tenant,
                            &admin,
                            update("hub.board", board, Some(record.1), json!({"count": next})),
                        )
                        .await
                        {
                            Ok(_) => raised += 1,
                            Err(Error::Stale { .. }) => tokio::task::yield_now().await,
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let record = bench.json(&admin, "hub.board", board).await;
        assert_eq!((&record["count"], &record["version"]), (&json!(80), &json!(81)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn upgrades_while_people_work_lose_no_command_and_mix_no_fields() {
    let version = |number: usize| {
        // The names of two fields are swapped by every other version, and a field comes with each.
        let (left, right) = if number.is_multiple_of(2) { ("left", "right") } else { ("right", "left") };
        let mut fields = vec![
            json!({"id": "name", "type": "text", "label": words("name"), "search": true}),
            json!({"id": "left", "name": left, "type": "text", "label": words("l"), "index": true}),
            json!({"id": "right", "name": right, "type": "text", "label": words("r")}),
        ];
        fields.extend((0..number).map(|number| plain(&format!("x{number}"), "text")));
        package(vec![
            ("app.json", json!({"id": "hub", "version": "1.0.0", "label": words("Hub")})),
            (
                "entities/board.json",
                json!({"id": "board", "label": words("Board"), "title": "name", "fields": fields}),
            ),
        ])
    };
    check_bare(async |bench: &Bench| {
        bench.install(version(0)).await.unwrap();
        let admin = bench.admin();
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (tenant, admin, stop) = (bench.tenant.clone(), admin.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut made = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let values = json!({"name": format!("{task}"), "left": "one", "right": "two"});
                        let Outcome::Record(written) =
                            run(&tenant, &admin, create("hub.board", values)).await.unwrap()
                        else {
                            panic!()
                        };
                        run(
                            &tenant,
                            &admin,
                            update("hub.board", written.id, None, json!({"name": format!("{task} changed")})),
                        )
                        .await
                        .unwrap();
                        let read: Json = serde_json::from_slice(
                            &tenant.read_json(&admin, "hub.board", written.id).await.unwrap().0,
                        )
                        .unwrap();
                        let pair = BTreeSet::from([text(&read["left"]), text(&read["right"])]);
                        assert_eq!(pair, BTreeSet::from(["one".to_owned(), "two".to_owned()]), "{read}");
                        match tenant.query(
                            &admin,
                            "hub.board",
                            [("limit", "3"), ("where.left", "one")].into_iter(),
                        ) {
                            Ok(query) => match tenant.list(&admin, &query).await {
                                // The slots of the query belong to a model that is no longer in force.
                                Ok(_) | Err(Error::ModelChanged) => {}
                                Err(error) => panic!("{error}"),
                            },
                            Err(error) => panic!("{error}"),
                        }
                        made.push(written.id);
                    }
                    made
                })
            })
            .collect();
        for number in 1..=12 {
            bench.install(version(number)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        }
        stop.store(true, Ordering::Relaxed);
        let mut made = Vec::new();
        for task in tasks {
            made.extend(task.await.unwrap());
        }
        let mut rows = Vec::new();
        let query = bench.tenant.query(&admin, "hub.board", std::iter::empty()).unwrap();
        bench
            .tenant
            .export(&admin, query, |page| {
                rows.extend_from_slice(page);
                Ok(())
            })
            .await
            .unwrap();
        let found: BTreeSet<Uuid> = rows.iter().map(mortise_engine::Record::id).collect();
        assert_eq!(found, made.iter().copied().collect());
        let [left, right] = ["left", "right"]
            .map(|name| bench.tenant.model().entity("hub.board").unwrap().field(name).unwrap().slot);
        for row in &rows {
            let pair = BTreeSet::from([row.values[left].to_string(), row.values[right].to_string()]);
            assert_eq!(pair.len(), 2);
            assert_eq!(row.version(), 2);
        }
        assert_eq!(
            bench.count(&admin, "hub.board", &[("q", "changed"), ("total", "true")]).await,
            rows.len() as i64
        );
        assert_eq!(bench.tenant.verify().await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_was_tampered_with_does_not_verify() {
    let cases: [(&str, &[&str]); 9] = [
        ("a word is changed", &["UPDATE _audit SET changes = replace(changes, 'note 3', 'note 4')"]),
        ("another person did it", &["UPDATE _audit SET actor = NULL WHERE seq = 3"]),
        (
            "it was another time",
            &["UPDATE _audit SET at = (SELECT at FROM _audit WHERE seq = 1) WHERE seq = 4"],
        ),
        (
            "a hash is another",
            &["UPDATE _audit SET hash = (SELECT hash FROM _audit WHERE seq = 2) WHERE seq = 3"],
        ),
        ("an entry is missing", &["DELETE FROM _audit WHERE seq = 3"]),
        ("the end is missing", &["DELETE FROM _audit WHERE seq = (SELECT max(seq) FROM _audit)"]),
        ("everything is missing", &["DELETE FROM _audit"]),
        (
            "the head was set back",
            &[
                "UPDATE _audit_head SET seq = seq - 1, hash = (SELECT hash FROM _audit WHERE _audit.seq = _audit_head.seq - 1)",
            ],
        ),
        (
            "an entry was put before the first",
            &[
                "INSERT INTO _audit (seq, at, action, channel, changes, hash) SELECT 0, at, action, channel, changes, hash FROM _audit WHERE seq = 1",
            ],
        ),
    ];
    check_bare(async |bench: &Bench| {
        for (name, changes) in &cases {
            let kind = common::databases().into_iter().find(|(name, _)| *name == bench.database).unwrap().1;
            let fresh = Bench::open(bench.database, kind, Arc::new(mortise_engine::System)).await;
            fresh.install(hub(0)).await.unwrap();
            for number in 0..5 {
                fresh.create(&fresh.admin(), "hub.note", json!({"code": format!("note {number}")})).await;
            }
            assert_eq!(fresh.tenant.verify().await.unwrap().broken, None);
            for change in *changes {
                let change = if bench.database == "postgres" {
                    change.replace("_audit.seq = _audit_head.seq", "trail.seq = head.seq")
                } else {
                    (*change).to_owned()
                };
                let change = change.replace(
                    "SELECT hash FROM _audit WHERE trail.seq = head.seq - 1",
                    "SELECT hash FROM _audit trail WHERE trail.seq = head.seq - 1",
                );
                let change = if change.contains("head.seq - 1") && bench.database == "postgres" {
                    change.replace("UPDATE _audit_head SET", "UPDATE _audit_head head SET")
                } else {
                    change
                };
                fresh.tamper(&change).await;
            }
            let verified = fresh.tenant.verify().await.unwrap();
            assert!(verified.broken.is_some(), "{name} on {}: {verified:?}", bench.database);
            fresh.drop().await;
        }
    })
    .await;
}

/// Some people create, others read their own write at once: what was acknowledged is there for everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_acknowledged_is_seen_by_everybody_and_in_the_total() {
    check_bare(async |bench: &Bench| {
        bench.install(hub(0)).await.unwrap();
        let admin = bench.admin();
        let done = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (tenant, admin, done) = (bench.tenant.clone(), admin.clone(), done.clone());
                tokio::spawn(async move {
                    for round in 0..15 {
                        run(&tenant, &admin, create("hub.note", json!({"code": format!("{task}-{round}")})))
                            .await
                            .unwrap();
                        let at_least = done.fetch_add(1, Ordering::SeqCst) + 1;
                        let query = tenant.query(&admin, "hub.note", [("limit", "1")].into_iter()).unwrap();
                        let total = tenant.list(&admin, &query).await.unwrap().total.unwrap();
                        assert!(total.count >= at_least as i64, "{} of {at_least}", total.count);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let counted: BTreeMap<&str, i64> =
            BTreeMap::from([("all", bench.count(&admin, "hub.note", &[]).await)]);
        assert_eq!(counted["all"], 120);
    })
    .await;
}
