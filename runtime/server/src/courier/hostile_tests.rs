//! Plugins that mean harm to the network, through whole saves: a record is saved, a plugin hears of it and calls wherever it
//! was told to, over the real way out and real connections. What was saved stays saved, the log says what became of the
//! call, nobody inside is connected to, and the tenant next door saves on.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use mortise_definition::locale;
use mortise_engine::plugins::{CallState, PluginOptions, RunFilter};
use mortise_engine::{
    Actor, Channel, Command, Database, Directory, Engine, EngineOptions, Origin, Outcome, Person, RunOptions,
    System, Tenant,
};
use mortise_plugin_host::Package;
use mortise_plugin_host::manifest::Manifest;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::outlet_tests::{API, OTHER, Stage, good, granted, outlet};

const ID: &str = "test.caller";
/// Gets the address that stands behind the first letter of a thing's name, and hands on why it could not.
const SEND: &str = r#"(import "mortise:http/client@1.0.0" "send" (func $send
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
const FUNCTION: &str = r#"(data (i32.const 64) "GET")
    (func (export "mortise:hooks/after-commit@1.0.0#after-commit") (param i32) (result i32) (local $fields i32)
        (local.set $fields (i32.load offset=140 (local.get 0)))
        (if (i32.ne (i32.load8_u (i32.load offset=16 (local.get $fields))) (i32.const 87))
            (then (return (i32.const 1024))))
        (call $send (i32.const 64) (i32.const 3)
            (i32.add (i32.load offset=16 (local.get $fields)) (i32.const 1))
            (i32.sub (i32.load offset=20 (local.get $fields)) (i32.const 1))
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1024))
        (i32.const 1024))"#;

/// Two tenants of one engine, whose plugins go out through a stage.
struct House {
    engine: Engine,
    own: Arc<Tenant>,
    next: Arc<Tenant>,
    root: Actor,
    stage: Arc<Stage>,
    _folder: tempfile::TempDir,
}

fn package() -> Vec<u8> {
    let export = json!({"point": "after-commit", "name": "call", "entity": "thing", "input": ["name"]});
    let mut asked = serde_json::to_value(&*granted()).unwrap();
    asked["http"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|rule| drop(rule.as_object_mut().unwrap().remove("credential")));
    let manifest = json!({"id": ID, "version": "1.0.0", "title": {"en": "Caller", "zh-CN": "呼叫"},
        "runtime": ">=0.1, <2", "exports": [export], "permissions": asked});
    let parsed = Manifest::parse(&manifest.to_string()).unwrap();
    let module = wat::parse_str(mortise_wit::module_text(SEND, FUNCTION)).unwrap();
    let component =
        mortise_wit::componentize(&module, &parsed.imports(), &parsed.export_interfaces()).unwrap();
    Package::of(manifest.to_string(), component, BTreeMap::new()).unwrap().write().unwrap()
}

fn app() -> Arc<mortise_definition::Package> {
    let words = |en: &str| json!({"en": en, "zh-CN": en});
    let name = json!({"id": "name", "type": "text", "label": words("Name"), "required": true});
    let thing = json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": [name]});
    let app = json!({"id": "desk", "version": "1.0.0", "label": words("Desk")});
    let files = [("app.json", app), ("entities/thing.json", thing)];
    let files = files.into_iter().map(|(name, json)| (name.to_owned(), json.to_string()));
    Arc::new(mortise_definition::Package::from_files(files.collect()).unwrap())
}

fn root() -> Person {
    Person { administrator: true, language: Some("en".into()), ..Person::new(Uuid::new_v4(), "root") }
}

