//! Plugins of a tenant: which are installed and in force, what they may do, and calling them. The host knows nothing of
//! tenants' data; here it is decided what a plugin sees of it, and with whose rights.
//!
//! ```text
//! package ── lifecycle ──► tables ── bind (with the model) ──► Bound, part of what is published ──► calls
//! ```

mod bind;
mod bound;
mod host;
mod installed;
mod outside;
mod shelf;

pub(crate) use bind::bind;
pub(crate) use bound::{Binding, Bound, EntityPlugins, InputPath, OutputField};
pub(crate) use host::PluginHouse;
pub use host::PluginOptions;
pub(crate) use installed::{Canary, Installed, Named, Names, Version};
pub use outside::{Credential, Errand, Outside};
