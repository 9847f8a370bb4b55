//! What the person who runs a server decides: by flags of `mortise serve` or by environment variables `MORTISE_…`.
//! Never holds anything that belongs to a tenant.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Largest body of an ordinary API request; a record with all its lines is far below it.
pub const BODY_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// Largest body of a batch; 10,000 records of 1 kB each fit in.
pub const BATCH_LIMIT_BYTES: usize = 32 * 1024 * 1024;
/// Largest form with uploads; single files are limited by the engine.
pub const UPLOAD_LIMIT_BYTES: usize = 256 * 1024 * 1024;
/// Largest app package; the biggest app known has 300 kB of JSON.
pub const PACKAGE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Where data is; for every command.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Folder of databases and files.
    #[arg(long, env = "MORTISE_DATA", default_value = "mortise-data", global = true)]
    pub data: PathBuf,

    /// PostgreSQL server (postgres://user:password@host/database); SQLite files in the data folder unless given.
    #[arg(long, env = "MORTISE_DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
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
            log_json: false,
            log_requests: false,
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
    /// How it is served.
    pub serving: Serving,
}

impl Config {
    /// From flags and environment.
    pub fn new(place: Place, serving: Serving) -> Self {
        Config { data: place.data, database_url: place.database_url, serving }
    }

    /// Everything at its default, with data in `data`; for tests and tools.
    pub fn for_folder(data: impl Into<PathBuf>) -> Self {
        Config { data: data.into(), database_url: None, serving: Serving::default() }
    }

    /// True when people reach the server by https.
    pub fn public_https(&self) -> bool {
        self.serving.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}
