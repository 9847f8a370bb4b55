//! Imports of a tenant: upload, preview, start, watch, stop, resume. An import is a folder of files that tells by itself how
//! far it is, so that it goes on after a restart; records are written by commands only.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::Stream;
use mortise_definition::source::Operation;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::batch;
use super::convert::Columns;
use super::folder::Folder;
use super::guess::guess_columns;
use super::job::{Complaint, Job, Mapping, Progress, RowError, State};
use super::limits::{BATCH_BYTES_MAX, HEADING_MAX};
use super::report;
use super::resolve::Names;
use super::rows::{ReadOptions, Row, Sniffed, read_rows, sniff};
use crate::error::Error;
use crate::people::{Actor, Channel, Origin};
use crate::tenant::Tenant;
use crate::values::Issue;

/// Rows of one batch: large enough that a commit is cheap per row, small enough that others need not wait.
const BATCH_ROWS: usize = 500;
/// Batches read ahead.
const BATCHES_AHEAD: usize = 2;
/// Rows shown before anything is imported.
const PREVIEW_ROWS: usize = 20;
/// How long imports that are not running are kept.
const KEPT: TimeDelta = TimeDelta::days(30);
/// Wrong rows kept with the import for the page; the report has all of them.
const ERRORS_KEPT: usize = 100;

/// The imports of one tenant.
pub struct Imports {
    folder: Folder,
    running: Mutex<HashMap<Uuid, Running>>,
    /// One import at a time: two would only wait for each other.
    turn: Semaphore,
}

/// An import that is being worked on.
struct Running {
    job: Job,
    stop: Arc<AtomicBool>,
}

/// An upload that is removed again when this is dropped: it was refused, or its sender left.
struct Unfinished<'a> {
    folder: &'a Folder,
    id: Uuid,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.folder.remove(self.id).is_err() {
            tracing::warn!(import = %self.id, "an upload that broke off could not be removed");
        }
    }
}

/// What a mapping would do with the first rows.
#[derive(Debug)]
pub struct Preview {
    /// The headings.
    pub headers: Vec<String>,
    /// Names of the fields that the columns seem to belong to.
    pub guessed: Vec<Option<String>>,
    /// The first rows.
    pub rows: Vec<Row>,
    /// What is wrong with them.
    pub errors: Vec<RowError>,
}

impl Imports {
    /// The imports in this folder.
    pub fn new(folder: PathBuf) -> Imports {
        Imports { folder: Folder::new(folder), running: Mutex::default(), turn: Semaphore::new(1) }
    }

