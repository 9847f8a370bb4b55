//! Jobs: by their schedule in the zone of the tenant, step by step, on through failures and restarts.

use chrono::TimeDelta;
use mortise_engine::plugins::PluginJob;
use serde_json::{Map, json};

use super::{ID, check_worker, did, pass, tell, work};
use crate::common::works::World;

async fn job(world: &World, export: &str) -> PluginJob {
    let jobs = world.bench.tenant.plugin_jobs(&world.bench.admin()).await.unwrap();
    jobs.into_iter().find(|job| job.export == export).unwrap()
}

/// A thousand jobs, before the plugin would be told of them.
async fn fill(world: &World) {
    let admin = world.bench.admin();
    world.bench.tenant.set_plugin_enabled(&admin, ID, false).await.unwrap();
    let rows = (0..1_000).map(|number| json!({"name": format!("Job {number:04}"), "amount": number}));
    world.bench.create_all(&admin, "works.job", rows).await;
    world.settle().await;
    world.bench.tenant.set_plugin_enabled(&admin, ID, true).await.unwrap();
}

#[tokio::test]
async fn a_job_runs_at_its_hour_and_walks_through_everything() {
    check_worker(vec![], async |world: &mut World| {
        fill(world).await;
        work(world).await;
        let walk = job(world, "walk").await;
        // Three o'clock in Shanghai.
        assert_eq!(walk.next_at.unwrap().to_rfc3339(), "2026-03-02T19:00:00+00:00");
        pass(world, TimeDelta::days(1)).await;
        let walk = job(world, "walk").await;
        assert_eq!((walk.running, walk.processed), (false, 1_000));
        assert_eq!(walk.note.as_deref(), Some("sum 499500"));
        assert_eq!(walk.next_at.unwrap().to_rfc3339(), "2026-03-03T19:00:00+00:00");
    })
    .await;
}

#[tokio::test]
async fn a_job_goes_on_where_it_stopped_after_a_failure_and_a_restart() {
    check_worker(vec![], async |world: &mut World| {
        fill(world).await;
        tell(world, "refusals", "1").await;
        tell(world, "refuse-from", "4").await;
        let admin = world.bench.admin();
        world.bench.tenant.run_plugin_job(&admin, ID, "walk", &Map::new()).await.unwrap();
        work(world).await;
        let walk = job(world, "walk").await;
        assert_eq!((walk.running, walk.processed, walk.failures), (true, 400, 1));
        world.bench.crash().await;
        pass(world, TimeDelta::minutes(5)).await;
        let walk = job(world, "walk").await;
        assert_eq!((walk.running, walk.processed, walk.failures), (false, 1_000, 0));
        assert_eq!(walk.note.as_deref(), Some("sum 499500"), "each record once");
        assert_eq!(did(world).await.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_keeps_failing_backs_off_and_administrators_are_told_once() {
    check_worker(vec![], async |world: &mut World| {
        tell(world, "refusals", "5").await;
        let (bench, admin) = (&world.bench, world.bench.admin());
        bench.tenant.run_plugin_job(&admin, ID, "walk", &Map::new()).await.unwrap();
        work(world).await;
        assert_eq!(job(world, "walk").await.failures, 1);
        let told = async || bench.tenant.inbox(&admin, false, None, 50).await.unwrap();
        pass(world, TimeDelta::seconds(15)).await;
        assert_eq!((job(world, "walk").await.failures, told().await.len()), (2, 0));
        pass(world, TimeDelta::minutes(1)).await;
        let messages = told().await;
        assert_eq!((job(world, "walk").await.failures, messages.len()), (3, 1));
        assert!(messages[0].title.contains("walk") && messages[0].body.contains("told to refuse"));
        pass(world, TimeDelta::hours(2)).await;
        let walk = job(world, "walk").await;
        assert_eq!((walk.running, walk.failures, told().await.len()), (false, 0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_step_that_leads_nowhere_is_a_failure() {
    check_worker(vec![], async |world: &mut World| {
        let admin = world.bench.admin();
        work(world).await;
        assert_eq!(job(world, "stuck").await.next_at, None, "it has no schedule");
        world.bench.tenant.run_plugin_job(&admin, ID, "stuck", &Map::new()).await.unwrap();
        work(world).await;
        let stuck = job(world, "stuck").await;
        assert_eq!((stuck.failures, stuck.error.unwrap().code.as_str()), (1, "plugin.run.output"));
        let unknown = world.bench.tenant.run_plugin_job(&admin, ID, "none", &Map::new()).await.unwrap_err();
        assert_eq!(unknown.code(), "plugin.no_job");
        assert!(world.bench.tenant.run_plugin_job(&world.ann(), ID, "walk", &Map::new()).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_job_whose_version_was_away_at_its_hour_is_planned_again() {
    check_worker(vec![], async |world: &mut World| {
        work(world).await;
        let admin = world.bench.admin();
        let (table, truth) =
            ("{schema}\"_plugin_job\"", if world.bench.database == "sqlite" { "1" } else { "true" });
        let away = format!("UPDATE {table} SET next_at = NULL, running = {truth} WHERE export = 'walk'");
        world.bench.tamper(&away).await;
        assert!(job(world, "walk").await.next_at.is_none());
        for on in [false, true] {
            world.bench.tenant.set_plugin_enabled(&admin, ID, on).await.unwrap();
            work(world).await;
        }
        assert!(job(world, "walk").await.next_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_a_removed_plugin_had_still_to_do_is_dropped_with_what_it_kept() {
    check_worker(vec![], async |world: &mut World| {
        fill(world).await;
        tell(world, "refusals", "1").await;
        tell(world, "refuse-from", "4").await;
        let (tenant, admin) = (&world.bench.tenant, world.bench.admin());
        tenant.run_plugin_job(&admin, ID, "walk", &Map::new()).await.unwrap();
        work(world).await;
        assert!(job(world, "walk").await.running);
        let (tenant, admin) = (&world.bench.tenant, world.bench.admin());
        tenant.remove_plugin(&admin, ID, true).await.unwrap();
        assert!(tenant.kept_plugin_data(&admin).await.unwrap().iter().any(|(id, _)| id == ID));
        tenant.purge_plugin_data(&admin, ID).await.unwrap();
        assert!(tenant.kept_plugin_data(&admin).await.unwrap().is_empty());
        assert!(tenant.plugin_jobs(&admin).await.unwrap().is_empty());
    })
    .await;
}
