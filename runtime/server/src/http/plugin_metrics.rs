//! What plugins came to, for `/metrics`: calls by outcome and their time, over all tenants. The engine counts by tenant; what
//! a tenant has counted is added up here when it is closed, so that no figure ever goes down.

use std::collections::BTreeMap;
use std::fmt::Write;

use mortise_engine::plugins::{PluginCalls, Renewal};
use parking_lot::Mutex;

use crate::AppState;

/// The outcome of a call that went well.
const GOOD: &str = "ok";

/// Figures by plugin.
type Figures = BTreeMap<String, PluginCalls>;

/// What tenants have counted that are closed by now.
#[derive(Default)]
pub(crate) struct Closed(Mutex<Figures>);

impl Closed {
    /// Keeps what a tenant has counted that is being closed.
    pub(crate) fn keep(&self, counted: Figures) {
        add(&mut self.0.lock(), counted);
    }
}

fn add(all: &mut Figures, counted: Figures) {
    for (plugin, calls) in counted {
        let sum = all.entry(plugin).or_default();
        sum.calls += calls.calls;
        sum.wall += calls.wall;
        for (code, count) in calls.failures {
            *sum.failures.entry(code).or_default() += count;
        }
    }
}

/// Everything in Prometheus' text format.
pub(super) fn render(state: &AppState) -> String {
    let mut all = state.plugins_closed.0.lock().clone();
    let mut resting = 0;
    for tenant in state.open_tenants() {
        add(&mut all, tenant.engine.plugin_calls());
        resting += tenant.engine.resting_plugins();
    }
    text(&all, resting) + &renewal_text(state.engine.plugin_renewal())
}

fn renewal_text(renewal: Renewal) -> String {
    let mut text = String::new();
    let lines = [
        ("compiled", "Plugins compiled anew since the start.", renewal.compiled),
        ("compile_failures", "Plugins that could not be compiled anew since the start.", renewal.failed),
        ("files_cleared", "Files of plugins cleared away since the start.", renewal.cleared_files),
    ];
    for (name, help, value) in lines {
        let name = format!("mortise_plugin_{name}_total");
        head(&mut text, &name, "counter", help);
        text.push_str(&format!("{name} {value}\n"));
    }
    text
}

fn text(all: &Figures, resting: usize) -> String {
    let mut text = String::new();
    head(&mut text, "mortise_plugin_calls_total", "counter", "Calls of plugins by outcome.");
    for (plugin, calls) in all {
        let failed: u64 = calls.failures.values().sum();
        let good = (GOOD, calls.calls.saturating_sub(failed));
        let failures = calls.failures.iter().map(|(code, count)| (*code, *count));
        for (outcome, count) in std::iter::once(good).chain(failures) {
            let labels = format!("plugin=\"{plugin}\",outcome=\"{outcome}\"");
            line(&mut text, "mortise_plugin_calls_total", &labels, count);
        }
    }
    head(&mut text, "mortise_plugin_seconds_total", "counter", "Time of calls of plugins.");
    for (plugin, calls) in all {
        let labels = format!("plugin=\"{plugin}\"");
        line(&mut text, "mortise_plugin_seconds_total", &labels, calls.wall.as_secs_f64());
    }
    let what = "Functions of plugins that failed too often and rest, over all tenants.";
    head(&mut text, "mortise_plugin_circuits_open", "gauge", what);
    text.push_str(&format!("mortise_plugin_circuits_open {resting}\n"));
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{name}{{{labels}}} {value}");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_done_about_files_is_told() {
        let renewal = Renewal { compiled: 2, cleared_files: 3, ..Renewal::default() };
        let text = renewal_text(renewal);
        assert!(text.contains("mortise_plugin_compiled_total 2\n"), "{text}");
        assert!(text.contains("mortise_plugin_files_cleared_total 3\n"), "{text}");
    }

    #[test]
    fn what_closed_tenants_counted_is_added() {
        let calls = PluginCalls {
            calls: 3,
            failures: [("plugin.run.trap", 1)].into(),
            wall: Duration::from_millis(250),
        };
        let closed = Closed::default();
        closed.keep([("acme.x".to_owned(), calls.clone())].into());
        let mut all = closed.0.lock().clone();
        add(&mut all, [("acme.x".to_owned(), calls)].into());
        let text = text(&all, 2);
        for expected in [
            "mortise_plugin_calls_total{plugin=\"acme.x\",outcome=\"ok\"} 4\n",
            "mortise_plugin_calls_total{plugin=\"acme.x\",outcome=\"plugin.run.trap\"} 2\n",
            "mortise_plugin_seconds_total{plugin=\"acme.x\"} 0.5\n",
            "mortise_plugin_circuits_open 2\n",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
