//! The compiled form of what apps do by themselves: lifecycles, rules, clocks, decisions, assignments, metrics,
//! dashboards, notifications and connectors. Immutable like the rest of the model; every name is resolved.

mod course;
mod deciding;
mod doors;
mod figures;

use std::sync::Arc;

use indexmap::IndexMap;

use super::Slot;
use crate::source::Scenario;

pub use course::*;
pub use deciding::*;
pub use doors::*;
pub use figures::*;

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
    /// What metrics say: of the candidate in assignments, as they are named in rules, actions and steps of clocks.
    pub const MEASURES: usize = 5;
    /// What a plugin gave back: actions that follow when it has finished.
    pub const RESULT: usize = 6;
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
    /// Rollups that a rule or a clock waits for: when child records change them, that is an event of the record.
    pub watched: Vec<Slot>,
}

impl EntityAutomation {
    /// Whether anything follows from an event of a record; otherwise nobody has to look at it.
    pub fn is_interested(&self) -> bool {
        !self.rules.is_empty() || !self.slas.is_empty()
    }
}
