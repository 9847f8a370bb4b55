//! Plugins inside of saves: heard on every way in which a record is written, with the rights of whoever acts, and never in
//! place of the app's own rules.

use std::sync::Arc;

use chrono::TimeDelta;
use mortise_engine::exchange::{ColumnMapping, Mapping};
use mortise_engine::plugins::RunFilter;
use mortise_engine::scenario::sandbox::Wish;
use mortise_engine::{Actor, Channel, Command, Error, Origin, Outcome};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::common::issues;
use crate::common::works::{World, check_works, rule};
use crate::guard::{asked, exports, guard, package};

/// Installs the guard with all that it asks for.
async fn install(world: &World, more: &Json) {
    grant(world, guard(more), asked()).await;
}

async fn grant(world: &World, package: Vec<u8>, granted: Json) {
    let granted = serde_json::from_value(granted).unwrap();
    let report =
        world.bench.tenant.install_plugin(&world.bench.admin(), package, Some(granted)).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

async fn create(world: &World, values: Json) -> Result<Uuid, Error> {
    world.bench.try_create(&world.ann(), "works.job", values).await
}

async fn update(world: &World, id: Uuid, values: Json) -> Result<Outcome, Error> {
    world.bench.update(&world.ann(), "works.job", id, values).await
}

fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    issues(&result.unwrap_err())
}

async fn calls(world: &World) -> u64 {
    world.bench.tenant.plugin_calls().get("test.guard").map_or(0, |calls| calls.calls)
}

#[tokio::test]
async fn no_way_of_writing_a_record_gets_around_a_validator() {
    let rename = rule(
        "rename",
        json!({"on": [{"type": "changed", "fields": ["note"]}],
        "condition": "record.note == 'rename'", "do": [{"type": "set", "values": {"name": "'-B by rule'"}}]}),
    );
    let policy = json!({"id": "job", "label": "Job", "entity": "job", "pool": {"roles": ["worker"]},
        "claim": "record.owner == null"});
    let files = vec![("rules/rename.json", rename), ("assignments/job.json", policy)];
    check_works(files, async |world: &mut World| {
        // Two that are bad before there is anybody to say so.
        let (old, binned) = (world.job(json!({"name": "-B"})).await, world.job(json!({"name": "-B"})).await);
        let admin = world.bench.admin();
        let free = world.bench.create(&admin, "works.job", json!({"name": "-B", "owner": null})).await;
        world.bench.delete(&world.ann(), "works.job", binned).await.unwrap();
        let good = world.job(json!({"name": "--"})).await;
        install(world, &json!({})).await;
        let refused = vec!["name plugin.violation".to_owned()];

        assert_eq!(told(create(world, json!({"name": "-B"})).await), refused, "created");
        assert_eq!(told(update(world, good, json!({"name": "-B"})).await), refused, "changed");
        let taken = world.take(&world.ann(), old, "begin", json!({})).await;
        assert_eq!(told(taken), refused, "a transition");
        let lines = json!({"tasks": [{"what": "--"}, {"what": "-B"}]});
        assert_eq!(
            told(update(world, good, lines).await),
            ["tasks/1/ plugin.violation"],
            "a row of a record"
        );
        let restore = Command::Restore { entity: "works.job".into(), id: binned };
        assert_eq!(told(world.bench.run(&world.ann(), restore).await), refused, "out of the trash");
        let claim = Command::Claim { entity: "works.job".into(), id: free, policy: "works.job".into() };
        let bob = world.bench.person("bob");
        let claimed = world.bench.run(&bob, claim).await;
        assert!(claimed.is_err(), "{claimed:?}");
        let commands = vec![
            Command::Create {
                entity: "works.job".into(),
                values: values(&json!({"name": "--"})),
                id: None,
                allow_duplicates: false,
            },
            Command::Create {
                entity: "works.job".into(),
                values: values(&json!({"name": "-B"})),
                id: None,
                allow_duplicates: false,
            },
        ];
        let batch = Command::Batch { commands, atomic: true };
        assert_eq!(told(world.bench.run(&world.ann(), batch).await), refused, "a batch");
        let importer =
            Actor { origin: Origin { channel: Channel::Import, ip: None, device: None }, ..world.ann() };
        let imported = world.bench.try_create(&importer, "works.job", json!({"name": "-B"})).await;
        assert_eq!(told(imported), refused, "imported");

        world.change(good, json!({"note": "rename"})).await;
        assert_eq!(world.see(good).await["name"], "--");
        assert_eq!(world.parked().await, ["rule:works.rename record.invalid"], "by a rule");
        let names = world.bench.column(&world.bench.admin(), "works.job", "name", &[]).await;
        assert_eq!(names, ["--", "-B", "-B"], "nothing of all that was written");
    })
    .await;
}

