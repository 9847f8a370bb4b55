//! An instance that serves several calls of one piece of work, one right after the other: what a plugin has to say about one
//! save. It holds its place among the calls of the tenant as long as it is there, is never used by anybody else, and goes with
//! the first call that does not end well.

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::permit::Permit;
use crate::state::CallState;

/// Where an instance may wait for its next call. Empty at first; to be dropped as soon as the last call was made.
#[derive(Default)]
pub struct Sitting(Option<Kept>);

struct Kept {
    /// Number of the plugin, see [`crate::Plugin`].
    plugin: u64,
    seat: Seat,
    permit: Permit,
}

/// A running instance.
pub(crate) struct Seat {
    pub(crate) store: Store<CallState>,
    pub(crate) instance: Instance,
}

impl Sitting {
    /// The instance of a plugin and its place. That of another plugin goes.
    pub(crate) fn take(&mut self, plugin: u64) -> Option<(Seat, Permit)> {
        let kept = self.0.take().filter(|kept| kept.plugin == plugin)?;
        Some((kept.seat, kept.permit))
    }

    /// Keeps an instance for the next call.
    pub(crate) fn keep(&mut self, plugin: u64, seat: Seat, permit: Permit) {
        self.0 = Some(Kept { plugin, seat, permit });
    }
}
