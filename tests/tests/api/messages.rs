//! What leaves the house and what people are told, from outside: robots and systems on real sockets check signatures and
//! fail, a mail server takes and refuses, pages and streams show what has become of it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use mortise_tests::Client;
use mortise_tests::sink::{MailSink, WebSink};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::world::{PASSWORD, World, on_both, text};

const API: &str = "/t/demo/api/v1";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn words(en: &str, zh: &str) -> Value {
    json!({"en": en, "zh-CN": zh})
}

/// An app whose every new call for help tells its owner and calls everybody.
pub(crate) fn help(email: bool, channels: &[&str]) -> Value {
    let connector = |id: &str, kind: &str| json!({"id": id, "label": words(id, id), "kind": kind});
    let files = [
        ("app.json", json!({"id": "help", "version": "1.0.0", "label": words("Help", "求助")})),
        (
            "entities/call.json",
            json!({"id": "call", "label": words("Call", "求助"), "title": "what", "fields": [
            {"id": "what", "label": words("What", "内容"), "type": "text", "required": true},
            {"id": "phone", "label": words("Phone", "电话"), "type": "phone"},
            {"id": "count", "label": words("Count", "数量"), "type": "integer"}]}),
        ),
        (
            "entities/word.json",
            json!({"id": "word", "label": words("Word", "留言"), "title": "text", "fields": [
            {"id": "call", "label": words("Call", "求助"), "type": "reference", "entity": "call"},
            {"id": "text", "label": words("Text", "内容"), "type": "text", "required": true}]}),
        ),
        (
            "views/calls.json",
            json!({"id": "calls", "entity": "call", "label": words("Calls", "求助"), "kind": "table", "columns": ["what"]}),
        ),
        (
            "roles/helper.json",
            json!({"id": "helper", "label": words("Helper", "帮手"), "permissions": [
            {"entity": "call", "operations": ["read", "create", "update"], "rows": "own"}]}),
        ),
        ("connectors/ding.json", connector("ding", "dingtalk")),
        ("connectors/wecom.json", connector("wecom", "wecom")),
        ("connectors/feishu.json", connector("feishu", "feishu")),
        ("connectors/system.json", connector("system", "webhook")),
        (
            "connectors/form.json",
            json!({"id": "form", "label": words("Form", "表单"), "kind": "inbound", "receive": {
            "entity": "call", "map": [{"field": "what", "from": "/what"}, {"field": "phone", "from": "/phone"}, {"field": "count", "from": "/count"}],
            "attach": {"match": ["phone"], "entity": "word", "via": "call", "map": [{"field": "text", "from": "/what"}]}}}),
        ),
        (
            "notifications/new.json",
            json!({"id": "new", "entity": "call", "label": words("New call", "新求助"),
            "title": words("New: {{ record.what }}", "新求助：{{ record.what }}"), "body": words("Please help.", "请协助。"),
            "to": ["owner"], "email": email, "channels": channels}),
        ),
        (
            "rules/new.json",
            json!({"id": "new", "entity": "call", "label": words("New", "新"), "on": [{"type": "created"}],
            "do": [{"type": "notify", "notification": "new"},
                   {"type": "webhook", "connector": "system", "body": {"what": "record.what"}, "when": "record.count == 7"}]}),
        ),
    ];
    let files = files.into_iter().map(|(path, file)| (path.to_owned(), Value::from(file.to_string())));
    Value::Object(files.collect())
}

fn install(world: &World, email: bool, channels: &[&str]) -> Helper {
    world.call("POST", &format!("{API}/apps"), &json!({"files": help(email, channels)})).expect(200);
    let person = world.person("helen", &json!({"roles": ["help.helper"], "email": "helen@example.com"}));
    Helper { token: person.token }
}

struct Helper {
    token: String,
}

impl Helper {
    fn call(&self, world: &World, values: &Value) -> String {
        let answer = world.client(&self.token).json("POST", &format!("{API}/records/help.call"), values);
        text(&answer.expect("an answer").expect(201).json()["id"])
    }
}

