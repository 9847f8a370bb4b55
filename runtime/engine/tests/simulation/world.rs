//! A tenant with its people in a world that fails: commands are sent as clients send them, the machine is switched on
//! again after each failure, and what was answered, or not, is compared at once with what is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use fastrand::Rng;
use mortise_engine::plugins::PluginOptions;
use mortise_engine::{
    Actor, Channel, Command, Crossing, Database, Directory, Engine, EngineOptions, Env, Error,
    FILE_BYTES_MAX, Origin, Outcome, Person, RunOptions, Tenant, TrailFilter,
};
use mortise_plugin_host::limits::Settings;
use parking_lot::Mutex;
use sea_orm::DatabaseConnection;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::app;
use crate::fate::Fate;
use crate::promises::Promises;

/// One run in so many has a plugin that watches over jobs: what it costs others would miss.
const WATCHED_IN: u64 = 4;
/// The plugin: `guests/watch`.
const WATCH: &[u8] = include_bytes!("../guests/watch.plugin");
pub(crate) const WATCH_ID: &str = "test.watch";
/// More turns than any day has; a lane that is never done would turn for ever.
const TURNS_MAX: usize = 20_000;

/// What happened, a line for each step.
pub(crate) type Trace = Arc<Mutex<Vec<String>>>;

/// Everything that one seed makes.
pub(crate) struct World {
    pub(crate) dice: Rng,
    pub(crate) fate: Arc<Fate>,
    pub(crate) trace: Trace,
    pub(crate) promises: Promises,
    pub(crate) people: Vec<Person>,
    pub(crate) zone: Tz,
    /// Which edition of the app is in force.
    pub(crate) edition: u32,
    /// What one person can get in a day, and have open.
    pub(crate) limits: (i64, i64),
    pub(crate) step: usize,
    /// A plugin watches over jobs.
    pub(crate) watched: bool,
    kind: Database,
    folder: TempDir,
    pub(crate) slug: String,
    /// Reads past the engine.
    auditor: OnceCell<DatabaseConnection>,
    /// The process, while there is one.
    process: Option<(Engine, Arc<Tenant>)>,
}

/// A tenant with the app and the plugin installed, as files to begin with, where it can be copied.
pub(crate) struct Template {
    folder: TempDir,
}

const TEMPLATE: &str = "template";

impl Template {
    /// Installs the app and the plugin once, for all runs on SQLite; the plugin is compiled once for all runs.
    pub(crate) async fn make() -> Template {
        let folder = scratch();
        let mut world =
            World::bare(Fate::new(beginning(), 0), 0, Database::Sqlite, folder, TEMPLATE, Trace::default());
        world.open().await;
        world.install_first().await;
        let (engine, _) = world.process.take().expect("it was opened");
        engine.shutdown().await;
        Template { folder: world.folder }
    }

    /// Copies the tenant.
    fn copy(&self, to: &Path) {
        copy(&self.folder.path().join("tenants").join(TEMPLATE), to);
    }

    /// Copies the package and the machine code of the plugin.
    fn copy_plugins(&self, to: &Path) {
        for folder in ["packages", "code"] {
            copy(&self.folder.path().join("plugins").join(folder), &to.join("plugins").join(folder));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        // Whoever opens the database makes the index of its log anew.
        let name = file.file_name();
        if file.file_type().unwrap().is_file() && !name.to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), to.join(name)).unwrap();
        }
    }
}

/// Plugins that are called one after the other, have time on a busy machine, and write no log while nobody looks, so that a run
/// is the same every time.
fn plugins() -> PluginOptions {
    let mut options =
        PluginOptions { log_pause: Duration::from_hours(24), parallel: 1, ..PluginOptions::default() };
    (options.settings.save.wall_ms, options.settings.save.cpu_ms) = (20_000, 1_000);
    (options.settings.background.wall_ms, options.settings.transaction.wall_ms) = (20_000, 60_000);
    options
}

