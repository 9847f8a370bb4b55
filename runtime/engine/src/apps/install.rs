//! Planning and carrying out an installation, an upgrade, a rollback or a removal.

use std::sync::Arc;

use mortise_definition::model::Model;
use mortise_definition::{Compiled, Conflict, Package, Problem, compile, recompile};
use mortise_store::catalog::{self, Catalog, Destructive, Step};
use mortise_store::{Session, catalog_in, migrate_in};
use serde_json::json;

use super::seed::{Seeded, seed};
use super::stored::{self, Sources};
use super::{Plan, Report, refill};
use crate::commands::{Work, audit_entry, reindex};
use crate::error::Error;
use crate::people::Actor;
use crate::published::Published;
use crate::tenant::Tenant;
use crate::values::Issue;

/// What is to be in force afterwards.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// This package, as a new version.
    Package(Arc<Package>),
    /// An earlier installation of an app.
    Version { app: String, number: i64 },
    /// The app no longer.
    Removed { app: String },
}

/// A planned installation.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    app: String,
    package: Option<Arc<Package>>,
    before: Option<Arc<Package>>,
    number: Option<i64>,
    sources: Sources,
    compiled: Compiled,
    overlay_changed: bool,
}

/// Works out what an installation would change, without changing anything.
pub(crate) async fn plan(tenant: &Tenant, sources: &Sources, target: &Target) -> Result<Prepared, Error> {
    let (app, package, number) = match target {
        Target::Package(package) => (package.app.id.clone(), Some(package.clone()), None),
        Target::Version { app, number } => {
            let found = stored::package(&tenant.store, app, *number).await?;
            let missing = || Error::NotFound(Issue::new("app.no_such_version").with("app", app).with("number", number));
            (app.clone(), Some(Arc::new(found.ok_or_else(missing)?)), Some(*number))
        }
        Target::Removed { app } => (app.clone(), None, None),
    };
    let before = sources.packages.iter().find(|package| package.app.id == app).cloned();
    if before.is_none() && package.is_none() {
        return Err(Error::NotFound(Issue::new("app.not_installed").with("app", &app)));
    }
    let mut next = sources.clone();
    next.packages.retain(|package| package.app.id != app);
    next.packages.extend(package.clone());
    let mut conflicts = Vec::new();
    let mut overlay_changed = false;
    if let (Some(package), Some(_)) = (&package, &before) {
        for overlay in next.overlays.iter_mut().filter(|overlay| overlay.app == app) {
            let (rebased, found) = overlay.rebase(package);
            (*overlay, overlay_changed) = (rebased, true);
            conflicts.extend(found);
        }
    }
    // An earlier version was checked when it was new; a removal only needs to leave nothing dangling.
    let compiled = match target {
        Target::Package(_) => compile(&next.packages, &next.overlays, &next.settings),
        _ => recompile(&next.packages, &next.overlays, &next.settings),
    }
    .map_err(Error::Definition)?;
    let migration = catalog::plan(&tenant.store.catalog().await?, &Catalog::of(&compiled.model));
    let changes = match (&before, &package) {
        (Some(before), Some(package)) => mortise_definition::diff(before, package),
        _ => Vec::new(),
    };
    let version = |package: &Option<Arc<Package>>| package.as_ref().map(|package| package.app.version.clone());
    let plan = Plan {
        from: version(&before),
        to: version(&package),
        changes,
        conflicts,
        warnings: warnings_of(&compiled, &app),
        migration,
        app: app.clone(),
    };
    Ok(Prepared { plan, app, package, before, number, sources: next, compiled, overlay_changed })
}

/// Warnings that concern the app, not those of its neighbours.
fn warnings_of(compiled: &Compiled, app: &str) -> Vec<Problem> {
    let own = |problem: &&Problem| problem.file.split('/').next() == Some(app);
    compiled.warnings.iter().filter(own).cloned().collect()
}

/// Carries out a planned installation and brings the new model into force.
pub(crate) async fn install(
    tenant: &Tenant,
    sources: &mut Sources,
    actor: &Actor,
    prepared: Prepared,
    confirm: &[String],
) -> Result<Report, Error> {
    let Prepared { app, package, before, number, sources: next, compiled, overlay_changed, plan } = prepared;
    // What an administrator changed is given up only by somebody who says so.
    let lost: Vec<Destructive> = plan.conflicts.iter().map(overlay_lost).filter(|step| !confirm.contains(&step.key)).collect();
    if !lost.is_empty() {
        return Err(Error::Unconfirmed(lost));
    }
    let model = Arc::new(compiled.model);
    let published = Arc::new(Published::new(model.clone(), tenant.store.naming()));
    let old = tenant.published();
    let system = Actor { origin: actor.origin.clone(), ..Actor::system(actor.user.tz) };
    let job = Installation {
        seeding: tenant.work_with(published.clone(), &Actor::system(actor.user.tz)),
        work: Work { published: published.clone(), actor: actor.clone(), ..tenant.work_with(published.clone(), &system) },
        confirm: confirm.to_vec(),
        overlay: overlay_changed.then(|| next.overlays.iter().find(|overlay| overlay.app == app).cloned()),
        packages: compiled.packages,
        base: old.model.clone(),
        app,
        package,
        before,
        number,
    };
    let report = tenant.store.write::<_, Error, _>(move |session| job.run(session)).await?;
    *sources = next;
    tenant.publish(published);
    Ok(report)
}

