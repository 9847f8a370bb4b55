//! What every page shows around its content: navigation by installed apps and permissions, the person, language, theme.

use std::collections::HashSet;
use std::sync::Arc;

use mortise_definition::model::{AppModel, EntityModel, FieldKind, Model, ViewModel};
use mortise_definition::source::Operation;
use mortise_definition::{Text, locale};
use serde::Serialize;

use super::dashboard;
use super::flash::Toast;
use super::visit::Look;
use crate::api::metrics;
use crate::{RequestContext, SignedIn};

/// Kinds of records in the "New" menu; more would be a list to read, not a shortcut.
const CREATE_MAX: usize = 8;

/// Texts that the script shows; each is `ui.js.<key>` in the catalogue.
const SCRIPT_TEXTS: &[&str] = &[
    "all",
    "clock_left",
    "clock_over",
    "days",
    "hours",
    "minutes",
    "seconds",
    "close",
    "duration_separator",
    "draft_drop",
    "draft_restored",
    "file_not_image",
    "file_too_large",
    "found",
    "list_separator",
    "loading",
    "location_denied",
    "location_failed",
    "nothing_found",
    "open_level",
    "photo_alike",
    "photo_locating",
    "photo_no_place",
    "photo_place_failed",
    "photo_used",
    "photo_used_hidden",
    "recent",
    "remove_file",
    "required",
    "row_removed",
    "rows_chosen",
    "rows_pasted",
    "rows_pasted_partly",
    "search_failed",
    "split_done",
    "split_nothing",
    "split_partly",
    "step_of",
    "type_for_more",
    "undo",
    "unreachable",
    "upload_failed",
    "upload_first",
];

/// Values of the frame of a page.
#[derive(Serialize)]
pub(super) struct Page {
    lang: &'static str,
    theme: &'static str,
    base: String,
    path: String,
    tenant: String,
    title: String,
    texts: String,
    user: Option<PageUser>,
    languages: Vec<Language>,
    toasts: Vec<Toast>,
    nav: Vec<NavGroup>,
    /// What the person may make; the kind that the page is about is `active`.
    create: Vec<NavLink>,
    admin_nav: Vec<NavLink>,
    test_clock: Option<TestClock>,
    /// Whether pages tell how their forms are used.
    watched: bool,
    /// A script asked for a part of the page only.
    part: bool,
}

/// The clock of a tenant whose time can be moved.
#[derive(Serialize)]
struct TestClock {
    now: String,
    ahead_ms: i64,
}

#[derive(Serialize)]
struct PageUser {
    id: String,
    name: String,
    admin: bool,
}

#[derive(Serialize)]
struct Language {
    tag: &'static str,
    name: String,
}

/// The links of an app.
#[derive(Serialize)]
pub(super) struct NavGroup {
    /// Id of the app.
    pub id: String,
    /// Name.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// Icon.
    pub icon: String,
    /// Its pages.
    pub links: Vec<NavLink>,
}

/// One link; addresses are without base.
#[derive(Serialize)]
pub(super) struct NavLink {
    /// Words.
    pub label: String,
    /// Address.
    pub href: String,
    /// Icon.
    pub icon: String,
    /// The page that is shown.
    pub active: bool,
    /// Views of the same kind of record, where the menu has several.
    pub views: Vec<NavLink>,
}

/// Values of the frame for a request.
pub(super) fn page(
    context: &RequestContext,
    by: Option<&SignedIn>,
    look: &Look,
    language: &'static str,
    title: &str,
    mut toasts: Vec<Toast>,
) -> Page {
    toasts.splice(0..0, look.flash.clone());
    let user = by.map(|by| by.user());
    Page {
        lang: language,
        theme: look.theme,
        base: context.base.to_string(),
        path: look.path.clone(),
        tenant: context.tenant.record.name.clone(),
        title: title.to_owned(),
        texts: script_texts(language),
        user: user.map(|user| PageUser {
            id: user.id.to_string(),
            name: user.name.clone(),
            admin: user.admin,
        }),
        languages: locale::languages().into_iter().map(language_of).collect(),
        toasts,
        nav: by.map(|by| groups(by, look)).unwrap_or_default(),
        create: by.map(|by| creatable(by, look)).unwrap_or_default(),
        test_clock: test_clock(context, by),
        part: context.htmx,
        watched: by.is_some() && context.tenant.engine.watches_forms(),
        admin_nav: user.filter(|user| user.admin).map(|_| admin_links(language, look)).unwrap_or_default(),
    }
}

