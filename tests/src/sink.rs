//! Receivers for tests: a web server and a mail server on real sockets that write down what comes and refuse what they are
//! told to refuse. Small on purpose: what they do not understand fails the test.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longer than anything takes to arrive, so that a test that waits in vain ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came, and what is answered next.
struct Notes<R, A> {
    received: Mutex<Vec<R>>,
    answers: Mutex<VecDeque<A>>,
}

impl<R, A> Default for Notes<R, A> {
    fn default() -> Self {
        Notes { received: Mutex::default(), answers: Mutex::default() }
    }
}

impl<R: Clone, A> Notes<R, A> {
    /// Waits until so much has come.
    #[track_caller]
    fn wait(&self, count: usize) -> Vec<R> {
        let begun = Instant::now();
        loop {
            let received = self.received.lock().expect("no test panics with it").clone();
            if received.len() >= count {
                return received;
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {count} came", received.len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn next(&self) -> Option<A> {
        self.answers.lock().expect("no test panics with it").pop_front()
    }
}

/// How a call is answered.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How long the answer takes.
    pub pause: Duration,
    /// The status; without one the connection breaks off, though the call was taken.
    pub status: Option<u16>,
}

/// Serves each connection on a thread of its own until the test ends.
fn listen(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream).ok());
        }
    });
    address
}

/// A call that came.
#[derive(Debug, Clone)]
pub struct Call {
    /// Path and query.
    pub path: String,
    /// Names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The status that it is answered with; none where the connection breaks off.
    pub status: Option<u16>,
}

impl Call {
    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("what is sent is JSON")
    }

    /// A parameter of the query, decoded.
    pub fn param(&self, name: &str) -> String {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
        let value = pair.map_or("", |(_, value)| value);
        value.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
    }
}

/// A web server.
#[derive(Clone)]
pub struct WebSink {
    /// Where it listens.
    pub address: SocketAddr,
    notes: Arc<Notes<Call, (u16, String)>>,
}

impl WebSink {
    /// Starts one that answers as robots do when all is well.
    pub fn start() -> Self {
        Self::start_with(|_, _| Manner { pause: Duration::ZERO, status: Some(200) })
    }

    /// Starts one that answers each call in a manner of its own, where it was told nothing else: by the number of the call,
    /// and whether one with the same key came before.
    pub fn start_with(manner: impl Fn(usize, bool) -> Manner + Send + Sync + 'static) -> Self {
        let notes: Arc<Notes<Call, (u16, String)>> = Arc::default();
        let kept = notes.clone();
        WebSink { address: listen(move |stream| serve_web(&stream, &kept, &manner)), notes }
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.notes.wait(0)
    }

    /// Answers the next calls so: status and body, in this order.
    pub fn answer(&self, answers: &[(u16, &str)]) {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned()));
        self.notes.answers.lock().expect("no test panics with it").extend(answers);
    }

    /// Address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until so many calls have come, and gives all.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<Call> {
        self.notes.wait(count)
    }
}

fn serve_web(
    stream: &TcpStream,
    notes: &Notes<Call, (u16, String)>,
    manner: &dyn Fn(usize, bool) -> Manner,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        // A sender that is killed before it has said everything has called nobody.
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let told = notes.next();
    let manner = {
        let mut received = notes.received.lock().expect("no test panics with it");
        let mut call = Call { path, headers, body, status: None };
        let key = call.header("idempotency-key");
        let again = !key.is_empty() && received.iter().any(|known| known.header("idempotency-key") == key);
        let manner = manner(received.len(), again);
        let status = told.as_ref().map(|(status, _)| *status).or(manner.status);
        call.status = status;
        received.push(call);
        Manner { status, ..manner }
    };
    std::thread::sleep(manner.pause);
    let Some(status) = manner.status else { return Ok(()) };
    let well = || r#"{"errcode":0,"errmsg":"ok","code":0,"msg":"success"}"#.to_owned();
    let answer = told.map_or_else(well, |(_, answer)| answer);
    let length = answer.len();
    let mut stream = stream;
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}")
}

/// A message that came.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// Who was said to send it.
    pub from: String,
    /// Who was said to get it.
    pub to: Vec<String>,
    /// What was said to sign in, decoded from base64 by whoever asks.
    pub auth: String,
    /// The message as it came.
    pub data: String,
}

/// A mail server (RFC 5321) without encryption.
#[derive(Clone)]
pub struct MailSink {
    /// Where it listens.
    pub address: SocketAddr,
    notes: Arc<Notes<Mail, String>>,
}

impl MailSink {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        let notes: Arc<Notes<Mail, String>> = Arc::default();
        let kept = notes.clone();
        MailSink { address: listen(move |stream| serve_mail(&stream, &kept)), notes }
    }

    /// Answers the next receivers so, such as `550 no such user`.
    pub fn answer(&self, answers: &[&str]) {
        let answers = answers.iter().map(|answer| (*answer).to_owned());
        self.notes.answers.lock().expect("no test panics with it").extend(answers);
    }

    /// Waits until so many messages have come, and gives all.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<Mail> {
        self.notes.wait(count)
    }
}

fn serve_mail(stream: &TcpStream, notes: &Notes<Mail, String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut say = stream;
    let mut mail = Mail::default();
    write!(say, "220 sink\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let said = || line.split_once('<').and_then(|(_, rest)| rest.split('>').next()).unwrap_or_default();
        match verb.as_str() {
            "EHLO" => write!(say, "250-sink\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n")?,
            "HELO" | "RSET" | "NOOP" => write!(say, "250 ok\r\n")?,
            "AUTH" => {
                line.rsplit(' ').next().unwrap_or_default().clone_into(&mut mail.auth);
                write!(say, "235 welcome\r\n")?;
            }
            "MAIL" => {
                said().clone_into(&mut mail.from);
                write!(say, "250 ok\r\n")?;
            }
            "RCPT" => {
                let answer = notes.next().unwrap_or_else(|| "250 ok".to_owned());
                if answer.starts_with('2') {
                    mail.to.push(said().to_owned());
                }
                write!(say, "{answer}\r\n")?;
            }
            "DATA" => {
                write!(say, "354 go on\r\n")?;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line)?;
                    if line == ".\r\n" {
                        break;
                    }
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                notes.received.lock().expect("no test panics with it").push(std::mem::take(&mut mail));
                write!(say, "250 taken\r\n")?;
            }
            "QUIT" => return write!(say, "221 bye\r\n"),
            _ => write!(say, "500 what?\r\n")?,
        }
    }
}
