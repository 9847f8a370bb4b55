//! What nodes that share a PostgreSQL server tell each other: that a tenant's records, model or people changed, and
//! that its lane has something to do. A signal is sent by the transaction that it tells of; it says where to look, never
//! what is there, so that one that is lost is made up for by looking.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use sea_orm::sqlx::{self, postgres::PgListener};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::exec::{Param, Tx};
use crate::postgres::PostgresServer;

/// The channel of all tenants' signals.
const CHANNEL: &str = "mortise";
/// Entities named by one signal; PostgreSQL takes 8 000 bytes, and beyond this "all" is nearly as exact.
const ENTITIES_MAX: usize = 500;
/// Pause before another try to listen, when the server does not let us.
const PAUSE: Duration = Duration::from_secs(1);

/// What happened in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Schema of the tenant.
    pub schema: String,
    /// The node that did it.
    pub(crate) node: Uuid,
    /// There are events, timers or work for the lane.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lane: bool,
    /// Apps or settings changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub model: bool,
    /// People, roles or departments changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub people: bool,
    /// Entities of which records changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entities: Vec<usize>,
    /// Records of any entity changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) everything: bool,
}

/// What a node hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Another node did something.
    Signal(Signal),
    /// The connection was lost for a while: anything may have happened.
    Gap,
}

/// Sends the signals of a tenant.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) schema: String,
    pub(crate) node: Uuid,
}

impl Sender {
    /// A signal that says nothing yet.
    pub(crate) fn blank(&self) -> Signal {
        Signal {
            schema: self.schema.clone(),
            node: self.node,
            lane: false,
            model: false,
            people: false,
            entities: Vec::new(),
            everything: false,
        }
    }

    /// Sends a signal with the commit of this transaction; nothing when it says nothing.
    pub(crate) fn send(&self, tx: &mut dyn Tx, mut signal: Signal) -> Result<()> {
        signal.entities.sort_unstable();
        signal.entities.dedup();
        if signal.entities.len() > ENTITIES_MAX {
            signal.entities.clear();
            signal.everything = true;
        }
        if signal == self.blank() {
            return Ok(());
        }
        tx.execute(SEND, &payload(&signal)?).map(drop)
    }
}

pub(crate) const SEND: &str = "SELECT pg_notify($1, $2)";

/// Parameters of [`SEND`].
pub(crate) fn payload(signal: &Signal) -> Result<[Param; 2]> {
    let text = serde_json::to_string(signal).map_err(|error| Error::Corrupt(error.to_string()))?;
    Ok([CHANNEL.into(), text.into()])
}

/// Listens as long as it is kept.
#[derive(Debug)]
pub struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PostgresServer {
    /// Hands over what other nodes do from now on. `each` must be quick: signals wait for it.
    pub async fn listen(&self, mut each: impl FnMut(Heard) + Send + 'static) -> Result<Listening> {
        let server = self.clone();
        let mut listener = server.listener().await?;
        Ok(Listening(tokio::spawn(async move {
            loop {
                match listener.try_recv().await {
                    Ok(Some(note)) => match serde_json::from_str::<Signal>(note.payload()) {
                        Ok(signal) if signal.node == server.node => {}
                        Ok(signal) => each(Heard::Signal(signal)),
                        Err(error) => tracing::warn!(%error, "a signal of another node was not understood"),
                    },
                    // Listening again already: what comes from now on is heard, what came before has to be looked for.
                    Ok(None) => each(Heard::Gap),
                    Err(sqlx::Error::PoolClosed) => return,
                    Err(error) => {
                        tracing::warn!(%error, "signals of other nodes are not heard");
                        listener = server.listen_again().await;
                        each(Heard::Gap);
                    }
                }
            }
        })))
    }

    async fn listen_again(&self) -> PgListener {
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.listener().await {
                Ok(listener) => return listener,
                Err(error) => tracing::warn!(%error, "signals of other nodes are not heard yet"),
            }
        }
    }

    async fn listener(&self) -> Result<PgListener> {
        let pool = self.connection.get_postgres_connection_pool();
        let connect = async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen(CHANNEL).await?;
            Ok(listener)
        };
        connect.await.map_err(|error: sqlx::Error| Error::Database(error.to_string()))
    }

    /// Whether events of a tenant wait, without opening it; false when there is no such tenant.
    pub async fn has_backlog(&self, schema: &str) -> Result<bool> {
        let table = |name: &str| format!("{}.{}", crate::exec::quote(schema), crate::exec::quote(name));
        let sql = format!(
            "SELECT 1 FROM {} WHERE seq > (SELECT position FROM {}) LIMIT 1",
            table("_event"),
            table("_lane")
        );
        let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
        Ok(self.connection.query_one_raw(statement).await?.is_some())
    }
}
