//! What a device needs to know to keep the pages of a tenant as an app: name, start, colours, pictures. Open to everybody,
//! since browsers ask for it without a session, so it tells no more than the sign-in page does.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mortise_definition::locale;
use serde::Serialize;

use super::assets;
use crate::{Ctx, RequestContext};

/// Home screens have room for about so many characters below a picture.
const SHORT_NAME_CHARS: usize = 12;

/// Pictures that the build makes of the mark: file, size, and whether a device may cut it to its own shape.
const ICONS: [(&str, &str, &str); 4] = [
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-192.png", "192x192", "maskable"),
    ("icon-maskable-512.png", "512x512", "maskable"),
];

#[derive(Serialize)]
struct Manifest<'a> {
    id: String,
    name: &'a str,
    short_name: String,
    description: String,
    lang: &'static str,
    start_url: String,
    scope: String,
    display: &'static str,
    background_color: &'static str,
    theme_color: &'static str,
    icons: Vec<Icon>,
    shortcuts: Vec<Shortcut>,
}

#[derive(Serialize)]
struct Icon {
    src: String,
    sizes: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    purpose: &'static str,
}

#[derive(Serialize)]
struct Shortcut {
    name: String,
    url: String,
}

/// `GET /manifest.webmanifest`.
pub(super) async fn show(Ctx(context): Ctx) -> Response {
    let text = serde_json::to_string(&manifest(&context)).expect("the manifest is made of texts");
    let kind = HeaderValue::from_static("application/manifest+json");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

fn manifest(context: &RequestContext) -> Manifest<'_> {
    let name = context.tenant.record.name.as_str();
    let words =
        |key: &str| locale::translate(context.language, &format!("ui.shell.{key}"), &[("tenant", name)]);
    let home = context.base.path("/");
    let icon = |(file, sizes, purpose): (&str, &'static str, &'static str)| {
        let src = context.base.path(&assets::address(file)?);
        Some(Icon { src, sizes, kind: "image/png", purpose })
    };
    let shortcut = |(key, path): (&str, &str)| Shortcut { name: words(key), url: context.base.path(path) };
    Manifest {
        id: home.clone(),
        name,
        short_name: name.chars().take(SHORT_NAME_CHARS).collect(),
        description: words("install_text"),
        lang: context.language,
        start_url: home.clone(),
        scope: home,
        display: "standalone",
        background_color: "#f4f4f6",
        theme_color: "#ffffff",
        icons: ICONS.into_iter().filter_map(icon).collect(),
        shortcuts: [("search", "/search"), ("inbox", "/inbox")].into_iter().map(shortcut).collect(),
    }
}
