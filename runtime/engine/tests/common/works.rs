//! The app `works`: jobs with a lifecycle and tasks below them, to which tests add rules; time is moved by hand.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mortise_definition::Package;
use mortise_engine::{Actor, Command, Error, Outcome, Simulated, WorkItem, WorkState};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::desk::{field, plain, words};
use super::{Bench, databases, package};

/// A tenant whose time stands still until it is moved.
pub struct World {
    pub bench: Bench,
    pub time: Arc<Simulated>,
}

/// Monday, 2 March 2026, nine o'clock in Shanghai.
pub fn beginning() -> DateTime<Utc> {
    "2026-03-02T01:00:00Z".parse().unwrap()
}

/// Runs a test with `works` and these files, on every database.
pub async fn check_works(more: Vec<(&str, Json)>, test: impl AsyncFn(&mut World)) {
    for (name, kind) in databases() {
        let time = Arc::new(Simulated::new(beginning(), 7));
        let bench = Bench::open(name, kind, time.clone()).await;
        bench.install(works("1.0.0", more.clone())).await.unwrap();
        bench.hire("ann", &["works.worker"], |_| ());
        bench.hire("bob", &["works.worker"], |_| ());
        bench.hire("eve", &["works.chief"], |_| ());
        let mut world = World { bench, time };
        test(&mut world).await;
        world.bench.drop().await;
    }
}

impl World {
    pub fn ann(&self) -> Actor {
        self.bench.person("ann")
    }

    /// Makes a job of Ann's and works off what follows.
    pub async fn job(&self, values: Json) -> Uuid {
        let id = self.bench.create(&self.ann(), "works.job", values).await;
        self.settle().await;
        id
    }

    pub async fn change(&self, id: Uuid, values: Json) {
        self.bench.update(&self.ann(), "works.job", id, values).await.unwrap();
        self.settle().await;
    }

    /// Works off everything that is due.
    pub async fn settle(&self) {
        self.bench.tenant.run_due().await.unwrap();
    }

    /// Lets time pass, and works off everything that falls due, each at its time.
    pub async fn pass(&self, length: TimeDelta) {
        let end = self.now() + length;
        while let Some(due) = self.bench.tenant.next_due().await.unwrap().filter(|due| *due <= end) {
            self.time.advance((due - self.now()).max(TimeDelta::zero()));
            self.settle().await;
        }
        self.time.advance(end - self.now());
        self.settle().await;
    }

    /// Lets time pass while nothing runs.
    pub fn sleep(&self, length: TimeDelta) {
        self.time.advance(length);
    }

    pub fn now(&self) -> DateTime<Utc> {
        mortise_engine::Env::now(&*self.time)
    }

    /// Values of a job as the administrator sees them.
    pub async fn see(&self, id: Uuid) -> Json {
        self.bench.json(&self.bench.admin(), "works.job", id).await
    }

    pub async fn tasks(&self) -> Vec<String> {
        self.bench.column(&self.bench.admin(), "works.task", "what", &[]).await
    }

    pub async fn take(&self, actor: &Actor, id: Uuid, transition: &str, values: Json) -> Result<(), Error> {
        let command = Command::Transition {
            entity: "works.job".into(),
            id,
            version: None,
            transition: transition.into(),
            values: values.as_object().unwrap().clone(),
        };
        match self.bench.run(actor, command).await? {
            Outcome::Record(_) => Ok(()),
            other => panic!("{other:?}"),
        }
    }

    pub async fn failed(&self, state: WorkState) -> Vec<WorkItem> {
        self.bench.tenant.failed_work(&self.bench.admin(), state, None, 100).await.unwrap()
    }

    /// Codes and handlers of what is parked.
    pub async fn parked(&self) -> Vec<String> {
        let items = self.failed(WorkState::Parked).await;
        let mut told: Vec<String> =
            items.iter().map(|item| format!("{} {}", item.handler, item.error.code)).collect();
        told.sort();
        told
    }

