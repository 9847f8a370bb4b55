//! Files and imports over the API: what is taken, what is refused, and that nothing of a refused file stays.

use std::time::{Duration, Instant};

use mortise_tests::Client;
use serde_json::{Value, json};

use crate::world::{TASKS, World, on_both, text};

const FILES: &str = "/t/demo/api/v1/files";
const IMPORTS: &str = "/t/demo/api/v1/imports";

#[test]
fn a_file_comes_back_as_it_was_and_never_as_a_page() {
    on_both(|world| {
        let mut anna = world.client(&world.anna.token);
        let html = b"<script>alert(1)</script>";
        let kind = [("content-type", "text/html")];
        let path = format!("{FILES}?name=..%2F%E6%8A%A5%E4%BB%B7.html");
        let file = anna.send("POST", &path, &kind, html).expect("an answer").expect(201).json();
        assert_eq!((&file["name"], &file["size"]), (&json!("报价.html"), &json!(25)), "{file}");
        let path = format!("{FILES}/{}", text(&file["id"]));
        let answer = anna.get(&path).expect("an answer").expect(200);
        assert_eq!(answer.body, html);
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        let disposition = answer.header("content-disposition").unwrap_or_default();
        assert!(disposition.starts_with("attachment"), "{disposition}");
        assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));
        world.client(&world.ben.token).get(&path).expect("an answer").expect(404);
        Client::new(world.address).get(&path).expect("an answer").expect(401);
    });
}

#[test]
fn a_part_of_a_file_is_sent_when_it_is_asked_for() {
    on_both(|world| {
        let mut anna = world.client(&world.anna.token);
        let file = anna.send("POST", FILES, &[], b"0123456789").expect("an answer").expect(201).json();
        let path = format!("{FILES}/{}", text(&file["id"]));
        let whole = anna.get(&path).expect("an answer").expect(200);
        assert_eq!(
            (whole.header("accept-ranges"), whole.header("content-length")),
            (Some("bytes"), Some("10"))
        );
        let tag = whole.header("etag").expect("a tag").to_owned();
        let cases = [
            ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
            ("bytes=-3", 206, "789", Some("bytes 7-9/10")),
            ("bytes=8-", 206, "89", Some("bytes 8-9/10")),
            ("bytes=0-1,3-4", 200, "0123456789", None),
        ];
        for (range, status, body, told) in cases {
            let part = anna.send("GET", &path, &[("range", range)], &[]).expect("an answer").expect(status);
            assert_eq!((part.text().as_str(), part.header("content-range")), (body, told), "{range}");
        }
        let outside = anna.send("GET", &path, &[("range", "bytes=10-")], &[]).expect("an answer").expect(416);
        assert_eq!(outside.header("content-range"), Some("bytes */10"));
        assert_eq!(outside.json()["code"], "http.range");
        let known = anna.send("GET", &path, &[("if-none-match", &tag)], &[]).expect("an answer").expect(304);
        assert_eq!(known.text(), "");
        let other = [("range", "bytes=2-4"), ("if-range", "\"another\"")];
        let other = anna.send("GET", &path, &other, &[]).expect("an answer").expect(200);
        assert_eq!(other.text(), "0123456789");
        let nothing = anna.send("POST", FILES, &[], b"").expect("an answer").expect(201).json();
        let nothing = anna.get(&format!("{FILES}/{}", text(&nothing["id"]))).expect("an answer").expect(200);
        assert_eq!((nothing.text().as_str(), nothing.header("content-length")), ("", Some("0")));
    });
}

#[test]
fn a_form_uploads_as_well() {
    on_both(|world| {
        let body = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
                    content-type: text/plain\r\n\r\nhello\r\n--x--\r\n";
        let kind = [("content-type", "multipart/form-data; boundary=x")];
        let mut anna = world.client(&world.anna.token);
        let file = anna.send("POST", FILES, &kind, body.as_bytes()).expect("an answer").expect(201).json();
        assert_eq!((&file["name"], &file["content_type"]), (&json!("a.txt"), &json!("text/plain")));
        let empty = anna.send("POST", FILES, &kind, b"--x--\r\n").expect("an answer");
        assert_eq!(empty.status, 422, "{}", empty.text());
    });
}