fn overlay_lost(conflict: &Conflict) -> Destructive {
    let key = format!("{}/{}", conflict.artifact, conflict.path);
    Destructive { key, kind: "overlay_conflict", entity: conflict.artifact.clone(), field: Some(conflict.path.clone()) }
}

struct Installation {
    work: Work,
    seeding: Work,
    confirm: Vec<String>,
    /// The rebased overlay to be stored, where it changed.
    overlay: Option<Option<mortise_definition::Overlay>>,
    packages: Vec<Arc<Package>>,
    base: Arc<Model>,
    app: String,
    package: Option<Arc<Package>>,
    before: Option<Arc<Package>>,
    number: Option<i64>,
}

impl Installation {
    fn run(&self, session: &mut Session<'_>) -> Result<Report, Error> {
        if session.model != self.base.digest {
            return Err(Error::ModelChanged);
        }
        let model = &self.work.published.model;
        let desired = Catalog::of(model);
        let migration = catalog::plan(&catalog_in(session)?, &desired);
        let open: Vec<_> =
            migration.destructive.iter().filter(|step| !self.confirm.contains(&step.key)).cloned().collect();
        if !open.is_empty() {
            return Err(Error::Unconfirmed(open));
        }
        migrate_in(session, &migration, &desired)?;
        match &self.package {
            Some(package) => stored::put(&self.work, session, package, self.number)?,
            None => stored::retire(session, &self.app)?,
        }
        if let Some(overlay) = &self.overlay {
            stored::put_overlay(session, &self.app, overlay.as_ref())?;
        }
        self.rebuild(session, &migration.steps)?;
        refill::refill(&self.seeding, session, &self.base)?;
        let seeded = match &self.package {
            Some(package) => self.seed(session, package)?,
            None => Seeded::default(),
        };
        let version = self.package.as_ref().map(|package| package.app.version.clone());
        let details = json!({ "app": self.app, "version": version, "number": self.number, "steps": migration.steps });
        let action = if self.package.is_some() { "app.installed" } else { "app.removed" };
        session.audit(audit_entry(&self.work, action, details.to_string()));
        session.model_changed(model.digest.clone());
        let (created, updated) = (seeded.created, seeded.updated);
        Ok(Report { app: self.app.clone(), version, steps: migration.steps.len(), created, updated })
    }

    fn seed(&self, session: &mut Session<'_>, package: &Package) -> Result<Seeded, Error> {
        // With its overlay applied the data is what the administrator made of it.
        let effective = self.packages.iter().find(|candidate| candidate.app.id == self.app);
        seed(&self.seeding, session, effective.map_or(package, |package| package), self.before.as_deref(), &self.packages)
    }

    /// Fills search and duplicate indexes that were made anew over tables with records.
    fn rebuild(&self, session: &mut Session<'_>, steps: &[Step]) -> Result<(), Error> {
        let published = &self.work.published;
        for entity in &published.model.entities {
            let made = |wanted: &str, step: &Step| match step {
                Step::RebuildSearch { entity: key, create: true, .. } => wanted == "search" && *key == entity.key,
                Step::RebuildDuplicates { entity: key, create: true, .. } => wanted == "similar" && *key == entity.key,
                _ => false,
            };
            let search = steps.iter().any(|step| made("search", step));
            let similar = steps.iter().any(|step| made("similar", step));
            if search || similar {
                reindex(published, session, entity, (search, similar))?;
            }
        }
        Ok(())
    }
}

/// Gives a setting another value and brings the model with it into force.
pub(crate) async fn set_setting(
    tenant: &Tenant,
    sources: &mut Sources,
    actor: &Actor,
    app: &str,
    name: &str,
    value: serde_json::Value,
) -> Result<(), Error> {
    let package = sources.packages.iter().find(|package| package.app.id == app);
    let package = package.ok_or_else(|| Error::NotFound(Issue::new("app.not_installed").with("app", app)))?;
    let declaration = package.app.settings.get(name);
    let declaration = declaration.ok_or_else(|| Error::NotFound(Issue::new("setting.unknown").with("name", name)))?;
    mortise_definition::compile::setting_value(declaration, &value)
        .map_err(|wanted| Error::field(name, Issue::new("setting.not_valid").with("wanted", wanted)))?;
    let mut next = sources.clone();
    next.settings.entry(app.to_owned()).or_default().insert(name.to_owned(), value.clone());
    let compiled = recompile(&next.packages, &next.overlays, &next.settings).map_err(Error::Definition)?;
    let published = Arc::new(Published::new(Arc::new(compiled.model), tenant.store.naming()));
    let work = tenant.work_with(published.clone(), actor);
    let base = tenant.published().model.digest.clone();
    let (app, name, digest) = (app.to_owned(), name.to_owned(), published.model.digest.clone());
    tenant
        .store
        .write::<_, Error, _>(move |session| {
            if session.model != base {
                return Err(Error::ModelChanged);
            }
            stored::put_setting(session, &app, &name, &value)?;
            let details = json!({ "app": app, "setting": name, "value": value });
            session.audit(audit_entry(&work, "setting.changed", details.to_string()));
            session.model_changed(digest);
            Ok(())
        })
        .await?;
    *sources = next;
    tenant.publish(published);
    Ok(())
}
