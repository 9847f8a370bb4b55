//! The compiled form of what apps do by themselves: lifecycles, rules, clocks, decisions, assignments, metrics,
//! dashboards, notifications and connectors. Immutable like the rest of the model; every name is resolved.

use std::sync::Arc;

use indexmap::IndexMap;
use mortise_expr::{Expression, Shape, Type, Value};

use super::Slot;
use crate::Text;
use crate::source::{
    self, CardKind, ConnectorKind, Figure, Grain, HitPolicy, OutputType, Scenario, StepBase, Window,
};
use crate::worktime::WorkCalendar;

/// Roots of expressions beyond [`super::roots`], by the place where they are written.
pub mod automation_roots {
    /// The record before the change: rules, clocks, actions.
    pub const PREVIOUS: usize = 3;
    /// The clock whose step is carried out: actions and conditions of steps; all empty elsewhere.
    pub const CLOCK: usize = 4;
    /// The candidate: assignments.
    pub const CANDIDATE: usize = 3;
    /// The candidate's record of the profile entity: assignments.
    pub const PROFILE: usize = 4;
    /// What metrics say of the candidate: assignments.
    pub const MEASURES: usize = 5;
    /// The inputs of a decision table: its outputs.
    pub const INPUTS: usize = 3;
}

/// Members of the root `clock`, in this order.
pub mod clock_slots {
    /// Key of the policy (`app.sla`).
    pub const SLA: usize = 0;
    /// Id of the step.
    pub const STEP: usize = 1;
    /// When it started.
    pub const STARTED_AT: usize = 2;
    /// When its limit is.
    pub const DUE_AT: usize = 3;
    /// Its limit.
    pub const LIMIT: usize = 4;
    /// Time counted until now.
    pub const ELAPSED: usize = 5;
    /// True when the step is carried out later than it was due (after a downtime).
    pub const LATE: usize = 6;
}

/// Members of the root `candidate`, in this order.
pub mod candidate_slots {
    /// Id of the user.
    pub const ID: usize = 0;
    /// Name.
    pub const NAME: usize = 1;
    /// Department, nullable.
    pub const DEPARTMENT: usize = 2;
    /// Roles as `app.role`.
    pub const ROLES: usize = 3;
    /// Open records of the person now.
    pub const OPEN: usize = 4;
    /// Records given to the person today.
    pub const TODAY: usize = 5;
}

/// Everything of a tenant that happens by itself. Keys are `app.id`.
#[derive(Debug, Default)]
pub struct Automation {
    /// Lifecycles.
    pub lifecycles: IndexMap<String, Arc<LifecycleModel>>,
    /// Decision tables.
    pub decisions: IndexMap<String, Arc<DecisionModel>>,
    /// Calendars.
    pub calendars: IndexMap<String, Arc<CalendarModel>>,
    /// Clocks.
    pub slas: IndexMap<String, Arc<SlaModel>>,
    /// Metrics.
    pub metrics: IndexMap<String, Arc<MetricModel>>,
    /// Assignment policies.
    pub assignments: IndexMap<String, Arc<AssignmentModel>>,
    /// Connectors.
    pub connectors: IndexMap<String, Arc<ConnectorModel>>,
    /// Notifications.
    pub notifications: IndexMap<String, Arc<NotificationModel>>,
    /// Rules.
    pub rules: IndexMap<String, Arc<RuleModel>>,
    /// Dashboards.
    pub dashboards: IndexMap<String, Arc<DashboardModel>>,
    /// Scenarios, as written, with the position of their app.
    pub scenarios: IndexMap<String, (usize, Arc<Scenario>)>,
    /// What concerns each entity, by its index.
    pub by_entity: Vec<EntityAutomation>,
}

/// What happens by itself with the records of one entity.
#[derive(Debug, Default)]
pub struct EntityAutomation {
    /// Its lifecycle.
    pub lifecycle: Option<Arc<LifecycleModel>>,
    /// Rules that an event of a record can set off, in the order in which they run.
    pub rules: Vec<Arc<RuleModel>>,
    /// Clocks on its records.
    pub slas: Vec<Arc<SlaModel>>,
}

