//! Refuses requests that another site makes in a person's name. Browsers say where a request comes from
//! (`Sec-Fetch-Site`, `Origin`); a request with neither does not come from a browser's page and carries no cookie by accident.

use axum::http::{HeaderMap, Method, header};

use crate::Failure;

/// Refuses unsafe requests that a page of another origin started. Requests with a token are not affected: no browser adds one by itself.
pub fn refuse_forged(method: &Method, headers: &HeaderMap) -> Result<(), Failure> {
    if method.is_safe() || headers.contains_key(header::AUTHORIZATION) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("invalid"));
    let own = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text("host")
        }
        (None, None) => true,
    };
    if own { Ok(()) } else { Err(Failure::new(axum::http::StatusCode::FORBIDDEN, "auth.foreign_origin")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(method: &Method, pairs: &[(&'static str, &'static str)]) -> bool {
        let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        refuse_forged(method, &HeaderMap::from_iter(pairs)).is_ok()
    }

    #[test]
    fn a_page_of_another_site_cannot_change_anything() {
        assert!(!allowed(&Method::POST, &[("sec-fetch-site", "cross-site"), ("host", "a.example")]));
        assert!(!allowed(&Method::DELETE, &[("sec-fetch-site", "same-site")]));
        assert!(!allowed(&Method::POST, &[("origin", "https://evil.example"), ("host", "a.example")]));
        assert!(!allowed(&Method::POST, &[("origin", "null"), ("host", "a.example")]));
    }

    #[test]
    fn own_pages_programs_and_readers_pass() {
        assert!(allowed(&Method::POST, &[("sec-fetch-site", "same-origin")]));
        assert!(allowed(&Method::POST, &[("origin", "http://a.example:8080"), ("host", "a.example:8080")]));
        assert!(allowed(&Method::GET, &[("sec-fetch-site", "cross-site")]));
        assert!(allowed(&Method::POST, &[]));
        assert!(allowed(&Method::POST, &[("authorization", "Bearer x"), ("origin", "https://b.example")]));
    }
}
