//! Fakes for every capability, for the tests of a plugin: records in memory, answers of other systems in a row, a clock
//! that stands still. Never part of a component.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::{Call, Condition, Counter, Entry, Fault, Field, Page, Query, Request, Response, Value, fault};

thread_local! {
    static CURRENT: Fakes = Fakes::default();
}

/// The host, as far as a test needs it. Every test runs on a thread of its own and so has its own.
#[derive(Clone, Default)]
pub struct Fakes(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    records: BTreeMap<(String, String), Vec<Field>>,
    made: u32,
    lines: Vec<(String, String)>,
    responses: VecDeque<Result<Response, Fault>>,
    sent: Vec<Request>,
    stored: BTreeMap<String, Vec<u8>>,
    left: BTreeMap<String, u64>,
}

/// A call for tests: an English tenant in Shanghai, on the last day of March 2026.
pub fn call() -> Call {
    Call {
        tenant: "test".to_owned(),
        actor: Some("tester".to_owned()),
        locale: "en".to_owned(),
        time_zone: "Asia/Shanghai".to_owned(),
        now: "2026-03-31T08:15:00Z".to_owned(),
        idempotency_key: "test".to_owned(),
        attempt: 1,
        depth: 0,
        config: Vec::new(),
    }
}

/// The same in Chinese.
pub fn chinese_call() -> Call {
    Call { locale: "zh-CN".to_owned(), ..call() }
}

/// A record for tests.
pub fn entry(entity: &str, id: &str, fields: &[(&str, Value)]) -> Entry {
    let fields = fields.iter().map(|(name, value)| Field { name: (*name).to_owned(), value: value.clone() });
    Entry { entity: entity.to_owned(), id: Some(id.to_owned()), fields: fields.collect() }
}

impl Fakes {
    /// The fakes of this test.
    pub fn current() -> Fakes {
        CURRENT.with(Clone::clone)
    }

    /// Puts a record there.
    pub fn put(&self, entry: Entry) {
        let key = (entry.entity, entry.id.unwrap_or_default());
        self.0.borrow_mut().records.insert(key, entry.fields);
    }

    /// The fields of a record, after what the plugin did.
    pub fn record(&self, entity: &str, id: &str) -> Option<Vec<Field>> {
        self.0.borrow().records.get(&(entity.to_owned(), id.to_owned())).cloned()
    }

    /// What the next call to another system is answered.
    pub fn respond(&self, response: Result<Response, Fault>) {
        self.0.borrow_mut().responses.push_back(response);
    }

    /// What was sent to other systems.
    pub fn sent(&self) -> Vec<Request> {
        self.0.borrow().sent.clone()
    }

    /// What was written into the run log: level and words.
    pub fn lines(&self) -> Vec<(String, String)> {
        self.0.borrow().lines.clone()
    }

    /// Says how much is left of a counter.
    pub fn leave(&self, counter: &str, left: u64) {
        self.0.borrow_mut().left.insert(counter.to_owned(), left);
    }

    pub(crate) fn log(&self, level: &str, message: &str) {
        self.0.borrow_mut().lines.push((level.to_owned(), message.to_owned()));
    }

    pub(crate) fn remaining(&self) -> Vec<Counter> {
        let state = self.0.borrow();
        state.left.iter().map(|(name, left)| Counter { name: name.clone(), left: *left }).collect()
    }

    pub(crate) fn get(&self, entity: &str, id: &str, wanted: &[String]) -> Result<Option<Entry>, Fault> {
        let found = self.record(entity, id);
        Ok(found.map(|fields| Entry {
            entity: entity.to_owned(),
            id: Some(id.to_owned()),
            fields: cut(&fields, wanted),
        }))
    }

    pub(crate) fn find(&self, entity: &str, query: &Query) -> Result<Page, Fault> {
        let state = self.0.borrow();
        let mut entries = Vec::new();
        for ((_, id), fields) in state.records.iter().filter(|((of, _), _)| of == entity) {
            if all_hold(fields, &query.conditions)? {
                let fields = fields.clone();
                entries.push(Entry { entity: entity.to_owned(), id: Some(id.clone()), fields });
            }
        }
        for name in query.order.iter().rev() {
            let (name, down) = name.strip_prefix('-').map_or((name.as_str(), false), |name| (name, true));
            entries.sort_by(|one, other| {
                let order = compare(value_of(&one.fields, name), value_of(&other.fields, name));
                let order = order.unwrap_or(Ordering::Equal);
                if down { order.reverse() } else { order }
            });
        }
        let from = query.cursor.as_deref().and_then(|cursor| cursor.parse::<usize>().ok()).unwrap_or(0);
        let until = from + query.limit as usize;
        let next = (until < entries.len()).then(|| until.to_string());
        let entries = entries
            .into_iter()
            .skip(from)
            .take(query.limit as usize)
            .map(|entry| Entry { fields: cut(&entry.fields, &query.fields), ..entry });
        Ok(Page { entries: entries.collect(), next })
    }

