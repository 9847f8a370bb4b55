//! The one writer of a tenant. Concurrent writes are put into one transaction, each in its own savepoint, and are
//! answered after the commit: a thousand small changes cost a handful of syncs, and none is acknowledged early.
//!
//! The audit chain is extended at the end of the group, so its order is the order of the commits.

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use mortise_definition::model::Slot;
use mortise_expr::Dialect;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::audit::{self, AuditEntry, Head};
use crate::error::{Error, Result};
use crate::event::{self, EventEntry, Paired};
use crate::exec::{Naming, Param, Row, Tx};
use crate::signal::{Sender, Signal};
use crate::standing::{Crossing, InForce, Standing};

/// Writes of one transaction at most; more would delay the first answer for no gain in throughput.
const GROUP_MAX: usize = 256;
/// Changes after which the database looks at its tables when nothing else is to be done; after [`MEASURED_MAX`] it does at
/// once. It only looks at those that have grown tenfold or have never been looked at: mostly at none.
const MEASURED_IDLE: usize = 500;
/// Changes that wait for no quiet moment: an import may go on for an hour.
const MEASURED_MAX: usize = 20_000;
/// How long the writer's thread waits for more work before it goes; saves a thread start per burst.
const LINGER: Duration = Duration::from_millis(500);

/// What a write sees: the transaction, and the entries that go with its changes.
pub struct Session<'a> {
    tx: &'a mut dyn Tx,
    /// Names of this tenant's tables.
    pub naming: &'a Naming,
    /// Digest of the model in force; a write prepared for another must be prepared again.
    pub model: &'a str,
    /// What earlier writes of this transaction have added, which is in no table yet.
    before: &'a Effects,
    audits: Vec<AuditEntry>,
    events: Vec<Paired>,
    touched: Vec<usize>,
    stale: BTreeSet<Follower>,
    new_model: Option<String>,
    after: Vec<Box<dyn FnOnce() + Send>>,
    wake: bool,
    by_lane: bool,
}

/// A value that follows from other records: index of the entity, record, slot.
pub type Follower = (usize, Uuid, Slot);

