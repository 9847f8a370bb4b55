//! What robots of groups and other systems are sent: the form that each wants, signed as it wants, within its limits;
//! and what their answers mean. Words are sent as plain text, so that nothing in them can mention people or hide links.

use axum::body::Bytes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use mortise_definition::source::ConnectorKind;
use mortise_engine::connect::signature;
use mortise_engine::{Issue, Parcel, Refusal};
use serde_json::{Value as Json, json};
use sha2::Sha256;

use super::http::Call;

/// Longest text in bytes that a robot of WeCom takes.
const WECOM_BYTES_MAX: usize = 2_048;
/// The same of DingTalk and Feishu, where 20 kB are the limit of the whole call.
const WORDS_BYTES_MAX: usize = 16_000;
/// Longest reason of a refusal in characters.
const REASON_CHARS_MAX: usize = 300;

/// The call that delivers a parcel.
pub(super) fn call(kind: ConnectorKind, parcel: &Parcel) -> Result<Call, Refusal> {
    let endpoint = &parcel.endpoint;
    let secret = endpoint.secret.as_deref().unwrap_or_default();
    let payload = &parcel.payload;
    let mut url = endpoint.url.clone();
    let mut headers = vec![header("idempotency-key", &parcel.id.to_string())];
    let seconds = parcel.now.timestamp();
    let body = match kind {
        ConnectorKind::Dingtalk => {
            if !secret.is_empty() {
                let milliseconds = parcel.now.timestamp_millis();
                let sign = sha256(secret.as_bytes(), format!("{milliseconds}\n{secret}").as_bytes());
                let sign = serde_urlencoded::to_string([("sign", sign)]).unwrap_or_default();
                let joint = if url.contains('?') { '&' } else { '?' };
                url = format!("{url}{joint}timestamp={milliseconds}&{sign}");
            }
            json!({ "msgtype": "text", "text": { "content": words(payload, WORDS_BYTES_MAX) } })
        }
        ConnectorKind::Wecom => {
            json!({ "msgtype": "text", "text": { "content": words(payload, WECOM_BYTES_MAX) } })
        }
        ConnectorKind::Feishu => feishu(payload, secret, seconds),
        ConnectorKind::Webhook | ConnectorKind::Inbound => payload.clone(),
    };
    let body = Bytes::from(body.to_string());
    if kind == ConnectorKind::Webhook {
        let missing = || Refusal::lasting(Issue::new("delivery.not_set_up"));
        let key = signature::key(secret).ok_or_else(missing)?;
        let id = parcel.id.to_string();
        headers.push(header("webhook-id", &id));
        headers.push(header("webhook-timestamp", &seconds.to_string()));
        headers.push(header("webhook-signature", &signature::sign(&key, &id, parcel.now, &body)));
    }
    let uri: Option<Uri> = url.parse().ok();
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    let wrong = || Refusal::lasting(Issue::new("delivery.address").with("address", "…"));
    Ok(Call { uri: uri.ok_or_else(wrong)?, headers, body, now: parcel.now })
}

fn header(name: &'static str, value: &str) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::try_from(value).expect("ids, numbers and base64 are visible ASCII");
    (HeaderName::from_static(name), value)
}

