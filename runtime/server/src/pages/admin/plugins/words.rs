//! Words and figures about plugins that several of their pages use: badges, points, amounts.

use mortise_engine::plugins::{Complaint, PluginInfo, PluginState};
use mortise_plugin_host::manifest::{Export, Manifest, Point};
use serde::Serialize;

use super::names::Names;
use crate::pages::visit::Visit;

/// A short word with a colour.
#[derive(Serialize)]
pub(super) struct Badge {
    color: &'static str,
    text: String,
}

impl Badge {
    pub(super) fn new(visit: &Visit, color: &'static str, key: &str) -> Badge {
        Badge { color, text: visit.t(&format!("plugins.{key}"), &[]) }
    }
}

/// How a plugin is doing.
pub(super) fn badges(visit: &Visit, info: &PluginInfo) -> Vec<Badge> {
    let (color, key) = match info.state {
        PluginState::On => ("green", "state.on"),
        PluginState::Off => ("gray", "state.off"),
        PluginState::Broken => ("red", "state.broken"),
        PluginState::Waiting => ("yellow", "state.waits"),
    };
    let mut badges = vec![Badge::new(visit, color, key)];
    if info.state != PluginState::Waiting && crate::api::plugins::waiting(info).is_some() {
        badges.push(Badge::new(visit, "yellow", "state.waits"));
    }
    if !info.circuits.is_empty() {
        badges.push(Badge::new(visit, "yellow", "state.resting"));
    }
    if info.canary.is_some() {
        badges.push(Badge::new(visit, "blue", "state.canary"));
    }
    badges
}

/// Something that is wrong, in words.
#[derive(Serialize)]
pub(super) struct Wrong {
    text: String,
    hint: Option<String>,
    place: String,
}

/// What is wrong with a plugin, in the language of the visitor.
pub(super) fn wrong(visit: &Visit, complaints: &[Complaint]) -> Vec<Wrong> {
    let wrong = |complaint: &Complaint| Wrong {
        text: complaint.message.get(visit.language).to_owned(),
        hint: complaint.hint.as_ref().map(|hint| hint.get(visit.language).to_owned()),
        place: complaint.place.clone(),
    };
    complaints.iter().map(wrong).collect()
}

/// One thing that a plugin does.
#[derive(Serialize)]
pub(super) struct Does {
    icon: &'static str,
    text: String,
    /// Its name, for those who talk to the author.
    name: String,
    pub(super) note: Option<String>,
    /// The job that can be started by hand.
    pub(super) job: Option<String>,
}

/// What a plugin does, a line for each of its functions.
pub(super) fn does(visit: &Visit, manifest: &Manifest, names: &Names<'_>) -> Vec<Does> {
    let line = |export: &Export| {
        let entity = export.entity.as_deref().map_or("", |name| names.plural(name));
        let general = visit.t(&format!("plugins.does.{}", export.point.name()), &[("entity", entity)]);
        let text = export.title.as_ref().map(|title| title.get(visit.language));
        Does {
            icon: point_icon(export.point),
            text: text.map_or_else(|| general.clone(), |title| format!("{title} – {general}")),
            name: export.name.clone(),
            note: None,
            job: None,
        }
    };
    manifest.exports.iter().map(line).collect()
}

fn point_icon(point: Point) -> &'static str {
    match point {
        Point::Validator => "shield-check",
        Point::BeforeSave => "edit",
        Point::AfterCommit => "checks",
        Point::Action => "bolt",
        Point::Function => "calculator",
        Point::Scorer => "list-numbers",
        Point::Assigner => "user-check",
        Point::Provider => "chart-bar",
        Point::Renderer => "file-text",
        Point::Job => "clock-play",
        Point::Connector => "plug",
    }
}

/// A point by its name in the log.
pub(super) fn point(visit: &Visit, name: &str) -> String {
    visit.t(&format!("plugins.point.{name}"), &[])
}

/// What was said about a failure beyond our own words for it: by the plugin, for people, and by the machine, for the author.
pub(super) fn spoken(code: &str, message: Option<&str>) -> (Option<String>, Option<String>) {
    let message = message.filter(|message| !message.is_empty()).map(str::to_owned);
    match code {
        "plugin.run.fault" => (message, None),
        "plugin.run.trap" | "plugin.run.limit" | "plugin.run.output" | "plugin.run.unavailable" => {
            (None, message)
        }
        // Our own words tell all of it.
        _ => (None, None),
    }
}

/// A number of bytes as people say it.
pub(super) fn bytes(number: u64) -> String {
    const STEP: u64 = 1024;
    let tenths = |unit: u64| {
        let tenths = number.saturating_mul(10) / unit;
        if tenths.is_multiple_of(10) {
            (tenths / 10).to_string()
        } else {
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    };
    match number {
        0..STEP => format!("{number} B"),
        number if number < STEP * STEP => format!("{} KiB", tenths(STEP)),
        _ => format!("{} MiB", tenths(STEP * STEP)),
    }
}

/// Microseconds as people say them.
pub(super) fn micros(number: i64) -> String {
    match number {
        ..1_000 => format!("{number} µs"),
        1_000..1_000_000 => format!("{}.{} ms", number / 1_000, number % 1_000 / 100),
        _ => format!("{}.{} s", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

/// What a counter counts, as people say it.
pub(super) fn amount(counter: &str, number: u64) -> String {
    let whole = i64::try_from(number).unwrap_or(i64::MAX);
    match counter {
        "memory-bytes" | "output-bytes" | "log-bytes" => bytes(number),
        "wall-ms" | "cpu-ms" | "http-ms" => format!("{} ms", crate::pages::show::grouped(whole)),
        _ => crate::pages::show::grouped(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        assert_eq!(bytes(700), "700 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(64 * 1024 * 1024), "64 MiB");
        assert_eq!(micros(37), "37 µs");
        assert_eq!(micros(1_250), "1.2 ms");
        assert_eq!(micros(2_345_678), "2.3 s");
        assert_eq!(amount("rows-read", 12_345), "12,345");
    }
}
