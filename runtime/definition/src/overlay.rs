//! Overlays: what an administrator changed in an app, kept as a patch over the version it was made for, so that an
//! upgrade of the app is a three-way merge. A conflict is reported, never resolved by overwriting.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::diff::differences;
use crate::package::hex;
use crate::structure::{ORDER, find, holder, item_ids, position, reorder, segments, written};
use crate::{Kind, Package, Problem};

/// Changes to one app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The app.
    pub app: String,
    /// The version of the app that was changed.
    pub version: String,
    /// The changes, in the order in which they are applied.
    pub patches: Vec<Patch>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// File of the artifact without its ending: `entities/order`, `app`.
    pub artifact: String,
    /// Place within the artifact by ids: `fields/phone/label`; empty for the whole artifact.
    pub path: String,
    /// What was there; `None` where something was added.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub before: Option<Value>,
    /// What is there now; `None` where something was removed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub after: Option<Value>,
}

/// A change that does not fit the new version, because its author changed the same place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conflict {
    /// File of the artifact without its ending.
    pub artifact: String,
    /// Place within the artifact by ids.
    pub path: String,
    /// What was there when the administrator changed it.
    pub before: Option<Value>,
    /// What the administrator made of it.
    pub ours: Option<Value>,
    /// What the new version has there.
    pub theirs: Option<Value>,
}

/// A null that is written is a value; only what is left out is none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Overlay {
    /// The changes that make `changed` of `base`. Id and version of the app are never part of an overlay.
    pub fn between(base: &Package, changed: &Package) -> Overlay {
        let found = differences(&base.values(), &changed.values());
        let identity = |artifact: &str, path: &str| artifact == "app" && (path == "id" || path == "version");
        let patches = found.into_iter().map(|raw| Patch {
            path: written(&raw.path),
            artifact: raw.artifact,
            before: raw.before,
            after: raw.after,
        });
        let patches = patches.filter(|patch| !identity(&patch.artifact, &patch.path)).collect();
        Overlay { app: base.app.id.clone(), version: base.app.version.clone(), patches }
    }

    /// The package with the changes applied; what is changed is checked like anything from outside.
    pub fn apply(&self, package: &Package) -> Result<Package, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut touched: BTreeMap<String, Option<Value>> = BTreeMap::new();
        for patch in &self.patches {
            let file = format!("{}.json", patch.artifact);
            let value = touched.entry(file.clone()).or_insert_with(|| package.value(&file));
            if let Err(code) = patch.apply(value) {
                let problem = Problem::error(code, &*file, "").arg("artifact", &patch.artifact);
                problems.push(problem.arg("path", &patch.path));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut hasher = Sha256::new();
        hasher.update(package.digest());
        hasher.update(serde_json::to_vec(self).expect("an overlay holds only what JSON can hold"));
        package.with_values(touched, hex(&hasher.finalize()))
    }

    /// The same changes over another version of the app. Those that the new version has already are dropped; those
    /// that its author contradicts are left out and reported.
    pub fn rebase(&self, base: &Package) -> (Overlay, Vec<Conflict>) {
        let mut kept = Vec::new();
        let mut conflicts = Vec::new();
        let mut values: BTreeMap<&str, Option<Value>> = BTreeMap::new();
        for patch in &self.patches {
            let value = values
                .entry(&patch.artifact)
                .or_insert_with(|| base.value(&format!("{}.json", patch.artifact)));
            match patch.rebase(value.as_ref()) {
                Rebased::Kept(patch) => kept.push(patch),
                Rebased::Done => {}
                Rebased::Conflict(theirs) => conflicts.push(Conflict {
                    artifact: patch.artifact.clone(),
                    path: patch.path.clone(),
                    before: patch.before.clone(),
                    ours: patch.after.clone(),
                    theirs,
                }),
            }
        }
        (Overlay { app: self.app.clone(), version: base.app.version.clone(), patches: kept }, conflicts)
    }
}

enum Rebased {
    Kept(Patch),
    Done,
    Conflict(Option<Value>),
}

