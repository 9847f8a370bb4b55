//! What the person who runs a server decides: by flags of `mortise serve` or by environment variables `MORTISE_…`.
//! Never holds anything that belongs to a tenant.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;
use mortise_engine::Retention;

/// Largest body of an ordinary API request; a record with all its lines is far below it.
pub const BODY_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// Largest body by which a page tells how a form was used; two hundred interactions have half of it.
pub const INTERACTIONS_LIMIT_BYTES: usize = 64 * 1024;
/// Largest body of a batch; 10,000 records of 1 kB each fit in.
pub const BATCH_LIMIT_BYTES: usize = 32 * 1024 * 1024;
/// Largest call of another system; forms and chat messages have some kilobytes.
pub const CALL_LIMIT_BYTES: usize = 1024 * 1024;
/// Largest file of an import with the form around it; the engine takes a little less.
pub const IMPORT_LIMIT_BYTES: usize = 256 * 1024 * 1024;
/// What the form around an uploaded file may take: its name and type, and the marks between its parts.
const FORM_BYTES: u64 = 64 * 1024;
/// Largest app package; the biggest app known has 300 kB of JSON.
pub const PACKAGE_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Largest package of a plugin: the largest component and everything beside it, as text that JSON can carry.
pub const PLUGIN_LIMIT_BYTES: usize = 56 * 1024 * 1024;

/// Connections at once: a thousand people with the six connections of a browser do not all ask at the same time, and
/// idle ones cost some 20 kB each.
const CONNECTIONS: usize = 4096;
/// A head is one or two packets; a telephone between two cells takes seconds.
const HEAD_SECONDS: u64 = 15;
/// As proxies and other servers have it.
const STALL_SECONDS: u64 = 30;
/// Longer than the proxies before us keep theirs (60 seconds), so that they never send into a connection being closed.
const IDLE_SECONDS: u64 = 75;
/// Photos of phones have up to 15 MB, films are not meant to be sent.
const FILE_MIB: u64 = 100;

/// Long enough for a break between two visits; opening a tenant takes some milliseconds.
const TENANT_IDLE_SECONDS: u64 = 600;
/// Where the key of secrets is taken from, instead of the data folder. No flag: those are seen by everybody on a machine.
const SECRET_KEY: &str = "MORTISE_SECRET_KEY";

/// Where data is; for every command.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Folder of databases and files.
    #[arg(long, env = "MORTISE_DATA", default_value = "mortise-data", global = true)]
    pub data: PathBuf,

    /// PostgreSQL server (postgres://user:password@host/database); SQLite files in the data folder unless given.
    #[arg(long, env = "MORTISE_DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,

    /// What is decided about plugins.
    #[command(flatten)]
    pub plugins: Plugins,
}

/// What is decided about plugins.
#[derive(Debug, Clone, Default, Args)]
pub struct Plugins {
    /// Folder of plugin packages that ship; `plugins` beside the data folder, where there is one, unless given.
    #[arg(id = "plugins", long = "plugins", env = "MORTISE_PLUGINS", global = true)]
    pub shelf: Option<PathBuf>,

    /// File with limits of plugins and with what no plugin may do; `plugins.json` in the data folder unless given.
    #[arg(id = "plugin_settings", long = "plugin-settings", env = "MORTISE_PLUGIN_SETTINGS", global = true)]
    pub file: Option<PathBuf>,

    /// Program that turns components into machine code, a process for each; this process itself where there is none.
    #[arg(skip)]
    pub worker: Option<PathBuf>,
}

/// How it is served.
#[derive(Debug, Clone, Args)]
pub struct Serving {
    /// Address to listen on.
    #[arg(long, env = "MORTISE_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Address that people use, when a proxy stands before the server; https makes cookies secure.
    #[arg(long, env = "MORTISE_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Believe the X-Forwarded-For and X-Forwarded-Proto headers of a proxy.
    #[arg(long, env = "MORTISE_TRUST_PROXY")]
    pub trust_proxy: bool,

