//! A tenant: its data, its apps, its people. Everything that pages, API, imports and the command line do with a
//! tenant's data goes through here, with the person who does it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::Stream;
use mortise_definition::model::{FieldKind, FieldModel, Model};
use mortise_definition::source::Operation;
use mortise_definition::{Overlay, Package, recompile};
use mortise_expr::Value;
use mortise_store::{Files, StoredEntry, TenantStore, Verified};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::apps::{self, AppVersion, Plan, Report, Sources, Target};
use crate::commands::{self, Command, Outcome, RunOptions, Work, Written, similar};
use crate::env::Env;
use crate::error::{Error, Suspect};
use crate::exchange::Imports;
use crate::files::{self, FileInfo};
use crate::form_state::{self, FormState};
use crate::idempotency;
use crate::lists::{self, Page, Totals};
use crate::people::{Actor, Directory};
use crate::published::Published;
use crate::query::Query;
use crate::records::{self, Record};
use crate::timeline::{self, TimelineEntry};
use crate::values::Issue;

/// Tries of a command whose definitions change while it is prepared.
const TRIES_MAX: u32 = 50;

/// A tenant.
pub struct Tenant {
    /// Its name in addresses and folders.
    pub slug: String,
    /// Its folder: files, imports.
    pub folder: PathBuf,
    pub(crate) store: TenantStore,
    files: Files,
    env: Arc<dyn Env>,
    published: ArcSwap<Published>,
    directory: ArcSwap<Directory>,
    totals: Totals,
    imports: Arc<Imports>,
    sources: tokio::sync::Mutex<Sources>,
}

impl Tenant {
    /// Opens a tenant over its store: reads the definitions in force and compiles them.
    pub(crate) async fn open(
        slug: &str,
        folder: PathBuf,
        store: TenantStore,
        files: Files,
        env: Arc<dyn Env>,
    ) -> Result<Tenant, Error> {
        let sources = apps::load(&store).await?;
        let compiled = recompile(&sources.packages, &sources.overlays, &sources.settings).map_err(Error::Definition)?;
        store.set_model(&compiled.model.digest);
        let published = Published::new(Arc::new(compiled.model), store.naming());
        Ok(Tenant {
            slug: slug.to_owned(),
            imports: Arc::new(Imports::new(folder.join("imports"))),
            folder,
            published: ArcSwap::from_pointee(published),
            directory: ArcSwap::from_pointee(Directory::default()),
            totals: Totals::default(),
            sources: tokio::sync::Mutex::new(sources),
            store,
            files,
            env,
        })
    }

    /// The definitions in force.
    pub fn model(&self) -> Arc<Model> {
        self.published.load().model.clone()
    }

    /// The people.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// The imports: one set per tenant, so that no import ever runs twice at the same time.
    pub fn imports(&self) -> &Arc<Imports> {
        &self.imports
    }

