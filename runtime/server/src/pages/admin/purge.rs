//! What earlier versions and removed apps left behind, named by what people called it, and dropping it for good. Nothing
//! is dropped that was not ticked under its name.

use axum::extract::{Form, Path};
use axum::response::Response;
use mortise_engine::Retired;
use serde::Serialize;

use super::administrator;
use crate::Failure;
use crate::pages::flash::Toast;
use crate::pages::show::grouped;
use crate::pages::visit::Visit;

/// Something that is kept.
#[derive(Serialize)]
pub(super) struct Kept {
    key: String,
    text: String,
    place: String,
}

/// A removed app that left records.
#[derive(Serialize)]
pub(super) struct Removed {
    id: String,
    text: String,
}

#[derive(Serialize)]
struct Page {
    purge: Purge,
}

#[derive(Serialize)]
struct Purge {
    label: String,
    action: String,
    back: String,
    kept: Vec<Kept>,
}

/// What an app left behind.
pub(super) async fn kept(visit: &Visit, app: &str) -> Result<Vec<Kept>, Failure> {
    let engine = &visit.tenant.engine;
    let retired = engine.retired(visit.actor(), Some(app)).await?;
    let names = engine.former_names(&retired).await?;
    let model = engine.model();
    let kept = |(one, names): (&Retired, mortise_engine::FormerNames)| {
        let present = model.entity(&one.entity).map(|entity| &entity.plural);
        let entity = present.or(names.entity.as_ref());
        let entity = entity.map_or(one.entity.as_str(), |text| text.get(visit.language));
        let field = names.field.as_ref().map(|text| text.get(visit.language));
        let field = field.or(one.field.as_deref()).unwrap_or_default();
        let key = match &one.field {
            None => "purge.entity",
            Some(_) if one.calculated => "purge.calculated",
            Some(_) => "purge.field",
        };
        let column = one.column.as_ref().map(|column| format!(".{column}")).unwrap_or_default();
        Kept {
            text: visit.t(key, &[("entity", entity), ("field", field), ("count", &grouped(one.rows))]),
            place: format!("{}{column}", one.table),
            key: one.key.clone(),
        }
    };
    Ok(retired.iter().zip(names).map(kept).collect())
}

/// Apps that are not installed any more and left something.
pub(super) async fn removed(visit: &Visit) -> Result<Vec<Removed>, Failure> {
    let engine = &visit.tenant.engine;
    let model = engine.model();
    let mut removed: Vec<(String, i64)> = Vec::new();
    for one in engine.retired(visit.actor(), None).await? {
        if model.app(&one.app).is_some() {
            continue;
        }
        match removed.iter_mut().find(|(app, _)| *app == one.app) {
            Some((_, rows)) => *rows += one.rows,
            None => removed.push((one.app, one.rows)),
        }
    }
    let told = |(id, rows): (String, i64)| Removed {
        text: visit.t("purge.removed_count", &[("count", &grouped(rows))]),
        id,
    };
    Ok(removed.into_iter().map(told).collect())
}

fn back(visit: &Visit, app: &str) -> String {
    match visit.tenant.engine.model().app(app) {
        Some(_) => format!("/admin/apps/{app}"),
        None => "/admin/apps".to_owned(),
    }
}

async fn page(visit: &Visit, app: &str, failure: Option<&Failure>) -> Result<Response, Failure> {
    let kept = kept(visit, app).await?;
    let model = visit.tenant.engine.model();
    let label = model.app(app).map(|app| app.label.get(visit.language).to_owned());
    if label.is_none() && kept.is_empty() {
        return Err(Failure::not_found("app.not_found").with("app", app));
    }
    let purge = Purge {
        label: label.unwrap_or_else(|| app.to_owned()),
        action: visit.base.path(&format!("/admin/apps/{app}/purge")),
        back: visit.base.path(&back(visit, app)),
        kept,
    };
    visit.page_telling("admin/purge.html", &visit.t("purge.title", &[]), Page { purge }, failure)
}

/// `GET /admin/apps/{app}/purge`.
pub(in crate::pages) async fn show(visit: Visit, Path(app): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    page(&visit, &app, None).await
}

/// `POST /admin/apps/{app}/purge`: drops what was ticked.
pub(in crate::pages) async fn purge(
    visit: Visit,
    Path(app): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    administrator(&visit)?;
    let keys: Vec<String> = form.into_iter().filter(|(name, _)| name == "key").map(|(_, key)| key).collect();
    if keys.is_empty() {
        let toast = Toast::error(visit.t("purge.none_chosen", &[]));
        return Ok(visit.go_with(&format!("/admin/apps/{app}/purge"), &toast));
    }
    match visit.tenant.engine.purge(visit.actor(), Some(&app), &keys).await {
        Ok(dropped) => {
            let toast = Toast::good(visit.t("purge.done", &[("count", &dropped.len().to_string())]));
            Ok(visit.go_with(&back(&visit, &app), &toast))
        }
        Err(error) => {
            let failure = Failure::from(error);
            if failure.status().is_server_error() {
                Err(failure)
            } else {
                page(&visit, &app, Some(&failure)).await
            }
        }
    }
}