    /// Tenant served to hosts that belong to no tenant; the only tenant unless given.
    #[arg(long, env = "MORTISE_TENANT")]
    pub default_tenant: Option<String>,

    /// Threads that serve; as many as there are processors unless given.
    #[arg(long, env = "MORTISE_THREADS")]
    pub threads: Option<usize>,

    /// Most connections at once; more clients wait until one is free.
    #[arg(long, env = "MORTISE_CONNECTIONS", default_value_t = CONNECTIONS)]
    pub connections: usize,

    /// Seconds that the head of a request may take to arrive.
    #[arg(long, env = "MORTISE_HEAD_SECONDS", default_value_t = HEAD_SECONDS)]
    pub head_seconds: u64,

    /// Seconds after which a body or a download that does not get on is given up.
    #[arg(long, env = "MORTISE_STALL_SECONDS", default_value_t = STALL_SECONDS)]
    pub stall_seconds: u64,

    /// Seconds that a connection stays open without a request.
    #[arg(long, env = "MORTISE_IDLE_SECONDS", default_value_t = IDLE_SECONDS)]
    pub idle_seconds: u64,

    /// Largest uploaded file in MiB.
    #[arg(long, env = "MORTISE_FILE_MIB", default_value_t = FILE_MIB)]
    pub file_mib: u64,

    /// Font (TTF, OTF or TTC) that photos are marked with; an installed one with Chinese letters unless given.
    #[arg(long, env = "MORTISE_FONT")]
    pub font: Option<PathBuf>,

    /// Token that `/metrics` asks for; without one, only this machine itself may read them.
    #[arg(long, env = "MORTISE_METRICS_TOKEN", hide_env_values = true)]
    pub metrics_token: Option<String>,

    /// Lets deliveries (mail, robots, webhooks) go to addresses within private networks.
    #[arg(long, env = "MORTISE_ALLOW_PRIVATE_ADDRESSES", value_parser = clap::builder::FalseyValueParser::new())]
    pub allow_private_addresses: bool,

    /// Seconds after which a tenant is closed that nobody uses and in which nothing happens by itself; 0 for never.
    #[arg(long, env = "MORTISE_TENANT_IDLE_SECONDS", default_value_t = TENANT_IDLE_SECONDS)]
    pub tenant_idle_seconds: u64,

    /// How long things are kept that are over.
    #[command(flatten)]
    pub keeping: Keeping,

    /// Logs as JSON lines.
    #[arg(long, env = "MORTISE_LOG_JSON")]
    pub log_json: bool,

    /// One line of log for every request.
    #[arg(long, env = "MORTISE_LOG_REQUESTS")]
    pub log_requests: bool,
}

impl Default for Serving {
    /// On this machine, on any free port.
    fn default() -> Self {
        Serving {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            trust_proxy: false,
            default_tenant: None,
            threads: None,
            connections: CONNECTIONS,
            head_seconds: HEAD_SECONDS,
            stall_seconds: STALL_SECONDS,
            idle_seconds: IDLE_SECONDS,
            file_mib: FILE_MIB,
            font: None,
            metrics_token: None,
            allow_private_addresses: false,
            tenant_idle_seconds: TENANT_IDLE_SECONDS,
            keeping: Keeping::default(),
            log_json: false,
            log_requests: false,
        }
    }
}

/// How many days things are kept that are over.
#[derive(Debug, Clone, Args)]
pub struct Keeping {
    /// Days for which events are kept after they were worked off.
    #[arg(long, env = "MORTISE_KEEP_EVENTS_DAYS", default_value_t = 90, value_parser = days())]
    pub keep_events_days: i64,

    /// Days for which failed work is kept after it was done or dismissed.
    #[arg(long, env = "MORTISE_KEEP_WORK_DAYS", default_value_t = 90, value_parser = days())]
    pub keep_work_days: i64,