/// A Monday in March, before the clocks change anywhere.
pub(crate) fn beginning() -> DateTime<Utc> {
    "2026-03-02T01:00:00Z".parse().expect("a literal moment")
}

/// A folder that goes away by itself, in memory where the system has such.
fn scratch() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

impl World {
    /// A fresh tenant, some time after the beginning.
    pub(crate) async fn new(seed: u64, kind: Database, template: &Template, trace: Trace) -> World {
        let fate = Fate::new(beginning(), seed);
        let slug = match kind {
            Database::Sqlite => format!("s{seed}"),
            // The server is shared with other tests, and with runs that ended in the middle.
            Database::Postgres { .. } => format!("s{}", &Uuid::new_v4().simple().to_string()[..16]),
        };
        let mut world = World::bare(fate, seed, kind, scratch(), &slug, trace);
        let days = world.dice.i64(0..360);
        template.copy_plugins(world.folder.path());
        let copied = matches!(world.kind, Database::Sqlite);
        if copied {
            template.copy(&world.folder.path().join("tenants").join(&slug));
        }
        world.open().await;
        match copied {
            true if world.watched => {}
            true => world.tenant().remove_plugin(&world.root(), WATCH_ID, false).await.unwrap(),
            false => world.install_first().await,
        }
        world.connect().await;
        world.fate.advance(TimeDelta::days(days));
        world
    }

    fn bare(fate: Fate, seed: u64, kind: Database, folder: TempDir, slug: &str, trace: Trace) -> World {
        let mut dice = Rng::with_seed(seed);
        let zones = [Tz::Asia__Shanghai, Tz::Europe__Berlin, Tz::America__New_York];
        let zone = zones[dice.usize(..zones.len())];
        let (fate, slug) = (Arc::new(fate), slug.to_owned());
        let promises = Promises::default();
        let people = people();
        let limits = (app::PER_DAY, app::OPEN);
        World {
            dice,
            fate,
            trace,
            promises,
            people,
            zone,
            edition: 0,
            limits,
            step: 0,
            watched: seed.is_multiple_of(WATCHED_IN),
            kind,
            folder,
            slug,
            auditor: OnceCell::new(),
            process: None,
        }
    }

    async fn install_first(&mut self) {
        let package = Arc::new(app::yard(0));
        self.tenant().install(&self.root(), package, &[]).await.unwrap();
        if self.watched {
            let asked =
                mortise_plugin_host::Package::read(WATCH, &Settings::default()).unwrap().manifest.permissions;
            self.tenant().install_plugin(&self.root(), WATCH.to_vec(), Some(asked)).await.unwrap();
        }
    }

