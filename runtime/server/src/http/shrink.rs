//! Makes answers small for those who wait for them on a phone: pages and JSON go out compressed, where the browser takes that.
//! Files, exports, news, and what is compressed already go as they are.

use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

/// Less fits into one packet anyway.
const BYTES_MIN: u64 = 1_000;

type Worthwhile = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// Compresses what is worth it. The fastest level makes a sixth of a page already.
pub(super) fn layer() -> CompressionLayer<And<SizeAbove, Worthwhile>> {
    let worthwhile: Worthwhile = |_, _, headers, _| is_text(headers);
    let worthwhile = SizeAbove::new(BYTES_MIN).and(worthwhile);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile)
}

/// An entity tag names bytes, so what has one keeps its own.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = ["text/html", "application/json", "application/problem+json", "application/manifest+json"];
    text.iter().any(|text| kind.starts_with(text)) && !headers.contains_key(header::ETAG)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    /// How an answer goes out to a browser that takes compressed ones.
    async fn coding(answer: fn() -> Response) -> Option<String> {
        let routes = Router::new().route("/", get(async move || answer())).layer(layer());
        let request =
            Request::get("/").header(header::ACCEPT_ENCODING, "gzip, br").body(Body::empty()).unwrap();
        let answer = routes.oneshot(request).await.unwrap();
        answer.headers().get(header::CONTENT_ENCODING).map(|coding| coding.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn pages_go_out_small_and_all_else_as_it_is() {
        let page =
            || ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], "x".repeat(5_000)).into_response();
        assert_eq!(coding(page).await.as_deref(), Some("gzip"));
        assert_eq!(coding(|| axum::response::Html("short").into_response()).await, None);
        let tagged = || {
            let heads = [(header::CONTENT_TYPE, "text/html"), (header::ETAG, "\"1\"")];
            (heads, "x".repeat(5_000)).into_response()
        };
        assert_eq!(coding(tagged).await, None);
        let picture = || ([(header::CONTENT_TYPE, "image/jpeg")], "x".repeat(5_000)).into_response();
        assert_eq!(coding(picture).await, None);
        let news = || ([(header::CONTENT_TYPE, "text/event-stream")], "x".repeat(5_000)).into_response();
        assert_eq!(coding(news).await, None);
    }
}
