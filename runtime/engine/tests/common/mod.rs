//! A small app on both databases, with a few people.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use mortise_definition::Package;
use mortise_engine::{Actor, Channel, Command, Database, Directory, Engine, EngineOptions, Error, Origin, Outcome, Person, Record, RunOptions, System, Tenant};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// A tenant with the app `shop`, and its people.
pub struct Bench {
    pub engine: Engine,
    pub tenant: Arc<Tenant>,
    pub database: &'static str,
    people: BTreeMap<&'static str, Uuid>,
    _folder: tempfile::TempDir,
}

/// Runs a test on SQLite and, where a server is given by `MORTISE_TEST_POSTGRES`, on PostgreSQL.
pub async fn check(test: impl AsyncFn(&Bench)) {
    let bench = Bench::open("sqlite", Database::Sqlite).await;
    test(&bench).await;
    match std::env::var("MORTISE_TEST_POSTGRES") {
        Ok(url) => {
            let bench = Bench::open("postgres", Database::Postgres { url }).await;
            test(&bench).await;
            bench.engine.drop_tenant_storage(&bench.tenant.slug).await.unwrap();
        }
        Err(_) if std::env::var("MORTISE_TEST_REQUIRE").is_ok() => panic!("MORTISE_TEST_POSTGRES is not set"),
        Err(_) => eprintln!("skipped on PostgreSQL: MORTISE_TEST_POSTGRES is not set"),
    }
}

fn person(id: Uuid, login: &str, roles: &[&str], administrator: bool) -> Person {
    let mut name = login.to_owned();
    name[..1].make_ascii_uppercase();
    Person {
        id, login: login.into(), name, email: None, active: true, administrator, department: None, supervisor: None,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(), language: Some("en".into()),
    }
}

impl Bench {
    pub async fn open(database: &'static str, kind: Database) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let options = EngineOptions { data_dir: folder.path().to_owned(), database: kind, env: Arc::new(System) };
        let engine = Engine::open(options).await.unwrap();
        let slug = format!("t{}", &Uuid::new_v4().simple().to_string()[..12]);
        let tenant = engine.tenant(&slug).await.unwrap();
        let people: BTreeMap<&str, Uuid> = ["ann", "bob", "root"].into_iter().map(|name| (name, Uuid::new_v4())).collect();
        let users = vec![
            person(people["ann"], "ann", &["shop.seller"], false),
            person(people["bob"], "bob", &["shop.seller"], false),
            person(people["root"], "root", &[], true),
        ];
        tenant.set_directory(Directory::new(users, Vec::new(), chrono_tz::Asia::Shanghai, "en".into()));
        let bench = Bench { engine, tenant, database, people, _folder: folder };
        bench.install(package(shop())).await.unwrap();
        bench
    }

    pub fn person(&self, name: &str) -> Actor {
        let user = self.tenant.directory().context(self.people[name]).unwrap();
        Actor { user, origin: Origin { channel: Channel::Api, ip: None, device: None } }
    }

    pub fn admin(&self) -> Actor {
        self.person("root")
    }

    pub async fn install(&self, package: Package) -> Result<(), Error> {
        self.tenant.install(&self.admin(), Arc::new(package), &[]).await.map(drop)
    }

    pub async fn run(&self, actor: &Actor, command: Command) -> Result<Outcome, Error> {
        self.tenant.run(actor, command, RunOptions::default()).await
    }

    pub async fn try_create(&self, actor: &Actor, entity: &str, values: Json) -> Result<Uuid, Error> {
        let values = values.as_object().unwrap().clone();
        let command = Command::Create { entity: entity.into(), values, id: None, allow_duplicates: false };
        match self.run(actor, command).await? {
            Outcome::Record(written) => Ok(written.id),
            other => panic!("{other:?}"),
        }
    }

    pub async fn create(&self, actor: &Actor, entity: &str, values: Json) -> Uuid {
        self.try_create(actor, entity, values).await.unwrap()
    }

