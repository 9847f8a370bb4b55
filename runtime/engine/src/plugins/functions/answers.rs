//! Asks a plugin a batch of questions, and finds out which of them it stumbles over: one bad question must not leave the others
//! without an answer, just as if each had been asked alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mortise_definition::locale;
use mortise_expr::{EvalError, OutsideFunction, Value};
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::{HostError, Invocation, Plugin};

use super::Batch;
use super::convert::{self, Args};
use crate::commands::Work;
use crate::plugins::call::Calling;
use crate::plugins::installed::Version;

/// Questions in one call, as the limits of functions are made for.
const ROWS_MAX: usize = 1_000;
/// How long a function waits for the machine code of its plugin, which is normally there within milliseconds.
const LOADING_MAX: Duration = Duration::from_secs(10);

type Answer = Result<Value, EvalError>;

impl Work {
    /// The answers to a batch, one for each question.
    pub(super) fn answers(&self, batch: &Batch) -> Vec<Answer> {
        let plugin = match loaded(&batch.binding.version) {
            Ok(plugin) => plugin,
            Err(reason) => {
                let missing = batch.function.missing(&reason, &reason);
                return batch.rows.iter().map(|_| missing.clone()).collect();
            }
        };
        let calling = Calling::new(self, self.now.timestamp_micros().to_string());
        let asked =
            Asked { calling: &calling, batch, plugin, invocation: calling.invocation(&batch.binding) };
        batch.rows.chunks(ROWS_MAX).flat_map(|rows| asked.rows(rows, None)).collect()
    }
}

impl Batch {
    /// The answers where nobody could be asked.
    pub(super) fn unasked(&self, failure: &Failure) -> Vec<Answer> {
        let (reason, reason_zh) = words(failure);
        self.rows.iter().map(|_| self.function.missing(&reason, &reason_zh)).collect()
    }
}

/// A batch on its way.
struct Asked<'a> {
    calling: &'a Calling<'a>,
    batch: &'a Batch,
    plugin: Arc<Plugin>,
    invocation: Invocation,
}

impl Asked<'_> {
    /// The answers to some of the questions. `earlier` is what went wrong when they were asked together with others.
    fn rows(&self, rows: &[Args], earlier: Option<&EvalError>) -> Vec<Answer> {
        let (function, export) = (&*self.batch.function, self.batch.binding.export());
        let questions: Vec<_> = rows.iter().map(|args| args.outward(export)).collect();
        let begun = Instant::now();
        let run = self.plugin.call_many(&self.invocation, &export.name, &questions);
        let failure = match self.calling.close(&self.batch.binding, begun, run) {
            Ok(values) => {
                let answers = values.into_iter().flatten();
                let answers = answers.map(|value| convert::inward(value, &function.returns));
                return answers.map(|value| value.ok_or_else(|| other_type(function))).collect();
            }
            Err(failure) => failure,
        };
        let never_made = matches!(
            failure,
            Failure::Resting { .. } | Failure::Busy | Failure::Unavailable { .. } | Failure::Missing { .. }
        );
        if never_made {
            let (reason, reason_zh) = words(&failure);
            let answer = match earlier {
                Some(earlier) => Err(earlier.clone()),
                None => function.missing(&reason, &reason_zh),
            };
            return rows.iter().map(|_| answer.clone()).collect();
        }
        let failed = failed(function, &failure);
        if rows.len() == 1 {
            return vec![Err(failed)];
        }
        // Parts of about as many questions as there are parts: what is wrong with one is found in two steps, with so few
        // failures in a row that the circuit stays closed for the others.
        rows.chunks(rows.len().isqrt().max(1)).flat_map(|part| self.rows(part, Some(&failed))).collect()
    }
}

fn failed(function: &OutsideFunction, failure: &Failure) -> EvalError {
    let (reason, reason_zh) = words(failure);
    let (function, owner) = (function.full_name(), function.owner.to_string());
    EvalError::Failed { function, owner, reason, reason_zh }
}

fn other_type(function: &OutsideFunction) -> EvalError {
    EvalError::Failed {
        function: function.full_name(),
        owner: function.owner.to_string(),
        reason: format!("its answer is not of the declared type {}", function.returns),
        reason_zh: "返回值与声明的类型不符".to_owned(),
    }
}

/// What a failure is, in English and in Chinese.
fn words(failure: &Failure) -> (String, String) {
    let reason = failure.to_string();
    let reason_zh = match failure {
        // In the plugin's own words.
        Failure::Fault(_) => reason.clone(),
        failure => {
            let key = format!("error.{}", failure.code());
            locale::translate("zh-CN", &key, &[]).trim_end_matches('。').to_owned()
        }
    };
    (reason, reason_zh)
}

/// The machine code of a version. Loaded on a thread of its own: whoever evaluates an expression may be in the middle of a
/// transaction, on a thread that must not be lent to other tasks.
fn loaded(version: &Arc<Version>) -> Result<Arc<Plugin>, String> {
    if let Some(plugin) = version.loaded() {
        return Ok(plugin);
    }
    let (tell, told) = std::sync::mpsc::channel::<Result<Arc<Plugin>, HostError>>();
    let wanted = Arc::clone(version);
    std::thread::Builder::new()
        .name("plugin loader".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let loaded = match runtime {
                Ok(runtime) => runtime.block_on(wanted.ready()),
                Err(error) => Err(HostError::from(error)),
            };
            // Whoever asked may have given up.
            drop(tell.send(loaded));
        })
        .map_err(|error| error.to_string())?;
    match told.recv_timeout(LOADING_MAX) {
        Ok(loaded) => loaded.map_err(|error| error.to_string()),
        Err(_) => Err("its machine code is not there yet".to_owned()),
    }
}
