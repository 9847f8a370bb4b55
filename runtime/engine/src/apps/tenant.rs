//! What an administrator does with the apps of a tenant. One change of apps or settings follows the other; each is planned
//! from what is stored, and carried out only if that is still in force.

use std::sync::Arc;

use mortise_definition::{Overlay, Package};
use mortise_store::purge::Retired;
use serde_json::Value as Json;

use super::{AppVersion, FormerNames, Plan, Report, Target};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

fn administrator(actor: &Actor) -> Result<(), Error> {
    match actor.user.admin {
        true => Ok(()),
        false => Err(Error::Forbidden(Issue::new("permission.administrator"))),
    }
}

impl Tenant {
    /// What installing a package would change.
    pub async fn plan(&self, package: Arc<Package>) -> Result<Plan, Error> {
        Ok(super::plan(self, super::load(&self.store).await?, &Target::Package(package)).await?.plan)
    }

    /// Installs or upgrades an app. Destructive steps have to be confirmed by their keys.
    pub async fn install(
        &self,
        actor: &Actor,
        package: Arc<Package>,
        confirm: &[String],
    ) -> Result<Report, Error> {
        self.change_apps(actor, &Target::Package(package), confirm).await
    }

    /// Keeps what an administrator made of an installed app (see [`Tenant::package`]) as a change over the version in
    /// force, so that it outlives upgrades. The app as its author made it takes all changes back.
    pub async fn customize(
        &self,
        actor: &Actor,
        changed: Arc<Package>,
        confirm: &[String],
    ) -> Result<Report, Error> {
        let base = self.author_package(&changed.app.id).await?;
        self.set_overlay(actor, Overlay::between(&base, &changed), confirm).await
    }

    /// What an administrator changed in an installed app, over the version in force; no patches if nothing was changed.
    pub async fn overlay(&self, actor: &Actor, app: &str) -> Result<Overlay, Error> {
        administrator(actor)?;
        let sources = super::load(&self.store).await?;
        let base = super::base(&sources, app)?;
        let found = sources.overlays.iter().find(|overlay| overlay.app == app).cloned();
        let none = || Overlay { app: app.to_owned(), version: base.app.version.clone(), patches: Vec::new() };
        Ok(found.unwrap_or_else(none))
    }

    /// Puts these changes of an administrator in the place of all earlier ones. Changes made for another version are
    /// brought over to the one in force; what contradicts it has to be confirmed, and is left out.
    pub async fn set_overlay(
        &self,
        actor: &Actor,
        overlay: Overlay,
        confirm: &[String],
    ) -> Result<Report, Error> {
        self.change_apps(actor, &Target::Customized(overlay), confirm).await
    }

    /// The app in force as its author made it.
    async fn author_package(&self, app: &str) -> Result<Arc<Package>, Error> {
        super::base(&super::load(&self.store).await?, app).cloned()
    }

    /// Puts an earlier version of an app into force again; the one before the present one unless numbered.
    pub async fn rollback(
        &self,
        actor: &Actor,
        app: &str,
        number: Option<i64>,
        confirm: &[String],
    ) -> Result<Report, Error> {
        let number = match number {
            Some(number) => number,
            None => {
                let versions = self.app_versions(app).await?;
                let current = versions
                    .iter()
                    .find(|version| version.current)
                    .map_or(i64::MAX, |version| version.number);
                let previous = versions.iter().find(|version| version.number < current);
                previous
                    .map(|version| version.number)
                    .ok_or_else(|| Error::NotFound(Issue::new("app.no_earlier_version").with("app", app)))?
            }
        };
        self.change_apps(actor, &Target::Version { app: app.to_owned(), number }, confirm).await
    }

    /// Removes an app. Its data is kept and found again when it is installed once more.
    pub async fn uninstall(&self, actor: &Actor, app: &str, confirm: &[String]) -> Result<Report, Error> {
        self.change_apps(actor, &Target::Removed { app: app.to_owned() }, confirm).await
    }

    async fn change_apps(&self, actor: &Actor, target: &Target, confirm: &[String]) -> Result<Report, Error> {
        administrator(actor)?;
        let one = self.changing.lock().await;
        let mut prepared = super::plan(self, super::load(&self.store).await?, target).await?;
        let plugins = std::mem::take(&mut prepared.plan.plugins);
        let mut report = super::install(self, actor, prepared, confirm).await?;
        drop(one);
        // The app works without them: they come after it, each in a step of its own.
        report.plugins = self.install_planned(actor, plugins, confirm).await;
        Ok(report)
    }

    /// All versions of an app, newest first.
    pub async fn app_versions(&self, app: &str) -> Result<Vec<AppVersion>, Error> {
        super::versions(&self.store, app).await
    }

    /// The app as it is in force, with the administrator's changes; for export.
    pub async fn package(&self, app: &str) -> Result<Package, Error> {
        let found = super::effective(&super::load(&self.store).await?, app)?;
        let package =
            found.ok_or_else(|| Error::NotFound(Issue::new("app.not_installed").with("app", app)))?;
        Ok(Arc::unwrap_or_clone(package))
    }

    /// Gives a setting of an app another value.
    pub async fn set_setting(&self, actor: &Actor, app: &str, name: &str, value: Json) -> Result<(), Error> {
        administrator(actor)?;
        let _one = self.changing.lock().await;
        super::set_setting(self, super::load(&self.store).await?, actor, app, name, value).await
    }

    /// What earlier versions and removed apps left behind, and how many records hold it; of an app, where one is named.
    pub async fn retired(&self, actor: &Actor, app: Option<&str>) -> Result<Vec<Retired>, Error> {
        administrator(actor)?;
        Ok(self.store.retired(app).await?)
    }

    /// What people called these before they were retired.
    pub async fn former_names(&self, kept: &[Retired]) -> Result<Vec<FormerNames>, Error> {
        super::former_names(self, kept).await
    }

    /// Drops for good what is named by its keys out of [`Tenant::retired`], and tells what each held.
    pub async fn purge(
        &self,
        actor: &Actor,
        app: Option<&str>,
        keys: &[String],
    ) -> Result<Vec<Retired>, Error> {
        administrator(actor)?;
        let _one = self.changing.lock().await;
        super::purge(self, actor, app, keys).await
    }
}
