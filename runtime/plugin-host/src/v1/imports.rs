//! What the host answers when a plugin calls it: count, ask for permission, hand over to the engine. A used-up limit ends
//! the call as an error of the machine, which no plugin can catch; a refusal is an answer that it can read.

use std::time::{Duration, Instant};

use mortise_definition::locale;
use url::Url;

use super::convert::{Checked, fault};
use super::mortise::types::{calls, values};
use super::mortise::{budget::budget, http::client, log::log, records::read, records::write, storage::kv};
use super::types as wire;
use crate::capability::HttpTerms;
use crate::limits::Counter;
use crate::permission::{Denied, HostCall, WriteOp, permit};
use crate::run::{Level, LogLine};
use crate::state::CallState;
use crate::value as own;

/// Most records of one page, so that a plugin goes through many in steps.
const PAGE_ROWS_MAX: u32 = 1_000;
/// Most keys of one answer.
const KEYS_MAX: u32 = 1_000;
/// Longest key of a plugin's own store.
const KEY_BYTES_MAX: usize = 512;
/// Most headers of a call to another system.
const HEADERS_MAX: usize = 50;

type Answer<T> = wasmtime::Result<Result<T, wire::Fault>>;

impl values::Host for CallState {}
impl calls::Host for CallState {}

impl CallState {
    /// Counts a call and asks for permission; the words of a refusal are in the language of the call.
    fn admit(&self, call: &HostCall<'_>) -> wasmtime::Result<Result<(), wire::Fault>> {
        self.meter.take(Counter::HostCalls, 1)?;
        Ok(permit(&self.granted, call).map_err(|denied| self.denied(&denied)))
    }

    fn denied(&self, denied: &Denied) -> wire::Fault {
        self.refuse(denied.code, &denied.subject)
    }

    fn refuse(&self, code: &str, subject: &str) -> wire::Fault {
        let words = locale::translate(&self.locale, &format!("error.{code}"), &[("subject", subject)]);
        fault(code, words).into()
    }

    fn entry(&self, entry: &own::Entry) -> wasmtime::Result<wire::Entry> {
        self.meter.take(Counter::RowsRead, 1)?;
        Ok(entry.into())
    }

    async fn changed(
        &self,
        op: WriteOp,
        entity: &str,
        names: Vec<&str>,
    ) -> wasmtime::Result<Result<(), wire::Fault>> {
        if let Err(fault) = self.admit(&HostCall::Write { op, entity, fields: names })? {
            return Ok(Err(fault));
        }
        self.meter.take(Counter::RowsWritten, 1)?;
        Ok(Ok(()))
    }
}

/// Leaves with the fault when permission was refused.
macro_rules! admitted {
    ($admitted:expr) => {
        if let Err(fault) = $admitted {
            return Ok(Err(fault));
        }
    };
}

/// A value of the plugin that cannot be used is its own fault, and ends the call.
fn checked<W: Checked>(value: W) -> wasmtime::Result<W::Own> {
    value.checked().map_err(wasmtime::Error::new)
}

impl log::Host for CallState {
    async fn write(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        self.meter.take(Counter::HostCalls, 1)?;
        self.meter.take(Counter::LogLines, 1)?;
        self.meter.take(Counter::LogBytes, message.len() as u64)?;
        self.lines.lock().push(LogLine { level: Level::of(&level), message });
        Ok(())
    }
}

impl budget::Host for CallState {
    async fn remaining(&mut self) -> wasmtime::Result<Vec<budget::Counter>> {
        self.meter.take(Counter::HostCalls, 1)?;
        self.meter.count_cpu();
        let counter = |counter: Counter| budget::Counter {
            name: counter.name().to_owned(),
            left: self.meter.left(counter),
        };
        Ok(Counter::VISIBLE.into_iter().map(counter).collect())
    }
}

impl read::Host for CallState {
    async fn get(&mut self, entity: String, id: String, names: Vec<String>) -> Answer<Option<wire::Entry>> {
        let wanted = names.iter().map(String::as_str).collect();
        admitted!(self.admit(&HostCall::Read { entity: &entity, fields: wanted })?);
        match self.capabilities.get(&entity, &id, &names).await {
            Ok(found) => Ok(Ok(found.as_ref().map(|entry| self.entry(entry)).transpose()?)),
            Err(fault) => Ok(Err(fault.into())),
        }
    }

    async fn find(&mut self, entity: String, query: read::Query) -> Answer<read::Page> {
        let mut query = checked(query)?;
        let compared = query.conditions.iter().map(|condition| condition.field.as_str());
        let sorted = query.order.iter().map(|name| name.strip_prefix('-').unwrap_or(name));
        let wanted = query.fields.iter().map(String::as_str).chain(compared).chain(sorted).collect();
        admitted!(self.admit(&HostCall::Read { entity: &entity, fields: wanted })?);
        // One more than is left, so that a plugin that wants too much learns it instead of getting less.
        let left = u32::try_from(self.meter.left(Counter::RowsRead)).unwrap_or(u32::MAX).saturating_add(1);
        query.limit = query.limit.min(PAGE_ROWS_MAX).min(left);
        match self.capabilities.find(&entity, query).await {
            Ok(page) => {
                self.meter.take(Counter::RowsRead, page.entries.len() as u64)?;
                Ok(Ok(page.into()))
            }
            Err(fault) => Ok(Err(fault.into())),
        }
    }