fn test_clock(context: &RequestContext, by: Option<&SignedIn>) -> Option<TestClock> {
    let tenant = &context.tenant;
    let zone = by.map_or_else(|| tenant.zone(), |by| by.user().tz);
    tenant.has_test_clock().then(|| TestClock {
        now: tenant.engine.now().with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
        ahead_ms: tenant.engine.ahead().num_milliseconds(),
    })
}

/// A language by the name that it has in itself.
fn language_of(tag: &'static str) -> Language {
    Language { tag, name: locale::translate(tag, "ui.language.name", &[]) }
}

fn script_texts(language: &str) -> String {
    let text =
        |key: &&str| ((*key).to_owned(), locale::translate(language, &format!("ui.js.{key}"), &[]).into());
    serde_json::Value::Object(SCRIPT_TEXTS.iter().map(text).collect()).to_string()
}

fn admin_links(language: &str, look: &Look) -> Vec<NavLink> {
    let links = [
        ("users", "users"),
        ("departments", "sitemap"),
        ("roles", "shield-check"),
        ("apps", "apps"),
        ("plugins", "puzzle"),
        ("automation", "bolt"),
        ("sandbox", "crystal-ball"),
        ("connectors", "plug"),
        ("deliveries", "send"),
        ("stuck", "route"),
        ("audit", "history"),
    ];
    let link = |(name, icon): (&str, &str)| {
        let href = format!("/admin/{name}");
        NavLink {
            label: locale::translate(language, &format!("ui.{name}.title"), &[]),
            active: look.path.starts_with(&href),
            icon: icon.to_owned(),
            href,
            views: Vec::new(),
        }
    };
    links.into_iter().map(link).collect()
}

/// Address of an entity's list.
pub(super) fn entity_path(model: &Model, entity: &EntityModel) -> String {
    format!("/a/{}/{}", model.apps[entity.app].id, entity.id)
}

/// The apps with what the person may open in them.
pub(super) fn groups(by: &SignedIn, look: &Look) -> Vec<NavGroup> {
    let model = by.tenant.engine.model();
    let home = dashboard::home(by).map(|home| home.key.clone());
    let mut groups: Vec<NavGroup> = Vec::new();
    // The apps that people work with stand on others: they come first.
    for (index, app) in model.apps.iter().enumerate().rev() {
        let mut links = links(by, &model, index, app);
        links.extend(dashboards(by, &model, index, home.as_deref()));
        if links.is_empty() {
            continue;
        }
        groups.push(NavGroup {
            id: app.id.clone(),
            label: app.label.get(by.language).to_owned(),
            description: app.description.as_ref().map(|text| text.get(by.language).to_owned()),
            icon: app.icon.clone(),
            links,
        });
    }
    mark_active(&mut groups, look);
    groups
}

/// What the person may make: what the apps that stand on others are about comes first.
pub(super) fn creatable(by: &SignedIn, look: &Look) -> Vec<NavLink> {
    let model = by.tenant.engine.model();
    let fields = model.entities.iter().flat_map(|entity| entity.declared());
    // Rows of another record are made there, not by themselves.
    let rows: HashSet<usize> = fields
        .filter_map(|field| match field.kind {
            FieldKind::Lines { entity, .. } => Some(entity),
            _ => None,
        })
        .collect();
    let fits = |entity: &&Arc<EntityModel>| {
        !rows.contains(&entity.index)
            && model.views_of(entity).next().is_some()
            && by.tenant.engine.may(by.actor(), &entity.key, Operation::Create)
    };
    let mut kinds: Vec<&Arc<EntityModel>> = model.entities.iter().filter(fits).collect();
    let here = |entity: &EntityModel| is_at(look, &entity_path(&model, entity));
    // A page about one kind offers that kind, however many there are.
    kinds.sort_by_key(|entity| (!here(entity), std::cmp::Reverse(entity.app)));
    let link = |entity: &Arc<EntityModel>| NavLink {
        label: entity.label.get(by.language).to_owned(),
        href: format!("{}/new", entity_path(&model, entity)),
        icon: entity.icon.clone(),
        active: here(entity),
        views: Vec::new(),
    };
    kinds.into_iter().take(CREATE_MAX).map(link).collect()
}

