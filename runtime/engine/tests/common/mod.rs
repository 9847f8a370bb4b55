//! A small app on both databases, with a few people.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "each test file uses a part"
)]

pub mod club;
pub mod desk;
pub mod works;

use std::path::Path;
use std::sync::{Arc, Mutex};

use mortise_definition::Package;
use mortise_engine::{
    Actor, Channel, Command, Database, Department, Directory, Engine, EngineOptions, Env, Error, Origin,
    Outcome, Person, Record, RunOptions, System, Tenant,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// A tenant and its people.
pub struct Bench {
    pub engine: Engine,
    pub tenant: Arc<Tenant>,
    pub database: &'static str,
    kind: Database,
    env: Arc<dyn Env>,
    people: Mutex<Vec<Person>>,
    departments: Mutex<Vec<Department>>,
    language: Mutex<String>,
    folder: tempfile::TempDir,
}

/// Limits of plugins that only one without end reaches, even on a machine that is busy with other things.
pub fn patient() -> mortise_engine::plugins::PluginOptions {
    let mut options = mortise_engine::plugins::PluginOptions::default();
    (options.settings.save.wall_ms, options.settings.save.cpu_ms) = (20_000, 1_000);
    options.settings.transaction.wall_ms = 60_000;
    options
}

/// Runs a test on SQLite and, where a server is given by `MORTISE_TEST_POSTGRES`, on PostgreSQL, with the app `shop`.
pub async fn check(test: impl AsyncFn(&Bench)) {
    check_bare(async |bench: &Bench| {
        bench.install(package(shop())).await.unwrap();
        bench.hire("ann", &["shop.seller"], |_| ());
        bench.hire("bob", &["shop.seller"], |_| ());
        test(bench).await;
    })
    .await;
}

/// The same without any app, and with nobody but the administrator `root`.
pub async fn check_bare(test: impl AsyncFn(&Bench)) {
    for (name, kind) in databases() {
        let bench = Bench::open(name, kind, Arc::new(System)).await;
        test(&bench).await;
        bench.drop().await;
    }
}

/// The databases that are to be tested.
pub fn databases() -> Vec<(&'static str, Database)> {
    let mut databases = vec![("sqlite", Database::Sqlite)];
    match std::env::var("MORTISE_TEST_POSTGRES") {
        Ok(url) => databases.push(("postgres", Database::Postgres { url })),
        Err(_) if std::env::var("MORTISE_TEST_REQUIRE").is_ok() => panic!("MORTISE_TEST_POSTGRES is not set"),
        Err(_) => eprintln!("skipped on PostgreSQL: MORTISE_TEST_POSTGRES is not set"),
    }
    databases
}

impl Bench {
    pub async fn open(database: &'static str, kind: Database, env: Arc<dyn Env>) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let (engine, tenant) = Bench::start(folder.path(), &kind, &env, &fresh_slug()).await;
        let bench = Bench {
            engine,
            tenant,
            database,
            kind,
            env,
            people: Mutex::default(),
            departments: Mutex::default(),
            language: Mutex::new("en".to_owned()),
            folder,
        };
        bench.hire("root", &[], |root| root.administrator = true);
        bench
    }

    async fn start(folder: &Path, kind: &Database, env: &Arc<dyn Env>, slug: &str) -> (Engine, Arc<Tenant>) {
        let options = EngineOptions {
            data_dir: folder.to_owned(),
            database: kind.clone(),
            env: env.clone(),
            file_bytes_max: mortise_engine::FILE_BYTES_MAX,
            plugins: patient(),
        };
        let engine = Engine::open(options).await.unwrap();
        let tenant = engine.tenant(slug).await.unwrap();
        (engine, tenant)
    }

    /// Drops the engine as a crash would, without finishing anything, and opens the tenant again.
    pub async fn crash(&mut self) {
        let (engine, tenant) =
            Bench::start(self.folder.path(), &self.kind, &self.env, &self.tenant.slug.clone()).await;
        (self.engine, self.tenant) = (engine, tenant);
        self.announce();
    }

    pub async fn drop(&self) {
        self.engine.drop_tenant_storage(&self.tenant.slug).await.unwrap();
    }

    /// Gives the tenant a user, or another form to one.
    pub fn hire(&self, login: &str, roles: &[&str], change: impl FnOnce(&mut Person)) -> Actor {
        let mut name = login.to_owned();
        name[..1].make_ascii_uppercase();
        let mut people = self.people.lock().unwrap();
        let id =
            people.iter().find(|person| person.login == login).map_or_else(Uuid::new_v4, |person| person.id);
        people.retain(|person| person.login != login);
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let mut person = Person { name, roles, language: Some("en".into()), ..Person::new(id, login) };
        change(&mut person);
        people.push(person);
        drop(people);
        self.announce();
        self.person(login)
    }

    pub fn department(&self, name: &str, parent: Option<Uuid>) -> Uuid {
        let id = Uuid::new_v4();
        self.departments.lock().unwrap().push(Department { id, name: name.to_owned(), parent });
        self.announce();
        id
    }

    /// Gives the tenant another language.
    pub fn speak(&self, language: &str) {
        language.clone_into(&mut self.language.lock().unwrap());
        self.announce();
    }

    fn announce(&self) {
        let (people, departments) =
            (self.people.lock().unwrap().clone(), self.departments.lock().unwrap().clone());
        self.tenant.set_directory(Directory::new(
            people,
            departments,
            chrono_tz::Asia::Shanghai,
            self.language.lock().unwrap().clone(),
        ));
    }

    pub fn person(&self, login: &str) -> Actor {
        let id = self.people.lock().unwrap().iter().find(|person| person.login == login).unwrap().id;
        let user = self.tenant.directory().context(id).unwrap();
        Actor { user, origin: Origin { channel: Channel::Api, ip: None, device: None } }
    }

    pub fn admin(&self) -> Actor {
        self.person("root")
    }

    pub async fn install(&self, package: Package) -> Result<(), Error> {
        self.install_confirmed(package, &[]).await
    }

    pub async fn install_confirmed(&self, package: Package, confirm: &[&str]) -> Result<(), Error> {
        let confirm: Vec<String> = confirm.iter().map(|key| (*key).to_owned()).collect();
        self.tenant.install(&self.admin(), Arc::new(package), &confirm).await.map(drop)
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

    /// Many records in one batch.
    pub async fn create_all(
        &self,
        actor: &Actor,
        entity: &str,
        records: impl IntoIterator<Item = Json>,
    ) -> Vec<Uuid> {
        let create = |values: Json| Command::Create {
            entity: entity.into(),
            values: values.as_object().unwrap().clone(),
            id: None,
            allow_duplicates: true,
        };
        let commands = records.into_iter().map(create).collect();
        match self.run(actor, Command::Batch { commands, atomic: true }).await.unwrap() {
            Outcome::Batch(parts) => parts.into_iter().map(|part| part.unwrap().id).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn update(
        &self,
        actor: &Actor,
        entity: &str,
        id: Uuid,
        values: Json,
    ) -> Result<Outcome, Error> {
        let values = values.as_object().unwrap().clone();
        self.run(actor, Command::Update { entity: entity.into(), id, version: None, values }).await
    }

    pub async fn read(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<Record, Error> {
        self.tenant.read(actor, entity, id).await
    }

    pub async fn json(&self, actor: &Actor, entity: &str, id: Uuid) -> Json {
        serde_json::from_slice(&self.tenant.read_json(actor, entity, id).await.unwrap().0).unwrap()
    }

    pub async fn delete(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<Outcome, Error> {
        self.run(actor, Command::Delete { entity: entity.into(), id, version: None }).await
    }

    /// The records of a list as JSON, all in one page.
    pub async fn rows(
        &self,
        actor: &Actor,
        entity: &str,
        params: &[(&str, &str)],
    ) -> Result<Vec<Json>, Error> {
        let params = params.iter().copied().chain([("limit", "500")]);
        let query = self.tenant.query(actor, entity, params)?;
        let page: Json = serde_json::from_slice(&self.tenant.list_json(actor, &query).await?).unwrap();
        assert_eq!(page["total"].as_i64(), page["rows"].as_array().map(|rows| rows.len() as i64), "{entity}");
        Ok(page["rows"].as_array().unwrap().clone())
    }

    /// One field of the records of a list, sorted.
    pub async fn column(
        &self,
        actor: &Actor,
        entity: &str,
        field: &str,
        params: &[(&str, &str)],
    ) -> Vec<String> {
        let rows =
            self.rows(actor, entity, params).await.unwrap_or_else(|error| panic!("{params:?}: {error}"));
        let mut found: Vec<String> = rows.iter().map(|row| text(&row[field])).collect();
        found.sort();
        found
    }

    /// Everything that the database holds about the tenant, as text.
    pub async fn dump(&self) -> String {
        let (connection, tables) = match &self.kind {
            Database::Sqlite => {
                let path = self.engine.tenant_dir(&self.tenant.slug).join("tenant.db");
                let connection =
                    sea_orm::Database::connect(format!("sqlite://{}?mode=rw", path.display())).await.unwrap();
                let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND instr(name, '__search') + instr(name, 'sqlite_stat') = 0 ORDER BY name";
                let tables = strings(
                    &connection,
                    "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master WHERE instr(name, 'sqlite_stat') = 0 ORDER BY 1",
                )
                .await;
                let mut lines = tables;
                for table in strings(&connection, names).await {
                    let columns = strings(
                        &connection,
                        &format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')"),
                    )
                    .await;
                    let sql = format!("SELECT {} FROM \"{table}\" ORDER BY 1", columns.join(" || ',' || "));
                    lines.extend(
                        strings(&connection, &sql).await.into_iter().map(|row| format!("{table}: {row}")),
                    );
                }
                (connection, lines)
            }
            Database::Postgres { url } => {
                let schema = format!("t_{}", self.tenant.slug.replace('-', "_"));
                let connection = sea_orm::Database::connect(url).await.unwrap();
                let columns = "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable) FROM information_schema.columns";
                let mut lines =
                    strings(&connection, &format!("{columns} WHERE table_schema = '{schema}' ORDER BY 1"))
                        .await;
                lines.extend(
                    strings(
                        &connection,
                        &format!("SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY 1"),
                    )
                    .await,
                );
                for table in strings(&connection, &format!("SELECT table_name::text FROM information_schema.tables WHERE table_schema = '{schema}' ORDER BY 1")).await {
                    let sql = format!("SELECT t::text FROM \"{schema}\".\"{table}\" t ORDER BY 1");
                    lines.extend(strings(&connection, &sql).await.into_iter().map(|row| format!("{table}: {row}")));
                }
                (connection, lines)
            }
        };
        connection.close().await.unwrap();
        tables.join("\n")
    }

    /// Changes the tenant's database behind the engine's back; `{schema}` stands before names of tables.
    pub async fn tamper(&self, sql: &str) {
        let (url, sql) = match &self.kind {
            Database::Sqlite => {
                let path = self.engine.tenant_dir(&self.tenant.slug).join("tenant.db");
                (format!("sqlite://{}?mode=rw", path.display()), sql.replace("{schema}", ""))
            }
            Database::Postgres { url } => {
                let schema = format!("t_{}", self.tenant.slug.replace('-', "_"));
                let sql = sql.replace("{schema}", &format!("\"{schema}\"."));
                (url.clone(), sql.replace("_audit", &format!("\"{schema}\"._audit")))
            }
        };
        let connection = sea_orm::Database::connect(url).await.unwrap();
        connection.execute_unprepared(&sql).await.unwrap();
        connection.close().await.unwrap();
    }

    pub async fn count(&self, actor: &Actor, entity: &str, params: &[(&str, &str)]) -> i64 {
        let query = self.tenant.query(actor, entity, params.iter().copied()).unwrap();
        let page = self.tenant.list(actor, &query).await.unwrap();
        assert_eq!(page.rows.len() as i64, page.total.unwrap().count.min(50));
        page.total.unwrap().count
    }
}

async fn strings(connection: &DatabaseConnection, sql: &str) -> Vec<String> {
    let backend = connection.get_database_backend();
    assert!(matches!(backend, DbBackend::Sqlite | DbBackend::Postgres));
    let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index::<Option<String>>(0).unwrap().unwrap_or_default()).collect()
}

fn fresh_slug() -> String {
    format!("t{}", &Uuid::new_v4().simple().to_string()[..12])
}

/// JSON as a person would write it: no quotes around a text, nothing for null.
pub fn text(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A shipped app.
pub fn template(name: &str) -> Package {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../app-templates").join(name);
    Package::read_folder(&folder).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Codes of the issues of a refusal with their fields, sorted.
pub fn issues(error: &Error) -> Vec<String> {
    let mut told: Vec<String> =
        error.issues().iter().map(|issue| format!("{} {}", issue.field, issue.issue.code)).collect();
    told.sort();
    told
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
        (
            "entities/order.json",
            json!({
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
            }),
        ),
        (
            "entities/item.json",
            json!({
                "id": "item", "label": text("Item"), "title": "what",
                "fields": [
                    {"id": "order", "type": "reference", "entity": "order"},
                    {"id": "what", "type": "text", "required": true},
                    {"id": "price", "type": "money"}
                ]
            }),
        ),
        (
            "entities/customer.json",
            json!({
                "id": "customer", "label": text("Customer"), "title": "name",
                "fields": [
                    {"id": "name", "type": "text", "required": true, "search": true},
                    {"id": "code", "type": "text", "unique": true},
                    {"id": "phone", "type": "phone"},
                    {"id": "contact", "type": "text"}
                ],
                "duplicates": {"show": ["name"], "fields": [
                    {"field": "phone", "compare": "exact"}, {"field": "name", "compare": "company_name"},
                    {"field": "contact", "compare": "similar", "hint": true}
                ]}
            }),
        ),
        (
            "views/open.json",
            json!({
                "id": "open", "entity": "order", "label": text("Open"), "columns": ["title", "customer.name", "amount"],
                "filter": "record.status == 'open'", "sort": ["-created_at"]
            }),
        ),
        (
            "roles/seller.json",
            json!({
                "id": "seller", "label": text("Seller"), "permissions": [
                    {"entity": "order", "operations": ["read", "create", "update", "delete", "export"],
                     "rows": {"where": "record.owner == user.id || record.owner == null"}},
                    {"entity": "item", "operations": ["read", "create", "update", "delete"]},
                    {"entity": "customer", "operations": ["read", "create", "update"]}
                ]
            }),
        ),
    ]
}
