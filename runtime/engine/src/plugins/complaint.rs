//! What is wrong with a plugin, in words that can be stored: a version that does not compile today is shown as broken with
//! the same words tomorrow, on every node.

use std::io::ErrorKind;

use mortise_definition::{Problem, Text, locale};
use mortise_plugin_host::HostError;
use mortise_plugin_host::run::Failure;
use serde::{Deserialize, Serialize};

use super::host::lost;
use crate::error::Error;

/// Something that is wrong with a version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// Stable code: `plugin.core_module`.
    pub code: String,
    /// Where: a file of the package and a place in it; empty when it is about the whole.
    pub place: String,
    /// What is wrong.
    pub message: Text,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Text>,
}

impl From<&Problem> for Complaint {
    fn from(problem: &Problem) -> Complaint {
        Complaint {
            code: problem.code.to_owned(),
            place: problem.place(),
            message: Text::both(problem.message("en"), problem.message("zh-CN")),
            hint: problem.hint("en").map(|hint| Text::both(hint, problem.hint("zh-CN").unwrap_or_default())),
        }
    }
}

/// Why a call of a plugin has no answer: in the plugin's own words, or in ours.
pub(super) fn reason(failure: &Failure, language: &str) -> String {
    match failure {
        Failure::Fault(fault) => fault.message.clone(),
        other => locale::translate(language, &format!("error.{}", other.code()), &[]),
    }
}

/// Why a plugin could not be loaded, as it is shown. What is wrong with the host itself is no fault of the plugin.
pub(super) fn troubles(error: &HostError, component: &str) -> Vec<Complaint> {
    let one = |code: &'static str, detail: &str| {
        vec![Complaint::from(&Problem::error(code, component, "").arg("detail", detail))]
    };
    match error {
        HostError::Problems(problems) => problems.iter().map(Complaint::from).collect(),
        HostError::Compile(detail) => one("plugin.compile", detail),
        HostError::GivenUp { reason } => one("plugin.compile_given_up", reason),
        HostError::Link(detail) => one("plugin.link", detail),
        HostError::Folder(error) if error.kind() == ErrorKind::InvalidData => vec![Complaint::from(&lost())],
        HostError::Engine(_) | HostError::Folder(_) => Vec::new(),
    }
}

/// The problems of a component that the host does not take. What is wrong with the host itself is no fault of the plugin.
pub(super) fn problems_of(error: HostError, component: &str) -> Result<Vec<Problem>, Error> {
    let one = |code: &'static str, detail: String| {
        Ok(vec![Problem::error(code, component, "").arg("detail", detail)])
    };
    match error {
        HostError::Problems(problems) => Ok(problems),
        HostError::Compile(detail) => one("plugin.compile", detail),
        HostError::GivenUp { reason } => one("plugin.compile_given_up", reason),
        HostError::Link(detail) => one("plugin.link", detail),
        error @ (HostError::Engine(_) | HostError::Folder(_)) => Err(Error::PluginHost(error.to_string())),
    }
}
