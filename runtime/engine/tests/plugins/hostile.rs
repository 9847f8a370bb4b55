//! Plugins that mean harm, each a real component, through whole saves on both databases: what the run log says, that nothing
//! is half written, that the save ends as the manifest declares, and that the tenant next door notices nothing.

mod code;
mod files;
mod functions;
mod guests;
mod neighbour;
mod tenants;

use std::sync::Arc;

use mortise_engine::plugins::{CallState, PluginRun, RunFilter, Standing};
use mortise_engine::{Command, Error, Outcome, RunOptions, Tenant};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::common::desk::{desk, field, plain, thing};
use crate::common::{Bench, check_bare, issues};
use code::Component;
use guests::{Guest, answers, limits, rights};

/// The app of both tenants.
fn app() -> mortise_definition::Package {
    let other = field("other", "reference", json!({ "entity": "thing" }));
    desk("1.0.0", vec![thing(vec![plain("note", "text"), plain("size", "integer"), other])])
}

/// Runs a test on a tenant and another one of the same engine.
async fn check(test: impl AsyncFn(&Bench, &Arc<Tenant>)) {
    check_bare(async |bench: &Bench| {
        bench.install(app()).await.unwrap();
        let (slug, neighbour) = neighbour(bench).await;
        neighbour.install(&bench.admin(), Arc::new(app()), &[]).await.unwrap();
        test(bench, &neighbour).await;
        drop(neighbour);
        bench.engine.drop_tenant_storage(&slug).await.unwrap();
    })
    .await;
}

/// Another tenant of the same engine, with the same people.
async fn neighbour(bench: &Bench) -> (String, Arc<Tenant>) {
    let slug = format!("{}n", bench.tenant.slug);
    let tenant = bench.engine.tenant(&slug).await.unwrap();
    tenant.set_directory((*bench.tenant.directory()).clone());
    (slug, tenant)
}

fn create(name: &str) -> Command {
    let values = json!({ "name": name }).as_object().unwrap().clone();
    Command::Create { entity: "desk.thing".into(), values, id: None, allow_duplicates: false }
}

/// Three records at once, of which the plugin takes offence at the second.
fn three() -> Command {
    Command::Batch { commands: vec![create("calm"), create("Wild"), create("quiet")], atomic: true }
}

async fn save(tenant: &Tenant, bench: &Bench, name: &str) -> Result<Uuid, Error> {
    match tenant.run(&bench.admin(), create(name), RunOptions::default()).await? {
        Outcome::Record(written) => Ok(written.id),
        other => panic!("{other:?}"),
    }
}

/// Everything in the tenant but the log of runs, which is written a moment later.
async fn standing(bench: &Bench) -> Vec<String> {
    let log = ["_plugin_run:", "_plugin_usage:"];
    let dump = bench.dump().await;
    dump.lines().filter(|line| !log.iter().any(|table| line.starts_with(table))).map(str::to_owned).collect()
}

/// Installs a version; both tenants run the same code.
async fn install(bench: &Bench, neighbour: &Tenant, package: Vec<u8>, granted: &Json) -> i64 {
    let granted: mortise_plugin_host::Permissions = serde_json::from_value(granted.clone()).unwrap();
    let mut number = 0;
    for tenant in [neighbour, &bench.tenant] {
        let report =
            tenant.install_plugin(&bench.admin(), package.clone(), Some(granted.clone())).await.unwrap();
        assert_eq!(report.standing, Standing::InForce, "{:?}", report.problems);
        number = report.number;
    }
    number
}

