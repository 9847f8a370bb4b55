//! How much plugins may use: numbers with reasons, all of them settings. A limit is never a surprise: every call records
//! what it used of each.

use serde::{Deserialize, Serialize};

use crate::manifest::{Language, Tier};

/// What is counted during a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Time from begin to end.
    WallMs,
    /// Time in which the plugin kept a processor busy.
    CpuMs,
    /// Instructions of a function.
    Fuel,
    /// Most memory at one time.
    MemoryBytes,
    /// Most entries of tables at one time.
    TableElements,
    /// Calls from the plugin to the host.
    HostCalls,
    /// Records read.
    RowsRead,
    /// Records changed.
    RowsWritten,
    /// Calls to other systems.
    HttpCalls,
    /// Time spent waiting for other systems.
    HttpMs,
    /// Bytes in one answer or one argument from the plugin.
    OutputBytes,
    /// Lines written into the run log.
    LogLines,
    /// Their bytes.
    LogBytes,
    /// Handles of resources at one time.
    Handles,
    /// Plugins called by one transaction.
    Invocations,
    /// Plugins above one another.
    Depth,
}

impl Counter {
    /// What a plugin can ask about.
    pub const VISIBLE: [Counter; 8] = [
        Counter::WallMs,
        Counter::CpuMs,
        Counter::HostCalls,
        Counter::RowsRead,
        Counter::RowsWritten,
        Counter::HttpCalls,
        Counter::HttpMs,
        Counter::LogLines,
    ];

    /// Its name in run logs and for plugins.
    pub fn name(self) -> &'static str {
        match self {
            Counter::WallMs => "wall-ms",
            Counter::CpuMs => "cpu-ms",
            Counter::Fuel => "fuel",
            Counter::MemoryBytes => "memory-bytes",
            Counter::TableElements => "table-elements",
            Counter::HostCalls => "host-calls",
            Counter::RowsRead => "rows-read",
            Counter::RowsWritten => "rows-written",
            Counter::HttpCalls => "http-calls",
            Counter::HttpMs => "http-ms",
            Counter::OutputBytes => "output-bytes",
            Counter::LogLines => "log-lines",
            Counter::LogBytes => "log-bytes",
            Counter::Handles => "handles",
            Counter::Invocations => "invocations",
            Counter::Depth => "depth",
        }
    }
}

/// Limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Time from begin to end.
    pub wall_ms: u64,
    /// Time on a processor.
    pub cpu_ms: u64,
    /// The same for plugins that carry an interpreter.
    pub cpu_ms_dynamic: u64,
    /// Instructions, where they are counted.
    pub fuel: u64,
    /// Memory of the instance.
    pub memory_bytes: u64,
    /// Entries of its tables.
    pub table_elements: u64,
    /// Calls to the host.
    pub host_calls: u64,
    /// Records read.
    pub rows_read: u64,
    /// Records changed.
    pub rows_written: u64,
    /// Calls to other systems.
    pub http_calls: u64,
    /// Time spent waiting for them.
    pub http_ms: u64,
    /// Bytes from the plugin in one answer, or in the arguments of one call to the host.
    pub output_bytes: u64,
    /// Lines in the run log.
    pub log_lines: u64,
    /// Their bytes.
    pub log_bytes: u64,
    /// Handles of resources that the plugin makes.
    pub handles: u64,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Limits {
    /// Inside a save, where a person waits and everybody behind them: what is needed for checks, and no more.
    pub const SAVE: Limits = Limits {
        wall_ms: 50,
        cpu_ms: 20,
        cpu_ms_dynamic: 50,
        fuel: 0,
        memory_bytes: 64 * MIB,
        table_elements: 20_000,
        host_calls: 50,
        rows_read: 500,
        rows_written: 0,
        http_calls: 0,
        http_ms: 0,
        output_bytes: MIB,
        log_lines: 20,
        log_bytes: 8 * KIB,
        handles: 1_000,
    };

    /// A batch of at most a thousand calls from expressions: instructions instead of time, so that it ends alike everywhere.
    /// Comparing two company names takes about twenty thousand; half as many again for long names, and as much in reserve.
    pub const FUNCTION: Limits = Limits {
        wall_ms: 0,
        cpu_ms: 0,
        cpu_ms_dynamic: 0,
        fuel: 50_000_000,
        memory_bytes: 32 * MIB,
        table_elements: 20_000,
        host_calls: 0,
        rows_read: 0,
        rows_written: 0,
        http_calls: 0,
        http_ms: 0,
        output_bytes: 256 * KIB,
        log_lines: 0,
        log_bytes: 0,
        handles: 1_000,
    };

    /// In the background, where a neighbour waits but nobody stands at a counter.
    pub const BACKGROUND: Limits = Limits {
        wall_ms: 10_000,
        cpu_ms: 2_000,
        cpu_ms_dynamic: 2_000,
        fuel: 0,
        memory_bytes: 128 * MIB,
        table_elements: 50_000,
        host_calls: 500,
        rows_read: 10_000,
        rows_written: 1_000,
        http_calls: 10,
        http_ms: 8_000,
        output_bytes: 8 * MIB,
        log_lines: 200,
        log_bytes: 64 * KIB,
        handles: 10_000,
    };

    /// One step of a job: five times the background, since it runs at night and may be long.
    pub const JOB: Limits = Limits {
        wall_ms: 30_000,
        cpu_ms: 10_000,
        cpu_ms_dynamic: 10_000,
        fuel: 0,
        memory_bytes: 256 * MIB,
        table_elements: 50_000,
        host_calls: 2_000,
        rows_read: 50_000,
        rows_written: 10_000,
        http_calls: 50,
        http_ms: 25_000,
        output_bytes: 16 * MIB,
        log_lines: 500,
        log_bytes: 256 * KIB,
        handles: 10_000,
    };

    /// The limit of a counter.
    pub fn of(&self, counter: Counter) -> u64 {
        match counter {
            Counter::WallMs => self.wall_ms,
            Counter::CpuMs => self.cpu_ms,
            Counter::Fuel => self.fuel,
            Counter::MemoryBytes => self.memory_bytes,
            Counter::TableElements => self.table_elements,
            Counter::HostCalls => self.host_calls,
            Counter::RowsRead => self.rows_read,
            Counter::RowsWritten => self.rows_written,
            Counter::HttpCalls => self.http_calls,
            Counter::HttpMs => self.http_ms,
            Counter::OutputBytes => self.output_bytes,
            Counter::LogLines => self.log_lines,
            Counter::LogBytes => self.log_bytes,
            Counter::Handles => self.handles,
            // Counted per transaction only.
            Counter::Invocations | Counter::Depth => u64::MAX,
        }
    }
}

/// Limits that all plugins touched by one transaction share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionLimits {
    /// Time of all calls together.
    pub wall_ms: u64,
    /// Calls to the host.
    pub host_calls: u64,
    /// Records read.
    pub rows_read: u64,
    /// Plugins above one another: half of what the best-known platform allows, which people found plenty.
    pub depth: u64,
    /// Calls of plugins.
    pub invocations: u64,
}

impl Default for TransactionLimits {
    fn default() -> Self {
        TransactionLimits { wall_ms: 200, host_calls: 200, rows_read: 2_000, depth: 8, invocations: 100 }
    }
}

/// Limits of what is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizeLimits {
    /// Component that is machine code only.
    pub component_bytes: u64,
    /// Component that carries an interpreter.
    pub component_bytes_dynamic: u64,
    /// Machine code of a component.
    pub native_bytes: u64,
    /// Time for making it; an interpreter takes six to twelve seconds on two busy cores.
    pub compile_ms: u64,
    /// Memory that the process may have which makes it.
    pub compile_memory_bytes: u64,
}

impl Default for SizeLimits {
    fn default() -> Self {
        SizeLimits {
            component_bytes: 4 * MIB,
            component_bytes_dynamic: 32 * MIB,
            native_bytes: 64 * MIB,
            compile_ms: 120_000,
            compile_memory_bytes: 2_048 * MIB,
        }
    }
}

