//! What every request can reach: the engine, the control plane, open tenants and the caches of sign-ins.
//! Cloning is one reference count. A tenant's storage is opened by its first request and kept open.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use mortise_engine::exchange::Imports;
use mortise_engine::{
    Database, Department, Directory, Engine, EngineOptions, Env, Lanes, Person, Tenant, Vitals,
};
use mortise_store::control::{self, Control, Noted, Place};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::{Passwords, SignIns};
use crate::courier::{Envoy, Outlet};
use crate::http::{Metrics, PluginsClosed};
use crate::pages::Pages;
use crate::photo::{Fonts, Previews};
use crate::{Base, Config, Failure, keys, plugins};

/// A tenant with something due within this time is kept open: to close and to open it costs more than to wait.
const SOON: TimeDelta = TimeDelta::minutes(2);

/// Shared by all requests.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

/// The parts of [`AppState`].
pub struct Shared {
    /// Tenant data.
    pub engine: Engine,
    /// Tenants, people, sessions, tokens.
    pub control: Control,
    /// What the person who runs the server decided.
    pub config: Config,
    /// Who is signed in, cached.
    pub sign_ins: SignIns,
    /// Password hashing, bounded.
    pub passwords: Passwords,
    /// Counters for `/metrics`.
    pub metrics: Metrics,
    /// Templates and assets.
    pub pages: Pages,
    /// SHA-256 of the operator's token: whoever reads the data folder may act as the operator.
    pub operator: Option<[u8; 32]>,
    /// What photos are marked with, once there is one.
    fonts: OnceLock<Fonts>,
    /// Small versions of pictures.
    pub(crate) previews: Previews,
    /// Carries deliveries out of the house.
    pub courier: Arc<Envoy>,
    /// Carries the calls of plugins.
    pub outlet: Arc<Outlet>,
    /// How many calls of other systems came lately.
    pub calls: crate::api::inbound::Calls,
    /// The simulations that run, and who had some lately.
    pub sandboxes: crate::api::sandbox::Runs,
    /// What plugins came to in tenants that are closed.
    pub(crate) plugins_closed: PluginsClosed,
    /// Cancelled to stop the server.
    pub stop: CancellationToken,
    tenants: ArcSwap<TenantMap>,
    opening: Mutex<()>,
    /// By whom the lanes of open tenants are worked; by nobody in a process that only carries out a command.
    lanes: OnceLock<Arc<dyn Lanes>>,
    /// What runs beside the requests until the server stops.
    tasks: parking_lot::Mutex<Vec<JoinHandle<()>>>,
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

#[derive(Default, Clone)]
struct TenantMap {
    by_slug: HashMap<String, Arc<TenantHandle>>,
    /// Slug by host, of all tenants, open or not.
    hosts: HashMap<String, String>,
    /// The tenant at `/` of unknown hosts.
    default: Option<String>,
}

/// An open tenant with what the control plane knows about it.
pub struct TenantHandle {
    /// Its row in the control plane.
    pub record: control::Tenant,
    /// Start of links where it is named by the path.
    pub base: Base,
    /// Its data.
    pub engine: Arc<Tenant>,
    /// Its imports.
    pub imports: Arc<Imports>,
    /// When it was asked for last, in microseconds; 0 as long as nobody but its lane needed it.
    used: AtomicI64,
}

impl TenantHandle {
    /// The tenant's time zone; UTC should the stored name mean nothing any more.
    pub fn zone(&self) -> Tz {
        self.record.time_zone.parse().unwrap_or(Tz::UTC)
    }

    /// When it was asked for last.
    fn used(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.used.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Whether its time can be moved by the operator.
    pub fn has_test_clock(&self) -> bool {
        self.record.clock_ahead.is_some()
    }
}

/// Lets a tenant's time be what the control plane says.
pub(crate) fn set_clock(engine: &Tenant, record: &control::Tenant) {
    if let Some(ahead) = record.ahead() {
        engine.reach(ahead);
    }
}

/// What is noted of a tenant for figures of all tenants.
pub(crate) fn noted(vitals: &Vitals) -> Noted {
    let Vitals { waiting, parked, unsent, dead, .. } = *vitals;
    Noted { waiting, parked, unsent, dead }
}

impl AppState {
    /// What photos are marked with; looked for when the first one comes.
    pub(crate) fn fonts(&self) -> Fonts {
        let open = || {
            let fonts = Fonts::open(self.config.serving.font.as_deref()).unwrap_or_else(|error| {
                tracing::error!(%error, "photos are marked in plain letters");
                Fonts::none()
            });
            if !fonts.has_chinese() {
                tracing::warn!(
                    "no font with Chinese letters: install fonts-noto-cjk or name one with MORTISE_FONT"
                );
            }
            fonts
        };
        self.fonts.get_or_init(open).clone()
    }

