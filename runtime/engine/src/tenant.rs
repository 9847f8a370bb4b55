//! A tenant: its data, its apps, its people. Everything that pages, API, imports and the command line do with a
//! tenant's data goes through here, with the person who does it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::Stream;
use mortise_definition::model::{FieldKind, FieldModel, Model};
use mortise_definition::recompile;
use mortise_definition::source::Operation;
use mortise_store::{Files, TenantStore, Verified};
use serde_json::{Map, Value as Json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::apps;
use crate::automation::lane::Lane;
use crate::commands::{self, Command, Outcome, RunOptions, Work, Written, similar};
use crate::env::{Ahead, Env};
use crate::error::{Error, Suspect};
use crate::exchange::Imports;
use crate::files::{self, Contents, FileInfo};
use crate::form_state::{self, FormState};
use crate::house::House;
use crate::idempotency;
use crate::interactions::{self, Watch};
use crate::lists::{self, Page, Totals};
use crate::metrics;
use crate::notify::{Courier, Post};
use crate::people::{Actor, Directory};
use crate::plugins::{self, Desk, PluginHouse, Switchboard};
use crate::published::Published;
use crate::query::Query;
use crate::records::{self, Record};
use crate::timeline::{self, TimelineEntry};

/// Tries of a command or a read whose definitions change meanwhile.
const TRIES_MAX: u32 = 50;
/// Pause between two tries: between the commit of an installation and its coming into force lies next to nothing.
pub(crate) const RETRY: Duration = Duration::from_millis(2);

/// A tenant.
pub struct Tenant {
    /// Its name in addresses and folders.
    pub slug: String,
    /// Its folder: files, imports.
    pub folder: PathBuf,
    pub(crate) store: TenantStore,
    pub(crate) files: Files,
    pub(crate) env: Arc<Ahead>,
    published: Arc<ArcSwap<Published>>,
    directory: ArcSwap<Directory>,
    pub(crate) totals: Totals,
    pub(crate) answers: metrics::Answers,
    imports: Arc<Imports>,
    /// What happens by itself.
    pub(crate) lane: Arc<Lane>,
    /// What leaves the house.
    pub(crate) post: Arc<Post>,
    /// Told after each commit that may have left something in an inbox.
    bell: Arc<watch::Sender<()>>,
    /// What the installation says.
    pub(crate) house: House,
    /// Plugins that are called in the background.
    pub(crate) desk: Arc<Desk>,
    /// What it shares of plugins with other tenants.
    pub(crate) plugins: Arc<PluginHouse>,
    /// Through which they are called.
    pub(crate) calls: Arc<Switchboard>,
    /// How forms are used.
    pub(crate) watch: Watch,
    /// Held while apps or settings change: one change after the other.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl Tenant {
    /// Opens a tenant over its store: reads the definitions in force and compiles them.
    pub(crate) async fn open(
        slug: &str,
        folder: PathBuf,
        store: TenantStore,
        files: Files,
        env: Arc<dyn Env>,
        plugins: Arc<PluginHouse>,
    ) -> Result<Arc<Tenant>, Error> {
        let revision = store.model_revision().await?;
        let sources = apps::load(&store).await?;
        let compiled =
            recompile(&sources.packages, &sources.overlays, &sources.settings).map_err(Error::Definition)?;
        let bound = plugins::bind(&store, &plugins, &compiled.model).await?;
        let published = Published::new(compiled.model, store.naming(), bound);
        store.set_model(&published.digest, revision);
        let watch = Watch::new(interactions::switch(&store).await?.as_deref());
        let lane = Arc::new(Lane::default());
        let (post, bell) = (Arc::new(Post::default()), Arc::new(watch::Sender::new(())));
        let desk = Arc::new(Desk::default());
        let (woken, mail, rung, called) = (lane.clone(), post.clone(), bell.clone(), desk.clone());
        store.on_commit(move || {
            woken.wake.notify_one();
            mail.wake.notify_one();
            called.wake.notify_one();
            rung.send_replace(());
        });
        let machine = env.clone();
        store.on_crossing(move |crossing| machine.passes(crossing));
        Ok(Arc::new_cyclic(|own| Tenant {
            calls: Switchboard::new(own.clone(), slug, plugins.clone()),
            lane,
            post,
            desk,
            bell,
            slug: slug.to_owned(),
            imports: Arc::new(Imports::new(folder.join("imports"))),
            folder,
            published: Arc::new(ArcSwap::from_pointee(published)),
            directory: ArcSwap::from_pointee(Directory::default()),
            totals: Totals::default(),
            answers: metrics::Answers::default(),
            house: House::default(),
            watch,
            plugins,
            changing: tokio::sync::Mutex::default(),
            store,
            files,
            env: Arc::new(Ahead::new(env)),
        }))
    }

    /// The definitions in force.
    pub fn model(&self) -> Arc<Model> {
        self.published.load().model.clone()
    }

    /// The people.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// The present time of the tenant.
    pub fn now(&self) -> DateTime<Utc> {
        self.env.now()
    }

    /// By how much the tenant's time is ahead of the real one.
    pub fn ahead(&self) -> TimeDelta {
        self.env.ahead()
    }

    /// Says by how much the tenant's time is ahead of the real one. It never goes back. What falls due by that is worked off.
    pub fn reach(&self, ahead: TimeDelta) {
        if self.env.reach(ahead) {
            self.lane.wake.notify_one();
            self.post.wake.notify_one();
            self.desk.wake.notify_one();
        }
    }

    /// The imports: one set per tenant, so that no import ever runs twice at the same time.
    pub fn imports(&self) -> &Arc<Imports> {
        &self.imports
    }

    /// Has this courier carry out what leaves the house, while the lane is worked here.
    pub fn hire(&self, courier: Arc<dyn Courier>) {
        self.post.hire(courier);
    }

    /// Tells whenever there may be something new in an inbox; whose, has to be looked up.
    pub fn bell(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// Whether some page waits for news.
    pub(crate) fn is_listened_to(&self) -> bool {
        self.bell.receiver_count() > 0
    }

    /// Says who the people are now.
    pub fn set_directory(&self, directory: Directory) {
        self.directory.store(Arc::new(directory));
        // In another zone schedules have other times.
        self.lane.wake.notify_one();
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Brings a model into force. Called by the writer after the commit, so that it happens even when whoever asked
    /// for the change has gone away meanwhile.
    pub(crate) fn publisher(&self, published: Arc<Published>) -> impl FnOnce() + Send + 'static {
        let place = self.published.clone();
        move || place.store(published)
    }

    /// Whether what was read under this model stands. If the definitions changed meanwhile, a statement may not have
    /// fitted the tables any more, or have read other columns than were meant; the caller reads again.
    pub(crate) async fn stands(&self, work: &Work, tries: &mut u32) -> bool {
        if self.store.in_force(&work.published.digest) || *tries >= TRIES_MAX {
            return true;
        }
        *tries += 1;
        tokio::time::sleep(RETRY).await;
        false
    }

    /// Runs a command: the only way to change a tenant's data.
    pub async fn run(&self, actor: &Actor, command: Command, options: RunOptions) -> Result<Outcome, Error> {
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = self.try_run(&work, &command, &options).await;
            let repeat = match &result {
                Ok(_) => false,
                // What was asked of tables that have changed meanwhile fails in the words of the database.
                Err(Error::Store(mortise_store::Error::Database(_))) => !self.stands(&work, &mut tries).await,
                Err(Error::ModelChanged) => tries < TRIES_MAX,
                // What was refused before it came to the writer was perhaps refused by definitions of another time.
                Err(Error::Invalid(_) | Error::BadRequest(_) | Error::Batch { .. }) => {
                    tries < TRIES_MAX && self.is_behind().await
                }
                Err(_) => false,
            };
            if !repeat {
                return result;
            }
            tries += 1;
            self.catch_up().await;
        }
    }

    /// Runs a command once, on behalf of whoever acts in `work` and for its reason.
    pub(crate) async fn try_run(
        &self,
        work: &Work,
        command: &Command,
        options: &RunOptions,
    ) -> Result<Outcome, Error> {
        let key = options.idempotency_key.as_deref();
        let key = key.map(|key| idempotency::Key::new(&work.actor, key, command));
        if let Some(key) = &key
            && let Some(outcome) = idempotency::find(&self.store, key).await?
        {
            return outcome;
        }
        let step = commands::prepare(work, &self.store, command).await?;
        let work = work.clone();
        self.store
            .write(move |session| {
                if session.model != work.published.digest {
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

    /// Reads a record with titles, child rows, and what the person may do with it.
    pub async fn read(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<Record, Error> {
        let (work, mut record) = self.read_with(actor, entity, id).await?;
        record.rights = records::rights(&work, &self.store, work.entity(entity)?, id).await?;
        Ok(record)
    }

    /// Reads a record as JSON, with its version.
    pub async fn read_json(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<(Vec<u8>, i64), Error> {
        let (work, record) = self.read_with(actor, entity, id).await?;
        let entity = work.entity(entity)?;
        let mut json = Vec::with_capacity(1024);
        let slots = &work.published.layout.tables[entity.index].stored;
        records::write_record(&work, entity, &record, slots, &mut json);
        Ok((json, record.version()))
    }

    async fn read_with(&self, actor: &Actor, entity: &str, id: Uuid) -> Result<(Work, Record), Error> {
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = records::read(&work, &self.store, work.entity(entity)?, id).await;
            if self.stands(&work, &mut tries).await {
                return Ok((work, result?));
            }
        }
    }

    /// What was written, as JSON; a repeated answer reads the record as it is now.
    pub async fn written_json(&self, actor: &Actor, written: Written) -> Result<Vec<u8>, Error> {
        if written.values.is_empty() {
            return self.reread_json(actor, &written).await;
        }
        let work = self.work(actor);
        let entity = work.entity(&written.entity)?.clone();
        // Child rows and rollups were written after the values were taken.
        let follows =
            |field: &FieldModel| matches!(field.kind, FieldKind::Lines { .. } | FieldKind::Rollup { .. });
        // Values are by slot: under a newer model they would be read wrongly.
        if entity.declared().iter().any(follows) || written.values.len() != entity.fields.len() {
            return self.reread_json(actor, &written).await;
        }
        if !records::visible(&work, &self.store, &entity, &written.values).await? {
            return Ok(bare(&written));
        }
        let mut rows = [Record::new(written.values)];
        lists::resolve_with(&work, &self.store, &entity, &[], &mut rows).await?;
        lists::hide(&work, &entity, &[Operation::Read], &mut rows);
        let mut json = Vec::with_capacity(1024);
        let slots = &work.published.layout.tables[entity.index].stored;
        records::write_record(&work, &entity, &rows[0], slots, &mut json);
        Ok(json)
    }

    /// The record as it is now. Somebody who made it for others, or gave it away with this very change, learns its id,
    /// no more.
    async fn reread_json(&self, actor: &Actor, written: &Written) -> Result<Vec<u8>, Error> {
        match self.read_json(actor, &written.entity, written.id).await {
            Err(Error::NotFound(_) | Error::Forbidden(_)) => Ok(bare(written)),
            result => Ok(result?.0),
        }
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
        Ok(self.list_with(actor, query).await?.1)
    }

    async fn list_with(&self, actor: &Actor, query: &Query) -> Result<(Work, Page), Error> {
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = lists::page(&work, &self.store, &self.totals, query).await;
            if self.stands(&work, &mut tries).await {
                return Ok((work, result?));
            }
        }
    }

    /// Reads a page of a list as JSON: `{"rows": […], "next": …, "total": …, "total_exact": …}`.
    pub async fn list_json(&self, actor: &Actor, query: &Query) -> Result<Vec<u8>, Error> {
        let (work, page) = self.list_with(actor, query).await?;
        let entity = work.entity(&query.entity)?;
        Ok(lists::write_page(&work, entity, query, &page))
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

    /// Whether a field is open to an operation of a person, at least on some records: to be seen, or to be given. Of a
    /// single record that was read, [`Record::shows`] and [`Record::takes`] say the rest.
    pub fn opens(&self, actor: &Actor, entity: &str, operation: Operation, slot: usize) -> bool {
        let work = self.work(actor);
        work.entity(entity).is_ok_and(|entity| {
            work.access(entity).opens(operation, slot)
                && commands::leaves_open(&work, entity, operation, slot)
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
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result =
                timeline::of_record(&work, &self.store, work.entity(entity)?, id, before, limit).await;
            if self.stands(&work, &mut tries).await {
                return result;
            }
        }
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
        let mut tries = 0;
        loop {
            let work = self.work(actor);
            let result = similar::while_typing(&work, &self.store, work.entity(entity)?, values, own).await;
            if self.stands(&work, &mut tries).await {
                return result;
            }
        }
    }

    /// The state of a form while it is filled in, over a record (by id) or a new one.
    pub async fn form_state(
        &self,
        actor: &Actor,
        entity: &str,
        id: Option<Uuid>,
        values: &Map<String, Json>,
    ) -> Result<FormState, Error> {
        let (work, base) = match id {
            Some(id) => {
                let (work, record) = self.read_with(actor, entity, id).await?;
                (work, Some(record))
            }
            None => {
                let work = self.work(actor);
                let entity = work.entity(entity)?;
                work.access(entity).demand(Operation::Create, entity)?;
                (work, None)
            }
        };
        Ok(form_state::state(&work, work.entity(entity)?, base, values))
    }

    /// Stores an uploaded file, to be named by a record afterwards.
    pub async fn put_file<S>(
        &self,
        actor: &Actor,
        name: &str,
        kind: &str,
        bytes: S,
    ) -> Result<FileInfo, Error>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Unpin,
    {
        files::put(&self.work(actor), &self.store, &self.files, None, (name, kind), bytes).await
    }

    /// Most bytes of an uploaded file.
    pub fn file_bytes_max(&self) -> u64 {
        self.files.bytes_max()
    }

    /// A file and its contents.
    pub async fn get_file(&self, actor: &Actor, id: Uuid) -> Result<(FileInfo, Contents), Error> {
        files::get(&self.work(actor), &self.store, &self.files, id).await
    }

    /// What is known of files, as far as the person may see them.
    pub async fn file_infos(&self, actor: &Actor, ids: &[Uuid]) -> Result<Vec<FileInfo>, Error> {
        files::find(&self.work(actor), &self.store, ids).await
    }

    /// Checks the audit trail.
    pub async fn verify(&self) -> Result<Verified, Error> {
        Ok(self.store.verify().await?)
    }

    /// Finishes what is under way and takes no more writes.
    pub async fn close(&self) {
        self.lane.stop().await;
        self.write_plugin_runs().await;
        self.write_interactions().await;
        self.store.close().await;
    }
}

/// What is told of a record that is out of sight.
fn bare(written: &Written) -> Vec<u8> {
    format!("{{\"id\":\"{}\",\"version\":{}}}", written.id, written.version).into_bytes()
}