    async fn count(&mut self, entity: String, conditions: Vec<read::Condition>) -> Answer<u64> {
        let conditions = checked(conditions)?;
        let compared = conditions.iter().map(|condition| condition.field.as_str()).collect();
        admitted!(self.admit(&HostCall::Read { entity: &entity, fields: compared })?);
        self.meter.take(Counter::RowsRead, 1)?;
        Ok(self.capabilities.count(&entity, conditions).await.map_err(Into::into))
    }
}

impl write::Host for CallState {
    async fn create(&mut self, entity: String, set: Vec<wire::Field>) -> Answer<String> {
        let set = checked(set)?;
        let names = set.iter().map(|field| field.name.as_str()).collect();
        admitted!(self.changed(WriteOp::Create, &entity, names).await?);
        Ok(self.capabilities.create(&entity, set).await.map_err(Into::into))
    }

    async fn update(&mut self, entity: String, id: String, set: Vec<wire::Field>) -> Answer<()> {
        let set = checked(set)?;
        let names = set.iter().map(|field| field.name.as_str()).collect();
        admitted!(self.changed(WriteOp::Update, &entity, names).await?);
        Ok(self.capabilities.update(&entity, &id, set).await.map_err(Into::into))
    }

    async fn delete(&mut self, entity: String, id: String) -> Answer<()> {
        admitted!(self.changed(WriteOp::Delete, &entity, Vec::new()).await?);
        Ok(self.capabilities.delete(&entity, &id).await.map_err(Into::into))
    }
}

impl client::Host for CallState {
    async fn send(&mut self, request: client::Request) -> Answer<client::Response> {
        let Ok(url) = Url::parse(&request.url) else {
            self.meter.take(Counter::HostCalls, 1)?;
            return Ok(Err(self.refuse("plugin.http.url", &request.url)));
        };
        let credential = request.credential.as_deref();
        admitted!(self.admit(&HostCall::Http { method: &request.method, url: &url, credential })?);
        if request.headers.len() > HEADERS_MAX {
            return Ok(Err(self.refuse("plugin.http.headers", &HEADERS_MAX.to_string())));
        }
        self.meter.take(Counter::HttpCalls, 1)?;
        let left = Duration::from_millis(self.meter.left(Counter::HttpMs));
        let until_deadline = self.meter.deadline().saturating_duration_since(Instant::now());
        let wished = request.timeout_ms.map_or(left, |ms| Duration::from_millis(ms.into()));
        let timeout = left.min(until_deadline).min(wished);
        let terms = HttpTerms {
            timeout,
            body_bytes_max: self.meter.limits().output_bytes,
            granted: self.granted.clone(),
        };
        let headers = request.headers.into_iter().map(|header| (header.name, header.value)).collect();
        let method = request.method;
        let request =
            own::Request { method, url, headers, body: request.body, credential: request.credential };
        let begun = Instant::now();
        let sent = tokio::time::timeout(timeout, self.capabilities.send(request, terms)).await;
        let spent = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.meter.take(Counter::HttpMs, spent.min(self.meter.left(Counter::HttpMs)))?;
        match sent {
            Ok(Ok(response)) => Ok(Ok(client::Response {
                status: response.status,
                headers: response
                    .headers
                    .into_iter()
                    .map(|(name, value)| client::Header { name, value })
                    .collect(),
                body: response.body,
            })),
            Ok(Err(fault)) => Ok(Err(fault.into())),
            Err(_) => {
                let mut fault = self.refuse("plugin.http.timeout", &timeout.as_millis().to_string());
                fault.retry = wire::Retry::Backoff;
                Ok(Err(fault))
            }
        }
    }
}

impl CallState {
    async fn put(
        &self,
        key: &str,
        expected: Option<Option<Vec<u8>>>,
        value: Option<Vec<u8>>,
    ) -> Answer<bool> {
        admitted!(self.admit(&HostCall::Storage)?);
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Ok(Err(self.refuse("plugin.storage.key", &KEY_BYTES_MAX.to_string())));
        }
        let bytes_max = self.granted.storage.map_or(0, |storage| storage.bytes);
        let swapped = self.capabilities.storage_swap(key, expected, value, bytes_max).await;
        Ok(swapped.map_err(Into::into))
    }
}

impl kv::Host for CallState {
    async fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        admitted!(self.admit(&HostCall::Storage)?);
        Ok(self.capabilities.storage_get(&key).await.map_err(Into::into))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Answer<()> {
        Ok(self.put(&key, None, Some(value)).await?.map(drop))
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        Ok(self.put(&key, None, None).await?.map(drop))
    }

    async fn swap(&mut self, key: String, expected: Option<Vec<u8>>, value: Option<Vec<u8>>) -> Answer<bool> {
        self.put(&key, Some(expected), value).await
    }

    async fn keys(&mut self, prefix: String, after: Option<String>, limit: u32) -> Answer<Vec<String>> {
        admitted!(self.admit(&HostCall::Storage)?);
        let limit = limit.min(KEYS_MAX);
        Ok(self.capabilities.storage_keys(&prefix, after.as_deref(), limit).await.map_err(Into::into))
    }
}
