//! The difference of two versions of an app as a person would tell it: by ids, not by lines. Renaming is told as
//! renaming, and what may destroy data is marked; what really happens to tables is for the migration planner to say.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::structure::{ORDER, item_ids, record_key, written};
use crate::{Package, locale};

/// Longest value shown in the words of a change, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// What happened to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Was not there before.
    Added,
    /// Is not there any more.
    Removed,
    /// Has another value.
    Changed,
    /// An entity or a field has another name; its id and data stay.
    Renamed,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// File of the artifact without its ending: `entities/order`, `app`.
    pub artifact: String,
    /// Place within the artifact by ids: `fields/phone/label`; empty for the whole artifact.
    pub path: String,
    /// The value before.
    pub before: Option<Value>,
    /// The value after.
    pub after: Option<Value>,
    /// Values of records may be lost.
    pub destructive: bool,
}

/// All differences, by artifact in the order of files.
pub fn diff(before: &Package, after: &Package) -> Vec<Change> {
    let (before, after) = (before.values(), after.values());
    let told = differences(&before, &after).into_iter().filter(|raw| !is_only_shifted(raw));
    told.map(Change::from_raw).collect()
}

/// A difference without an opinion about it.
pub(crate) struct Raw {
    pub(crate) artifact: String,
    pub(crate) path: Vec<String>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// Differences of the values of two versions by file.
pub(crate) fn differences(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<Raw> {
    let mut found = Vec::new();
    let gone = before.keys().filter(|file| !after.contains_key(*file));
    for file in gone {
        found.push(whole(file, before.get(file), None));
    }
    for (file, new) in after {
        match before.get(file) {
            None => found.push(whole(file, None, Some(new))),
            Some(old) => {
                let mut compare = Compare { artifact: artifact(file), path: Vec::new(), found: &mut found };
                compare.values(old, new, None);
            }
        }
    }
    found.sort_by(|a, b| a.artifact.cmp(&b.artifact));
    found
}

fn artifact(file: &str) -> &str {
    file.strip_suffix(".json").unwrap_or(file)
}

fn whole(file: &str, before: Option<&Value>, after: Option<&Value>) -> Raw {
    Raw {
        artifact: artifact(file).to_owned(),
        path: Vec::new(),
        before: before.cloned(),
        after: after.cloned(),
    }
}

struct Compare<'a> {
    artifact: &'a str,
    path: Vec<String>,
    found: &'a mut Vec<Raw>,
}

impl Compare<'_> {
    fn values(&mut self, before: &Value, after: &Value, key: Option<&str>) {
        match (before, after) {
            _ if before == after => {}
            (Value::Object(before), Value::Object(after)) => self.objects(before, after),
            (Value::Array(before), Value::Array(after)) => self.lists(before, after, key),
            _ => self.push(Some(before), Some(after)),
        }
    }

    fn objects(&mut self, before: &Map<String, Value>, after: &Map<String, Value>) {
        for (key, old) in before {
            self.path.push(key.clone());
            match after.get(key) {
                Some(new) => self.values(old, new, record_key(before, key)),
                None => self.push(Some(old), None),
            }
            self.path.pop();
        }
        for (key, new) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            self.path.push(key.clone());
            self.push(None, Some(new));
            self.path.pop();
        }
    }

    fn lists(&mut self, before: &[Value], after: &[Value], key: Option<&str>) {
        let (old_ids, new_ids) = (item_ids(before, key), item_ids(after, key));
        let same_kind = old_ids.is_some() == new_ids.is_some();
        if let (Some(old_ids), Some(new_ids)) = (old_ids, new_ids) {
            return self.items((before, &old_ids), (after, &new_ids));
        }
        let structured = |value: &Value| value.is_object() || value.is_array();
        // Places are found by ids where there are any, so that positions would lead nowhere.
        if same_kind && before.len() == after.len() && before.iter().chain(after).all(structured) {
            for (index, (old, new)) in before.iter().zip(after).enumerate() {
                self.path.push(index.to_string());
                self.values(old, new, None);
                self.path.pop();
            }
        } else {
            self.push(Some(&Value::from(before)), Some(&Value::from(after)));
        }
    }

    fn items(&mut self, (before, old_ids): (&[Value], &[String]), (after, new_ids): (&[Value], &[String])) {
        for (old, id) in before.iter().zip(old_ids) {
            self.path.push(id.clone());
            match new_ids.iter().position(|other| other == id) {
                Some(position) => self.values(old, &after[position], None),
                None => self.push(Some(old), None),
            }
            self.path.pop();
        }
        for (new, id) in after.iter().zip(new_ids).filter(|(_, id)| !old_ids.contains(id)) {
            self.path.push(id.clone());
            self.push(None, Some(new));
            self.path.pop();
        }
        // What was added is expected at the end; any other order has to be told.
        let kept = old_ids.iter().filter(|id| new_ids.contains(id));
        let added = new_ids.iter().filter(|id| !old_ids.contains(id));
        if !kept.chain(added).eq(new_ids) {
            self.path.push(ORDER.to_owned());
            self.push(Some(&Value::from(old_ids)), Some(&Value::from(new_ids)));
            self.path.pop();
        }
    }

    fn push(&mut self, before: Option<&Value>, after: Option<&Value>) {
        self.found.push(Raw {
            artifact: self.artifact.to_owned(),
            path: self.path.clone(),
            before: before.cloned(),
            after: after.cloned(),
        });
    }
}

