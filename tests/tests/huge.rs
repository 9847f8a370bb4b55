//! A gigabyte sent to the real server: refused early and without a trace, or taken and given back in bounded memory.

use std::path::Path;
use std::time::{Duration, Instant};

use mortise_tests::{Answer, Installation, Raw, Server, people};
use serde_json::json;

const FILES: &str = "/t/demo/api/v1/files";
const IMPORTS: &str = "/t/demo/api/v1/imports?entity=bench.item&name=items.csv";
/// Makes the piece of a number.
type Pieces = fn(u64) -> Vec<u8>;

/// One gibibyte.
const SIZE: u64 = 1 << 30;
const PIECE: usize = 1 << 20;
/// The server with an app needs some 60 MB; a gigabyte that passes through may add buffers, not itself.
const MEMORY_MAX: u64 = 200 * 1024 * 1024;

/// An installation with somebody who may upload.
fn prepare() -> (Installation, String) {
    let installation = Installation::new();
    installation.tenant(&["tests/bench/app"]);
    let server = installation.serve();
    let (_, token) = people::person(&mut server.administrator(), "sender", &["bench.user"]);
    (installation, token)
}

/// The bytes of a piece: no two pieces are alike.
fn piece(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(PIECE);
    while bytes.len() < PIECE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

/// A piece of a CSV file.
fn lines(_: u64) -> Vec<u8> {
    b"A name,open,12.50\n".repeat(PIECE / 18)
}

/// Sends up to a gigabyte, until the server answers or no longer listens, and gives its answer with what was sent.
fn send(server: &Server, path: &str, token: &str, announced: bool, piece: Pieces) -> (Answer, u64) {
    let mut raw = Raw::connect(server.address()).expect("the server listens");
    let length = match announced {
        true => format!("content-length: {SIZE}"),
        false => "transfer-encoding: chunked".to_owned(),
    };
    raw.head(&format!("POST {path}"), &format!("authorization: Bearer {token}\r\n{length}\r\n"))
        .expect("the server listens");
    let mut sent = 0;
    while sent < SIZE {
        let bytes = piece(sent / PIECE as u64);
        let bytes = &bytes[..bytes.len().min(usize::try_from(SIZE - sent).unwrap_or(usize::MAX))];
        let done = if announced { raw.send(bytes) } else { raw.send_chunk(bytes) };
        if done.is_err() {
            break;
        }
        sent += bytes.len() as u64;
    }
    if !announced && sent == SIZE {
        raw.send(b"0\r\n\r\n").ok();
    }
    (raw.answer().expect("an answer comes, even to who sends too much"), sent)
}

/// Bytes of all files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).sum()
}

/// Waits until nothing is left of an upload; it may be removed after the answer.
#[track_caller]
fn nothing_stays(installation: &Installation, folder: &str) {
    let folder = installation.data().join("tenants/demo").join(folder);
    let started = Instant::now();
    while bytes_below(&folder) > 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "{} is not empty", folder.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn bounded(server: &Server) {
    let peak = server.memory_peak_bytes();
    println!("{} MiB of memory at most", peak >> 20);
    assert!(peak < MEMORY_MAX, "{peak} bytes");
}

#[test]
fn a_gigabyte_is_refused_early_and_leaves_nothing() {
    let (installation, token) = prepare();
    let server = installation.serve();
    let cases: [(&str, &str, Pieces); 2] = [(FILES, "files", piece), (IMPORTS, "imports", lines)];
    for (path, folder, piece) in cases {
        for announced in [true, false] {
            let (answer, _) = send(&server, path, &token, announced, piece);
            let answer = answer.expect(413);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
            assert_eq!(answer.header("connection"), Some("close"), "{path}");
            assert_eq!(answer.json()["code"], "file.too_large", "{path}");
            nothing_stays(&installation, folder);
        }
    }
    let client = server.client().with_token(&token).get("/t/demo/api/v1/session");
    client.expect("the server still answers").expect(200);
    bounded(&server);
}

#[test]
fn an_upload_whose_sender_leaves_is_forgotten() {
    let (installation, token) = prepare();
    let server = installation.serve();
    for (path, folder) in [(FILES, "files"), (IMPORTS, "imports")] {
        let mut raw = Raw::connect(server.address()).expect("the server listens");
        let headers = format!("authorization: Bearer {token}\r\ncontent-length: {}\r\n", 40 * PIECE);
        raw.head(&format!("POST {path}"), &headers).expect("the server listens");
        for number in 0..20 {
            raw.send(&lines(number)).expect("the server listens");
        }
        let folder_of = installation.data().join("tenants/demo").join(folder);
        let started = Instant::now();
        while bytes_below(&folder_of) == 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "nothing of the upload has arrived");
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(raw);
        nothing_stays(&installation, folder);
    }
}

#[test]
fn a_gigabyte_that_is_allowed_comes_back_as_it_was_in_bounded_memory() {
    let (installation, token) = prepare();
    let server = installation.serve_with(&[("MORTISE_FILE_MIB", "1024")]);
    let (answer, sent) = send(&server, FILES, &token, true, piece);
    let file = answer.expect(201).json();
    assert_eq!((&file["size"], sent), (&json!(SIZE), SIZE));

    let path = format!("{FILES}/{}", file["id"].as_str().expect("an id"));
    let mut raw = Raw::connect(server.address()).expect("the server listens");
    let headers = format!("authorization: Bearer {token}\r\n");
    raw.head(&format!("GET {path}"), &headers).expect("the server listens");
    let head = raw.answer_head().expect("an answer").expect(200);
    assert_eq!(head.header("content-length"), Some(&*SIZE.to_string()));
    let mut bytes = vec![0; PIECE];
    for number in 0..SIZE / PIECE as u64 {
        raw.read_exact(&mut bytes).expect("the file goes on");
        assert!(bytes == piece(number), "piece {number} is another");
    }

    let range = format!("{headers}range: bytes=-{}\r\n", 2 * PIECE);
    raw.head(&format!("GET {path}"), &range).expect("the connection is kept");
    let part = raw.answer().expect("an answer").expect(206);
    let last = SIZE / PIECE as u64 - 1;
    assert!(part.body == [piece(last - 1), piece(last)].concat(), "the end is another");
    bounded(&server);
}