    /// Takes a file and finds out what it is.
    pub async fn upload<E: std::fmt::Display>(
        &self,
        tenant: &Tenant,
        actor: &Actor,
        entity: &str,
        file: &str,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Job, Error> {
        let model = tenant.model();
        let not_found = || Error::NotFound(Issue::new("entity.not_found").with("entity", entity));
        let target = model.entity(entity).ok_or_else(not_found)?.clone();
        demand(tenant, actor, entity)?;
        let work = tenant.work(actor);
        self.forget_old(work.now);
        let id = work.env.id();
        let unfinished = Unfinished { folder: &self.folder, id };
        let (length, sniffed, (headers, total_rows)) =
            self.take(id, bytes).await.map_err(Error::BadRequest)?;
        let named = |slot: Option<usize>| slot.map(|slot| target.fields[slot].name.to_string());
        let job = Job {
            id,
            entity: entity.to_owned(),
            file: file.chars().filter(|c| !c.is_control()).take(200).collect(),
            bytes: length,
            created_at: work.now,
            created_by: actor.id(),
            state: State::Uploaded,
            sniffed,
            guessed: guess_columns(&target, &headers).into_iter().map(named).collect(),
            headers,
            total_rows,
            mapping: None,
            progress: Progress::default(),
            errors: Vec::new(),
            failure: None,
        };
        self.folder.save(&job).map_err(Error::BadRequest)?;
        std::mem::forget(unfinished);
        Ok(job)
    }

    /// Removes imports that nobody will look at any more, with their files.
    fn forget_old(&self, now: DateTime<Utc>) {
        for job in self.folder.list().unwrap_or_default() {
            if job.state != State::Running
                && now - job.created_at > KEPT
                && self.folder.remove(job.id).is_err()
            {
                tracing::warn!(import = %job.id, "an old import could not be removed");
            }
        }
    }

    async fn take<E: std::fmt::Display>(
        &self,
        id: Uuid,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(u64, Sniffed, (Vec<String>, u64)), Issue> {
        let length = self.folder.receive(id, bytes).await?;
        let path = self.folder.source(id);
        let look = move || Ok((sniff(&path)?, measure(&path, &ReadOptions::default())?));
        let (sniffed, measured) = blocking(look).await?;
        Ok((length, sniffed, measured))
    }

    /// An import of this person; administrators see all.
    pub fn job(&self, actor: &Actor, id: Uuid) -> Result<Job, Error> {
        let running = self.running.lock().get(&id).map(|running| running.job.clone());
        let job = match running {
            Some(job) => job,
            None => self.folder.load(id).map_err(Error::NotFound)?,
        };
        if !actor.user.admin && job.created_by != actor.id() {
            return Err(Error::NotFound(Issue::new("import.not_found")));
        }
        Ok(job)
    }

    /// Imports that the person may see, newest first.
    pub fn list(&self, actor: &Actor) -> Result<Vec<Job>, Error> {
        let jobs = self.folder.list().map_err(Error::BadRequest)?;
        Ok(jobs.into_iter().filter_map(|job| self.job(actor, job.id).ok()).collect())
    }

    /// The report of refused rows: a CSV file, present as soon as there is one.
    pub fn report(&self, actor: &Actor, id: Uuid) -> Result<PathBuf, Error> {
        self.job(actor, id)?;
        let path = self.folder.report(id);
        if path.exists() { Ok(path) } else { Err(Error::NotFound(Issue::new("import.no_report"))) }
    }

    /// Shows what a mapping would do with the first rows; writes nothing. Without columns the guess is tried.
    pub async fn preview(
        &self,
        tenant: &Tenant,
        actor: &Actor,
        id: Uuid,
        mapping: &Mapping,
    ) -> Result<Preview, Error> {
        let job = self.job(actor, id)?;
        let entity = tenant.model().entity(&job.entity).cloned();
        let entity = entity
            .ok_or_else(|| Error::NotFound(Issue::new("entity.not_found").with("entity", &job.entity)))?;
        let (path, read) = (self.folder.source(id), mapping.read.clone());
        let mut rows = blocking(move || first_rows(&path, &read)).await.map_err(Error::BadRequest)?;
        let headers = if rows.is_empty() { Vec::new() } else { headings(rows.remove(0).cells) };
        let named = |slot: Option<usize>| slot.map(|slot| entity.fields[slot].name.to_string());
        let guessed: Vec<Option<String>> = guess_columns(&entity, &headers).into_iter().map(named).collect();
        let mut tried = mapping.clone();
        if tried.columns.is_empty() {
            let columns = guessed.iter().enumerate();
            tried.columns = columns
                .filter_map(|(column, field)| Some(super::ColumnMapping { column, field: field.clone()? }))
                .collect();
        }
        let mut preview = Preview { headers, guessed, rows, errors: Vec::new() };
        if !tried.columns.is_empty() {
            let mut columns = Columns::new(&entity, &tried, preview.headers.len())?;
            let actor = importing(actor);
            let mut names = Names::new(tenant, &actor);
            let plan = batch::plan(tenant, &actor, &mut names, &mut columns, 0, &preview.rows).await?;
            preview.errors = batch::try_out(tenant, &actor, &tried, &columns, plan, &preview.rows).await;
        }
        Ok(preview)
    }

    /// Begins an import, or goes on with one that was stopped.
    pub async fn start(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        actor: &Actor,
        id: Uuid,
        mapping: Option<Mapping>,
    ) -> Result<Job, Error> {
        let mut job = self.job(actor, id)?;
        demand(tenant, actor, &job.entity)?;
        let was = job.state;
        match (was, mapping) {
            (State::Uploaded, Some(mapping)) => {
                let (path, read) = (self.folder.source(id), mapping.read.clone());
                let measured = blocking(move || measure(&path, &read)).await;
                (job.headers, job.total_rows) = measured.map_err(Error::BadRequest)?;
                job.mapping = Some(mapping);
            }
            (State::Cancelled | State::Failed, None) if job.mapping.is_some() => {}
            (state, _) => return Err(wrong_state(state)),
        }
        check_mapping(tenant, &job)?;
        job.state = State::Running;
        job.failure = None;
        let stop = self.enter(&job)?;
        // Whoever started it at the same time may have finished it meanwhile.
        let saved = match self.folder.load(id).map_err(Error::NotFound) {
            Ok(now) if now.state == was => self.folder.save(&job).map_err(Error::BadRequest),
            Ok(now) => Err(wrong_state(now.state)),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            self.running.lock().remove(&id);
            return Err(error);
        }
        self.spawn(tenant, job.clone(), stop);
        Ok(job)
    }

    /// Takes an import that nobody works on; gives what stops it.
    fn enter(&self, job: &Job) -> Result<Arc<AtomicBool>, Error> {
        match self.running.lock().entry(job.id) {
            Entry::Occupied(other) => Err(wrong_state(other.get().job.state)),
            Entry::Vacant(free) => {
                let stop = Arc::new(AtomicBool::new(false));
                free.insert(Running { job: job.clone(), stop: stop.clone() });
                Ok(stop)
            }
        }
    }

    /// Goes on with imports that a restart interrupted. Called once when a tenant is opened.
    pub fn resume(self: &Arc<Self>, tenant: &Arc<Tenant>) -> Result<(), Error> {
        for job in self.folder.unfinished().map_err(Error::BadRequest)? {
            if let Ok(stop) = self.enter(&job) {
                self.spawn(tenant, job, stop);
            }
        }
        Ok(())
    }

    /// Stops an import after the batch at hand. What was imported stays.
    pub fn cancel(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        let job = self.job(actor, id)?;
        match self.running.lock().get(&id) {
            Some(running) => {
                running.stop.store(true, Ordering::Relaxed);
                Ok(())
            }
            None => Err(wrong_state(job.state)),
        }
    }

    /// Forgets an import and its file. The records stay.
    pub fn remove(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        let job = self.job(actor, id)?;
        if self.running.lock().contains_key(&id) {
            return Err(wrong_state(job.state));
        }
        self.folder.remove(id).map_err(Error::BadRequest)
    }

    fn spawn(self: &Arc<Self>, tenant: &Arc<Tenant>, job: Job, stop: Arc<AtomicBool>) {
        let (imports, tenant) = (self.clone(), tenant.clone());
        tokio::spawn(async move {
            let _turn = imports.turn.acquire().await;
            let (worker, id) = (imports.clone(), job.id);
            let ended = tokio::spawn(async move { worker.work(&tenant, job, &stop).await }).await;
            if let Err(error) = ended {
                // A bug must not leave an import that nobody can stop: after a restart it goes on.
                tracing::error!(import = %id, %error, "an import broke down");
                imports.running.lock().remove(&id);
            }
        });
    }

    /// Works a job off and writes down how it ended.
    async fn work(&self, tenant: &Arc<Tenant>, mut job: Job, stop: &AtomicBool) {
        let ended = self.batches(tenant, &mut job, stop).await;
        job.state = match ended {
            Ok(true) => State::Done,
            Ok(false) => State::Cancelled,
            // The server is closing: the import goes on when it is back.
            Err(error) if error.code() == "server.closing" => State::Running,
            Err(error) => {
                tracing::warn!(import = %job.id, %error, "an import stopped");
                job.failure = Some(Complaint::from(&error));
                State::Failed
            }
        };
        if let Err(issue) = self.folder.save(&job) {
            tracing::error!(import = %job.id, %issue, "the end of an import could not be written down");
        }
        self.running.lock().remove(&job.id);
    }

    /// All batches; false when it was stopped.
    async fn batches(&self, tenant: &Arc<Tenant>, job: &mut Job, stop: &AtomicBool) -> Result<bool, Error> {
        let mut columns = check_mapping(tenant, job)?;
        let read = job.mapping.as_ref().map(|mapping| mapping.read.clone()).unwrap_or_default();
        let mut batches = reader(self.folder.source(job.id), read, job.progress.rows);
        let first = import_actor(tenant, job)?;
        let mut names = Names::new(tenant, &first);
        while let Some(rows) = batches.recv().await {
            let rows = rows.map_err(Error::BadRequest)?;
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            // Rights may have changed since the last batch.
            let actor = import_actor(tenant, job)?;
            let number = job.progress.batches;
            let known: Option<batch::Plan> = self.folder.load_batch(job.id).map_err(Error::BadRequest)?;
            let plan = match known.filter(|plan| plan.number == number) {
                Some(plan) => plan,
                None => {
                    let plan = batch::plan(tenant, &actor, &mut names, &mut columns, number, &rows).await?;
                    self.folder.save_batch(job.id, &plan).map_err(Error::BadRequest)?;
                    plan
                }
            };
            let done = batch::run(tenant, &actor, job, &columns, &plan, &rows).await?;
            self.note(job, &columns, &rows, done, &actor.user.language).map_err(Error::BadRequest)?;
        }
        Ok(true)
    }

    /// Writes down what a batch did: first the report, then the progress that counts it in.
    fn note(
        &self,
        job: &mut Job,
        columns: &Columns,
        rows: &[Row],
        done: batch::Done,
        language: &str,
    ) -> Result<(), Issue> {
        if !done.refused.is_empty() {
            let mut lines = report::Lines::default();
            if job.progress.report_bytes == 0 {
                lines = report::headings(&job.headers, language);
            }
            for (index, errors) in &done.refused {
                report::refused(
                    &mut lines,
                    &rows[*index],
                    job.headers.len(),
                    errors,
                    &columns.entity,
                    language,
                );
            }
            let at = job.progress.report_bytes;
            job.progress.report_bytes = self.folder.append_report(job.id, at, &lines.into_bytes())?;
        }
        let progress = &mut job.progress;
        progress.rows += rows.len() as u64;
        progress.created += done.created;
        progress.updated += done.updated;
        progress.failed += done.refused.len() as u64;
        progress.batches += 1;
        let room = ERRORS_KEPT.saturating_sub(job.errors.len());
        job.errors.extend(done.refused.into_iter().flat_map(|(_, errors)| errors).take(room));
        self.folder.save(job)?;
        if let Some(running) = self.running.lock().get_mut(&job.id) {
            running.job = job.clone();
        }
        Ok(())
    }
}

fn demand(tenant: &Tenant, actor: &Actor, entity: &str) -> Result<(), Error> {
    let work = tenant.work(actor);
    let entity = work.entity(entity)?;
    work.access(entity).demand(Operation::Import, entity)
}

fn wrong_state(state: State) -> Error {
    let name = serde_json::to_value(state)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default();
    Error::BadRequest(Issue::new("import.state").with("state", name))
}

fn check_mapping(tenant: &Tenant, job: &Job) -> Result<Columns, Error> {
    let model = tenant.model();
    let gone = || Error::NotFound(Issue::new("entity.not_found").with("entity", &job.entity));
    let entity = model.entity(&job.entity).ok_or_else(gone)?;
    let mapping = job.mapping.as_ref().ok_or_else(|| Error::BadRequest(Issue::new("import.no_columns")))?;
    Columns::new(entity, mapping, job.headers.len())
}

/// The same person, importing.
fn importing(actor: &Actor) -> Actor {
    Actor { user: actor.user.clone(), origin: Origin { channel: Channel::Import, ..actor.origin.clone() } }
}

/// The person who started an import, with the rights of this moment.
fn import_actor(tenant: &Tenant, job: &Job) -> Result<Actor, Error> {
    let directory = tenant.directory();
    let origin = Origin { channel: Channel::Import, ip: None, device: None };
    match job.created_by {
        None => Ok(Actor { origin, ..Actor::system(directory.tz) }),
        Some(id) => {
            let denied = || Error::Forbidden(Issue::new("permission.denied").with("entity", &job.entity));
            Ok(Actor { user: directory.context(id).ok_or_else(denied)?, origin })
        }
    }
}

/// Headings and number of rows of a file; reads all of it, so that a broken end is found before anything is imported.
fn measure(path: &Path, options: &ReadOptions) -> Result<(Vec<String>, u64), Issue> {
    let mut headers = None;
    let mut rows = 0;
    read_rows(path, options, &mut |row| {
        match headers {
            None => headers = Some(headings(row.cells)),
            Some(_) => rows += 1,
        }
        ControlFlow::Continue(())
    })?;
    Ok((headers.unwrap_or_default(), rows))
}

/// Headings as they are kept: none is so long that it makes the list of imports a large one.
fn headings(cells: Vec<String>) -> Vec<String> {
    cells.into_iter().map(|cell| cell.chars().take(HEADING_MAX).collect()).collect()
}

fn first_rows(path: &Path, options: &ReadOptions) -> Result<Vec<Row>, Issue> {
    let mut rows = Vec::with_capacity(PREVIEW_ROWS + 1);
    read_rows(path, options, &mut |row| {
        rows.push(row);
        if rows.len() > PREVIEW_ROWS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(rows)
}

/// Batches of rows, read on a thread of its own that waits when the database is slower.
fn reader(
    path: PathBuf,
    options: ReadOptions,
    skip: u64,
) -> tokio::sync::mpsc::Receiver<Result<Vec<Row>, Issue>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(BATCHES_AHEAD);
    tokio::task::spawn_blocking(move || {
        // The headings come first.
        let mut skip = skip + 1;
        let (mut rows, mut bytes) = (Vec::with_capacity(BATCH_ROWS), 0);
        let read = read_rows(&path, &options, &mut |row| {
            if skip > 0 {
                skip -= 1;
                return ControlFlow::Continue(());
            }
            bytes += row.cells.iter().map(String::len).sum::<usize>();
            rows.push(row);
            if rows.len() < BATCH_ROWS && bytes < BATCH_BYTES_MAX {
                return ControlFlow::Continue(());
            }
            bytes = 0;
            match sender.blocking_send(Ok(std::mem::replace(&mut rows, Vec::with_capacity(BATCH_ROWS)))) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        // Nobody listens any more when the import was stopped.
        let _ = match read {
            Ok(()) if rows.is_empty() => Ok(()),
            Ok(()) => sender.blocking_send(Ok(rows)),
            Err(issue) => sender.blocking_send(Err(issue)),
        };
    });
    receiver
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Issue> + Send + 'static,
) -> Result<T, Issue> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "reading a file failed");
        Err(Issue::new("file.io"))
    })
}
