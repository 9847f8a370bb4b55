//! Packages that ship with the server: those that are not installed here yet, and newer versions of those that are.

use mortise_definition::{Text, locale};
use mortise_engine::plugins::{PluginInfo, ShippedPlugin};
use serde::Serialize;

use crate::api::plugins as api;
use crate::pages::visit::Visit;

/// A package that can be installed.
#[derive(Serialize)]
pub(super) struct Offer {
    id: String,
    title: String,
    version: String,
    description: Option<String>,
    /// The languages that it speaks, in words.
    languages: Option<String>,
    /// It asks for nothing.
    modest: bool,
    /// The version that is here already.
    from: Option<String>,
}

/// What can be taken from the shelf.
pub(super) fn offers(visit: &Visit, shipped: &[ShippedPlugin], installed: &[PluginInfo]) -> Vec<Offer> {
    shipped.iter().filter_map(|one| offer(visit, one, installed)).collect()
}

fn offer(visit: &Visit, shipped: &ShippedPlugin, installed: &[PluginInfo]) -> Option<Offer> {
    let here = installed.iter().find(|info| info.id == shipped.id);
    // A version that is only kept, or waits, is on the page of the plugin.
    if here.is_some_and(|info| !info.versions.iter().all(|one| shipped.is_newer_than(&one.version))) {
        return None;
    }
    Some(Offer {
        id: shipped.id.clone(),
        title: shipped.title.get(visit.language).to_owned(),
        version: shipped.version.to_string(),
        description: shipped.description.as_ref().map(|text| text.get(visit.language).to_owned()),
        languages: languages(visit, &shipped.title),
        modest: shipped.asked == mortise_plugin_host::Permissions::default(),
        from: here.and_then(api::current).map(|version| version.version.clone()),
    })
}

/// The languages of a text, each by its own name; none where it does not say.
fn languages(visit: &Visit, text: &Text) -> Option<String> {
    let Text::ByLanguage(texts) = text else { return None };
    let known = locale::languages().into_iter().filter(|language| texts.contains_key(*language));
    let names: Vec<String> =
        known.map(|language| locale::translate(language, "ui.language.name", &[])).collect();
    Some(names.join(&visit.t("value.list_separator", &[]))).filter(|names| !names.is_empty())
}
