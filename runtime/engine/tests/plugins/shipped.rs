//! The apps that ship with the plugins that they make use of, and without them: everything goes on, and what a plugin gave is
//! empty.

mod papers;

use std::sync::Arc;

use chrono::TimeDelta;
use mortise_definition::model::Shown;
use mortise_engine::plugins::{CallState, ProvidedTable};
use mortise_engine::{Actor, Error, Simulated};
use mortise_plugin_host::Package;
use mortise_plugin_host::limits::Settings;
use serde_json::{Map, Value as Json, json};

use crate::background::{pass, work};
use crate::common::works::{World, beginning};
use crate::common::{Bench, databases, template};
use crate::support::museum;

async fn check(test: impl AsyncFn(&World)) {
    for (name, kind) in databases() {
        let time = Arc::new(Simulated::new(beginning(), 7));
        let bench = Bench::open(name, kind, time.clone()).await;
        bench.install(template("sales-core")).await.unwrap();
        bench.install(template("lead-management")).await.unwrap();
        let world = World { bench, time };
        test(&world).await;
        world.bench.drop().await;
    }
}

/// Nothing that rules asked of plugins has failed.
async fn settled(world: &World) {
    let root = world.bench.admin();
    let calls = world.bench.tenant.background_calls(&root, (None, None), None, 200).await.unwrap();
    let failed: Vec<_> = calls.iter().filter(|call| call.state != CallState::Done).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// Installs a plugin with what the app grants it, which is all that it asks for.
async fn install(bench: &Bench, name: &str) {
    let bytes = museum(name);
    let asked = Package::read(&bytes, &Settings::default()).unwrap().manifest.permissions;
    bench.tenant.install_plugin(&bench.admin(), bytes, Some(asked)).await.unwrap();
}

async fn name_match(world: &World, account: uuid::Uuid) -> Json {
    let account = world.bench.json(&world.bench.admin(), "sales-core.account", account).await;
    account["name_match"].clone()
}

#[tokio::test]
async fn an_account_is_compared_with_its_lead_as_long_as_the_plugin_is_there() {
    check(async |world: &World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        let account =
            bench.create(&root, "sales-core.account", json!({ "name": "深圳市华为技术有限公司" })).await;
        let lead = json!({ "name": "王芳", "phone": "13800138000", "need": "需要报价", "account": account,
            "company": "华为技术（深圳）有限公司" });
        let lead = bench.create(&root, "lead-management.lead", lead).await;
        world.settle().await;
        assert_eq!(name_match(world, account).await, Json::Null, "nobody compares names yet");

        install(bench, "similarity").await;
        let call = async |company: &str| {
            bench.update(&root, "lead-management.lead", lead, json!({ "company": company })).await.unwrap();
            world.settle().await;
            name_match(world, account).await
        };
        assert_eq!(call("华为技术有限公司").await, json!(1.0));
        let far = call("大族激光科技有限公司").await;
        assert!(far.as_f64().unwrap() < 0.7, "{far}");
        let view = ("view", "lead-management.doubtful_accounts");
        let doubtful = bench.rows(&root, "sales-core.account", &[view]).await.unwrap();
        assert_eq!(doubtful.len(), 1);

        bench.tenant.remove_plugin(&root, "mortise.similarity", false).await.unwrap();
        assert_eq!(call("华为技术（深圳）有限公司").await, Json::Null);
        assert_eq!(bench.rows(&root, "sales-core.account", &[view]).await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_list_shows_what_distinguishes_a_company_or_nothing() {
    check(async |world: &World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        for (number, company) in ["华为技术有限公司", "Acme Trading Co., Ltd."].iter().enumerate() {
            let lead = json!({ "name": "王芳", "phone": format!("1380013800{number}"), "need": "需要报价",
                "company": company });
            bench.create(&root, "lead-management.lead", lead).await;
        }
        let view = [("view", "lead-management.all_leads")];
        let cores = async || bench.column(&root, "lead-management.lead", "company_core", &view).await;
        assert_eq!(cores().await, ["", ""]);
        install(bench, "similarity").await;
        assert_eq!(cores().await, ["acme trading", "华为技术"]);
    })
    .await;
}

#[tokio::test]
async fn a_lead_is_as_hot_as_the_plugin_says_and_by_simple_rules_without_it() {
    check(async |world: &World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        let lead =
            json!({ "name": "王芳", "phone": "13800138000", "need": "需要报价", "company": "大族激光" });
        let lead = bench.create(&root, "lead-management.lead", lead).await;
        let touch = async |kind: &str| {
            world.sleep(TimeDelta::minutes(1));
            bench.create(&root, "lead-management.touch", json!({ "lead": lead, "kind": kind })).await;
            work(world).await;
            settled(world).await;
            bench.json(&root, "lead-management.lead", lead).await
        };
        let seen = touch("white_paper").await;
        assert_eq!(
            (&seen["heat"], &seen["heat_score"]),
            (&json!("medium"), &Json::Null),
            "counted by the app"
        );

        install(bench, "intent-heat").await;
        let seen = touch("form").await;
        assert_eq!((&seen["heat"], &seen["heat_score"]), (&json!("high"), &json!(70)));
        let reasons = seen["heat_reasons"].as_str().unwrap();
        assert!(reasons.starts_with("High\nform filled in, 1× (+40)\n"), "{reasons}");

        bench.tenant.remove_plugin(&root, "mortise.intent-heat", false).await.unwrap();
        let seen = touch("product_page").await;
        assert_eq!((&seen["heat"], &seen["heat_score"]), (&json!("medium"), &Json::Null), "counted again");
        bench.tenant.verify().await.unwrap();
    })
    .await;
}

async fn coded(world: &World, entity: &str, code: &str) -> Json {
    let rows = world.bench.rows(&world.bench.admin(), &format!("sales-core.{entity}"), &[]).await.unwrap();
    rows.iter().find(|row| row["code"] == code).unwrap()["id"].clone()
}

/// Closed opportunities: those with a visit are won, most of the others are lost.
async fn history(world: &World, root: &Actor) {
    let bench = &world.bench;
    let account = bench.create(root, "sales-core.account", json!({ "name": "大族激光" })).await;
    let (stage, kind) =
        (coded(world, "stage", "closed").await, coded(world, "interaction_kind", "visit").await);
    let closed = |number: usize| {
        let won = number.is_multiple_of(3) || number.is_multiple_of(5);
        let mut deal = json!({ "name": format!("项目 {number}"), "account": account, "stage": stage,
            "status": if won { "won" } else { "lost" }, "budget_range": "from_50k",
            "opened_on": format!("2025-{:02}-01", number % 7 + 1),
            "closed_on": format!("2025-{:02}-{:02}", number % 7 + 3, number % 27 + 1) });
        let more = if won { ("contract_amount", "80000") } else { ("loss_reason", "price") };
        deal[more.0] = more.1.into();
        deal
    };
    let deals = bench.create_all(root, "sales-core.opportunity", (0..120).map(closed)).await;
    let visited = deals.iter().enumerate().filter(|(number, _)| number % 3 == 0);
    let visit = visited.map(|(number, deal)| {
        json!({ "subject": "上门拜访", "kind": kind, "opportunity": deal, "account": account, "effective": true,
            "content": "演示方案", "happened_at": format!("2025-{:02}-03T02:00:00Z", number % 7 + 1) })
    });
    bench.create_all(root, "sales-core.interaction", visit).await;
}

async fn provided(world: &World, card: &str) -> Result<Arc<ProvidedTable>, Error> {
    let model = world.bench.tenant.model();
    let dashboard = &model.automation.dashboards["sales-core.forecast"];
    let card = dashboard.cards.iter().find(|one| one.id == card).unwrap();
    let Shown::Provider(ask) = &card.shows else { panic!("the card shows what a plugin brings") };
    world.bench.tenant.provided(&world.bench.admin(), ask).await
}

#[tokio::test]
async fn the_forecast_learns_from_closed_opportunities_and_shows_how_good_it_is() {
    check(async |world: &World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        assert_eq!(provided(world, "quality").await.unwrap_err().code(), "plugin.no_provider");
        install(bench, "win-forecast").await;
        assert_eq!(
            provided(world, "quality").await.unwrap_err().code(),
            "plugin.no_answer",
            "nothing was learnt"
        );

        history(world, &root).await;
        bench.tenant.run_plugin_job(&root, "mortise.win-forecast", "train", &Map::new()).await.unwrap();
        work(world).await;
        let job = bench.tenant.plugin_jobs(&root).await.unwrap().remove(0);
        assert!(job.note.as_ref().is_some_and(|note| note.starts_with("Learnt from 120")), "{job:?}");

        let account = bench.rows(&root, "sales-core.account", &[]).await.unwrap()[0]["id"].clone();
        let open = json!({ "name": "在途项目", "account": account, "stage": coded(world, "stage", "demo").await,
            "budget_range": "from_50k", "opened_on": "2026-02-20" });
        let open = bench.create(&root, "sales-core.opportunity", open).await;
        work(world).await;
        settled(world).await;
        let seen = bench.json(&root, "sales-core.opportunity", open).await;
        assert!((1..60).contains(&seen["win_probability"].as_i64().unwrap()), "nobody was there yet: {seen}");
        assert!(seen["win_reasons"].as_str().unwrap().contains("likely to be won"), "{seen}");

        let quality = provided(world, "quality").await.unwrap();
        let figure = |row: usize| quality.rows[row][1].as_str().unwrap().parse::<f64>().unwrap();
        assert_eq!(figure(0), 24.0, "the latest fifth of 120");
        assert!((0.0..0.5).contains(&figure(1)), "{:?}", quality.rows);
        let drivers = provided(world, "drivers").await.unwrap();
        assert!(
            drivers.rows.iter().any(|row| row[0].as_str().unwrap().starts_with("Had: ")),
            "{:?}",
            drivers.rows
        );

        bench.tenant.remove_plugin(&root, "mortise.win-forecast", false).await.unwrap();
        assert_eq!(provided(world, "quality").await.unwrap_err().code(), "plugin.no_provider");
    })
    .await;
}

#[tokio::test]
async fn without_plugins_nothing_is_missed_and_those_that_come_later_catch_up() {
    check(async |world: &World| {
        let (bench, root) = (&world.bench, world.bench.admin());
        let seller = bench.hire("ann", &["lead-management.representative", "sales-core.representative"], |_| ());
        let account =
            bench.create(&seller, "sales-core.account", json!({ "name": "深圳市华为技术有限公司" })).await;
        let lead = json!({ "name": "王芳", "phone": "13800138000", "need": "需要报价", "account": account,
            "company": "华为技术（深圳）有限公司" });
        let lead = bench.create(&seller, "lead-management.lead", lead).await;
        bench.create(&root, "lead-management.touch", json!({ "lead": lead, "kind": "white_paper" })).await;
        let open = json!({ "name": "在途项目", "account": account, "stage": coded(world, "stage", "demo").await,
            "budget_range": "from_50k", "opened_on": "2026-02-20" });
        let open = bench.create(&seller, "sales-core.opportunity", open).await;
        pass(world, TimeDelta::days(1)).await;
        settled(world).await;
        let deal = bench.json(&seller, "sales-core.opportunity", open).await;
        assert_eq!((&deal["win_probability"], &deal["win_reasons"]), (&Json::Null, &Json::Null));
        let told = bench.tenant.timeline(&seller, "sales-core.opportunity", open, None, 200).await.unwrap();
        let told: Vec<_> = told.iter().map(|entry| entry.action.as_str()).collect();
        assert!(told.iter().all(|action| !action.starts_with("plugin.")), "{told:?}");
        let view = [("view", "sales-core.at_risk_opportunities")];
        assert_eq!(bench.rows(&seller, "sales-core.opportunity", &view).await.unwrap().len(), 0);
        let warm = bench.json(&seller, "lead-management.lead", lead).await;
        assert_eq!((&warm["heat"], &warm["heat_score"]), (&json!("medium"), &Json::Null));

        install(bench, "intent-heat").await;
        install(bench, "similarity").await;
        pass(world, TimeDelta::days(1)).await;
        settled(world).await;
        let warm = bench.json(&seller, "lead-management.lead", lead).await;
        assert!(warm["heat_score"].as_i64().is_some_and(|points| points > 0), "scored in the morning: {warm}");
        assert_eq!(name_match(world, account).await, json!(1.0), "compared in the night");
    })
    .await;
}
