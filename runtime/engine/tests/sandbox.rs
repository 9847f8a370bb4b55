//! Sandboxes: a tenant is copied, time passes on the copy, and what would happen is told; the tenant itself stays as it is to
//! the last byte, nothing leaves, and no copy is left behind.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests are written to be read")]

mod common;

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::Bench;
use common::desk::words;
use common::works::{World, check_works, rule, works};
use expect_test::{Expect, expect};
use futures_util::future::BoxFuture;
use mortise_engine::scenario::sandbox::{Forecast, Progress, Recipient, RecordKey, Tally, Watcher, Wish};
use mortise_engine::{Courier, Error, Parcel, Refusal};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, TransactionTrait,
};
use serde_json::{Value as Json, json};

/// Jobs of nobody are given out at ten, those that nobody begins within a day are begun by themselves, a rule fails
/// for some, and the owner is told about all of it.
fn files() -> Vec<(&'static str, Json)> {
    let at_ten = |condition: &str| json!([{"type": "schedule", "cron": "0 10 * * *", "where": condition}]);
    let assign = json!({"on": at_ten("record.owner == null"), "do": [{"type": "assign", "policy": "job"}]});
    let broken = json!({"on": at_ten("record.grade == 'b'"),
        "do": [{"type": "set", "values": {"name": "record.reason"}}]});
    let tell = json!({"type": "notify", "notification": "news"});
    let steps = json!([
        {"id": "half", "label": words("Half"), "base": "start", "offset": "hours(settings.limit * 2)", "do": [tell]},
        {"id": "over", "label": words("Over"), "base": "due", "offset": "hours(1)",
         "do": [{"type": "transition", "transition": "begin"}]}]);
    vec![
        (
            "assignments/job.json",
            json!({"id": "job", "label": words("Jobs"), "entity": "job", "pool": {"roles": ["worker"]},
            "filters": [{"id": "bob", "label": words("Bob"), "condition": "candidate.name == 'Bob'"}],
            "capacity": {"per_day": "2"}}),
        ),
        ("rules/assign.json", rule("assign", assign)),
        ("rules/broken.json", rule("broken", broken)),
        (
            "slas/begin.json",
            json!({"id": "begin", "label": words("Begin"), "entity": "job", "start": "record.state == 'new'",
            "stop": "record.state != 'new'", "limit": "hours(24)", "ladder": steps}),
        ),
        ("connectors/robot.json", json!({"id": "robot", "label": words("Robot"), "kind": "dingtalk"})),
        (
            "notifications/news.json",
            json!({"id": "news", "entity": "job", "label": words("News"), "title": words("{{ record.name }} waits"),
            "body": words("Dear {{ person.name }}"), "to": ["owner"], "email": true, "channels": ["robot"]}),
        ),
    ]
}

/// Three jobs of Ann's and three of nobody.
async fn jobs(world: &World) {
    world.bench.hire("ann", &["works.worker"], |ann| ann.email = Some("ann@example.com".to_owned()));
    for name in ["Roof", "Wall", "Door"] {
        world.job(json!({"name": name})).await;
    }
    for name in ["Gate", "Path", "Pond"] {
        let values = json!({"name": name, "owner": null, "grade": if name == "Pond" { "b" } else { "a" }});
        world.bench.create(&world.bench.admin(), "works.job", values).await;
    }
    world.settle().await;
}

fn patient() -> Watcher {
    Arc::new(|_| true)
}

async fn look(bench: &Bench, wish: Wish) -> Result<Forecast, Error> {
    bench.engine.sandbox(&bench.tenant, &bench.admin(), &wish, &patient()).await
}

fn ahead(days: u32) -> Wish {
    Wish { days, ..Wish::default() }
}

