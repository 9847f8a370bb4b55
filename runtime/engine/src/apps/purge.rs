//! Dropping for good what upgrades and removed apps left behind. Only what was named is dropped, all of it or nothing,
//! and the audit trail tells what it held.

use mortise_store::catalog::Destructive;
use mortise_store::purge::{Retired, purge_in, retired};
use mortise_store::{Session, catalog_in};
use serde_json::json;

use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Drops what `keys` name.
pub(crate) async fn purge(
    tenant: &Tenant,
    actor: &Actor,
    app: Option<&str>,
    keys: &[String],
) -> Result<Vec<Retired>, Error> {
    let (work, app, keys) = (tenant.work(actor), app.map(str::to_owned), keys.to_vec());
    tenant.store.write(move |session| run(&work, session, app.as_deref(), &keys)).await
}

fn run(
    work: &Work,
    session: &mut Session<'_>,
    app: Option<&str>,
    keys: &[String],
) -> Result<Vec<Retired>, Error> {
    let catalog = catalog_in(session)?;
    let mut kept = retired(&catalog);
    kept.retain(|one| app.is_none_or(|app| one.app == app));
    if keys.is_empty() && !kept.is_empty() {
        return Err(Error::Unconfirmed(kept.iter().map(loss).collect()));
    }
    if let Some(unknown) = keys.iter().find(|key| !kept.iter().any(|one| one.key == **key)) {
        return Err(Error::NotFound(Issue::new("app.not_retired").with("key", unknown)));
    }
    kept.retain(|one| keys.contains(&one.key));
    if kept.is_empty() {
        return Ok(kept);
    }
    let dropped = purge_in(session, &catalog, kept)?;
    let told = dropped
        .iter()
        .map(|one| json!({"key": one.key, "column": one.column, "table": one.table, "rows": one.rows}));
    let details = json!({"app": app, "dropped": told.collect::<Vec<_>>()});
    session.audit(audit_entry(work, "app.purged", details.to_string()));
    Ok(dropped)
}

/// What a person has to confirm.
fn loss(one: &Retired) -> Destructive {
    let kind = if one.field.is_some() { "field_retired" } else { "entity_retired" };
    Destructive { key: one.key.clone(), kind, entity: one.entity.clone(), field: one.field.clone() }
}
