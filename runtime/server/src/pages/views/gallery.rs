//! Galleries: pictures with a few words. A page of the list like any other, drawn as pictures.

use mortise_definition::model::Slot;
use mortise_engine::Query;
use serde::Serialize;

use super::Scene;
use super::card::Card;
use crate::Failure;
use crate::pages::show::{file_ids, grouped};

/// A gallery as its template needs it.
#[derive(Serialize)]
pub(super) struct Gallery {
    pictures: Vec<Picture>,
    total: Option<String>,
    next: Option<String>,
    previous: Option<String>,
}

#[derive(Serialize)]
struct Picture {
    #[serde(flatten)]
    card: Card,
    color: Option<String>,
    /// Addresses of its pictures, the first of which is shown.
    images: Vec<String>,
}

impl Gallery {
    /// Whether no record is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }
}

/// Reads and describes a gallery.
pub(super) async fn draw(scene: &Scene<'_>, query: &Query, image: Slot) -> Result<Gallery, Failure> {
    let page = scene.visit.tenant.engine.list(scene.visit.actor(), query).await?;
    let cards = scene.cards();
    let picture = |record: &mortise_engine::Record| Picture {
        card: cards.card(record),
        color: scene.color(record),
        images: file_ids(&record.values[image])
            .map(|id| scene.visit.base.path(&format!("/api/v1/files/{id}")))
            .collect(),
    };
    let total = page.total.map(|total| {
        let mark = if total.exact { "" } else { "+" };
        scene.t("gallery.total", &[("count", &format!("{}{mark}", grouped(total.count)))])
    });
    Ok(Gallery {
        pictures: page.rows.iter().map(picture).collect(),
        total,
        next: page.next.map(|cursor| scene.params.next(&cursor).href(scene.path)),
        previous: scene.params.previous().map(|previous| previous.href(scene.path)),
    })
}