fn values(json: &Json) -> serde_json::Map<String, Json> {
    json.as_object().unwrap().clone()
}

#[tokio::test]
async fn an_imported_file_is_checked_row_by_row() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({})).await;
        let (tenant, eve) = (world.bench.tenant.clone(), world.bench.admin());
        let bytes = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(
            bytes::Bytes::from_static(b"name,amount\n--,1\n-B,2\nC-,3\n"),
        )]);
        let job = tenant.imports().upload(&tenant, &eve, "works.job", "jobs.csv", bytes).await.unwrap();
        let column = |(column, field): (usize, &str)| ColumnMapping { column, field: field.to_owned() };
        let columns = ["name", "amount"].into_iter().enumerate().map(column).collect();
        let mapping = Mapping { columns, ..Mapping::default() };
        tenant.imports().start(&tenant, &eve, job.id, Some(mapping)).await.unwrap();
        while tenant.imports().job(&eve, job.id).unwrap().state == mortise_engine::exchange::State::Running {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let amounts = world.bench.column(&eve, "works.job", "amount", &[]).await;
        assert_eq!(amounts, ["1", "21"], "the bad row is left out, and a hook changed the last one");
    })
    .await;
}

#[tokio::test]
async fn what_a_hook_changes_is_checked_and_told_like_everything_else() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({})).await;
        let id = create(world, json!({"name": "CM"})).await.unwrap();
        assert_eq!(
            world.see(id).await["amount"],
            21,
            "the validator saw it, too: without an amount it refuses"
        );
        assert_eq!(told(create(world, json!({"name": "-M"})).await), ["name plugin.violation"]);
        assert_eq!(
            told(create(world, json!({"name": "Q-"})).await),
            ["name field.required"],
            "the app's own rule"
        );
        update(world, id, json!({"name": "I-"})).await.unwrap();
        assert_eq!(world.see(id).await["amount"], 22);
        let timeline =
            world.bench.tenant.timeline(&world.bench.admin(), "works.job", id, None, 10).await.unwrap();
        let changed: Vec<&str> = timeline[0].changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(changed, ["name", "amount"], "the trail tells what the hook did");
        assert_eq!(told(create(world, json!({"name": "X-"})).await), [" plugin.rejected"]);
        for wrong in ["O-", "S-"] {
            assert_eq!(told(create(world, json!({"name": wrong})).await), [" plugin.cannot_set"], "{wrong}");
        }
        assert_eq!(told(create(world, json!({"name": "U-"})).await), [" plugin.failed"], "not declared");
        assert_eq!(told(create(world, json!({"name": "T-"})).await), [" plugin.failed"]);
        let kept = create(world, json!({"name": "K-"})).await.unwrap();
        assert_eq!(told(world.bench.delete(&world.ann(), "works.job", kept).await), [" plugin.rejected"]);
        world.bench.delete(&world.ann(), "works.job", id).await.unwrap();
        let restore = Command::Restore { entity: "works.job".into(), id };
        world.bench.run(&world.ann(), restore).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_hook_that_lost_the_race_is_asked_again_about_what_is_there() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({})).await;
        let id = create(world, json!({"name": "I-", "amount": 0})).await.unwrap();
        let changes = (0..20).map(|note| update(world, id, json!({"note": note.to_string()})));
        for done in futures_util::future::join_all(changes).await {
            done.unwrap();
        }
        assert_eq!(world.see(id).await["amount"], 20, "each saw what the one before had written");
    })
    .await;
}

