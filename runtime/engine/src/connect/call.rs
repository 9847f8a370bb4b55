//! A call of another system: its JSON, the circumstances in which it came, and the values of fields out of both.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, ReceiveModel, Slot, system};
use mortise_definition::source::{Mapping, Places};
use mortise_expr::{Type, Value};
use mortise_store::{Session, column, select};
use sea_query::{Alias, Expr, ExprTrait, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::commands::Work;
use crate::error::{Error, FieldIssue};
use crate::values::{self, Issue, Parsed};

/// Longest name that another system gives a call, in characters; the rest does not tell calls apart.
const KEY_CHARS_MAX: usize = 200;
/// Digits of the fingerprint of a device: enough to tell those of one person apart.
const DEVICE_DIGITS: usize = 32;

/// How a call came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Circumstances {
    /// From which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// What the sender said about itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Languages that the sender asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub languages: Option<String>,
    /// When; the present time without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Id that the sender gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// A call with its signature, as it came.
#[derive(Debug, Clone, Default)]
pub struct SignedCall<'a> {
    /// Header `webhook-id`.
    pub id: &'a str,
    /// Header `webhook-timestamp`.
    pub timestamp: &'a str,
    /// Header `webhook-signature`.
    pub signature: &'a str,
    /// The bytes that were signed.
    pub body: &'a [u8],
    /// From which address.
    pub ip: Option<IpAddr>,
    /// What the sender said about itself.
    pub user_agent: Option<&'a str>,
    /// Languages that the sender asked for.
    pub languages: Option<&'a str>,
}

impl SignedCall<'_> {
    pub(super) fn circumstances(&self) -> Circumstances {
        Circumstances {
            ip: self.ip,
            user_agent: self.user_agent.map(str::to_owned),
            languages: self.languages.map(str::to_owned),
            at: None,
            id: None,
        }
    }
}

/// A call that may be received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    pub(super) connector: String,
    pub(super) body: Json,
    pub(super) meta: Circumstances,
}

impl Call {
    /// A call that needs no signature, since it comes from nowhere outside: of a scenario.
    pub fn new(connector: &str, body: Json, meta: Circumstances) -> Call {
        Call { connector: connector.to_owned(), body, meta }
    }

    /// By what the call is known again.
    pub(super) fn keys(&self, receive: &ReceiveModel) -> Vec<String> {
        let own = receive.key.as_ref().and_then(|pointer| self.body.pointer(pointer)).and_then(plain);
        let by_header = self.meta.id.as_ref().map(|id| format!("id:{id}"));
        let keys = by_header.into_iter().chain(own.map(|key| format!("key:{key}")));
        keys.map(|key| key.chars().filter(|c| *c != '\0').take(KEY_CHARS_MAX).collect()).collect()
    }

    /// The values of fields by name.
    pub(super) fn values(
        &self,
        work: &Work,
        session: &mut Session<'_>,
        entity: &EntityModel,
        map: &[(Slot, Mapping)],
    ) -> Result<Map<String, Json>, Error> {
        let mut found = Map::with_capacity(map.len());
        let mut issues = Vec::new();
        for (slot, mapping) in map {
            let field = &entity.fields[*slot];
            let places = mapping.from.iter().flat_map(Places::all);
            let given = places.filter_map(|from| self.at(work, from)).find(is_there);
            let Some(json) = given.or_else(|| mapping.default.clone()) else { continue };
            match fitted(work, session, field, json)? {
                Ok(json) => drop(found.insert(field.name.to_string(), json)),
                Err(_) if mapping.lenient => {}
                Err(issue) => issues.push(FieldIssue { field: field.name.to_string(), issue, text: None }),
            }
        }
        if issues.is_empty() { Ok(found) } else { Err(Error::Invalid(issues)) }
    }

    /// What the call says at a place.
    fn at(&self, work: &Work, from: &str) -> Option<Json> {
        let meta = &self.meta;
        Some(match from {
            "@ip" => meta.ip?.to_string().into(),
            "@user_agent" => meta.user_agent.as_deref()?.into(),
            "@received_at" => values::to_json(&Value::DateTime(meta.at.unwrap_or(work.now))),
            "@device" => self.device()?.into(),
            pointer => self.body.pointer(pointer)?.clone(),
        })
    }