impl House {
    async fn open(database: Database) -> House {
        let folder = tempfile::tempdir().unwrap();
        let mut plugins = PluginOptions::default();
        (plugins.settings.background.wall_ms, plugins.settings.background.http_ms) = (20_000, 2_000);
        plugins.settings.background.output_bytes = 100_000;
        let options = EngineOptions {
            data_dir: folder.path().to_owned(),
            database,
            env: Arc::new(System),
            file_bytes_max: mortise_engine::FILE_BYTES_MAX,
            plugins,
        };
        let engine = Engine::open(options).await.unwrap();
        let (person, stage) = (root(), Arc::new(Stage::default()));
        let slug = format!("t{}", &Uuid::new_v4().simple().to_string()[..12]);
        let (mut tenants, way) = (Vec::new(), Arc::new(outlet(&stage, false)));
        for slug in [slug.clone(), format!("{slug}n")] {
            let tenant = engine.tenant(&slug).await.unwrap();
            let people = vec![person.clone()];
            tenant.set_directory(Directory::new(people, Vec::new(), chrono_tz::Asia::Shanghai, "en".into()));
            tenant.connect_plugins(way.clone());
            tenants.push(tenant);
        }
        let user = tenants[0].directory().context(person.id).unwrap();
        let root = Actor { user, origin: Origin { channel: Channel::Api, ip: None, device: None } };
        for tenant in &tenants {
            tenant.install(&root, app(), &[]).await.unwrap();
            let report = tenant.install_plugin(&root, package(), Some((*granted()).clone())).await.unwrap();
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        }
        let (next, own) = (tenants.pop().unwrap(), tenants.pop().unwrap());
        House { engine, own, next, root, stage, _folder: folder }
    }

    async fn close(self) {
        for tenant in [self.own, self.next] {
            let slug = tenant.slug.clone();
            drop(tenant);
            self.engine.drop_tenant_storage(&slug).await.unwrap();
        }
    }

    async fn save(&self, tenant: &Tenant, name: &str) -> Uuid {
        let values = json!({ "name": name }).as_object().unwrap().clone();
        let command =
            Command::Create { entity: "desk.thing".into(), values, id: None, allow_duplicates: false };
        match tenant.run(&self.root, command, RunOptions::default()).await.unwrap() {
            Outcome::Record(written) => written.id,
            other => panic!("{other:?}"),
        }
    }

    /// Saves a record with an address for the plugin, lets it call, and lets both tenants save meanwhile; the state of the
    /// call, and what the log says of it.
    async fn call(&self, url: &str) -> (CallState, String) {
        let id = self.save(&self.own, &format!("W{url}")).await;
        let beside = async {
            self.save(&self.next, "calm").await;
            self.save(&self.own, "calm").await;
        };
        self.own.run_due().await.unwrap();
        let (called, ()) = tokio::join!(self.own.call_due(), beside);
        called.unwrap();
        let record: Json =
            serde_json::from_slice(&self.own.read_json(&self.root, "desk.thing", id).await.unwrap().0)
                .unwrap();
        assert_eq!(record["name"], format!("W{url}"), "what was saved stays saved");
        let calls = self.own.background_calls_of(&self.root, "desk.thing", id).await.unwrap();
        let filter = RunFilter { record: Some(id), ..RunFilter::default() };
        let runs = self.own.plugin_runs(&self.root, &filter, None, 10).await.unwrap();
        let run = runs.first().expect("the log tells");
        assert_eq!(run.outcome == "ok", calls[0].state == CallState::Done, "{run:?}");
        (calls[0].state, run.message.clone().unwrap_or_default())
    }

    /// A call that is refused for good with this code, about this host, after these connections.
    async fn refused(&self, url: &str, code: &str, host: &str, connected: &[&str]) {
        let before = self.stage.connected.lock().len();
        let words = locale::translate("en", &format!("error.{code}"), &[("subject", host)]);
        assert_eq!(self.call(url).await, (CallState::Dead, words), "{url}");
        let connected: Vec<IpAddr> = connected.iter().map(|ip| ip.parse().unwrap()).collect();
        assert_eq!(self.stage.connected.lock()[before..], connected, "{url}");
    }
}

async fn check(test: impl AsyncFn(&House)) {
    let mut databases = vec![Database::Sqlite];
    databases.extend(std::env::var("MORTISE_TEST_POSTGRES").ok().map(|url| Database::Postgres { url }));
    for database in databases {
        let house = House::open(database).await;
        test(&house).await;
        house.close().await;
    }
}

