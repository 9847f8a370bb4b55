//! Warnings that authors accept with a note: they are shown as such, and no longer as warnings. Errors are never
//! accepted, and an acceptance of something that is not there any more is a warning itself.

use std::sync::Arc;

use super::place::Place;
use crate::problem::Problems;
use crate::source::Accepted;
use crate::{Kind, Package, Problem, Text};

/// A warning that the authors of its app accept.
#[derive(Debug, Clone)]
pub struct AcceptedFinding {
    /// The warning.
    pub problem: Problem,
    /// Why it is accepted.
    pub note: Text,
}

/// Takes the accepted ones out of all warnings.
pub(super) fn split(packages: &[Arc<Package>], problems: &mut Problems) -> Vec<AcceptedFinding> {
    let mut found = Vec::new();
    for package in packages {
        let place = Place::new(package, Kind::App, "").key("accepted");
        for (index, accepted) in package.app.accepted.iter().enumerate() {
            let taken = problems.take(|problem| !problem.is_error() && matches(package, accepted, problem));
            if taken.is_empty() {
                let problem = place.index(index).warning("lint.accepted_unused");
                let problem = problem.arg("code", &accepted.code).arg("file", &accepted.file);
                problems.push(problem);
            }
            let note = &accepted.note;
            found.extend(taken.into_iter().map(|problem| AcceptedFinding { problem, note: note.clone() }));
        }
    }
    found
}

fn matches(package: &Package, accepted: &Accepted, problem: &Problem) -> bool {
    let file = problem.file.strip_prefix(package.app.id.as_str()).and_then(|rest| rest.strip_prefix('/'));
    problem.code == accepted.code
        && file == Some(accepted.file.as_str())
        && problem.pointer == accepted.pointer
}