#[tokio::test]
async fn a_trap_in_the_middle_of_an_atomic_batch_leaves_nothing_behind() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({})).await;
        let (entity, id) = ("works.job".to_owned(), Uuid::now_v7());
        let create = Command::Create {
            entity: entity.clone(),
            values: values(&json!({"name": "--"})),
            id: Some(id),
            allow_duplicates: false,
        };
        // The record is made by the part before, so that this one is judged inside of the writer.
        let trap = Command::Update { entity, id, version: None, values: values(&json!({"name": "-T"})) };
        let commands = vec![create, trap];
        let error =
            world.bench.run(&world.ann(), Command::Batch { commands: commands.clone(), atomic: true }).await;
        assert!(matches!(&error, Err(Error::Batch { index: 1, .. })), "{error:?}");
        assert!(world.bench.read(&world.ann(), "works.job", id).await.is_err());
        match world.bench.run(&world.ann(), Command::Batch { commands, atomic: false }).await.unwrap() {
            Outcome::Batch(parts) => assert!(parts[0].is_ok() && parts[1].is_err()),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.see(id).await["name"], "--", "else each part stands or falls by itself");
    })
    .await;
}

#[tokio::test]
async fn a_failure_ends_as_it_was_declared() {
    for (policy, saved) in [("reject", false), ("skip", true), ("defer", true)] {
        check_works(Vec::new(), async |world: &mut World| {
            install(world, &json!({"on_failure": policy})).await;
            for name in ["-T", "-F", "T-", "-L"] {
                let made = create(world, json!({"name": name})).await;
                assert_eq!(made.is_ok(), saved, "{policy} {name}: {made:?}");
                if let Err(error) = made {
                    assert_eq!(issues(&error), [" plugin.failed"]);
                    let args = &error.issues()[0].issue.args;
                    assert!(args.contains(&("plugin", "Guard".to_owned())), "{args:?}");
                }
            }
            assert_eq!(
                told(create(world, json!({"name": "X-"})).await),
                [" plugin.rejected"],
                "that is no failure"
            );
            let filter = RunFilter { failed: true, ..RunFilter::default() };
            let runs = world.bench.tenant.plugin_runs(&world.bench.admin(), &filter, None, 50).await.unwrap();
            assert_eq!(runs.len(), 4, "each is in the log");
        })
        .await;
    }
}

#[tokio::test]
async fn what_plugins_may_use_for_one_save_is_shared_by_all_its_rows() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({"on_failure": "skip"})).await;
        let rows = |count: usize| {
            let rows: Vec<Json> = (0..count).map(|_| json!({"what": "-D"})).collect();
            json!({"name": "--", "tasks": rows})
        };
        create(world, rows(5)).await.unwrap();
        let error = create(world, rows(8)).await.unwrap_err();
        assert_eq!(issues(&error), ["tasks/6/ plugin.budget"], "two hundred calls, whatever the policy says");
        let jobs = world.bench.column(&world.bench.admin(), "works.job", "name", &[]).await;
        assert_eq!(jobs.len(), 1, "nothing of it is there");
        let commands = (0..10).map(|_| Command::Create {
            entity: "works.job".into(),
            values: values(&rows(4)),
            id: None,
            allow_duplicates: false,
        });
        let batch = Command::Batch { commands: commands.collect(), atomic: true };
        world.bench.run(&world.ann(), batch).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_plugin_sees_no_more_than_whoever_saves_and_no_more_than_it_was_granted() {
    let blind = json!({"id": "blind", "label": "Blind", "permissions": [{"entity": "job",
        "operations": ["read", "create", "update"], "fields": {"note": "hidden"}}]});
    check_works(vec![("roles/blind.json", blind)], async |world: &mut World| {
        world.bench.hire("cat", &["works.blind"], |_| ());
        install(world, &json!({})).await;
        let (ann, bob) = (world.ann(), world.bench.person("bob"));
        let of_ann = world.job(json!({"name": "--", "note": "mine"})).await;
        let look = |id: Uuid| json!({"name": format!("-G{id}")});
        let said = |error: Error| {
            error.issues()[0].issue.args.iter().find(|(name, _)| *name == "message").unwrap().1.clone()
        };
        let seen = world.bench.try_create(&ann, "works.job", look(of_ann)).await.unwrap_err();
        assert_eq!(said(seen), "mine");
        world.bench.create(&bob, "works.job", look(of_ann)).await;
        let hidden = world.bench.try_create(&world.bench.person("cat"), "works.job", look(of_ann)).await;
        assert_eq!(said(hidden.unwrap_err()), "hidden", "a field that she does not see is empty");
        world.bench.create(&ann, "works.job", look(Uuid::now_v7())).await;
        world.bench.create(&ann, "works.job", json!({"name": format!("-G{}", "x".repeat(36))})).await;

        let narrow = json!({"records.read": [{"entity": "job", "fields": ["name"]}]});
        let narrow = serde_json::from_value(narrow).unwrap();
        world.bench.tenant.grant_plugin(&world.bench.admin(), "test.guard", 1, narrow).await.unwrap();
        let refused = world.bench.try_create(&ann, "works.job", look(of_ann)).await;
        assert_eq!(told(refused), [" plugin.failed"], "the field is not granted any more");
    })
    .await;
}