    /// Says who the people are now.
    pub fn set_directory(&self, directory: Directory) {
        self.directory.store(Arc::new(directory));
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    pub(crate) fn publish(&self, published: Arc<Published>) {
        self.published.store(published);
    }

    pub(crate) fn work(&self, actor: &Actor) -> Work {
        self.work_with(self.published(), actor)
    }

    pub(crate) fn work_with(&self, published: Arc<Published>, actor: &Actor) -> Work {
        Work {
            access: published.access(&actor.user),
            directory: self.directory(),
            actor: actor.clone(),
            env: self.env.clone(),
            now: self.env.now(),
            published,
        }
    }

    /// Runs a command: the only way to change a tenant's data.
    pub async fn run(&self, actor: &Actor, command: Command, options: RunOptions) -> Result<Outcome, Error> {
        let mut tries = 0;
        loop {
            match self.try_run(actor, &command, &options).await {
                // An installation has committed and is about to be published here.
                Err(Error::ModelChanged) if tries < TRIES_MAX => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                result => return result,
            }
        }
    }

    async fn try_run(&self, actor: &Actor, command: &Command, options: &RunOptions) -> Result<Outcome, Error> {
        let work = self.work(actor);
        let key = options.idempotency_key.as_deref().map(|key| idempotency::Key::new(actor, key, command));
        if let Some(key) = &key
            && let Some(outcome) = idempotency::find(&self.store, key).await?
        {
            return outcome;
        }
        let step = commands::prepare(&work, &self.store, command).await?;
        self.store
            .write(move |session| {
                if session.model != work.published.model.digest {
                    return Err(Error::ModelChanged);
                }
                let outcome = step.apply(&work, session)?;
                if let Some(key) = &key {
                    idempotency::put(session, key, &outcome, work.now)?;
                }
                Ok(outcome)
            })
            .await
    }

    /// Reads a record with titles and child rows.
    pub async fn read(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<Record, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?.clone();
        records::read(&work, &self.store, &entity, id).await
    }

    /// Reads a record as JSON, with its version.
    pub async fn read_json(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<(Vec<u8>, i64), Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?.clone();
        let record = records::read(&work, &self.store, &entity, id).await?;
        let mut json = Vec::with_capacity(1024);
        let slots = &work.published.layout.tables[entity.index].stored;
        records::write_record(&work, &entity, &record, slots, &mut json);
        Ok((json, record.version()))
    }

    /// What was written, as JSON; a repeated answer reads the record as it is now.
    pub async fn written_json(&self, actor: &Actor, written: Written) -> Result<Vec<u8>, Error> {
        if written.values.is_empty() {
            return Ok(self.read_json(actor, &written.entity, written.id).await?.0);
        }
        let work = self.work(actor);
        let entity = work.entity(&written.entity)?.clone();
        // Child rows and rollups were written after the values were taken.
        let follows = |field: &FieldModel| matches!(field.kind, FieldKind::Lines { .. } | FieldKind::Rollup { .. });
        if entity.declared().iter().any(follows) {
            return Ok(self.read_json(actor, &written.entity, written.id).await?.0);
        }
        let mut rows = [Record::new(written.values)];
        lists::resolve_with(&work, &self.store, &entity, &[], &mut rows).await?;
        let mut json = Vec::with_capacity(1024);
        let slots = &work.published.layout.tables[entity.index].stored;
        records::write_record(&work, &entity, &rows[0], slots, &mut json);
        Ok(json)
    }

    /// Reads the parameters of a list request.
    pub fn query<'a>(
        &self,
        actor: &Actor,
        entity: &str,
        params: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Query, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?.clone();
        work.access(&entity).demand(Operation::Read, &entity)?;
        Query::parse(&work, &entity, params)
    }

    /// Reads a page of a list.
    pub async fn list(&self, actor: &Actor, query: &Query) -> Result<Page, Error> {
        lists::page(&self.work(actor), &self.store, &self.totals, query).await
    }