/// Whether a page is the one at `path`, or below it.
fn is_at(look: &Look, path: &str) -> bool {
    look.path == path || look.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

/// The dashboards of an app, beside the one that the person finds on the first page anyway.
fn dashboards(by: &SignedIn, model: &Model, app: usize, home: Option<&str>) -> impl Iterator<Item = NavLink> {
    let own = model.automation.dashboards.values().filter(move |dashboard| dashboard.app == app);
    let others = own.filter(move |dashboard| home != Some(dashboard.key.as_str()));
    others.filter(|dashboard| metrics::sees(by, dashboard)).map(|dashboard| NavLink {
        label: dashboard.label.get(by.language).to_owned(),
        href: format!("/dashboards/{}", dashboard.key),
        icon: dashboard.icon.clone(),
        active: false,
        views: Vec::new(),
    })
}

/// The menu of an app: one link per kind of record, with its views below it.
fn links(by: &SignedIn, model: &Model, index: usize, app: &AppModel) -> Vec<NavLink> {
    let readable = |entity: &EntityModel| by.tenant.engine.may(by.actor(), &entity.key, Operation::Read);
    let link = |entity: &EntityModel, label: &Text, query: String| NavLink {
        label: label.get(by.language).to_owned(),
        href: format!("{}{query}", entity_path(model, entity)),
        icon: entity.icon.clone(),
        active: false,
        views: Vec::new(),
    };
    let mut kinds: Vec<(usize, Vec<&ViewModel>)> = Vec::new();
    for view in app.menu.iter().filter_map(|key| model.views.get(key)) {
        match kinds.iter_mut().find(|(entity, _)| *entity == view.entity) {
            Some((_, views)) => views.push(view),
            None if readable(&model.entities[view.entity]) => kinds.push((view.entity, vec![view])),
            None => {}
        }
    }
    let of_kind = |(entity, views): (usize, Vec<&ViewModel>)| {
        let entity = &model.entities[entity];
        let mut links = views.iter().map(|view| link(entity, &view.label, format!("?view={}", view.key)));
        match views.len() {
            1 => links.next(),
            _ => {
                let views: Vec<NavLink> = links.collect();
                let href = views.first().map(|first| first.href.clone())?;
                Some(NavLink { href, views, ..link(entity, &entity.plural, String::new()) })
            }
        }
    };
    if !app.menu.is_empty() {
        return kinds.into_iter().filter_map(of_kind).collect();
    }
    // An app without a menu is shown with everything that has a view of its own.
    let entities = model.entities.iter().filter(|entity| entity.app == index && readable(entity));
    let listed = entities.filter(|entity| model.views_of(entity).next().is_some());
    listed.map(|entity| link(entity, &entity.plural, String::new())).collect()
}

/// Marks the link of the page that is shown: the same view, else the first of the same entity.
fn mark_active(groups: &mut [NavGroup], look: &Look) {
    let here = |href: &str| is_at(look, href.split('?').next().unwrap_or_default());
    let mut marked = false;
    for link in groups.iter_mut().flat_map(|group| &mut group.links) {
        link.active = !marked && here(&link.href);
        marked |= link.active;
        // Only a list is one of its views; a record may be in many.
        let on_list = link.active && link.href.split('?').next() == Some(&*look.path);
        let asked = look.param("view");
        for (position, view) in link.views.iter_mut().enumerate() {
            let named = view.href.split_once("?view=").map(|(_, key)| key);
            let is_asked = |asked: &str| {
                named.is_some_and(|key| {
                    key == asked || key.rsplit_once('.').is_some_and(|(_, id)| id == asked)
                })
            };
            view.active = on_list && asked.map_or(position == 0, is_asked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_script_is_translated() {
        for language in locale::languages() {
            for key in SCRIPT_TEXTS {
                assert!(locale::lookup(language, &format!("ui.js.{key}")).is_some(), "{language} {key}");
            }
        }
    }
}
