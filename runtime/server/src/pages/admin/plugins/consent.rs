//! What a plugin asks for, in words that somebody understands who has never programmed: a box for each part, all of which
//! can be unticked. What is shown and what is granted come from the same list, so that nothing is granted unseen.

use std::collections::HashSet;

use indexmap::IndexSet;
use mortise_definition::Text;
use mortise_plugin_host::{
    HttpPermission, Permissions, ReadPermission, StoragePermission, WriteOp, WritePermission,
};
use serde::Serialize;

use super::names::Names;
use crate::pages::visit::Visit;

/// Stands for every field.
const ALL: &str = "*";

/// One thing that is asked for, such as reading one kind of record.
#[derive(Serialize)]
pub(super) struct Part {
    icon: &'static str,
    title: String,
    text: Option<String>,
    /// Why the author asks for it, in the author's words.
    why: Option<String>,
    /// All of it is new.
    fresh: bool,
    ticks: Vec<Tick>,
}

/// A part that can be unticked.
#[derive(Serialize)]
struct Tick {
    key: String,
    label: String,
    checked: bool,
    /// It was not asked for before.
    fresh: bool,
}

/// What is said about a part.
struct Words {
    icon: &'static str,
    title: String,
    text: Option<String>,
    why: Option<String>,
}

/// What is compared with what.
pub(super) struct Consent<'a> {
    /// What is asked for.
    pub(super) asked: &'a Permissions,
    /// What was granted so far; everything is ticked where nobody was asked yet.
    pub(super) granted: Option<&'a Permissions>,
    /// What the version in force asks for: what is beyond it is new.
    pub(super) known: Option<&'a Permissions>,
    /// What its names mean.
    pub(super) names: &'a Names<'a>,
}

/// A box as it is asked for: alone in permissions of its own, so that it can be compared with others.
struct Single {
    key: String,
    alone: Permissions,
    what: What,
}

enum What {
    Field(String),
    Op(WriteOp),
    Method(String),
    Storage(u64),
}

fn reading(index: usize, rule: &ReadPermission) -> Vec<Single> {
    let single = |field: &String| Single {
        key: format!("read/{index}/{field}"),
        alone: Permissions {
            read: vec![ReadPermission { entity: rule.entity.clone(), fields: [field.clone()].into() }],
            ..Permissions::default()
        },
        what: What::Field(field.clone()),
    };
    rule.fields.iter().map(single).collect()
}

/// Ways of changing with all fields, and fields with all ways: both have to be ticked.
fn writing(index: usize, rule: &WritePermission) -> Vec<Single> {
    let alone = |ops: IndexSet<WriteOp>, fields: IndexSet<String>| Permissions {
        write: vec![WritePermission { entity: rule.entity.clone(), fields, ops }],
        ..Permissions::default()
    };
    let of_op = |op: &WriteOp| Single {
        key: format!("write/{index}/op/{}", op_name(*op)),
        alone: alone([*op].into(), IndexSet::new()),
        what: What::Op(*op),
    };
    let of_field = |field: &String| Single {
        key: format!("write/{index}/field/{field}"),
        alone: alone(IndexSet::new(), [field.clone()].into()),
        what: What::Field(field.clone()),
    };
    rule.ops.iter().map(of_op).chain(rule.fields.iter().map(of_field)).collect()
}

fn calling(index: usize, rule: &HttpPermission) -> Vec<Single> {
    let single = |method: &String| Single {
        key: format!("http/{index}/{method}"),
        alone: Permissions {
            http: vec![HttpPermission { methods: [method.clone()].into(), ..rule.clone() }],
            ..Permissions::default()
        },
        what: What::Method(method.clone()),
    };
    rule.methods.iter().map(single).collect()
}

fn storing(storage: StoragePermission) -> Single {
    Single {
        key: "storage".to_owned(),
        alone: Permissions { storage: Some(storage), ..Permissions::default() },
        what: What::Storage(storage.bytes),
    }
}

/// The name of a way of changing in forms and words.
fn op_name(op: WriteOp) -> &'static str {
    match op {
        WriteOp::Create => "create",
        WriteOp::Update => "update",
        WriteOp::Delete => "delete",
    }
}

