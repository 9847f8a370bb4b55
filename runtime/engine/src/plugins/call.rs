//! Calling a plugin: its version is chosen, records are cut to the fields that it asked for, rights and circumstances are
//! put together, and what became of the call goes into the run log. One function for each extension point, nothing else.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use mortise_definition::model::{EntityModel, system};
use mortise_expr::{Context, Value};
use mortise_plugin_host::run::{Failure, Run, RunRecord};
use mortise_plugin_host::value::{
    Call, Candidate, Document, Field, Outcome, Progress, Scored, Table, Verdict, Violation,
};
use mortise_plugin_host::{HostError, Invocation, Permissions, Plugin, Sitting, TransactionBudget};
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use super::bound::Binding;
use super::capabilities::Reach;
use super::cut;
use super::entry;
use super::host::PluginHouse;
use super::installed::Version;
use super::outside::Outside;
use super::providing::Kept;
use super::runs::{Noted, RunLog};
use crate::commands::Work;
use crate::tenant::Tenant;

/// What a tenant has for calls of plugins.
pub(crate) struct Switchboard {
    /// Whose calls they are; gone when the tenant is closed.
    pub(super) tenant: Weak<Tenant>,
    /// Its name.
    pub(super) slug: String,
    /// The name under which the host counts its calls and breakdowns.
    counted: OnceLock<String>,
    pub(super) house: Arc<PluginHouse>,
    outside: RwLock<Option<Arc<dyn Outside>>>,
    /// What became of calls.
    pub(super) log: RunLog,
    /// What providers of dashboards said a moment ago.
    pub(super) provided: Kept,
    /// Packages come in one after the other, so that of several tenants none waits for all that another one installs.
    pub(super) arriving: tokio::sync::Mutex<()>,
}

impl Switchboard {
    pub(crate) fn new(tenant: Weak<Tenant>, slug: &str, house: Arc<PluginHouse>) -> Arc<Switchboard> {
        let (slug, outside) = (slug.to_owned(), RwLock::default());
        Arc::new(Switchboard {
            tenant,
            slug,
            counted: OnceLock::new(),
            house,
            outside,
            log: RunLog::default(),
            provided: Kept::default(),
            arriving: tokio::sync::Mutex::default(),
        })
    }

    /// The name under which the host counts its calls, breakdowns and instances.
    pub(crate) fn counted(&self) -> &str {
        self.counted.get().unwrap_or(&self.slug)
    }

    /// Says that this is a copy of the tenant: what breaks down there is counted apart.
    pub(crate) fn count_apart(&self) {
        // No slug has such a character.
        drop(self.counted.set(format!("{}/copy", self.slug)));
    }

    /// Lets the host forget a copy.
    pub(crate) fn forget_copy(&self) {
        if let (Some(name), Some(host)) = (self.counted.get(), self.house.opened()) {
            host.forget(name);
        }
    }

    /// A full budget for everything that one save, or one piece of work, makes plugins do.
    pub(crate) fn budget(&self) -> Arc<TransactionBudget> {
        TransactionBudget::new(self.house.options.settings.transaction)
    }

    /// The way to other systems, where the server has given one.
    pub(super) fn outside(&self) -> Option<Arc<dyn Outside>> {
        self.outside.read().clone()
    }
}

impl Tenant {
    /// Has this sender carry the calls of plugins to other systems.
    pub fn connect_plugins(&self, outside: Arc<dyn Outside>) {
        *self.calls.outside.write() = Some(outside);
    }
}

/// The answer of a plugin; none when it was not asked, because its condition does not hold or another version is asked.
pub(crate) type Answer<T> = Result<Option<T>, Failure>;

/// Calls of plugins in one piece of work. Whoever acts in `work` is whose rights the plugins have, cut down by their own:
/// a person, or a plugin as a service (see [`Work::as_plugin`]).
pub(crate) struct Calling<'a> {
    work: &'a Work,
    /// The same for every attempt at the same work.
    key: String,
    attempt: u32,
    budget: Option<Arc<TransactionBudget>>,
    about: Option<(&'a EntityModel, Uuid)>,
    /// Where one instance of the plugin serves all calls.
    sitting: Mutex<Option<Sitting>>,
}

