//! What must be true of jobs where a plugin watches over them: none was ever saved without its stamp or past its check, it was
//! told of each change, and nothing of that was given up.

use std::collections::{BTreeMap, BTreeSet};

use mortise_engine::WorkState;
use mortise_engine::plugins::CallState;
use sea_orm::QueryResult;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::app::JOB;
use crate::ledger::{self, Event, Ledger};
use crate::world::World;

/// What the lane calls telling the plugin.
const TOLD: &str = "plugin:test.watch/told";

/// In the end.
pub(crate) async fn watched(ledger: &Ledger, world: &World) {
    stamped_and_checked(ledger);
    told(ledger, world).await;
}

/// Whatever was saved, by whomever and by whatever way, was stamped as it was then, and is nothing that the check refuses.
fn stamped_and_checked(ledger: &Ledger) {
    let mut known: BTreeMap<Uuid, BTreeMap<&str, &Json>> = BTreeMap::new();
    let jobs = ledger.trail.iter().filter(|entry| entry.entity == JOB && entry.action.starts_with("record."));
    for entry in jobs {
        let Some(record) = entry.record else { continue };
        let job = known.entry(record).or_default();
        for field in ["name", "amount", "stamp", "note"] {
            if let Some(changed) = entry.changes.get(field) {
                job.insert(field, &changed[1]);
            }
        }
        let text = |field: &str| job.get(field).and_then(|value| value.as_str()).unwrap_or_default();
        let amount = job.get("amount").and_then(|value| value.as_i64());
        let amount = amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string());
        assert_eq!(text("stamp"), format!("{amount} {}", text("name")), "{entry:?}");
        assert!(!text("note").ends_with('7'), "past its check: {entry:?}");
    }
}

/// Each event of a job is a call with a key of its own, which the plugin has written down.
async fn told(ledger: &Ledger, world: &World) {
    let counts = world.tenant().background_call_counts(&world.root()).await.unwrap();
    for (state, count) in CallState::ALL.into_iter().zip(counts) {
        assert!(state == CallState::Done || count == 0, "{count} calls are {}", state.name());
    }
    let stored = ledger::rows(world, "SELECT key FROM {}_plugin_storage").await;
    let stored: BTreeSet<String> =
        stored.iter().map(|row: &QueryResult| row.try_get("", "key").unwrap()).collect();
    let mut keys: BTreeMap<Uuid, usize> = BTreeMap::new();
    for key in &stored {
        *keys.entry(key.split(' ').next().unwrap_or_default().parse().unwrap()).or_default() += 1;
    }
    // Where rules go round in circles, the last event of a circle sets off nothing.
    let cut_off = |event: &Event| {
        let mut untold =
            ledger.work.iter().filter(|item| item.handler == TOLD && item.state != WorkState::Done);
        untold.any(|item| item.event == Some(event.seq))
    };
    let mut events: BTreeMap<Uuid, usize> = BTreeMap::new();
    let of_jobs = |event: &&Event| event.entity == JOB && event.kind.starts_with("record.");
    for event in ledger.events.iter().filter(of_jobs).filter(|event| !cut_off(event)) {
        *events.entry(event.record).or_default() += 1;
    }
    assert_eq!(keys, events, "calls of which the plugin was told, and events of jobs");
}
