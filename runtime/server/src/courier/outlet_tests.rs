//! What plugins may reach, tried with real connections: servers on this machine that pretend, by a network under the test's
//! control, to be somewhere else.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mortise_engine::plugins::{Credential, Errand, Outside};
use mortise_plugin_host::value::{Fault, Request, Response, Retry};
use mortise_plugin_host::{HttpTerms, Permissions};
use parking_lot::Mutex;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::outlet::{CONNECTIONS_MAX, Outlet};
use super::wire::{Line, Network};

/// Somewhere in the internet at large; nobody is connected to there.
pub(super) const API: &str = "203.119.25.1";
pub(super) const OTHER: &str = "203.119.25.2";

/// Names, and where their addresses really are. Everything that was asked and connected to is noted.
#[derive(Default)]
pub(super) struct Stage {
    /// What a name is told to be, one answer after the other; the last one stays.
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    servers: Mutex<HashMap<IpAddr, SocketAddr>>,
    asked: Mutex<Vec<String>>,
    pub(super) connected: Mutex<Vec<IpAddr>>,
}

impl Network for Stage {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
        self.asked.lock().push(host.to_owned());
        let found = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => {
                let mut names = self.names.lock();
                let answers = names.get_mut(host).expect("the test knows the name");
                if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
            }
        };
        let found = found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        Box::pin(async { Ok(found) })
    }

    fn connect<'a>(&'a self, addresses: &'a [SocketAddr]) -> BoxFuture<'a, std::io::Result<TcpStream>> {
        let ip = addresses[0].ip();
        self.connected.lock().push(ip);
        let server = self.servers.lock().get(&ip).copied();
        Box::pin(async move {
            let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            TcpStream::connect(server.ok_or_else(refused)?).await
        })
    }
}

impl Stage {
    pub(super) fn name(&self, host: &str, answers: &[&[&str]]) {
        let parsed = answers.iter().map(|one| one.iter().map(|ip| ip.parse().unwrap()).collect());
        self.names.lock().insert(host.to_owned(), parsed.collect());
    }

    /// A server that says the same to everybody, byte by byte when it is told to be slow; what it is told is noted.
    pub(super) async fn server(&self, ip: &str, answer: Vec<u8>, slow: bool) -> Arc<Mutex<Vec<String>>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.servers.lock().insert(ip.parse().unwrap(), listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (notes, answer) = (notes.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut request = vec![0; 64 * 1024];
                    let read = stream.read(&mut request).await.unwrap_or_default();
                    notes.lock().push(String::from_utf8_lossy(&request[..read]).to_ascii_lowercase());
                    if !slow {
                        // Whoever has enough hangs up.
                        let _ = stream.write_all(&answer).await;
                        return;
                    }
                    for byte in answer {
                        if stream.write_all(&[byte]).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                });
            }
        });
        heard
    }

    pub(super) async fn good(&self, ip: &str) -> Arc<Mutex<Vec<String>>> {
        self.server(ip, good(b"fine"), false).await
    }

    /// A server that listens and never says a word.
    pub(super) async fn silent(&self, ip: &str) -> Arc<Mutex<Vec<String>>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.servers.lock().insert(ip.parse().unwrap(), listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 64 * 1024];
                let read = stream.read(&mut request).await.unwrap_or_default();
                notes.lock().push(String::from_utf8_lossy(&request[..read]).to_ascii_lowercase());
                open.push(stream);
            }
        });
        heard
    }

    pub(super) async fn redirecting(&self, ip: &str, status: u16, to: &str) -> Arc<Mutex<Vec<String>>> {
        let answer = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        self.server(ip, answer.into_bytes(), false).await
    }
}

pub(super) fn good(body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nX-Kind: a\r\nContent-Length: {}\r\n\r\n", body.len());
    answer.push_str(&String::from_utf8_lossy(body));
    answer.into_bytes()
}

pub(super) fn outlet(stage: &Arc<Stage>, allow_private: bool) -> Outlet {
    let usual = Line::new(allow_private).unwrap();
    Outlet::through(Line { network: stage.clone(), ..usual })
}

/// Everything may be called by name: what is refused is refused because of the address.
pub(super) fn granted() -> Arc<Permissions> {
    let hosts = ["api.example", "other.example", "*.inner.example", "127.0.0.1", "169.254.169.254"];
    let hosts = hosts.into_iter().chain(["[::1]", "[::ffff:169.254.169.254]", "[2002:7f00:1::]"]);
    let rules = hosts
        .map(|host| json!({"host": format!("http://{host}"), "methods": ["GET", "POST"], "credential": "k"}));
    serde_json::from_value(json!({ "http": rules.collect::<Vec<_>>() })).unwrap()
}

