//! Writes plugins for Mortise in Rust. A plugin is a crate with a `plugin.json`, functions that carry the attribute of
//! their extension point, and `export!()` at the end; it compiles to WebAssembly for the server and natively for tests.
//!
//! ```text
//! use mortise_sdk::prelude::*;
//!
//! schema!("plugin.json");                       // a type for each kind of record that plugin.json names
//!
//! #[validator("vat-number")]
//! fn vat_number(cx: &Context, change: &Change<Company>) -> Result<Vec<Violation>, Fault> { … }
//!
//! export!();
//! ```
//!
//! Never reads a clock or rolls dice: what a plugin knows comes with the call ([`Context`]) or from the host.

// The macros name this crate by its name, also here.
extern crate self as mortise_sdk;

pub mod bindings;
mod context;
#[doc(hidden)]
pub mod glue;
#[cfg(target_arch = "wasm32")]
mod heap;
mod record;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod value;

pub use bindings::action::exports::mortise::workflow::action::Outcome;
pub use bindings::assigner::exports::mortise::assignment::assigner::Candidate;
pub use bindings::before_save::exports::mortise::hooks::before_save::Verdict;
pub use bindings::imports::mortise::budget::budget::Counter;
pub use bindings::imports::mortise::http::client::{Header, Request, Response};
pub use bindings::imports::mortise::records::read::{Condition, Page, Query};
pub use bindings::imports::mortise::types::calls::{Call, Entry, Fault, Retry};
pub use bindings::imports::mortise::types::values::{Field, Other, Reference, Value};
pub use bindings::job::exports::mortise::jobs::job::Progress;
pub use bindings::provider::exports::mortise::dashboards::provider::{Column, Table};
pub use bindings::renderer::exports::mortise::documents::renderer::Document;
pub use bindings::scorer::exports::mortise::assignment::scorer::{Reason, Scored};
pub use bindings::validator::exports::mortise::validation::validator::Violation;
pub use context::{Context, Http, Log, Records, Storage};
pub use glue::{Purpose, Score};
pub use mortise_sdk_macros::{
    action, after_commit, assigner, before_save, connector, export, function, job, provider, renderer,
    schema, scorer, validator,
};
pub use record::{Change, Get, Record};
pub use value::{Fields, FromValue, IntoAnswer, IntoValue, Row, fault, violation};

/// Everything that a plugin needs.
pub mod prelude {
    pub use crate::{
        Candidate, Change, Column, Condition, Context, Document, Entry, Fault, Field, Fields, Get, Outcome,
        Page, Progress, Purpose, Query, Reason, Record, Retry, Score, Table, Value, Verdict, Violation,
        action, after_commit, assigner, before_save, connector, export, fault, function, job, provider,
        renderer, schema, scorer, validator, violation,
    };
}