impl<'a> Calling<'a> {
    /// Calls at the expense of the work, where that has a budget, else of one of their own.
    pub(crate) fn new(work: &'a Work, key: String) -> Calling<'a> {
        let budget = work.budget.clone().unwrap_or_else(|| work.calls.budget());
        Calling { work, key, attempt: 1, budget: Some(budget), about: None, sitting: Mutex::default() }
    }

    /// Calls that nobody waits for: each within the limits of its point, and no others.
    pub(crate) fn background(work: &'a Work, key: String) -> Calling<'a> {
        Calling { work, key, attempt: 1, budget: None, about: None, sitting: Mutex::default() }
    }

    /// What the calls may still use together.
    pub(super) fn budget(&self) -> Option<Arc<TransactionBudget>> {
        self.budget.clone()
    }

    /// Names the record that it is about, for the run log.
    #[must_use]
    pub(crate) fn about(self, entity: &'a EntityModel, id: Uuid) -> Calling<'a> {
        Calling { about: Some((entity, id)), ..self }
    }

    /// Says that all calls are of one plugin and about one save, so that one instance does for all of them.
    #[must_use]
    pub(super) fn seated(self) -> Calling<'a> {
        Calling { sitting: Mutex::new(Some(Sitting::default())), ..self }
    }

    /// Says that it was tried before.
    #[must_use]
    pub(crate) fn attempt(self, attempt: u32) -> Calling<'a> {
        Calling { attempt, ..self }
    }

    /// Checks a record before it is saved.
    pub(crate) async fn validate(
        &self,
        binding: &Binding,
        before: Option<&[Value]>,
        after: &[Value],
    ) -> Answer<Vec<Violation>> {
        let Some((plugin, invocation)) = self.ready(binding, before, Some(after)).await? else {
            return Ok(None);
        };
        let before = cut::maybe(self.work, binding, before).await?;
        let mut after = cut::entry(self.work, binding, after).await?;
        if before.is_none() {
            // There is no such record yet.
            after.id = None;
        }
        let begun = Instant::now();
        let (mut sitting, name) = (self.sitting.lock().take(), &binding.export().name);
        let run = plugin.validate_in(sitting.as_mut(), &invocation, name, before.as_ref(), &after).await;
        *self.sitting.lock() = sitting;
        self.close(binding, begun, run)
    }

    /// Lets a plugin look at a record before it is saved, and change it. `op` is `create`, `update` or `delete`. `judge` says
    /// whether its verdict can be used here, so that the log tells of one that cannot.
    pub(crate) async fn before_save<T, E: std::fmt::Display>(
        &self,
        binding: &Binding,
        op: &str,
        (before, after): (Option<&[Value]>, Option<&[Value]>),
        judge: impl FnOnce(Verdict) -> Result<T, E>,
    ) -> Answer<Result<T, E>> {
        let Some((plugin, invocation)) = self.ready(binding, before, after).await? else { return Ok(None) };
        let before = cut::maybe(self.work, binding, before).await?;
        let mut after = cut::maybe(self.work, binding, after).await?;
        if let Some(after) = after.as_mut().filter(|_| before.is_none()) {
            after.id = None;
        }
        let begun = Instant::now();
        let (mut sitting, name) = (self.sitting.lock().take(), &binding.export().name);
        let change = (before.as_ref(), after.as_ref());
        let run = plugin.before_save_in(sitting.as_mut(), &invocation, name, op, change).await;
        *self.sitting.lock() = sitting;
        let (outcome, mut record) = (run.outcome.map(judge), run.record);
        if let Ok(Err(unusable)) = &outcome {
            let failure = Failure::Output { reason: unusable.to_string() };
            (record.failure, record.detail) = (Some(failure.code()), Some(failure.to_string()));
        }
        self.close(binding, begun, Run { outcome, record })
    }

    /// Tells a plugin about a change.
    pub(crate) async fn after_commit(
        &self,
        binding: &Binding,
        op: &str,
        before: Option<&[Value]>,
        after: Option<&[Value]>,
    ) -> Answer<()> {
        let Some((plugin, invocation)) = self.ready(binding, before, after).await? else { return Ok(None) };
        let (before, after) =
            (cut::maybe(self.work, binding, before).await?, cut::maybe(self.work, binding, after).await?);
        let begun = Instant::now();
        let name = &binding.export().name;
        let run = plugin.after_commit(&invocation, name, op, before.as_ref(), after.as_ref()).await;
        self.close(binding, begun, run)
    }

    /// Runs an action; `resumed` is what arrived since it asked to wait.
    pub(crate) async fn run(
        &self,
        binding: &Binding,
        input: &[Field],
        resumed: Option<&[Field]>,
    ) -> Answer<Outcome> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let begun = Instant::now();
        let run = plugin.run(&invocation, &binding.export().name, input, resumed).await;
        self.close(binding, begun, run)
    }

