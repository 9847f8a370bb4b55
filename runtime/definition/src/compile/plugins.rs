//! Compiles what an app says about the plugins that it makes use of: names in expressions, types of functions, and which
//! entities and fields are meant. The plugins themselves are not known here, so that an app compiles without them.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use indexmap::IndexMap;
use mortise_expr::{Decimal, INT_LIMIT, OutsideFunction, Value};
use semver::VersionReq;
use serde_json::Value as Json;

use super::Compiler;
use super::names::{NAME_CHARS_MAX, check_name};
use super::place::Place;
use crate::model::{PluginEntityModel, PluginFunctionModel, PluginUseModel};
use crate::problem::Problems;
use crate::source::{PLUGIN_DECIMAL_SCALE, PluginEntity, PluginFunction, PluginType, PluginUse};
use crate::{Kind, Package};

/// Names that stand before a dot in some expression already.
const ROOTS: [&str; 12] = [
    "record",
    "user",
    "settings",
    "previous",
    "clock",
    "measures",
    "result",
    "inputs",
    "candidate",
    "profile",
    "before",
    "after",
];
/// Most plugins of an app.
const PLUGINS_MAX: usize = 50;
/// Most functions of a plugin that an app calls, and most entities that it maps.
const ENTRIES_MAX: usize = 100;
/// Longest text of a value that stands in for a missing plugin, in characters.
const TEXT_CHARS_MAX: usize = 1_000;

/// The functions of plugins that the expressions of an app may call.
pub(super) fn functions(package: &Package, problems: &mut Problems) -> Arc<[Arc<OutsideFunction>]> {
    let place = Place::new(package, Kind::App, "").key("plugins");
    let plugins = &package.app.plugins;
    if plugins.len() > PLUGINS_MAX {
        problems
            .push(place.error("plugin.use_too_many").arg("count", plugins.len()).arg("limit", PLUGINS_MAX));
    }
    let mut spaces = HashMap::new();
    let mut ids = HashMap::new();
    let mut found = Vec::new();
    for (alias, plugin) in plugins {
        let place = place.key(alias);
        if let Some(other) = ids.insert(&plugin.id, alias) {
            let problem = place.key("id").error("plugin.use_same").arg("plugin", &plugin.id);
            problems.push(problem.arg("other", other));
        }
        let Some(space) = name(alias, &mut spaces, &place, problems) else { continue };
        if ROOTS.contains(&&*space) {
            problems.push(place.error("plugin.use_reserved").arg("name", alias));
        }
        for (at, count) in [("functions", plugin.functions.len()), ("entities", plugin.entities.len())] {
            if count > ENTRIES_MAX {
                let problem = place.key(at).error("plugin.use_too_many").arg("count", count);
                problems.push(problem.arg("limit", ENTRIES_MAX));
            }
        }
        let place = place.key("functions");
        let mut names = HashMap::new();
        for (export, declared) in &plugin.functions {
            let place = place.key(export);
            let Some(name) = name(export, &mut names, &place, problems) else { continue };
            let otherwise = otherwise(export, declared, &place, problems);
            found.push(Arc::new(function(&space, name, plugin, export, declared, otherwise)));
        }
    }
    found.into()
}

fn function(
    space: &Arc<str>,
    name: Arc<str>,
    plugin: &PluginUse,
    export: &str,
    declared: &PluginFunction,
    otherwise: Option<Value>,
) -> OutsideFunction {
    OutsideFunction {
        space: Arc::clone(space),
        name,
        owner: plugin.id.as_str().into(),
        export: export.into(),
        parameters: declared.parameters.iter().map(|kind| kind.ty()).collect(),
        returns: declared.returns.ty(),
        otherwise,
    }
}

/// The name in expressions: hyphens become underscores. `known` holds those that are taken.
fn name<'a>(
    written: &'a str,
    known: &mut HashMap<Arc<str>, &'a str>,
    place: &Place,
    problems: &mut Problems,
) -> Option<Arc<str>> {
    let name = written.replace('-', "_");
    let bad_hyphens = written.ends_with('-') || written.contains("--");
    if bad_hyphens || name.len() > NAME_CHARS_MAX {
        let problem = place.error("plugin.use_name").arg("name", written);
        problems.push(problem.arg("limit", NAME_CHARS_MAX));
        return None;
    }
    check_name(&name, place, problems);
    let name: Arc<str> = name.into();
    if let Some(other) = known.insert(Arc::clone(&name), written) {
        problems.push(place.error("plugin.use_twice").arg("name", written).arg("other", other));
        return None;
    }
    Some(name)
}

