//! By what is decided: working time, decision tables, and who gets a record.

use std::sync::Arc;

use mortise_expr::{Expression, Shape, Type, Value};

use crate::Text;
use crate::model::Slot;
use crate::source::{HitPolicy, OutputType};
use crate::worktime::WorkCalendar;

/// A business calendar.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct CalendarModel {
    pub key: String,
    pub app: usize,
    pub label: Text,
    /// Zone as written; the tenant's unless given.
    pub zone: Option<chrono_tz::Tz>,
    pub work: WorkCalendar,
}

/// A decision table.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct DecisionModel {
    pub key: String,
    pub app: usize,
    pub entity: usize,
    pub label: Text,
    pub inputs: Vec<InputModel>,
    pub outputs: Vec<OutputModel>,
    pub hit: HitPolicy,
    pub rows: Vec<RowModel>,
}

/// An input of a table.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct InputModel {
    pub id: String,
    pub label: Text,
    pub ty: Type,
    /// Over `record`, `user`, `settings`.
    pub value: Expression,
}

/// An output of a table.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct OutputModel {
    pub id: String,
    pub label: Text,
    pub kind: OutputType,
}

/// A row of a table.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct RowModel {
    pub tests: Vec<Test>,
    /// Over `record`, `user`, `settings`, `inputs`.
    pub then: Vec<Expression>,
    pub priority: i32,
}

/// A test of one input.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `-`.
    Any,
    /// One of these values; null is a value.
    In(Vec<Value>),
    /// None of these values; an empty input fits when null is not among them.
    NotIn(Vec<Value>),
    /// Between two values; an empty input does not fit.
    Range {
        /// Lower end and whether it belongs to the range.
        low: Option<(Value, bool)>,
        /// Upper end and whether it belongs to the range.
        high: Option<(Value, bool)>,
    },
}

/// An assignment policy. Expressions about candidates see `record`, `user`, `settings`, `candidate`, `profile`, `measures`.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct AssignmentModel {
    pub key: String,
    pub id: String,
    pub app: usize,
    pub entity: usize,
    pub label: Text,
    /// The user field that is set.
    pub field: Slot,
    pub pool: PoolModel,
    pub measures: Vec<MeasureUseModel>,
    /// Shape of the root `measures`, in the order of `measures`.
    pub measures_shape: Arc<Shape>,
    pub filters: Vec<FilterModel>,
    pub per_day: Option<Expression>,
    pub open: Option<Expression>,
    /// Which records count as open, over `record`, `user`, `settings`.
    pub open_when: Option<Expression>,
    pub terms: Vec<TermModel>,
    /// Id of a plugin and its assigner, which chooses among those who are left.
    pub assigner: Option<(String, String)>,
    pub fallbacks: Vec<FallbackModel>,
    pub offer: Option<OfferModel>,
    /// Over `record`, `user`, `settings`.
    pub claim: Option<Expression>,
    /// SHA-256 of the policy as written, hex: names the version in decisions.
    pub digest: String,
}

/// Who can be chosen.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct PoolModel {
    /// Keys.
    pub roles: Vec<String>,
    /// Profile entity and its user field. All pools of a policy have the same.
    pub profile: Option<(usize, Slot)>,
}

/// A measure of candidates.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct MeasureUseModel {
    pub id: String,
    pub metric: String,
    /// The dimension that is the candidate.
    pub person: Slot,
    /// Other dimensions with the value they must have, over `record`, `user`, `settings`.
    pub matching: Vec<(Slot, Expression)>,
    /// The best few values of this dimension instead of the figure.
    pub top: Option<(Slot, u8)>,
}

/// A condition on candidates.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct FilterModel {
    pub id: String,
    pub label: Text,
    pub condition: Expression,
}

/// A weighted term.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct TermModel {
    pub id: String,
    pub label: Text,
    /// Over `record`, `user`, `settings`; a number.
    pub weight: Expression,
    /// A number.
    pub score: Expression,
    /// A number.
    pub missing: Option<Expression>,
}

/// An offer to the best few.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct OfferModel {
    /// Over `record`, `user`, `settings`.
    pub when: Option<Expression>,
    pub count: usize,
    /// A duration, over `record`, `user`, `settings`.
    pub duration: Expression,
    /// Key.
    pub notification: String,
}

/// A fallback.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct FallbackModel {
    pub id: String,
    pub label: Text,
    /// Over `record`, `user`, `settings`.
    pub when: Option<Expression>,
    /// Positions of filters that are not asked.
    pub without: Vec<usize>,
    pub pool: Option<PoolModel>,
}
