//! Making plugins of text, and a host for them: generous limits where a slow machine must not matter, narrow ones where a
//! plugin is to run into them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use mortise_plugin_host::limits::{Limits, Settings};
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::value::{
    Call, Condition, Entry, Fault, Field, Page, Query, Request, Response, Retry, Value,
};
use mortise_plugin_host::{
    Capabilities, Compiler, HostError, HttpTerms, Invocation, Package, Permissions, Plugin, PluginHost,
};
use mortise_wit::module_text;
use parking_lot::Mutex;
use serde_json::json;

/// Limits that only a plugin without end reaches, even on a machine that is busy with other things.
pub(crate) fn settings() -> Settings {
    let save = Limits { wall_ms: 20_000, cpu_ms: 10_000, ..Limits::SAVE };
    let background = Limits { wall_ms: 20_000, cpu_ms: 10_000, ..Limits::BACKGROUND };
    let mut settings = Settings { save, background, ..Settings::default() };
    settings.transaction.wall_ms = 60_000;
    settings
}

/// The same, but a plugin that does not stop is stopped soon.
pub(crate) fn impatient() -> Settings {
    let mut settings = settings();
    settings.save.cpu_ms = 100;
    settings
}

/// A host with a folder of its own, which goes away with it.
pub(crate) struct Place {
    pub(crate) host: Arc<PluginHost>,
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(settings: Settings) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let host = PluginHost::open(settings, folder.path(), Compiler::InProcess).unwrap();
        Place { host, folder }
    }

    pub(crate) fn code_files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }

    pub(crate) async fn install(&self, package: &Package) -> Result<Arc<Plugin>, HostError> {
        self.host.install(package, &version()).await
    }
}

pub(crate) fn version() -> semver::Version {
    semver::Version::new(1, 2, 0)
}

/// The export of a manifest, as JSON.
pub(crate) fn export(point: Point) -> serde_json::Value {
    let mut export = json!({ "point": point, "name": "it" });
    if point.needs_entity() {
        export["entity"] = "thing".into();
        export["input"] = json!(["name"]);
    }
    if point == Point::Function {
        export["returns"] = "integer".into();
    }
    if point == Point::BeforeSave {
        export["output"] = json!(["name"]);
    }
    export
}

pub(crate) fn manifest(points: &[Point], permissions: &serde_json::Value) -> String {
    let exports: Vec<serde_json::Value> = points.iter().copied().map(export).collect();
    let manifest = json!({
        "id": "test.plugin",
        "version": "1.0.0",
        "title": "Test",
        "runtime": ">=1, <2",
        "exports": exports,
        "permissions": permissions,
    });
    manifest.to_string()
}

/// A module with one exported function for a point.
pub(crate) fn module(point: Point, parameters: &str, imports: &str, extra: &str, body: &str) -> Vec<u8> {
    let name = format!("{}#{}", point.interface(), point.functions()[0]);
    let function = format!(r#"(func (export "{name}") {parameters} (result i32) {body})"#);
    wat::parse_str(module_text(imports, &format!("{extra}\n{function}"))).unwrap()
}

/// A package around a module whose function takes one pointer, as most do.
pub(crate) fn package(point: Point, imports: &str, extra: &str, body: &str) -> Package {
    with_permissions(point, &json!({}), imports, extra, body)
}

pub(crate) fn with_permissions(
    point: Point,
    permissions: &serde_json::Value,
    imports: &str,
    extra: &str,
    body: &str,
) -> Package {
    let text = manifest(&[point], permissions);
    let parsed = mortise_plugin_host::manifest::Manifest::parse(&text).unwrap();
    let module = module(point, "(param i32)", imports, extra, body);
    let component =
        mortise_wit::componentize(&module, &parsed.imports(), &parsed.export_interfaces()).unwrap();
    Package::of(text, component, BTreeMap::new()).unwrap()
}

/// A validator with this body; `(i32.const 1024)` alone says that a record is good, since memory is zero.
pub(crate) fn validator(imports: &str, extra: &str, body: &str) -> Package {
    package(Point::Validator, imports, extra, body)
}

pub(crate) const GOOD: &str = "(i32.const 1024)";

pub(crate) fn call() -> Call {
    Call {
        tenant: "first".into(),
        actor: None,
        locale: "en".into(),
        time_zone: "UTC".into(),
        now: "2026-03-31T08:15:00Z".into(),
        idempotency_key: "k".into(),
        attempt: 1,
        depth: 0,
        config: Vec::new(),
    }
}

pub(crate) fn invocation() -> Invocation {
    invocation_with(Permissions::default(), Memory::default())
}

pub(crate) fn invocation_with(granted: Permissions, memory: Memory) -> Invocation {
    Invocation {
        tenant: "first".into(),
        call: call(),
        granted: Arc::new(granted),
        capabilities: Arc::new(memory),
        transaction: None,
    }
}

pub(crate) fn thing(name: &str) -> Entry {
    let fields = vec![Field::new("name", Value::Text(name.into()))];
    Entry { entity: "thing".into(), id: Some("1".into()), fields }
}

/// Records and a store in memory, for one test: what the engine will be for real.
#[derive(Default, Clone)]
pub(crate) struct Memory {
    pub(crate) things: Vec<Entry>,
    pub(crate) stored: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

fn closed() -> Fault {
    Fault { code: "test.closed".into(), message: "not in this test".into(), retry: Retry::Never }
}

#[async_trait]
impl Capabilities for Memory {
    async fn get(&self, entity: &str, id: &str, _: &[String]) -> Result<Option<Entry>, Fault> {
        self.asked.lock().push(format!("get {entity} {id}"));
        Ok(self.things.iter().find(|thing| thing.id.as_deref() == Some(id)).cloned())
    }
    async fn find(&self, entity: &str, query: Query) -> Result<Page, Fault> {
        self.asked.lock().push(format!("find {entity} at most {}", query.limit));
        let limit = query.limit as usize;
        Ok(Page { entries: self.things.iter().take(limit).cloned().collect(), next: None })
    }
    async fn count(&self, _: &str, _: Vec<Condition>) -> Result<u64, Fault> {
        Ok(self.things.len() as u64)
    }
    async fn create(&self, entity: &str, _: Vec<Field>) -> Result<String, Fault> {
        self.asked.lock().push(format!("create {entity}"));
        Ok("2".into())
    }
    async fn update(&self, _: &str, _: &str, _: Vec<Field>) -> Result<(), Fault> {
        Err(closed())
    }
    async fn delete(&self, _: &str, _: &str) -> Result<(), Fault> {
        Err(closed())
    }
    async fn send(&self, request: Request, _: HttpTerms) -> Result<Response, Fault> {
        self.asked.lock().push(format!("{} {}", request.method, request.url));
        // A host that never answers.
        std::future::pending().await
    }
    async fn storage_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.stored.lock().get(key).cloned())
    }
    async fn storage_swap(
        &self,
        key: &str,
        _: Option<Option<Vec<u8>>>,
        value: Option<Vec<u8>>,
        _: u64,
    ) -> Result<bool, Fault> {
        self.stored.lock().insert(key.into(), value.unwrap_or_default());
        Ok(true)
    }
    async fn storage_keys(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, Fault> {
        Ok(self.stored.lock().keys().cloned().collect())
    }
}
