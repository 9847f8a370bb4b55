//! What removed plugins left in their stores: it is found again when they are installed once more, or dropped for good.

use axum::extract::Path;
use axum::response::Response;
use mortise_engine::plugins::ShippedPlugin;
use serde::Serialize;

use super::{PATH, list_page, words};
use crate::Failure;
use crate::api::plugins::kept;
use crate::pages::admin::administrator;
use crate::pages::flash::Toast;
use crate::pages::visit::Visit;

/// The store of a removed plugin.
#[derive(Serialize)]
pub(super) struct Kept {
    id: String,
    /// Its id, unless it ships.
    title: String,
    size: String,
    since: Option<String>,
}

/// All of them.
pub(super) async fn all(visit: &Visit, shipped: &[ShippedPlugin]) -> Result<Vec<Kept>, Failure> {
    let told = |one: kept::Kept| {
        let title = shipped.iter().find(|shipped| shipped.id == one.plugin);
        let since =
            one.since.map(|at| at.with_timezone(&visit.user().tz).format("%Y-%m-%d %H:%M").to_string());
        Kept {
            title: title.map_or_else(|| one.plugin.clone(), |one| one.title.get(visit.language).to_owned()),
            size: words::bytes(u64::try_from(one.bytes).unwrap_or_default()),
            since,
            id: one.plugin,
        }
    };
    Ok(kept::all(&visit.by).await?.into_iter().map(told).collect())
}

/// `POST /admin/plugins/kept/{id}/purge`: there is no way back.
pub(in crate::pages) async fn purge(visit: Visit, Path(id): Path<String>) -> Result<Response, Failure> {
    administrator(&visit)?;
    match visit.tenant.engine.purge_plugin_data(visit.actor(), &id).await.map_err(Failure::from) {
        Ok(()) => Ok(visit.go_with(PATH, &Toast::good(visit.t("plugins.kept_gone", &[("id", &id)])))),
        Err(failure) if failure.status().is_client_error() => list_page(&visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}
