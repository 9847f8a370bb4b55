//! A case, run: the call is made, and whatever differs from what the case says becomes a line of the report.

use std::sync::Arc;

use mortise_plugin_host::run::{Failure, RunRecord};
use mortise_plugin_host::{Invocation, Plugin};
use serde_json::Value as Json;

use crate::answer::same;
use crate::case::{Case, CaseError, Expected};
use crate::said::Said;
use crate::script::Script;

/// What became of a case.
#[derive(Debug, Clone)]
pub struct Report {
    /// What differs from the case; empty when it passed.
    pub differences: Vec<Said>,
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

    /// What differs, in the words of a language.
    pub fn told(&self, language: &str) -> Vec<String> {
        self.differences.iter().map(|difference| difference.words(language)).collect()
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

    fn unexpected(&self, outcome: &Result<Json, Failure>, record: &RunRecord) -> Option<Said> {
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
            Expected::Answer(expected) => Said::new("answer").arg("value", expected),
            Expected::Fault { code, message, .. } => {
                Said::new("fault").arg("code", code).arg("message", message.as_deref().unwrap_or("…"))
            }
            Expected::Failure(code) => Said::new("failure_code").arg("code", code),
        };
        let came = || match outcome {
            Ok(answer) => Said::new("answer").arg("value", answer),
            Err(Failure::Fault(fault)) => {
                Said::new("fault").arg("code", &fault.code).arg("message", &fault.message)
            }
            Err(failure) => Said::failure(failure),
        };
        let lines = record.lines.iter().map(|line| format!("\n     log {}", line.message));
        let lines: String = lines.collect();
        let differs = || Said::new("differs").saying("expected", expected()).saying("came", came());
        (!fits).then(|| differs().arg("lines", lines))
    }

    fn unexpected_log(&self, record: &RunRecord) -> Option<Said> {
        let expected = self.log.as_ref()?;
        let level = |line: &mortise_plugin_host::run::LogLine| format!("{:?}", line.level).to_lowercase();
        let lines: Vec<String> =
            record.lines.iter().map(|line| format!("{}: {}", level(line), line.message)).collect();
        let differs = || Said::new("lines").arg("expected", format!("{expected:?}"));
        (lines != *expected).then(|| differs().arg("came", format!("{lines:?}")))
    }
}
