//! Plugins of a tenant: which are installed and in force, what they may do, and calling them. The host knows nothing of
//! tenants' data; here it is decided what a plugin sees of it, and with whose rights.
//!
//! ```text
//! package ── lifecycle ──► tables ── bind (with the model) ──► Bound, part of what is published ──► calls
//! ```

mod bind;
mod bound;
mod call;
mod capabilities;
mod complaint;
mod config;
mod credential;
mod cut;
mod entry;
mod functions;
mod host;
mod info;
mod installed;
mod lifecycle;
mod names;
mod outside;
mod providing;
mod renewal;
mod runs;
mod saving;
mod shelf;
mod shipped;
mod storage;
mod tables;
mod tie;
mod usage;
mod work;

pub(crate) use bind::{bind, keep_proven};
pub(crate) use bound::{Binding, Bound};
pub(crate) use call::{Calling, Switchboard};
pub use complaint::Complaint;
pub use config::setting_fits;
pub(crate) use entry::plain;
pub(crate) use functions::{FunctionMemo, plugin_issue};
pub(crate) use host::PluginHouse;
pub use host::PluginOptions;
pub use info::{CanaryInfo, CircuitInfo, PluginInfo, PluginState, SecretInfo, VersionInfo};
pub use lifecycle::{Difference, ExportName, Inspection, PluginReport, Standing};
pub use mortise_plugin_host::value::{Column as ProvidedColumn, Table as ProvidedTable};
pub use outside::{Credential, Errand, Outside};
pub use renewal::Renewal;
pub use runs::PluginCalls;
pub(crate) use saving::{Heard, Op, Saving};
pub use shipped::{PlannedPlugin, ShippedPlugin};
pub use tables::{EntityMapping, Mapping};
pub use usage::{PluginRun, PluginUsage, RunFilter};
pub use work::{CallState, PluginCall, PluginJob, Why};
pub(crate) use work::{
    Desk, ask, carry, export_name, exports, operation, outline, scheduled_jobs, signal, sync_jobs, tell,
};
