//! The design system as a page: every part in every state, drawn by the macros that all pages use. It reads no record and
//! changes nothing, so it may be opened by everybody who is signed in.

use axum::response::Response;
use chrono::TimeDelta;
use serde::Serialize;

use super::visit::Visit;
use crate::Failure;

/// Colours that definitions may name.
const TONES: [&str; 14] = [
    "primary", "blue", "azure", "indigo", "purple", "pink", "red", "orange", "yellow", "lime", "green",
    "teal", "cyan", "gray",
];
/// Surfaces, texts and meanings of the style sheet.
const COLOURS: [&str; 14] = [
    "canvas",
    "surface",
    "surface-2",
    "surface-3",
    "line",
    "text",
    "text-2",
    "text-3",
    "accent",
    "accent-soft",
    "danger",
    "warn",
    "good",
    "info",
];
/// Icons that pages use most.
const ICONS: [&str; 24] = [
    "home",
    "search",
    "plus",
    "bell",
    "check",
    "x",
    "edit",
    "trash",
    "filter",
    "adjustments-horizontal",
    "calendar",
    "clock",
    "user",
    "users",
    "phone",
    "map-pin",
    "photo",
    "camera",
    "paperclip",
    "file",
    "upload",
    "download",
    "lock",
    "alert-circle",
];

#[derive(Serialize)]
struct Page {
    design: Design,
}

#[derive(Serialize)]
struct Design {
    tones: [&'static str; 14],
    colours: [&'static str; 14],
    icons: [&'static str; 24],
    now: String,
    /// When clocks end: one that has, one that will at once, one that has time.
    late: String,
    soon: String,
    later: String,
}

/// `GET /design`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let now = visit.tenant.engine.now();
    let at = |minutes: i64| (now + TimeDelta::minutes(minutes)).to_rfc3339();
    let design = Design {
        tones: TONES,
        colours: COLOURS,
        icons: ICONS,
        now: at(0),
        late: at(-75),
        soon: at(25),
        later: at(2 * 24 * 60),
    };
    visit.page("design.html", &visit.t("design.title", &[]), Page { design })
}

#[cfg(test)]
mod tests {
    use super::ICONS;
    use crate::pages::assets;

    #[test]
    fn every_icon_shown_is_there() {
        for name in ICONS {
            assert!(assets::icon(name).is_some(), "{name}");
        }
    }
}
