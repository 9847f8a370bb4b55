//! The engine: the one write path, reads within a person's scope, apps and their installation, import and export.
//!
//! Everything that happens to a tenant's data happens here, on behalf of an [`Actor`] and by the clock of an [`Env`].
//! No business word occurs: what the records mean is said by the apps.

mod above;
mod access;
mod again;
mod apps;
mod assign;
mod automation;
mod carry;
mod choices;
mod clocks;
mod commands;
pub mod connect;
pub mod decide;
pub mod demo;
mod engine;
mod env;
mod error;
pub mod exchange;
mod faces;
mod files;
mod form_state;
mod house;
mod idempotency;
mod insight;
mod interactions;
mod kept;
mod lists;
mod metrics;
mod nodes;
mod notify;
mod people;
mod photos;
pub mod plugins;
mod published;
mod query;
mod queue;
mod records;
pub mod scenario;
mod signatures;
pub mod split;
mod tenant;
mod timeline;
mod trail;
pub mod values;

pub use apps::{AppVersion, Findings, FormerNames, Plan, Report};
pub use assign::{Advice, Choice, Considered, Excluded, Replay, ReplayedPerson, Score, StoredAssignment};
pub use automation::{
    Backlog, FailedField, Failure, Freeze, LANE_RENEWAL, Lanes, Retention, Sole, TransitionOffer, Vitals,
    WorkItem, WorkState,
};
pub use carry::Carrier;
pub use choices::{FilterInput, SavedFilter};
pub use clocks::{ClockState, Moved, Recomputed, StoredClock};
pub use commands::{BATCH_MAX, COMMENT_MAX, Command, Outcome, RunOptions, Written};
pub use engine::{Database, Engine, EngineMetrics, EngineOptions, check_slug};
pub use env::{Crossing, Env, Simulated, System, span};
pub use error::{Error, FieldConflict, FieldIssue, Suspect};
pub use faces::{ChangedRecord, Overdue, Task};
pub use files::{Contents, FILE_BYTES_MAX, FileInfo};
pub use form_state::FormState;
pub use interactions::{
    ErrorMet, FieldUse, FormUse, FormUses, INTERACTIONS_MAX, Interaction, InteractionFilter, InteractionKind,
    ROLE_PEOPLE_MIN, Screen,
};
pub use lists::{Figures, Group, GroupFigures, Page, Part, Spot, TOTAL_CAP, Total};
pub use metrics::{Figured, GROUPS_MAX, MetricQuery, Trend};
pub use mortise_store::purge::Retired;
pub use mortise_store::{Keyring, TrailFilter};
pub use nodes::News;
pub use notify::{
    Courier, Delivery, DeliveryState, Door, EMAIL, Endpoint, EndpointInput, EndpointView, MailOptions,
    MailSecurity, Message, Parcel, Refusal,
};
pub use people::{Actor, Channel, Department, Directory, Origin, Person, UserContext};
pub use photos::{LOOK_BITS_MAX, PhotoFacts, PhotoUse, PhotoUses};
pub use query::{Condition, LIMIT, LIMIT_MAX, Op, Query};
pub use records::Record;
pub use signatures::Signature;
pub use tenant::Tenant;
pub use timeline::{FieldChange, TimelineEntry};
pub use trail::{TrailEntry, TrailPage};
pub use values::{Issue, ValueContext};
