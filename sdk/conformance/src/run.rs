//! A case, run: the call is made, and whatever differs from what the case says becomes a line of the report.

use std::sync::Arc;

use mortise_plugin_host::run::{Failure, RunRecord};
use mortise_plugin_host::{Invocation, Plugin};
use serde_json::Value as Json;

use crate::answer::same;
use crate::case::{Case, CaseError, Expected};
use crate::script::Script;

/// What became of a case.
#[derive(Debug, Clone)]
pub struct Report {
    /// What differs from the case; empty when it passed.
    pub differences: Vec<String>,
    /// The answer as a case would write it, or why there is none.
    pub outcome: Result<Json, Failure>,
    /// What was used of each limit, and the lines of the log.
    pub record: RunRecord,
}

impl Report {
    /// True when everything was as the case says.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Case {
    /// Makes the call of this case, with all permissions of the plugin's manifest.
    pub async fn run(&self, plugin: &Plugin) -> Result<Report, CaseError> {
        let script = Arc::new(Script::of(&self.host));
        let invocation = Invocation {
            tenant: self.call.tenant.clone(),
            call: self.call.clone(),
            granted: Arc::new(plugin.manifest().permissions.clone()),
            capabilities: Arc::clone(&script) as _,
            transaction: None,
        };
        let run = self.call(plugin, &invocation).await?;
        let mut differences = script.surprises();
        differences.extend(self.unexpected(&run.outcome, &run.record));
        differences.extend(self.unexpected_log(&run.record));
        Ok(Report { differences, outcome: run.outcome, record: run.record })
    }

    fn unexpected(&self, outcome: &Result<Json, Failure>, record: &RunRecord) -> Option<String> {
        let fits = match (&self.expected, outcome) {
            (Expected::Answer(expected), Ok(answer)) => same(expected, answer),
            (Expected::Fault { code, message, retry }, Err(Failure::Fault(fault))) => {
                *code == fault.code
                    && message.as_ref().is_none_or(|message| *message == fault.message)
                    && retry.is_none_or(|retry| retry == fault.retry)
            }
            (Expected::Failure(code), Err(failure)) => code == failure.code(),
            _ => false,
        };
        let expected = || match &self.expected {
            Expected::Answer(expected) => expected.to_string(),
            Expected::Fault { code, message, .. } => {
                format!("the fault {code}: {}", message.as_deref().unwrap_or("…"))
            }
            Expected::Failure(code) => format!("the failure {code}"),
        };
        let came = || match outcome {
            Ok(answer) => answer.to_string(),
            Err(Failure::Fault(fault)) => format!("the fault {}: {}", fault.code, fault.message),
            Err(failure) => format!("the failure {}: {failure}", failure.code()),
        };
        let lines = record.lines.iter().map(|line| format!("\n     log {}", line.message));
        let lines: String = lines.collect();
        (!fits).then(|| format!("expected {}\n     came {}{lines}", expected(), came()))
    }

    fn unexpected_log(&self, record: &RunRecord) -> Option<String> {
        let expected = self.log.as_ref()?;
        let level = |line: &mortise_plugin_host::run::LogLine| format!("{:?}", line.level).to_lowercase();
        let lines: Vec<String> =
            record.lines.iter().map(|line| format!("{}: {}", level(line), line.message)).collect();
        (lines != *expected).then(|| format!("expected the lines {expected:?}\n     came {lines:?}"))
    }
}