/// Uploads bytes to be imported as tasks by the administrator.
fn upload(world: &World, name: &str, bytes: &[u8]) -> mortise_tests::Answer {
    let path = format!("{IMPORTS}?entity=workshop.task&name={name}");
    world.client(&world.admin).send("POST", &path, &[], bytes).expect("the server answers")
}

/// Starts an import with its guessed columns and waits for its end.
fn import(world: &World, job: &Value) -> Value {
    let id = text(&job["id"]);
    let guessed = job["guessed"].as_array().expect("guesses").iter().enumerate();
    let columns: Vec<Value> = guessed
        .filter(|(_, field)| !field.is_null())
        .map(|(column, field)| json!({"column": column, "field": field}))
        .collect();
    let mapping = json!({"mapping": {"columns": columns}});
    world.call("POST", &format!("{IMPORTS}/{id}/start"), &mapping).expect(202);
    let started = Instant::now();
    loop {
        let job =
            world.client(&world.admin).get(&format!("{IMPORTS}/{id}")).expect("an answer").expect(200).json();
        if job["state"] != "running" {
            return job;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{job}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn csv_in_the_encodings_that_people_send_is_imported() {
    on_both(|world| {
        let rows = "名称,工时\n粉刷,3\n修理,4\n";
        let (gbk, _, _) = encoding_rs::GBK.encode(rows);
        let utf16: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain(rows.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        for (index, bytes) in [rows.as_bytes(), &*gbk, &utf16].into_iter().enumerate() {
            let job = upload(world, "tasks.csv", bytes).expect(201).json();
            assert_eq!(job["guessed"], json!(["name", "hours"]), "{job}");
            let done = import(world, &job);
            assert_eq!((&done["state"], &done["progress"]["created"]), (&json!("done"), &json!(2)), "{done}");
            let list = world.client(&world.admin).get(TASKS).expect("an answer").expect(200).json();
            assert_eq!(list["total"], json!((index + 1) * 2));
            assert!(list.to_string().contains("粉刷"));
        }
    });
}

#[test]
fn wrong_rows_are_reported_and_the_others_imported() {
    on_both(|world| {
        let job =
            upload(world, "tasks.csv", "Name,Hours\ngood,3\n,4\nbad,many\n".as_bytes()).expect(201).json();
        let done = import(world, &job);
        assert_eq!(
            (&done["progress"]["created"], &done["progress"]["failed"]),
            (&json!(1), &json!(2)),
            "{done}"
        );
        let message = done["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty() && !message.starts_with("error."), "{done}");
        let report = format!("{IMPORTS}/{}/report", text(&done["id"]));
        let report = world.client(&world.admin).get(&report).expect("an answer").expect(200).text();
        assert!(report.contains("many"), "{report}");
    });
}

#[test]
fn files_that_cannot_be_imported_are_refused_with_the_reason() {
    on_both(|world| {
        let columns = vec!["a"; 1_000_000].join(",");
        let cases: [(&str, Vec<u8>); 5] = [
            ("nothing.csv", Vec::new()),
            ("columns.csv", format!("{columns}\n1\n").into_bytes()),
            ("old.xls", [&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1][..], &[0; 512]].concat()),
            ("broken.xlsx", [&b"PK\x03\x04"[..], &[7; 200]].concat()),
            ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".to_vec()),
        ];
        for (name, bytes) in cases {
            let answer = upload(world, name, &bytes);
            assert_eq!(answer.status / 100, 4, "{name}: {}", answer.text());
            let problem = answer.json();
            assert!(
                problem["code"].as_str().is_some_and(|code| code.starts_with("file.")),
                "{name}: {problem}"
            );
            assert!(
                !problem["title"].as_str().unwrap_or_default().starts_with("error."),
                "{name}: {problem}"
            );
        }
        let list = world.client(&world.admin).get(IMPORTS).expect("an answer").expect(200).json();
        assert_eq!(list["rows"], json!([]), "nothing of a refused file stays");
        let guest = world.client(&world.guest.token).send(
            "POST",
            &format!("{IMPORTS}?entity=workshop.task"),
            &[],
            b"a",
        );
        guest.expect("an answer").expect(403);
    });
}
