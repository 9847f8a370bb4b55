//! What plugins make of records and for pages: numbers with reasons, documents that are attached, tables of dashboards.

use chrono::TimeDelta;
use mortise_definition::model::Shown;
use mortise_engine::Actor;
use mortise_engine::plugins::CallState;
use serde_json::{Value as Json, json};

use super::{ID, asked, check_clerk, given_up, settled};
use crate::background::{asking as asking_as, work};
use crate::common::works::World;

/// A rule that asks the clerk whenever a job is made.
fn asking(mut ask: Json) -> (&'static str, Json) {
    let (name, mut rule) = asking_as(&json!({}));
    ask["type"] = "plugin".into();
    ask["plugin"] = "clerk".into();
    rule["do"][0] = ask;
    (name, rule)
}

fn lettering() -> (&'static str, Json) {
    asking(json!({"renderer": "letter", "input": {"greeting": "'Dear'"},
        "then": [{"type": "set", "values": {"note": "result.name"}}]}))
}

#[tokio::test]
async fn a_document_of_a_plugin_is_attached_to_its_record_and_read_by_those_who_see_it() {
    check_clerk(vec![lettering()], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 3})).await;
        let call = settled(world, "letter", id).await;
        assert_eq!(call.state, CallState::Done, "{call:?}");
        assert_eq!(world.see(id).await["note"], "Roof.txt", "what follows knows its name");

        let (tenant, ann) = (&world.bench.tenant, world.ann());
        let timeline = tenant.timeline(&ann, "works.job", id, None, 50).await.unwrap();
        let (file, name) = timeline.iter().find_map(|entry| entry.file.clone()).unwrap();
        let came = timeline.iter().find(|entry| entry.file.is_some()).unwrap();
        assert_eq!((name.as_str(), came.channel.as_str()), ("Roof.txt", "plugin"));
        assert_eq!(came.actor_name.as_deref(), Some("Clerk"), "nobody did it but the plugin");
        let (info, contents) = tenant.get_file(&ann, file).await.unwrap();
        assert_eq!((info.name.as_str(), info.content_type.as_str()), ("Roof.txt", "text/plain"));
        assert_eq!(&contents.bytes().await.unwrap()[..], b"Dear Roof: 3");
        let bob = world.bench.person("bob");
        assert_eq!(tenant.get_file(&bob, file).await.unwrap_err().code(), "file.not_found");
    })
    .await;
}

