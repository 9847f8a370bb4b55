//! `mortise plugin diff`: what an administrator who has one version has to know about another: exports, permissions, settings,
//! and whether a consent is needed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use mortise_plugin_host::Package;
use mortise_plugin_host::manifest::Manifest;
use serde_json::{Value, json};

use crate::check::permissions;
use crate::error::AuthorError;
use crate::project::read_package;
use crate::terms::Terms;

/// `mortise plugin diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The package that is there.
    old: PathBuf,
    /// The package that is to take its place.
    new: PathBuf,
}

impl Diff {
    pub(crate) fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let (old, new) = (read_package(&self.old)?, read_package(&self.new)?);
        let difference = difference(&old, &new);
        if terms.json {
            terms.result(&difference);
            return Ok(());
        }
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (before, after) = (words(&difference["version"][0]), words(&difference["version"][1]));
        terms.say("author.diff.head", &[("id", &new.manifest.id), ("old", &before), ("new", &after)]);
        for part in ["exports", "permissions", "settings", "secrets", "imports"] {
            let lines = |way: &str, sign: &str| -> Vec<String> {
                let list = difference[part][way].as_array().into_iter().flatten();
                list.map(|line| format!("  {sign} {}", words(line))).collect()
            };
            let changed = [lines("removed", "-"), lines("added", "+")].concat();
            if !changed.is_empty() {
                terms.say(&format!("author.diff.{part}"), &[]);
                changed.iter().for_each(|line| terms.line(line));
            }
        }
        let same = difference["same"] == true;
        let consent = difference["needs_consent"] == true;
        let key = match (same, consent) {
            (true, _) => "author.diff.same",
            (false, true) => "author.diff.consent",
            (false, false) => "author.diff.no_consent",
        };
        terms.say(key, &[]);
        Ok(())
    }
}

/// What differs, for programs.
fn difference(old: &Package, new: &Package) -> Value {
    let imports = |package: &Package| -> Vec<String> {
        let found = mortise_plugin_host::inspect(&package.manifest.component, &package.component);
        found.map(|interfaces| interfaces.imports).unwrap_or_default()
    };
    let (before, after) = (&old.manifest, &new.manifest);
    json!({
        "plugin": [before.id, after.id],
        "version": [before.version, after.version],
        "runtime": [before.runtime, after.runtime],
        "same": old == new,
        "needs_consent": !after.permissions.within(&before.permissions),
        "exports": change(exports(before), exports(after)),
        "permissions": change(permissions(before), permissions(after)),
        "settings": change(lines(&before.settings), lines(&after.settings)),
        "secrets": change(lines(&before.secrets), lines(&after.secrets)),
        "imports": change(imports(old), imports(new)),
    })
}

/// An export with everything that decides when it is called and what it gets.
fn exports(manifest: &Manifest) -> Vec<String> {
    let line = |export: &mortise_plugin_host::manifest::Export| {
        let mut rest = serde_json::to_value(export).unwrap_or_default();
        if let Some(rest) = rest.as_object_mut() {
            ["point", "name", "title"].iter().for_each(|key| drop(rest.shift_remove(*key)));
        }
        format!("{} {} {rest}", export.point.name(), export.name)
    };
    manifest.exports.iter().map(line).collect()
}

fn lines<T: serde::Serialize>(items: &[T]) -> Vec<String> {
    items.iter().filter_map(|item| serde_json::to_string(item).ok()).collect()
}

fn change(before: Vec<String>, after: Vec<String>) -> Value {
    let (before, after): (BTreeSet<String>, BTreeSet<String>) =
        (before.into_iter().collect(), after.into_iter().collect());
    json!({
        "removed": before.difference(&after).collect::<Vec<_>>(),
        "added": after.difference(&before).collect::<Vec<_>>(),
    })
}
