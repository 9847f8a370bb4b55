//! Plugins in a tenant: installing and upgrading them, calls inside saves and expressions, and what they do in the
//! background. Real components on both databases.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;
mod support;

mod background;
mod broken;
mod clerk;
mod functions;
mod guard;
mod hostile;
mod keeping;
mod lifecycle;
mod saving;
mod scenarios;
mod sharing;
mod shipped;
mod spoken;
mod ties;
mod versions;
mod wanted;
