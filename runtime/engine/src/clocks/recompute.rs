//! What a changed policy or calendar means for the clocks that run, to be shown before it is published. Nothing is
//! written here; the lane works the clocks out anew afterwards.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mortise_definition::model::{EntityModel, SlaModel};
use mortise_expr::Value;
use mortise_store::{Param, TenantStore, id_of};
use serde::Serialize;
use uuid::Uuid;

use super::row::{self, StoredClock};
use super::{Asks, time};
use crate::automation::Subject;
use crate::commands::Work;
use crate::error::Error;

/// Clocks looked at together.
const BATCH: i64 = 500;
/// Clocks named in a preview; the others are counted.
const SHOWN_MAX: usize = 100;

/// What becomes of the running clocks of a policy.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Recomputed {
    /// Running clocks.
    pub running: usize,
    /// Those whose limit moves.
    pub changed: usize,
    /// Those that are over their limit by the new reckoning and were not before.
    pub newly_late: usize,
    /// The first of those whose limit moves.
    pub shown: Vec<Moved>,
}

/// A clock whose limit moves.
#[derive(Debug, Clone, Serialize)]
pub struct Moved {
    /// Key of the policy.
    pub sla: String,
    /// Entity of the record.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// Limit until now.
    pub before: Option<DateTime<Utc>>,
    /// Limit afterwards.
    pub after: Option<DateTime<Utc>>,
}

/// What the policies of `work`'s model make of the running clocks; nothing is written.
pub(crate) async fn preview(
    work: &Work,
    store: &TenantStore,
    policies: &[Arc<SlaModel>],
) -> Result<Recomputed, Error> {
    let mut result = Recomputed::default();
    for sla in policies {
        let Some(entity) = work.model().entities.get(sla.entity).cloned() else { continue };
        let mut last = Uuid::nil();
        loop {
            let clocks = row::running(store, &sla.key, last, BATCH).await?;
            let Some(end) = clocks.last() else { break };
            last = end.id;
            let (sql, params) = by_ids(work, &entity, &clocks);
            let table = &work.published.layout.tables[entity.index];
            let records = store.fetch_long(&sql, &params, |row| table.record(row)).await?;
            compare(work, sla, &entity, &clocks, records, &mut result);
        }
    }
    Ok(result)
}

fn compare(
    work: &Work,
    sla: &SlaModel,
    entity: &Arc<EntityModel>,
    clocks: &[StoredClock],
    records: Vec<Vec<Value>>,
    result: &mut Recomputed,
) {
    let mut records: HashMap<Uuid, Vec<Value>> =
        records.into_iter().map(|record| (id_of(&record), record)).collect();
    let base = time::base(work.model(), sla, work.directory.tz);
    for clock in clocks {
        result.running += 1;
        let Some(record) = records.remove(&clock.record) else { continue };
        let subject = Subject::new(entity.clone(), record, work.now);
        // Where there is no limit any more, the clock stays as it is, and the lane tells that it failed.
        let Ok(limit) = (Asks { work, sla, subject: &subject }).limit() else { continue };
        let after = time::moment(clock, limit, base);
        if after == clock.due_at {
            continue;
        }
        result.changed += 1;
        let is_late = |due: Option<DateTime<Utc>>| due.is_some_and(|due| due < work.now);
        result.newly_late += usize::from(is_late(after) && !is_late(clock.due_at));
        if result.shown.len() < SHOWN_MAX {
            let (sla, entity, record) = (clock.sla.clone(), clock.entity.clone(), clock.record);
            result.shown.push(Moved { sla, entity, record, before: clock.due_at, after });
        }
    }
}

fn by_ids(work: &Work, entity: &EntityModel, clocks: &[StoredClock]) -> (String, Vec<Param>) {
    let table = &work.published.layout.tables[entity.index];
    let marks: Vec<String> = (1..=clocks.len()).map(|number| format!("?{number}")).collect();
    let columns: Vec<&str> = table.stored.iter().map(|&slot| table.columns[slot].as_str()).collect();
    let sql = format!("SELECT {} FROM {} WHERE id IN ({})", columns.join(", "), table.name, marks.join(", "));
    let sql = work.published.layout.naming.sql(&sql);
    (sql, clocks.iter().map(|clock| clock.record.into()).collect())
}
