//! Dropping for good what upgrades and removed apps left behind. Only what was named is dropped, all of it or nothing,
//! and the audit trail tells what it held.

use std::collections::BTreeSet;

use mortise_definition::{Package, Text, humanize};
use mortise_store::catalog::Destructive;
use mortise_store::purge::{Retired, purge_in, retired};
use mortise_store::{Session, catalog_in};
use serde_json::json;

use super::stored;
use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

/// Versions looked through for what a field was called; older ones than that are remembered by nobody.
const VERSIONS_MAX: usize = 20;

/// What people called something that is retired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormerNames {
    /// Its entity.
    pub entity: Option<Text>,
    /// The field.
    pub field: Option<Text>,
}

impl FormerNames {
    fn learn(&mut self, one: &Retired, package: &Package) {
        let own = one.entity.strip_prefix(&format!("{}.", package.app.id));
        let entity = own.and_then(|id| package.entities.iter().find(|entity| entity.id == id));
        if self.entity.is_none() {
            self.entity = entity.map(|entity| entity.plural.as_ref().unwrap_or(&entity.label).clone());
        }
        if self.field.is_none() && package.app.id == one.app {
            let extended = package.extensions.iter().filter(|extension| extension.extends == one.entity);
            let fields = entity.into_iter().flat_map(|entity| &entity.fields);
            let mut fields = fields.chain(extended.flat_map(|extension| &extension.fields));
            let id = one.field.as_deref().map(|id| id.split_once(':').map_or(id, |(_, id)| id));
            let field = fields.find(|field| Some(field.id.as_str()) == id);
            self.field = field.map(|field| {
                let name = field.name.as_deref().unwrap_or(&field.id);
                field.label.clone().unwrap_or_else(|| Text::Plain(humanize(name).into_owned()))
            });
        }
    }

    fn complete(&self, one: &Retired) -> bool {
        self.entity.is_some() && (one.field.is_none() || self.field.is_some())
    }
}

/// What people called these, by the newest versions that had them.
pub(crate) async fn former_names(tenant: &Tenant, kept: &[Retired]) -> Result<Vec<FormerNames>, Error> {
    let mut names = vec![FormerNames::default(); kept.len()];
    let of_entity = kept.iter().filter_map(|one| one.entity.split('.').next());
    let apps: BTreeSet<&str> = of_entity.chain(kept.iter().map(|one| one.app.as_str())).collect();
    for app in apps {
        for version in stored::versions(&tenant.store, app).await?.into_iter().take(VERSIONS_MAX) {
            if kept.iter().zip(&names).all(|(one, names)| names.complete(one)) {
                return Ok(names);
            }
            let Some(package) = stored::package(&tenant.store, app, version.number).await? else { continue };
            kept.iter().zip(&mut names).for_each(|(one, names)| names.learn(one, &package));
        }
    }
    Ok(names)
}

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