    /// Opens the control plane and the engine where the configuration says.
    pub async fn open(
        config: Config,
        env: Arc<dyn Env>,
        operator: Option<[u8; 32]>,
    ) -> Result<Self, Failure> {
        std::fs::create_dir_all(&config.data).map_err(Failure::internal)?;
        let place = match &config.database_url {
            Some(url) => Place::Postgres(url),
            None => Place::Folder(&config.data),
        };
        let control = Control::open(place).await?;
        let database = match &config.database_url {
            Some(url) => Database::Postgres { url: url.clone() },
            None => Database::Sqlite,
        };
        let keys = keys::settle(&config, &control).await?;
        let file_bytes_max = config.file_bytes_max();
        let plugins = plugins::decided(&config)?.options;
        let options = EngineOptions { data_dir: config.data.clone(), database, env, file_bytes_max, plugins };
        let engine = Engine::open_with(options, keys, config.serving.keeping.retention()).await?;
        Self::new(config, engine, control, operator).await
    }

    /// State around an engine and a control plane that are open.
    pub async fn new(
        config: Config,
        engine: Engine,
        control: Control,
        operator: Option<[u8; 32]>,
    ) -> Result<Self, Failure> {
        let private = plugins::decided(&config)?.private_addresses;
        let state = AppState(Arc::new(Shared {
            outlet: Arc::new(Outlet::new(private).map_err(Failure::internal)?),
            engine,
            control,
            sign_ins: SignIns::default(),
            passwords: Passwords::default(),
            metrics: Metrics::default(),
            pages: Pages::load().map_err(Failure::internal)?,
            fonts: OnceLock::new(),
            previews: Previews::default(),
            operator,
            courier: Arc::new(Envoy::new(config.serving.allow_private_addresses).map_err(Failure::internal)?),
            calls: crate::api::inbound::Calls::default(),
            sandboxes: crate::api::sandbox::Runs::default(),
            plugins_closed: PluginsClosed::default(),
            stop: CancellationToken::new(),
            tenants: ArcSwap::default(),
            opening: Mutex::new(()),
            lanes: OnceLock::new(),
            tasks: parking_lot::Mutex::default(),
            config,
        }));
        state.reload_tenants().await?;
        Ok(state)
    }

    /// The present time by the engine's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.engine.env().now()
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        self.engine.env().id()
    }

    /// The slug of the tenant that a host belongs to, or the default tenant's.
    pub fn slug_of_host(&self, host: Option<&str>) -> Option<String> {
        let map = self.tenants.load();
        let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase());
        host.and_then(|host| map.hosts.get(&host)).or(map.default.as_ref()).cloned()
    }

    /// The open tenant with this slug, for a request; opens it when this is the first one.
    pub async fn tenant(&self, slug: &str) -> Result<Arc<TenantHandle>, Failure> {
        let handle = self.look_into(slug).await?;
        handle.used.store(self.now().timestamp_micros(), Ordering::Relaxed);
        Ok(handle)
    }

    /// The same, without a reason to keep it open afterwards.
    pub(crate) async fn look_into(&self, slug: &str) -> Result<Arc<TenantHandle>, Failure> {
        if let Some(handle) = self.tenants.load().by_slug.get(slug) {
            return Ok(handle.clone());
        }
        self.open_tenant(slug).await
    }