#[tokio::test]
async fn a_forged_id_is_an_id_of_nothing() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({})).await;
        let of_ann = world.job(json!({"name": "--"})).await;
        let task = |id: Uuid| json!({"what": format!("Z{id}")});
        let bob = world.bench.person("bob");
        for id in [Uuid::now_v7(), of_ann] {
            let made = world.bench.try_create(&bob, "works.task", task(id)).await;
            assert_eq!(
                told(made),
                ["job value.no_such_record"],
                "what he does not see, his plugin cannot point to"
            );
        }
        let made = world.bench.create(&world.ann(), "works.task", task(of_ann)).await;
        let task = world.bench.json(&world.ann(), "works.task", made).await;
        assert_eq!(task["job"], json!(of_ann));
    })
    .await;
}

#[tokio::test]
async fn a_condition_decides_before_the_plugin_is_touched() {
    check_works(Vec::new(), async |world: &mut World| {
        let mut all = exports(&json!({}));
        all[1]["when"] = "after.amount != before.amount".into();
        all.remove(0);
        grant(world, package("test.guard", &all), asked()).await;
        let id = create(world, json!({"name": "-B"})).await.unwrap();
        let before = calls(world).await;
        update(world, id, json!({"note": "x"})).await.unwrap();
        assert_eq!(calls(world).await, before);
        assert_eq!(told(update(world, id, json!({"amount": 5})).await), ["name plugin.violation"]);
    })
    .await;
}

#[tokio::test]
async fn rules_that_set_each_other_off_end_before_plugins_lie_too_deep() {
    let on = json!([{"type": "changed", "fields": ["amount"]}]);
    let ping = rule(
        "ping",
        json!({"on": on, "condition": "record.note != 'stop'",
            "do": [{"type": "set", "values": {"amount": "record.amount + 1"}}]}),
    );
    check_works(vec![("rules/ping.json", ping)], async |world: &mut World| {
        install(world, &json!({"on_failure": "skip"})).await;
        let id = world.job(json!({"name": "--", "amount": 0})).await;
        world.change(id, json!({"amount": 1})).await;
        assert_eq!(world.see(id).await["amount"], 8, "as deep as plugins may lie");
        assert_eq!(world.parked().await, ["rule:works.ping record.invalid"]);
        let items = world.failed(mortise_engine::WorkState::Parked).await;
        assert_eq!(items[0].error.fields[0].code, "plugin.budget");
    })
    .await;
}

