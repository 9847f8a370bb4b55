//! A message for the next page ("Saved."), carried by a cookie that the next page takes away. The cookie holds only words
//! that are escaped when shown, so a forged one can do no more than show words.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::Base;

const COOKIE: &str = "mortise_flash";
/// The next page follows within a moment; an older message would only confuse.
const LASTS_SECONDS: u32 = 60;
/// Browsers drop cookies of more than 4 kB.
const COOKIE_BYTES_MAX: usize = 3_800;

/// A message at the corner of a page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Toast {
    /// `good` or `error`.
    pub kind: String,
    /// The words.
    pub text: String,
    /// Key of the local draft that is saved now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget_draft: Option<String>,
    /// How to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
}

/// A form that takes something back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Undo {
    /// Address to post to.
    pub action: String,
    /// Values of `id`.
    pub ids: Vec<String>,
}

impl Toast {
    /// Something went well.
    pub(super) fn good(text: impl Into<String>) -> Toast {
        Toast { kind: "good".to_owned(), text: text.into(), forget_draft: None, undo: None }
    }

    /// Something went wrong.
    pub(super) fn error(text: impl Into<String>) -> Toast {
        Toast { kind: "error".to_owned(), ..Toast::good(text) }
    }

    /// The same with a way back.
    #[must_use]
    pub(super) fn with_undo(mut self, action: String, ids: Vec<String>) -> Toast {
        self.undo = Some(Undo { action, ids });
        self
    }

    /// The same, telling the browser that a draft is saved now.
    #[must_use]
    pub(super) fn forgetting(mut self, draft: impl Into<String>) -> Toast {
        self.forget_draft = Some(draft.into());
        self
    }

    /// `Set-Cookie` that carries the message to the next page; a message too long for a cookie is not carried.
    pub(super) fn cookie(&self, base: &Base) -> Option<HeaderValue> {
        let json = serde_json::to_vec(self).ok()?;
        let value = BASE64_URL_SAFE_NO_PAD.encode(json);
        (value.len() <= COOKIE_BYTES_MAX).then(|| set(base, &value, LASTS_SECONDS))
    }
}

/// The message that the page before left.
pub(super) fn read(headers: &HeaderMap) -> Option<Toast> {
    let value = cookie(headers, COOKIE)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(value).ok()?).ok()
}

/// `Set-Cookie` that takes the message away.
pub(super) fn clear(base: &Base) -> HeaderValue {
    set(base, "", 0)
}

fn set(base: &Base, value: &str, seconds: u32) -> HeaderValue {
    let path = if base.0.is_empty() { "/" } else { &base.0 };
    let text = format!("{COOKIE}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(text).expect("base64 and slugs are visible ASCII")
}

/// The value of a cookie of a request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reaches_the_next_page_unchanged() {
        let toast =
            Toast::good("已保存 “<b>”").forgetting("crm.lead/new").with_undo("/x".into(), vec!["1".into()]);
        let cookie = toast.cookie(&Base("/t/demo".into())).unwrap();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let headers =
            HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(format!("a=b; {pair}")).unwrap())]);
        let read = read(&headers).unwrap();
        assert_eq!(read.text, toast.text);
        assert_eq!(read.undo.unwrap().ids, ["1"]);
    }

    #[test]
    fn nonsense_in_the_cookie_is_no_message() {
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("mortise_flash=%%%"))]);
        assert!(read(&headers).is_none());
    }
}
