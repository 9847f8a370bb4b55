//! What a call knows and may ask for. In WebAssembly each question goes to the host, and only the imports that are really
//! used end up in the component; natively the fakes of [`crate::testing`] answer.

use crate::{Call, Condition, Entry, Fault, Field, Page, Query, Request, Response, Value};

#[cfg(target_arch = "wasm32")]
use crate::bindings::imports::mortise as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::Fakes;

/// Asks the host in WebAssembly, the fakes otherwise.
macro_rules! ask {
    ($context:expr, $host:expr, $fake:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "wasm32")]
        {
            $host
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            $context.fakes.$fake($($argument),*)
        }
    }};
}

/// A call: who, where, when, with which settings, and the doors to the host.
pub struct Context {
    call: Call,
    #[cfg(not(target_arch = "wasm32"))]
    fakes: Fakes,
}

impl Context {
    /// The context of a call.
    pub fn of(call: Call) -> Context {
        Context {
            call,
            #[cfg(not(target_arch = "wasm32"))]
            fakes: Fakes::current(),
        }
    }

    /// The language for words to people: `zh-CN`.
    pub fn locale(&self) -> &str {
        &self.call.locale
    }

    /// True when people read Chinese.
    pub fn chinese(&self) -> bool {
        self.call.locale.starts_with("zh")
    }

    /// The clock of the transaction: `2026-03-31T08:15:00Z`.
    pub fn now(&self) -> &str {
        &self.call.now
    }

    /// Everything that came with the call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// A setting of the plugin in this tenant.
    pub fn setting<T: crate::FromValue>(&self, name: &str) -> Option<T> {
        let field = self.call.config.iter().find(|field| field.name == name)?;
        T::from_value(field.value.clone())
    }

    /// The run log.
    pub fn log(&self) -> Log<'_> {
        Log(self)
    }

    /// Records; needs `records.read` and `records.write`.
    pub fn records(&self) -> Records<'_> {
        Records(self)
    }

    /// Other systems; needs `http`.
    pub fn http(&self) -> Http<'_> {
        Http(self)
    }

    /// The plugin's own store; needs `storage`.
    pub fn storage(&self) -> Storage<'_> {
        Storage(self)
    }

    /// What is left of a counter: `host-calls`, `cpu-ms` …
    pub fn left(&self, counter: &str) -> Option<u64> {
        let counters = ask!(self, host::budget::budget::remaining(), remaining());
        counters.into_iter().find(|known| known.name == counter).map(|known| known.left)
    }
}

/// The run log.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "only fakes need to know the call"))]
pub struct Log<'a>(&'a Context);

impl Log<'_> {
    /// For the author.
    pub fn debug(self, message: impl AsRef<str>) {
        self.write("debug", message.as_ref());
    }

    /// Good to know.
    pub fn info(self, message: impl AsRef<str>) {
        self.write("info", message.as_ref());
    }

    /// Somebody should look.
    pub fn warn(self, message: impl AsRef<str>) {
        self.write("warn", message.as_ref());
    }

    /// Something went wrong.
    pub fn error(self, message: impl AsRef<str>) {
        self.write("error", message.as_ref());
    }

    fn write(self, level: &str, message: &str) {
        ask!(self.0, host::log::log::write(level, message), log(level, message));
    }
}

/// Records.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "only fakes need to know the call"))]
pub struct Records<'a>(&'a Context);

impl Records<'_> {
    /// One record, or none that may be seen.
    pub fn get(self, entity: &str, id: &str, fields: &[&str]) -> Result<Option<Entry>, Fault> {
        let fields = owned(fields);
        ask!(self.0, host::records::read::get(entity, id, &fields), get(entity, id, &fields))
    }

    /// A page of records.
    pub fn find(self, entity: &str, query: &Query) -> Result<Page, Fault> {
        ask!(self.0, host::records::read::find(entity, query), find(entity, query))
    }

    /// How many records there are.
    pub fn count(self, entity: &str, conditions: &[Condition]) -> Result<u64, Fault> {
        ask!(self.0, host::records::read::count(entity, conditions), count(entity, conditions))
    }

    /// Makes a record; its id.
    pub fn create(self, entity: &str, fields: &[Field]) -> Result<String, Fault> {
        ask!(self.0, host::records::write::create(entity, fields), create(entity, fields))
    }

    /// Changes a record.
    pub fn update(self, entity: &str, id: &str, fields: &[Field]) -> Result<(), Fault> {
        ask!(self.0, host::records::write::update(entity, id, fields), update(entity, id, fields))
    }

    /// Puts a record into the bin.
    pub fn delete(self, entity: &str, id: &str) -> Result<(), Fault> {
        ask!(self.0, host::records::write::delete(entity, id), delete(entity, id))
    }
}

/// Other systems.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "only fakes need to know the call"))]
pub struct Http<'a>(&'a Context);

impl Http<'_> {
    /// Sends a request; any status is an answer.
    pub fn send(self, request: &Request) -> Result<Response, Fault> {
        ask!(self.0, host::http::client::send(request), send(request))
    }

    /// Asks for an address, with a credential of the manifest when one is named.
    pub fn get(self, url: &str, credential: Option<&str>) -> Result<Response, Fault> {
        self.send(&Request {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: None,
            credential: credential.map(str::to_owned),
            timeout_ms: None,
        })
    }
}

/// The plugin's own store.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "only fakes need to know the call"))]
pub struct Storage<'a>(&'a Context);

impl Storage<'_> {
    /// The value of a key.
    pub fn get(self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        ask!(self.0, host::storage::kv::get(key), storage_get(key))
    }

    /// Sets a key.
    pub fn set(self, key: &str, value: &[u8]) -> Result<(), Fault> {
        ask!(self.0, host::storage::kv::set(key, value), storage_set(key, value))
    }

    /// Removes a key.
    pub fn delete(self, key: &str) -> Result<(), Fault> {
        ask!(self.0, host::storage::kv::delete(key), storage_delete(key))
    }

    /// Sets a key if it is still as expected; false when it is not.
    pub fn swap(self, key: &str, expected: Option<&[u8]>, value: Option<&[u8]>) -> Result<bool, Fault> {
        ask!(self.0, host::storage::kv::swap(key, expected, value), storage_swap(key, expected, value))
    }

    /// Keys in order, beginning with `prefix` and behind `after`.
    pub fn keys(self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Fault> {
        ask!(self.0, host::storage::kv::keys(prefix, after, limit), storage_keys(prefix, after, limit))
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A condition of a query.
impl Condition {
    /// `field op value`, with an `op` of the interface: `eq`, `lt`, `contains` …
    pub fn new(field: &str, op: &str, value: impl crate::IntoValue) -> Condition {
        let value: Value = value.into_value();
        Condition { field: field.to_owned(), op: op.to_owned(), value }
    }
}
