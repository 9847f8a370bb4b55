//! Plugins in the background: told after commits in order and at least once, asked by rules whose `then` follows exactly once,
//! asleep and waiting for signals, tried again and given up, and never lost. The plugin is `guests/worker`.

mod calls;
mod jobs;
mod looking_ahead;
mod waiting;

use chrono::TimeDelta;
use mortise_engine::plugins::{CallState, PluginCall};
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::{Package, Permissions};
use serde_json::{Value as Json, json};

use crate::common::desk::words;
use crate::common::works::{World, check_works, rule};

const WORKER: &[u8] = include_bytes!("../guests/worker.plugin");
pub(super) const ID: &str = "test.worker";

fn granted() -> Permissions {
    Package::read(WORKER, &Settings::default()).unwrap().manifest.permissions
}

/// Installs the plugin with everything that it asks for.
pub(super) async fn install(world: &World) {
    let bench = &world.bench;
    bench.tenant.install_plugin(&bench.admin(), WORKER.to_vec(), Some(granted())).await.unwrap();
}

/// `works`, which uses the plugin.
pub(super) fn app(optional: bool) -> (&'static str, Json) {
    let uses = json!({"helper": {"id": ID, "version": ">=1, <2", "optional": optional}});
    ("app.json", json!({"id": "works", "version": "1.0.0", "label": words("Works"), "plugins": uses}))
}

/// A rule that asks the plugin whenever a job is made.
pub(super) fn asking(ask: &Json) -> (&'static str, Json) {
    let mut action = json!({"type": "plugin", "plugin": "helper"});
    action.as_object_mut().unwrap().extend(ask.as_object().unwrap().clone());
    ("rules/ask.json", rule("ask", json!({"on": [{"type": "created"}], "do": [action]})))
}

/// Runs a test with the plugin installed.
pub(super) async fn check_worker(more: Vec<(&str, Json)>, test: impl AsyncFn(&mut World)) {
    let files = [app(false)].into_iter().chain(more).collect();
    check_works(files, async |world: &mut World| {
        install(world).await;
        test(world).await;
    })
    .await;
}

/// Works off everything that is due: events, timers, and calls of plugins.
pub(super) async fn work(world: &World) {
    for _ in 0..40 {
        world.settle().await;
        world.bench.tenant.call_due().await.unwrap();
        if world.bench.tenant.lane_due().await.unwrap().is_none_or(|due| due > world.now()) {
            return;
        }
    }
    panic!("it does not come to rest");
}

/// Lets time pass, and works off what falls due, each at its time.
pub(super) async fn pass(world: &World, length: TimeDelta) {
    let end = world.now() + length;
    work(world).await;
    while let Some(due) = world.bench.tenant.lane_due().await.unwrap().filter(|due| *due <= end) {
        world.sleep((due - world.now()).max(TimeDelta::zero()));
        work(world).await;
    }
    world.sleep(end - world.now());
    work(world).await;
}

/// Calls, the oldest first.
pub(super) async fn calls(world: &World) -> Vec<PluginCall> {
    let bench = &world.bench;
    let mut calls = bench.tenant.background_calls(&bench.admin(), (None, None), None, 200).await.unwrap();
    calls.reverse();
    calls
}

pub(super) async fn states(world: &World) -> Vec<CallState> {
    calls(world).await.iter().map(|call| call.state).collect()
}

/// What the plugin wrote down, in order.
pub(super) async fn log(world: &World) -> Vec<String> {
    let dump = world.bench.dump().await;
    let mut lines: Vec<(String, String)> = dump.lines().filter_map(stored).collect();
    lines.retain(|(key, _)| key.starts_with("log/"));
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

/// The same without keys and attempts.
pub(super) async fn did(world: &World) -> Vec<String> {
    let short = |line: &String| line.split(" key=").next().unwrap_or_default().to_owned();
    log(world).await.iter().map(short).collect()
}

pub(super) fn keys(log: &[String]) -> Vec<String> {
    let key = |line: &String| line.split("key=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    log.iter().map(key).collect()
}

/// A row of the plugin's store in a dump: its key and its value.
fn stored(line: &str) -> Option<(String, String)> {
    let row = line.strip_prefix("_plugin_storage: ")?;
    let (front, value) = row.split_once("X'").or_else(|| row.split_once("\\x"))?;
    let key = front.split(',').nth(1)?.trim_matches(['\'', '"', '(', '\\']);
    let hex: String = value.chars().take_while(char::is_ascii_hexdigit).collect();
    let bytes = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
    Some((key.to_owned(), String::from_utf8(bytes.collect()).unwrap()))
}

/// Puts a value into the plugin's store.
pub(super) async fn tell(world: &World, key: &str, value: &str) {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let value = match world.bench.database {
        "sqlite" => format!("X'{hex}'"),
        _ => format!("decode('{hex}', 'hex')"),
    };
    let table = "{schema}_plugin_storage";
    world.bench.tamper(&format!("DELETE FROM {table} WHERE \"key\" = '{key}'")).await;
    let insert = format!("INSERT INTO {table} (plugin, \"key\", value) VALUES ('{ID}', '{key}', {value})");
    world.bench.tamper(&insert).await;
}
