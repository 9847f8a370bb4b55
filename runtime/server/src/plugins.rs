//! What the person who runs a server decides about plugins: limits, what no plugin may do in any tenant, whether private
//! networks may be reached, where the packages lie that ship. Without a file, everything is at its default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::StatusCode;
use mortise_engine::plugins::PluginOptions;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::{Compiler, Permissions};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{AppState, Config, Failure};

/// The file of settings within the data folder, where no other is named.
const FILE: &str = "plugins.json";
/// Folder of packages beside the data folder, where no other is named.
const SHELF: &str = "plugins";
/// Largest file of settings: all limits and a long ceiling are some kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How often files of plugins are looked after.
const RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);
/// Files that nobody needs stay so long after they were last used: for an upgrade that is taken back, and for nodes that are
/// upgraded one after the other.
const UNUSED: Duration = Duration::from_secs(24 * 60 * 60);
/// The command by which this program turns components into machine code.
pub(crate) const WORKER: &str = "plugin-compile";

/// What the file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    /// Those that differ from the defaults.
    limits: Map<String, Value>,
    /// What administrators of tenants can grant at most; everything without.
    ceiling: Option<Permissions>,
    /// Lets plugins call addresses within private networks.
    private_addresses: bool,
}

/// What was decided.
#[derive(Debug)]
pub(crate) struct Decided {
    /// For the engine.
    pub(crate) options: PluginOptions,
    /// Plugins may call addresses within private networks.
    pub(crate) private_addresses: bool,
}

/// Looks after the files of plugins until the server stops: at once, because an upgrade may have made machine code useless,
/// and once a day.
pub(crate) fn look_after(state: &AppState) {
    let renewing = state.clone();
    state.keep_task(tokio::spawn(async move {
        let stop = renewing.stop.clone();
        stop.run_until_cancelled(renew(&renewing)).await;
    }));
}

async fn renew(state: &AppState) {
    loop {
        if let Err(error) = state.engine.renew_plugins(UNUSED).await {
            tracing::warn!(%error, "the files of plugins could not be looked after");
        }
        tokio::time::sleep(RENEWAL).await;
    }
}

/// Reads what was decided. A file that cannot be understood keeps the server from starting: limits that are not in force
/// are worse than no server.
pub(crate) fn decided(config: &Config) -> Result<Decided, Failure> {
    let path = config.plugins.file.clone().unwrap_or_else(|| config.data.join(FILE));
    let wrong = |detail: String| {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "server.plugin_settings")
            .with("file", path.display())
            .with("detail", detail)
    };
    let text = read(&path, config.plugins.file.is_some()).map_err(|error| wrong(error.to_string()))?;
    let file: File = match text {
        Some(text) => serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?,
        None => File::default(),
    };
    let settings = limits(file.limits).map_err(|error| wrong(error.to_string()))?;
    let compiler = match &config.plugins.worker {
        Some(program) => Compiler::Worker { program: program.clone(), arguments: vec![WORKER.to_owned()] },
        None => Compiler::InProcess,
    };
    let (ceiling, shelf) = (file.ceiling, shelf(config));
    let options = PluginOptions { settings, compiler, ceiling, shelf, ..PluginOptions::default() };
    Ok(Decided { options, private_addresses: file.private_addresses })
}

/// The file; none when it need not be there and is not.
fn read(path: &Path, named: bool) -> std::io::Result<Option<String>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => Ok(None),
        Err(error) => Err(error),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            Err(std::io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")))
        }
        Ok(_) => std::fs::read_to_string(path).map(Some),
    }
}

/// The defaults with what differs from them.
fn limits(differing: Map<String, Value>) -> Result<Settings, serde_json::Error> {
    let mut all = serde_json::to_value(Settings::default())?;
    merge(&mut all, Value::Object(differing));
    serde_json::from_value(all)
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn shelf(config: &Config) -> Option<PathBuf> {
    let beside = || {
        let data = std::path::absolute(&config.data).ok()?;
        Some(data.parent()?.join(SHELF)).filter(|folder| folder.is_dir())
    };
    config.plugins.shelf.clone().or_else(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> (tempfile::TempDir, Config) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let config = Config::for_folder(folder.path());
        (folder, config)
    }

    #[test]
    fn without_a_file_everything_is_at_its_default() {
        let folder = tempfile::tempdir().unwrap();
        let found = decided(&Config::for_folder(folder.path().join("data"))).unwrap();
        assert_eq!(found.options.settings, Settings::default());
        assert!(found.options.ceiling.is_none() && found.options.shelf.is_none() && !found.private_addresses);
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let text = r#"{"limits": {"save": {"cpu_ms": 7}, "calls": 3}, "private_addresses": true,
            "ceiling": {"http": [{"host": "https://api.example.com", "methods": ["GET"]}]}}"#;
        let (_folder, config) = config(text);
        let found = decided(&config).unwrap();
        let mut expected = Settings::default();
        expected.save.cpu_ms = 7;
        expected.calls = 3;
        assert_eq!(found.options.settings, expected);
        assert!(found.private_addresses);
        assert_eq!(found.options.ceiling.map(|ceiling| ceiling.http.len()), Some(1));
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_refused_with_the_reason() {
        for (text, reason) in [
            ("{", "EOF"),
            (r#"{"limit": {}}"#, "unknown field `limit`"),
            (r#"{"limits": {"save": {"cpu": 7}}}"#, "unknown field `cpu`"),
            (r#"{"limits": {"save": {"cpu_ms": "7"}}}"#, "invalid type"),
            (r#"{"ceiling": {"everything": true}}"#, "unknown field `everything`"),
        ] {
            let (_folder, config) = config(text);
            let failure = decided(&config).unwrap_err();
            let title = failure.title("en");
            assert!(title.contains(reason) && title.contains(FILE), "{title}");
        }
    }

    #[test]
    fn a_file_that_was_named_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_folder(folder.path());
        config.plugins.file = Some(folder.path().join("none.json"));
        assert!(decided(&config).is_err());
    }
}
