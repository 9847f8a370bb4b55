//! What plugins do in the background: told about changes, asked by rules and clocks, working by the clock. Every call is a row
//! that is written in the transaction of whatever wants it, made afterwards at least once, and kept when it could not be made.
//!
//! ```text
//! event ── told ──┐                                  ┌─► done: what the app wrote under `then`, once
//! rule ── asked ──┴─► row ── carry ── make ── settle ┼─► sleeps, waits for a signal ──► row
//! schedule ─────────► job ── carry ── step ── settle └─► tried again, given up (shown, and revived by an administrator)
//! ```

mod about;
mod admin;
mod alert;
mod asked;
mod carry;
mod course;
mod job_row;
mod jobs;
mod make;
mod row;
mod settle;
mod signals;
mod told;

pub(crate) use admin::outline;
pub(crate) use alert::administrators as tell_administrators;
pub(crate) use asked::ask;
pub(crate) use carry::{Desk, carry};
pub use job_row::PluginJob;
pub(crate) use jobs::{scheduled as scheduled_jobs, sync as sync_jobs};
pub(super) use row::OPEN;
pub use row::{CallState, PluginCall, Why};
pub(crate) use signals::signal;
pub(crate) use told::{defer, exports, name as export_name, operation, tell};