    /// Gives records numbers.
    pub(crate) async fn score(&self, binding: &Binding, subjects: &[&[Value]]) -> Answer<Vec<Scored>> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let subjects = cut::entries(self.work, binding, subjects).await?;
        let begun = Instant::now();
        let run = plugin.score(&invocation, &binding.export().name, &subjects).await;
        self.close(binding, begun, run)
    }

    /// Chooses one of the candidates.
    pub(crate) async fn assign(
        &self,
        binding: &Binding,
        subject: &[Value],
        candidates: &[Candidate],
    ) -> Answer<Option<String>> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let subject = cut::entry(self.work, binding, subject).await?;
        let begun = Instant::now();
        let run = plugin.assign(&invocation, &binding.export().name, &subject, candidates).await;
        self.close(binding, begun, run)
    }

    /// Brings the figures of a tile.
    pub(crate) async fn load(&self, binding: &Binding, params: &[Field]) -> Answer<Table> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let begun = Instant::now();
        let run = plugin.load(&invocation, &binding.export().name, params).await;
        self.close(binding, begun, run)
    }

    /// Makes a document of a record.
    pub(crate) async fn render(
        &self,
        binding: &Binding,
        subject: &[Value],
        params: &[Field],
    ) -> Answer<Document> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let subject = cut::entry(self.work, binding, subject).await?;
        let begun = Instant::now();
        let run = plugin.render(&invocation, &binding.export().name, &subject, params).await;
        self.close(binding, begun, run)
    }

    /// Does one step of a job.
    pub(crate) async fn step(
        &self,
        binding: &Binding,
        cursor: Option<&[u8]>,
        params: &[Field],
    ) -> Answer<Progress> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let begun = Instant::now();
        let run = plugin.step(&invocation, &binding.export().name, cursor, params).await;
        self.close(binding, begun, run)
    }

    /// Uses a connector.
    pub(crate) async fn invoke(&self, binding: &Binding, input: &[Field]) -> Answer<Vec<Field>> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let begun = Instant::now();
        let run = plugin.invoke(&invocation, &binding.export().name, input).await;
        self.close(binding, begun, run)
    }

    /// Asks a connector whether the other system can be reached.
    pub(crate) async fn probe(&self, binding: &Binding, input: &[Field]) -> Answer<Vec<Field>> {
        let Some((plugin, invocation)) = self.ready(binding, None, None).await? else { return Ok(None) };
        let begun = Instant::now();
        let run = plugin.probe_connector(&invocation, &binding.export().name, input).await;
        self.close(binding, begun, run)
    }

    /// The plugin and the circumstances of a call; none when it is not to be made.
    async fn ready(
        &self,
        binding: &Binding,
        before: Option<&[Value]>,
        after: Option<&[Value]>,
    ) -> Result<Option<(Arc<Plugin>, Invocation)>, Failure> {
        if !binding.serves(self.work.actor.id(), &self.key) || !self.wanted(binding, before, after) {
            return Ok(None);
        }
        let plugin = match binding.version.ready().await {
            Ok(plugin) => plugin,
            Err(error) => return Err(self.not_loaded(binding, &error)),
        };
        let invocation = self.invocation(binding);
        Ok(Some((plugin, invocation)))
    }

    /// A call that nobody could make, as the log tells of it.
    fn not_loaded(&self, binding: &Binding, error: &HostError) -> Failure {
        let failure = Failure::Unavailable { reason: error.to_string() };
        let (manifest, export) = (binding.version.manifest(), binding.export());
        let record = RunRecord {
            tenant: self.work.calls.slug.clone(),
            plugin: binding.plugin.id.clone(),
            version: manifest.version.clone(),
            point: export.point,
            export: export.name.clone(),
            failure: Some(failure.code()),
            detail: Some(failure.to_string()),
            used: Vec::new(),
            lines: Vec::new(),
            opened: false,
        };
        let run = Run::<()> { outcome: Err(failure.clone()), record };
        drop(self.close(binding, Instant::now(), run));
        failure
    }

    /// For whom, with which rights and at whose expense a plugin is called.
    pub(super) fn invocation(&self, binding: &Binding) -> Invocation {
        Invocation {
            tenant: self.work.calls.counted().to_owned(),
            call: self.circumstances(binding),
            capabilities: Arc::new(Reach::new(self.work, binding)),
            granted: granted(binding),
            transaction: self.budget.clone(),
        }
    }

    /// Whether the condition of the export holds. One that cannot be evaluated must not keep a check from being made.
    fn wanted(&self, binding: &Binding, before: Option<&[Value]>, after: Option<&[Value]>) -> bool {
        let Some((when, entity)) = binding.when.as_ref().zip(binding.entity) else { return true };
        let nothing = vec![Value::Null; self.work.model().entities[entity].fields.len()];
        let roots = [before.unwrap_or(&nothing), after.unwrap_or(&nothing)];
        let cx = Context { now: self.work.now, tz: self.work.actor.user.tz, roots: &roots, functions: None };
        when.test(&cx).unwrap_or(true)
    }

    fn circumstances(&self, binding: &Binding) -> Call {
        let user = &self.work.actor.user;
        let depth = self.work.cause.as_ref().map_or(0, |cause| cause.depth + 1);
        Call {
            tenant: self.work.calls.slug.clone(),
            actor: self.work.actor.id().map(|id| id.to_string()),
            locale: user.language.clone(),
            time_zone: user.tz.name().to_owned(),
            now: entry::text_of(&Value::DateTime(self.work.now)),
            idempotency_key: self.key.clone(),
            attempt: self.attempt,
            depth: u32::try_from(depth).unwrap_or(0),
            config: binding.version.config.clone(),
        }
    }

    /// Hands the run over to the log.
    pub(super) fn close<T>(&self, binding: &Binding, begun: Instant, run: Run<T>) -> Answer<T> {
        let noted = Noted {
            record: run.record,
            number: binding.version.number,
            at: self.work.now,
            wall: begun.elapsed(),
            actor: self.work.actor.id(),
            about: self.about.map(|(entity, id)| (entity.key.clone(), id)),
        };
        self.work.calls.note(noted, &*self.work.env);
        run.outcome.map(Some)
    }
}

/// What an export may do: of what its plugin was granted, that which is open at its point at all.
fn granted(binding: &Binding) -> Arc<Permissions> {
    let (granted, open) = (&binding.version.granted, binding.export().point.may_use());
    match granted.words().all(|word| open.contains(&word)) {
        true => Arc::clone(granted),
        false => Arc::new(granted.only(open)),
    }
}

/// What a plugin calls an entity: by its own name for it, or by the entity's.
pub(super) fn kind_of<'n>(work: &'n Work, version: &'n Version) -> impl Fn(usize) -> Cow<'n, str> {
    |entity| {
        let own = version.names.of(entity).map(|(name, _)| name);
        own.unwrap_or_else(|| entry::own_name(work.model(), entity)).into()
    }
}

/// Whether a record is in the trash.
pub(super) fn is_deleted(values: &[Value]) -> bool {
    !values[system::DELETED_AT].is_null()
}
