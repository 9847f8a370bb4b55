//! What removed plugins left in their stores: how much, and since when. The time of a removal stands in the audit trail only.

use chrono::{DateTime, Utc};
use mortise_store::{StoredEntry, TrailFilter};
use serde::Serialize;
use serde_json::Value;

use crate::{Failure, SignedIn};

/// Removals are rare and the trail is long: so many parts of it are looked at, then it stays open since when.
const PARTS_MAX: usize = 20;
/// Entries of such a part.
const PART: i64 = 200;

/// The store of a removed plugin.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// The plugin.
    pub plugin: String,
    /// Its size.
    pub bytes: i64,
    /// When the plugin was removed, as far as it could be found.
    pub since: Option<DateTime<Utc>>,
}

/// All of them.
pub async fn all(by: &SignedIn) -> Result<Vec<Kept>, Failure> {
    let kept = by.tenant.engine.kept_plugin_data(by.actor()).await?;
    let mut kept: Vec<Kept> =
        kept.into_iter().map(|(plugin, bytes)| Kept { plugin, bytes, since: None }).collect();
    let filter = TrailFilter { action: Some("plugin.removed".to_owned()), ..TrailFilter::default() };
    let mut before = None;
    for _ in 0..PARTS_MAX {
        if kept.iter().all(|one| one.since.is_some()) {
            break;
        }
        let found = by.tenant.engine.trail(by.actor(), &filter, before, PART).await?;
        found.entries.iter().for_each(|entry| date(&mut kept, entry));
        before = found.next;
        if before.is_none() {
            break;
        }
    }
    Ok(kept)
}

/// The newest removal of a plugin comes first and counts.
fn date(kept: &mut [Kept], stored: &StoredEntry) {
    let details: Value = serde_json::from_str(&stored.entry.changes).unwrap_or_default();
    let of = kept.iter_mut().find(|one| details["plugin"] == one.plugin.as_str() && one.since.is_none());
    if let Some(one) = of {
        one.since = Some(stored.entry.at);
    }
}