    /// Days for which messages are kept after they were sent.
    #[arg(long, env = "MORTISE_KEEP_DELIVERIES_DAYS", default_value_t = 90, value_parser = days())]
    pub keep_deliveries_days: i64,

    /// Days for which calls of plugins are kept after they were made or dismissed.
    #[arg(long, env = "MORTISE_KEEP_CALLS_DAYS", default_value_t = 90, value_parser = days())]
    pub keep_calls_days: i64,

    /// Days for which messages of the inbox are kept after they were read.
    #[arg(long, env = "MORTISE_KEEP_INBOX_DAYS", default_value_t = 180, value_parser = days())]
    pub keep_inbox_days: i64,

    /// Days for which a call of another system is known when it comes again.
    #[arg(long, env = "MORTISE_KEEP_RECEIVED_DAYS", default_value_t = 90, value_parser = days())]
    pub keep_received_days: i64,

    /// Days for which it is kept how forms were used.
    #[arg(long, env = "MORTISE_KEEP_INTERACTIONS_DAYS", default_value_t = 90, value_parser = days())]
    pub keep_interactions_days: i64,
}

/// From a day to a hundred years.
fn days() -> clap::builder::RangedI64ValueParser<i64> {
    clap::value_parser!(i64).range(1..=36_500)
}

impl Default for Keeping {
    fn default() -> Self {
        let Retention { events, work, deliveries, calls, inbox, received, interactions } =
            Retention::default();
        Keeping {
            keep_events_days: events.num_days(),
            keep_work_days: work.num_days(),
            keep_deliveries_days: deliveries.num_days(),
            keep_calls_days: calls.num_days(),
            keep_inbox_days: inbox.num_days(),
            keep_received_days: received.num_days(),
            keep_interactions_days: interactions.num_days(),
        }
    }
}

impl Keeping {
    /// The same for the engine.
    pub fn retention(&self) -> Retention {
        Retention {
            events: TimeDelta::days(self.keep_events_days),
            work: TimeDelta::days(self.keep_work_days),
            deliveries: TimeDelta::days(self.keep_deliveries_days),
            calls: TimeDelta::days(self.keep_calls_days),
            inbox: TimeDelta::days(self.keep_inbox_days),
            received: TimeDelta::days(self.keep_received_days),
            interactions: TimeDelta::days(self.keep_interactions_days),
        }
    }
}

/// Everything that is decided outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of databases and files.
    pub data: PathBuf,
    /// PostgreSQL server; SQLite without one.
    pub database_url: Option<String>,
    /// Keys of secrets; those of the data folder without.
    pub secret_key: Option<String>,
    /// What is decided about plugins.
    pub plugins: Plugins,
    /// How it is served.
    pub serving: Serving,
}

impl Config {
    /// From flags and environment.
    pub fn new(place: Place, serving: Serving) -> Self {
        let secret_key = std::env::var(SECRET_KEY).ok().filter(|key| !key.trim().is_empty());
        // Where a program cannot say where it lies, it compiles by itself.
        let worker = std::env::current_exe().ok();
        let plugins = Plugins { worker, ..place.plugins };
        Config { data: place.data, database_url: place.database_url, secret_key, plugins, serving }
    }

    /// Everything at its default, with data in `data`; for tests and tools.
    pub fn for_folder(data: impl Into<PathBuf>) -> Self {
        Config {
            data: data.into(),
            database_url: None,
            secret_key: None,
            plugins: Plugins::default(),
            serving: Serving::default(),
        }
    }

    /// Most bytes of an uploaded file.
    pub fn file_bytes_max(&self) -> u64 {
        self.serving.file_mib.saturating_mul(1024 * 1024)
    }

    /// Most bytes of a form with an uploaded file.
    pub fn upload_limit_bytes(&self) -> usize {
        usize::try_from(self.file_bytes_max().saturating_add(FORM_BYTES)).unwrap_or(usize::MAX)
    }

    /// True when people reach the server by https.
    pub fn public_https(&self) -> bool {
        self.serving.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}