impl Patch {
    /// Changes the value of an artifact; `None` stands for an artifact that is not there.
    fn apply(&self, artifact: &mut Option<Value>) -> Result<(), &'static str> {
        if Kind::of_file(&format!("{}.json", self.artifact)).is_none()
            || (self.before.is_none() && self.after.is_none())
        {
            return Err("overlay.path");
        }
        let path = segments(&self.path);
        let Some((last, parents)) = path.split_last() else {
            if self.before.is_none()
                && artifact.as_ref().is_some_and(|present| Some(present) != self.after.as_ref())
            {
                return Err("overlay.exists");
            }
            artifact.clone_from(&self.after);
            return Ok(());
        };
        let root = artifact.as_mut().ok_or("overlay.target")?;
        let (holder, key) = holder(root, parents).ok_or("overlay.target")?;
        let key = key.as_deref();
        match (holder, &self.after) {
            (Value::Array(items), Some(order)) if last == ORDER => sort(items, key, order),
            (Value::Object(map), Some(after)) => {
                if self.before.is_some() && !map.contains_key(last) {
                    return Err("overlay.target");
                }
                map.insert(last.clone(), after.clone());
                Ok(())
            }
            (Value::Object(map), None) => {
                map.shift_remove(last);
                Ok(())
            }
            (Value::Array(items), after) => match (position(items, key, last), after) {
                (Some(at), Some(after)) if self.before.is_some() => {
                    items[at] = after.clone();
                    Ok(())
                }
                (Some(_), Some(_)) => Err("overlay.exists"),
                (Some(at), None) => {
                    items.remove(at);
                    Ok(())
                }
                (None, Some(after)) if self.before.is_none() => {
                    items.push(after.clone());
                    Ok(())
                }
                (None, Some(_)) => Err("overlay.target"),
                (None, None) => Ok(()),
            },
            _ => Err("overlay.target"),
        }
    }

    fn rebase(&self, artifact: Option<&Value>) -> Rebased {
        let path = segments(&self.path);
        if path.last().is_some_and(|last| last == ORDER) {
            return self.rebase_order(artifact, &path[..path.len() - 1]);
        }
        let theirs = artifact.and_then(|root| find(root, &path));
        let has_holder = match path.split_last() {
            None => true,
            Some((_, parents)) => artifact.is_some_and(|root| find(root, parents).is_some()),
        };
        if theirs == self.after.as_ref() && (has_holder || self.after.is_none()) {
            return Rebased::Done;
        }
        if theirs == self.before.as_ref() && has_holder {
            return Rebased::Kept(self.clone());
        }
        Rebased::Conflict(theirs.cloned())
    }

    /// An order fits when the new version has what it knew in the same order; what is new keeps its neighbour.
    fn rebase_order(&self, artifact: Option<&Value>, list: &[String]) -> Rebased {
        let present = artifact.and_then(|root| ids_at(root, list));
        let (Some(present), Some(before), Some(after)) =
            (present, ids(self.before.as_ref()), ids(self.after.as_ref()))
        else {
            return Rebased::Conflict(None);
        };
        let wanted = reorder(&present, &after);
        let known = |ids: &[String], of: &[String]| -> Vec<String> {
            ids.iter().filter(|id| of.contains(id)).cloned().collect()
        };
        if wanted == present && after.iter().all(|id| present.contains(id)) {
            return Rebased::Done;
        }
        if known(&present, &before) != known(&before, &present) {
            return Rebased::Conflict(Some(Value::from(present)));
        }
        // Items that the overlay itself adds are not there yet, but have their place in the order; those that it takes
        // away have none.
        let kept: Vec<String> =
            present.iter().filter(|id| after.contains(id) || !before.contains(id)).cloned().collect();
        let order = reorder(&union(&kept, &after), &after);
        Rebased::Kept(Patch {
            before: Some(Value::from(present)),
            after: Some(Value::from(order)),
            ..self.clone()
        })
    }
}

fn union(first: &[String], second: &[String]) -> Vec<String> {
    first.iter().chain(second.iter().filter(|id| !first.contains(id))).cloned().collect()
}

fn ids(value: Option<&Value>) -> Option<Vec<String>> {
    value?.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect()
}

/// The ids of the list at a path.
fn ids_at(root: &Value, path: &[String]) -> Option<Vec<String>> {
    let (name, parents) = path.split_last()?;
    let key = find(root, parents)?.as_object().and_then(|parent| crate::structure::record_key(parent, name));
    item_ids(find(root, path)?.as_array()?, key)
}

fn sort(items: &mut [Value], key: Option<&str>, order: &Value) -> Result<(), &'static str> {
    let (Some(present), Some(wanted)) = (item_ids(items, key), ids(Some(order))) else {
        return Err("overlay.target");
    };
    let order = reorder(&present, &wanted);
    items.sort_by_cached_key(|item| {
        let id = item_ids(std::slice::from_ref(item), key).and_then(|mut ids| ids.pop());
        order.iter().position(|other| Some(other) == id.as_ref())
    });
    Ok(())
}
