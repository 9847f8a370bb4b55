//! A version that is tried out, beside the one in force: calls, failures and times of both, so that somebody can decide.

use std::collections::BTreeMap;

use mortise_definition::locale::sentences;
use mortise_engine::plugins::{PluginInfo, PluginUsage};
use serde::Serialize;

use super::words;
use crate::Failure;
use crate::api::plugins as api;
use crate::pages::show::grouped;
use crate::pages::visit::Visit;

/// A version that is tried out.
#[derive(Serialize)]
pub(super) struct Trial {
    version: String,
    /// On whom.
    who: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    export: String,
    version: String,
    canary: bool,
    calls: String,
    failures: String,
    mean: String,
    longest: String,
}

/// Figures of several hours in one.
#[derive(Default)]
struct Sum {
    calls: i64,
    failures: i64,
    wall_us: i64,
    wall_us_max: i64,
}

/// The version of a plugin that is tried out, compared with the one in force over the last day.
pub(super) async fn trial(visit: &Visit, info: &PluginInfo) -> Result<Option<Trial>, Failure> {
    let Some(canary) = &info.canary else { return Ok(None) };
    let version = |number: i64| {
        let known = info.versions.iter().find(|version| version.number == number);
        known.map(|version| version.version.clone()).unwrap_or_default()
    };
    let usage = api::usage(&visit.by, &info.id, None).await?;
    let rows = sums(&usage, [info.current, canary.number]);
    let manifest = api::current(info).and_then(|version| version.manifest.as_ref());
    let title = |export: String| {
        let mut exports = manifest.iter().flat_map(|said| &said.exports);
        let found = exports.find(|one| one.name == export).and_then(|one| one.title.as_ref());
        found.map_or(export, |title| title.get(visit.language).to_owned())
    };
    let row = |((export, number), sum): ((String, i64), Sum)| Row {
        export: title(export),
        version: version(number),
        canary: number == canary.number,
        calls: grouped(sum.calls),
        failures: grouped(sum.failures),
        mean: words::micros(sum.wall_us / sum.calls.max(1)),
        longest: words::micros(sum.wall_us_max),
    };
    let mut who = Vec::new();
    if canary.share > 0 {
        who.push(visit.t("plugins.canary_share", &[("share", &canary.share.to_string())]));
    }
    let directory = visit.tenant.engine.directory();
    let people = canary.people.iter().filter_map(|id| directory.user(*id)).map(|user| user.name.clone());
    let people: Vec<String> = people.collect();
    if !people.is_empty() {
        let names = people.join(&visit.t("value.list_separator", &[]));
        who.push(visit.t("plugins.canary_people", &[("names", &names)]));
    }
    who.extend(canary.problems.iter().map(|problem| problem.message.get(visit.language).to_owned()));
    Ok(Some(Trial {
        version: version(canary.number),
        who: who.iter().fold(String::new(), |said, one| sentences(&said, one)),
        rows: rows.into_iter().map(row).collect(),
    }))
}

/// By export and version, for these versions only.
fn sums(usage: &[PluginUsage], of: [i64; 2]) -> BTreeMap<(String, i64), Sum> {
    let mut sums: BTreeMap<(String, i64), Sum> = BTreeMap::new();
    for hour in usage.iter().filter(|hour| of.contains(&hour.number)) {
        let sum = sums.entry((hour.export.clone(), hour.number)).or_default();
        sum.calls += hour.calls;
        sum.failures += hour.failures;
        sum.wall_us += hour.wall_us;
        sum.wall_us_max = sum.wall_us_max.max(hour.wall_us_max);
    }
    sums
}
