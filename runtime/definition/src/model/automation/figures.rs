//! Figures over records, and the pages that show them.

use mortise_expr::Expression;

use crate::Text;
use crate::model::Slot;
use crate::source::{CardKind, Figure, Grain, Window};

/// A metric.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct MetricModel {
    pub key: String,
    pub id: String,
    pub app: usize,
    pub entity: usize,
    pub label: Text,
    pub description: Option<Text>,
    pub measure: MeasureModel,
    pub filter: Option<Expression>,
    pub time: Slot,
    pub window: Option<Window>,
    pub dimensions: Vec<Slot>,
    pub figure: Figure,
    /// Over `settings` (all roots are there, record and user empty).
    pub target: Option<Expression>,
    pub lower_is_better: bool,
    pub amber: f64,
}

impl MeasureModel {
    /// What is worked out of each record; nothing where records are only counted, and for a ratio, whose parts have their own.
    pub fn value(&self) -> Option<&Expression> {
        match self {
            MeasureModel::Sum(value)
            | MeasureModel::Average(value)
            | MeasureModel::Percentile(value, _)
            | MeasureModel::Min(value)
            | MeasureModel::Max(value)
            | MeasureModel::Share(value) => Some(value),
            MeasureModel::Count | MeasureModel::Ratio { .. } => None,
        }
    }
}

/// A figure that expressions see as a member of `measures`.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct FigureUseModel {
    pub id: String,
    /// Key.
    pub metric: String,
    /// Values that dimensions must have, over `record`, `user`, `settings`, `previous`, `clock`.
    pub matching: Vec<(Slot, Expression)>,
    /// A count or sum: of no records it is zero, where other figures are empty.
    pub countable: bool,
}

/// What a metric measures. Expressions are over `record`, `user`, `settings` and translate to SQL.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum MeasureModel {
    Count,
    Sum(Expression),
    Average(Expression),
    Percentile(Expression, u8),
    Min(Expression),
    Max(Expression),
    Share(Expression),
    /// Keys of the two metrics.
    Ratio {
        of: String,
        to: String,
        times: f64,
    },
}

/// A dashboard.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct DashboardModel {
    pub key: String,
    pub id: String,
    pub app: usize,
    pub label: Text,
    pub icon: String,
    /// Keys; empty is everybody.
    pub roles: Vec<String>,
    /// The first page of these.
    pub home: bool,
    /// Names of dimensions, with headings where they are not those of the fields.
    pub filters: Vec<(String, Option<Text>)>,
    /// Another span of time can be chosen.
    pub spans: bool,
    pub cards: Vec<CardModel>,
}

/// A card.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct CardModel {
    pub id: String,
    pub label: Text,
    pub kind: CardKind,
    pub shows: Shown,
    pub by: Option<Slot>,
    pub split: Option<Slot>,
    pub trend: bool,
    pub per: Grain,
    pub window: Option<Window>,
    pub limit: usize,
    pub width: u8,
}

/// Where the figures of a card come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// A metric, by its key.
    Metric(String),
    /// A plugin.
    Provider(ProviderAsk),
    /// The records of a view, by its key.
    View(String),
    /// A form, by its key.
    Form(String),
    /// What concerns the person who looks; the kind of the card says what.
    Own,
}

/// What a plugin is asked for a card.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderAsk {
    /// Id of the plugin.
    pub plugin: String,
    /// Its export.
    pub name: String,
    /// What it is given: texts, numbers, yes or no.
    pub params: Vec<(String, serde_json::Value)>,
}
