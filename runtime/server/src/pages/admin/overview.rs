//! The administration at a glance: everything that can be administered, what it is for, and what waits there for somebody.

use axum::response::Response;
use mortise_engine::DeliveryState;
use mortise_engine::plugins::PluginState;
use serde::Serialize;

use super::administrator;
use crate::Failure;
use crate::pages::show::grouped;
use crate::pages::visit::Visit;

/// Pages by what they are about, with their icons; titles and texts are those of the pages.
const GROUPS: [(&str, &[(&str, &str)]); 4] = [
    ("people", &[("users", "users"), ("departments", "sitemap"), ("roles", "shield-check")]),
    ("apps", &[("apps", "apps"), ("plugins", "puzzle")]),
    (
        "working",
        &[
            ("automation", "bolt"),
            ("connectors", "plug"),
            ("deliveries", "send"),
            ("sandbox", "crystal-ball"),
        ],
    ),
    ("insight", &[("stuck", "route"), ("audit", "history")]),
];

#[derive(Serialize)]
struct Page {
    groups: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    id: &'static str,
    label: String,
    tiles: Vec<Tile>,
}

#[derive(Serialize)]
struct Tile {
    href: String,
    icon: &'static str,
    title: String,
    text: String,
    /// What waits for somebody.
    waits: Option<String>,
}

/// `GET /admin`.
pub(in crate::pages) async fn show(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    let waiting = waiting(&visit).await?;
    let tile = |(name, icon): &(&'static str, &'static str)| Tile {
        href: visit.base.path(&format!("/admin/{name}")),
        icon,
        title: visit.t(&format!("{name}.title"), &[]),
        text: visit.t(&format!("{name}.text"), &[]),
        waits: waiting.iter().find(|(known, _)| known == name).map(|(_, words)| words.clone()),
    };
    let group = |(id, pages): (&'static str, &[(&'static str, &'static str)])| Group {
        id,
        label: visit.t(&format!("admin.group.{id}"), &[]),
        tiles: pages.iter().map(tile).collect(),
    };
    let page = Page { groups: GROUPS.into_iter().map(group).collect() };
    visit.page("admin/overview.html", &visit.t("admin.title", &[]), page)
}

/// What waits for somebody, by page, in words.
async fn waiting(visit: &Visit) -> Result<Vec<(&'static str, String)>, Failure> {
    let engine = &visit.tenant.engine;
    let parked = engine.backlog().await?.parked;
    let counts = engine.delivery_counts(visit.actor()).await?;
    let dead = DeliveryState::ALL.into_iter().zip(counts).find(|(state, _)| *state == DeliveryState::Dead);
    let plugins = engine.plugins(visit.actor()).await?;
    let needing = |state: PluginState| matches!(state, PluginState::Broken | PluginState::Waiting);
    let needing = plugins.iter().filter(|plugin| needing(plugin.state)).count();
    let count = |key: &str, count: i64| (count > 0).then(|| visit.t(key, &[("count", &grouped(count))]));
    let off = (!engine.watches_forms()).then(|| visit.t("admin.off", &[]));
    let told = [
        ("automation", count("admin.failed", parked)),
        ("deliveries", count("admin.given_up", dead.map_or(0, |(_, count)| count))),
        ("plugins", count("admin.attention", i64::try_from(needing).unwrap_or(i64::MAX))),
        ("stuck", off),
    ];
    Ok(told.into_iter().filter_map(|(page, words)| Some((page, words?))).collect())
}

#[cfg(test)]
mod tests {
    use super::GROUPS;
    use mortise_definition::locale;

    #[test]
    fn every_page_of_the_overview_has_words() {
        for language in locale::languages() {
            for (group, pages) in GROUPS {
                assert!(
                    locale::lookup(language, &format!("ui.admin.group.{group}")).is_some(),
                    "{language} {group}"
                );
                for (name, _) in pages {
                    for part in ["title", "text"] {
                        let key = format!("ui.{name}.{part}");
                        assert!(locale::lookup(language, &key).is_some(), "{language} {key}");
                    }
                }
            }
        }
    }
}
