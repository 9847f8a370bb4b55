//! Script, styles and pictures of the pages: embedded, named by content, compressed at build time. Never touches the disk
//! in a release build, and never compresses anything while serving.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::Failure;

#[derive(RustEmbed)]
#[folder = "../web/dist/"]
struct Dist;

/// Names are made from the content, so a file never changes under its name.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// File by logical name, as the build wrote it down.
static MANIFEST: LazyLock<HashMap<String, String>> = LazyLock::new(manifest);

fn manifest() -> HashMap<String, String> {
    let file = Dist::get("manifest.json").expect("build.rs makes sure that there is a manifest");
    serde_json::from_slice(&file.data).expect("the build writes a map of names")
}

/// Every Tabler icon, a line each: name, tab, markup; sorted by name.
static ICONS: LazyLock<Cow<'static, str>> = LazyLock::new(|| {
    let data = Dist::get("icons.txt").map(|file| file.data).unwrap_or_default();
    match data {
        // Embedded bytes are used where they lie.
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
});

/// The address of an asset, without the tenant's base: `/assets/app.0123456789ab.css`.
pub(super) fn address(name: &str) -> Option<String> {
    // A debug build reads assets from the disk, where a new build of the web part may change them at any time.
    let file = if cfg!(debug_assertions) { manifest().remove(name) } else { MANIFEST.get(name).cloned() };
    file.map(|file| format!("/assets/{file}"))
}

/// The contents of an asset.
pub(super) fn contents(name: &str) -> Option<Cow<'static, [u8]>> {
    let address = address(name)?;
    Dist::get(address.strip_prefix("/assets/")?).map(|file| file.data)
}

/// Markup inside the SVG of a Tabler icon.
pub(super) fn icon(name: &str) -> Option<&'static str> {
    let (mut low, mut high) = (0, ICONS.len());
    // Binary search over lines: the middle is moved back to the beginning of its line.
    while low < high {
        let middle = (low + high) / 2;
        let start = ICONS.as_bytes()[..middle].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let end = ICONS.as_bytes()[start..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(ICONS.len(), |at| start + at);
        let (found, markup) = ICONS.get(start..end)?.split_once('\t')?;
        match found.cmp(name) {
            std::cmp::Ordering::Equal => return Some(markup),
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    None
}

/// `GET /assets/{file}`.
pub(super) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Failure> {
    let kind = match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => return Err(Failure::not_found("http.not_found")),
    };
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let variants =
        [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(coding, _)| accepts(accepted, coding));
    let packed =
        variants.filter_map(|(coding, ending)| Some((coding, Dist::get(&format!("{file}{ending}"))?))).next();
    let (coding, content) = match packed {
        Some((coding, content)) => (Some(coding), content),
        None => (None, Dist::get(&file).ok_or_else(|| Failure::not_found("http.not_found"))?),
    };
    let body = match content.data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    let mut response = body.into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(header::CACHE_CONTROL, FOREVER);
    fields.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Ok(response)
}

fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|part| {
        let (name, quality) = part.split_once(';').unwrap_or((part, ""));
        name.trim() == coding && !matches!(quality.trim(), "q=0" | "q=0.0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_found_by_its_name() {
        for line in ICONS.lines() {
            let (name, markup) = line.split_once('\t').unwrap();
            assert_eq!(icon(name), Some(markup), "{name}");
        }
        assert_eq!(icon(""), None);
        assert_eq!(icon("zzzz"), None);
    }

    #[test]
    fn a_coding_counts_only_when_the_browser_wants_it() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("br;q=0.5", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("", "gzip"));
    }
}
