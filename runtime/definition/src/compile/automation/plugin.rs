//! Compiles the actions about plugins: having one do something, with what it is given, what comes back and what is done with
//! that; and the signal that one waits for.

use std::sync::Arc;

use indexmap::IndexMap;
use mortise_expr::{Expression, Member, Shape, Type};

use super::Build;
use super::area::Area;
use crate::compile::expressions::{Extra, Site};
use crate::compile::names::check_name;
use crate::compile::place::Place;
use crate::model::{ActionKind, PluginAsk};
use crate::source::{Action, Source};

/// Most values that go in, and most that come out.
const VALUES_MAX: usize = 50;

/// What comes back wherever this is asked; nothing where the plugin's author decides.
fn given_back(asks: &PluginAsk) -> &'static [(&'static str, Type)] {
    match asks {
        PluginAsk::Action(_) | PluginAsk::Connector(_) => &[],
        PluginAsk::Scorer(_) => &[("score", Type::Float), ("reasons", Type::Text)],
        PluginAsk::Renderer(_) => &[("name", Type::Text)],
    }
}

impl Build<'_> {
    pub(super) fn plugin(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::Plugin { plugin, action, connector, scorer, renderer, input, returns, then, .. } = action
        else {
            return None;
        };
        let used = self.plugin_of(area.site.app, plugin, &place.key("plugin"));
        let named = [
            action.clone().map(PluginAsk::Action),
            connector.clone().map(PluginAsk::Connector),
            scorer.clone().map(PluginAsk::Scorer),
            renderer.clone().map(PluginAsk::Renderer),
        ];
        let mut named = named.into_iter().flatten();
        let asks = named.next().filter(|_| named.next().is_none());
        if asks.is_none() {
            self.problems.push(place.error("action.plugin_what"));
        }
        let given = self.handed_over(area, input, &place.key("input"));
        let at = place.key("returns");
        self.at_most(returns.len(), VALUES_MAX, &at);
        returns.keys().for_each(|name| check_name(name, &at.key(name), self.problems));
        let known = asks.as_ref().map_or(&[][..], given_back);
        if !known.is_empty() && !returns.is_empty() {
            self.problems.push(at.error("action.plugin_returns_known"));
        }
        let known = known.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone()));
        let declared = returns.iter().map(|(name, kind)| (name.clone(), kind.ty()));
        let returned: Vec<(String, Type)> = known.chain(declared).collect();
        let members = returned.iter().map(|(name, ty)| Member::new(name.as_str(), ty.clone()).nullable());
        let area = Area::afterwards(area.site, Arc::new(Shape::new(members.collect())));
        let then = self.actions(&area, then, &place.key("then"));
        let (plugin, optional) = used?;
        Some(ActionKind::Plugin { plugin, optional, asks: asks?, input: given, returns: returned, then })
    }

    pub(super) fn signal(&mut self, area: &Area, action: &Action, place: &Place) -> Option<ActionKind> {
        let Action::Signal { plugin, key, fields, .. } = action else { return None };
        let used = self.plugin_of(area.site.app, plugin, &place.key("plugin"));
        let key = self.value(area, key, &Type::Text, &place.key("key"));
        let fields = self.handed_over(area, fields, &place.key("fields"));
        let (plugin, _) = used?;
        Some(ActionKind::Signal { plugin, key: key?, fields })
    }

    /// What a plugin is given, by name.
    fn handed_over(
        &mut self,
        area: &Area,
        values: &IndexMap<String, Source>,
        place: &Place,
    ) -> Vec<(String, Expression)> {
        self.at_most(values.len(), VALUES_MAX, place);
        let mut given = Vec::with_capacity(values.len());
        for (name, source) in values {
            let place = place.key(name);
            check_name(name, &place, self.problems);
            given.extend(self.any_value(area, source, &place).map(|value| (name.clone(), value)));
        }
        given
    }

    /// The id of the plugin that an app calls by this name, and whether the app can do without it.
    pub(super) fn plugin_of(&mut self, app: usize, name: &str, place: &Place) -> Option<(String, bool)> {
        let plugins = &self.compiler.packages[app].app.plugins;
        if let Some(plugin) = plugins.get(name) {
            return Some((plugin.id.clone(), plugin.optional));
        }
        let problem = place.error("ref.plugin").arg("name", name);
        self.problems.push(problem.suggest(name, plugins.keys().map(String::as_str)));
        None
    }
}

impl Area {
    /// What follows when a plugin has finished sees the record, the person, the settings and what came back. What was known
    /// when the plugin was asked is past by then: those roots keep their places, but nothing can name them.
    fn afterwards(site: Site, result: Arc<Shape>) -> Area {
        let nothing = || Extra { name: "", shape: Arc::new(Shape::new(Vec::new())), entity: None };
        let result = Extra { name: "result", shape: result, entity: None };
        Area { site, extra: vec![nothing(), nothing(), nothing(), result] }
    }
}