impl Part {
    /// Whether anything of it is new.
    pub(super) fn is_fresh(&self) -> bool {
        self.ticks.iter().any(|tick| tick.fresh)
    }
}

impl Consent<'_> {
    /// Everything that is asked for, with boxes.
    pub(super) fn parts(&self, visit: &Visit) -> Vec<Part> {
        let asked = self.asked;
        let said = |reason: &Option<Text>| reason.as_ref().map(|text| text.get(visit.language).to_owned());
        let reasons = self.names.reasons();
        let mut parts = Vec::new();
        for (index, rule) in asked.read.iter().enumerate() {
            let title = self.of_entity(visit, "plugins.read", &rule.entity);
            let key = if self.names.works_alone() { "plugins.read_alone" } else { "plugins.read_text" };
            let text = self.note(visit, key, &rule.entity);
            let words = Words { icon: "eye", title, text: Some(text), why: said(&reasons.read) };
            parts.push(self.part(visit, words, &rule.entity, &reading(index, rule)));
        }
        for (index, rule) in asked.write.iter().enumerate() {
            let title = self.of_entity(visit, "plugins.write", &rule.entity);
            let text = self.note(visit, "plugins.write_text", &rule.entity);
            let words = Words { icon: "pencil", title, text: Some(text), why: said(&reasons.write) };
            parts.push(self.part(visit, words, &rule.entity, &writing(index, rule)));
        }
        for (index, rule) in asked.http.iter().enumerate() {
            let mut text = visit.t("plugins.http_text", &[]);
            if let Some(name) = &rule.credential {
                let secret = visit.t("plugins.http_secret", &[("secret", self.names.secret(name))]);
                text = format!("{text} {secret}");
            }
            let title = visit.t("plugins.http", &[("host", &rule.host)]);
            let words = Words { icon: "world", title, text: Some(text), why: said(&reasons.http) };
            parts.push(self.part(visit, words, "", &calling(index, rule)));
        }
        if let Some(storage) = asked.storage {
            let title = visit.t("plugins.storage", &[]);
            let text = Some(visit.t("plugins.storage_text", &[]));
            let words = Words { icon: "database", title, text, why: said(&reasons.storage) };
            parts.push(self.part(visit, words, "", &[storing(storage)]));
        }
        parts
    }

    fn part(&self, visit: &Visit, words: Words, entity: &str, singles: &[Single]) -> Part {
        let tick = |single: &Single| {
            let has = |permissions: &Permissions| single.alone.within(permissions);
            let (granted, known) = (self.granted.is_none_or(has), self.known.is_none_or(has));
            Tick {
                label: self.label(visit, entity, &single.what),
                // What somebody took away stays so; what is new is shown as it would be granted.
                checked: granted || !known,
                fresh: !granted && !known,
                key: single.key.clone(),
            }
        };
        let ticks: Vec<Tick> = singles.iter().map(tick).collect();
        let Words { icon, title, text, why } = words;
        Part { icon, title, text, why, fresh: ticks.iter().all(|tick| tick.fresh), ticks }
    }

    fn label(&self, visit: &Visit, entity: &str, what: &What) -> String {
        match what {
            What::Field(field) if field == ALL => visit.t("plugins.all_fields", &[]),
            What::Field(field) => visit.t("plugins.field", &[("field", self.names.field(entity, field))]),
            What::Op(op) => visit.t(&format!("plugins.op.{}", op_name(*op)), &[]),
            What::Method(method) => {
                let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str());
                let key =
                    if known { format!("plugins.method.{method}") } else { "plugins.method".to_owned() };
                visit.t(&key, &[("method", method)])
            }
            What::Storage(bytes) => {
                visit.t("plugins.storage_amount", &[("amount", &super::words::bytes(*bytes))])
            }
        }
    }

    fn of_entity(&self, visit: &Visit, key: &str, name: &str) -> String {
        let known = self.names.entity(name);
        let label = known.map_or(name, |entity| entity.plural.get(visit.language));
        visit.t(key, &[("entity", label)])
    }

    fn note(&self, visit: &Visit, key: &str, name: &str) -> String {
        match self.names.entity(name) {
            Some(_) => visit.t(key, &[]),
            None => visit.t("plugins.unknown_entity", &[]),
        }
    }
}

