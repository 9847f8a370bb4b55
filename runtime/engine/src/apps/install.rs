//! Planning and carrying out an installation, an upgrade, a rollback or a removal.

use std::sync::Arc;

use mortise_definition::{Compiled, Conflict, Overlay, Package, Problem, compile, recompile};
use mortise_store::catalog::{self, Catalog, Destructive, Step};
use mortise_store::{Session, catalog_in, migrate_in};
use serde_json::json;

use super::seed::{Seeded, seed};
use super::stored::{self, Sources};
use super::{Plan, Report, refill};
use crate::commands::{Work, audit_entry, reindex};
use crate::error::Error;
use crate::people::Actor;
use crate::plugins;
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
    /// The version in force with these changes of an administrator.
    Customized(Overlay),
}

/// What happens to the stored versions of the app.
#[derive(Debug, Clone)]
enum Version {
    /// A new one comes into force.
    New(Arc<Package>),
    /// An earlier one is in force again.
    Again(Arc<Package>, i64),
    /// None changes.
    Kept(Arc<Package>),
    /// None is in force.
    Gone,
}

impl Version {
    fn package(&self) -> Option<&Arc<Package>> {
        match self {
            Version::New(package) | Version::Again(package, _) | Version::Kept(package) => Some(package),
            Version::Gone => None,
        }
    }
}

/// A planned installation.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    version: Version,
    /// The app as it was in force, with what the administrator had changed.
    before: Option<Arc<Package>>,
    sources: Sources,
    compiled: Compiled,
    overlay_changed: bool,
}

/// Works out what an installation would change, without changing anything.
pub(crate) async fn plan(tenant: &Tenant, sources: Sources, target: &Target) -> Result<Prepared, Error> {
    let (app, version) = versions_after(tenant, &sources, target).await?;
    let installed = sources.packages.iter().find(|package| package.app.id == app).cloned();
    if installed.is_none() && matches!(version, Version::Gone) {
        return Err(Error::NotFound(Issue::new("app.not_installed").with("app", &app)));
    }
    let before = effective(&sources, &app)?;
    let mut next = sources;
    next.packages.retain(|package| package.app.id != app);
    next.packages.extend(version.package().cloned());
    let (conflicts, overlay_changed) = change_overlays(&mut next.overlays, &app, &version, target);
    // An earlier version was checked when it was new; a removal only needs to leave nothing dangling.
    let compiled = match target {
        Target::Package(_) | Target::Customized(_) => compile(&next.packages, &next.overlays, &next.settings),
        _ => recompile(&next.packages, &next.overlays, &next.settings),
    }
    .map_err(Error::Definition)?;
    let migration = catalog::plan(&tenant.store.catalog().await?, &Catalog::of(&compiled.model));
    let changes = match (&version, &before, &installed, version.package()) {
        (Version::Kept(_), Some(before), ..) => match effective(&next, &app)? {
            Some(changed) => mortise_definition::diff(before, &changed),
            None => Vec::new(),
        },
        (_, _, Some(installed), Some(package)) => mortise_definition::diff(installed, package),
        _ => Vec::new(),
    };
    let clocks = tenant.clock_preview(&compiled.model).await?;
    let mut warnings = warnings_of(&compiled, &app);
    let plugins = match compiled.model.app(&app) {
        Some(model) => {
            let (plugins, lacking) = tenant.plan_plugins(model).await?;
            warnings.extend(lacking);
            plugins
        }
        None => Vec::new(),
    };
    let plan = Plan {
        clocks,
        from: installed.map(|package| package.app.version.clone()),
        to: version.package().map(|package| package.app.version.clone()),
        changes,
        conflicts,
        warnings,
        plugins,
        migration,
        app,
    };
    Ok(Prepared { plan, version, before, sources: next, compiled, overlay_changed })
}

/// Puts the administrator's changes over the version that is to be in force. Tells which of them contradict it and are
/// left out, and whether what is stored of them changes.
fn change_overlays(
    overlays: &mut Vec<Overlay>,
    app: &str,
    version: &Version,
    target: &Target,
) -> (Vec<Conflict>, bool) {
    let Some(package) = version.package() else { return (Vec::new(), false) };
    if let Target::Customized(overlay) = target {
        overlays.retain(|overlay| overlay.app != app);
        overlays.push(overlay.clone());
    }
    let mut conflicts = Vec::new();
    let mut changed = matches!(target, Target::Customized(_));
    for overlay in overlays.iter_mut().filter(|overlay| overlay.app == app) {
        // Changes made for this very version fit; one of them may well build on another.
        if matches!(version, Version::Kept(_)) && overlay.version == package.app.version {
            continue;
        }
        let (rebased, found) = overlay.rebase(package);
        (*overlay, changed) = (rebased, true);
        conflicts.extend(found);
    }
    (conflicts, changed)
}