    /// Closes a tenant that nobody has asked for lately and in which nothing happens: an idle tenant costs a row of the
    /// control plane and its file, no connection, no task and no memory. Tells whether it is closed.
    pub(crate) async fn rest(&self, slug: &str) -> Result<bool, Failure> {
        let _one_at_a_time = self.opening.lock().await;
        let known = self.tenants.load().by_slug.get(slug).cloned();
        let Some(handle) = known else { return Ok(self.engine.rest(slug, 0, SOON).await?) };
        let Some(idle) = self.idle().filter(|idle| self.now() - handle.used() >= *idle) else {
            return Ok(false);
        };
        let within = idle.min(SOON);
        if !handle.engine.is_idle(within).await? {
            return Ok(false);
        }
        let due = handle.engine.lane_due().await?.map(|due| due - handle.engine.ahead());
        let vitals = handle.engine.vitals().await?;
        // Whoever asks from here on waits for us; whoever has it already keeps it open.
        self.change_map(|map| drop(map.by_slug.remove(slug)));
        if Arc::strong_count(&handle) > 1 || !self.engine.rest(slug, 1, within).await? {
            self.change_map(|map| drop(map.by_slug.insert(slug.to_owned(), handle.clone())));
            return Ok(false);
        }
        self.plugins_closed.keep(handle.engine.plugin_calls());
        let id = handle.record.id;
        self.control.note_lane(id, &noted(&vitals)).await?;
        self.control.rest_lane(id, due).await?;
        self.control.close_lanes(&[id]).await?;
        tracing::debug!(tenant = slug, "nobody uses the tenant: it is closed");
        Ok(true)
    }

    /// How long nobody has to ask for a tenant before it is closed; none when tenants are not closed.
    fn idle(&self) -> Option<TimeDelta> {
        let seconds =
            i64::try_from(self.config.serving.tenant_idle_seconds).ok().filter(|seconds| *seconds > 0);
        seconds.and_then(TimeDelta::try_seconds)
    }

    fn change_map(&self, change: impl Fn(&mut TenantMap)) {
        self.tenants.rcu(|map| {
            let mut map = TenantMap::clone(map);
            change(&mut map);
            map
        });
    }

    #[cold]
    async fn open_tenant(&self, slug: &str) -> Result<Arc<TenantHandle>, Failure> {
        let _one_at_a_time = self.opening.lock().await;
        if let Some(handle) = self.tenants.load().by_slug.get(slug) {
            return Ok(handle.clone());
        }
        let unknown = || Failure::not_found("tenant.unknown").with("tenant", slug);
        let record = self.control.tenant_by_slug(slug).await?.ok_or_else(unknown)?;
        if record.suspended {
            return Err(Failure::not_found("tenant.suspended").with("tenant", slug));
        }
        let engine = self.engine.tenant(slug).await?;
        engine.set_directory(self.directory_of(&record).await?);
        set_clock(&engine, &record);
        engine.hire(self.courier.clone());
        engine.connect_plugins(self.outlet.clone());
        self.control.open_lane(record.id).await?;
        if let Some(lanes) = self.lanes.get() {
            engine.work_lane(lanes.clone());
        }
        let imports = engine.imports().clone();
        imports.resume(&engine)?;
        let base = Base(format!("/t/{slug}").into());
        let handle = Arc::new(TenantHandle { record, base, engine, imports, used: AtomicI64::new(0) });
        self.change_map(|map| drop(map.by_slug.insert(slug.to_owned(), handle.clone())));
        Ok(handle)
    }

    /// Reads hosts and the default tenant again and forgets open handles; called when a tenant was made, changed or removed.
    pub async fn reload_tenants(&self) -> Result<(), Failure> {
        let tenants = self.control.tenants().await?;
        let only = match tenants.as_slice() {
            [tenant] => Some(tenant.slug.clone()),
            _ => None,
        };
        let hosts = tenants
            .iter()
            .filter_map(|tenant| Some((tenant.host.as_ref()?.to_ascii_lowercase(), tenant.slug.clone())));
        self.tenants.store(Arc::new(TenantMap {
            by_slug: HashMap::new(),
            hosts: hosts.collect(),
            default: self.config.serving.default_tenant.clone().or(only),
        }));
        Ok(())
    }

    /// The same when some tenants, or any of them, were made, changed or removed by another node.
    pub(crate) async fn follow_tenants(&self, told: &HashSet<String>, all: bool) -> Result<(), Failure> {
        let mut changed = all;
        for slug in told {
            changed |= self.is_outdated(slug, self.control.tenant_by_slug(slug).await?.as_ref());
        }
        if changed {
            self.reload_tenants().await?;
        }
        Ok(())
    }

    /// Whether a tenant is another one by now than this node knows. That it is not open says nothing.
    fn is_outdated(&self, slug: &str, record: Option<&control::Tenant>) -> bool {
        let map = self.tenants.load();
        let host = record.and_then(|record| record.host.as_ref()).map(|host| host.to_ascii_lowercase());
        let known = map.hosts.iter().find(|(_, of)| *of == slug).map(|(host, _)| host);
        let same = |known: &control::Tenant| {
            let seen = |one: &control::Tenant| {
                (one.id, one.name.clone(), one.language.clone(), one.time_zone.clone(), one.suspended)
            };
            record.is_some_and(|record| seen(record) == seen(known))
        };
        known != host.as_ref() || map.by_slug.get(slug).is_some_and(|handle| !same(&handle.record))
    }

