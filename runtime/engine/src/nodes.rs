//! Other nodes that serve the same tenants from one PostgreSQL server: what they did is taken in here, so that no node
//! goes on with old definitions, totals or people. Never the only way to find out: each signal has something beside it
//! that notices without it.

use std::sync::Arc;

use mortise_definition::recompile;
use mortise_expr::Dialect;
use mortise_store::{Heard, Listening};
use tokio::runtime::Handle;

use crate::apps;
use crate::engine::{Engine, schema, slug_of};
use crate::error::Error;
use crate::plugins;
use crate::published::Published;
use crate::tenant::{RETRY, Tenant};

/// What another node did, as far as the engine cannot follow it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// People, roles or departments of the tenant changed, or the tenant itself; whether it is open here or not.
    People(String),
    /// There is something for the lane of a tenant that is not open here.
    Lane(String),
    /// Signals were lost: anything may have happened.
    Gap,
}

impl Engine {
    /// Follows what other nodes do as long as the answer is kept. Nothing to listen to where there is but one node.
    pub async fn listen(
        &self,
        news: impl Fn(News) + Send + Sync + 'static,
    ) -> Result<Option<Listening>, Error> {
        let Some(server) = &self.postgres else { return Ok(None) };
        let open = self.open.clone();
        let hear = move |heard| match heard {
            Heard::Signal(signal) => {
                let Some(slug) = slug_of(&signal.schema) else { return };
                let tenant = open.read().get(&slug).cloned();
                match &tenant {
                    Some(tenant) => tenant.store.heard(&signal),
                    None if signal.lane => news(News::Lane(slug.clone())),
                    None => {}
                }
                if signal.people {
                    news(News::People(slug));
                }
            }
            Heard::Gap => {
                open.read().values().for_each(|tenant| tenant.store.heard_gap());
                news(News::Gap);
            }
        };
        Ok(Some(server.listen(hear).await?))
    }

    /// Whether other nodes may serve the same tenants.
    pub fn shared(&self) -> bool {
        self.postgres.is_some()
    }

    /// Whether events of a tenant wait, without opening it. Asked of tenants that other nodes may have open.
    pub async fn has_backlog(&self, slug: &str) -> Result<bool, Error> {
        match &self.postgres {
            Some(server) => Ok(server.has_backlog(&schema(slug)).await?),
            None => Ok(false),
        }
    }
}

impl Engine {
    /// Looks whether another node has changed definitions of tenants that are open here, should its signal have been lost.
    pub async fn catch_up(&self) {
        if !self.shared() {
            return;
        }
        let open: Vec<Arc<Tenant>> = self.open.read().values().cloned().collect();
        for tenant in open {
            let asked = async {
                tenant.reload().await?;
                tenant.look_at_switch().await
            };
            if let Err(error) = asked.await {
                tracing::warn!(tenant = tenant.slug, %error, "it could not be asked whether definitions have changed");
            }
        }
    }
}

impl Tenant {
    /// Whether another node has changed the definitions, and this one has not noticed.
    pub(crate) async fn is_behind(&self) -> bool {
        if self.store.naming().dialect != Dialect::Postgres {
            // Nobody else has the file.
            return false;
        }
        self.store.model_revision().await.is_ok_and(|revision| !self.store.knows(revision))
    }

    /// Reads the definitions again whenever another node has changed them.
    pub(crate) fn follow(self: &Arc<Self>) {
        let (tenant, runtime) = (Arc::downgrade(self), Handle::current());
        self.store.on_outdated(move || {
            let Some(tenant) = tenant.upgrade() else { return };
            runtime.spawn(async move {
                // When it fails, whoever writes next has it tried again.
                tenant.catch_up().await;
            });
        });
    }

    /// Lets the definitions come into force for which a write was refused: in a moment, when they are this node's own.
    pub(crate) async fn catch_up(&self) {
        if let Err(error) = self.reload().await {
            tracing::error!(tenant = self.slug, %error, "changed definitions could not be read");
        }
        tokio::time::sleep(RETRY).await;
    }

    async fn reload(&self) -> Result<(), Error> {
        // Whoever changes something here goes on with writes, and must not wait for itself.
        let Ok(_one) = self.changing.try_lock() else { return Ok(()) };
        let revision = self.store.model_revision().await?;
        if self.store.knows(revision) {
            return Ok(());
        }
        let sources = apps::load(&self.store).await?;
        let compiled =
            recompile(&sources.packages, &sources.overlays, &sources.settings).map_err(Error::Definition)?;
        let bound = plugins::bind(&self.store, &self.plugins, &compiled.model).await?;
        let published = Arc::new(Published::new(compiled.model, self.store.naming(), bound));
        let digest = published.digest.clone();
        self.publisher(published)();
        self.store.set_model(&digest, revision);
        tracing::info!(tenant = self.slug, "definitions that another node changed are in force");
        Ok(())
    }

    /// Tells other nodes that people, roles or departments changed.
    pub async fn announce_people(&self) -> Result<(), Error> {
        Ok(self.store.announce_people().await?)
    }

    /// The highest epoch with which the lane was worked.
    pub async fn lane_epoch(&self) -> Result<i64, Error> {
        Ok(self.store.lane_epoch().await?)
    }
}