async fn versions_after(
    tenant: &Tenant,
    sources: &Sources,
    target: &Target,
) -> Result<(String, Version), Error> {
    Ok(match target {
        Target::Package(package) => (package.app.id.clone(), Version::New(package.clone())),
        Target::Version { app, number } => {
            let found = stored::package(&tenant.store, app, *number).await?;
            let missing =
                || Error::NotFound(Issue::new("app.no_such_version").with("app", app).with("number", number));
            (app.clone(), Version::Again(Arc::new(found.ok_or_else(missing)?), *number))
        }
        Target::Removed { app } => (app.clone(), Version::Gone),
        Target::Customized(overlay) => {
            let app = &overlay.app;
            (app.clone(), Version::Kept(base(sources, app)?.clone()))
        }
    })
}

/// The app in force, as its author made it.
pub(crate) fn base<'a>(sources: &'a Sources, app: &str) -> Result<&'a Arc<Package>, Error> {
    let found = sources.packages.iter().find(|package| package.app.id == app);
    found.ok_or_else(|| Error::NotFound(Issue::new("app.not_installed").with("app", app)))
}

/// The app in force, with what the administrator changed.
pub(crate) fn effective(sources: &Sources, app: &str) -> Result<Option<Arc<Package>>, Error> {
    let Some(package) = sources.packages.iter().find(|package| package.app.id == app) else {
        return Ok(None);
    };
    match sources.overlays.iter().find(|overlay| overlay.app == app) {
        Some(overlay) => Ok(Some(Arc::new(overlay.apply(package).map_err(Error::Definition)?))),
        None => Ok(Some(package.clone())),
    }
}

/// Warnings that concern the app, not those of its neighbours.
fn warnings_of(compiled: &Compiled, app: &str) -> Vec<Problem> {
    let own = |problem: &&Problem| problem.file.split('/').next() == Some(app);
    compiled.warnings.iter().filter(own).cloned().collect()
}

/// Carries out a planned installation and brings the new model into force.
pub(crate) async fn install(
    tenant: &Tenant,
    actor: &Actor,
    prepared: Prepared,
    confirm: &[String],
) -> Result<Report, Error> {
    let Prepared { version, before, sources, compiled, overlay_changed, plan } = prepared;
    // What an administrator changed is given up only by somebody who says so.
    let lost: Vec<Destructive> =
        plan.conflicts.iter().map(overlay_lost).filter(|step| !confirm.contains(&step.key)).collect();
    if !lost.is_empty() {
        return Err(Error::Unconfirmed(lost));
    }
    let app = plan.app;
    let bound = plugins::bind(&tenant.store, &tenant.plugins, &compiled.model).await?;
    let published = Arc::new(Published::new(compiled.model, tenant.store.naming(), bound));
    let job = Installation {
        seeding: tenant.work_with(published.clone(), &Actor::system(actor.user.tz)),
        work: tenant.work_with(published.clone(), actor),
        confirm: confirm.to_vec(),
        overlay: overlay_changed.then(|| sources.overlays.into_iter().find(|overlay| overlay.app == app)),
        packages: compiled.packages,
        base: tenant.published(),
        automated: tenant.published().automated,
        publish: tenant.publisher(published),
        app,
        version,
        before,
    };
    tenant.store.write(move |session| job.run(session)).await
}

fn overlay_lost(conflict: &Conflict) -> Destructive {
    let key = format!("{}/{}", conflict.artifact, conflict.path);
    Destructive {
        key,
        kind: "overlay_conflict",
        entity: conflict.artifact.clone(),
        field: Some(conflict.path.clone()),
    }
}

struct Installation<P> {
    work: Work,
    seeding: Work,
    confirm: Vec<String>,
    /// The overlay to be stored, where it changed.
    overlay: Option<Option<Overlay>>,
    packages: Vec<Arc<Package>>,
    base: Arc<Published>,
    /// Whether anything follows from events under the model in force.
    automated: bool,
    app: String,
    version: Version,
    before: Option<Arc<Package>>,
    publish: P,
}

