//! Carries things out of the house: deliveries by e-mail, to robots and other systems, and the calls of plugins. What is
//! sent and when is the engine's business; here is only how. Nothing waits for ever or reads more than it has to.

mod address;
#[cfg(test)]
mod hostile_tests;
mod http;
mod mail;
mod outlet;
#[cfg(test)]
mod outlet_tests;
mod robots;
mod wire;

use futures_util::future::BoxFuture;
use mortise_engine::{Courier, Door, Parcel, Refusal};
use tokio_rustls::rustls;

pub use outlet::Outlet;
use wire::Line;

/// The courier of a server. Follows no redirects.
pub struct Envoy(Line);

impl Envoy {
    /// A courier that goes into private networks only when it is allowed to.
    pub fn new(allow_private: bool) -> Result<Envoy, rustls::Error> {
        Ok(Envoy(Line::new(allow_private)?))
    }
}

impl Courier for Envoy {
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            match parcel.door {
                Door::Email => mail::send(&self.0, parcel).await,
                Door::Connector(kind) => {
                    let call = robots::call(kind, parcel)?;
                    let answer = http::post(&self.0, &call).await?;
                    robots::judge(kind, &call, &answer)
                }
            }
        })
    }
}