    /// Reads a page of a list as JSON: `{"rows": […], "next": …, "total": …, "total_exact": …}`.
    pub async fn list_json(&self, actor: &Actor, query: &Query) -> Result<Vec<u8>, Error> {
        let work = self.work(actor);
        let page = lists::page(&work, &self.store, &self.totals, query).await?;
        let entity = work.entity(&query.entity)?.clone();
        let slots = lists::shown(&work, &entity, query);
        let mut json = Vec::with_capacity(page.rows.len() * 400 + 64);
        json.extend_from_slice(b"{\"rows\":[");
        for (index, record) in page.rows.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            records::write_record(&work, &entity, record, &slots, &mut json);
        }
        json.extend_from_slice(b"],\"next\":");
        match &page.next {
            Some(cursor) => json.extend_from_slice(format!("\"{cursor}\"").as_bytes()),
            None => json.extend_from_slice(b"null"),
        }
        if let Some(total) = page.total {
            json.extend_from_slice(format!(",\"total\":{},\"total_exact\":{}", total.count, total.exact).as_bytes());
        }
        json.push(b'}');
        Ok(json)
    }

    /// Hands over all records of a list, a batch at a time.
    pub async fn export(
        &self,
        actor: &Actor,
        query: Query,
        each: impl FnMut(&[Record]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        lists::export(&self.work(actor), &self.store, query, each).await
    }

    /// Whether a person may do something with records of an entity at all.
    pub fn may(&self, actor: &Actor, entity: &str, operation: Operation) -> bool {
        let work = self.work(actor);
        work.entity(entity).is_ok_and(|entity| work.access(entity).may(operation))
    }

    /// Whether a person may do something with this record.
    pub fn may_with(&self, actor: &Actor, entity: &str, operation: Operation, record: &Record) -> bool {
        let work = self.work(actor);
        work.entity(entity).is_ok_and(|entity| work.covers(entity, operation, &record.values))
    }

    /// Whether a person sees a field, and may give it.
    pub fn field_access(&self, actor: &Actor, entity: &str, slot: usize) -> (bool, bool) {
        let work = self.work(actor);
        work.entity(entity).map_or((false, false), |entity| {
            let access = work.access(entity);
            (access.sees(slot), access.gives(slot))
        })
    }

    /// The history of a record, newest first, before entry `before`.
    pub async fn timeline(
        &self,
        actor: &Actor,
        entity: &str,
        id: Uuid,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<TimelineEntry>, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?.clone();
        records::read(&work, &self.store, &entity, id).await?;
        timeline::read(&work, &self.store, &entity, id, before, limit).await
    }

    /// The tenant's audit trail, newest first, before entry `before`; for administrators.
    pub async fn trail(&self, actor: &Actor, before: Option<i64>, limit: i64) -> Result<Vec<StoredEntry>, Error> {
        if !actor.user.admin {
            return Err(Error::Forbidden(Issue::new("permission.administrator")));
        }
        Ok(self.store.trail(before.unwrap_or(i64::MAX), limit.clamp(1, timeline::LIMIT_MAX)).await?)
    }

    /// Existing records that look like these values (the duplicate check while typing). Values that do not parse yet
    /// are passed over; `own` is the record being edited.
    pub async fn suspects(
        &self,
        actor: &Actor,
        entity: &str,
        values: &Map<String, Json>,
        own: Option<Uuid>,
    ) -> Result<Vec<Suspect>, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?.clone();
        if !work.access(&entity).may(Operation::Create) && !work.access(&entity).may(Operation::Update) {
            work.access(&entity).demand(Operation::Create, &entity)?;
        }
        let mut typed = vec![Value::Null; entity.fields.len()];
        typed[mortise_definition::model::system::ID] = own.map_or(Value::Null, Value::Id);
        for (name, json) in values {
            if let Some(field) = entity.field(name)
                && let Ok(value) = crate::values::from_json(field, json, &work.values())
            {
                typed[field.slot] = value;
            }
        }
        let keys = similar::keys(&entity, &typed);
        let Some((sql, params)) = similar::candidates(self.store.naming(), &entity, &keys) else { return Ok(Vec::new()) };
        let ids: Vec<Uuid> = self.store.fetch(&sql, &params, |row| row.id(0)).await?.into_iter().flatten().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (sql, params) = similar::records(&work, &entity, &ids);
        let table = &work.published.layout.tables[entity.index];
        let candidates = self.store.fetch(&sql, &params, |row| table.record(row)).await?;
        Ok(similar::judge(&work, &entity, &typed, candidates))
    }

    /// The state of a form while it is filled in, over a record (by id) or a new one.
    pub async fn form_state(
        &self,
        actor: &Actor,
        entity: &str,
        id: Option<Uuid>,
        values: &Map<String, Json>,
    ) -> Result<FormState, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?.clone();
        let base = match id {
            Some(id) => records::read(&work, &self.store, &entity, id).await?.values,
            None => {
                work.access(&entity).demand(Operation::Create, &entity)?;
                vec![Value::Null; entity.fields.len()]
            }
        };
        Ok(form_state::state(&work, &entity, base, values))
    }

    /// Values of a new record before anything is typed.
    pub fn defaults(&self, actor: &Actor, entity: &str) -> Result<Record, Error> {
        let work = self.work(actor);
        let entity = work.entity(entity)?;
        work.access(entity).demand(Operation::Create, entity)?;
        Ok(Record::new(form_state::defaults(&work, entity)))
    }

    /// Stores an uploaded file, to be named by a record afterwards.
    pub async fn put_file<S>(&self, actor: &Actor, name: &str, kind: &str, bytes: S) -> Result<FileInfo, Error>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Unpin,
    {
        files::put(&self.work(actor), &self.store, &self.files, name, kind, bytes).await
    }

    /// A file and its contents.
    pub async fn get_file(&self, actor: &Actor, id: Uuid) -> Result<(FileInfo, Bytes), Error> {
        files::get(&self.work(actor), &self.store, &self.files, id).await
    }

    /// What is known of files, as far as the person may see them.
    pub async fn file_infos(&self, actor: &Actor, ids: &[Uuid]) -> Result<Vec<FileInfo>, Error> {
        files::find(&self.work(actor), &self.store, ids).await
    }

    /// What installing a package would change.
    pub async fn plan(&self, package: Arc<Package>) -> Result<Plan, Error> {
        let sources = self.sources.lock().await;
        Ok(apps::plan(self, &sources, &Target::Package(package)).await?.plan)
    }

    /// Installs or upgrades an app. Destructive steps have to be confirmed by their keys.
    pub async fn install(&self, actor: &Actor, package: Arc<Package>, confirm: &[String]) -> Result<Report, Error> {
        self.change_apps(actor, &Target::Package(package), confirm).await
    }

    /// Puts an earlier version of an app into force again; the one before the present one unless numbered.
    pub async fn rollback(&self, actor: &Actor, app: &str, number: Option<i64>, confirm: &[String]) -> Result<Report, Error> {
        let number = match number {
            Some(number) => number,
            None => {
                let versions = self.app_versions(app).await?;
                let current = versions.iter().find(|version| version.current).map_or(i64::MAX, |version| version.number);
                let previous = versions.iter().find(|version| version.number < current);
                previous.map(|version| version.number).ok_or_else(|| Error::NotFound(Issue::new("app.no_earlier_version").with("app", app)))?
            }
        };
        self.change_apps(actor, &Target::Version { app: app.to_owned(), number }, confirm).await
    }

    /// Removes an app. Its data is kept and found again when it is installed once more.
    pub async fn uninstall(&self, actor: &Actor, app: &str, confirm: &[String]) -> Result<Report, Error> {
        self.change_apps(actor, &Target::Removed { app: app.to_owned() }, confirm).await
    }

    async fn change_apps(&self, actor: &Actor, target: &Target, confirm: &[String]) -> Result<Report, Error> {
        if !actor.user.admin {
            return Err(Error::Forbidden(Issue::new("permission.administrator")));
        }
        let mut sources = self.sources.lock().await;
        let prepared = apps::plan(self, &sources, target).await?;
        apps::install(self, &mut sources, actor, prepared, confirm).await
    }

    /// All versions of an app, newest first.
    pub async fn app_versions(&self, app: &str) -> Result<Vec<AppVersion>, Error> {
        apps::versions(&self.store, app).await
    }

    /// The app as it is in force, with the administrator's changes; for export.
    pub async fn package(&self, app: &str) -> Result<Package, Error> {
        let sources = self.sources.lock().await;
        let missing = || Error::NotFound(Issue::new("app.not_installed").with("app", app));
        let package = sources.packages.iter().find(|package| package.app.id == app).ok_or_else(missing)?;
        let overlay: Option<&Overlay> = sources.overlays.iter().find(|overlay| overlay.app == app);
        match overlay {
            Some(overlay) => overlay.apply(package).map_err(Error::Definition),
            None => Ok(Package::clone(package)),
        }
    }

    /// Gives a setting of an app another value.
    pub async fn set_setting(&self, actor: &Actor, app: &str, name: &str, value: Json) -> Result<(), Error> {
        if !actor.user.admin {
            return Err(Error::Forbidden(Issue::new("permission.administrator")));
        }
        let mut sources = self.sources.lock().await;
        apps::set_setting(self, &mut sources, actor, app, name, value).await
    }

    /// Checks the audit trail.
    pub async fn verify(&self) -> Result<Verified, Error> {
        Ok(self.store.verify().await?)
    }

    /// Finishes what is under way and takes no more writes.
    pub async fn close(&self) {
        self.store.close().await;
    }
}
