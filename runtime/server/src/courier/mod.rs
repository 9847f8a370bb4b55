//! Carries deliveries out of the house: e-mail by SMTP, robots and other systems by HTTP. What is sent and when is the
//! engine's business; here is only how. Nothing follows redirects, waits for ever or reads more than it has to.

mod address;
mod http;
mod mail;
mod robots;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mortise_engine::{Courier, Door, Parcel, Refusal};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// The courier of a server.
pub struct Envoy {
    /// Private networks may be reached.
    allow_private: bool,
    tls: Arc<ClientConfig>,
}

impl Envoy {
    /// A courier that goes into private networks only when it is allowed to.
    pub fn new(allow_private: bool) -> Result<Envoy, tokio_rustls::rustls::Error> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Envoy { allow_private, tls: Arc::new(tls) })
    }
}

impl Courier for Envoy {
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            match parcel.door {
                Door::Email => mail::send(self.allow_private, parcel).await,
                Door::Connector(kind) => {
                    let call = robots::call(kind, parcel)?;
                    let answer = http::post(self, &call).await?;
                    robots::judge(kind, &call, &answer)
                }
            }
        })
    }
}
