//! Connections to the outside: a name is looked up once, its addresses are checked, and what was checked is connected to,
//! so that a name cannot change in between. A connection serves one call, and nothing waits for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, crypto};

use super::address;

/// So long a connection may take, name and encryption included.
const CONNECT: Duration = Duration::from_secs(5);

/// Names and connections; another one than the internet in tests.
pub(super) trait Network: Send + Sync {
    /// The addresses of a name, or the one that it is.
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>>;

    /// A connection to the first of these addresses that takes one.
    fn connect<'a>(&'a self, addresses: &'a [SocketAddr]) -> BoxFuture<'a, std::io::Result<TcpStream>>;
}

/// The network of this machine.
pub(super) struct Internet;

impl Network for Internet {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }

    fn connect<'a>(&'a self, addresses: &'a [SocketAddr]) -> BoxFuture<'a, std::io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(addresses))
    }
}

/// Why nobody was reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The name leads into a private network.
    Private,
    /// The name cannot be that of a certificate.
    Name,
    /// Nobody is there, or nobody who can be understood.
    Unreachable(String),
    /// It took too long.
    Late,
}

impl Trouble {
    pub(super) fn unreachable(reason: impl std::fmt::Display) -> Trouble {
        Trouble::Unreachable(reason.to_string())
    }
}

/// What is connected to.
pub(super) struct Peer<'a> {
    pub(super) https: bool,
    /// Name or address; one of IPv6 in brackets.
    pub(super) host: &'a str,
    pub(super) port: u16,
}

/// Both directions of a connection.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// The way out.
pub(super) struct Line {
    pub(super) network: Arc<dyn Network>,
    /// Private networks may be reached.
    pub(super) allow_private: bool,
    pub(super) tls: Arc<ClientConfig>,
}

impl Line {
    /// The way into the internet, and into private networks only when that is allowed.
    pub(super) fn new(allow_private: bool) -> Result<Line, rustls::Error> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Line { network: Arc::new(Internet), allow_private, tls: Arc::new(tls) })
    }

    /// A connection, encrypted where it has to be.
    pub(super) async fn open(&self, peer: &Peer<'_>) -> Result<Box<dyn Duplex>, Trouble> {
        tokio::time::timeout(CONNECT, self.connect(peer)).await.map_err(|_| Trouble::Late)?
    }

    async fn connect(&self, peer: &Peer<'_>) -> Result<Box<dyn Duplex>, Trouble> {
        let addresses = address::find(&*self.network, peer.host, peer.port, self.allow_private).await?;
        let stream = self.network.connect(&addresses).await.map_err(Trouble::unreachable)?;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        if !peer.https {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(address::bare(peer.host).to_owned()).map_err(|_| Trouble::Name)?;
        let connector = TlsConnector::from(self.tls.clone());
        Ok(Box::new(connector.connect(name, stream).await.map_err(Trouble::unreachable)?))
    }
}

/// Sends a request and hands the answer to `read`, which takes as much of it as it wants.
pub(super) async fn exchange<T, E, F>(
    stream: Box<dyn Duplex>,
    request: Request<Full<Bytes>>,
    read: impl FnOnce(Response<Incoming>) -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: From<hyper::Error>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answering = async { read(sender.send_request(request).await?).await };
    tokio::pin!(answering);
    tokio::select! {
        biased;
        answer = &mut answering => answer,
        ended = connection => match ended {
            Ok(()) => answering.await,
            Err(error) => Err(error.into()),
        },
    }
}
