//! What plugins are asked for beside saves: to choose people, rate records, write letters, bring figures, change records, keep
//! things and send for others. The plugin is `guests/clerk`.

mod assigning;
mod keeping;
mod papers;
mod sending;
mod writing;

use mortise_engine::plugins::{CallState, PluginCall};
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::{Package, Permissions};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::background::{calls, work};
use crate::common::desk::words;
use crate::common::works::{World, check_works};

const CLERK: &[u8] = include_bytes!("../guests/clerk.plugin");
pub(super) const ID: &str = "test.clerk";

/// All that it asks for.
pub(super) fn asked() -> Permissions {
    Package::read(CLERK, &Settings::default()).unwrap().manifest.permissions
}

pub(super) async fn install(world: &World, granted: Permissions) {
    let bench = &world.bench;
    bench.tenant.install_plugin(&bench.admin(), CLERK.to_vec(), Some(granted)).await.unwrap();
}

/// `works`, which knows the plugin as `clerk`, with the plugin installed.
pub(super) async fn check_clerk(more: Vec<(&str, Json)>, test: impl AsyncFn(&mut World)) {
    let app = json!({"id": "works", "version": "1.0.0", "label": words("Works"),
        "plugins": {"clerk": {"id": ID, "version": ">=1, <2"}}});
    let files = [("app.json", app)].into_iter().chain(more).collect();
    check_works(files, async |world: &mut World| {
        install(world, asked()).await;
        test(world).await;
    })
    .await;
}

pub(super) fn fields(json: &Json) -> Map<String, Json> {
    json.as_object().unwrap().clone()
}

/// Uses a connector as an administrator; what it gives back, or the code and words of its failure.
pub(super) async fn connect(world: &World, name: &str, given: &Json) -> Result<Json, String> {
    let bench = &world.bench;
    let answer = bench.tenant.probe_plugin_connector(&bench.admin(), ID, name, &fields(given)).await.unwrap();
    answer.map(Json::Object).map_err(|failure| format!("{} {}", failure.code, failure.reason))
}

/// The call of an export about a record, once nothing is under way any more.
pub(super) async fn settled(world: &World, export: &str, id: Uuid) -> PluginCall {
    work(world).await;
    let all = calls(world).await;
    all.into_iter().rfind(|call| call.export == export && call.record == Some(id)).unwrap()
}

/// Code and words of why a call was given up.
pub(super) fn given_up(call: &PluginCall) -> String {
    assert_eq!(call.state, CallState::Dead, "{call:?}");
    let error = call.error.as_ref().unwrap();
    format!("{} {}", error.code, error.reason)
}