#[tokio::test]
async fn a_plugin_that_calls_inside_reaches_nobody_and_what_was_saved_stays_saved() {
    check(async |house: &House| {
        let stage = &house.stage;
        stage.name("api.example", &[&[API]]);
        stage.good(API).await;
        assert_eq!(house.call("http://api.example/").await.0, CallState::Done, "where it may go it goes");
        stage.name("a.inner.example", &[&["10.1.2.3"]]);
        stage.name("b.inner.example", &[&[API, "::ffff:169.254.169.254"]]);
        for host in [
            "169.254.169.254",
            "127.0.0.1",
            "[::1]",
            "[::ffff:169.254.169.254]",
            "[2002:7f00:1::]",
            "a.inner.example",
            "b.inner.example",
        ] {
            // What an address is written as in the end.
            let url: url::Url = format!("http://{host}/").parse().unwrap();
            let shown = url.host_str().unwrap().to_owned();
            house.refused(url.as_str(), "plugin.http.private", &shown, &[]).await;
        }
        house.refused("http://evil.example/", "plugin.denied.host", "evil.example", &[]).await;
        house
            .refused(
                "http://api.example.evil.example/",
                "plugin.denied.host",
                "api.example.evil.example",
                &[],
            )
            .await;
        house.refused("http://api.example:8080/", "plugin.denied.host", "api.example", &[]).await;
        house.refused("no address", "plugin.http.url", "no address", &[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_is_led_inside_by_a_redirect_reaches_nobody_there() {
    check(async |house: &House| {
        let stage = &house.stage;
        stage.name("api.example", &[&[API]]);
        stage.name("a.inner.example", &[&["192.168.1.1"]]);
        for inner in [
            "http://169.254.169.254/latest/meta-data/",
            "http://127.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[2002:7f00:1::]/",
            "http://a.inner.example/",
        ] {
            stage.redirecting(API, 302, inner).await;
            let url: url::Url = inner.parse().unwrap();
            let host = url.host_str().unwrap();
            house.refused("http://api.example/", "plugin.http.private", host, &[API]).await;
        }
        stage.redirecting(API, 307, "http://evil.example/").await;
        house.refused("http://api.example/", "plugin.denied.host", "evil.example", &[API]).await;
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_is_led_inside_by_a_name_that_changes_reaches_nobody_there() {
    check(async |house: &House| {
        let stage = &house.stage;
        stage.name("api.example", &[&[API], &["127.0.0.1"]]);
        stage.good(API).await;
        assert_eq!(
            house.call("http://api.example/").await.0,
            CallState::Done,
            "what was checked is connected to"
        );
        house.refused("http://api.example/", "plugin.http.private", "api.example", &[]).await;
        // Between two hops of one call.
        stage.name("other.example", &[&[OTHER], &["169.254.169.254"]]);
        stage.redirecting(OTHER, 302, "/again").await;
        house.refused("http://other.example/", "plugin.http.private", "other.example", &[OTHER]).await;
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_waits_for_somebody_who_never_answers_is_waited_for_by_nobody() {
    check(async |house: &House| {
        let stage = &house.stage;
        stage.name("api.example", &[&[API]]);
        let heard = stage.silent(API).await;
        let own = house.own.clone();
        house.save(&own, "Whttp://api.example/").await;
        own.run_due().await.unwrap();
        let calling = tokio::spawn(async move { own.call_due().await });
        while heard.lock().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        // The connection is open, and nobody answers.
        for _ in 0..5 {
            house.save(&house.own, "calm").await;
            house.save(&house.next, "calm").await;
        }
        calling.await.unwrap().unwrap();
        let waiting = (Some(CallState::Waiting), Some(ID));
        let calls = house.own.background_calls(&house.root, waiting, None, 10).await.unwrap();
        let tried: Vec<_> = calls.iter().filter(|call| call.attempts == 1).collect();
        assert_eq!(tried.len(), 1, "it is tried again later");
        let filter = RunFilter { failed: true, ..RunFilter::default() };
        let runs = house.own.plugin_runs(&house.root, &filter, None, 10).await.unwrap();
        let message = runs[0].message.clone().unwrap_or_default();
        assert!(runs.len() == 1 && message.starts_with("No answer came within"), "{message}");
        stage.server(API, good(&vec![b'x'; 200_000]), false).await;
        let words = locale::translate("en", "error.plugin.http.too_large", &[("subject", "100000")]);
        assert_eq!(house.call("http://api.example/").await, (CallState::Dead, words));
    })
    .await;
}
