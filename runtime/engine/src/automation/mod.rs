//! What happens by itself: rules, clocks, schedules and their actions, worked off event by event in the order in which
//! things happened. Every effect goes through the one write path, in the transaction that marks its event as done.

pub(crate) mod act;
mod actions;
mod cause;
pub(crate) mod freeze;
pub(crate) mod lane;
mod look_up;
mod offers;
mod rules;
mod subject;
pub(crate) mod timer;

pub(crate) use cause::Cause;
pub use freeze::Freeze;
pub use lane::{
    Backlog, FailedField, Failure, LANE_RENEWAL, Lanes, Retention, Sole, Vitals, WorkItem, WorkState,
};
pub(crate) use lane::{guarded, heals, keep_call};
pub use offers::TransitionOffer;
pub(crate) use subject::{Subject, failed};