impl Session<'_> {
    /// Runs a statement; `?1`, `?2` … are its parameters in either dialect.
    pub fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64> {
        self.tx.execute(sql, params)
    }

    /// Runs a query and collects what `map` makes of each row.
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[Param],
        mut map: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.tx.query(sql, params, &mut |row| {
            rows.push(map(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Runs statements without parameters.
    pub fn batch(&mut self, sql: &str) -> Result<()> {
        self.tx.batch(sql)
    }

    /// The transaction itself.
    pub fn tx(&mut self) -> &mut dyn Tx {
        self.tx
    }

    /// Adds to the audit trail.
    pub fn audit(&mut self, entry: AuditEntry) {
        self.audits.push(entry);
    }

    /// Adds to the outbox. The event belongs to the audit entry that was added last: it tells what changed.
    pub fn event(&mut self, entry: EventEntry) {
        self.events.push((entry, self.audits.len().checked_sub(1)));
    }

    /// The events that this write has added so far.
    pub fn added_events(&self) -> impl Iterator<Item = &EventEntry> {
        self.events.iter().map(|(event, _)| event)
    }

    /// Events that earlier writes of this transaction have added, which [`Session::events`] does not read yet.
    pub fn events_before(&self) -> impl Iterator<Item = &EventEntry> {
        self.before.events.iter().map(|(event, _)| event)
    }

    /// All audit entries that this transaction has added so far.
    pub(crate) fn added_audits(&self) -> impl Iterator<Item = &AuditEntry> {
        self.before.audits.iter().chain(&self.audits)
    }

    /// Says that this write left something for the lane beside events: a timer, or work to do again.
    pub fn wake_lane(&mut self) {
        self.wake = true;
    }

    /// Says that this write is the lane's own.
    pub(crate) fn by_lane(&mut self) {
        self.by_lane = true;
    }

    /// Says that records of this entity changed, so that cached totals are counted again.
    pub fn touch(&mut self, entity: usize) {
        if !self.touched.contains(&entity) {
            self.touched.push(entity);
        }
    }

    /// Says that a value follows from something that changed, and has to be worked out anew before the write ends.
    pub fn stale(&mut self, follower: Follower) {
        self.stale.insert(follower);
    }

    /// Takes the values that have to be worked out anew: those of one record, or all.
    pub fn take_stale(&mut self, record: Option<(usize, Uuid)>) -> BTreeSet<Follower> {
        let of = |(entity, id, _): &Follower| record.is_none_or(|record| record == (*entity, *id));
        let (taken, left) = std::mem::take(&mut self.stale).into_iter().partition(of);
        self.stale = left;
        taken
    }

    /// Says that this write brings a new model into force.
    pub fn model_changed(&mut self, digest: String) {
        self.new_model = Some(digest);
    }

    /// Runs `action` right after the commit, before anybody is answered; never when this write is undone.
    pub fn after_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after.push(Box::new(action));
    }

    /// Undoes `work` alone when it fails; what was done before in this write stays.
    pub fn nested<R, E>(&mut self, work: impl FnOnce(&mut Self) -> Result<R, E>) -> Result<R, E>
    where
        E: From<Error>,
    {
        let (audits, events, after) = (self.audits.len(), self.events.len(), self.after.len());
        self.tx.mark(&["SAVEPOINT part"])?;
        match work(self) {
            Ok(value) => {
                self.tx.mark(&["RELEASE SAVEPOINT part"])?;
                Ok(value)
            }
            Err(error) => {
                self.tx.mark(&["ROLLBACK TO SAVEPOINT part", "RELEASE SAVEPOINT part"])?;
                self.audits.truncate(audits);
                self.events.truncate(events);
                self.after.truncate(after);
                Err(error)
            }
        }
    }
}

/// A queued write.
trait Job: Send {
    /// Does the work; false means that its changes have to be undone.
    fn run(&mut self, session: &mut Session<'_>) -> bool;
    /// Puts an error in the place of the result.
    fn fail(&mut self, error: Error);
    /// Answers.
    fn finish(self: Box<Self>);
}

struct Typed<R, E, F> {
    work: Option<F>,
    result: Option<Result<R, E>>,
    reply: oneshot::Sender<Result<R, E>>,
}

impl<R, E, F> Job for Typed<R, E, F>
where
    R: Send,
    E: Send + From<Error>,
    F: FnOnce(&mut Session<'_>) -> Result<R, E> + Send,
{
    fn run(&mut self, session: &mut Session<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let result = guarded(|| work(session));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn fail(&mut self, error: Error) {
        // A write that had failed by itself keeps its own reason.
        if !matches!(self.result, Some(Err(_))) {
            self.result = Some(Err(E::from(error)));
        }
    }

    fn finish(self: Box<Self>) {
        if let Some(result) = self.result {
            // The caller may have gone away; the write stands all the same.
            let _ = self.reply.send(result);
        }
    }
}

/// Where the transaction of a group comes from.
pub(crate) trait Source: Send {
    /// Runs `work` in a transaction, which is committed when it says so.
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Tx) -> Result<()>) -> Result<()>;

    /// Lets the database look at what its tables hold, so that it knows which index narrows most.
    fn measure(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Counters of a writer, for the metrics.
#[derive(Debug, Default)]
pub struct WriterCounters {
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Writes in them.
    pub writes: AtomicU64,
}

struct State {
    queue: VecDeque<Box<dyn Job>>,
    running: bool,
    closed: bool,
}

/// The queue before the one writer.
pub(crate) struct Writer {
    naming: Naming,
    state: Mutex<State>,
    wake: Condvar,
    source: Mutex<Box<dyn Source>>,
    head: Mutex<Option<Head>>,
    /// Entries of the trail since the database last looked at its tables.
    unmeasured: AtomicUsize,
    /// Tells other nodes, where there can be some.
    sender: Option<Sender>,
    pub(crate) standing: Standing,
    pub(crate) counters: WriterCounters,
}

impl Writer {
    pub(crate) fn new(naming: Naming, source: Box<dyn Source>, sender: Option<Sender>) -> Arc<Self> {
        Arc::new(Writer {
            naming,
            state: Mutex::new(State { queue: VecDeque::new(), running: false, closed: false }),
            wake: Condvar::new(),
            source: Mutex::new(source),
            head: Mutex::new(None),
            unmeasured: AtomicUsize::new(0),
            sender,
            standing: Standing::default(),
            counters: WriterCounters::default(),
        })
    }

    /// Whether the model of this digest is in force. A new model counts from shortly before its commit on, so that
    /// whoever asks after a read knows that the read was not of tables made for another model.
    pub(crate) fn in_force(&self, digest: &str) -> bool {
        self.standing.model.lock().digest == digest
    }

    /// Writes waiting now.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().queue.len()
    }

    /// Queues a write and waits until it is committed or undone.
    pub(crate) async fn write<R, E, F>(self: &Arc<Self>, work: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: Send + From<Error> + 'static,
        F: FnOnce(&mut Session<'_>) -> Result<R, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.push(Box::new(Typed { work: Some(work), result: None, reply }))?;
        answer.await.unwrap_or_else(|_| Err(E::from(Error::Closed)))
    }

    fn push(self: &Arc<Self>, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        state.queue.push_back(job);
        if state.running {
            self.wake.notify_one();
        } else {
            state.running = true;
            let writer = Arc::clone(self);
            tokio::task::spawn_blocking(move || writer.drain());
        }
        Ok(())
    }

    /// Takes no more writes; those that wait are still done.
    pub(crate) async fn close(self: &Arc<Self>) {
        self.state.lock().closed = true;
        self.wake.notify_all();
        while self.state.lock().running {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn drain(&self) {
        loop {
            let mut state = self.state.lock();
            if state.queue.is_empty() && !state.closed {
                self.wake.wait_for(&mut state, LINGER);
            }
            let grown = self.unmeasured.load(Ordering::Relaxed);
            if grown >= MEASURED_MAX || (grown >= MEASURED_IDLE && state.queue.is_empty()) {
                drop(state);
                self.measure();
                continue;
            }
            if state.queue.is_empty() {
                state.running = false;
                return;
            }
            let size = state.queue.len().min(GROUP_MAX);
            let group: Vec<Box<dyn Job>> = state.queue.drain(..size).collect();
            drop(state);
            self.commit(group);
        }
    }

    fn measure(&self) {
        self.unmeasured.store(0, Ordering::Relaxed);
        if let Err(error) = guarded(|| self.source.lock().measure()) {
            tracing::warn!(%error, "the database did not look at its tables; lists may be slower");
        }
    }

    /// Runs a group in one transaction and answers each write.
    fn commit(&self, mut group: Vec<Box<dyn Job>>) {
        let mut effects = Effects::default();
        let before = self.standing.model.lock().clone();
        let head = *self.head.lock();
        match guarded(|| self.transaction(&mut group, &mut effects, &before, head)) {
            Ok(head) => {
                *self.head.lock() = Some(head);
                self.unmeasured.fetch_add(effects.audits.len(), Ordering::Relaxed);
                self.settle(effects);
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.counters.writes.fetch_add(group.len() as u64, Ordering::Relaxed);
                if let Err(error) = self.standing.cross(Crossing::AfterCommit) {
                    group.iter_mut().for_each(|job| job.fail(error.clone()));
                }
            }
            Err(error) => {
                *self.head.lock() = None;
                *self.standing.model.lock() = before;
                tracing::error!(%error, "a group of {} writes was undone", group.len());
                group.iter_mut().for_each(|job| job.fail(error.clone()));
            }
        }
        group.into_iter().for_each(Job::finish);
    }

    /// What follows from a commit, before anybody is answered.
    fn settle(&self, effects: Effects) {
        effects.after.into_iter().for_each(|action| action());
        self.standing.count(&effects.touched);
        if effects.wake || !effects.events.is_empty() {
            self.standing.wake();
        }
        if effects.outdated {
            self.standing.outdated();
        }
    }

    fn transaction(
        &self,
        group: &mut [Box<dyn Job>],
        effects: &mut Effects,
        known: &InForce,
        head: Option<Head>,
    ) -> Result<Head> {
        let mut after = Head::START;
        self.source.lock().transaction(&mut |tx| {
            let (before, revision) = match (head, self.naming.dialect) {
                (Some(head), Dialect::Sqlite) => (head, known.revision.unwrap_or_default()),
                // Another node may have written: PostgreSQL's head is read, and locked, each time.
                _ => read_head(tx, &self.naming)?,
            };
            effects.outdated = known.revision.is_some_and(|known| known != revision);
            // No write was prepared for a model that is not known here: each is prepared again when it is.
            let model = if effects.outdated { String::new() } else { known.digest.clone() };
            self.run_group(tx, group, effects, model)?;
            after = audit::append(tx, &self.naming, before, &effects.audits)?;
            event::append(tx, &self.naming, before.seq, &effects.events)?;
            if effects.new_model {
                let sql =
                    self.naming.sql(&format!("UPDATE {} SET model = ?1", self.naming.table("_audit_head")));
                tx.execute(&sql, &[(revision + 1).into()])?;
                self.standing.model.lock().revision = Some(revision + 1);
            }
            self.tell(tx, effects)?;
            self.standing.cross(Crossing::BeforeCommit)
        })?;
        Ok(after)
    }

    /// Tells other nodes with the commit.
    fn tell(&self, tx: &mut dyn Tx, effects: &Effects) -> Result<()> {
        let Some(sender) = &self.sender else { return Ok(()) };
        let lane = effects.wake_others;
        let entities = effects.touched.clone();
        sender.send(tx, Signal { lane, model: effects.new_model, entities, ..sender.blank() })
    }

    fn run_group(
        &self,
        tx: &mut dyn Tx,
        group: &mut [Box<dyn Job>],
        effects: &mut Effects,
        mut model: String,
    ) -> Result<()> {
        for job in group {
            tx.mark(&["SAVEPOINT job"])?;
            let mut session = Session {
                tx: &mut *tx,
                naming: &self.naming,
                model: &model,
                before: effects,
                audits: Vec::new(),
                events: Vec::new(),
                touched: Vec::new(),
                stale: BTreeSet::new(),
                new_model: None,
                after: Vec::new(),
                wake: false,
                by_lane: false,
            };
            let keep = job.run(&mut session);
            let Session { audits, events, touched, new_model, after, wake, by_lane, .. } = session;
            if keep {
                let (earlier, happened) = (effects.audits.len(), effects.events.len());
                effects.audits.extend(audits);
                let events = events.into_iter();
                effects.events.extend(events.map(|(event, audit)| (event, audit.map(|own| earlier + own))));
                effects.wake |= wake;
                effects.wake_others |= !by_lane && (wake || effects.events.len() > happened);
                effects.touched.extend(touched);
                effects.after.extend(after);
                if let Some(digest) = new_model {
                    self.standing.model.lock().digest.clone_from(&digest);
                    model = digest;
                    effects.new_model = true;
                }
            } else {
                tx.mark(&["ROLLBACK TO SAVEPOINT job"])?;
            }
            tx.mark(&["RELEASE SAVEPOINT job"])?;
        }
        Ok(())
    }
}

/// What the writes of a group leave behind beside their changes.
#[derive(Default)]
struct Effects {
    audits: Vec<AuditEntry>,
    events: Vec<Paired>,
    touched: Vec<usize>,
    after: Vec<Box<dyn FnOnce() + Send>>,
    wake: bool,
    /// There is something for the lane that its holder does not know of.
    wake_others: bool,
    /// A new model comes into force.
    new_model: bool,
    /// Another node has brought a model into force that is not known here.
    outdated: bool,
}

/// What `work` answers, and an error where it panics: that must not end the writer, since everybody after would wait for ever.
fn guarded<R, E: From<Error>>(work: impl FnOnce() -> Result<R, E>) -> Result<R, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(E::from(Error::Panicked(words(&*panic)))))
}

/// What a panic says.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// The end of the audit trail, and how often the model has changed.
fn read_head(tx: &mut dyn Tx, naming: &Naming) -> Result<(Head, i64)> {
    let lock = if naming.dialect == Dialect::Postgres { " FOR UPDATE" } else { "" };
    let mut head = None;
    let sql = format!("SELECT seq, hash, model FROM {}{lock}", naming.table("_audit_head"));
    tx.query(&sql, &[], &mut |row| {
        let hash = row.bytes(1)?.and_then(|hash| hash.try_into().ok());
        let seq = row.int(0)?.zip(hash).map(|(seq, hash)| Head { seq, hash });
        head = seq.zip(row.int(2)?);
        Ok(())
    })?;
    head.ok_or_else(|| Error::Corrupt("the head of the audit trail is missing".to_owned()))
}