fn errand(method: &str, url: &str) -> Errand {
    Errand {
        tenant: "t".into(),
        plugin: "acme.test".into(),
        locale: "en".into(),
        request: Request {
            method: method.into(),
            url: url.parse().unwrap(),
            headers: vec![("X-Own".into(), "1".into()), ("Authorization".into(), "Bearer own".into())],
            body: (method == "POST").then(|| b"words".to_vec()),
            credential: Some("k".into()),
        },
        terms: HttpTerms::new(Duration::from_secs(20), 1_000, granted()),
        credential: Some(Credential { header: "X-Api-Key".into(), value: "s3cr3t".into() }),
    }
}

async fn refused(outlet: &Outlet, url: &str) -> String {
    outlet.send(errand("GET", url)).await.unwrap_err().code
}

#[tokio::test]
async fn a_call_arrives_with_the_secret_and_the_answer_comes_back() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    let heard = stage.good(API).await;
    let answer = outlet(&stage, false).send(errand("POST", "http://api.example/v1?x=1")).await.unwrap();
    let headers = vec![("x-kind".to_owned(), "a".to_owned())];
    assert_eq!(answer, Response { status: 200, headers, body: b"fine".to_vec() });
    let heard = heard.lock();
    for part in ["post /v1?x=1 http/1.1", "host: api.example\r", "x-api-key: s3cr3t", "x-own: 1", "words"] {
        assert!(heard[0].contains(part), "{part}: {}", heard[0]);
    }
}

#[tokio::test]
async fn names_and_addresses_that_lead_inside_are_refused_in_every_disguise() {
    let stage = Arc::new(Stage::default());
    for (name, addresses) in [
        ("a.inner.example", &["10.1.2.3"][..]),
        ("b.inner.example", &["169.254.169.254"]),
        ("c.inner.example", &["::ffff:169.254.169.254"]),
        ("d.inner.example", &["64:ff9b::7f00:1"]),
        ("e.inner.example", &["fd00::1"]),
        ("f.inner.example", &[API, "127.0.0.1"]),
        ("g.inner.example", &[API, API, API, API, API, "127.0.0.1"]),
    ] {
        stage.name(name, &[addresses]);
        assert_eq!(refused(&outlet(&stage, false), &format!("http://{name}/")).await, "plugin.http.private");
    }
    for address in
        ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:169.254.169.254]", "[2002:7f00:1::]"]
    {
        let url = format!("http://{address}/");
        assert_eq!(refused(&outlet(&stage, false), &url).await, "plugin.http.private", "{address}");
    }
    assert!(stage.connected.lock().is_empty(), "nobody was connected to");
}

#[tokio::test]
async fn the_operator_may_open_private_networks() {
    let stage = Arc::new(Stage::default());
    stage.name("a.inner.example", &[&["10.1.2.3"]]);
    stage.good("10.1.2.3").await;
    let answer = outlet(&stage, true).send(errand("GET", "http://a.inner.example/")).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200));
}

#[tokio::test]
async fn a_redirect_to_metadata_or_to_this_machine_is_not_followed() {
    let inner = [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://a.inner.example/",
    ];
    for place in inner {
        let stage = Arc::new(Stage::default());
        stage.name("api.example", &[&[API]]);
        stage.name("a.inner.example", &[&["192.168.1.1"]]);
        let heard = stage.redirecting(API, 302, place).await;
        assert_eq!(
            refused(&outlet(&stage, false), "http://api.example/").await,
            "plugin.http.private",
            "{place}"
        );
        assert_eq!(heard.lock().len(), 1);
        assert_eq!(*stage.connected.lock(), [API.parse::<IpAddr>().unwrap()], "{place}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_host_that_was_not_granted_is_not_followed() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    stage.name("evil.example", &[&[OTHER]]);
    stage.redirecting(API, 307, "http://evil.example/").await;
    let evil = stage.good(OTHER).await;
    assert_eq!(refused(&outlet(&stage, false), "http://api.example/").await, "plugin.denied.host");
    stage.redirecting(API, 307, "http://other.example:8080/").await;
    assert_eq!(refused(&outlet(&stage, false), "http://api.example/").await, "plugin.denied.host");
    stage.redirecting(API, 307, "file:///etc/passwd").await;
    assert_eq!(refused(&outlet(&stage, false), "http://api.example/").await, "plugin.denied.host");
    assert!(evil.lock().is_empty());
}

#[tokio::test]
async fn what_was_checked_is_connected_to_although_the_name_changes() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API], &["127.0.0.1"]]);
    stage.good(API).await;
    let outlet = outlet(&stage, false);
    let answer = outlet.send(errand("GET", "http://api.example/")).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200));
    assert_eq!(*stage.asked.lock(), ["api.example"], "asked once");
    assert_eq!(*stage.connected.lock(), [API.parse::<IpAddr>().unwrap()]);
    assert_eq!(
        refused(&outlet, "http://api.example/").await,
        "plugin.http.private",
        "the next call is judged anew"
    );
}

