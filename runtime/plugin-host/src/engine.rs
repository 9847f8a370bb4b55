//! The two engines. One serves calls: time is cut by epochs, instances are pooled, the host may be waited for. The other is
//! for functions in expressions: instructions are counted, so that the same call ends alike on every machine and every day.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::error::HostError;
use crate::limits::Settings;

/// Length of an epoch: what a busy plugin can be late by.
const EPOCH: Duration = Duration::from_millis(5);
/// Epochs that a call of a function may take, ten times what its fuel lasts for on a slow machine: five seconds.
pub(crate) const FUNCTION_EPOCHS: u64 = 1_000;
/// Stack of a plugin. Deep enough for parsers of nested data, and a quarter of what a fiber has, so that the host keeps room.
const STACK_BYTES: usize = 512 * 1024;
/// Of the memory of an instance that has gone, what is wiped and kept for the next one instead of given back to the system and
/// asked for again, page by page: more than a small plugin touches in a save.
const KEPT_BYTES: usize = 256 * 1024;
/// The same of its table: one page, as the table of a small plugin has.
const KEPT_TABLE_BYTES: usize = 4 * 1024;
/// Places of the pool that keep what they have for the next instance of the same plugin.
const KEPT_PLACES: u32 = 16;

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// Epochs, waiting, pooling.
    Serving,
    /// Counted instructions, no imports.
    Deterministic,
}

impl EngineKind {
    /// Both.
    pub(crate) const ALL: [EngineKind; 2] = [EngineKind::Serving, EngineKind::Deterministic];

    /// Its name, in files and on the command line of the worker.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Serving => "serving",
            EngineKind::Deterministic => "deterministic",
        }
    }

    /// The engine of this name.
    pub fn of(name: &str) -> Option<EngineKind> {
        EngineKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// An engine that compiles and runs nothing: what the worker needs.
    pub(crate) fn compiler(self) -> Result<Engine, HostError> {
        make(&self.config())
    }

    /// Everything that machine code depends on. How instances get their memory is added for running only.
    fn config(self) -> Config {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .concurrency_support(false)
            .wasm_memory64(false)
            .wasm_relaxed_simd(false)
            .max_wasm_stack(STACK_BYTES)
            .cranelift_opt_level(OptLevel::Speed);
        match self {
            EngineKind::Serving => config.epoch_interruption(true),
            // What copies texts between parts of a component takes time, but no fuel.
            EngineKind::Deterministic => {
                config.epoch_interruption(true).consume_fuel(true).cranelift_nan_canonicalization(true)
            }
        };
        config
    }
}

fn make(config: &Config) -> Result<Engine, HostError> {
    Engine::new(config).map_err(|error| HostError::Engine(format!("{error:#}")))
}

/// Both engines, running.
#[derive(Clone)]
pub(crate) struct Engines {
    pub(crate) serving: Engine,
    pub(crate) deterministic: Engine,
}

impl Engines {
    pub(crate) fn start(settings: &Settings) -> Result<Engines, HostError> {
        let mut config = EngineKind::Serving.config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)?));
        let serving = make(&config)?;
        let deterministic = make(&EngineKind::Deterministic.config())?;
        tick(&serving)?;
        tick(&deterministic)?;
        Ok(Engines { serving, deterministic })
    }

    pub(crate) fn of(&self, kind: EngineKind) -> &Engine {
        match kind {
            EngineKind::Serving => &self.serving,
            EngineKind::Deterministic => &self.deterministic,
        }
    }
}

/// Room for as many instances as there are permits, and for those that wait for their next call: a call without a permit
/// never asks for one, and one that waits has none.
fn pool(settings: &Settings) -> Result<PoolingAllocationConfig, HostError> {
    let size = |number: u64| {
        usize::try_from(number).map_err(|_| HostError::Engine(format!("{number} is too large here")))
    };
    let instances = settings.calls + settings.calls_nested + settings.warm.instances;
    let cores = settings.core_instances;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(cores))
        .max_core_instances_per_component(cores)
        .total_memories(instances.saturating_mul(2))
        .max_memories_per_component(2)
        .total_tables(instances.saturating_mul(cores))
        .max_tables_per_component(cores)
        .max_tables_per_module(8)
        // An instance keeps the stack of its last call.
        .total_stacks(instances)
        .max_component_instance_size(1024 * 1024)
        .max_core_instance_size(1024 * 1024)
        .max_unused_warm_slots(KEPT_PLACES)
        .max_memory_size(size(settings.memory_bytes_max())?)
        .table_elements(size(settings.table_elements_max())?);
    // Wiping costs less than giving back only where the system tells which pages were written to.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(KEPT_BYTES)
            .table_keep_resident(KEPT_TABLE_BYTES);
    }
    Ok(pool)
}

/// Lets epochs pass for as long as the engine lives, on a thread of its own: a busy executor must not stop the clock.
fn tick(engine: &Engine) -> Result<(), HostError> {
    let weak = engine.weak();
    let run = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    };
    std::thread::Builder::new().name("plugin-epochs".into()).spawn(run)?;
    Ok(())
}

/// What machine code of an engine depends on, as hexadecimal digits: the version of wasmtime, its settings, the processor.
pub(crate) fn fingerprint(engine: &Engine) -> String {
    struct Digesting(Sha256);
    impl Hasher for Digesting {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Digesting(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