    /// What the record's timeline says, oldest first.
    pub async fn timeline(&self, id: Uuid) -> Vec<String> {
        let entries =
            self.bench.tenant.timeline(&self.bench.admin(), "works.job", id, None, 200).await.unwrap();
        entries.iter().rev().map(|entry| entry.action.clone()).collect()
    }
}

fn choice(value: &str) -> Json {
    json!({"value": value, "label": words(value)})
}

/// The app with these files beside its own.
pub fn works(version: &str, more: Vec<(&str, Json)>) -> Package {
    let states: Vec<Json> = ["new", "active", "done", "lost"].map(choice).into();
    let job = json!({"id": "job", "label": words("Job"), "title": "name", "fields": [
        field("name", "text", json!({"required": true})),
        field("state", "choice", json!({"choices": states})),
        plain("amount", "integer"),
        plain("note", "text"),
        plain("reason", "text"),
        field("grade", "choice", json!({"choices": [choice("a"), choice("b")]})),
        field("lists", "choices", json!({"choices": [choice("vip"), choice("old")]})),
        plain("since", "datetime"),
        field("tasks", "lines", json!({"entity": "task", "via": "job"})),
        field("open", "rollup", json!({
            "entity": "task", "via": "job", "operation": "count", "filter": "record.done != true"})),
    ]});
    let task = json!({"id": "task", "label": words("Task"), "title": "what", "fields": [
        field("job", "reference", json!({"entity": "job"})),
        field("what", "text", json!({"required": true})),
        field("done", "boolean", json!({"default": "false"})),
    ]});
    let lifecycle = json!({"id": "job", "entity": "job", "field": "state", "initial": "new", "transitions": [
        {"id": "begin", "label": words("Begin"), "from": ["new"], "to": "active",
         "set": {"since": "now()", "note": "'begun by ' + user.name"}},
        {"id": "finish", "label": words("Finish"), "from": ["active"], "to": "done", "roles": ["chief"],
         "guard": "record.amount > 0", "message": words("Nothing was earned.")},
        {"id": "lose", "label": words("Lose"), "from": ["new", "active"], "to": "lost", "requires": ["reason"]},
        {"id": "again", "label": words("Again"), "from": ["active"], "to": "active"},
        {"id": "recall", "label": words("Recall"), "from": ["active", "lost"], "to": "new", "roles": []}
    ]});
    let operations = ["read", "create", "update", "delete", "import"];
    let permissions = |rows: Option<&str>| {
        let mut job = json!({"entity": "job", "operations": operations});
        if let Some(rows) = rows {
            job["rows"] = json!({"where": rows});
        }
        json!([job, {"entity": "task", "operations": operations}])
    };
    let mut files = vec![
        (
            "app.json",
            json!({"id": "works", "version": version, "label": words("Works"), "settings": {
            "limit": {"type": "integer", "label": words("Limit"), "default": 5}}}),
        ),
        ("entities/job.json", job),
        ("entities/task.json", task),
        ("lifecycles/job.json", lifecycle),
        (
            "roles/worker.json",
            json!({"id": "worker", "label": words("Worker"),
            "permissions": permissions(Some("record.owner == user.id"))}),
        ),
        (
            "roles/chief.json",
            json!({"id": "chief", "label": words("Chief"), "permissions": permissions(None)}),
        ),
    ];
    files.extend(more);
    package(files)
}

/// A rule on jobs.
pub fn rule(id: &str, more: Json) -> Json {
    let mut rule = json!({"id": id, "label": words(id), "entity": "job"});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rule
}

/// Sets the note of a job.
pub fn note(text: &str) -> Json {
    json!({"type": "set", "values": {"note": text}})
}

/// Makes a task of a job.
pub fn task(text: &str) -> Json {
    json!({"type": "create", "entity": "task", "values": {"job": "record.id", "what": text}})
}
