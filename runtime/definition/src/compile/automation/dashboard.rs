//! Compiles dashboards: every card shows a metric in a form that suits it, or a table of a plugin.

use std::sync::Arc;

use super::{Build, Keyed};
use crate::compile::place::Place;
use crate::model::{CardModel, DashboardModel, FieldKind, MetricModel, ProviderAsk, Shown, Slot};
use crate::source::{Card, CardKind, CardProvider, Dashboard, Grain};
use crate::{Kind, Text};

const ICON: &str = "chart-bar";
/// Most cards: each asks the database.
const CARDS_MAX: usize = 40;
/// Most places of a card unless it says otherwise.
const LIMIT: u8 = 10;
/// Most values that a plugin is given for a card.
const PARAMS_MAX: usize = 20;
/// Columns of a page.
const WIDTH_MAX: u8 = 12;
const WIDTH_NUMBER: u8 = 3;
const WIDTH: u8 = 6;

impl Build<'_> {
    pub(super) fn dashboards(&mut self, metrics: &Keyed<MetricModel>) -> Keyed<DashboardModel> {
        let mut models = Keyed::new();
        for (app, package) in self.packages() {
            for dashboard in &package.dashboards {
                let place = Place::new(package, Kind::Dashboard, &dashboard.id);
                let model = self.dashboard(app, dashboard, metrics, &place);
                models.insert(model.key.clone(), Arc::new(model));
            }
        }
        models
    }

    fn dashboard(
        &mut self,
        app: usize,
        dashboard: &Dashboard,
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) -> DashboardModel {
        let at = place.key("cards");
        if dashboard.cards.is_empty() {
            self.problems.push(at.error("dashboard.no_cards"));
        }
        self.at_most(dashboard.cards.len(), CARDS_MAX, &at);
        self.unique(dashboard.cards.iter().map(|card| card.id.as_str()), &at);
        let cards = dashboard.cards.iter().enumerate();
        let cards = cards.filter_map(|(index, card)| self.card(app, card, metrics, &at.index(index)));
        DashboardModel {
            cards: cards.collect(),
            key: self.key(app, &dashboard.id),
            id: dashboard.id.clone(),
            app,
            label: dashboard.label.clone(),
            icon: dashboard.icon.clone().unwrap_or_else(|| ICON.to_owned()),
            roles: self.roles(app, &dashboard.roles, &place.key("roles")),
        }
    }

    fn card(
        &mut self,
        app: usize,
        card: &Card,
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) -> Option<CardModel> {
        let (shows, label, by) = match (&card.metric, &card.provider) {
            (Some(metric), None) => {
                let key = self.artifact_key(Kind::Metric, app, metric, &place.key("metric"))?;
                // A metric that is wrong itself was reported already.
                let metric = metrics.get(&key)?;
                let by = self.broken_down(card, metric, place)?;
                (Shown::Metric(key), metric.label.clone(), by)
            }
            (None, Some(provider)) => {
                let ask = self.provider(app, card, provider, place)?;
                let title = Text::from(ask.name.as_str());
                (Shown::Provider(ask), title, None)
            }
            (None, None) | (Some(_), Some(_)) => {
                self.problems.push(place.error("dashboard.shows_what"));
                return None;
            }
        };
        if card.per.is_some() && card.kind != CardKind::Line {
            self.problems.push(place.key("per").error("dashboard.per_unused"));
        }
        let wide = if card.kind == CardKind::Number { WIDTH_NUMBER } else { WIDTH };
        let width = card.width.unwrap_or(wide);
        if !(1..=WIDTH_MAX).contains(&width) {
            self.problems.push(place.key("width").error("dashboard.width").arg("limit", WIDTH_MAX));
        }
        let window = match &shows {
            Shown::Metric(key) => card.window.or(metrics.get(key).and_then(|metric| metric.window)),
            Shown::Provider(_) => None,
        };
        Some(CardModel {
            id: card.id.clone(),
            label: card.label.clone().unwrap_or(label),
            kind: card.kind,
            shows,
            by,
            per: card.per.unwrap_or(Grain::Day),
            window,
            limit: card.limit.unwrap_or(LIMIT).max(1).into(),
            width,
        })
    }

    /// By what the figures of a metric are broken down; none when that is wrong.
    fn broken_down(&mut self, card: &Card, metric: &MetricModel, place: &Place) -> Option<Option<Slot>> {
        let at = place.key("by");
        let by = match &card.by {
            Some(name) => Some(self.dimension(metric, name, &at)?),
            None => None,
        };
        match card.kind {
            CardKind::Number | CardKind::Line if by.is_some() => {
                self.problems.push(at.error("dashboard.by_unused"));
            }
            CardKind::Bar | CardKind::Funnel | CardKind::Leaderboard if by.is_none() => {
                self.problems.push(place.error("dashboard.no_by"));
            }
            CardKind::Funnel => {
                let kind = by.map(|slot| &self.entities[metric.entity].fields[slot].kind);
                if !matches!(kind, Some(FieldKind::Choice { .. })) {
                    self.problems.push(at.error("dashboard.funnel"));
                }
            }
            _ => {}
        }
        Some(by)
    }

    /// What a plugin is asked for a card.
    fn provider(
        &mut self,
        app: usize,
        card: &Card,
        provider: &CardProvider,
        place: &Place,
    ) -> Option<ProviderAsk> {
        let at = place.key("provider");
        if card.kind != CardKind::Table {
            self.problems.push(place.key("kind").error("dashboard.provider_table"));
        }
        if card.by.is_some() || card.window.is_some() {
            self.problems.push(place.error("dashboard.provider_whole"));
        }
        let params = at.key("params");
        self.at_most(provider.params.len(), PARAMS_MAX, &params);
        for (name, value) in &provider.params {
            if !(value.is_string() || value.is_number() || value.is_boolean()) {
                self.problems.push(params.key(name).error("dashboard.provider_param"));
            }
        }
        let (plugin, _) = self.plugin_of(app, &provider.plugin, &at.key("plugin"))?;
        let params = provider.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Some(ProviderAsk { plugin, name: provider.name.clone(), params })
    }
}
