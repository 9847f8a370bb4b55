//! What happens to a record in its course: the states it goes through, the rules that events set off, the clocks that
//! run on it, and what both of them do.

use mortise_expr::{Expression, Type};

use super::FigureUseModel;
use crate::Text;
use crate::model::Slot;
use crate::source::StepBase;

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
    /// Members of the root `measures`, in order.
    pub measures: Vec<FigureUseModel>,
    /// Must hold, over `record`, `user`, `settings`, `previous`, `clock`, `measures`.
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

/// An action. Expressions see `record`, `user`, `settings`, `previous`, `clock`, `measures`.
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
        owner: Option<RecipientModel>,
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
    LookUp {
        entity: usize,
        value: Expression,
        first: Slot,
        last: Slot,
        /// Slots of the record with those of the table.
        values: Vec<(Slot, Slot)>,
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
    Plugin {
        /// Id of the plugin.
        plugin: String,
        /// The app can do without it.
        optional: bool,
        asks: PluginAsk,
        input: Vec<(String, Expression)>,
        /// Members of the root `result`, in order.
        returns: Vec<(String, Type)>,
        /// Expressions see `record`, `user`, `settings`, `result`.
        then: Vec<ActionModel>,
    },
    Signal {
        /// Id of the plugin.
        plugin: String,
        /// The signal: a text, perhaps empty.
        key: Expression,
        fields: Vec<(String, Expression)>,
    },
    Run {
        rule: String,
    },
}

/// Which of a plugin's exports an action asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginAsk {
    /// An action.
    Action(String),
    /// An operation of its connector.
    Connector(String),
    /// A number for the record.
    Scorer(String),
    /// A document of the record.
    Renderer(String),
}

impl PluginAsk {
    /// Name of the export.
    pub fn name(&self) -> &str {
        match self {
            PluginAsk::Action(name)
            | PluginAsk::Connector(name)
            | PluginAsk::Scorer(name)
            | PluginAsk::Renderer(name) => name,
        }
    }
}

impl ActionModel {
    /// What is done when the plugin that this action asks has finished.
    pub fn then(&self) -> &[ActionModel] {
        match &self.kind {
            ActionKind::Plugin { then, .. } => then,
            _ => &[],
        }
    }

    /// This action and all that may follow from it later, however deep.
    pub fn with_later(&self) -> Vec<&ActionModel> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(action) = found.get(next).copied() {
            next += 1;
            found.extend(action.then());
        }
        found
    }
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
    /// The supervisor of the person in a field.
    SupervisorOf(Slot),
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
    /// Members of the root `measures` in steps, in order.
    pub measures: Vec<FigureUseModel>,
    /// Key of the form by which people stop it, and the field by which the form's records refer to those of the clock;
    /// none when it is a form of these themselves.
    pub form: Option<(String, Option<Slot>)>,
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
    /// Sees `clock` and `measures` as well.
    pub condition: Option<Expression>,
    pub actions: Vec<ActionModel>,
}