#[tokio::test]
async fn a_record_that_nobody_changed_is_nobody_s_to_check() {
    check_works(Vec::new(), async |world: &mut World| {
        let id = world.job(json!({"name": "-B", "note": "x"})).await;
        install(world, &json!({})).await;
        update(world, id, json!({"note": "x"})).await.unwrap();
        assert_eq!(calls(world).await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_log_keeps_what_failed_and_what_was_said_and_counts_the_rest() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({})).await;
        for _ in 0..30 {
            create(world, json!({"name": "--"})).await.unwrap();
        }
        let said = create(world, json!({"name": "-W"})).await.unwrap();
        let failed = create(world, json!({"name": "-T"})).await;
        assert!(failed.is_err());
        let (tenant, admin) = (&world.bench.tenant, world.bench.admin());
        let runs = tenant.plugin_runs(&admin, &RunFilter::default(), None, 200).await.unwrap();
        assert_eq!(runs.iter().filter(|run| run.outcome == "ok" && run.lines == json!([])).count(), 20);
        let filter = RunFilter { record: Some(said), ..RunFilter::default() };
        let spoken = tenant.plugin_runs(&admin, &filter, None, 10).await.unwrap();
        let line = spoken.iter().find(|run| run.lines != json!([])).unwrap();
        assert_eq!(line.lines, json!([{"level": "info", "message": "seen"}]));
        assert_eq!((line.point.as_str(), line.export.as_str(), line.number), ("validator", "check", 1));
        assert_eq!(line.usage["host-calls"], json!([1, 50]));
        assert_eq!(line.actor, Some(world.ann().user.id));
        let failures = RunFilter { failed: true, plugin: Some("test.guard".into()), ..RunFilter::default() };
        let failures = tenant.plugin_runs(&admin, &failures, None, 10).await.unwrap();
        assert_eq!(failures[0].outcome, "plugin.run.trap");
        assert!(tenant.plugin_runs(&world.ann(), &RunFilter::default(), None, 10).await.is_err());

        let usage =
            tenant.plugin_usage(&admin, "test.guard", world.now() - TimeDelta::hours(2)).await.unwrap();
        let counted: Vec<(&str, i64, i64)> =
            usage.iter().map(|hour| (hour.export.as_str(), hour.calls, hour.failures)).collect();
        assert_eq!(counted, [("hook", 32, 0), ("check", 32, 1)]);
        let totals = tenant.plugin_calls();
        assert_eq!((totals["test.guard"].calls, totals["test.guard"].failures["plugin.run.trap"]), (64, 1));
    })
    .await;
}

#[tokio::test]
async fn what_lies_behind_a_reference_is_seen_as_far_as_it_was_granted() {
    check_works(Vec::new(), async |world: &mut World| {
        install(world, &json!({})).await;
        let job = world.job(json!({"name": "--", "amount": 5})).await;
        let task = json!({"what": "-M", "job": job});
        world.bench.create(&world.ann(), "works.task", task.clone()).await;
        let narrow = json!({"records.read": [{"entity": "job", "fields": ["name"]}]});
        let narrow = serde_json::from_value(narrow).unwrap();
        world.bench.tenant.grant_plugin(&world.bench.admin(), "test.guard", 1, narrow).await.unwrap();
        let refused = world.bench.try_create(&world.ann(), "works.task", task).await;
        assert_eq!(told(refused), [" plugin.violation"], "it does not see the amount any more");
    })
    .await;
}

#[tokio::test]
async fn what_breaks_down_in_a_simulation_does_not_count_for_the_tenant() {
    let daily = rule(
        "daily",
        json!({"on": [{"type": "schedule", "cron": "0 10 * * *", "where": "record.state == 'new'"}],
        "do": [{"type": "set", "values": {"amount": "coalesce(record.amount, 0) + 1"}}]}),
    );
    check_works(vec![("rules/daily.json", daily)], async |world: &mut World| {
        install(world, &json!({"on_failure": "skip"})).await;
        create(world, json!({"name": "T-"})).await.unwrap();
        world.settle().await;
        let wish = Wish { days: 10, ..Wish::default() };
        let (bench, admin) = (&world.bench, world.bench.admin());
        bench.engine.sandbox(&bench.tenant, &admin, &wish, &(Arc::new(|_| true) as _)).await.unwrap();
        let guard = bench.tenant.plugin(&admin, "test.guard").await.unwrap();
        assert!(guard.circuits.is_empty(), "{:?}", guard.circuits);
    })
    .await;
}