/// What the log says of failures, as soon as it has come to that: runs are written a moment after they were made.
async fn told(tenant: &Tenant, bench: &Bench, plugin: &str, number: i64) -> Vec<PluginRun> {
    for _ in 0..1_000 {
        let runs = failed_runs(tenant, bench, plugin, number).await;
        if !runs.is_empty() {
            return runs;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{plugin}: the log does not tell");
}

async fn failed_runs(tenant: &Tenant, bench: &Bench, plugin: &str, number: i64) -> Vec<PluginRun> {
    let filter = RunFilter { plugin: Some(plugin.to_owned()), failed: true, ..RunFilter::default() };
    let mut runs = tenant.plugin_runs(&bench.admin(), &filter, None, 100).await.unwrap();
    runs.retain(|run| run.number == number);
    runs
}

/// One guest with one policy: the batch, the neighbour's saves beside it, and what is left of both.
async fn judge(
    bench: &Bench,
    neighbour: &Tenant,
    guest: &Guest,
    component: &Component,
    policy: &str,
    round: u32,
) {
    let (id, what) = (format!("test.{}", guest.name), format!("{} {policy}", guest.name));
    let package = component.package(&id, &format!("1.0.{round}"), guest, policy);
    let number = install(bench, neighbour, package, &guest.granted).await;
    let before = standing(bench).await;
    let admin = bench.admin();
    let beside = async {
        for name in ["calm", "quiet", "still"] {
            save(neighbour, bench, name).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        }
    };
    let (saved, ()) = tokio::join!(bench.tenant.run(&admin, three(), RunOptions::default()), beside);
    let waiting = (Some(CallState::Waiting), Some(id.as_str()));
    let calls = bench.tenant.background_calls(&admin, waiting, None, 10).await.unwrap();
    match policy {
        "reject" => {
            let error = saved.expect_err(&what);
            assert!(matches!(error, Error::Batch { index: 1, .. }), "{what}: {error:?}");
            assert_eq!(issues(&error), [format!(" {}", guest.refusal)], "{what}");
            let after = standing(bench).await;
            let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
            assert_eq!((new, after.len()), (vec![], before.len()), "{what}: nothing is half written");
            assert!(calls.is_empty(), "{what}");
        }
        "skip" | "defer" => {
            let Outcome::Batch(parts) = saved.unwrap_or_else(|error| panic!("{what}: {error:?}")) else {
                panic!("{what}")
            };
            assert!(parts.iter().all(Result::is_ok), "{what}: {parts:?}");
            let wild = parts[1].as_ref().unwrap().id;
            let put_off: Vec<_> = calls.iter().map(|call| (&*call.point, call.record)).collect();
            let expected = (policy == "defer").then_some((guest.point.name(), Some(wild)));
            assert_eq!(put_off, expected.into_iter().collect::<Vec<_>>(), "{what}");
        }
        other => panic!("{other}"),
    }
    for run in &told(&bench.tenant, bench, &id, number).await {
        let message = run.message.as_deref().unwrap_or_default();
        assert_eq!(run.outcome, guest.outcome, "{what}: {message}");
        assert!(message.contains(guest.detail), "{what}: {message}");
        assert!(message.len() < 5_000, "{what}: {} bytes", message.len());
    }
    assert_eq!(failed_runs(neighbour, bench, &id, number).await.len(), 0, "{what}: not the neighbour's");
    save(neighbour, bench, "after").await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    save(&bench.tenant, bench, "after").await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
}

/// Every guest, rejecting, skipping and putting off.
async fn all(guests: fn() -> Vec<Guest>) {
    check(async |bench: &Bench, neighbour: &Arc<Tenant>| {
        for guest in guests() {
            let (component, id) = (Component::of(&guest), format!("test.{}", guest.name));
            for (round, policy) in (0..).zip(guest.policies()) {
                judge(bench, neighbour, &guest, &component, policy, round).await;
            }
            let asked: u64 = neighbour.plugin_calls().get(&id).map_or(0, |calls| calls.calls);
            assert_eq!(
                asked,
                4 * guest.policies().len() as u64,
                "{id}: the neighbour's saves were checked by the same code"
            );
            assert_eq!(neighbour.resting_plugins(), 0, "{id}");
            for tenant in [&bench.tenant, neighbour] {
                tenant.remove_plugin(&bench.admin(), &id, false).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_takes_more_than_there_is_ends_as_declared_and_nobody_else_notices() {
    all(limits).await;
}

#[tokio::test]
async fn whoever_answers_nonsense_ends_as_declared_and_nobody_else_notices() {
    all(answers).await;
}

#[tokio::test]
async fn whoever_reaches_for_what_was_not_granted_ends_as_declared_and_nobody_else_notices() {
    all(rights).await;
}

#[tokio::test]
async fn a_put_off_check_that_means_harm_is_tried_again_in_the_background_and_harms_nobody_there_either() {
    check(async |bench: &Bench, neighbour: &Arc<Tenant>| {
        for guest in limits() {
            let (component, id) = (Component::of(&guest), format!("test.{}", guest.name));
            let package = component.package(&id, "1.0.0", &guest, "defer");
            install(bench, neighbour, package, &guest.granted).await;
            bench.create(&bench.admin(), "desk.thing", json!({ "name": "Wild" })).await;
            let (worked, beside) = tokio::join!(bench.tenant.call_due(), save(neighbour, bench, "calm"));
            worked.unwrap();
            beside.unwrap();
            let calls =
                bench.tenant.background_calls(&bench.admin(), (None, Some(&id)), None, 10).await.unwrap();
            let told =
                calls.iter().map(|call| (call.attempts, call.error.as_ref().map(|error| &*error.code)));
            assert_eq!(told.collect::<Vec<_>>(), [(1, Some(guest.outcome))], "{id}");
            for tenant in [&bench.tenant, neighbour] {
                tenant.remove_plugin(&bench.admin(), &id, false).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_words_is_cut_before_it_reaches_anybody() {
    check(async |bench: &Bench, neighbour: &Arc<Tenant>| {
        for (guest, fields) in guests::floods() {
            let (component, id) = (Component::of(&guest), format!("test.{}", guest.name));
            let package = component.package(&id, "1.0.0", &guest, "reject");
            install(bench, neighbour, package, &guest.granted).await;
            let error = save(&bench.tenant, bench, "Wild").await.unwrap_err();
            assert_eq!(error.issues().len(), fields, "{id}");
            for issue in error.issues() {
                let words: usize = issue.issue.args.iter().map(|(_, arg)| arg.len()).sum();
                assert!(
                    words < 10_000 && !issue.issue.args.iter().any(|(_, arg)| arg.contains('\0')),
                    "{id}: {words}"
                );
            }
            let filter = RunFilter { plugin: Some(id.clone()), ..RunFilter::default() };
            let runs = bench.tenant.plugin_runs(&bench.admin(), &filter, None, 10).await.unwrap();
            assert!(
                runs.iter().all(|run| run.message.as_ref().is_none_or(|words| words.len() < 10_000)),
                "{id}"
            );
            save(neighbour, bench, "calm").await.unwrap();
            for tenant in [&bench.tenant, neighbour] {
                tenant.remove_plugin(&bench.admin(), &id, false).await.unwrap();
            }
        }
    })
    .await;
}
