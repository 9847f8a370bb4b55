//! What a plugin may do: what its manifest asks for, cut down by the tenant's administrator and by the operator, and the
//! one place that says yes or no to a call. The check names every call; there is no wildcard that could let one through.

use std::hash::{DefaultHasher, Hash, Hasher};

use indexmap::IndexSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::host_rule::HostRule;

const NAME_OR_STAR: &str = "^([a-z][a-z0-9_]*|\\*)$";
/// Stands for every field.
const ALL: &str = "*";

/// Rights of a plugin. Empty means none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// Records that it may read.
    #[serde(rename = "records.read", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub read: Vec<ReadPermission>,
    /// Records that it may change.
    #[serde(rename = "records.write", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub write: Vec<WritePermission>,
    /// Hosts that it may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub http: Vec<HttpPermission>,
    /// A store of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StoragePermission>,
}

/// Fields of one kind of record that may be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadPermission {
    /// The kind of record.
    #[schemars(length(min = 1, max = 60))]
    pub entity: String,
    /// Its fields; `*` for all that the person or the service may see.
    #[schemars(length(min = 1, max = 200), inner(regex(pattern = NAME_OR_STAR), length(max = 60)))]
    pub fields: IndexSet<String>,
}

/// Fields of one kind of record that may be changed, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WritePermission {
    /// The kind of record.
    #[schemars(length(min = 1, max = 60))]
    pub entity: String,
    /// Its fields; `*` for all.
    #[schemars(length(min = 1, max = 200), inner(regex(pattern = NAME_OR_STAR), length(max = 60)))]
    pub fields: IndexSet<String>,
    /// What may be done.
    #[schemars(length(min = 1, max = 3))]
    pub ops: IndexSet<WriteOp>,
}

/// Ways of changing records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteOp {
    /// Make a new one.
    Create,
    /// Change one.
    Update,
    /// Put one into the bin.
    Delete,
}

/// A host that may be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpPermission {
    /// `https://api.example.com`, `https://*.example.com`, `https://api.example.com:8443`; never a path.
    #[schemars(length(min = 1, max = 260))]
    pub host: String,
    /// `GET`, `POST` …
    #[schemars(length(min = 1, max = 9), inner(regex(pattern = "^[A-Z]{3,7}$")))]
    pub methods: IndexSet<String>,
    /// The secret that the host may add to these calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60))]
    pub credential: Option<String>,
}

/// A store of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoragePermission {
    /// Most bytes of keys and values together.
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub bytes: u64,
}

