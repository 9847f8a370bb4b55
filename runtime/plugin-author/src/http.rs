//! Requests to a server on this machine, for `mortise plugin dev`. Plain HTTP only: what is being developed has no business on
//! a server that is further away.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

use crate::error::{AuthorError, problem, reason};

/// A tenant of a server, as its administrator.
pub(crate) struct Server {
    base: Url,
    token: String,
    language: &'static str,
}

impl Server {
    /// The server at this address: `http://127.0.0.1:8080`, or `…/t/demo` for a tenant without a host name of its own.
    pub(crate) fn at(address: &str, token: String, language: &'static str) -> Result<Server, AuthorError> {
        let wrong = || AuthorError::from(problem("author.server_address").arg("server", address));
        let base = Url::parse(address.trim_end_matches('/')).map_err(|_| wrong())?;
        match base.scheme() == "http" && base.host_str().is_some() {
            true => Ok(Server { base, token, language }),
            false => Err(wrong()),
        }
    }

    /// The address, as people know it.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, AuthorError> {
        self.send(Method::GET, path, Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> Result<Value, AuthorError> {
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Value, AuthorError> {
        let unreachable = |error: &dyn std::fmt::Display| {
            AuthorError::from(problem("author.server").arg("server", self.address()).arg("detail", error))
        };
        let host = self.base.host_str().unwrap_or_default();
        let port = self.base.port_or_known_default().unwrap_or(80);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1/{path}", self.base.path().trim_end_matches('/')))
            .header(HOST, format!("{host}:{port}"))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(ACCEPT_LANGUAGE, self.language)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(USER_AGENT, concat!("mortise-plugin/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| unreachable(&error))?;
        let stream = TcpStream::connect((host, port)).await.map_err(|error| {
            let problem = problem("author.server").arg("server", self.address());
            AuthorError::from(problem.arg("reason", reason(&error)).arg("detail", error))
        })?;
        let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connected.map_err(|error| unreachable(&error))?;
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| unreachable(&error))?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.map_err(|error| unreachable(&error))?.to_bytes();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match parts.status.is_success() {
            true => Ok(answer),
            false => Err(problem("author.server_refused")
                .arg("detail", refusal(parts.status.as_u16(), &answer))
                .into()),
        }
    }
}

/// What a refusal says: its title, and each problem on a line.
fn refusal(status: u16, answer: &Value) -> String {
    let title = answer["title"].as_str().map_or_else(|| status.to_string(), str::to_owned);
    let problems = answer["problems"].as_array().into_iter().flatten();
    let lines = problems.filter_map(|problem| problem["message"].as_str()).map(|line| format!("\n  {line}"));
    // The words around it end the sentence.
    format!("{}{}", title.trim_end_matches(['.', '。']), lines.collect::<String>())
}