/// The forecast on some lines.
fn told(forecast: &Forecast) -> String {
    let mut text = String::new();
    let person = |id| forecast.directory.user(id).map_or_else(String::new, |user| user.login.clone());
    let record = |key: &RecordKey| forecast.names[key].title.clone();
    let tally = |tally: &Tally| {
        let mut records: Vec<String> = tally.records.iter().map(record).collect();
        records.sort();
        format!("{} {}", tally.count, records.join(" "))
    };
    for day in &forecast.days {
        let counts = [day.assigned, day.nobody, day.breached, day.steps, day.transitions];
        let more = [day.messages, day.deliveries, day.parked];
        writeln!(text, "{} {counts:?} {more:?}", day.date).unwrap();
    }
    for ((policy, to), found) in &forecast.assignments {
        writeln!(text, "{policy} to {}: {}", to.map_or("nobody".to_owned(), person), found.count).unwrap();
    }
    for ((sla, step), found) in &forecast.clocks {
        writeln!(text, "{sla} {}: {}", step.as_deref().unwrap_or("limit"), tally(found)).unwrap();
    }
    for ((entity, transition, by), found) in &forecast.transitions {
        writeln!(text, "{entity} {transition} by {}: {}", by.as_deref().unwrap_or("-"), tally(found))
            .unwrap();
    }
    let mut routes: Vec<String> = Vec::new();
    for (route, sent) in &forecast.told {
        let notification = route.notification.as_deref().unwrap_or("call");
        let channel = route.channel.as_deref().unwrap_or("inbox");
        let to = route.person.map_or("-".to_owned(), person);
        routes.push(format!("{notification} {channel} {to}: {} ({} hopeless)", sent.count, sent.hopeless));
    }
    // Ids of people are another order each time.
    routes.sort();
    text.extend(routes.into_iter().map(|route| route + "\n"));
    for ((handler, code), parked) in &forecast.parked {
        writeln!(text, "{handler} {code}: {}", tally(&parked.tally)).unwrap();
    }
    text
}

fn check(forecast: &Forecast, expected: &Expect) {
    expected.assert_eq(&told(forecast));
}

