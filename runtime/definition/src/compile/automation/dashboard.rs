//! Compiles dashboards: every card shows a metric in a form that suits it, a table of a plugin, records, or a form.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Build, Keyed};
use crate::compile::place::Place;
use crate::model::{CardModel, DashboardModel, FieldKind, MetricModel, ProviderAsk, Shown, Slot};
use crate::source::{Card, CardKind, CardProvider, Dashboard, Grain};
use crate::{Kind, Text, locale};

const ICON: &str = "chart-bar";
/// Most cards: each asks the database.
const CARDS_MAX: usize = 40;
/// Most places of a card unless it says otherwise.
const LIMIT: u8 = 10;
/// Most values that a plugin is given for a card.
const PARAMS_MAX: usize = 20;
/// Most filters that cards share; more do not fit above them.
const FILTERS_MAX: usize = 8;
/// Columns of a page.
const WIDTH_MAX: u8 = 12;
const WIDTH_NUMBER: u8 = 3;
const WIDTH: u8 = 6;

/// Where a card has from what it shows, and what it is called unless it says so itself.
struct Shows {
    what: Shown,
    label: Text,
    by: Option<Slot>,
    split: Option<Slot>,
}

/// True for kinds that show figures.
fn of_figures(kind: CardKind) -> bool {
    use CardKind::{Alerts, Changes, Entry, List, Pool, Tasks};
    !matches!(kind, List | Tasks | Pool | Entry | Changes | Alerts)
}

