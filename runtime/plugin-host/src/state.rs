//! What belongs to one running instance: its meter, its rights, the engine's side of the call, and the memory it may have.
//! Made for one call, or for those about one save, and dropped with it unless the
//! plugin's instances are kept warm; nothing in here is seen by another tenant.

use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::ResourceLimiter;

use crate::capability::Capabilities;
use crate::host::nothing;
use crate::limits::{Counter, Limits};
use crate::meter::{Exceeded, Meter};
use crate::permission::Permissions;
use crate::plugin::Invocation;
use crate::run::LogLine;

/// Most instances of modules in one store: each takes memory of the host before it runs.
const INSTANCES_MAX: usize = 100;

/// The data of a store.
pub(crate) struct CallState {
    pub(crate) meter: Arc<Meter>,
    pub(crate) granted: Arc<Permissions>,
    pub(crate) capabilities: Arc<dyn Capabilities>,
    pub(crate) locale: String,
    /// Shared with the caller, so that lines survive a call that is dropped at its deadline.
    pub(crate) lines: Arc<Mutex<Vec<LogLine>>>,
    pub(crate) memory: Memory,
}

/// Watches the memories and tables of an instance, all together.
pub(crate) struct Memory {
    meter: Arc<Meter>,
    bytes: u64,
    elements: u64,
}

impl Memory {
    pub(crate) fn new(meter: Arc<Meter>) -> Memory {
        Memory { meter, bytes: 0, elements: 0 }
    }

    /// How large it is.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a call with these limits may have it.
    pub(crate) fn fits(&self, limits: &Limits) -> bool {
        self.bytes <= limits.memory_bytes && self.elements <= limits.table_elements
    }

    /// Counts on for another call, which has to do with what the calls before it have taken.
    fn go_on(&mut self, meter: &Arc<Meter>) -> Result<(), Exceeded> {
        self.meter = Arc::clone(meter);
        meter.reach(Counter::MemoryBytes, self.bytes)?;
        meter.reach(Counter::TableElements, self.elements)
    }
}

impl CallState {
    /// Begins another call on the same instance.
    pub(crate) fn go_on(
        &mut self,
        invocation: &Invocation,
        meter: &Arc<Meter>,
        lines: &Arc<Mutex<Vec<LogLine>>>,
    ) -> Result<(), Exceeded> {
        self.meter = Arc::clone(meter);
        self.granted = Arc::clone(&invocation.granted);
        self.capabilities = Arc::clone(&invocation.capabilities);
        self.locale.clone_from(&invocation.call.locale);
        self.lines = Arc::clone(lines);
        self.memory.go_on(meter)
    }

    /// Lets go of what belonged to the call that has ended: until the next one it may nothing and can do nothing.
    pub(crate) fn rest(&mut self) {
        self.granted = Arc::new(Permissions::default());
        self.capabilities = nothing();
        self.lines = Arc::default();
    }
}

impl ResourceLimiter for Memory {
    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grown = self.bytes.saturating_add((desired.saturating_sub(current)) as u64);
        self.meter.reach(Counter::MemoryBytes, grown)?;
        self.bytes = grown;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grown = self.elements.saturating_add((desired.saturating_sub(current)) as u64);
        self.meter.reach(Counter::TableElements, grown)?;
        self.elements = grown;
        Ok(true)
    }
}
