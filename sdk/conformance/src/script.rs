//! The host of a case: it answers what the case says, in that order, and notes every question that was not expected. Never
//! does anything else.

use std::collections::VecDeque;

use async_trait::async_trait;
use mortise_plugin_host::value::{Condition, Entry, Fault, Field, Page, Query, Request, Response, Retry};
use mortise_plugin_host::{Capabilities, HttpTerms};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};

use crate::answer::same;
use crate::case::{CaseError, Turn};
use crate::said::Said;
use crate::value::{
    entries, entry, headers, maybe, raw, text, texts, wanted, written_condition, written_fields, written_raw,
};

/// Answers in a row.
pub(crate) struct Script(Mutex<State>);

struct State {
    left: VecDeque<Turn>,
    asked: usize,
    surprises: Vec<Said>,
}

impl Script {
    pub(crate) fn of(turns: &[Turn]) -> Script {
        let left = turns.iter().cloned().collect();
        Script(Mutex::new(State { left, asked: 0, surprises: Vec::new() }))
    }

    /// What was asked and not expected, or expected and not asked.
    pub(crate) fn surprises(&self) -> Vec<Said> {
        let state = self.0.lock();
        let missing = state.left.iter().map(|turn| Said::new("not_asked").arg("call", &turn.call));
        state.surprises.iter().cloned().chain(missing).collect()
    }

    /// The answer to a question, read by `read`.
    fn turn<T>(
        &self,
        call: &str,
        with: &Json,
        read: impl FnOnce(&Json, &str) -> Result<T, CaseError>,
    ) -> Result<T, Fault> {
        let mut state = self.0.lock();
        state.asked += 1;
        let place = format!("host[{}]", state.asked - 1);
        let expected = state.left.pop_front();
        let Some(turn) = expected.filter(|turn| turn.call == call) else {
            state.surprises.push(Said::new("asked").arg("place", place).arg("call", call).arg("with", with));
            return Err(unexpected(call));
        };
        for (key, value) in &turn.with {
            if !same(value, &with[key]) {
                let other = Said::new("asked_otherwise").arg("place", &place).arg("call", call);
                let other = other.arg("key", key).arg("came", &with[key]).arg("expected", value);
                state.surprises.push(other);
            }
        }
        if let Some(fault) = &turn.fault {
            return Err(fault.fault());
        }
        read(&turn.gives, &format!("{place}.gives")).map_err(|error| {
            state.surprises.push(error.said());
            unexpected(call)
        })
    }
}

fn unexpected(call: &str) -> Fault {
    Fault {
        code: "case.unexpected".into(),
        message: format!("the case has no answer for {call} at this place"),
        retry: Retry::Never,
    }
}

fn nothing(_: &Json, _: &str) -> Result<(), CaseError> {
    Ok(())
}

fn page(json: &Json, place: &str) -> Result<Page, CaseError> {
    Ok(Page {
        entries: entries(&json["entries"], &format!("{place}.entries"))?,
        next: maybe(json.get("next"), |next| text(next, place))?,
    })
}

fn response(json: &Json, place: &str) -> Result<Response, CaseError> {
    let status = json["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    Ok(Response {
        status: status.ok_or_else(|| wanted(place, "status"))?,
        headers: headers(&json["headers"], place)?,
        body: maybe(json.get("body"), |body| raw(body, place))?.unwrap_or_default(),
    })
}

#[async_trait]
impl Capabilities for Script {
    async fn get(&self, entity: &str, id: &str, fields: &[String]) -> Result<Option<Entry>, Fault> {
        let with = json!({ "entity": entity, "id": id, "fields": fields });
        let found = |json: &Json, place: &str| maybe(Some(json), |json| entry(json, place));
        self.turn("records.get", &with, found)
    }

    async fn find(&self, entity: &str, query: Query) -> Result<Page, Fault> {
        let conditions: Json = query.conditions.iter().map(written_condition).collect();
        let with = json!({
            "entity": entity, "conditions": conditions, "order": query.order, "fields": query.fields,
            "limit": query.limit, "cursor": query.cursor,
        });
        self.turn("records.find", &with, page)
    }

    async fn count(&self, entity: &str, conditions: Vec<Condition>) -> Result<u64, Fault> {
        let conditions: Json = conditions.iter().map(written_condition).collect();
        let number = |json: &Json, place: &str| json.as_u64().ok_or_else(|| wanted(place, "number"));
        self.turn("records.count", &json!({ "entity": entity, "conditions": conditions }), number)
    }

    async fn create(&self, entity: &str, fields: Vec<Field>) -> Result<String, Fault> {
        self.turn("records.create", &json!({ "entity": entity, "fields": written_fields(&fields) }), text)
    }

    async fn update(&self, entity: &str, id: &str, fields: Vec<Field>) -> Result<(), Fault> {
        let with = json!({ "entity": entity, "id": id, "fields": written_fields(&fields) });
        self.turn("records.update", &with, nothing)
    }

    async fn delete(&self, entity: &str, id: &str) -> Result<(), Fault> {
        self.turn("records.delete", &json!({ "entity": entity, "id": id }), nothing)
    }

    async fn send(&self, request: Request, _: HttpTerms) -> Result<Response, Fault> {
        let headers: serde_json::Map<String, Json> =
            request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let with = json!({
            "method": request.method, "url": request.url.as_str(), "headers": headers,
            "body": request.body.as_deref().map(written_raw), "credential": request.credential,
        });
        self.turn("http.send", &with, response)
    }

    async fn storage_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        let stored = |json: &Json, place: &str| maybe(Some(json), |json| raw(json, place));
        self.turn("storage.get", &json!({ "key": key }), stored)
    }

    async fn storage_swap(
        &self,
        key: &str,
        expected: Option<Option<Vec<u8>>>,
        value: Option<Vec<u8>>,
        _: u64,
    ) -> Result<bool, Fault> {
        let value = value.as_deref().map(written_raw);
        match (expected, &value) {
            (Some(expected), _) => {
                let expected = expected.as_deref().map(written_raw);
                let swapped =
                    |json: &Json, place: &str| json.as_bool().ok_or_else(|| wanted(place, "boolean"));
                let with = json!({ "key": key, "expected": expected, "value": value });
                self.turn("storage.swap", &with, swapped)
            }
            (None, Some(value)) => {
                self.turn("storage.set", &json!({ "key": key, "value": value }), nothing).map(|()| true)
            }
            (None, None) => self.turn("storage.delete", &json!({ "key": key }), nothing).map(|()| true),
        }
    }

    async fn storage_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, Fault> {
        self.turn("storage.keys", &json!({ "prefix": prefix, "after": after, "limit": limit }), texts)
    }
}
