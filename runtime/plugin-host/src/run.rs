//! What became of a call: its answer or why there is none, what it used of each limit, and what the plugin wrote. Every
//! call leaves such a record, the good ones too.

use std::time::Duration;

use serde::Serialize;
use wasmtime::Trap;

use crate::limits::Counter;
use crate::manifest::Point;
use crate::meter::{Exceeded, Meter, Scope};
use crate::value::{Fault, Retry};

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct Run<T> {
    /// The answer, or why there is none.
    pub outcome: Result<T, Failure>,
    /// For the run log.
    pub record: RunRecord,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The plugin said so itself.
    #[error("{}", .0.message)]
    Fault(Fault),
    /// The plugin broke down.
    #[error("the plugin broke down: {reason}")]
    Trap {
        /// In the words of the machine.
        reason: String,
    },
    /// A limit was reached.
    #[error("{0}")]
    Limit(Exceeded),
    /// The call took too long.
    #[error("the plugin did not answer within {limit_ms} ms")]
    Deadline {
        /// How long it was given.
        limit_ms: u64,
    },
    /// The answer is none: a number that is not one, a field that was not declared.
    #[error("the plugin's answer cannot be used: {reason}")]
    Output {
        /// What is wrong with it.
        reason: String,
    },
    /// Too many calls at the same time; this one was never made.
    #[error("too many calls of plugins at the same time")]
    Busy,
    /// The circuit is open; this call was never made.
    #[error("the plugin failed too often and rests")]
    Resting {
        /// How long still.
        left: Duration,
    },
    /// The plugin could not be loaded; this call was never made.
    #[error("the plugin cannot be used: {reason}")]
    Unavailable {
        /// In the words of the host.
        reason: String,
    },
    /// The plugin has no such export.
    #[error("the plugin has no {} named {name}", .point.name())]
    Missing {
        /// The point.
        point: Point,
        /// The export.
        name: String,
    },
}

impl Failure {
    /// Stable, and the key of its words in the catalogue: `error.plugin.run.trap`.
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Fault(_) => "plugin.run.fault",
            Failure::Trap { .. } => "plugin.run.trap",
            Failure::Limit(_) => "plugin.run.limit",
            Failure::Deadline { .. } => "plugin.run.deadline",
            Failure::Output { .. } => "plugin.run.output",
            Failure::Busy => "plugin.run.busy",
            Failure::Resting { .. } => "plugin.run.resting",
            Failure::Unavailable { .. } => "plugin.run.unavailable",
            Failure::Missing { .. } => "plugin.run.missing",
        }
    }

    /// True when it counts against the plugin in the circuit breaker.
    pub fn is_breakdown(&self) -> bool {
        match self {
            Failure::Trap { .. } | Failure::Deadline { .. } | Failure::Output { .. } => true,
            // A shared allowance may have been eaten by others.
            Failure::Limit(exceeded) => exceeded.scope == Scope::Call,
            Failure::Fault(_)
            | Failure::Busy
            | Failure::Resting { .. }
            | Failure::Unavailable { .. }
            | Failure::Missing { .. } => false,
        }
    }

    /// Whether it makes sense to try again.
    pub fn retry(&self) -> Retry {
        match self {
            Failure::Fault(fault) => fault.retry,
            Failure::Resting { left } => Retry::AfterMs(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            Failure::Busy
            | Failure::Deadline { .. }
            | Failure::Trap { .. }
            | Failure::Unavailable { .. }
            | Failure::Limit(_) => Retry::Backoff,
            Failure::Output { .. } | Failure::Missing { .. } => Retry::Never,
        }
    }
}

/// What an error of the machine means.
pub(crate) fn failure_of(error: &wasmtime::Error, meter: &Meter) -> Failure {
    let used_up =
        |counter| Failure::Limit(Exceeded { counter, limit: meter.limits().of(counter), scope: Scope::Call });
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        return Failure::Limit(*exceeded);
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone();
    }
    let words = format!("{error:#}");
    // Wasmtime keeps the types of these errors to itself; their words are the only sign.
    if words.contains("fuel allocated for hostcalls has been exhausted") {
        return used_up(Counter::OutputBytes);
    }
    if words.contains("store handle limit exceeded") {
        return used_up(Counter::Handles);
    }
    match error.downcast_ref::<Trap>() {
        // A function is interrupted where its fuel did not tell how long it takes.
        Some(Trap::OutOfFuel | Trap::Interrupt) => used_up(Counter::Fuel),
        Some(trap) => Failure::Trap { reason: trap.to_string() },
        None => Failure::Trap { reason: error.root_cause().to_string().chars().take(500).collect() },
    }
}

/// A line that the plugin wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// How important.
    pub level: Level,
    /// Its words.
    pub message: String,
}

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the author.
    Debug,
    /// Good to know.
    Info,
    /// Somebody should look.
    Warn,
    /// Something went wrong.
    Error,
}

impl Level {
    /// The level of this name; what is unknown counts as information.
    pub fn of(name: &str) -> Level {
        match name {
            "debug" => Level::Debug,
            "warn" => Level::Warn,
            "error" => Level::Error,
            _ => Level::Info,
        }
    }
}

/// What a call used of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Used {
    /// What was counted.
    pub counter: Counter,
    /// How much.
    pub used: u64,
    /// How much was allowed.
    pub limit: u64,
}

/// A call, for the run log.
#[derive(Debug, Clone, Serialize)]
pub struct RunRecord {
    /// The tenant.
    pub tenant: String,
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The point.
    pub point: Point,
    /// The export.
    pub export: String,
    /// The code of the failure; none when it went well.
    pub failure: Option<&'static str>,
    /// The failure in words, for the plugin's administrator.
    pub detail: Option<String>,
    /// What was used of each limit that applies.
    pub used: Vec<Used>,
    /// What the plugin wrote.
    pub lines: Vec<LogLine>,
    /// True when this failure has opened the circuit.
    pub opened: bool,
}

/// What a meter has counted, for the limits that apply.
pub(crate) fn usage(meter: &Meter) -> Vec<Used> {
    let counters = [
        Counter::WallMs,
        Counter::CpuMs,
        Counter::Fuel,
        Counter::MemoryBytes,
        Counter::TableElements,
        Counter::HostCalls,
        Counter::RowsRead,
        Counter::RowsWritten,
        Counter::HttpCalls,
        Counter::HttpMs,
        Counter::LogLines,
        Counter::LogBytes,
    ];
    let applying = counters.into_iter().filter(|counter| meter.limits().of(*counter) > 0);
    applying
        .map(|counter| Used { counter, used: meter.used(counter), limit: meter.limits().of(counter) })
        .collect()
}