impl Permissions {
    /// The words of the manifest that are asked for.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            (!self.read.is_empty(), "records.read"),
            (!self.write.is_empty(), "records.write"),
            (!self.http.is_empty(), "http"),
            (self.storage.is_some(), "storage"),
        ];
        given.into_iter().filter(|(given, _)| *given).map(|(_, word)| word)
    }

    /// What of it falls under these words of the manifest.
    #[must_use]
    pub fn only(&self, words: &[&str]) -> Permissions {
        let mut part = Permissions::default();
        for word in self.words().filter(|word| words.contains(word)) {
            match word {
                "records.read" => part.read.clone_from(&self.read),
                "records.write" => part.write.clone_from(&self.write),
                "http" => part.http.clone_from(&self.http),
                "storage" => part.storage = self.storage,
                other => unreachable!("{other} is not a word of the manifest"),
            }
        }
        part
    }

    /// Tells these rights from others.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(self).unwrap_or_default().hash(&mut hasher);
        hasher.finish()
    }

    /// What both allow.
    #[must_use]
    pub fn intersect(&self, other: &Permissions) -> Permissions {
        let mut both = Permissions::default();
        for own in &self.read {
            for theirs in other.read.iter().filter(|theirs| theirs.entity == own.entity) {
                let fields = common_fields(&own.fields, &theirs.fields);
                if !fields.is_empty() {
                    both.read.push(ReadPermission { entity: own.entity.clone(), fields });
                }
            }
        }
        for own in &self.write {
            for theirs in other.write.iter().filter(|theirs| theirs.entity == own.entity) {
                let fields = common_fields(&own.fields, &theirs.fields);
                let ops: IndexSet<WriteOp> = own.ops.intersection(&theirs.ops).copied().collect();
                if !fields.is_empty() && !ops.is_empty() {
                    both.write.push(WritePermission { entity: own.entity.clone(), fields, ops });
                }
            }
        }
        for own in &self.http {
            both.http.extend(other.http.iter().filter_map(|theirs| common_host(own, theirs)));
        }
        both.storage = self
            .storage
            .zip(other.storage)
            .map(|(own, theirs)| StoragePermission { bytes: own.bytes.min(theirs.bytes) });
        both
    }

    /// What is left of these after somebody narrowed other rights from `before` to `now`: what was part of them before is
    /// narrowed as well, the rest stays.
    #[must_use]
    pub fn narrowed(&self, before: &Permissions, now: &Permissions) -> Permissions {
        let mut left = Permissions::default();
        for part in self.parts() {
            let part = if part.within(before) { part.intersect(now) } else { part };
            left.join(part);
        }
        left
    }

    /// Each right by itself: one field of one kind of record, one host, the store.
    fn parts(&self) -> impl Iterator<Item = Permissions> {
        let alone = |field: &String| IndexSet::from([field.clone()]);
        let read = self.read.iter().flat_map(move |one| {
            let one_field = move |field| ReadPermission { fields: alone(field), ..one.clone() };
            one.fields
                .iter()
                .map(move |field| Permissions { read: vec![one_field(field)], ..Permissions::default() })
        });
        let write = self.write.iter().flat_map(move |one| {
            let one_field = move |field| WritePermission { fields: alone(field), ..one.clone() };
            one.fields
                .iter()
                .map(move |field| Permissions { write: vec![one_field(field)], ..Permissions::default() })
        });
        let http =
            self.http.iter().map(|one| Permissions { http: vec![one.clone()], ..Permissions::default() });
        let storage = Permissions { storage: self.storage, ..Permissions::default() };
        read.chain(write).chain(http).chain([storage])
    }

    /// Adds other rights; fields of the same kind of record stand together.
    fn join(&mut self, other: Permissions) {
        for one in other.read {
            match self.read.iter_mut().find(|own| own.entity == one.entity) {
                Some(own) => own.fields.extend(one.fields),
                None => self.read.push(one),
            }
        }
        for one in other.write {
            match self.write.iter_mut().find(|own| own.entity == one.entity && own.ops == one.ops) {
                Some(own) => own.fields.extend(one.fields),
                None => self.write.push(one),
            }
        }
        self.http.extend(other.http);
        self.storage = other.storage.or(self.storage);
    }

    /// True when nothing is asked for here that `granted` does not give: an upgrade that needs no consent.
    pub fn within(&self, granted: &Permissions) -> bool {
        let fields_within = |own: &IndexSet<String>, theirs: &IndexSet<String>| {
            theirs.contains(ALL) || own.iter().all(|field| theirs.contains(field))
        };
        let read = self.read.iter().all(|own| {
            granted
                .read
                .iter()
                .any(|theirs| theirs.entity == own.entity && fields_within(&own.fields, &theirs.fields))
        });
        let write = self.write.iter().all(|own| {
            granted.write.iter().any(|theirs| {
                theirs.entity == own.entity
                    && fields_within(&own.fields, &theirs.fields)
                    && own.ops.is_subset(&theirs.ops)
            })
        });
        let http = self.http.iter().all(|own| {
            granted.http.iter().any(|theirs| {
                host_within(&own.host, &theirs.host)
                    && own.methods.is_subset(&theirs.methods)
                    && (own.credential.is_none() || own.credential == theirs.credential)
            })
        });
        let storage =
            self.storage.is_none_or(|own| granted.storage.is_some_and(|theirs| own.bytes <= theirs.bytes));
        read && write && http && storage
    }
}

fn common_fields(own: &IndexSet<String>, theirs: &IndexSet<String>) -> IndexSet<String> {
    match (own.contains(ALL), theirs.contains(ALL)) {
        (true, _) => theirs.clone(),
        (_, true) => own.clone(),
        _ => own.intersection(theirs).cloned().collect(),
    }
}

fn common_host(own: &HttpPermission, theirs: &HttpPermission) -> Option<HttpPermission> {
    // The narrower of two rules, if one lies within the other; rules that only overlap cannot exist in this grammar.
    let host = if host_within(&own.host, &theirs.host) {
        own.host.clone()
    } else if host_within(&theirs.host, &own.host) {
        theirs.host.clone()
    } else {
        return None;
    };
    let methods: IndexSet<String> = own.methods.intersection(&theirs.methods).cloned().collect();
    let credential = own.credential.clone().filter(|_| own.credential == theirs.credential);
    (!methods.is_empty()).then_some(HttpPermission { host, methods, credential })
}