impl EntityAutomation {
    /// Whether anything follows from an event of a record; otherwise nobody has to look at it.
    pub fn is_interested(&self) -> bool {
        !self.rules.is_empty() || !self.slas.is_empty()
    }
}

/// States and transitions of an entity.
#[derive(Debug)]
pub struct LifecycleModel {
    /// `app.lifecycle`.
    pub key: String,
    /// App that owns it.
    pub app: usize,
    /// Entity.
    pub entity: usize,
    /// Field of the state.
    pub field: Slot,
    /// State of a new record.
    pub initial: String,
    /// Ways between states.
    pub transitions: Vec<TransitionModel>,
}

impl LifecycleModel {
    /// The transition with this id.
    pub fn transition(&self, id: &str) -> Option<&TransitionModel> {
        self.transitions.iter().find(|transition| transition.id == id)
    }
}

/// A way from some states to another.
#[derive(Debug)]
pub struct TransitionModel {
    /// Id within the lifecycle.
    pub id: String,
    /// Words on its button.
    pub label: Text,
    /// States in which it can be taken.
    pub from: Vec<String>,
    /// State afterwards.
    pub to: String,
    /// Roles by key that may take it; `None` is everybody who may change the record, an empty list nobody but rules.
    pub roles: Option<Vec<String>>,
    /// Must hold, over `record` (with the values that come along and those that it sets not yet), `user`, `settings`.
    pub guard: Option<Expression>,
    /// Told when the guard does not hold.
    pub message: Option<Text>,
    /// Fields that have to be filled.
    pub requires: Vec<Slot>,
    /// Fields that it sets.
    pub set: Vec<(Slot, Expression)>,
    /// Colour of its button.
    pub color: Option<String>,
}

/// A rule.
#[derive(Debug)]
pub struct RuleModel {
    /// `app.rule`.
    pub key: String,
    /// Id within the app.
    pub id: String,
    /// App that owns it.
    pub app: usize,
    /// Entity.
    pub entity: usize,
    /// Label.
    pub label: Text,
    /// What sets it off.
    pub triggers: Vec<TriggerModel>,
    /// Must hold, over `record`, `user`, `settings`, `previous`, `clock`.
    pub condition: Option<Expression>,
    /// What is done.
    pub actions: Vec<ActionModel>,
    /// Order among the rules of an event.
    pub order: i32,
}

/// What sets a rule off.
#[derive(Debug)]
pub enum TriggerModel {
    /// A record was made.
    Created,
    /// A record was changed; one of these fields, any when empty.
    Changed(Vec<Slot>),
    /// A record was put into the trash.
    Deleted,
    /// A record was taken out of the trash.
    Restored,
    /// A transition was taken; any without an id.
    Transition(Option<String>),
    /// A point in time.
    Schedule {
        /// The parsed line.
        cron: Box<croner::Cron>,
        /// Its zone; the tenant's unless given.
        zone: Option<chrono_tz::Tz>,
        /// Which records, over `record`, `user`, `settings`.
        condition: Expression,
    },
}

/// An action. Expressions see `record`, `user`, `settings`, `previous`, `clock`.
#[derive(Debug)]
pub struct ActionModel {
    /// Where it is written: JSON pointer within its artifact.
    pub pointer: String,
    /// Only while this holds.
    pub when: Option<Expression>,
    /// What is done.
    pub kind: ActionKind,
}

