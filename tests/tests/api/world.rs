//! A server of its own for each test, in this process on a real socket, and tables of requests against it.

use std::net::SocketAddr;
use std::sync::Arc;

use mortise::{AppState, Config, auth, http};
use mortise_tests::{Answer, Client};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::workshop;

/// Password of everybody in these tests.
pub(crate) const PASSWORD: &str = "Mortise-test-2026";

/// A running server with the tenant `demo`, the app `workshop` and some people.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) operator: String,
    /// Token of the tenant's administrator.
    pub(crate) admin: String,
    /// Members see their own tasks and those of nobody.
    pub(crate) anna: Person,
    pub(crate) ben: Person,
    /// May read projects only.
    pub(crate) guest: Person,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: TempDir,
}

/// A person with a token for reading and writing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// Runs a test on SQLite and, where a server is named, on PostgreSQL.
pub(crate) fn on_both(test: impl Fn(&mut World)) {
    test(&mut World::start(None));
    match std::env::var("MORTISE_TEST_POSTGRES") {
        Ok(url) => test(&mut World::start(Some(mortise_tests::server::create_database(&url)))),
        Err(_) => {
            let required = std::env::var_os("MORTISE_TEST_REQUIRE").is_some();
            assert!(!required, "MORTISE_TEST_POSTGRES names no server, but MORTISE_TEST_REQUIRE demands one");
            println!("skipped: the PostgreSQL half, because MORTISE_TEST_POSTGRES names no server");
        }
    }
}

impl World {
    /// The server without any tenant's content beyond the workshop. Deliveries go to receivers on this machine.
    pub(crate) fn start(database_url: Option<String>) -> World {
        World::start_with(database_url, |config| config.serving.allow_private_addresses = true)
    }

