//! From a listening socket to requests: seats for connections, an end for slow clients, and a graceful stop.
//! Knows nothing of what is served.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, header};
use axum::{Router, body::Body};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

use super::patience::{Guests, Lateness, Limits, Watch, WatchedAnswer, WatchedStream};
use crate::AppState;

/// Requests that run when the server is stopped get this long to finish.
const FINISH: Duration = Duration::from_secs(20);
/// Longest head of a request in bytes: ten times the largest cookies and addresses that browsers send here.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// When the system cannot give one more connection, it is asked again after this long.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// What all connections share.
struct House {
    router: Router,
    guests: Guests,
    seats: Arc<Semaphore>,
    state: AppState,
}

/// Answers requests on a listener until `state.stop` is cancelled and what was begun is done.
pub async fn serve(state: AppState, listener: TcpListener) -> io::Result<()> {
    let stop = state.stop.clone();
    let graceful = GracefulShutdown::new();
    let house = Arc::new(House {
        router: crate::router(state.clone()),
        guests: Guests::new(Limits::new(&state.config.serving)),
        seats: Arc::new(Semaphore::new(state.config.serving.connections.clamp(1, Semaphore::MAX_PERMITS))),
        state,
    });
    let looking = tokio::spawn({
        let house = house.clone();
        async move { house.guests.look_after(|| house.seats.available_permits() == 0).await }
    });
    while let Some((stream, peer, seat)) = stop.run_until_cancelled(next(&house, &listener)).await {
        let watch = Arc::new(Watch::default());
        let weak = Arc::downgrade(&watch);
        let task = tokio::spawn(connection(house.clone(), stream, peer, watch, graceful.watcher(), seat));
        house.guests.add(weak, task.abort_handle());
    }
    drop(listener);
    if tokio::time::timeout(FINISH, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    looking.abort();
    Ok(())
}

/// The next connection, as soon as there is a seat for it; until then, the system lets clients wait.
async fn next(house: &House, listener: &TcpListener) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let seat = house.seats.clone().acquire_owned().await.expect("the seats are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, seat),
            Err(error) if is_clients(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// True for connections that ended before they were accepted.
fn is_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection until its client leaves, is too slow, or the server stops.
async fn connection(
    house: Arc<House>,
    stream: TcpStream,
    peer: SocketAddr,
    watch: Arc<Watch>,
    stopping: Watcher,
    seat: OwnedSemaphorePermit,
) {
    // Answers are written whole; waiting for more bytes would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let _open = house.state.metrics.connection();
    let service = service_fn(|request| answer(&house.router, &watch, peer, request));
    let stream = TokioIo::new(WatchedStream::new(stream, watch.clone()));
    let mut http = http1::Builder::new();
    // The watch does it, without a timer for each request.
    http.header_read_timeout(None).max_header_size(HEAD_BYTES_MAX);
    if let Err(error) = stopping.watch(http.serve_connection(stream, service)).await {
        tracing::debug!(%error, %peer, "connection broke off");
    }
    drop(seat);
}

/// Hands a request to the router.
fn answer(
    router: &Router,
    watch: &Arc<Watch>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<WatchedAnswer>, Infallible>> + use<> {
    let announced = request.body().size_hint().upper();
    let mut request: Request<Body> = request.map(|body| watch.begin(body));
    request.extensions_mut().insert(ConnectInfo(peer));
    if announced != Some(0) {
        request.extensions_mut().insert(Lateness(watch.clone()));
    }
    let answering = router.clone().call(request);
    let watch = watch.clone();
    async move {
        let mut response = answering.await?;
        if watch.must_end(announced) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| WatchedAnswer { body, watch }))
    }
}
