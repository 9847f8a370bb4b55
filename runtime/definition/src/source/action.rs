//! Actions: what rules and clocks do. Every action runs through the one write path, in the transaction that marks its
//! event as done; what leaves the house (mail, robots, webhooks) becomes a delivery there.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PluginType, Source};
use crate::Text;

/// One action. Expressions see `record` (as it is now), `previous` (before the change; all empty otherwise),
/// `clock` (in the steps of a clock), `user` (who caused it), `settings` and `measures` (figures that the rule or clock names).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Sets fields of the record.
    Set {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// Expressions by field name; `null` empties a field.
        values: IndexMap<String, Source>,
    },
    /// Adds an entry to a field of choices (a list that the record is on), or takes one away.
    Add {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The field of type `choices`.
        field: String,
        /// The entry.
        value: String,
        /// Takes it away instead.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        remove: bool,
    },
    /// Makes a record.
    Create {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The entity of the new record.
        entity: String,
        /// Expressions by field name of the new record.
        values: IndexMap<String, Source>,
        /// Who owns it, by what they are to this record; an administrator when that person is not there. Not a role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Recipient>,
    },
    /// Changes the records that point to this one by a reference.
    UpdateRelated {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The entity of the other records.
        entity: String,
        /// Its reference field that points here.
        via: String,
        /// Which of them, over their own fields as `record`; all unless given.
        #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
        condition: Option<Source>,
        /// Expressions by field name of the other records, over this action's own names.
        values: IndexMap<String, Source>,
    },
    /// Changes the record that a reference of this one points to.
    UpdateReferenced {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The reference field.
        field: String,
        /// Only if this holds for the other record, over its own fields as `record`.
        #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
        condition: Option<Source>,
        /// Expressions by field name of the other record, over this action's own names.
        values: IndexMap<String, Source>,
    },
    /// Takes a transition of the record's lifecycle. In any other state than those it starts from, nothing happens.
    Transition {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// Id of the transition.
        transition: String,
    },
    /// Asks a decision table and sets fields to its outputs.
    Decide {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The table: `grade`, or `app.grade`.
        decision: String,
        /// Output by field name.
        values: IndexMap<String, String>,
    },
    /// Sets fields of the record from a table of ranges: from the record with the largest start that is not above a text,
    /// if the text is not above its end either. Where there is none, nothing happens.
    LookUp {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The entity of the table.
        entity: String,
        /// What is looked up: an expression of a text; nothing happens while it is empty.
        value: Source,
        /// The text field of the table with the start of a range.
        first: String,
        /// The text field of the table with the end of a range, which still belongs to it.
        last: String,
        /// Field of the table by field name of the record.
        values: IndexMap<String, String>,
    },
    /// Chooses a person by an assignment policy.
    Assign {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The policy: `order`, or `app.order`.
        policy: String,
    },
    /// Tells people.
    Notify {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The notification: `reminder`, or `app.reminder`.
        notification: String,
        /// Who is told in the inbox and by e-mail; those of the notification unless given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        to: Vec<Recipient>,
    },
    /// Takes away a person's right to change this record (they still see it).
    Freeze {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The person: an expression with the id of a user.
        person: Source,
        /// For how long: an expression of a duration; until it is lifted unless given.
        #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
        duration: Option<Source>,
        /// What the person is told.
        reason: Text,
    },
    /// Lifts freezes of the record.
    Unfreeze {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The person; everybody unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<Source>,
    },
    /// Writes a report from a template and attaches it to the record as an HTML file.
    Report {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// File name without its ending; a template.
        name: Text,
        /// The report: a minijinja template over `record`, `timeline`, `clocks`, `assignments`, `now`.
        template: Text,
    },
    /// Adds a comment to the record's timeline.
    Comment {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The comment; a template.
        text: Text,
    },
    /// Calls a connector of kind `webhook`.
    Webhook {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The connector.
        connector: String,
        /// Expressions by key of the JSON that is sent; the whole record unless given.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        body: IndexMap<String, Source>,
    },
    /// Has a plugin do something when the transaction is over: the actions behind this one do not wait for it, and `then`
    /// follows in a transaction of its own. Asked again with growing pauses when it fails, and kept when that does not help.
    Plugin {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The plugin, by its name among the `plugins` of `app.json`.
        plugin: String,
        /// The plugin's action; one of `action`, `connector`, `scorer`, `renderer` has to be given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<String>,
        /// An operation of the plugin's connector.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connector: Option<String>,
        /// A scorer, which gives the record a number: `result.score`, and its `result.reasons` in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scorer: Option<String>,
        /// A renderer, which makes a document of the record. It is attached to the record; `result.name` is its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        renderer: Option<String>,
        /// What it is given: expressions by name.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        input: IndexMap<String, Source>,
        /// What it gives back, as far as `then` reads it as `result.name`: types by name. Any of it may be empty. What scorers
        /// and renderers give back is known.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        returns: IndexMap<String, PluginType>,
        /// What is done when it has finished, once and all or not at all. Expressions see `record` as it is by then, `user`,
        /// `settings` and `result`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        then: Vec<Action>,
    },
    /// Tells a plugin that what its actions wait for has happened: every one that waits for this signal goes on, once. Where
    /// nobody waits for it, nothing happens.
    Signal {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// The plugin, by its name among the `plugins` of `app.json`.
        plugin: String,
        /// The signal, as the plugin named it: an expression of a text; nothing happens while it is empty.
        key: Source,
        /// What the plugin is given with it: expressions by name.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        fields: IndexMap<String, Source>,
    },
    /// Runs another rule of the same entity on the record, its condition included.
    Run {
        /// Only while this holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        when: Option<Source>,
        /// Id of the rule.
        rule: String,
    },
}

impl Action {
    /// The condition of the action.
    pub fn when(&self) -> Option<&Source> {
        match self {
            Action::Set { when, .. }
            | Action::Add { when, .. }
            | Action::Create { when, .. }
            | Action::UpdateRelated { when, .. }
            | Action::UpdateReferenced { when, .. }
            | Action::Transition { when, .. }
            | Action::Decide { when, .. }
            | Action::LookUp { when, .. }
            | Action::Assign { when, .. }
            | Action::Notify { when, .. }
            | Action::Freeze { when, .. }
            | Action::Unfreeze { when, .. }
            | Action::Report { when, .. }
            | Action::Comment { when, .. }
            | Action::Webhook { when, .. }
            | Action::Plugin { when, .. }
            | Action::Signal { when, .. }
            | Action::Run { when, .. } => when.as_ref(),
        }
    }
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
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
    /// Everybody with a role.
    #[serde(untagged)]
    Role {
        /// The role: `director`, or `app.director`.
        role: String,
    },
    /// The person in a field.
    #[serde(untagged)]
    Field {
        /// A field of type `user`.
        field: String,
    },
    /// The supervisor of the person in a field.
    #[serde(untagged)]
    SupervisorOf {
        /// A field of type `user`.
        supervisor_of: String,
    },
}