    /// Tells other nodes that a tenant was changed or removed, before its storage goes.
    pub(crate) async fn tell_of_tenant(&self, slug: &str) {
        if !self.engine.shared() {
            return;
        }
        let was_open = self.engine.opened(slug).is_some();
        let told = async {
            self.engine.tenant(slug).await?.announce_people().await?;
            Ok(was_open || self.engine.rest(slug, 0, TimeDelta::zero()).await?)
        };
        let told: Result<bool, mortise_engine::Error> = told.await;
        if let Err(error) = told {
            tracing::warn!(tenant = slug, %error, "other nodes could not be told that the tenant changed");
        }
    }

    /// Reads the people of a tenant again; called whenever users, departments or roles of users changed.
    pub async fn reload_directory(&self, tenant: &TenantHandle) -> Result<(), Failure> {
        self.read_directory(tenant).await?;
        Ok(tenant.engine.announce_people().await?)
    }

    /// The same without telling other nodes: they told. They tell as well when they moved the tenant's clock.
    pub(crate) async fn read_directory(&self, tenant: &TenantHandle) -> Result<(), Failure> {
        tenant.engine.set_directory(self.directory_of(&tenant.record).await?);
        if tenant.has_test_clock()
            && let Some(record) = self.control.tenant_by_slug(&tenant.record.slug).await?
        {
            set_clock(&tenant.engine, &record);
        }
        Ok(())
    }

    /// The tenants that are open here.
    pub(crate) fn open_tenants(&self) -> Vec<Arc<TenantHandle>> {
        self.tenants.load().by_slug.values().cloned().collect()
    }

    /// Has the lanes of all tenants worked from now on.
    pub(crate) fn begin_lanes(&self, lanes: Arc<dyn Lanes>) {
        let lanes = self.lanes.get_or_init(|| lanes);
        for tenant in self.open_tenants() {
            tenant.engine.work_lane(lanes.clone());
        }
    }

    /// Waits for a task when the server closes; it has to end when `stop` is cancelled.
    pub(crate) fn keep_task(&self, task: JoinHandle<()>) {
        self.tasks.lock().push(task);
    }

    /// Everybody of a tenant, as the engine wants to know them.
    async fn directory_of(&self, tenant: &control::Tenant) -> Result<Directory, Failure> {
        let users = self.control.users(tenant.id).await?.into_iter().map(|(user, roles)| Person {
            id: user.id,
            login: user.login,
            name: user.name,
            email: user.email,
            active: user.active,
            administrator: user.administrator,
            department: user.department_id,
            supervisor: user.supervisor_id,
            roles,
            language: user.language,
        });
        let departments = self.control.departments(tenant.id).await?.into_iter();
        let departments =
            departments.map(|row| Department { id: row.id, name: row.name, parent: row.parent_id });
        let zone = tenant.time_zone.parse().unwrap_or(Tz::UTC);
        let directory = Directory::new(users.collect(), departments.collect(), zone, tenant.language.clone());
        Ok(directory.at(self.address_of(tenant)))
    }

    /// Address of a tenant's pages for links that leave the house; only the path, unless it is said where people find
    /// this server.
    fn address_of(&self, tenant: &control::Tenant) -> String {
        let Some(public) = &self.config.serving.public_url else { return format!("/t/{}", tenant.slug) };
        let public = public.trim_end_matches('/');
        match (&tenant.host, public.split_once("://")) {
            (Some(host), Some((scheme, _))) => format!("{scheme}://{host}"),
            _ => format!("{public}/t/{}", tenant.slug),
        }
    }

    /// Writes what is queued and closes everything.
    pub async fn close(&self) {
        self.stop.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task ended unexpectedly");
            }
        }
        self.engine.shutdown().await;
        let worked: Vec<Uuid> = self.open_tenants().iter().map(|tenant| tenant.record.id).collect();
        if self.lanes.get().is_some()
            && let Err(error) = self.control.close_lanes(&worked).await
        {
            tracing::warn!(%error, "tenants will be looked after at the next start");
        }
        if let Err(error) = self.control.close().await {
            tracing::warn!(%error, "the control database did not close cleanly");
        }
    }
}