/// What is asked for, cut down to what is ticked.
pub(super) fn narrowed(asked: &Permissions, ticked: &HashSet<&str>) -> Permissions {
    let chosen = |singles: Vec<Single>| singles.into_iter().filter(|one| ticked.contains(one.key.as_str()));
    let mut granted = Permissions::default();
    for (index, rule) in asked.read.iter().enumerate() {
        let kept = chosen(reading(index, rule));
        let fields: IndexSet<String> = kept.filter_map(|one| one.what.field()).collect();
        if !fields.is_empty() {
            granted.read.push(ReadPermission { fields, ..rule.clone() });
        }
    }
    for (index, rule) in asked.write.iter().enumerate() {
        let kept: Vec<What> = chosen(writing(index, rule)).map(|one| one.what).collect();
        let ops: IndexSet<WriteOp> = kept.iter().filter_map(What::op).collect();
        let fields: IndexSet<String> = kept.into_iter().filter_map(What::field).collect();
        if !ops.is_empty() && !fields.is_empty() {
            granted.write.push(WritePermission { fields, ops, ..rule.clone() });
        }
    }
    for (index, rule) in asked.http.iter().enumerate() {
        let methods: IndexSet<String> =
            chosen(calling(index, rule)).filter_map(|one| one.what.method()).collect();
        if !methods.is_empty() {
            granted.http.push(HttpPermission { methods, ..rule.clone() });
        }
    }
    granted.storage = asked.storage.filter(|_| ticked.contains("storage"));
    granted
}

impl What {
    fn field(self) -> Option<String> {
        match self {
            What::Field(field) => Some(field),
            What::Op(_) | What::Method(_) | What::Storage(_) => None,
        }
    }

    fn op(&self) -> Option<WriteOp> {
        match self {
            What::Op(op) => Some(*op),
            What::Field(_) | What::Method(_) | What::Storage(_) => None,
        }
    }

    fn method(self) -> Option<String> {
        match self {
            What::Method(method) => Some(method),
            What::Field(_) | What::Op(_) | What::Storage(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked() -> Permissions {
        serde_json::from_value(json!({
            "records.read": [{"entity": "company", "fields": ["name", "city"]}],
            "records.write": [{"entity": "note", "fields": ["text", "kind"], "ops": ["create", "delete"]}],
            "http": [{"host": "https://api.example.com", "methods": ["GET", "POST"], "credential": "key"}],
            "storage": {"bytes": 100},
        }))
        .unwrap()
    }

    fn all() -> Vec<String> {
        let asked = asked();
        let singles = reading(0, &asked.read[0]).into_iter();
        let singles = singles.chain(writing(0, &asked.write[0])).chain(calling(0, &asked.http[0]));
        singles.chain([storing(asked.storage.unwrap())]).map(|single| single.key).collect()
    }

    #[test]
    fn all_ticks_grant_what_is_asked_for_and_none_grant_nothing() {
        let keys = all();
        assert_eq!(narrowed(&asked(), &keys.iter().map(String::as_str).collect()), asked());
        assert_eq!(narrowed(&asked(), &HashSet::new()), Permissions::default());
        assert_eq!(
            narrowed(&asked(), &["read/1/name", "read/0/other", "everything"].into()),
            Permissions::default()
        );
    }

    #[test]
    fn whatever_is_unticked_is_not_granted_and_nothing_is_granted_beyond() {
        let keys = all();
        for left_out in &keys {
            let ticked = keys.iter().filter(|key| *key != left_out).map(String::as_str).collect();
            let granted = narrowed(&asked(), &ticked);
            assert!(granted.within(&asked()), "{left_out}");
            assert_ne!(granted, asked(), "{left_out}");
        }
    }

    #[test]
    fn changing_needs_a_way_and_a_field() {
        assert!(narrowed(&asked(), &["write/0/op/create"].into()).write.is_empty());
        assert!(narrowed(&asked(), &["write/0/field/text"].into()).write.is_empty());
        let granted = narrowed(&asked(), &["write/0/op/create", "write/0/field/text"].into());
        let expected = json!({"records.write": [{"entity": "note", "fields": ["text"], "ops": ["create"]}]});
        assert_eq!(serde_json::to_value(granted).unwrap(), expected);
    }
}