    /// Says where messages go. Secrets are sealed by a key of the folder.
    async fn connect(&mut self) {
        let root = self.root();
        let robot = serde_json::json!({"url": "http://robot.example"});
        let out = serde_json::json!({"url": "http://out.example", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
        let mail = serde_json::json!({"url": "mail.example:465", "mail": {"from": "yard@example.com"}});
        for (channel, input) in [("yard.robot", robot), ("yard.out", out), ("email", mail)] {
            let input = serde_json::from_value(input).unwrap();
            self.tenant().set_endpoint(&root, channel, input).await.unwrap();
        }
    }

    async fn open(&mut self) {
        let options = EngineOptions {
            data_dir: self.folder.path().to_owned(),
            database: self.kind.clone(),
            env: self.fate.clone(),
            file_bytes_max: FILE_BYTES_MAX,
            plugins: plugins(),
        };
        let engine = Engine::open(options).await.unwrap();
        let tenant = engine.tenant(&self.slug).await.unwrap();
        tenant.hire(self.fate.clone());
        self.process = Some((engine, tenant));
        self.announce();
    }

    pub(crate) fn tenant(&self) -> &Arc<Tenant> {
        &self.process.as_ref().expect("the machine runs").1
    }

    /// A connection that knows nothing of the engine.
    pub(crate) async fn database(&self) -> &DatabaseConnection {
        let address = match &self.kind {
            Database::Sqlite => {
                let path = self.folder.path().join("tenants").join(&self.slug).join("tenant.db");
                format!("sqlite://{}?mode=rw", path.display())
            }
            Database::Postgres { url } => url.clone(),
        };
        let connect = async || sea_orm::Database::connect(address).await.unwrap();
        self.auditor.get_or_init(connect).await
    }

    /// What stands before the name of a table.
    pub(crate) fn schema(&self) -> String {
        match &self.kind {
            Database::Sqlite => String::new(),
            Database::Postgres { .. } => format!("\"t_{}\".", self.slug),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.fate.now()
    }

    /// Tells the tenant who is there.
    pub(crate) fn announce(&self) {
        let directory = Directory::new(self.people.clone(), Vec::new(), self.zone, "en".to_owned());
        self.tenant().set_directory(directory);
    }

    pub(crate) fn actor(&self, login: &str) -> Actor {
        let person = self.people.iter().find(|person| person.login == login).expect("somebody of the yard");
        let user = self.tenant().directory().context(person.id).expect("somebody who is there");
        Actor { user, origin: Origin { channel: Channel::Api, ip: None, device: None } }
    }

    pub(crate) fn root(&self) -> Actor {
        self.actor("root")
    }

    pub(crate) fn tell(&self, what: &str) {
        let line = format!("{:>3} {} {what}", self.step, self.now().format("%Y-%m-%d %H:%M:%S"));
        self.trace.lock().push(line);
    }

    /// Position of the last entry of the trail, and its hash.
    pub(crate) async fn head(&self) -> (i64, String) {
        let found = self.tenant().trail(&self.root(), &TrailFilter::default(), None, 1).await.unwrap();
        let hash = |hash: &[u8]| hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>();
        found.entries.first().map_or((0, String::new()), |last| (last.seq, hash(&last.hash)))
    }

    /// The machine fails, wherever it is, and is switched on again: nothing of the process is left, only what it wrote.
    pub(crate) async fn fail(&mut self) {
        let (engine, tenant) = self.process.take().expect("the machine runs");
        let at = self.fate.failed().map_or("at rest".to_owned(), |crossing| format!("{crossing:?}"));
        drop(engine);
        // What runs in the background notices at its next write; a real machine is quicker.
        while Arc::strong_count(&tenant) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(tenant);
        self.fate.revive();
        self.open().await;
        let (imports, tenant) = (self.tenant().imports().clone(), self.tenant().clone());
        imports.resume(&tenant).unwrap();
        self.tell(&format!("! the machine failed ({at})"));
    }

    /// Sends a command as somebody. A client whose connection broke asks again, or not.
    pub(crate) async fn send(&mut self, login: &str, command: Command) -> Option<Outcome> {
        let key = format!("step-{}", self.step);
        let before = self.head().await;
        let first = self.try_send(login, &command, &key).await;
        let Some(crossing) = self.fate.failed() else {
            return self.answered(login, &command, first, &before).await;
        };
        self.fail().await;
        let after = self.head().await;
        let error = first.expect_err("a machine that failed does not answer");
        if error.code() != "server.closing" {
            assert_eq!(after, before, "refused ({error}), and still something was written");
            return None;
        }
        if crossing == Crossing::BeforeCommit {
            assert_eq!(after, before, "nothing was committed, and still something is there");
        } else {
            self.promises.may_be_there(&command);
        }
        if self.dice.bool() {
            self.tell("nobody asks again");
            return None;
        }
        let again = self.try_send(login, &command, &key).await;
        if crossing == Crossing::AfterCommit {
            assert!(again.is_ok(), "it was done, and asked again it is refused: {again:?}");
            assert_eq!(self.head().await, after, "asked again, something more was written");
            self.tell("asked again, the same answer comes");
        }
        self.answered(login, &command, again, &after).await
    }

    async fn try_send(&self, login: &str, command: &Command, key: &str) -> Result<Outcome, Error> {
        let options = RunOptions { idempotency_key: Some(key.to_owned()) };
        self.tenant().run(&self.actor(login), command.clone(), options).await
    }

    async fn answered(
        &mut self,
        login: &str,
        command: &Command,
        answer: Result<Outcome, Error>,
        before: &(i64, String),
    ) -> Option<Outcome> {
        match answer {
            Ok(outcome) => {
                self.promises.keep(self.step, command, &outcome);
                self.tell(&format!("{login}: {}", told(command)));
                Some(outcome)
            }
            Err(error) => {
                assert_eq!(self.head().await, *before, "refused ({error}), and still something was written");
                self.tell(&format!("{login}: {} → {}", told(command), error.code()));
                None
            }
        }
    }

    /// Works off everything that is due, the deliveries as well, however often the machine fails.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            let tenant = self.tenant().clone();
            let result = async {
                tenant.run_due().await?;
                tenant.call_due().await?;
                tenant.deliver_due(&*self.fate).await
            };
            let result = result.await;
            drop(tenant);
            match result {
                Ok(()) => {
                    assert_eq!(self.fate.failed(), None, "a machine that failed went on");
                    return;
                }
                Err(error) => {
                    assert_eq!(error.code(), "server.closing", "the lane stumbled: {error}");
                    self.fail().await;
                }
            }
        }
        panic!("the lane is never done");
    }

    /// Lets time pass, and works off everything that falls due, each at its time.
    pub(crate) async fn pass(&mut self, length: TimeDelta) {
        let end = self.now() + length;
        for _ in 0..TURNS_MAX {
            let due = self.tenant().lane_due().await.unwrap().filter(|due| *due <= end);
            let Some(due) = due else {
                self.fate.advance(end - self.now());
                return self.settle().await;
            };
            self.fate.advance((due - self.now()).max(TimeDelta::zero()));
            self.settle().await;
        }
        panic!("time does not pass");
    }

    /// Waits for an import, which may be interrupted, and tells how it ended.
    pub(crate) async fn await_import(&mut self, login: &str, id: Uuid) -> mortise_engine::exchange::Job {
        loop {
            if self.fate.failed().is_some() {
                self.fail().await;
            }
            let job = self.tenant().imports().job(&self.actor(login), id).unwrap();
            if job.state != mortise_engine::exchange::State::Running {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Takes the tenant off a shared server.
    pub(crate) async fn end(mut self) {
        if let Some(auditor) = self.auditor.take() {
            auditor.close().await.unwrap();
        }
        let (engine, tenant) = self.process.take().expect("the machine runs");
        drop(tenant);
        engine.drop_tenant_storage(&self.slug).await.unwrap();
    }
}

/// A command in short.
fn told(command: &Command) -> String {
    let json = serde_json::to_value(command).unwrap();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let id = text("id");
    let what = match command {
        Command::Batch { commands, .. } => format!("{} parts", commands.len()),
        Command::Transition { transition, .. } => transition.clone(),
        _ => json["values"].to_string(),
    };
    format!("{} {} {} {what}", text("command"), text("entity"), &id[id.len().saturating_sub(6)..])
}

/// Everybody of the yard. Bob has no address for mail.
fn people() -> Vec<Person> {
    let everybody = [
        ("root", ""),
        ("ann", "yard.worker"),
        ("bob", "yard.worker"),
        ("eve", "yard.chief"),
        ("tom", "yard.agent"),
        ("una", "yard.agent"),
        ("kim", "yard.agent"),
    ];
    let person = |(number, (login, role)): (usize, (&str, &str))| Person {
        id: Uuid::from_u128(0x1000_0000_0000_4000_8000_0000_0000_0000 + number as u128),
        login: login.to_owned(),
        name: login.to_uppercase(),
        email: (login != "bob").then(|| format!("{login}@example.com")),
        active: true,
        administrator: login == "root",
        department: None,
        supervisor: None,
        roles: [role].into_iter().filter(|role| !role.is_empty()).map(str::to_owned).collect(),
        language: None,
    };
    everybody.into_iter().enumerate().map(person).collect()
}
