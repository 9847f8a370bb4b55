//! The first page after signing in: the apps with their lists, and what can be made right away.

use axum::response::Response;
use chrono::Datelike;
use mortise_definition::model::FieldKind;
use mortise_definition::source::Operation;
use serde::Serialize;

use super::shell::{self, NavGroup, NavLink, entity_path};
use super::show::Show;
use super::visit::Visit;
use crate::Failure;

/// Kinds of records in the "New" menu; more would be a list to read, not a shortcut.
const CREATE_MAX: usize = 8;

#[derive(Serialize)]
struct Home {
    today: String,
    apps: Vec<NavGroup>,
    create: Vec<NavLink>,
}

/// `GET /`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let today = show.now.with_timezone(&visit.user().tz).date_naive();
    let weekday = visit.t(&format!("time.weekday_{}", today.weekday().number_from_monday()), &[]);
    // Rows of another record are made there, not by themselves.
    let is_line = |index: usize| {
        let fields = model.entities.iter().flat_map(|entity| entity.declared());
        fields
            .into_iter()
            .any(|field| matches!(field.kind, FieldKind::Lines { entity, .. } if entity == index))
    };
    let creatable = model.entities.iter().filter(|entity| {
        visit.may(entity, Operation::Create)
            && model.views_of(entity).next().is_some()
            && !is_line(entity.index)
    });
    // What the apps that stand on others are about comes first.
    let mut create: Vec<_> = creatable.collect();
    create.sort_by_key(|entity| std::cmp::Reverse(entity.app));
    let create = create.into_iter().take(CREATE_MAX).map(|entity| NavLink {
        label: entity.label.get(visit.language).to_owned(),
        href: format!("{}/new", entity_path(&model, entity)),
        icon: entity.icon.clone(),
        active: false,
        views: Vec::new(),
    });
    let home = Home {
        today: visit.t("home.today", &[("day", &show.day_words(today)), ("weekday", &weekday)]),
        apps: shell::groups(&visit.by, &visit.look),
        create: create.collect(),
    };
    visit.page("home.html", &visit.t("home.title", &[]), home)
}
