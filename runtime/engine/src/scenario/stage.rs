//! The stage of a scenario: a tenant of its own with the apps installed, its people, and time that is moved by hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::Package;
use mortise_definition::source::Scenario;
use tempfile::TempDir;
use uuid::Uuid;

use super::Line;
use crate::engine::{Database, Engine, EngineOptions};
use crate::env::{Env, Simulated};
use crate::error::Error;
use crate::people::{Actor, Channel, Directory, Origin, Person};
use crate::tenant::Tenant;
use crate::values::Issue;

/// Seed of ids: every run of a scenario is the same run.
const SEED: u64 = 7;
/// Records whose timeline is told with a failure.
const TOLD_MAX: usize = 5;

/// A scenario under way.
pub(super) struct Stage {
    pub(super) tenant: Arc<Tenant>,
    pub(super) time: Arc<Simulated>,
    pub(super) app: String,
    pub(super) people: BTreeMap<String, Uuid>,
    /// Records by name, with their entity.
    pub(super) records: BTreeMap<String, (String, Uuid)>,
    /// By notification: what was told until then was looked at.
    pub(super) told: BTreeMap<String, Uuid>,
    engine: Engine,
    slug: String,
    _folder: TempDir,
}

impl Stage {
    /// Installs the apps and hires the people.
    pub(super) async fn set(
        packages: &[Arc<Package>],
        app: &str,
        scenario: &Scenario,
        database: &Database,
    ) -> Result<Stage, Error> {
        let wrong =
            |code: &'static str, value: &str| Error::BadRequest(Issue::new(code).with("value", value));
        let starts = DateTime::parse_from_rfc3339(&scenario.starts);
        let starts = starts.map_err(|_| wrong("scenario.starts", &scenario.starts))?.to_utc();
        let zone = scenario.time_zone.as_deref().unwrap_or("Asia/Shanghai");
        let zone = zone.parse().map_err(|_| wrong("scenario.time_zone", zone))?;
        let time = Arc::new(Simulated::new(starts, SEED));
        let folder = folder()?;
        let options = EngineOptions {
            database: database.clone(),
            env: time.clone(),
            ..EngineOptions::sqlite(folder.path())
        };
        let engine = Engine::open(options).await?;
        // A schema in a shared server is told apart from those of other scenarios.
        let slug = format!("scenario-{}", &Uuid::now_v7().simple().to_string()[16..]);
        let tenant = engine.tenant(&slug).await?;
        for package in packages {
            tenant.install(&Actor::system(zone), package.clone(), &[]).await?;
        }
        let people: BTreeMap<String, Uuid> =
            scenario.people.keys().map(|login| (login.clone(), time.id())).collect();
        let hired = scenario.people.iter().map(|(login, person)| Person {
            id: people[login],
            login: login.clone(),
            name: login.clone(),
            email: Some(format!("{login}@example.com")),
            active: true,
            administrator: false,
            department: None,
            supervisor: person.supervisor.as_ref().and_then(|login| people.get(login).copied()),
            roles: person.roles.iter().map(|role| full(app, role)).collect(),
            language: None,
        });
        tenant.set_directory(Directory::new(hired.collect(), Vec::new(), zone, "zh-CN".to_owned()));
        let mut stage = Stage {
            tenant,
            time,
            app: app.to_owned(),
            people,
            records: BTreeMap::new(),
            told: BTreeMap::new(),
            engine,
            slug,
            _folder: folder,
        };
        stage.tune(scenario).await?;
        Ok(stage)
    }

    async fn tune(&mut self, scenario: &Scenario) -> Result<(), Error> {
        for (name, value) in &scenario.settings {
            let name = full(&self.app, name);
            let (app, setting) = name.split_once('.').unwrap_or((&self.app, &name));
            self.tenant.set_setting(&self.system(), app, setting, value.clone()).await?;
        }
        self.tenant.run_due().await
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    /// Who acts as the system itself.
    pub(super) fn system(&self) -> Actor {
        Actor::system(self.tenant.directory().tz)
    }

    /// Who acts: a person by login, or the system.
    pub(super) fn actor(&self, login: Option<&str>) -> Result<Actor, String> {
        let Some(login) = login else { return Ok(self.system()) };
        let login = login.trim_start_matches('@');
        let id = self.people.get(login).ok_or_else(|| format!("there is nobody with the login {login:?}"))?;
        let user = self.tenant.directory().context(*id);
        let user = user.ok_or_else(|| format!("{login:?} is not active"))?;
        Ok(Actor { user, origin: Origin { channel: Channel::Api, ip: None, device: None } })
    }

    /// `app.name` of a name of this app.
    pub(super) fn key(&self, name: &str) -> String {
        full(&self.app, name)
    }

    /// Takes everything away.
    pub(super) async fn strike(self) -> Result<(), Error> {
        self.tenant.close().await;
        self.engine.drop_tenant_storage(&self.slug).await
    }

    /// What happened to the first named records.
    pub(super) async fn timeline(&self) -> Vec<Line> {
        let zone = self.tenant.directory().tz;
        let mut lines = Vec::new();
        for (name, (entity, id)) in self.records.iter().take(TOLD_MAX) {
            let entries = self.tenant.timeline(&self.system(), entity, *id, None, 100).await;
            for entry in entries.unwrap_or_default() {
                let by = entry.rule.or(entry.actor_name).unwrap_or_else(|| entry.channel.clone());
                let changes: Vec<String> = entry
                    .changes
                    .iter()
                    .map(|change| {
                        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
                        format!("{}: {} → {}", change.field, word(&change.old), word(&change.new))
                    })
                    .collect();
                let details = if entry.details.is_null() { String::new() } else { entry.details.to_string() };
                let what = format!("{} {}{details}", entry.action, changes.join(", "));
                let at = entry.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
                lines.push((entry.seq, Line { at, record: format!("${name}"), by, what }));
            }
        }
        lines.sort_by_key(|(seq, _)| *seq);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// A name with its app.
fn full(app: &str, name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{app}.{name}") }
}

/// A folder in memory where the system has one.
fn folder() -> Result<TempDir, Error> {
    let memory = Path::new("/dev/shm");
    let builder = || tempfile::Builder::new().prefix("mortise-scenario").to_owned();
    let made = builder().tempdir_in(memory).or_else(|_| builder().tempdir());
    made.map_err(|error| Error::Store(mortise_store::Error::from(error)))
}
