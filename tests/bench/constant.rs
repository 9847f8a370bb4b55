//! The constant answer: what HTTP on this machine does when nothing has to be looked up.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::http::header;
use axum::routing::any;

/// Serves a JSON text of the size of one record at every path, until the process ends; returns its address.
pub(crate) fn serve(size: usize) -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let text: &'static str = format!("{{\"text\":\"{}\"}}", "x".repeat(size.saturating_sub(11))).leak();
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], text) };
    let router = Router::new().fallback(any(answer));
    std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime
            .block_on(async { Ok(axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await?) })
    });
    Ok(address)
}
