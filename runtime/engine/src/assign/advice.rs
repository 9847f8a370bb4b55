//! A plugin's say in who gets a record. It chooses among those whom filters and capacity have left, and only among them; where it
//! fails or chooses nobody, the terms of the policy decide, and the decision tells so.

use mortise_definition::model::{AssignmentModel, candidate_slots};
use mortise_expr::Value;
use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::run::Failure;
use mortise_plugin_host::value::{Candidate as Asked, Field, Value as Wire};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::candidates::Candidate;
use super::choose::Score;
use crate::automation::Subject;
use crate::commands::{self, Work};
use crate::plugins::{Calling, plain};

/// What a plugin had to say to a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// Id of the plugin.
    pub plugin: String,
    /// Its name, in the language of the tenant at that time.
    pub title: String,
    /// Whom it chose; none when the terms decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Uuid>,
    /// Why it did not choose: the code of its failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Asks the plugin of a policy about those who are left, the best by the terms first; none where no plugin has a say.
pub(super) fn ask(
    work: &Work,
    policy: &AssignmentModel,
    subject: &Subject,
    left: &[(f64, &Candidate, Vec<Score>)],
) -> Option<Advice> {
    let (plugin, name) = policy.assigner.as_ref().filter(|_| !left.is_empty())?;
    let key = format!("{}:{}:{}", policy.key, subject.id, subject.at.timestamp_micros());
    let found = work.published.plugins.find(Point::Assigner, plugin, name, None, &key);
    let Some(binding) = found.filter(|binding| binding.entity == Some(policy.entity)) else {
        let failure = Some("plugin.run.missing".to_owned());
        return Some(Advice { plugin: plugin.clone(), title: plugin.clone(), person: None, failure });
    };
    let candidates: Vec<Asked> = left.iter().map(|(sum, candidate, _)| known(*sum, candidate)).collect();
    let calling = Calling::new(work, key).about(&subject.entity, subject.id);
    // The writer's thread waits: for as long as plugins may take inside of one transaction, and no longer.
    let answer =
        commands::wait(work, async { Ok(calling.assign(binding, &subject.record, &candidates).await) });
    let (person, failure) = match answer {
        Ok(Ok(chosen)) => (chosen.flatten().and_then(|id| id.parse().ok()), None),
        Ok(Err(failure)) => (None, Some(Failure::code(&failure).to_owned())),
        Err(error) => (None, Some(error.code().to_owned())),
    };
    let title = binding.version.manifest().title.get(&work.directory.language).to_owned();
    Some(Advice { plugin: plugin.clone(), title, person, failure })
}

/// What a plugin is told of somebody: what the terms know, and their sum.
fn known(sum: f64, candidate: &Candidate) -> Asked {
    let root = &candidate.root;
    let field = |name: &str, slot: usize| Field::new(name, plain(root.get(slot).unwrap_or(&Value::Null)));
    let fields = vec![
        Field::new("name", Wire::Text(candidate.name.clone())),
        field("department", candidate_slots::DEPARTMENT),
        field("roles", candidate_slots::ROLES),
        field("open", candidate_slots::OPEN),
        field("today", candidate_slots::TODAY),
        Field::new("sum", Wire::Float(sum)),
    ];
    Asked { id: candidate.id.to_string(), fields }
}
