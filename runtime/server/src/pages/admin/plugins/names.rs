//! What a plugin's names mean here, in words: kinds of records, their fields, secrets. What means nothing here keeps the
//! plugin's own name.

use mortise_definition::Text;
use mortise_definition::model::{EntityModel, Model};
use mortise_engine::plugins::PluginInfo;
use mortise_plugin_host::manifest::{Manifest, Reasons};

/// The names of one plugin.
pub(super) struct Names<'a> {
    model: &'a Model,
    language: &'a str,
    manifest: &'a Manifest,
    /// None while it is not installed.
    installed: Option<&'a PluginInfo>,
}

impl<'a> Names<'a> {
    pub(super) fn new(
        model: &'a Model,
        language: &'a str,
        manifest: &'a Manifest,
        installed: Option<&'a PluginInfo>,
    ) -> Names<'a> {
        Names { model, language, manifest, installed }
    }

    /// Why it asks for what it asks for.
    pub(super) fn reasons(&self) -> &'a Reasons {
        &self.manifest.reasons
    }

    /// Whether it also works when nobody is there, as a service that sees all records of the kinds that it was granted.
    pub(super) fn works_alone(&self) -> bool {
        self.manifest.works_alone()
    }

    /// Name of a function for people.
    pub(super) fn export<'b>(&'b self, point: &str, name: &'b str) -> &'b str {
        let mut exports = self.manifest.exports.iter();
        let found = exports.find(|export| export.point.name() == point && export.name == name);
        found.and_then(|export| export.title.as_ref()).map_or(name, |title| title.get(self.language))
    }

    /// The kind of record that is meant: as the engine found it, else the only one of that name.
    pub(super) fn entity(&self, name: &str) -> Option<&'a EntityModel> {
        if let Some(found) = self.installed.and_then(|info| info.entities.get(name)) {
            return self.model.entity(found.as_deref()?).map(std::convert::AsRef::as_ref);
        }
        let mut same = self.model.entities.iter().filter(|entity| *entity.id == *name);
        same.next().filter(|_| same.next().is_none()).map(std::convert::AsRef::as_ref)
    }

    /// Name of a kind of record for people.
    pub(super) fn plural(&self, name: &'a str) -> &'a str {
        self.entity(name).map_or(name, |entity| entity.plural.get(self.language))
    }

    /// Name of a field for people.
    pub(super) fn field<'b>(&'b self, entity: &str, field: &'b str) -> &'b str {
        let mapped = self.installed.and_then(|info| info.mapping.get(entity)?.fields.get(field));
        let own = mapped.map_or(field, String::as_str);
        let known = self.entity(entity).and_then(|entity| entity.field(own));
        known.map_or(field, |known| known.label.get(self.language))
    }

    /// Name of a secret for people.
    pub(super) fn secret<'b>(&'b self, name: &'b str) -> &'b str {
        let found = self.manifest.secrets.iter().find(|secret| secret.name == name);
        found.and_then(|secret| secret.title.as_ref()).map_or(name, |title: &Text| title.get(self.language))
    }
}
