//! What belongs to one running instance: its meter, its rights, the engine's side of the call, and the memory it may have.
//! Made for one call and dropped with it; nothing in here outlives an answer or is seen by another tenant.

use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::ResourceLimiter;

use crate::capability::Capabilities;
use crate::limits::Counter;
use crate::meter::Meter;
use crate::permission::Permissions;
use crate::run::LogLine;

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
}

impl ResourceLimiter for Memory {
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
