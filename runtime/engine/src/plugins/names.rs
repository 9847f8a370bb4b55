//! What a plugin's names of entities and fields lead to in a tenant: said by an administrator, else by an app that uses the
//! plugin, else the entity of that name.

use std::collections::BTreeMap;

use mortise_definition::Problem;
use mortise_definition::model::{EntityModel, FieldKind, Model, Slot};
use mortise_plugin_host::manifest::FILE;
use mortise_plugin_host::{HostCall, Permissions, permit};

use super::bound::InputPath;
use super::installed::{Named, Names};
use super::tables::{EntityMapping, Mapping};

/// Finds the entities of a plugin.
pub(super) struct Finder<'a> {
    pub(super) model: &'a Model,
    pub(super) plugin: &'a str,
    pub(super) mapping: &'a Mapping,
    pub(super) problems: Vec<Problem>,
    pub(super) names: Names,
}

impl<'a> Finder<'a> {
    pub(super) fn new(model: &'a Model, plugin: &'a str, mapping: &'a Mapping) -> Finder<'a> {
        Finder { model, plugin, mapping, problems: Vec::new(), names: Names::default() }
    }

    /// The entity that the plugin means at a place of its manifest.
    pub(super) fn entity(&mut self, name: &str, place: &str) -> Option<&'a EntityModel> {
        let model = self.model;
        if let Some(known) = self.names.entity(name) {
            return Some(&model.entities[known.entity]);
        }
        let found = match self.mapping.get(name) {
            Some(mapping) => self.said(name, mapping),
            None => self.by_app(name).map_or_else(|| self.by_name(name), Ok),
        };
        match found {
            Ok(named) => {
                let entity = named.entity;
                self.names.entities.insert(name.to_owned(), named);
                Some(&model.entities[entity])
            }
            Err(problem) => {
                let pointer =
                    if problem.pointer.is_empty() { place.to_owned() } else { problem.pointer.clone() };
                self.problems.push(Problem { pointer, ..*problem });
                None
            }
        }
    }

    /// What an administrator said.
    fn said(&self, name: &str, mapping: &EntityMapping) -> Result<Named, Box<Problem>> {
        let entity = self.model.entity(&mapping.entity).ok_or_else(|| {
            let problem = problem("plugin.entity_missing").arg("name", name).arg("entity", &mapping.entity);
            let known = self.model.entities.iter().map(|entity| entity.key.as_str());
            Box::new(problem.suggest(&mapping.entity, known))
        })?;
        for own in mapping.fields.values() {
            if entity.field(own).is_none() {
                return Err(Box::new(no_field(entity, own)));
            }
        }
        Ok(Named { entity: entity.index, fields: mapping.fields.clone() })
    }

    /// What an app said that uses the plugin.
    fn by_app(&self, name: &str) -> Option<Named> {
        let uses = self.model.apps.iter().flat_map(|app| &app.plugins);
        let mut entities = uses.filter(|one| one.id == self.plugin).flat_map(|one| &one.entities);
        let found = entities.find(|entity| entity.name == name)?;
        let fields = &self.model.entities[found.entity].fields;
        let renamed = |(name, slot): &(String, Slot)| (name.clone(), fields[*slot].name.to_string());
        Some(Named { entity: found.entity, fields: found.fields.iter().map(renamed).collect() })
    }

    /// The only entity of this name.
    fn by_name(&self, name: &str) -> Result<Named, Box<Problem>> {
        let is_it = |entity: &&std::sync::Arc<EntityModel>| entity.key == name || plain_name(entity) == name;
        let found: Vec<&EntityModel> =
            self.model.entities.iter().filter(is_it).map(std::convert::AsRef::as_ref).collect();
        match found.as_slice() {
            [entity] => Ok(Named { entity: entity.index, fields: BTreeMap::new() }),
            [] => {
                let known = self.model.entities.iter().map(|entity| plain_name(entity));
                let problem = problem("plugin.entity_missing").arg("name", name).arg("entity", name);
                Err(Box::new(problem.suggest(name, known)))
            }
            several => {
                let keys: Vec<&str> = several.iter().map(|entity| entity.key.as_str()).collect();
                let problem = problem("plugin.entity_ambiguous").arg("name", name);
                Err(Box::new(problem.arg("known", keys.join(", "))))
            }
        }
    }

    /// A field of an entity, as the plugin names it.
    pub(super) fn slot(&mut self, entity: &EntityModel, name: &str, place: &str) -> Option<Slot> {
        let found = match self.names.of(entity.index) {
            Some((_, named)) => named.slot(entity, name),
            None => entity.slot_by_name.get(name).copied(),
        };
        if found.is_none() {
            let problem = no_field(entity, name);
            self.problems.push(Problem { pointer: place.to_owned(), ..problem });
        }
        found
    }

    /// A path of which the plugin may read everything that lies behind its first reference; otherwise one that leads nowhere.
    pub(super) fn cut(&self, granted: &Permissions, entity: &'a EntityModel, path: InputPath) -> InputPath {
        let (mut entity, mut open) = (entity, true);
        for (depth, (part, slot)) in path.name.split('.').zip(&path.steps).enumerate() {
            open &= depth == 0 || self.names.may_read(granted, entity, part, *slot);
            if let FieldKind::Reference { entity: target } = entity.fields[*slot].kind {
                entity = &self.model.entities[target];
            }
        }
        if open { path } else { InputPath { steps: Vec::new(), ..path } }
    }

    /// A field, or one of a record that is referred to.
    pub(super) fn path(&mut self, entity: &EntityModel, path: &str, place: &str) -> Option<InputPath> {
        let (mut entity, mut steps) = (entity, Vec::new());
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            let slot = self.slot(entity, part, place)?;
            steps.push(slot);
            if parts.peek().is_none() {
                break;
            }
            let FieldKind::Reference { entity: target } = entity.fields[slot].kind else {
                let problem = Problem::error("plugin.not_a_reference", FILE, place);
                self.problems.push(problem.arg("field", part).arg("entity", &entity.key));
                return None;
            };
            entity = &self.model.entities[target];
        }
        Some(InputPath { name: path.into(), steps })
    }
}

impl Names {
    /// Whether a field of an entity is among what the plugin may read, under a name by which it means just this one.
    fn may_read(&self, granted: &Permissions, entity: &EntityModel, field: &str, slot: Slot) -> bool {
        let meant = self
            .entities
            .iter()
            .filter(|(_, named)| named.entity == entity.index && named.slot(entity, field) == Some(slot));
        let mut names = meant.map(|(name, _)| HostCall::Read { entity: name, fields: vec![field] });
        names.any(|read| permit(granted, &read).is_ok())
    }
}

fn problem(code: &'static str) -> Problem {
    Problem::error(code, FILE, "")
}

fn no_field(entity: &EntityModel, name: &str) -> Problem {
    let known = entity.fields.iter().map(|field| &*field.name);
    problem("plugin.field_missing").arg("field", name).arg("entity", &entity.key).suggest(name, known)
}

/// The name of an entity without its app, as plugins write it.
pub(super) fn plain_name(entity: &EntityModel) -> &str {
    entity.table.split_once("__").map_or(entity.table.as_str(), |(_, name)| name)
}