fn connect(world: &World, key: &str, input: &Value) {
    world.call("PUT", &format!("{API}/connectors/{key}"), input).expect(204);
}

/// Waits until the deliveries are as expected: channel, state and code of the reason, in the order of channels.
#[track_caller]
fn expect_deliveries(world: &World, expected: &[&str]) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let answer =
            world.client(&world.admin).get(&format!("{API}/deliveries")).expect("an answer").expect(200);
        let mut rows = answer.json()["rows"].as_array().expect("rows").clone();
        rows.sort_by_key(|row| row["channel"].as_str().map(str::to_owned));
        let tell = |row: &Value| {
            let code = row["error"]["code"].as_str().unwrap_or_default();
            format!("{} {} {code}", text(&row["channel"]), text(&row["state"])).trim_end().to_owned()
        };
        let told: Vec<String> = rows.iter().map(tell).collect();
        if told == expected {
            return rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{told:#?}\n{rows:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn hmac(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(message.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[test]
fn robots_and_systems_are_called_with_signatures_that_hold() {
    on_both(|world| {
        let sink = WebSink::start();
        let helper = install(world, false, &["ding", "wecom", "feishu", "system"]);
        connect(world, "help.ding", &json!({"url": sink.url("/ding?access_token=t"), "secret": "SECding"}));
        connect(world, "help.wecom", &json!({"url": sink.url("/wecom?key=k")}));
        connect(world, "help.feishu", &json!({"url": sink.url("/feishu"), "secret": "feishu-secret"}));
        connect(world, "help.system", &json!({"url": sink.url("/system"), "secret": SECRET}));
        let id = helper.call(world, &json!({"what": "Leak <at id=all>"}));
        let calls = sink.wait(4);
        let of = |path: &str| calls.iter().find(|call| call.path.starts_with(path)).expect(path).clone();
        let ding = of("/ding");
        let expected = hmac("SECding", &format!("{}\nSECding", ding.param("timestamp")));
        assert_eq!(ding.param("sign"), expected);
        assert_eq!(ding.param("access_token"), "t");
        assert_eq!(ding.json()["text"]["content"], "New: Leak <at id=all>\nPlease help.");
        let feishu = of("/feishu").json();
        let stamp = text(&feishu["timestamp"]);
        assert_eq!(text(&feishu["sign"]), hmac(&format!("{stamp}\nfeishu-secret"), ""));
        assert_eq!(feishu["content"]["post"]["zh_cn"]["content"][0][0]["tag"], "text");
        assert_eq!(of("/wecom").json()["msgtype"], "text");
        let system = of("/system");
        let body = String::from_utf8(system.body.clone()).expect("text");
        let signed = format!("{}.{}.{body}", system.header("webhook-id"), system.header("webhook-timestamp"));
        let key = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
        mac.update(signed.as_bytes());
        let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(system.header("webhook-signature"), expected);
        assert_eq!(system.header("idempotency-key"), system.header("webhook-id"));
        assert_eq!(
            (text(&system.json()["record"]), system.json()["title"].clone()),
            (id, json!("New: Leak <at id=all>"))
        );
        let sent = ["help.ding sent", "help.feishu sent", "help.system sent", "help.wecom sent"];
        expect_deliveries(world, &sent);
    });
}

#[test]
fn what_is_refused_is_shown_with_its_reason_and_sent_again() {
    on_both(|world| {
        let sink = WebSink::start();
        let helper = install(world, false, &["ding"]);
        connect(world, "help.ding", &json!({"url": sink.url("/ding")}));
        sink.answer(&[(200, r#"{"errcode":310000,"errmsg":"keywords not in content"}"#)]);
        helper.call(world, &json!({"what": "One"}));
        let rows = expect_deliveries(world, &["help.ding waiting delivery.refused"]);
        assert_eq!(rows[0]["error"]["args"]["reason"], "310000 keywords not in content");
        sink.answer(&[(404, "")]);
        let retry = format!("{API}/deliveries/{}/retry", text(&rows[0]["id"]));
        world.call("POST", &retry, &json!({})).expect(204);
        expect_deliveries(world, &["help.ding dead delivery.status"]);
        sink.answer(&[(302, "")]);
        let all = json!({"channel": "help.ding"});
        let answer = world.call("POST", &format!("{API}/deliveries/retry"), &all).expect(200);
        assert_eq!(answer.json()["count"], 1);
        expect_deliveries(world, &["help.ding dead delivery.status"]);
        let mut page = world.client(&world.admin).with_header("accept-language", "zh-CN");
        let html = page.get("/t/demo/admin/deliveries?state=dead").expect("an answer").expect(200).text();
        assert!(html.contains("发送失败") && html.contains("返回状态码 302"), "{html}");
        world.call("POST", &retry, &json!({})).expect(204);
        let rows = expect_deliveries(world, &["help.ding sent"]);
        let keys: Vec<String> =
            sink.wait(4).iter().map(|call| call.header("idempotency-key").to_owned()).collect();
        assert!(keys.iter().all(|key| *key == text(&rows[0]["id"])), "{keys:?}");
        world.call("POST", &format!("{API}/deliveries/{}/retry", uuid::Uuid::nil()), &json!({})).expect(404);
        world.client(&helper.token).get(&format!("{API}/deliveries")).expect("an answer").expect(403);
    });
}

#[test]
fn private_networks_are_closed_unless_they_are_opened() {
    let world = World::start_with(None, |_| ());
    let sink = WebSink::start();
    let helper = install(&world, true, &["ding"]);
    connect(&world, "help.ding", &json!({"url": sink.url("/ding")}));
    let mail = json!({"url": "localhost:2525", "mail": {"security": "none", "from": "me@example.com"}});
    connect(&world, "email", &mail);
    helper.call(&world, &json!({"what": "One"}));
    expect_deliveries(&world, &["email dead delivery.private", "help.ding dead delivery.private"]);
}

#[test]
fn mail_is_sent_by_the_tenants_server_and_refusals_are_kept() {
    on_both(|world| {
        let sink = MailSink::start();
        let helper = install(world, true, &[]);
        let mail = json!({"url": sink.address.to_string(), "secret": "pass word",
            "mail": {"security": "none", "user": "mortise", "from": "求助 <help@example.com>"}});
        connect(world, "email", &mail);
        helper.call(world, &json!({"what": "漏水"}));
        let rows = expect_deliveries(world, &["email sent"]);
        let sent = &sink.wait(1)[0];
        assert_eq!(
            (sent.from.as_str(), &sent.to),
            ("help@example.com", &vec!["helen@example.com".to_owned()])
        );
        assert_eq!(BASE64_STANDARD.decode(&sent.auth).expect("base64"), b"\0mortise\0pass word");
        assert!(
            sent.data.contains(&format!("Message-ID: <{}@example.com>", text(&rows[0]["id"]))),
            "{}",
            sent.data
        );
        assert!(sent.data.contains("multipart/alternative"), "{}", sent.data);
        sink.answer(&["550 no such user", "451 later"]);
        helper.call(world, &json!({"what": "Two"}));
        let rows = expect_deliveries(world, &["email dead delivery.mail", "email sent"]);
        assert!(text(&rows[0]["error"]["args"]["reason"]).contains("no such user"), "{rows:?}");
        let test =
            world.call("POST", &format!("{API}/connectors/email/test"), &json!({"to": "me@example.com"}));
        assert_eq!(test.expect(422).json()["code"], "delivery.mail");
        world
            .call("POST", &format!("{API}/connectors/email/test"), &json!({"to": "me@example.com"}))
            .expect(204);
        assert_eq!(sink.wait(2)[1].to, ["me@example.com"]);
    });
}

/// A stream of events.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(world: &World, token: &str) -> Events {
        let mut stream = TcpStream::connect(world.address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        write!(stream, "GET /t/demo/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n")
            .expect("the server reads");
        Events(BufReader::new(stream))
    }

    /// What the next event of this name says; others are passed over.
    fn next(&mut self, name: &str) -> Value {
        let mut named = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("an event comes") > 0, "the stream ended");
            if let Some(name) = line.trim_end().strip_prefix("event: ") {
                name.clone_into(&mut named);
            }
            if let Some(data) = line.trim_end().strip_prefix("data: ").filter(|_| named == name) {
                return serde_json::from_str(data).expect("JSON");
            }
        }
    }
}

#[test]
fn people_see_at_once_that_there_is_something_new() {
    on_both(|world| {
        let helper = install(world, false, &[]);
        let mut events = Events::open(world, &helper.token);
        assert_eq!(events.next("inbox"), json!({"unread": 0}));
        let id = helper.call(world, &json!({"what": "Leak"}));
        assert_eq!(events.next("inbox"), json!({"unread": 1}));
        assert_eq!(events.next("changed"), json!(["help.call"]));
        let mut helen = world.client(&helper.token);
        let inbox = helen.get(&format!("{API}/inbox")).expect("an answer").expect(200).json();
        let message = &inbox["rows"][0];
        assert_eq!((&message["title"], text(&message["record"])), (&json!("New: Leak"), id));
        let read = json!({"ids": [message["id"]]});
        // Nobody reads for others.
        world
            .client(&world.anna.token)
            .json("POST", &format!("{API}/inbox/read"), &read)
            .expect("an answer")
            .expect(204);
        let unread = helen.get(&format!("{API}/inbox?unread=true")).expect("an answer").expect(200).json();
        assert_eq!(unread["rows"].as_array().map(Vec::len), Some(1));
        helen.json("POST", &format!("{API}/inbox/read"), &read).expect("an answer").expect(204);
        assert_eq!(events.next("inbox"), json!({"unread": 0}));
        let html = helen.get("/t/demo/inbox").expect("an answer").expect(200).text();
        assert!(html.contains("New: Leak") && html.contains("data-unread"), "{html}");
        Client::new(world.address).get(&format!("{API}/inbox")).expect("an answer").expect(401);
        let answer = Client::new(world.address).get("/t/demo/events").expect("an answer");
        assert!(answer.status != 200, "{}", answer.text());
    });
}

#[test]
fn connectors_are_set_up_on_a_page_that_keeps_secrets() {
    let world = World::start(None);
    install(&world, false, &["ding"]);
    let credentials = json!({"login": "admin", "password": PASSWORD});
    let answer = Client::new(world.address).json("POST", &format!("{API}/session"), &credentials);
    let answer = answer.expect("an answer").expect(201);
    let cookie =
        answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    let mut admin = Client::new(world.address).with_header("cookie", &cookie);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let mut post = |path: &str, body: &str| {
        admin
            .send("POST", &format!("/t/demo/admin/connectors/{path}"), &form, body.as_bytes())
            .expect("an answer")
    };
    post("help.ding", "url=https%3A%2F%2Foapi.dingtalk.com%2Fx%3Faccess_token%3Dhush&secret=hush-hush")
        .expect(303);
    let made = post("help.form", "url=&secret=").expect(200).text();
    let secret = made
        .split("whsec_")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .expect("it is shown once")
        .to_owned();
    let wrong = post("email", "url=nonsense&from=me").expect(422).text();
    assert!(wrong.contains("alert-error"), "{wrong}");
    let sink = WebSink::start();
    post("help.wecom", &format!("url=http%3A%2F%2F{}%2Fx", sink.address)).expect(303);
    post("help.wecom/test", "").expect(303);
    assert!(text(&sink.wait(1)[0].json()["text"]["content"]).contains("admin"));
    let page = admin.get("/t/demo/admin/connectors").expect("an answer").expect(200).text();
    assert!(page.contains("oapi.dingtalk.com") && page.contains("hooks&#x2f;help.form"), "{page}");
    let api = admin.get(&format!("{API}/connectors")).expect("an answer").expect(200).text();
    let trail = admin.get("/t/demo/admin/audit").expect("an answer").expect(200).text();
    for shown in [&page, &api, &trail] {
        assert!(!shown.contains("hush") && !shown.contains(&secret), "{shown}");
    }
    world.client(&world.anna.token).get(&format!("{API}/connectors")).expect("an answer").expect(403);
}
