//! Secrets of plugins on their way into a call: opened here, put into a header by whoever sends the call, never seen by
//! the plugin.

use mortise_plugin_host::manifest::Manifest;

use super::outside::Credential;
use crate::error::Error;
use crate::tenant::Tenant;
use crate::values::Issue;

/// The place for which a secret is sealed: it opens for this plugin of this tenant only.
pub(super) fn place(tenant: &str, plugin: &str, name: &str) -> String {
    format!("{tenant} plugin {plugin} {name}")
}

impl Tenant {
    /// A secret as the header that the manifest says.
    pub(super) async fn plugin_credential(
        &self,
        plugin: &str,
        manifest: &Manifest,
        name: &str,
    ) -> Result<Credential, Error> {
        let missing = || Error::BadRequest(Issue::new("plugin.secret_missing").with("name", name));
        let secret = manifest.secrets.iter().find(|secret| secret.name == name).ok_or_else(missing)?;
        let naming = self.store.naming();
        let sql = naming.sql(&format!(
            "SELECT secret FROM {} WHERE plugin = ?1 AND name = ?2",
            naming.table("_plugin_secret")
        ));
        let stored = self.store.fetch(&sql, &[plugin.into(), name.into()], |row| row.text(0)).await?;
        let stored = stored.into_iter().flatten().next().ok_or_else(missing)?;
        let plain = self.keys().open(&place(&self.slug, plugin, name), &stored)?;
        let value = secret.inject.format.replacen("{}", &plain, 1);
        Ok(Credential { header: secret.inject.header.clone(), value })
    }
}