#[tokio::test]
async fn a_document_is_attached_once_however_often_it_was_made() {
    check_clerk(vec![lettering()], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        settled(world, "letter", id).await;
        // As a crash leaves it that came after the document and before what became of the call was written.
        let again = "UPDATE {schema}_plugin_call SET state = 'waiting', attempts = 0, next_at = at, result = NULL, \
             ended_at = NULL WHERE point = 'renderer'";
        world.bench.tamper(again).await;
        world.bench.crash().await;
        assert_eq!(settled(world, "letter", id).await.state, CallState::Done);
        let files = world.timeline(id).await.into_iter().filter(|action| action == "file.attached");
        assert_eq!(files.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_letter_that_cannot_be_written_leaves_nothing_behind() {
    let (name, mut rule) = lettering();
    rule["do"][0]["input"] = json!({});
    check_clerk(vec![(name, rule)], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof"})).await;
        let told = given_up(&settled(world, "letter", id).await);
        assert!(told.starts_with("plugin.run.fault") && told.contains("greeting"), "{told}");
        let timeline = world.timeline(id).await;
        assert!(!timeline.contains(&"file.attached".to_owned()), "{timeline:?}");
        assert_eq!(timeline.last().unwrap(), "plugin.dead");
    })
    .await;
}

#[tokio::test]
async fn a_score_comes_with_its_reasons_the_weightiest_first() {
    let ask = asking(json!({"scorer": "rate", "then": [{"type": "set",
        "values": {"note": "result.reasons", "amount": "result.score > 25.0 ? 100 : 1"}}]}));
    check_clerk(vec![ask], async |world: &mut World| {
        let id = world.job(json!({"name": "Roof", "amount": 3})).await;
        assert_eq!(settled(world, "rate", id).await.state, CallState::Done);
        let seen = world.see(id).await;
        assert_eq!(seen["note"], "rated Roof\namount (+29)\nsmall (+1)");
        assert_eq!(seen["amount"], 100);
        // Its author says that a failure is skipped; nothing follows then.
        let without = world.job(json!({"name": "Wall"})).await;
        let call = settled(world, "rate", without).await;
        assert_eq!(
            (call.state, call.error.unwrap().code.as_str()),
            (CallState::Dismissed, "plugin.run.fault")
        );
        assert_eq!(world.see(without).await["note"], Json::Null);
    })
    .await;
}

fn board(above: i64) -> (&'static str, Json) {
    let card = json!({"id": "tally", "label": "Tally", "kind": "table",
        "provider": {"plugin": "clerk", "name": "tally", "params": {"above": above}}});
    ("dashboards/board.json", json!({"id": "board", "label": "Board", "cards": [card]}))
}

/// Rows of the card, as somebody sees them.
async fn tally(world: &World, actor: &Actor) -> Result<Vec<String>, &'static str> {
    let model = world.bench.tenant.model();
    let card = &model.automation.dashboards["works.board"].cards[0];
    let Shown::Provider(ask) = &card.shows else { panic!("the card shows what a plugin brings") };
    let table = world.bench.tenant.provided(actor, ask).await.map_err(|error| error.code())?;
    assert_eq!(table.columns[0].label, "Name");
    Ok(table.rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn a_card_shows_what_whoever_looks_may_see_and_is_asked_once_a_minute() {
    check_clerk(vec![board(1)], async |world: &mut World| {
        let (ann, bob, eve) = (world.ann(), world.bench.person("bob"), world.bench.person("eve"));
        world.bench.create(&ann, "works.job", json!({"name": "Roof", "amount": 5})).await;
        world.bench.create(&ann, "works.job", json!({"name": "Small", "amount": 1})).await;
        world.bench.create(&bob, "works.job", json!({"name": "Wall", "amount": 5})).await;
        for (actor, expected) in [(&ann, vec!["Roof"]), (&bob, vec!["Wall"]), (&eve, vec!["Roof", "Wall"])] {
            assert_eq!(tally(world, actor).await.unwrap(), expected);
        }
        let made = async || world.bench.tenant.plugin_calls()[ID].calls;
        assert_eq!(made().await, 3);
        world.bench.create(&ann, "works.job", json!({"name": "Yard", "amount": 5})).await;
        assert_eq!(tally(world, &ann).await.unwrap(), ["Roof"], "of a moment ago");
        assert_eq!(made().await, 3);
        world.sleep(TimeDelta::minutes(2));
        assert_eq!(tally(world, &ann).await.unwrap(), ["Roof", "Yard"]);
    })
    .await;
}

#[tokio::test]
async fn a_card_says_why_it_shows_nothing() {
    check_clerk(vec![board(-1)], async |world: &mut World| {
        assert_eq!(tally(world, &world.ann()).await, Err("plugin.no_answer"));
        let (tenant, admin) = (&world.bench.tenant, world.bench.admin());
        let blind = mortise_plugin_host::Permissions { read: Vec::new(), ..asked() };
        tenant.grant_plugin(&admin, ID, 1, blind).await.unwrap();
        assert_eq!(tally(world, &world.ann()).await, Err("plugin.no_answer"), "it may not read any more");
        tenant.set_plugin_enabled(&admin, ID, false).await.unwrap();
        assert_eq!(tally(world, &world.ann()).await, Err("plugin.no_provider"));
        work(world).await;
    })
    .await;
}
