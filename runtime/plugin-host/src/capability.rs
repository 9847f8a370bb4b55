//! What the engine does for plugins: the trait at the seam. The host has checked the plugin's permission and counted the
//! call before any of these is reached; row scopes and field rights of whoever acts are the engine's to apply.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use crate::permission::{Denied, HostCall, Permissions, permit};
use crate::value::{Condition, Entry, Fault, Field, Page, Query, Request, Response};

/// What a plugin can ask for, acting for one call.
#[async_trait]
pub trait Capabilities: Send + Sync {
    /// One record; none when there is none that may be seen.
    async fn get(&self, entity: &str, id: &str, fields: &[String]) -> Result<Option<Entry>, Fault>;
    /// Records; at most `query.limit`.
    async fn find(&self, entity: &str, query: Query) -> Result<Page, Fault>;
    /// How many records there are.
    async fn count(&self, entity: &str, conditions: Vec<Condition>) -> Result<u64, Fault>;
    /// Makes a record; its id.
    async fn create(&self, entity: &str, fields: Vec<Field>) -> Result<String, Fault>;
    /// Changes a record.
    async fn update(&self, entity: &str, id: &str, fields: Vec<Field>) -> Result<(), Fault>;
    /// Puts a record into the bin.
    async fn delete(&self, entity: &str, id: &str) -> Result<(), Fault>;
    /// Calls another system. Has to check resolved addresses ([`crate::address::reachable`]), connect to what was checked,
    /// add the credential, and either not follow redirects or ask `terms` about each hop.
    async fn send(&self, request: Request, terms: HttpTerms) -> Result<Response, Fault>;
    /// The value of a key of the plugin's own store.
    async fn storage_get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault>;
    /// Changes a key: from `expected`, when given, to `value`; none removes it. False when it is not as expected.
    async fn storage_swap(
        &self,
        key: &str,
        expected: Option<Option<Vec<u8>>>,
        value: Option<Vec<u8>>,
        bytes_max: u64,
    ) -> Result<bool, Fault>;
    /// Keys in order, beginning with `prefix` and behind `after`.
    async fn storage_keys(&self, prefix: &str, after: Option<&str>, limit: u32)
    -> Result<Vec<String>, Fault>;
}

/// What a call to another system has to keep to.
#[derive(Debug, Clone)]
pub struct HttpTerms {
    /// Longest time; the host gives up by then anyway.
    pub timeout: Duration,
    /// Largest answer.
    pub body_bytes_max: u64,
    pub(crate) granted: Arc<Permissions>,
}

impl HttpTerms {
    /// Terms of one call of a plugin with these permissions.
    pub fn new(timeout: Duration, body_bytes_max: u64, granted: Arc<Permissions>) -> HttpTerms {
        HttpTerms { timeout, body_bytes_max, granted }
    }

    /// Whether a redirect may be followed. A credential never goes along to another host.
    pub fn permits_hop(&self, method: &str, url: &Url) -> Result<(), Denied> {
        permit(&self.granted, &HostCall::Http { method, url, credential: None })
    }
}
