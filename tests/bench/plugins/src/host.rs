//! Calls through the plugin host, as the engine makes them.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::value::{
    Call, Condition, Entry, Fault, Field, Page, Query, Request, Response, Retry, Value,
};
use mortise_plugin_host::{
    Capabilities, Compiler, HttpTerms, Invocation, Package, Permissions, Plugin, PluginHost,
};

/// The package of the guest.
pub(crate) fn package(path: &Path) -> Result<Package> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Package::read(&bytes, &Settings::default()).map_err(|problems| anyhow!("{problems:?}"))
}

/// A record of thirty short texts.
pub(crate) fn entry() -> Entry {
    let field = |index| Field::new(format!("field_{:02}", index + 1), Value::Text(format!("value {index}")));
    Entry { entity: "thing".into(), id: Some("1".into()), fields: (0..crate::FIELDS).map(field).collect() }
}

pub(crate) fn invocation() -> Invocation {
    let call = Call {
        tenant: "bench".into(),
        actor: Some("018f3c5e-7b1a-7000-8000-000000000001".into()),
        locale: "en".into(),
        time_zone: "Asia/Shanghai".into(),
        now: "2026-03-31T08:15:00Z".into(),
        idempotency_key: "018f3c5e-7b1a-7000-8000-000000000002".into(),
        attempt: 1,
        depth: 0,
        config: Vec::new(),
    };
    Invocation {
        tenant: "bench".into(),
        call,
        granted: Arc::new(Permissions::default()),
        capabilities: Arc::new(Nothing),
        transaction: None,
    }
}

/// A plugin that was installed into a folder of its own.
pub(crate) struct Ours {
    plugin: Arc<Plugin>,
    invocation: Invocation,
    entry: Entry,
    _folder: tempfile::TempDir,
}

impl Ours {
    pub(crate) async fn install(package: &Package) -> Result<Ours> {
        let folder = tempfile::tempdir()?;
        let host = PluginHost::open(Settings::default(), folder.path(), Compiler::InProcess)?;
        let plugin = host.install(package, &semver::Version::new(0, 1, 0)).await?;
        Ok(Ours { plugin, invocation: invocation(), entry: entry(), _folder: folder })
    }

    /// Microseconds of one call within a transaction's budget.
    pub(crate) async fn call(&self) -> Result<f64> {
        let begin = Instant::now();
        let run = self.plugin.validate(&self.invocation, "thirty", None, &self.entry).await;
        let micros = begin.elapsed().as_secs_f64() * 1e6;
        run.outcome.map_err(|failure| anyhow!("{failure}"))?;
        Ok(micros)
    }
}

/// The guest asks for nothing.
struct Nothing;

fn fault() -> Fault {
    Fault { code: "bench.closed".into(), message: "the guest asks for nothing".into(), retry: Retry::Never }
}

#[async_trait]
impl Capabilities for Nothing {
    async fn get(&self, _: &str, _: &str, _: &[String]) -> Result<Option<Entry>, Fault> {
        Err(fault())
    }
    async fn find(&self, _: &str, _: Query) -> Result<Page, Fault> {
        Err(fault())
    }
    async fn count(&self, _: &str, _: Vec<Condition>) -> Result<u64, Fault> {
        Err(fault())
    }
    async fn create(&self, _: &str, _: Vec<Field>) -> Result<String, Fault> {
        Err(fault())
    }
    async fn update(&self, _: &str, _: &str, _: Vec<Field>) -> Result<(), Fault> {
        Err(fault())
    }
    async fn delete(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(fault())
    }
    async fn send(&self, _: Request, _: HttpTerms) -> Result<Response, Fault> {
        Err(fault())
    }
    async fn storage_get(&self, _: &str) -> Result<Option<Vec<u8>>, Fault> {
        Err(fault())
    }
    async fn storage_swap(
        &self,
        _: &str,
        _: Option<Option<Vec<u8>>>,
        _: Option<Vec<u8>>,
        _: u64,
    ) -> Result<bool, Fault> {
        Err(fault())
    }
    async fn storage_keys(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, Fault> {
        Err(fault())
    }
}
