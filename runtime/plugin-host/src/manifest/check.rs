//! Rules of a manifest that a JSON Schema cannot say: what belongs together, what excludes each other. Finds everything
//! at once; never stops at the first slip.

use std::collections::BTreeSet;

use mortise_definition::Problem;

use super::{Export, FILE, Manifest, OnFailure, Point, Setting, ValueKind};
use crate::host_rule::HostRule;
use crate::package::is_plain_path;

/// Everything that is wrong with a manifest of the right form.
pub(super) fn check(manifest: &Manifest) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(error) = semver::Version::parse(&manifest.version) {
        problems.push(at("plugin.version", "/version").arg("value", &manifest.version).arg("detail", error));
    }
    if let Err(error) = semver::VersionReq::parse(&manifest.runtime) {
        problems.push(at("plugin.runtime", "/runtime").arg("value", &manifest.runtime).arg("detail", error));
    }
    if !is_plain_path(&manifest.component) {
        problems.push(at("plugin.path", "/component").arg("path", &manifest.component));
    }
    if manifest.warm && !manifest.language.is_dynamic() {
        problems.push(at("plugin.warm", "/warm"));
    }
    let mut seen = BTreeSet::new();
    for (index, export) in manifest.exports.iter().enumerate() {
        let place = format!("/exports/{index}");
        if !seen.insert((export.point, &export.name)) {
            let problem = at("plugin.export_twice", format!("{place}/name"));
            problems.push(problem.arg("point", export.point.name()).arg("name", &export.name));
        }
        check_export(export, &place, &mut problems);
    }
    check_unused(manifest, &mut problems);
    check_http(manifest, &mut problems);
    for (index, setting) in manifest.settings.iter().enumerate() {
        if !columns_fit(setting) {
            let problem = at("plugin.setting_columns", format!("/settings/{index}"));
            problems.push(problem.arg("name", &setting.name));
        }
    }
    problems
}

/// Whether the columns of a setting can be a table of what it holds.
fn columns_fit(setting: &Setting) -> bool {
    let names: BTreeSet<&str> = setting.columns.iter().map(|column| column.name.as_str()).collect();
    let plain = setting.columns.iter().all(|column| column.kind != ValueKind::Json);
    let keyed = match setting.columns.as_slice() {
        [key, _] => key.kind == ValueKind::Text && key.required,
        _ => false,
    };
    let table = setting.kind == ValueKind::Json && plain && names.len() == setting.columns.len();
    (setting.columns.is_empty() && !setting.keyed) || (table && (keyed || !setting.keyed))
}

fn at(code: &'static str, pointer: impl Into<String>) -> Problem {
    Problem::error(code, FILE, pointer)
}

fn check_export(export: &Export, place: &str, problems: &mut Vec<Problem>) {
    let point = export.point;
    let mut forbid = |given: bool, key: &str| {
        if given {
            let problem = at("plugin.key_not_here", format!("{place}/{key}"));
            problems.push(problem.arg("key", key).arg("point", point.name()));
        }
    };
    forbid(export.entity.is_some() && point == Point::Function, "entity");
    forbid(!export.input.is_empty() && !point.needs_entity(), "input");
    forbid(!export.output.is_empty() && point != Point::BeforeSave, "output");
    forbid(!export.parameters.is_empty() && point != Point::Function, "parameters");
    forbid(export.returns.is_some() && point != Point::Function, "returns");
    forbid(export.schedule.is_some() && point != Point::Job, "schedule");
    forbid(export.deadline_ms.is_some() && point == Point::Function, "deadline_ms");
    let of_a_change = matches!(point, Point::Validator | Point::BeforeSave | Point::AfterCommit);
    forbid(export.when.is_some() && !of_a_change, "when");
    let mut require = |given: bool, key: &str| {
        if !given {
            let problem = at("plugin.key_missing", place);
            problems.push(problem.arg("key", key).arg("point", point.name()));
        }
    };
    require(export.entity.is_some() || !point.needs_entity(), "entity");
    require(export.returns.is_some() || point != Point::Function, "returns");
    if export.on_failure == Some(OnFailure::Defer) && point == Point::BeforeSave {
        problems.push(at("plugin.defer_change", format!("{place}/on_failure")));
    } else if let Some(chosen) = export.on_failure
        && !point.failure_choices().contains(&chosen)
    {
        let choices: Vec<&str> = point.failure_choices().iter().copied().map(failure_word).collect();
        let problem = at("plugin.on_failure", format!("{place}/on_failure"));
        let problem = problem.arg("value", failure_word(chosen)).arg("point", point.name());
        problems.push(problem.arg("known", choices.join(", ")));
    }
    if let Some(path) = export.input_schema.as_ref().filter(|path| !is_plain_path(path)) {
        problems.push(at("plugin.path", format!("{place}/input_schema")).arg("path", path));
    }
}

fn failure_word(policy: OnFailure) -> &'static str {
    match policy {
        OnFailure::Reject => "reject",
        OnFailure::Skip => "skip",
        OnFailure::Defer => "defer",
        OnFailure::Retry => "retry",
    }
}

/// A permission that none of the exports may use is a mistake or a trap for whoever grants it.
fn check_unused(manifest: &Manifest, problems: &mut Vec<Problem>) {
    for word in manifest.permissions.words() {
        if !manifest.exports.iter().any(|export| export.point.may_use().contains(&word)) {
            let problem = at("plugin.permission_unusable", format!("/permissions/{word}"));
            problems.push(problem.arg("permission", word));
        }
    }
}

fn check_http(manifest: &Manifest, problems: &mut Vec<Problem>) {
    for (index, allowed) in manifest.permissions.http.iter().enumerate() {
        let place = format!("/permissions/http/{index}");
        if let Err(error) = HostRule::parse(&allowed.host) {
            let problem = at("plugin.host", format!("{place}/host"));
            problems.push(problem.arg("host", &allowed.host).arg("reason", error.reason()));
        }
        if let Some(name) = &allowed.credential
            && !manifest.secrets.iter().any(|secret| secret.name == *name)
        {
            let known = manifest.secrets.iter().map(|secret| secret.name.as_str());
            let problem = at("plugin.credential", format!("{place}/credential")).arg("name", name);
            problems.push(problem.suggest(name, known));
        }
    }
    for (index, secret) in manifest.secrets.iter().enumerate() {
        if secret.inject.format.matches("{}").count() != 1 {
            problems.push(at("plugin.secret_format", format!("/secrets/{index}/inject/format")));
        }
    }
}
