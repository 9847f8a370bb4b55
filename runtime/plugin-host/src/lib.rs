//! Runs plugins: WebAssembly components that come from outside, do what their manifest declares and an administrator has
//! granted, within hard limits, and leave a record of every call. Knows nothing of tenants' data: the engine hands in what a
//! plugin may see and do ([`Capabilities`]). Nothing that a plugin does may harm the host or another tenant.
//!
//! ```text
//! bytes ── Package::read ── PluginHost::install ──► Plugin ── validate, before_save, run … ──► Run { outcome, record }
//!            manifest         inspect, compile                    fresh instance per call
//! ```

pub mod address;
mod aside;
mod breaker;
mod calls;
mod capability;
mod compile;
mod component;
mod engine;
mod error;
pub mod folder;
mod functions;
mod host;
mod host_rule;
pub mod limits;
pub mod manifest;
mod meter;
mod package;
mod permission;
mod permit;
mod plugin;
mod reserve;
pub mod run;
mod sitting;
mod state;
mod turn;
mod v1;
pub mod value;
mod warm;

pub use breaker::{Breaker, Circuit};
pub use capability::{Capabilities, HttpTerms};
pub use compile::{Compiler, worker};
pub use component::{Interfaces, compatibility, inspect};
pub use engine::EngineKind;
pub use error::HostError;
pub use functions::Place;
pub use host::PluginHost;
pub use host_rule::{HostRule, HostRuleError};
pub use meter::{Exceeded, Meter, Scope, TransactionBudget};
pub use package::{FILE_BYTES_MAX, FILES_BYTES_MAX, FILES_MAX, Package};
pub use permission::{
    Denied, HostCall, HttpPermission, Permissions, ReadPermission, StoragePermission, WriteOp,
    WritePermission, permit,
};
pub use plugin::{Invocation, Plugin};
pub use sitting::Sitting;