    pub(crate) fn count(&self, entity: &str, conditions: &[Condition]) -> Result<u64, Fault> {
        let query = Query {
            conditions: conditions.to_vec(),
            order: Vec::new(),
            fields: Vec::new(),
            limit: u32::MAX,
            cursor: None,
        };
        Ok(self.find(entity, &query)?.entries.len() as u64)
    }

    pub(crate) fn create(&self, entity: &str, fields: &[Field]) -> Result<String, Fault> {
        let mut state = self.0.borrow_mut();
        state.made += 1;
        let id = format!("new-{}", state.made);
        state.records.insert((entity.to_owned(), id.clone()), fields.to_vec());
        Ok(id)
    }

    pub(crate) fn update(&self, entity: &str, id: &str, fields: &[Field]) -> Result<(), Fault> {
        let mut state = self.0.borrow_mut();
        let known = state.records.get_mut(&(entity.to_owned(), id.to_owned())).ok_or_else(no_record)?;
        for field in fields {
            known.retain(|old| old.name != field.name);
            known.push(field.clone());
        }
        Ok(())
    }

    pub(crate) fn delete(&self, entity: &str, id: &str) -> Result<(), Fault> {
        let removed = self.0.borrow_mut().records.remove(&(entity.to_owned(), id.to_owned()));
        removed.map(drop).ok_or_else(no_record)
    }

    pub(crate) fn send(&self, request: &Request) -> Result<Response, Fault> {
        let mut state = self.0.borrow_mut();
        state.sent.push(request.clone());
        let none = || Err(fault("test.no_response", "the test has no response for this call"));
        state.responses.pop_front().unwrap_or_else(none)
    }

    pub(crate) fn storage_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        Ok(self.0.borrow().stored.get(key).cloned())
    }

    pub(crate) fn storage_set(&self, key: &str, value: &[u8]) -> Result<(), Fault> {
        self.0.borrow_mut().stored.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    pub(crate) fn storage_delete(&self, key: &str) -> Result<(), Fault> {
        self.0.borrow_mut().stored.remove(key);
        Ok(())
    }

    pub(crate) fn storage_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<bool, Fault> {
        if self.storage_get(key)?.as_deref() != expected {
            return Ok(false);
        }
        match value {
            Some(value) => self.storage_set(key, value)?,
            None => self.storage_delete(key)?,
        }
        Ok(true)
    }

    pub(crate) fn storage_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, Fault> {
        let state = self.0.borrow();
        let keys = state
            .stored
            .keys()
            .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        Ok(keys.take(limit as usize).cloned().collect())
    }
}

fn no_record() -> Fault {
    fault("record.not_found", "there is no such record")
}

fn cut(fields: &[Field], wanted: &[String]) -> Vec<Field> {
    fields.iter().filter(|field| wanted.contains(&field.name)).cloned().collect()
}

fn value_of<'a>(fields: &'a [Field], name: &str) -> &'a Value {
    fields.iter().find(|field| field.name == name).map_or(&Value::Null, |field| &field.value)
}

fn all_hold(fields: &[Field], conditions: &[Condition]) -> Result<bool, Fault> {
    for condition in conditions {
        let own = value_of(fields, &condition.field);
        let order = compare(own, &condition.value);
        let holds = match condition.op.as_str() {
            "eq" => own == &condition.value,
            "ne" => own != &condition.value,
            "lt" => order == Some(Ordering::Less),
            "le" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            "gt" => order == Some(Ordering::Greater),
            "ge" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            "empty" => own == &Value::Null,
            "filled" => own != &Value::Null,
            "contains" => text(own).contains(text(&condition.value)),
            "starts-with" => text(own).starts_with(text(&condition.value)),
            other => return Err(fault("query.op", format!("there is no condition `{other}`"))),
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Integer(one), Value::Integer(other)) => Some(one.cmp(other)),
        (Value::Float(one), Value::Float(other)) => one.partial_cmp(other),
        (Value::Decimal(one), Value::Decimal(other)) => {
            one.parse::<f64>().ok()?.partial_cmp(&other.parse::<f64>().ok()?)
        }
        (Value::Text(one), Value::Text(other))
        | (Value::Date(one), Value::Date(other))
        | (Value::Timestamp(one), Value::Timestamp(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        _ => "",
    }
}