    pub async fn update(&self, actor: &Actor, entity: &str, id: Uuid, values: Json) -> Result<Outcome, Error> {
        let values = values.as_object().unwrap().clone();
        self.run(actor, Command::Update { entity: entity.into(), id, version: None, values }).await
    }

    pub async fn read(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<Record, Error> {
        self.tenant.read(actor, entity, id).await
    }

    pub async fn json(&self, actor: &Actor, entity: &str, id: Uuid) -> Json {
        serde_json::from_slice(&self.tenant.read_json(actor, entity, id).await.unwrap().0).unwrap()
    }

    pub async fn count(&self, actor: &Actor, entity: &str, params: &[(&str, &str)]) -> i64 {
        let query = self.tenant.query(actor, entity, params.iter().copied()).unwrap();
        let page = self.tenant.list(actor, &query).await.unwrap();
        assert_eq!(page.rows.len() as i64, page.total.unwrap().count.min(50));
        page.total.unwrap().count
    }
}

/// A package of artifacts given as JSON.
pub fn package(files: Vec<(&str, Json)>) -> Package {
    let files = files.into_iter().map(|(name, json)| (name.to_owned(), json.to_string()));
    Package::from_files(files.collect()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

/// The app `shop`: orders with items, customers.
pub fn shop() -> Vec<(&'static str, Json)> {
    let text = |en: &str| json!({"en": en, "zh-CN": en});
    vec![
        ("app.json", json!({"id": "shop", "version": "1.0.0", "label": text("Shop")})),
        ("entities/order.json", json!({
            "id": "order", "label": text("Order"), "title": "title",
            "fields": [
                {"id": "number", "type": "autonumber", "pattern": "O-{yyyy}-{0000}"},
                {"id": "title", "type": "text", "required": true, "search": true},
                {"id": "amount", "type": "money"},
                {"id": "status", "type": "choice", "default": "'open'", "choices": [
                    {"value": "open", "label": text("Open")}, {"value": "done", "label": text("Done")}, {"value": "lost", "label": text("Lost")}]},
                {"id": "reason", "type": "text", "visible_when": "record.status == 'lost'", "required_when": "record.status == 'lost'"},
                {"id": "customer", "type": "reference", "entity": "customer"},
                {"id": "double", "type": "computed", "value": "record.amount * 2"},
                {"id": "items", "type": "lines", "entity": "item", "via": "order"},
                {"id": "items_total", "type": "rollup", "entity": "item", "via": "order", "operation": "sum", "field": "price"}
            ]
        })),
        ("entities/item.json", json!({
            "id": "item", "label": text("Item"), "title": "what",
            "fields": [
                {"id": "order", "type": "reference", "entity": "order"},
                {"id": "what", "type": "text", "required": true},
                {"id": "price", "type": "money"}
            ]
        })),
        ("entities/customer.json", json!({
            "id": "customer", "label": text("Customer"), "title": "name",
            "fields": [
                {"id": "name", "type": "text", "required": true, "search": true},
                {"id": "code", "type": "text", "unique": true},
                {"id": "phone", "type": "phone"}
            ],
            "duplicates": {"fields": [{"field": "phone", "compare": "exact"}, {"field": "name", "compare": "company_name"}], "show": ["name"]}
        })),
        ("views/open.json", json!({
            "id": "open", "entity": "order", "label": text("Open"), "columns": ["title", "customer.name", "amount"],
            "filter": "record.status == 'open'", "sort": ["-created_at"]
        })),
        ("roles/seller.json", json!({
            "id": "seller", "label": text("Seller"), "permissions": [
                {"entity": "order", "operations": ["read", "create", "update", "delete", "export"],
                 "rows": {"where": "record.owner == user.id || record.owner == null"}},
                {"entity": "item", "operations": ["read", "create", "update", "delete"]},
                {"entity": "customer", "operations": ["read", "create", "update"]}
            ]
        })),
    ]
}
