//! The first page after signing in: the home that an app gives to the person's roles; else the apps with their lists. On
//! both stands what can be made right away.

use axum::response::Response;
use chrono::Datelike;
use serde::Serialize;

use super::dashboard::{self, Dashboard};
use super::shell::{self, NavGroup, NavLink};
use super::show::Show;
use super::visit::Visit;
use crate::Failure;

#[derive(Serialize)]
struct Home {
    today: String,
    apps: Vec<NavGroup>,
    create: Vec<NavLink>,
    /// What the roles of the person are shown instead of the apps.
    dashboard: Option<Dashboard>,
}

/// `GET /`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let face = match dashboard::home(&visit.by) {
        Some(home) => Some(dashboard::frames(&visit, &home, "/").await?),
        None => None,
    };
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let show = Show::new(&visit.by, &model, &directory);
    let today = show.now.with_timezone(&visit.user().tz).date_naive();
    let weekday = visit.t(&format!("time.weekday_{}", today.weekday().number_from_monday()), &[]);
    let home = Home {
        today: visit.t("home.today", &[("day", &show.day_words(today)), ("weekday", &weekday)]),
        apps: if face.is_some() { Vec::new() } else { shell::groups(&visit.by, &visit.look) },
        create: shell::creatable(&visit.by, &visit.look),
        dashboard: face,
    };
    visit.page("home.html", &visit.t("home.title", &[]), home)
}