/// The value while the plugin is missing.
fn otherwise(
    export: &str,
    declared: &PluginFunction,
    place: &Place,
    problems: &mut Problems,
) -> Option<Value> {
    let written = declared.otherwise.as_ref()?;
    let value = value(declared.returns, written);
    if value.is_none() {
        let problem = place.key("otherwise").error("plugin.otherwise").arg("name", export);
        let shown = written.as_str().map_or_else(|| written.to_string(), str::to_owned);
        problems.push(problem.arg("value", shown).arg("wanted", declared.returns.name()));
    }
    value
}

/// A value from its JSON form.
fn value(kind: PluginType, written: &Json) -> Option<Value> {
    let short = |text: &str| text.chars().count() <= TEXT_CHARS_MAX;
    Some(match (kind, written) {
        (_, Json::Null) => Value::Null,
        (PluginType::Text, Json::String(text)) if short(text) => Value::text(text.as_str()),
        (PluginType::Json, json) if short(&json.to_string()) => Value::text(json.to_string()),
        (PluginType::Integer, Json::Number(number)) => {
            Value::Int(number.as_i64().filter(|number| number.abs() <= INT_LIMIT)?)
        }
        (PluginType::Decimal, Json::Number(number)) => decimal(&number.to_string())?,
        (PluginType::Decimal, Json::String(text)) => decimal(text)?,
        (PluginType::Float, Json::Number(number)) => Value::Float(number.as_f64()?),
        (PluginType::Boolean, Json::Bool(value)) => Value::Bool(*value),
        (PluginType::Date, Json::String(text)) => {
            Value::Date(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?)
        }
        (PluginType::Timestamp, Json::String(text)) => {
            let instant = DateTime::parse_from_rfc3339(text).ok()?;
            Value::DateTime(DateTime::from_timestamp_micros(instant.timestamp_micros())?)
        }
        (PluginType::Many, Json::Array(items)) if items.len() <= ENTRIES_MAX => {
            let text = |item: &Json| item.as_str().filter(|text| short(text)).map(Value::text);
            Value::list(items.iter().map(text).collect::<Option<Vec<Value>>>()?)
        }
        _ => return None,
    })
}

fn decimal(text: &str) -> Option<Value> {
    let number: Decimal = text.parse().ok()?;
    let fits = number.scale <= PLUGIN_DECIMAL_SCALE;
    let number = number.rescale(PLUGIN_DECIMAL_SCALE).filter(|number| number.mantissa.abs() <= INT_LIMIT)?;
    fits.then_some(Value::Decimal(number))
}

impl Compiler<'_> {
    /// The plugins that an app makes use of.
    pub(super) fn plugins(&self, app: usize, problems: &mut Problems) -> Vec<PluginUseModel> {
        let package = &self.packages[app];
        let place = Place::new(package, Kind::App, "").key("plugins");
        let plugins = package.app.plugins.iter();
        plugins
            .filter_map(|(alias, plugin)| self.plugin(app, alias, plugin, &place.key(alias), problems))
            .collect()
    }

    fn plugin(
        &self,
        app: usize,
        alias: &str,
        plugin: &PluginUse,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<PluginUseModel> {
        let version = match VersionReq::parse(&plugin.version) {
            Ok(version) => Some(version),
            Err(error) => {
                let problem = place.key("version").error("plugin.use_version").arg("value", &plugin.version);
                problems.push(problem.arg("detail", error));
                None
            }
        };
        let entities = self.plugin_entities(app, &plugin.entities, &place.key("entities"), problems);
        let of_plugin = self.functions[app].iter().filter(|function| *function.owner == *plugin.id);
        let functions = of_plugin.filter_map(|function| {
            let declared = plugin.functions.get(&*function.export)?;
            Some(PluginFunctionModel {
                function: Arc::clone(function),
                parameters: declared.parameters.clone(),
                returns: declared.returns,
            })
        });
        Some(PluginUseModel {
            alias: alias.to_owned(),
            id: plugin.id.clone(),
            version: version?,
            optional: plugin.optional,
            grant: serde_json::to_value(&plugin.grant)
                .expect("what was read from JSON can be written as JSON"),
            entities,
            functions: functions.collect(),
        })
    }

    fn plugin_entities(
        &self,
        app: usize,
        entities: &IndexMap<String, PluginEntity>,
        place: &Place,
        problems: &mut Problems,
    ) -> Vec<PluginEntityModel> {
        let mut found = Vec::with_capacity(entities.len());
        for (name, mapping) in entities {
            let place = place.key(name);
            check_name(name, &place, problems);
            let Some(entity) = self.names.entity(app, &mapping.entity, &place.key("entity"), problems) else {
                continue;
            };
            let place = place.key("fields");
            let fields = mapping.fields.iter().filter_map(|(name, field)| {
                let place = place.key(name);
                check_name(name, &place, problems);
                Some((name.clone(), self.drafts[entity].find(field, &place, problems)?))
            });
            let fields = fields.collect();
            found.push(PluginEntityModel { name: name.clone(), entity, fields });
        }
        found
    }
}
