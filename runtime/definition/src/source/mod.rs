//! The app language as it is written: one type per artifact file, exactly what the JSON says and nothing derived.
//! Types here never look at another artifact; that is the compiler's work ([`crate::model`]).

mod action;
mod app;
mod assignment;
mod calendar;
mod connector;
mod dashboard;
mod data;
mod decision;
mod entity;
mod field;
mod form;
mod lifecycle;
mod metric;
mod notification;
pub(crate) mod patterns;
mod plugin;
mod role;
mod rule;
mod scenario;
mod sla;
mod tree;
mod view;

pub use action::{Action, Recipient};
pub use app::{Accepted, App, Requirement, Setting, SettingType};
pub use assignment::{
    Assigner, Assignment, CandidateFilter, Capacity, Fallback, MeasureUse, Offer, Pool, Profile, Term, Top,
};
pub use calendar::{Calendar, Holiday, Weekday, WorkingDay};
pub use connector::{Attach, Connector, ConnectorKind, Mapping, Places, Receive};
pub use dashboard::{Card, CardKind, CardProvider, Dashboard, Grain};
pub use data::{Data, words};
pub use decision::{Decision, DecisionInput, DecisionOutput, DecisionRow, HitPolicy, OutputType};
pub use entity::{Check, Compare, DuplicateField, Duplicates, Entity, Extension, Index};
pub use field::{Capture, Choice, Field, FieldType, RollupOperation};
pub use form::{Form, FormFlow, FormItem, FormPurpose, Section};
pub use lifecycle::{Lifecycle, Transition};
pub use metric::{Figure, FigureUse, Measure, Metric, Window};
pub use notification::Notification;
pub use plugin::{
    PLUGIN_DECIMAL_SCALE, PluginEntity, PluginFunction, PluginGrant, PluginHost, PluginReading,
    PluginStorage, PluginType, PluginUse, PluginWriteOp, PluginWriting,
};
pub use role::{FieldAccess, Operation, Permission, Role, RowScope};
pub use rule::{Rule, Trigger};
pub use scenario::{Scenario, ScenarioPerson, ScenarioStep};
pub use sla::{LadderStep, LimitBy, Sla, StepBase};
pub use tree::{Tree, TreeNode};
pub use view::{Column, Highlight, Layout, Total, View, ViewKind};

/// An expression of the app language (CEL), as written.
pub type Source = String;
