//! Headers that make a browser careful: no foreign scripts, no frames, no guessing of types, no leaking of addresses.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Scripts and styles come from our own files only, never from the page itself; WebAssembly of our own may be compiled,
/// texts may not become script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// Answers to programs are data: should a browser be made to show one, it may do nothing.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

// What belongs to a signed-in person must not stay in shared caches; assets say otherwise themselves.
const PAGE: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "private, no-cache"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "geolocation=(self), camera=(self), microphone=(), payment=()",
    ),
];

const DATA: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "private, no-cache"),
    (header::CONTENT_SECURITY_POLICY, DATA_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds them; a header that the handler set stays.
pub(crate) fn secure(headers: &mut HeaderMap, https: bool, program: bool) {
    let fixed = if program { DATA.as_slice() } else { &PAGE };
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
}
