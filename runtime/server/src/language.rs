//! Which language a request is answered in: the person's own, else what the browser asks for, else the tenant's.

use std::sync::LazyLock;

use axum::http::{HeaderMap, header};

/// Installed languages, read once: catalogues are loaded before the first request.
static LANGUAGES: LazyLock<Vec<&'static str>> = LazyLock::new(mortise_definition::locale::languages);

/// Spoken when nothing else is known.
pub const FALLBACK: &str = "en";

/// The supported language that serves `tag` best: the same tag, else the same primary language (`zh` → `zh-CN`).
pub fn supported(tag: &str) -> Option<&'static str> {
    let tag = tag.trim();
    let primary = |text: &str| text.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let exact = LANGUAGES.iter().find(|known| known.eq_ignore_ascii_case(tag));
    exact.or_else(|| LANGUAGES.iter().find(|known| primary(known) == primary(tag))).copied()
}

/// The best supported language of an `Accept-Language` header.
pub fn accepted(headers: &HeaderMap) -> Option<&'static str> {
    let header = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(&'static str, f32)> = None;
    for part in header.split(',') {
        let mut pieces = part.split(';');
        let Some(language) = pieces.next().and_then(supported) else { continue };
        let quality = pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.parse::<f32>().ok());
        let quality = quality.unwrap_or(1.0);
        if quality > 0.0 && best.is_none_or(|(_, other)| quality > other) {
            best = Some((language, quality));
        }
    }
    best.map(|(language, _)| language)
}

/// Person's language, else the browser's, else the tenant's, else English.
pub fn negotiate(person: Option<&str>, headers: &HeaderMap, tenant: Option<&str>) -> &'static str {
    person
        .and_then(supported)
        .or_else(|| accepted(headers))
        .or_else(|| tenant.and_then(supported))
        .unwrap_or(FALLBACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, accept.parse().unwrap())])
    }

    #[test]
    fn the_person_comes_first_then_the_browser_then_the_tenant() {
        let browser = headers("fr, zh-TW;q=0.8, en;q=0.5");
        assert_eq!(negotiate(Some("en"), &browser, None), "en");
        assert_eq!(negotiate(None, &browser, Some("en")), "zh-CN");
        assert_eq!(negotiate(None, &headers("fr"), Some("zh-CN")), "zh-CN");
        assert_eq!(negotiate(None, &HeaderMap::new(), None), "en");
    }
}