/// The heading of a card about the person who looks.
fn own_label(kind: CardKind) -> Text {
    let key = match kind {
        CardKind::Pool => "ui.card.pool",
        CardKind::Changes => "ui.card.changes",
        CardKind::Alerts => "ui.card.alerts",
        _ => "ui.card.tasks",
    };
    let words = locale::languages()
        .into_iter()
        .map(|language| (language.to_owned(), locale::translate(language, key, &[])));
    Text::ByLanguage(words.collect())
}

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
        let cards: Vec<CardModel> =
            cards.filter_map(|(index, card)| self.card(app, card, metrics, &at.index(index))).collect();
        DashboardModel {
            filters: self.filters(dashboard, &cards, metrics, &place.key("filters")),
            home: dashboard.home,
            spans: dashboard.spans,
            cards,
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
        let Shows { what, label, by, split } = self.shows(app, card, metrics, place)?;
        if card.per.is_some() && card.kind != CardKind::Line {
            self.problems.push(place.key("per").error("dashboard.per_unused"));
        }
        if card.trend && card.kind != CardKind::Number {
            self.problems.push(place.key("trend").error("dashboard.trend_unused"));
        }
        let wide = match card.kind {
            CardKind::Number | CardKind::Gauge => WIDTH_NUMBER,
            _ => WIDTH,
        };
        let width = card.width.unwrap_or(wide);
        if !(1..=WIDTH_MAX).contains(&width) {
            self.problems.push(place.key("width").error("dashboard.width").arg("limit", WIDTH_MAX));
        }
        let window = match &what {
            Shown::Metric(key) => card.window.or(metrics.get(key).and_then(|metric| metric.window)),
            Shown::Provider(_) | Shown::View(_) | Shown::Form(_) | Shown::Own => None,
        };
        Some(CardModel {
            id: card.id.clone(),
            label: card.label.clone().unwrap_or(label),
            kind: card.kind,
            shows: what,
            by,
            split,
            trend: card.trend,
            per: card.per.unwrap_or(Grain::Day),
            window,
            limit: card.limit.unwrap_or(LIMIT).max(1).into(),
            width,
        })
    }

    /// Where a card has from what it shows; none when that is wrong.
    fn shows(
        &mut self,
        app: usize,
        card: &Card,
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) -> Option<Shows> {
        let plain = |what, label| Some(Shows { what, label, by: None, split: None });
        match (card.kind, &card.metric, &card.provider, &card.view, &card.form) {
            (CardKind::List, None, None, Some(view), None) => {
                let (owner, id) = self.artifact(Kind::View, app, view, &place.key("view"))?;
                let label = self.view_label(owner, id)?;
                plain(Shown::View(self.key(owner, id)), label)
            }
            (CardKind::Entry, None, None, None, Some(form)) => {
                let (owner, id) = self.artifact(Kind::Form, app, form, &place.key("form"))?;
                let label = self.form_label(owner, id)?;
                plain(Shown::Form(self.key(owner, id)), label)
            }
            (kind, None, None, None, None)
                if !of_figures(kind) && !matches!(kind, CardKind::List | CardKind::Entry) =>
            {
                plain(Shown::Own, own_label(kind))
            }
            (kind, Some(metric), None, None, None) if of_figures(kind) => {
                let key = self.artifact_key(Kind::Metric, app, metric, &place.key("metric"))?;
                // A metric that is wrong itself was reported already.
                let metric = metrics.get(&key)?;
                let by = self.broken_down(card.by.as_deref(), metric, &place.key("by"))?;
                let split = self.broken_down(card.split.as_deref(), metric, &place.key("split"))?;
                self.check_breakdown(card.kind, metric, (by, split), place);
                Some(Shows { what: Shown::Metric(key), label: metric.label.clone(), by, split })
            }
            (kind, None, Some(provider), None, None) if of_figures(kind) => {
                let ask = self.provider(app, card, provider, place)?;
                let title = Text::from(ask.name.as_str());
                plain(Shown::Provider(ask), title)
            }
            _ => {
                self.problems.push(place.error("dashboard.shows_what"));
                None
            }
        }
    }

    fn view_label(&self, owner: usize, id: &str) -> Option<Text> {
        let views = &self.compiler.packages[owner].views;
        views.iter().find(|view| view.id == id).map(|view| view.label.clone())
    }

    fn form_label(&self, owner: usize, id: &str) -> Option<Text> {
        let forms = &self.compiler.packages[owner].forms;
        forms.iter().find(|form| form.id == id).map(|form| form.label.clone())
    }

    /// A dimension of the metric, when one is named; none when that is wrong.
    fn broken_down(
        &mut self,
        name: Option<&str>,
        metric: &MetricModel,
        place: &Place,
    ) -> Option<Option<Slot>> {
        match name {
            Some(name) => Some(Some(self.dimension(metric, name, place)?)),
            None => Some(None),
        }
    }

    /// Whether a card of this kind is broken down, once or twice.
    fn check_breakdown(
        &mut self,
        kind: CardKind,
        metric: &MetricModel,
        (by, split): (Option<Slot>, Option<Slot>),
        place: &Place,
    ) {
        use CardKind::{Bar, Funnel, Gauge, Heat, Leaderboard, Line, Map, Number, Radar, Stacked};
        let at = place.key("by");
        match (kind, by) {
            (Number | Gauge | Line, Some(_)) => self.problems.push(at.error("dashboard.by_unused")),
            (Bar | Funnel | Leaderboard | Stacked | Heat | Radar | Map, None) => {
                self.problems.push(place.error("dashboard.no_by"));
            }
            (Funnel, Some(slot))
                if !matches!(self.entities[metric.entity].fields[slot].kind, FieldKind::Choice { .. }) =>
            {
                self.problems.push(at.error("dashboard.funnel"));
            }
            (Map, Some(slot)) => {
                let kind = &self.entities[metric.entity].fields[slot].kind;
                if !matches!(kind, FieldKind::Tree { region: true, .. }) {
                    self.problems.push(at.error("dashboard.map"));
                }
            }
            _ => {}
        }
        match (kind, split) {
            (Stacked | Heat, None) => self.problems.push(place.error("dashboard.no_split")),
            (Stacked | Heat | Radar, Some(_)) if split == by => {
                self.problems.push(place.key("split").error("dashboard.split_twice"));
            }
            (Stacked | Heat | Radar | Line, _) | (_, None) => {}
            (_, Some(_)) => self.problems.push(place.key("split").error("dashboard.split_unused")),
        }
    }

    /// Filters that at least one card obeys.
    fn filters(
        &mut self,
        dashboard: &Dashboard,
        cards: &[CardModel],
        metrics: &Keyed<MetricModel>,
        place: &Place,
    ) -> Vec<(String, Option<Text>)> {
        self.at_most(dashboard.filters.len(), FILTERS_MAX, place);
        self.unique(dashboard.filters.iter().map(|filter| filter.by.as_str()), place);
        let shown = cards.iter().filter_map(|card| match &card.shows {
            Shown::Metric(key) => metrics.get(key),
            Shown::Provider(_) | Shown::View(_) | Shown::Form(_) | Shown::Own => None,
        });
        let names: BTreeSet<String> = shown
            .flat_map(|metric| metric.dimensions.iter().map(|slot| (metric.entity, *slot)))
            .map(|(entity, slot)| self.entities[entity].fields[slot].name.to_string())
            .collect();
        for (index, filter) in dashboard.filters.iter().enumerate() {
            if !names.contains(&filter.by) {
                let problem = place.index(index).key("by").error("dashboard.filter").arg("name", &filter.by);
                self.problems.push(problem.suggest(&filter.by, names.iter().map(String::as_str)));
            }
        }
        dashboard.filters.iter().map(|filter| (filter.by.clone(), filter.label.clone())).collect()
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