/// When calls of an export that keeps failing stop being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerLimits {
    /// Traps and timeouts in a row.
    pub failures: u32,
    /// First pause.
    pub pause_ms: u64,
    /// Longest pause; it doubles up to here.
    pub pause_ms_max: u64,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        BreakerLimits { failures: 5, pause_ms: 30_000, pause_ms_max: 30 * 60_000 }
    }
}

/// Instances of plugins with an interpreter that wait for their next call, where the manifest asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmLimits {
    /// Instances on this node; none, and every call of every plugin gets a fresh one.
    pub instances: u32,
    /// Instances of one plugin in one tenant.
    pub instances_per_plugin: u32,
    /// Memory of all of them.
    pub memory_bytes: u64,
    /// Calls that an instance serves before it goes.
    pub calls: u32,
    /// How long it waits for another call at least; at most twice as long.
    pub idle_ms: u64,
}

impl Default for WarmLimits {
    fn default() -> Self {
        WarmLimits {
            instances: 32,
            instances_per_plugin: 4,
            memory_bytes: 512 * MIB,
            calls: 128,
            idle_ms: 10_000,
        }
    }
}

/// Everything an operator can set about plugins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Calls inside a save.
    pub save: Limits,
    /// Batches of functions.
    pub function: Limits,
    /// Calls in the background.
    pub background: Limits,
    /// Steps of jobs.
    pub job: Limits,
    /// Transactions.
    pub transaction: TransactionLimits,
    /// What is installed.
    pub sizes: SizeLimits,
    /// The circuit breaker.
    pub breaker: BreakerLimits,
    /// Instances that wait for their next call.
    pub warm: WarmLimits,
    /// Rows in one batch of a function.
    pub batch_rows: usize,
    /// Calls at the same time on this node.
    pub calls: u32,
    /// Calls at the same time that other plugins have caused; apart, so that a plugin never waits for itself.
    pub calls_nested: u32,
    /// Calls at the same time of one tenant.
    pub calls_per_tenant: u32,
    /// Calls of one tenant that may wait for a place.
    pub queue_per_tenant: u32,
    /// Core instances that one component may consist of; Python needs 38.
    pub core_instances: u32,
    /// Plugins that a tenant may have installed.
    pub plugins_per_tenant: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            save: Limits::SAVE,
            function: Limits::FUNCTION,
            background: Limits::BACKGROUND,
            job: Limits::JOB,
            transaction: TransactionLimits::default(),
            sizes: SizeLimits::default(),
            breaker: BreakerLimits::default(),
            warm: WarmLimits::default(),
            batch_rows: 1_000,
            calls: 64,
            calls_nested: 32,
            calls_per_tenant: 8,
            queue_per_tenant: 64,
            core_instances: 50,
            plugins_per_tenant: 100,
        }
    }
}

impl Settings {
    /// The limits of a call. A manifest can lower the time, never raise it.
    pub fn limits(&self, tier: Tier, language: Language, deadline_ms: Option<u64>) -> Limits {
        let mut limits = match tier {
            Tier::Save => self.save,
            Tier::Function => self.function,
            Tier::Background => self.background,
            Tier::Job => self.job,
        };
        if language.is_dynamic() {
            limits.cpu_ms = limits.cpu_ms_dynamic;
        }
        if let Some(deadline) = deadline_ms.filter(|_| limits.wall_ms > 0) {
            limits.wall_ms = limits.wall_ms.min(deadline);
        }
        limits
    }

    /// Largest component in this language.
    pub fn component_bytes(&self, language: Language) -> u64 {
        match language.is_dynamic() {
            true => self.sizes.component_bytes_dynamic,
            false => self.sizes.component_bytes,
        }
    }

    /// Largest memory that any call may have.
    pub(crate) fn memory_bytes_max(&self) -> u64 {
        [self.save, self.function, self.background, self.job]
            .iter()
            .map(|limits| limits.memory_bytes)
            .max()
            .unwrap_or_default()
    }

    /// Most table entries that any call may have.
    pub(crate) fn table_elements_max(&self) -> u64 {
        [self.save, self.function, self.background, self.job]
            .iter()
            .map(|limits| limits.table_elements)
            .max()
            .unwrap_or_default()
    }
}
