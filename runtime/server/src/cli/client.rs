//! How commands reach tenants: the same requests either way, in this process when no server works on the data folder,
//! else over HTTP to that server with the operator's token.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::lock::DataLock;
use super::serve::OperatorFile;
use super::words::Words;
use crate::{AppState, Config, auth};

/// Requests to a server or to ourselves.
pub(super) struct Client<'a> {
    words: &'a Words,
    token: String,
    way: Way,
}

enum Way {
    /// No server runs: the handlers are called directly.
    Here { state: AppState, router: Router, _lock: DataLock },
    /// A server runs on this data folder.
    There(SocketAddr),
}

impl<'a> Client<'a> {
    /// Takes the data folder, or finds the server that has it.
    pub(super) async fn open(config: &Config, words: &'a Words) -> anyhow::Result<Client<'a>> {
        let Some(lock) = DataLock::take(&config.data)? else {
            let file = OperatorFile::read(&config.data)?;
            return Ok(Client { words, token: file.token, way: Way::There(file.address) });
        };
        let token = auth::new_secret("mop_");
        let hash = auth::hash_secret(&token);
        let state = AppState::open(config.clone(), Arc::new(mortise_engine::System), Some(hash)).await;
        let state = state.map_err(|failure| words.failure(&failure))?;
        let router = crate::router(state.clone());
        Ok(Client { words, token, way: Way::Here { state, router, _lock: lock } })
    }

    /// Ends the work: everything is written.
    pub(super) async fn close(self) {
        if let Way::Here { state, .. } = &self.way {
            state.close().await;
        }
    }

    /// `GET`.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// `POST` with JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Any request with JSON; the answer as JSON, a refusal as an error in words.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let (status, bytes) = self.send(method, path, body).await?;
        let value = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes)? };
        if status.is_client_error() || status.is_server_error() {
            return Err(self.words.problem(&value));
        }
        Ok(value)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let body = body.map(Value::to_string);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::ACCEPT_LANGUAGE, self.words.language)
            .header(header::USER_AGENT, concat!("mortise/", env!("CARGO_PKG_VERSION")));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request.body(Body::from(body.unwrap_or_default()))?;
        let response = match &self.way {
            Way::Here { router, .. } => router.clone().oneshot(request).await?,
            Way::There(address) => over_http(*address, request).await?,
        };
        let (parts, body) = response.into_parts();
        Ok((parts.status, body.collect().await?.to_bytes()))
    }
}

async fn over_http(address: SocketAddr, mut request: Request<Body>) -> anyhow::Result<Response<Body>> {
    let connection = TcpStream::connect(address).await.with_context(|| address.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(connection)).await?;
    tokio::spawn(connection);
    request.headers_mut().insert(header::HOST, HeaderValue::try_from(address.to_string())?);
    Ok(sender.send_request(request).await?.map(Body::new))
}
