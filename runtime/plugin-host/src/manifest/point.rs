//! Extension points: where a plugin is called, what it may import there, how much it may use, and what happens when it
//! fails. Every table here is a `match` without a wildcard, so that a new point does not compile until it is classified.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the runtime calls a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Point {
    /// Checks a record inside the save.
    Validator,
    /// Changes or refuses a record inside the save.
    BeforeSave,
    /// Told about a change afterwards.
    AfterCommit,
    /// A step of a rule or a workflow.
    Action,
    /// A function that expressions call.
    Function,
    /// Gives records a number.
    Scorer,
    /// Chooses a person for a record.
    Assigner,
    /// Brings the figures of a tile.
    Provider,
    /// Makes a document.
    Renderer,
    /// Work by the clock.
    Job,
    /// A door to another system.
    Connector,
}

/// How much a call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Inside a save, while a person waits and others queue.
    Save,
    /// Inside an expression.
    Function,
    /// In the background, or for one page.
    Background,
    /// One step of a job.
    Job,
}

/// What happens when an export fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The save, expression or page fails with it.
    Reject,
    /// As if the plugin were not there. In the background, a fault that asks for it is tried again first.
    Skip,
    /// The save goes on, and the check is made again afterwards; for validators only.
    Defer,
    /// The call is made again, less and less often.
    Retry,
}

impl Point {
    /// All points, in the order of the documentation.
    pub const ALL: [Point; 11] = [
        Point::Validator,
        Point::BeforeSave,
        Point::AfterCommit,
        Point::Action,
        Point::Function,
        Point::Scorer,
        Point::Assigner,
        Point::Provider,
        Point::Renderer,
        Point::Job,
        Point::Connector,
    ];

    /// Its word in the manifest.
    pub fn name(self) -> &'static str {
        self.word().name
    }

    /// The interface that a component exports for it.
    pub fn interface(self) -> &'static str {
        self.word().interface
    }

    fn word(self) -> mortise_wit::Word {
        let place = Point::ALL.iter().position(|point| *point == self);
        mortise_wit::POINTS[place.expect("ALL lists every point")]
    }

    /// The functions of the interface.
    pub fn functions(self) -> &'static [&'static str] {
        match self {
            Point::Validator => &["validate"],
            Point::BeforeSave => &["before-save"],
            Point::AfterCommit => &["after-commit"],
            Point::Action => &["run"],
            Point::Function => &["call-many"],
            Point::Scorer => &["score"],
            Point::Assigner => &["assign"],
            Point::Provider => &["load"],
            Point::Renderer => &["render"],
            Point::Job => &["step"],
            Point::Connector => &["invoke", "probe"],
        }
    }

    /// How much a call may use.
    pub fn tier(self) -> Tier {
        match self {
            Point::Validator | Point::BeforeSave => Tier::Save,
            Point::Function => Tier::Function,
            Point::AfterCommit
            | Point::Action
            | Point::Scorer
            | Point::Assigner
            | Point::Provider
            | Point::Renderer
            | Point::Connector => Tier::Background,
            Point::Job => Tier::Job,
        }
    }

    /// The words of `permissions` that it may use, beside `log` and `budget`.
    pub fn may_use(self) -> &'static [&'static str] {
        match self {
            Point::Function => &[],
            Point::Validator | Point::BeforeSave => &["records.read"],
            // What a job has learnt lies in the plugin's own store.
            Point::Scorer | Point::Assigner => &["records.read", "storage"],
            Point::AfterCommit | Point::Action | Point::Job => {
                &["records.read", "records.write", "http", "storage"]
            }
            Point::Provider => &["records.read", "http", "storage"],
            Point::Renderer => &["records.read", "storage"],
            Point::Connector => &["http", "storage"],
        }
    }

    /// What happens on failure unless the manifest says otherwise.
    pub fn default_failure(self) -> OnFailure {
        match self {
            Point::Validator | Point::BeforeSave | Point::Function | Point::Provider => OnFailure::Reject,
            Point::Scorer | Point::Assigner => OnFailure::Skip,
            Point::AfterCommit | Point::Action | Point::Renderer | Point::Job | Point::Connector => {
                OnFailure::Retry
            }
        }
    }

    /// What a manifest may choose.
    pub fn failure_choices(self) -> &'static [OnFailure] {
        match self {
            Point::Validator => &[OnFailure::Reject, OnFailure::Skip, OnFailure::Defer],
            // Put off, a change would come when people have gone on with the record, and undo what they did.
            Point::BeforeSave => &[OnFailure::Reject, OnFailure::Skip],
            Point::Function => &[OnFailure::Reject],
            Point::Scorer | Point::Assigner | Point::Provider => &[OnFailure::Reject, OnFailure::Skip],
            Point::AfterCommit | Point::Action | Point::Renderer | Point::Job | Point::Connector => {
                &[OnFailure::Retry, OnFailure::Skip, OnFailure::Reject]
            }
        }
    }

    /// True when it is about records of one kind, which the manifest has to name.
    pub fn needs_entity(self) -> bool {
        match self {
            Point::Validator
            | Point::BeforeSave
            | Point::AfterCommit
            | Point::Scorer
            | Point::Assigner
            | Point::Renderer => true,
            Point::Action | Point::Function | Point::Provider | Point::Job | Point::Connector => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stand_in_the_same_order_as_the_words_of_the_interface() {
        let names = Point::ALL.map(|point| serde_json::to_value(point).unwrap());
        let words = mortise_wit::POINTS.map(|word| serde_json::Value::from(word.name));
        assert_eq!(names, words);
    }

    #[test]
    fn the_default_on_failure_is_among_the_choices() {
        for point in Point::ALL {
            assert!(point.failure_choices().contains(&point.default_failure()), "{}", point.name());
        }
    }
}
