//! The stage of a scenario: a tenant of its own with the apps installed, its people, and time that is moved by hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::source::Scenario;
use tempfile::TempDir;
use uuid::Uuid;

use super::Cast;
use crate::engine::{Database, Engine, EngineOptions};
use crate::env::{Env, Simulated};
use crate::error::Error;
use crate::people::{Actor, Channel, Directory, Origin, Person};
use crate::plugins::PluginOptions;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Seed of ids: every run of a scenario is the same run.
const SEED: u64 = 7;
/// Random letters in the name of a stage: so many that no two are alike by chance.
const NAME_LETTERS: usize = 14;

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
    /// An empty stage at the beginning of a scenario.
    pub(super) async fn set(
        app: &str,
        scenario: &Scenario,
        database: &Database,
        plugins: &PluginOptions,
    ) -> Result<Stage, Error> {
        let starts = DateTime::parse_from_rfc3339(&scenario.starts);
        let starts = starts.map_err(|_| wrong("scenario.moment", &scenario.starts))?.to_utc();
        let time = Arc::new(Simulated::new(starts, SEED));
        let folder = folder()?;
        // Where no plugin is named, none is taken from the shelf.
        let shelf = plugins.shelf.clone().filter(|_| !scenario.plugins.is_empty());
        let options = EngineOptions {
            database: database.clone(),
            env: time.clone(),
            plugins: PluginOptions { shelf, ..plugins.clone() },
            ..EngineOptions::sqlite(folder.path())
        };
        let engine = Engine::open(options).await?;
        // In a shared server the schema is told apart from those of other scenarios as the folder is.
        let slug =
            folder.path().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let slug = slug.to_ascii_lowercase();
        let tenant = engine.tenant(&slug).await?;
        let people: BTreeMap<String, Uuid> =
            scenario.people.keys().map(|login| (login.clone(), time.id())).collect();
        Ok(Stage {
            tenant,
            time,
            app: app.to_owned(),
            people,
            records: BTreeMap::new(),
            told: BTreeMap::new(),
            engine,
            slug,
            _folder: folder,
        })
    }

    /// Installs the apps with their settings and hires the people.
    pub(super) async fn install(&mut self, cast: &Cast, scenario: &Scenario) -> Result<(), Error> {
        let zone = scenario.time_zone.as_deref().unwrap_or("Asia/Shanghai");
        let zone = zone.parse().map_err(|_| wrong("scenario.time_zone", zone))?;
        let wanted = self.wanted(cast, scenario);
        let confirm: Vec<String> = wanted.iter().map(|id| format!("plugin/{id}")).collect();
        for package in &cast.packages {
            self.tenant.install(&Actor::system(zone), package.clone(), &confirm).await?;
        }
        // What else the apps can make use of came with them.
        for plugin in self.tenant.plugins(&Actor::system(zone)).await? {
            if !wanted.contains(&plugin.id.as_str()) {
                self.tenant.remove_plugin(&Actor::system(zone), &plugin.id, false).await?;
            }
        }
        let hired = scenario.people.iter().map(|(login, person)| Person {
            id: self.people[login],
            login: login.clone(),
            name: login.clone(),
            email: Some(format!("{login}@example.com")),
            active: true,
            administrator: false,
            department: None,
            supervisor: person.supervisor.as_ref().and_then(|login| self.people.get(login).copied()),
            roles: person.roles.iter().map(|role| full(&self.app, role)).collect(),
            language: None,
        });
        self.tenant.set_directory(Directory::new(hired.collect(), Vec::new(), zone, "zh-CN".to_owned()));
        for (app, settings) in &cast.settings {
            for (setting, value) in settings {
                self.tenant.set_setting(&self.system(), app, setting, value.clone()).await?;
            }
        }
        for (name, value) in &scenario.settings {
            let name = full(&self.app, name);
            let (app, setting) = name.split_once('.').unwrap_or((&self.app, &name));
            self.tenant.set_setting(&self.system(), app, setting, value.clone()).await?;
        }
        self.tenant.run_due().await
    }

    /// Ids of the plugins that the scenario names.
    fn wanted<'c>(&self, cast: &'c Cast, scenario: &Scenario) -> Vec<&'c str> {
        let own = cast.packages.iter().find(|package| package.app.id == self.app);
        let uses = own.map(|package| &package.app.plugins);
        let id = |name: &String| uses?.get(name).map(|one| one.id.as_str());
        scenario.plugins.iter().filter_map(id).collect()
    }

    /// Whether all plugins that the scenario names are in force.
    pub(super) fn has_plugins(&self, scenario: &Scenario) -> Result<(), Issue> {
        let model = self.tenant.model();
        let uses = model.apps.iter().find(|app| app.id == self.app).map_or(&[][..], |app| &app.plugins);
        let plugins = self.tenant.published().plugins.clone();
        for name in &scenario.plugins {
            let id = uses.iter().find(|one| one.alias == *name).map(|one| one.id.as_str());
            if id.is_none_or(|id| plugins.plugin(id).is_none()) {
                return Err(Issue::new("scenario.plugin").with("name", name).with("id", id.unwrap_or(name)));
            }
        }
        Ok(())
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    /// Who acts as the system itself.
    pub(super) fn system(&self) -> Actor {
        Actor::system(self.tenant.directory().tz)
    }

    /// Who acts: a person by login, or the system.
    pub(super) fn actor(&self, login: Option<&str>) -> Result<Actor, Issue> {
        let Some(login) = login else { return Ok(self.system()) };
        let login = login.trim_start_matches('@');
        let id = self.people.get(login);
        let user = id.and_then(|id| self.tenant.directory().context(*id));
        let user = user.ok_or_else(|| Issue::new("scenario.person").with("name", login))?;
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
}

fn wrong(code: &'static str, value: &str) -> Error {
    Error::BadRequest(Issue::new(code).with("value", value))
}

/// A name with its app.
fn full(app: &str, name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{app}.{name}") }
}

/// A folder in memory where the system has one.
fn folder() -> Result<TempDir, Error> {
    let memory = Path::new("/dev/shm");
    let make = |place: &Path| {
        tempfile::Builder::new().prefix("scenario-").rand_bytes(NAME_LETTERS).tempdir_in(place)
    };
    let made = make(memory).or_else(|_| make(&std::env::temp_dir()));
    made.map_err(|error| Error::Store(mortise_store::Error::from(error)))
}