    /// A fingerprint of the sender's device: of what it says about itself.
    fn device(&self) -> Option<String> {
        let said = self.meta.user_agent.as_deref()?;
        let languages = self.meta.languages.as_deref().unwrap_or_default();
        let mut digits = mortise_store::hex(&Sha256::digest(format!("{said}\n{languages}")));
        digits.truncate(DEVICE_DIGITS);
        Some(digits)
    }
}

fn is_there(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}

/// A text, or a number as text.
fn plain(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// A value as the field takes it. Other systems do not know our forms: what is not in them is read as a person's words,
/// so that choices are known by their labels and records by their titles.
fn fitted(
    work: &Work,
    session: &mut Session<'_>,
    field: &FieldModel,
    json: Json,
) -> Result<Result<Json, Issue>, Error> {
    let cx = work.values();
    let refused = match values::from_json(field, &json, &cx) {
        Ok(_) => return Ok(Ok(json)),
        Err(issue) => issue,
    };
    let Some(text) = plain(&json) else { return Ok(Err(refused)) };
    Ok(match values::from_text(field, &text, &cx) {
        Ok(Parsed::Value(value)) => Ok(values::to_json(&value)),
        Ok(Parsed::Reference(title)) => match named(work, session, field, &title)?.as_slice() {
            [id] => Ok(values::to_json(&Value::Id(*id))),
            [] => Err(Issue::of("import.unknown_reference", &title).with("entity", target(work, field))),
            ids => Err(Issue::of("import.ambiguous_reference", &title)
                .with("entity", target(work, field))
                .with("count", ids.len())),
        },
        Err(issue) => Err(issue),
    })
}

fn target(work: &Work, field: &FieldModel) -> String {
    match &field.kind {
        FieldKind::Reference { entity } => {
            work.model().entities[*entity].label.get(&work.actor.user.language).to_owned()
        }
        _ => String::new(),
    }
}

/// Living records that are called so: by title, else by what is unique or numbered.
fn named(work: &Work, session: &mut Session<'_>, field: &FieldModel, name: &str) -> Result<Vec<Uuid>, Error> {
    let FieldKind::Reference { entity } = &field.kind else { return Ok(Vec::new()) };
    let entity = &work.published.model.entities[*entity];
    let table = &work.published.layout.tables[entity.index];
    let naming = entity.declared().iter().filter(|field| match &field.kind {
        FieldKind::Autonumber { .. } => true,
        FieldKind::Text { .. } => field.unique && field.slot != entity.title,
        _ => false,
    });
    let title = Some(entity.title).filter(|slot| entity.shape.members()[*slot].ty == Type::Text);
    for slot in title.into_iter().chain(naming.map(|field| field.slot)) {
        let value = column::param(&Value::text(name), &Type::Text);
        let mut query = Query::select();
        query.column(Alias::new(system::NAMES[system::ID])).from(table.from.clone());
        query.and_where(select::column(entity, slot).eq(Expr::val(value)));
        query.and_where(select::column(entity, system::DELETED_AT).is_null()).limit(2);
        let (sql, params) = select::build(&query, session.naming.dialect);
        let found: Vec<Uuid> = session.query(&sql, &params, |row| row.id(0))?.into_iter().flatten().collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_known_again_by_its_header_and_by_its_own_name() {
        let receive = |key: Option<&str>| ReceiveModel {
            entity: 0,
            map: Vec::new(),
            key: key.map(str::to_owned),
            attach: None,
        };
        let meta = Circumstances { id: Some("msg_1".into()), ..Circumstances::default() };
        let call = Call::new("a.b", json!({"order": {"no": 17}}), meta);
        assert_eq!(call.keys(&receive(Some("/order/no"))), ["id:msg_1", "key:17"]);
        assert_eq!(call.keys(&receive(Some("/order/name"))), ["id:msg_1"]);
        assert_eq!(call.keys(&receive(None)), ["id:msg_1"]);
    }

    #[test]
    fn devices_are_told_apart_by_what_they_say() {
        let of = |agent: &str, languages: Option<&str>| {
            let meta = Circumstances {
                user_agent: Some(agent.to_owned()),
                languages: languages.map(str::to_owned),
                ..Circumstances::default()
            };
            Call::new("a.b", Json::Null, meta).device().unwrap()
        };
        assert_eq!(of("x", Some("zh")), of("x", Some("zh")));
        assert_ne!(of("x", Some("zh")), of("x", None));
        assert_eq!(of("x", None).len(), DEVICE_DIGITS);
    }
}