#[tokio::test]
async fn what_would_happen_is_told_and_the_tenant_stays_as_it_is() {
    check_works(files(), async |world: &mut World| {
        jobs(world).await;
        let before = world.bench.dump().await;
        let forecast = look(&world.bench, ahead(3)).await.unwrap();
        check(
            &forecast,
            &expect![[r#"
                2026-03-02 [2, 1, 0, 6, 0] [6, 12, 1]
                2026-03-03 [1, 0, 6, 6, 6] [0, 0, 1]
                2026-03-04 [0, 0, 0, 0, 0] [0, 0, 1]
                2026-03-05 [0, 0, 0, 0, 0] [0, 0, 0]
                works.job to nobody: 1
                works.job to bob: 3
                works.begin limit: 6 Door Gate Path Pond Roof Wall
                works.begin half: 6 Door Gate Path Pond Roof Wall
                works.begin over: 6 Door Gate Path Pond Roof Wall
                works.job begin by works.begin.over: 6 Door Gate Path Pond Roof Wall
                works.news email -: 3 (3 hopeless)
                works.news email ann: 3 (0 hopeless)
                works.news inbox ann: 3 (0 hopeless)
                works.news inbox bob: 2 (0 hopeless)
                works.news inbox root: 1 (0 hopeless)
                works.news works.robot -: 6 (0 hopeless)
                rule:works.broken record.invalid: 3 Pond
            "#]],
        );
        assert_eq!(forecast.records, 6);
        assert_eq!(forecast.stopped, None);
        assert_eq!(forecast.until - forecast.from, chrono::TimeDelta::days(3));
        assert!(forecast.names.values().all(|named| named.real));
        let first = &forecast.messages[0];
        assert!(first.title.ends_with(" waits"), "{first:?}");
        assert!(
            forecast.messages.iter().any(|message| message.to == Recipient::Connector("works.robot".into()))
        );
        assert_eq!(world.bench.dump().await, before);
        assert_eq!(copies(&world.bench).await, [""; 0]);
        // What was foreseen is what comes, unless somebody does something.
        world.pass(chrono::TimeDelta::days(3)).await;
        let steps = forecast.clocks.values().map(|tally| tally.count).sum::<usize>();
        assert_eq!(happened(world).await, steps);
    })
    .await;
}

/// Limits that passed and steps that were carried out, by the trail of the tenant.
async fn happened(world: &World) -> usize {
    let filter = mortise_engine::TrailFilter::default();
    let page = world.bench.tenant.trail(&world.bench.admin(), &filter, None, 200).await.unwrap();
    let wanted = |action: &str| matches!(action, "clock.breached" | "clock.step");
    page.entries.iter().filter(|stored| wanted(&stored.entry.action)).count()
}

/// Counts what it is given.
#[derive(Default)]
struct Doorman(AtomicUsize);

impl Courier for Doorman {
    fn deliver<'a>(&'a self, _parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn nothing_leaves_a_sandbox() {
    check_works(files(), async |world: &mut World| {
        jobs(world).await;
        let doorman = Arc::new(Doorman::default());
        world.bench.tenant.hire(doorman.clone());
        world.bench.tenant.work_lane(Arc::new(mortise_engine::Sole));
        let endpoint = serde_json::from_value(json!({"url": "https://robot.example.com/"})).unwrap();
        world.bench.tenant.set_endpoint(&world.bench.admin(), "works.robot", endpoint).await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hear = heard.clone();
        let listening = world.bench.engine.listen(move |news| hear.lock().unwrap().push(news)).await.unwrap();
        let forecast = look(&world.bench, ahead(2)).await.unwrap();
        assert!(forecast.days.iter().map(|day| day.deliveries).sum::<usize>() > 0);
        drop(listening);
        assert_eq!(doorman.0.load(Ordering::Relaxed), 0);
        // Other tests make their noise on the same server.
        let slug = world.bench.tenant.slug.clone();
        heard.lock().unwrap().retain(|news| format!("{news:?}").contains(&slug));
        assert_eq!(*heard.lock().unwrap(), []);
        let waiting = world.bench.tenant.deliveries(&world.bench.admin(), (None, None), None, 50).await;
        assert_eq!(waiting.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn settings_and_apps_can_be_tried_before_they_are_in_force() {
    check_works(files(), async |world: &mut World| {
        jobs(world).await;
        let before = world.bench.dump().await;
        let half = ("works.begin".to_owned(), Some("half".to_owned()));
        let steps = |forecast: &Forecast| forecast.clocks.get(&half).map_or(0, |tally| tally.count);
        // After ten hours half of the jobs' time is over; after forty nothing of it is left.
        assert_eq!(steps(&look(&world.bench, ahead(1)).await.unwrap()), 6);
        let settings = [("works".to_owned(), [("limit".to_owned(), json!(20))].into())].into();
        let later = look(&world.bench, Wish { settings, ..ahead(1) }).await.unwrap();
        assert_eq!(steps(&later), 0);
        let mut more = files();
        more.retain(|(path, _)| *path != "slas/begin.json" && *path != "rules/broken.json");
        more.push((
            "rules/tasks.json",
            rule(
                "tasks",
                json!({"on": [{"type": "schedule", "cron": "0 12 * * *", "where": "record.state == 'new'"}],
                "do": [common::works::task("'Look'"), {"type": "transition", "transition": "begin"}]}),
            ),
        ));
        let package = Some(Arc::new(works("2.0.0", more)));
        let forecast = look(&world.bench, Wish { package, ..ahead(2) }).await.unwrap();
        assert_eq!(forecast.model.app("works").unwrap().version, "2.0.0");
        let taken: Vec<_> =
            forecast.transitions.iter().map(|(key, tally)| (key.clone(), tally.count)).collect();
        let by = Some("works.tasks".to_owned());
        assert_eq!(taken, [(("works.job".to_owned(), "begin".to_owned(), by), 6)]);
        assert_eq!(steps(&forecast), 0);
        assert_eq!(world.bench.dump().await, before);
        let unknown = [("works".to_owned(), [("nothing".to_owned(), json!(1))].into())].into();
        let refused = look(&world.bench, Wish { settings: unknown, ..ahead(1) }).await.unwrap_err();
        assert_eq!(refused.code(), "setting.unknown");
        assert_eq!(copies(&world.bench).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_sandbox_has_limits_and_is_for_administrators() {
    check_works(files(), async |world: &mut World| {
        let bench = &world.bench;
        for days in [0, 93] {
            assert_eq!(common::issues(&look(bench, ahead(days)).await.unwrap_err()), ["days sandbox.days"]);
        }
        let ann = world.ann();
        let refused = bench.engine.sandbox(&bench.tenant, &ann, &ahead(1), &patient()).await.unwrap_err();
        assert_eq!(refused.code(), "permission.administrator");
        let (first, second) = tokio::join!(look(bench, ahead(1)), look(bench, ahead(1)));
        let mut ends = [first, second].map(|end| end.map_or_else(|error| error.code(), |_| "done"));
        ends.sort_unstable();
        assert_eq!(ends, ["done", "sandbox.busy"]);
    })
    .await;
}

#[tokio::test]
async fn it_tells_how_far_it_is_and_ends_when_nobody_wants_it() {
    check_works(files(), async |world: &mut World| {
        jobs(world).await;
        let days = Arc::new(Mutex::new(Vec::new()));
        let seen = days.clone();
        let watcher: Watcher = Arc::new(move |Progress { day, days }| {
            assert_eq!(days, 4);
            let mut seen = seen.lock().unwrap();
            if seen.last() != Some(&day) {
                seen.push(day);
            }
            true
        });
        let bench = &world.bench;
        bench.engine.sandbox(&bench.tenant, &bench.admin(), &ahead(4), &watcher).await.unwrap();
        assert_eq!(
            days.lock().unwrap().iter().copied().filter(|day| *day > 0).collect::<Vec<_>>(),
            [1, 2, 3, 4]
        );
        let last = Arc::new(AtomicU32::new(0));
        let reached = last.clone();
        let impatient: Watcher = Arc::new(move |progress| {
            reached.fetch_max(progress.day, Ordering::Relaxed);
            progress.day < 2
        });
        let ended = bench.engine.sandbox(&bench.tenant, &bench.admin(), &ahead(30), &impatient).await;
        assert_eq!(ended.unwrap_err().code(), "sandbox.ended");
        assert_eq!(last.load(Ordering::Relaxed), 2);
        let never: Watcher = Arc::new(|_| false);
        let ended = bench.engine.sandbox(&bench.tenant, &bench.admin(), &ahead(30), &never).await;
        assert_eq!(ended.unwrap_err().code(), "sandbox.ended");
        assert_eq!(copies(bench).await, [""; 0]);
        look(bench, ahead(1)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_cleared_away_at_the_next_start() {
    check_works(Vec::new(), async |world: &mut World| {
        match server(&world.bench).await {
            None => {
                let folder = folder(&world.bench).join(&world.bench.tenant.slug);
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join("tenant.db"), "half a copy").unwrap();
                assert_eq!(copies(&world.bench).await.len(), 1);
            }
            Some(server) => {
                let process = copying(&server, &world.bench.tenant.slug).await;
                world.bench.crash().await;
                assert_eq!(copies(&world.bench).await.len(), 1, "the copy of a process that lives stays");
                process.rollback().await.unwrap();
            }
        }
        world.bench.crash().await;
        cleared(&world.bench).await;
        look(&world.bench, ahead(1)).await.unwrap();
    })
    .await;
}

/// Half a copy, and what holds its name as the process that makes it does, until it is dropped.
async fn copying(server: &DatabaseConnection, slug: &str) -> DatabaseTransaction {
    let process = server.begin().await.unwrap();
    let hold = format!("SELECT pg_advisory_xact_lock(hashtextextended('sandbox_t_{slug}', 1))");
    process.execute_unprepared(&hold).await.unwrap();
    let copy = format!("CREATE SCHEMA \"sandbox_t_{slug}\"; CREATE TABLE \"sandbox_t_{slug}\".job (id int)");
    server.execute_unprepared(&copy).await.unwrap();
    process
}

/// Waits until no copy is left: any node that starts clears them away, and other tests start nodes on the same server.
async fn cleared(bench: &Bench) {
    for _ in 0..100 {
        if copies(bench).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a copy is left: {:?}", copies(bench).await);
}

fn folder(bench: &Bench) -> PathBuf {
    bench.engine.tenant_dir("any").parent().unwrap().with_file_name("sandboxes")
}

async fn server(bench: &Bench) -> Option<DatabaseConnection> {
    if bench.database == "sqlite" {
        return None;
    }
    Some(sea_orm::Database::connect(std::env::var("MORTISE_TEST_POSTGRES").unwrap()).await.unwrap())
}

/// The copies of the tenant that there are, in folders and schemas.
async fn copies(bench: &Bench) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(folders) = std::fs::read_dir(folder(bench)) {
        found.extend(folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()));
    }
    if let Some(server) = server(bench).await {
        let sql = format!(
            "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'sandbox%{}'",
            bench.tenant.slug
        );
        let rows = server.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
        found.extend(rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()));
        server.close().await.unwrap();
    }
    found
}