fn host_within(inner: &str, outer: &str) -> bool {
    match (HostRule::parse(inner), HostRule::parse(outer)) {
        (Ok(inner), Ok(outer)) => inner.is_within(&outer),
        _ => false,
    }
}

/// Something that a plugin wants of the host.
#[derive(Debug, Clone)]
pub enum HostCall<'a> {
    /// Write a line into the run log.
    Log,
    /// Ask what is left of the allowance.
    Budget,
    /// Read these fields of records.
    Read {
        /// The kind of record.
        entity: &'a str,
        /// Every field that is read, compared or sorted by.
        fields: Vec<&'a str>,
    },
    /// Change a record.
    Write {
        /// How.
        op: WriteOp,
        /// The kind of record.
        entity: &'a str,
        /// The fields that are set.
        fields: Vec<&'a str>,
    },
    /// Call a host.
    Http {
        /// In capitals.
        method: &'a str,
        /// Where to.
        url: &'a Url,
        /// The secret to add.
        credential: Option<&'a str>,
    },
    /// Use the plugin's own store.
    Storage,
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {subject}")]
pub struct Denied {
    /// Stable, as in the catalogue: `plugin.denied.field`.
    pub code: &'static str,
    /// What was refused: an entity, a field, a host.
    pub subject: String,
}

impl Denied {
    fn new(code: &'static str, subject: impl Into<String>) -> Denied {
        Denied { code, subject: subject.into() }
    }
}

/// Whether `granted` allows a call.
pub fn permit(granted: &Permissions, call: &HostCall<'_>) -> Result<(), Denied> {
    match call {
        HostCall::Log | HostCall::Budget => Ok(()),
        HostCall::Read { entity, fields } => {
            let rules: Vec<&ReadPermission> =
                granted.read.iter().filter(|rule| rule.entity == *entity).collect();
            if rules.is_empty() {
                return Err(Denied::new("plugin.denied.read", *entity));
            }
            let allowed = |field: &str| rules.iter().any(|rule| has_field(&rule.fields, field));
            fields_allowed(entity, fields, allowed)
        }
        HostCall::Write { op, entity, fields } => {
            let of_entity = granted.write.iter().filter(|rule| rule.entity == *entity);
            let rules: Vec<&WritePermission> = of_entity.filter(|rule| rule.ops.contains(op)).collect();
            if rules.is_empty() {
                return Err(Denied::new("plugin.denied.write", *entity));
            }
            let allowed = |field: &str| rules.iter().any(|rule| has_field(&rule.fields, field));
            fields_allowed(entity, fields, allowed)
        }
        HostCall::Http { method, url, credential } => {
            let fits =
                |rule: &&HttpPermission| HostRule::parse(&rule.host).is_ok_and(|host| host.matches(url));
            let host: Vec<&HttpPermission> = granted.http.iter().filter(fits).collect();
            let shown = url.host_str().unwrap_or_default();
            if host.is_empty() {
                return Err(Denied::new("plugin.denied.host", shown));
            }
            let method_fits: Vec<_> = host.iter().filter(|rule| rule.methods.contains(*method)).collect();
            if method_fits.is_empty() {
                return Err(Denied::new("plugin.denied.method", format!("{method} {shown}")));
            }
            match credential {
                Some(name) if !method_fits.iter().any(|rule| rule.credential.as_deref() == Some(*name)) => {
                    Err(Denied::new("plugin.denied.credential", *name))
                }
                _ => Ok(()),
            }
        }
        HostCall::Storage => match granted.storage {
            Some(_) => Ok(()),
            None => Err(Denied::new("plugin.denied.storage", "storage")),
        },
    }
}

fn has_field(fields: &IndexSet<String>, field: &str) -> bool {
    fields.contains(ALL) || fields.contains(field)
}

fn fields_allowed(entity: &str, fields: &[&str], allowed: impl Fn(&str) -> bool) -> Result<(), Denied> {
    match fields.iter().find(|field| !allowed(field)) {
        Some(field) => Err(Denied::new("plugin.denied.field", format!("{entity}.{field}"))),
        None => Ok(()),
    }
}
