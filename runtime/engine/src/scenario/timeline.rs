//! What happened in a scenario, for whoever looks for the reason of a failure. Read from the audit trail only.

use super::stage::Stage;
use crate::timeline::FieldChange;

/// Records whose timeline is told with a failure.
const RECORDS_MAX: usize = 5;
/// Entries told of each.
const ENTRIES_MAX: i64 = 100;

/// An entry of the timeline of a failure.
#[derive(Debug, Clone)]
pub struct Line {
    /// When, in the zone of the scenario.
    pub at: String,
    /// The record: its name in the scenario.
    pub record: String,
    /// Login of who did it, or key of the rule or clock step.
    pub by: String,
    /// What: `record.created`, `clock.started` …
    pub action: String,
    /// Fields that changed.
    pub changes: Vec<FieldChange>,
    /// What else is to be said, as the audit trail has it.
    pub details: serde_json::Value,
}

impl Line {
    /// Changes and details on one line.
    pub fn more(&self) -> String {
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
        let change =
            |change: &FieldChange| format!("{}: {} → {}", change.field, word(&change.old), word(&change.new));
        let mut parts: Vec<String> = self.changes.iter().map(change).collect();
        if !self.details.is_null() {
            parts.push(self.details.to_string());
        }
        parts.join(", ")
    }
}

impl Stage {
    /// What happened to the first named records, oldest first.
    pub(super) async fn timeline(&self) -> Vec<Line> {
        let zone = self.tenant.directory().tz;
        let mut lines = Vec::new();
        for (name, (entity, id)) in self.records.iter().take(RECORDS_MAX) {
            let entries = self.tenant.timeline(&self.system(), entity, *id, None, ENTRIES_MAX).await;
            for entry in entries.unwrap_or_default() {
                let line = Line {
                    at: entry.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string(),
                    record: format!("${name}"),
                    by: entry.rule.or(entry.actor_name).unwrap_or(entry.channel),
                    action: entry.action,
                    changes: entry.changes,
                    details: entry.details,
                };
                lines.push((entry.seq, line));
            }
        }
        lines.sort_by_key(|(seq, _)| *seq);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}
