//! Signatures of calls between systems by the scheme of Standard Webhooks: HMAC-SHA256 over id, time and body. What we
//! send is signed as what we receive is checked.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Shortest key in bytes; the scheme asks for 24, simpler systems give less.
pub const KEY_BYTES_MIN: usize = 16;
/// How far the time of a call may be from ours.
const DRIFT: TimeDelta = TimeDelta::minutes(5);
/// Signatures of one call at most: a sender that changes its secret signs with both.
const SIGNATURES_MAX: usize = 8;
/// Longest id of a call.
const ID_CHARS_MAX: usize = 200;
/// How a secret in base64 begins.
const PREFIX: &str = "whsec_";

/// The key of a secret: base64 behind `whsec_`, otherwise the text itself; none when it is too short.
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let key = match secret.strip_prefix(PREFIX) {
        Some(encoded) => BASE64_STANDARD.decode(encoded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    (key.len() >= KEY_BYTES_MIN).then_some(key)
}

/// The signature of a call: `v1,…`.
pub fn sign(key: &[u8], id: &str, at: DateTime<Utc>, body: &[u8]) -> String {
    let bytes = mac(key, id, at.timestamp(), body).finalize().into_bytes();
    format!("v1,{}", BASE64_STANDARD.encode(bytes))
}

fn mac(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    mac
}

/// Whether a call was signed with this key, not long ago. Compares in constant time.
pub(super) fn verify(
    key: &[u8],
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), &'static str> {
    let sane =
        !id.is_empty() && id.chars().count() <= ID_CHARS_MAX && id.chars().all(|c| c.is_ascii_graphic());
    if !sane {
        return Err("connector.call_id");
    }
    let at = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let Some(at) = at.filter(|at| (now - *at).abs() <= DRIFT) else { return Err("connector.call_time") };
    let expected = mac(key, id, at.timestamp(), body);
    let fits = |signature: &str| {
        let bytes = signature.strip_prefix("v1,").and_then(|text| BASE64_STANDARD.decode(text).ok());
        bytes.is_some_and(|bytes| expected.clone().verify_slice(&bytes).is_ok())
    };
    match signatures.split(' ').take(SIGNATURES_MAX).any(fits) {
        true => Ok(()),
        false => Err("connector.signature"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_call_is_signed_as_the_published_example_is() {
        let key = key(SECRET).unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at(1_614_265_330), body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn nothing_of_a_call_can_be_changed() {
        let key = key(SECRET).unwrap();
        let good = sign(&key, "1", at(1_000), b"{}");
        let check = |id: &str, time: &str, signature: &str, body: &[u8], now: i64| {
            verify(&key, (id, time, signature), body, at(now))
        };
        assert_eq!(check("1", "1000", &good, b"{}", 1_299), Ok(()));
        assert_eq!(check("1", "1000", &format!("v1,x v2,y {good}"), b"{}", 701), Ok(()));
        assert_eq!(check("1", "1000", &good, b"{}", 1_301), Err("connector.call_time"));
        assert_eq!(check("1", "soon", &good, b"{}", 1_000), Err("connector.call_time"));
        assert_eq!(check("2", "1000", &good, b"{}", 1_000), Err("connector.signature"));
        assert_eq!(check("1", "1001", &good, b"{}", 1_000), Err("connector.signature"));
        assert_eq!(check("1", "1000", &good, b"{ }", 1_000), Err("connector.signature"));
        assert_eq!(check("1", "1000", "", b"{}", 1_000), Err("connector.signature"));
        assert_eq!(check("", "1000", &good, b"{}", 1_000), Err("connector.call_id"));
        assert_eq!(super::key("short"), None);
    }
}