/// What an action does; see [`source::Action`].
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ActionKind {
    Set {
        values: Vec<(Slot, Expression)>,
    },
    Add {
        slot: Slot,
        value: String,
        remove: bool,
    },
    Create {
        entity: usize,
        values: Vec<(Slot, Expression)>,
    },
    UpdateReferenced {
        entity: usize,
        via: Slot,
        condition: Option<Expression>,
        values: Vec<(Slot, Expression)>,
    },
    UpdateRelated {
        entity: usize,
        via: Slot,
        condition: Option<Expression>,
        values: Vec<(Slot, Expression)>,
    },
    Transition {
        transition: String,
    },
    Decide {
        decision: String,
        values: Vec<(Slot, usize)>,
    },
    Assign {
        policy: String,
    },
    Notify {
        notification: String,
        to: Vec<RecipientModel>,
    },
    Freeze {
        person: Expression,
        duration: Option<Expression>,
        reason: Text,
    },
    Unfreeze {
        person: Option<Expression>,
    },
    Report {
        name: Text,
        template: Text,
    },
    Comment {
        text: Text,
    },
    Webhook {
        connector: String,
        body: Vec<(String, Expression)>,
    },
    Run {
        rule: String,
    },
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientModel {
    /// Who owns the record.
    Owner,
    /// Who owned it before the change.
    PreviousOwner,
    /// Who made it.
    Creator,
    /// The supervisor of its owner.
    Supervisor,
    /// The supervisor of who owned it before the change.
    PreviousSupervisor,
    /// Everybody with the role (by key).
    Role(String),
    /// The person in a field.
    Field(Slot),
}

/// A clock policy. Conditions see `record`, `user`, `settings`, `previous`.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct SlaModel {
    pub key: String,
    pub id: String,
    pub app: usize,
    pub entity: usize,
    pub label: Text,
    pub start: Expression,
    /// A moment.
    pub from: Option<Expression>,
    pub stop: Expression,
    pub cancel: Option<Expression>,
    pub pause: Option<Expression>,
    pub resume: Option<Expression>,
    pub reset: Option<Expression>,
    pub limit: LimitModel,
    /// Key of the calendar; calendar time without.
    pub calendar: Option<String>,
    pub ladder: Vec<StepModel>,
    /// SHA-256 over everything that its reckoning depends on (its text, calendar, table, settings), hex.
    pub digest: String,
}

/// Where the limit of a clock comes from.
#[derive(Debug)]
pub enum LimitModel {
    /// An expression of a duration.
    Expression(Expression),
    /// An output of a decision table.
    Decision {
        /// Key of the table.
        decision: String,
        /// Position of the output.
        output: usize,
    },
}

/// A step of a ladder.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct StepModel {
    pub id: String,
    pub label: Text,
    pub base: StepBase,
    /// A duration.
    pub offset: Expression,
    /// Sees `clock` as well.
    pub condition: Option<Expression>,
    pub actions: Vec<ActionModel>,
}

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
    pub fallbacks: Vec<FallbackModel>,
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
    pub cards: Vec<CardModel>,
}

/// A card.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct CardModel {
    pub id: String,
    pub label: Text,
    pub kind: CardKind,
    /// Key.
    pub metric: String,
    pub by: Option<Slot>,
    pub per: Grain,
    pub window: Option<Window>,
    pub limit: usize,
    pub width: u8,
}

/// A notification.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct NotificationModel {
    pub key: String,
    pub app: usize,
    pub entity: usize,
    pub label: Text,
    pub title: Text,
    pub body: Text,
    pub to: Vec<RecipientModel>,
    pub email: bool,
    /// Keys of connectors.
    pub channels: Vec<String>,
}

/// A connector.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ConnectorModel {
    pub key: String,
    pub id: String,
    pub app: usize,
    pub label: Text,
    pub kind: ConnectorKind,
    pub receive: Option<ReceiveModel>,
}

/// What becomes of a call that comes in.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ReceiveModel {
    pub entity: usize,
    pub map: Vec<(Slot, source::Mapping)>,
    pub key: Option<String>,
    pub attach: Option<AttachModel>,
}

/// How a call finds the record that it belongs to.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct AttachModel {
    /// Fields of the received entity.
    pub by: Vec<Slot>,
    pub condition: Option<Expression>,
    pub entity: usize,
    pub via: Slot,
    pub map: Vec<(Slot, source::Mapping)>,
    pub always: bool,
}
