//! Puts apps into the order of dependence and checks what they require.

use std::collections::HashMap;
use std::sync::Arc;

use semver::Version;

use super::place::Place;
use crate::problem::Problems;
use crate::{Kind, Package};

/// The packages, each after those that it requires; among equals in the order of ids. Those with unmet
/// requirements are left in place, so that the rest of the check still finds what else is wrong.
pub(super) fn order(packages: &[Arc<Package>], problems: &mut Problems) -> Vec<Arc<Package>> {
    let mut sorted: Vec<&Arc<Package>> = packages.iter().collect();
    sorted.sort_by(|a, b| a.app.id.cmp(&b.app.id));
    for pair in sorted.windows(2).filter(|pair| pair[0].app.id == pair[1].app.id) {
        problems.push(
            Place::new(pair[1], Kind::App, "").key("id").error("app.duplicate").arg("app", &pair[1].app.id),
        );
    }
    sorted.dedup_by(|a, b| a.app.id == b.app.id);
    let by_id: HashMap<&str, &Arc<Package>> =
        sorted.iter().map(|package| (package.app.id.as_str(), *package)).collect();
    let mut walk = Walk { by_id, done: Vec::new(), path: Vec::new(), problems };
    for package in &sorted {
        walk.check(package);
        walk.visit(package);
    }
    walk.done
}

struct Walk<'a> {
    by_id: HashMap<&'a str, &'a Arc<Package>>,
    done: Vec<Arc<Package>>,
    path: Vec<&'a str>,
    problems: &'a mut Problems,
}

impl<'a> Walk<'a> {
    /// Depth is bounded by the number of apps: a path never holds an app twice.
    fn visit(&mut self, package: &'a Arc<Package>) {
        let id = package.app.id.as_str();
        if self.done.iter().any(|done| done.app.id == id) {
            return;
        }
        if let Some(start) = self.path.iter().position(|entry| *entry == id) {
            let cycle = [&self.path[start..], &[id]].concat().join(" → ");
            let place = Place::new(package, Kind::App, "").key("requires");
            return self.problems.push(place.error("app.requirement_cycle").arg("cycle", cycle));
        }
        self.path.push(id);
        for requirement in &package.app.requires {
            if let Some(required) = self.by_id.get(requirement.app.as_str()).copied() {
                self.visit(required);
            }
        }
        self.path.pop();
        // A cycle comes back to an app that is on its way already.
        if !self.done.iter().any(|done| done.app.id == id) {
            self.done.push(Arc::clone(package));
        }
    }

    fn check(&mut self, package: &Package) {
        let place = Place::new(package, Kind::App, "");
        if let Err(error) = Version::parse(&package.app.version) {
            let problem = place.key("version").error("app.version");
            self.problems.push(problem.arg("version", &package.app.version).arg("reason", error));
        }
        for (index, requirement) in package.app.requires.iter().enumerate() {
            let place = place.key("requires").index(index);
            let wanted = match Version::parse(&requirement.version) {
                Ok(wanted) => wanted,
                Err(error) => {
                    let problem = place.key("version").error("app.version");
                    self.problems.push(problem.arg("version", &requirement.version).arg("reason", error));
                    continue;
                }
            };
            let Some(required) = self.by_id.get(requirement.app.as_str()) else {
                let problem = place.key("app").error("app.requirement_missing").arg("app", &requirement.app);
                self.problems.push(problem.suggest(&requirement.app, self.by_id.keys().copied()));
                continue;
            };
            if Version::parse(&required.app.version).is_ok_and(|present| present < wanted) {
                let problem =
                    place.key("version").error("app.requirement_version").arg("app", &requirement.app);
                self.problems.push(problem.arg("wanted", wanted).arg("present", &required.app.version));
            }
        }
    }
}