#[tokio::test]
async fn a_secret_stays_with_its_host() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    stage.name("other.example", &[&[OTHER]]);
    let first = stage.redirecting(API, 307, "http://other.example/next").await;
    let second = stage.good(OTHER).await;
    let answer = outlet(&stage, false).send(errand("POST", "http://api.example/")).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200));
    assert!(first.lock()[0].contains("s3cr3t") && first.lock()[0].contains("bearer own"));
    let second = second.lock();
    assert!(second[0].contains("x-own: 1") && second[0].contains("words"), "{}", second[0]);
    for hidden in ["s3cr3t", "x-api-key", "bearer"] {
        assert!(!second[0].contains(hidden), "{}", second[0]);
    }
}

#[tokio::test]
async fn a_redirect_on_the_same_host_keeps_the_secret_and_five_are_followed() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    let heard = stage.redirecting(API, 303, "/again").await;
    let outlet = outlet(&stage, false);
    let fault = outlet.send(errand("POST", "http://api.example/")).await.unwrap_err();
    assert_eq!((fault.code.as_str(), fault.retry), ("plugin.http.redirects", Retry::Never));
    let heard = heard.lock();
    assert_eq!(heard.len(), 6);
    assert!(heard.iter().all(|request| request.contains("s3cr3t")));
    assert!(heard[0].contains("words") && !heard[1].contains("words"), "303 asks for the result");
    assert!(heard[5].starts_with("get /again"), "{}", heard[5]);
}

#[tokio::test]
async fn an_answer_that_is_too_large_ends_the_call_early() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    stage.server(API, good(&vec![b'x'; 8 * 1024 * 1024]), false).await;
    assert_eq!(refused(&outlet(&stage, false), "http://api.example/").await, "plugin.http.too_large");
    stage.server(API, good(&[b'x'; 1_000]), false).await;
    let answer = outlet(&stage, false).send(errand("GET", "http://api.example/")).await;
    assert_eq!(answer.map(|answer| answer.body.len()), Ok(1_000));
}

#[tokio::test]
async fn an_answer_that_trickles_is_given_up_in_time() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    stage.server(API, good(&[b'x'; 900]), true).await;
    let outlet = outlet(&stage, false);
    let mut slow = errand("GET", "http://api.example/");
    slow.terms = HttpTerms::new(Duration::from_millis(300), 1_000, granted());
    let fault = outlet.send(slow).await.unwrap_err();
    let message = "No answer came within 300 ms.".to_owned();
    assert_eq!(fault, Fault { code: "plugin.http.timeout".into(), message, retry: Retry::Backoff });
}

#[tokio::test]
async fn a_plugin_with_too_many_connections_is_refused_at_once_and_others_are_not() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    stage.name("other.example", &[&[OTHER]]);
    stage.server(API, good(&[b'x'; 900]), true).await;
    stage.good(OTHER).await;
    let outlet = Arc::new(outlet(&stage, false));
    let slow = (0..CONNECTIONS_MAX).map(|_| {
        let outlet = outlet.clone();
        tokio::spawn(async move { outlet.send(errand("GET", "http://api.example/")).await })
    });
    let slow: Vec<_> = slow.collect();
    while stage.connected.lock().len() < CONNECTIONS_MAX {
        tokio::task::yield_now().await;
    }
    assert_eq!(refused(&outlet, "http://other.example/").await, "plugin.http.busy");
    let mut neighbour = errand("GET", "http://other.example/");
    neighbour.tenant = "u".into();
    assert_eq!(outlet.send(neighbour).await.map(|answer| answer.status), Ok(200));
    slow.iter().for_each(tokio::task::JoinHandle::abort);
    for task in slow {
        assert!(task.await.is_err());
    }
    let answer = outlet.send(errand("GET", "http://other.example/")).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200), "places come back");
}

#[tokio::test]
async fn headers_of_the_connection_are_the_servers() {
    let stage = Arc::new(Stage::default());
    let outlet = outlet(&stage, false);
    for name in
        ["Host", "content-length", "Transfer-Encoding", "Connection", "Proxy-Authorization", "a b", "x\r\ny"]
    {
        let mut forged = errand("GET", "http://api.example/");
        forged.request.headers.push((name.to_owned(), "1".to_owned()));
        assert_eq!(outlet.send(forged).await.unwrap_err().code, "plugin.http.header", "{name}");
    }
    let fault = outlet.send(errand("CONNECT", "http://api.example/")).await.unwrap_err();
    assert_eq!(fault.code, "plugin.http.method");
    assert!(stage.asked.lock().is_empty());
}

#[tokio::test]
async fn an_address_that_no_request_can_carry_is_refused_in_a_call_and_in_a_redirect() {
    let stage = Arc::new(Stage::default());
    stage.name("api.example", &[&[API]]);
    let long = format!("http://api.example/{}", "a".repeat(70_000));
    let outlet = outlet(&stage, false);
    assert_eq!(refused(&outlet, &long).await, "plugin.http.url");
    assert!(stage.asked.lock().is_empty(), "nobody was looked for");
    stage.redirecting(API, 302, &long).await;
    assert_eq!(refused(&outlet, "http://api.example/").await, "plugin.http.url");
}