fn sha256(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Title, body and address of the record as one text.
fn words(payload: &Json, limit: usize) -> String {
    let text = |name: &str| payload[name].as_str().unwrap_or_default();
    let link = link(payload).unwrap_or_default();
    let room = limit.saturating_sub(link.len() + 1);
    let mut words = text("title").to_owned();
    if !text("body").is_empty() {
        words = format!("{words}\n{}", text("body"));
    }
    let words = cut(&words, room);
    if link.is_empty() || words.contains(link) { words } else { format!("{words}\n{link}") }
}

/// Address of the record, where it means something outside.
fn link(payload: &Json) -> Option<&str> {
    payload["link"].as_str().filter(|link| link.starts_with("http"))
}

/// At most so many bytes, without half characters.
fn cut(text: &str, limit: usize) -> String {
    const MORE: &str = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub(MORE.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MORE}", &text[..end])
}

fn feishu(payload: &Json, secret: &str, seconds: i64) -> Json {
    let text = |name: &str| payload[name].as_str().unwrap_or_default();
    let mut lines = vec![json!([{ "tag": "text", "text": cut(text("body"), WORDS_BYTES_MAX) }])];
    if let Some(link) = link(payload) {
        lines.push(json!([{ "tag": "a", "text": link, "href": link }]));
    }
    let content = json!({ "post": { "zh_cn": { "title": text("title"), "content": lines } } });
    let mut body = json!({ "msg_type": "post", "content": content });
    if !secret.is_empty() {
        body["timestamp"] = seconds.to_string().into();
        body["sign"] = sha256(format!("{seconds}\n{secret}").as_bytes(), b"").into();
    }
    body
}

/// Robots answer "200" to everything and say in the body what they think.
pub(super) fn judge(kind: ConnectorKind, call: &Call, answer: &[u8]) -> Result<(), Refusal> {
    let (codes, reasons) = match kind {
        ConnectorKind::Dingtalk | ConnectorKind::Wecom => (&["errcode"][..], &["errmsg"][..]),
        ConnectorKind::Feishu => (&["code", "StatusCode"][..], &["msg", "StatusMessage"][..]),
        ConnectorKind::Webhook | ConnectorKind::Inbound => return Ok(()),
    };
    let parsed: Json = serde_json::from_slice(answer).unwrap_or_default();
    let code = codes.iter().find_map(|name| parsed[*name].as_i64());
    match code {
        Some(0) => Ok(()),
        None => Err(Refusal::passing(Issue::new("delivery.answer").with("host", call.host()))),
        Some(code) => {
            let reason = reasons.iter().find_map(|name| parsed[*name].as_str()).unwrap_or_default();
            let reason: String = format!("{code} {reason}").chars().take(REASON_CHARS_MAX).collect();
            let issue = Issue::new("delivery.refused").with("host", call.host()).with("reason", reason);
            Err(Refusal::passing(issue))
        }
    }
}

#[cfg(test)]
mod tests {
    use mortise_engine::{Door, Endpoint};
    use uuid::Uuid;

    use super::*;

    fn parcel(kind: ConnectorKind, url: &str, secret: &str) -> Parcel {
        Parcel {
            id: Uuid::from_u128(7),
            door: Door::Connector(kind),
            endpoint: Endpoint {
                url: url.to_owned(),
                secret: Some(secret.to_owned()),
                ..Endpoint::default()
            },
            target: String::new(),
            payload: json!({"title": "新线索", "body": "请跟进", "link": "https://example.com/a"}),
            now: "2026-03-02T01:00:00Z".parse().unwrap(),
        }
    }

    fn made(kind: ConnectorKind, secret: &str) -> (String, Json) {
        let call = call(kind, &parcel(kind, "https://example.com/x?k=1", secret)).unwrap();
        (call.uri.to_string(), serde_json::from_slice(&call.body).unwrap())
    }

    #[test]
    fn each_robot_gets_its_form() {
        let (uri, body) = made(ConnectorKind::Dingtalk, "");
        assert_eq!(uri, "https://example.com/x?k=1");
        assert_eq!(body["text"]["content"], "新线索\n请跟进\nhttps://example.com/a");
        let (uri, _) = made(ConnectorKind::Dingtalk, "SEC123");
        assert!(uri.starts_with("https://example.com/x?k=1&timestamp=1772413200000&sign="), "{uri}");
        let (_, body) = made(ConnectorKind::Feishu, "SEC123");
        assert_eq!(body["content"]["post"]["zh_cn"]["title"], "新线索");
        assert_eq!(
            (body["timestamp"].as_str(), body["sign"].as_str().map(str::len)),
            (Some("1772413200"), Some(44))
        );
        let (_, body) = made(ConnectorKind::Wecom, "");
        assert_eq!(body["msgtype"], "text");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let long = json!({"title": "题", "body": "字".repeat(5_000), "link": "https://example.com/a"});
        let words = words(&long, WECOM_BYTES_MAX);
        assert!(
            words.len() <= WECOM_BYTES_MAX && words.ends_with("…\nhttps://example.com/a"),
            "{}",
            words.len()
        );
    }

    #[test]
    fn a_good_status_with_a_bad_code_is_a_refusal() {
        let sent =
            call(ConnectorKind::Wecom, &parcel(ConnectorKind::Wecom, "https://example.com", "")).unwrap();
        let judged =
            |kind, answer: &str| judge(kind, &sent, answer.as_bytes()).map_err(|refusal| refusal.issue.code);
        assert_eq!(judged(ConnectorKind::Wecom, r#"{"errcode":0,"errmsg":"ok"}"#), Ok(()));
        assert_eq!(
            judged(ConnectorKind::Dingtalk, r#"{"errcode":310000,"errmsg":"sign not match"}"#),
            Err("delivery.refused")
        );
        assert_eq!(judged(ConnectorKind::Feishu, r#"{"StatusCode":0}"#), Ok(()));
        assert_eq!(judged(ConnectorKind::Feishu, r#"{"code":19021,"msg":"sign"}"#), Err("delivery.refused"));
        assert_eq!(judged(ConnectorKind::Feishu, "<html>"), Err("delivery.answer"));
        assert_eq!(judged(ConnectorKind::Webhook, "thanks"), Ok(()));
    }
}
