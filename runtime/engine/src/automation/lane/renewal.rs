//! Clocks whose policy has changed are worked out anew, in the background and in batches: those that run count by the
//! new reckoning, and records that were there before the policy get their clocks. Goes on after a crash where it stopped.

use mortise_definition::model::{EntityModel, system};
use mortise_expr::Value;
use mortise_store::Session;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, guarded};
use super::items::{Handler, Task};
use crate::automation::timer::{self, Timer, TimerKind};
use crate::automation::{Cause, Subject};
use crate::clocks;
use crate::commands::Work;
use crate::error::Error;

/// Records of one transaction. The end of each savepoint costs SQLite the more, the more pages the transaction has changed: at
/// five hundred that was a quarter of the time.
const PAGE: i64 = 100;

/// What the timer of a renewal has to know.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The record after which it goes on.
    after: Uuid,
}

/// Sets a renewal in motion for each policy that counts differently from when its clocks were last worked out.
pub(super) fn sync(work: &Work, session: &mut Session<'_>) -> Result<(), Error> {
    let known = known(session)?;
    for sla in work.model().automation.slas.values() {
        let name = meta_name(&sla.key);
        // Calendars without a zone are in that of the tenant.
        let reckoning = format!("{} {}", sla.digest, work.directory.tz);
        if known.iter().any(|(known, was)| *known == name && *was == reckoning) {
            continue;
        }
        mortise_store::put_meta(session, &name, &reckoning)?;
        let timer = Timer {
            id: work.env.id(),
            due: work.now,
            kind: TimerKind::Renewal,
            target: sla.key.clone(),
            entity: None,
            record: None,
            clock: None,
            payload: serde_json::to_string(&Progress::default()).ok(),
        };
        timer::put(session, &timer)?;
    }
    Ok(())
}

fn meta_name(sla: &str) -> String {
    format!("reckoning:{sla}")
}

/// The reckonings by which clocks were last worked out.
fn known(session: &mut Session<'_>) -> Result<Vec<(String, String)>, Error> {
    let sql = session.naming.sql(&format!(
        "SELECT name, value FROM {} WHERE name >= ?1 AND name < ?2",
        session.naming.table("_meta")
    ));
    let params = [meta_name("").into(), meta_name("~").into()];
    let rows = session.query(&sql, &params, |row| Ok((row.text(0)?, row.text(1)?)))?;
    Ok(rows.into_iter().filter_map(|(name, digest)| Some((name?, digest?))).collect())
}

/// Works out the clocks of the next records; tells whether there are more.
pub(super) fn fire(batch: &mut Batch<'_>, session: &mut Session<'_>, timer: &Timer) -> Result<bool, Error> {
    let model = batch.work.published.model.clone();
    let Some(sla) = model.automation.slas.get(&timer.target) else {
        timer::remove(session, timer.id)?;
        return Ok(false);
    };
    let progress = timer.payload.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let Progress { after } = progress.unwrap_or_default();
    let entity = model.entities[sla.entity].clone();
    let records = page(batch.work, session, &entity, after)?;
    let work = batch.because(Cause::time(sla.key.as_str()));
    let (count, last) = (records.len() as i64, records.last().map(|record| mortise_store::id_of(record)));
    for record in records {
        let subject = Subject::new(entity.clone(), record, work.now);
        let id = subject.id;
        let result = guarded(session, |session| clocks::renew(&work, session, sla, subject));
        let task = || Task {
            handler: Handler::Sla(sla.key.clone()),
            event: None,
            timer: None,
            entity: Some(entity.key.clone()),
            record: Some(id),
        };
        batch.settle(session, result, task)?;
    }
    match last.filter(|_| count == PAGE) {
        Some(after) => {
            let payload = serde_json::to_string(&Progress { after }).unwrap_or_default();
            timer::put_off(session, timer.id, timer.due, Some(&payload))?;
            Ok(true)
        }
        None => {
            timer::remove(session, timer.id)?;
            Ok(false)
        }
    }
}

/// The next living records, by id.
fn page(
    work: &Work,
    session: &mut Session<'_>,
    entity: &EntityModel,
    after: Uuid,
) -> Result<Vec<Vec<Value>>, Error> {
    let table = &work.published.layout.tables[entity.index];
    let columns: Vec<&str> = table.stored.iter().map(|&slot| table.columns[slot].as_str()).collect();
    let sql = session.naming.sql(&format!(
        "SELECT {} FROM {} WHERE id > ?1 AND {} IS NULL ORDER BY id LIMIT ?2",
        columns.join(", "),
        table.name,
        table.columns[system::DELETED_AT]
    ));
    Ok(session.query(&sql, &[after.into(), PAGE.into()], |row| table.record(row))?)
}