    /// The same with other decisions of whoever runs it.
    pub(crate) fn start_with(database_url: Option<String>, decide: impl FnOnce(&mut Config)) -> World {
        let folder = tempfile::tempdir().expect("the system has a temporary folder");
        let mut config = Config::for_folder(folder.path());
        decide(&mut config);
        config.database_url = database_url;
        let operator = auth::new_secret("mop_");
        let hash = auth::hash_secret(&operator);
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("the system gives threads");
            runtime.block_on(async {
                let state = AppState::open(config, Arc::new(mortise_engine::System), Some(hash)).await;
                let state = state.expect("an empty folder can be opened");
                mortise::lanes::work(&state).await.expect("nobody else works here");
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
                let address = listener.local_addr().expect("a bound socket has an address");
                tell.send((address, state.stop.clone())).expect("the test waits");
                http::serve(state.clone(), listener).await.expect("the server runs");
                state.close().await;
            });
        });
        let (address, stop) = told.recv().expect("the server starts");
        let mut world = World {
            address,
            operator,
            admin: String::new(),
            anna: Person::default(),
            ben: Person::default(),
            guest: Person::default(),
            stop,
            thread: Some(thread),
            _folder: folder,
        };
        world.settle();
        world
    }

    fn settle(&mut self) {
        self.tenant("demo");
        self.admin = self.operator.clone();
        let id = self.person("admin", &json!({"administrator": true})).id;
        self.admin = self.token("demo", &id, &["read", "write", "admin"]);
        self.call("POST", "/t/demo/api/v1/apps", &json!({"files": workshop::files()})).expect(200);
        self.anna = self.person("anna", &json!({"roles": ["workshop.member"]}));
        self.ben = self.person("ben", &json!({"roles": ["workshop.member"]}));
        self.guest = self.person("guest", &json!({"roles": ["workshop.guest"]}));
    }

    /// Makes a tenant.
    pub(crate) fn tenant(&self, slug: &str) {
        let body = json!({"slug": slug, "time_zone": "Asia/Shanghai"});
        self.client(&self.operator)
            .json("POST", "/operator/v1/tenants", &body)
            .expect("an answer")
            .expect(201);
    }

    /// A connection with a token.
    pub(crate) fn client(&self, token: &str) -> Client {
        Client::new(self.address).with_token(token)
    }

    /// A request of the administrator.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.client(&self.admin).json(method, path, body).expect("the server answers")
    }

    /// Makes a person in `demo`.
    pub(crate) fn person(&self, login: &str, more: &Value) -> Person {
        let mut body = json!({"login": login, "name": login, "password": PASSWORD});
        let more = more.as_object().cloned().unwrap_or_default();
        body.as_object_mut().expect("an object").extend(more);
        let user = self.call("POST", "/t/demo/api/v1/users", &body).expect(201).json();
        let id = text(&user["id"]);
        let token = self.token("demo", &id, &["read", "write"]);
        Person { id, token }
    }

    /// A token of the operator's for a person.
    pub(crate) fn token(&self, tenant: &str, user: &str, scopes: &[&str]) -> String {
        let body = json!({"name": "tests", "scopes": scopes, "user": user});
        let path = format!("/t/{tenant}/api/v1/tokens");
        let answer = self.client(&self.operator).json("POST", &path, &body).expect("the server answers");
        text(&answer.expect(201).json()["token"])
    }

    /// Makes a task in a person's name and returns its id.
    pub(crate) fn task(&self, token: &str, values: &Value) -> String {
        let answer = self.client(token).json("POST", TASKS, values).expect("the server answers");
        text(&answer.expect(201).json()["id"])
    }

    /// Sends every request of a table and compares; `$name` in paths and bodies is replaced by what was captured.
    pub(crate) fn play(&self, story: &[Step]) {
        let mut captured: Vec<(String, String)> =
            vec![("$anna".into(), self.anna.id.clone()), ("$ben".into(), self.ben.id.clone())];
        for step in story {
            let fill = |text: &str| {
                captured
                    .iter()
                    .fold(text.to_owned(), |text, (name, value)| text.replace(name.as_str(), value))
            };
            let token = match step.who {
                Who::Admin => &self.admin,
                Who::Anna => &self.anna.token,
                Who::Ben => &self.ben.token,
                Who::Guest => &self.guest.token,
                Who::Nobody => "",
            };
            let mut client = if token.is_empty() { Client::new(self.address) } else { self.client(token) };
            let body = step.body.as_ref().map(|body| fill(&body.to_string())).unwrap_or_default();
            let headers: Vec<(&str, String)> =
                step.headers.iter().map(|(name, value)| (*name, fill(value))).collect();
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = client.send(step.method, &fill(step.path), &headers, body.as_bytes());
            let answer = answer.expect("the server answers");
            let shown = format!("{}: {}", step.what, answer.text());
            assert_eq!(answer.status, step.status, "{shown}");
            let json = if answer.body.is_empty() { Value::Null } else { answer.json() };
            if let Some(code) = step.code {
                assert_eq!(json["code"], code, "{shown}");
                assert!(json["title"].as_str().is_some_and(|title| !title.starts_with("error.")), "{shown}");
            }
            for (pointer, expected) in &step.expect {
                let found = json.pointer(pointer).unwrap_or(&Value::Null);
                let expected: Value =
                    serde_json::from_str(&fill(&expected.to_string())).expect("JSON stays JSON");
                assert_eq!(found, &expected, "{pointer} of {shown}");
            }
            if let Some(name) = step.capture {
                captured.push((format!("${name}"), text(&json["id"])));
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Where tasks are.
pub(crate) const TASKS: &str = "/t/demo/api/v1/records/workshop.task";

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    Admin,
    Anna,
    Ben,
    Guest,
    Nobody,
}

/// One request with its expected answer.
pub(crate) struct Step {
    what: &'static str,
    who: Who,
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Option<Value>,
    status: u16,
    code: Option<&'static str>,
    expect: Vec<(&'static str, Value)>,
    capture: Option<&'static str>,
}

/// A request in words: what is meant, who asks, and `METHOD path`.
pub(crate) fn step(what: &'static str, who: Who, request: &'static str) -> Step {
    let (method, path) = request.split_once(' ').expect("METHOD path");
    Step {
        what,
        who,
        method,
        path,
        headers: Vec::new(),
        body: None,
        status: 200,
        code: None,
        expect: Vec::new(),
        capture: None,
    }
}

impl Step {
    pub(crate) fn body(mut self, body: Value) -> Step {
        self.headers.push(("content-type", "application/json"));
        self.body = Some(body);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Step {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn gives(mut self, status: u16) -> Step {
        self.status = status;
        self
    }

    pub(crate) fn refused(mut self, status: u16, code: &'static str) -> Step {
        self.status = status;
        self.code = Some(code);
        self
    }

    pub(crate) fn with(mut self, pointer: &'static str, value: Value) -> Step {
        self.expect.push((pointer, value));
        self
    }

    pub(crate) fn keep(mut self, name: &'static str) -> Step {
        self.capture = Some(name);
        self
    }
}

/// Text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