impl Change {
    fn from_raw(raw: Raw) -> Change {
        let renamed = is_name(&raw);
        let kind = match (&raw.before, &raw.after) {
            _ if renamed => ChangeKind::Renamed,
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        Change {
            kind,
            path: written(&raw.path),
            destructive: is_destructive(&raw),
            artifact: raw.artifact,
            before: raw.before,
            after: raw.after,
        }
    }

    /// The change in words, in `language`.
    pub fn describe(&self, language: &str) -> String {
        let key = match self.kind {
            ChangeKind::Added => "change.added",
            ChangeKind::Removed => "change.removed",
            ChangeKind::Changed if self.path.ends_with(ORDER) => "change.reordered",
            ChangeKind::Changed => "change.changed",
            ChangeKind::Renamed => "change.renamed",
        };
        let path =
            self.path.strip_suffix(ORDER).map_or(self.path.as_str(), |path| path.trim_end_matches('/'));
        let place = if path.is_empty() { self.artifact.clone() } else { format!("{} {path}", self.artifact) };
        let (mut before, mut after) = (shown(self.before.as_ref()), shown(self.after.as_ref()));
        if self.kind == ChangeKind::Renamed {
            // Without a name of its own, a thing is called by its id.
            let mut segments = place.rsplit(['/', ' ']).skip(1);
            let id = segments.next().unwrap_or_default().to_owned();
            before = if self.before.is_none() { id.clone() } else { before };
            after = if self.after.is_none() { id } else { after };
        }
        let mut words =
            locale::translate(language, key, &[("place", &place), ("before", &before), ("after", &after)]);
        if self.destructive {
            words.push_str(&locale::translate(language, "change.destructive", &[]));
        }
        words
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe("en"))
    }
}

fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None => return "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    text.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect()
}

/// True for an order in which things only made room for others: not worth a line of its own.
fn is_only_shifted(raw: &Raw) -> bool {
    let list = |value: &Option<Value>| value.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let (before, after) = (list(&raw.before), list(&raw.after));
    let kept = before.iter().filter(|id| after.contains(id));
    raw.path.last().is_some_and(|last| last == ORDER)
        && kept.eq(after.iter().filter(|id| before.contains(id)))
}

fn declares_fields(artifact: &str) -> bool {
    artifact.starts_with("entities/") || artifact.starts_with("extensions/")
}

fn is_name(raw: &Raw) -> bool {
    let segments: Vec<&str> = raw.path.iter().map(String::as_str).collect();
    declares_fields(&raw.artifact) && matches!(segments.as_slice(), ["name"] | ["fields", _, "name"])
}

fn is_destructive(raw: &Raw) -> bool {
    if !declares_fields(&raw.artifact) || raw.before.is_none() {
        return false;
    }
    let segments: Vec<&str> = raw.path.iter().map(String::as_str).collect();
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_i64).unwrap_or_default();
    match segments.as_slice() {
        [] => raw.after.is_none(),
        ["fields", _] => raw.after.is_none(),
        ["fields", _, "type"] => !widens(&text(&raw.before), &text(&raw.after)),
        ["fields", _, "scale"] => number(&raw.after) < number(&raw.before),
        ["fields", _, "entity" | "tree"] => true,
        _ => false,
    }
}

/// True when every value of the first type is one of the second, or can be calculated again.
fn widens(before: &str, after: &str) -> bool {
    match before {
        "computed" | "rollup" | "lines" => true,
        "text" | "phone" | "email" | "url" | "choice" | "autonumber" => matches!(after, "text" | "long_text"),
        "tree" | "region" => matches!(after, "tree" | "region" | "text" | "long_text"),
        "integer" => matches!(after, "decimal" | "money"),
        "money" => after == "decimal",
        "photo" | "signature" => after == "file",
        _ => false,
    }
}
