//! The way of plugins to other systems: what the server does for them, because the engine knows no network. The host has
//! checked the permission of a call before it comes here; addresses, redirects and sizes are checked by whoever sends it.

use async_trait::async_trait;
use mortise_plugin_host::HttpTerms;
use mortise_plugin_host::value::{Fault, Request, Response};

/// A call to another system, with everything that whoever sends it has to keep to.
pub struct Errand {
    /// The tenant: its slug.
    pub tenant: String,
    /// The plugin's id. Calls of one plugin in one tenant share a number of connections.
    pub plugin: String,
    /// Language of what is said when it fails.
    pub locale: String,
    /// What is sent, and where to.
    pub request: Request,
    /// What has to be kept to, for the call and for each redirect.
    pub terms: HttpTerms,
    /// The secret that the request names, ready to be added.
    pub credential: Option<Credential>,
}

/// A secret as a header of a call. The plugin never sees it, and neither does a log.
#[derive(Clone)]
pub struct Credential {
    /// Name of the header.
    pub header: String,
    /// Its value, the secret in it.
    pub value: String,
}

/// Sends the calls of plugins.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Sends a call and brings the answer, or says why there is none.
    async fn send(&self, errand: Errand) -> Result<Response, Fault>;
}