impl<P: FnOnce() + Send + 'static> Installation<P> {
    fn run(self, session: &mut Session<'_>) -> Result<Report, Error> {
        if session.model != self.base.digest {
            return Err(Error::ModelChanged);
        }
        let model = self.work.published.model.clone();
        let desired = Catalog::of(&model);
        let migration = catalog::plan(&catalog_in(session)?, &desired);
        let open: Vec<_> =
            migration.destructive.iter().filter(|step| !self.confirm.contains(&step.key)).cloned().collect();
        if !open.is_empty() {
            return Err(Error::Unconfirmed(open));
        }
        migrate_in(session, &migration, &desired)?;
        self.store(session)?;
        self.rebuild(session, &migration.steps)?;
        refill::refill(&self.seeding, session, &self.base.model)?;
        let seeded = match self.version.package() {
            Some(package) => self.seed(session, package)?,
            None => Seeded::default(),
        };
        let version = self.version.package().map(|package| package.app.version.clone());
        let (action, number) = match self.version {
            Version::New(_) => ("app.installed", None),
            Version::Again(_, number) => ("app.installed", Some(number)),
            Version::Kept(_) => ("app.changed", None),
            Version::Gone => ("app.removed", None),
        };
        let details =
            json!({ "app": self.app, "version": version, "number": number, "steps": migration.steps });
        session.audit(audit_entry(&self.work, action, details.to_string()));
        if !self.automated && self.work.published.automated {
            // What happened while nobody looked does not set off rules that come now.
            session.skip_events()?;
        }
        plugins::keep_proven(session, &self.work.published.plugins)?;
        session.model_changed(self.work.published.digest.clone());
        session.wake_lane();
        session.after_commit(self.publish);
        let (created, updated) = (seeded.created, seeded.updated);
        let plugins = Vec::new();
        Ok(Report { app: self.app, version, steps: migration.steps.len(), created, updated, plugins })
    }

    fn store(&self, session: &mut Session<'_>) -> Result<(), Error> {
        match &self.version {
            Version::New(package) => stored::put(&self.work, session, package)?,
            Version::Again(_, number) => stored::put_again(session, &self.app, *number)?,
            Version::Kept(_) => {}
            Version::Gone => stored::retire(session, &self.app)?,
        }
        match &self.overlay {
            Some(overlay) => {
                let changes = overlay.as_ref().filter(|overlay| !overlay.patches.is_empty());
                stored::put_overlay(session, &self.app, changes)
            }
            None => Ok(()),
        }
    }

    fn seed(&self, session: &mut Session<'_>, package: &Package) -> Result<Seeded, Error> {
        // With its overlay applied the data is what the administrator made of it.
        let effective = self.packages.iter().find(|candidate| candidate.app.id == self.app);
        seed(
            &self.seeding,
            session,
            effective.map_or(package, |package| package),
            self.before.as_deref(),
            &self.packages,
        )
    }

    /// Fills search and duplicate indexes that were made anew over tables with records.
    fn rebuild(&self, session: &mut Session<'_>, steps: &[Step]) -> Result<(), Error> {
        let published = &self.work.published;
        for entity in &published.model.entities {
            let made = |wanted: &str, step: &Step| match step {
                Step::RebuildSearch { entity: key, create: true, .. } => {
                    wanted == "search" && *key == entity.key
                }
                Step::RebuildDuplicates { entity: key, create: true, .. } => {
                    wanted == "similar" && *key == entity.key
                }
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
    mut sources: Sources,
    actor: &Actor,
    app: &str,
    name: &str,
    value: serde_json::Value,
) -> Result<(), Error> {
    let package = sources.packages.iter().find(|package| package.app.id == app);
    let package = package.ok_or_else(|| Error::NotFound(Issue::new("app.not_installed").with("app", app)))?;
    let declaration = package.app.settings.get(name);
    let declaration =
        declaration.ok_or_else(|| Error::NotFound(Issue::new("setting.unknown").with("name", name)))?;
    mortise_definition::compile::setting_value(declaration, &value)
        .map_err(|wanted| Error::field(name, Issue::new("setting.not_valid").with("wanted", wanted)))?;
    sources.settings.entry(app.to_owned()).or_default().insert(name.to_owned(), value.clone());
    let compiled =
        recompile(&sources.packages, &sources.overlays, &sources.settings).map_err(Error::Definition)?;
    let bound = plugins::bind(&tenant.store, &tenant.plugins, &compiled.model).await?;
    let published = Arc::new(Published::new(compiled.model, tenant.store.naming(), bound));
    let work = tenant.work_with(published.clone(), actor);
    let base = tenant.published().digest.clone();
    let (app, name, digest) = (app.to_owned(), name.to_owned(), published.digest.clone());
    let publish = tenant.publisher(published);
    tenant
        .store
        .write(move |session| {
            if session.model != base {
                return Err(Error::ModelChanged);
            }
            stored::put_setting(session, &app, &name, &value)?;
            plugins::keep_proven(session, &work.published.plugins)?;
            let details = json!({ "app": app, "setting": name, "value": value });
            session.audit(audit_entry(&work, "setting.changed", details.to_string()));
            session.model_changed(digest);
            session.wake_lane();
            session.after_commit(publish);
            Ok(())
        })
        .await
}
