//! Names: which apps, entities and trees there are, and what a written name means at a place. A plain id belongs to
//! the app itself, `app.id` to an app that it requires; nothing else is visible.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::place::Place;
use crate::problem::Problems;
use crate::{Kind, Package, Problem};

/// Words that expressions keep for themselves; a field of such a name could never be read.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];
/// Longest name of a field, setting or entity; table and column names of databases end at 63.
pub(super) const NAME_CHARS_MAX: usize = 40;
/// Longest name of a table: with what is put before or behind it, it must stay below the 63 bytes of PostgreSQL.
pub(super) const TABLE_CHARS_MAX: usize = 54;

/// What exists, by app.
pub(super) struct Names<'a> {
    packages: &'a [Arc<Package>],
    apps: HashMap<&'a str, usize>,
    entities: HashMap<(usize, &'a str), usize>,
    trees: HashMap<(usize, &'a str), String>,
    /// What else can be named: roles and all that happens by itself.
    artifacts: HashSet<(Kind, usize, &'a str)>,
}

impl<'a> Names<'a> {
    /// The names of these packages; entities are counted in the order of packages and files.
    pub(super) fn new(packages: &'a [Arc<Package>]) -> Names<'a> {
        let mut names = Names {
            packages,
            apps: HashMap::new(),
            entities: HashMap::new(),
            trees: HashMap::new(),
            artifacts: HashSet::new(),
        };
        let mut count = 0;
        for (app, package) in packages.iter().enumerate() {
            names.apps.insert(&package.app.id, app);
            for entity in &package.entities {
                names.entities.insert((app, &entity.id), count);
                count += 1;
            }
            for tree in &package.trees {
                names.trees.insert((app, &tree.id), format!("{}.{}", package.app.id, tree.id));
            }
            let mut add = |kind, id| names.artifacts.extend([(kind, app, id)]);
            package.roles.iter().for_each(|one| add(Kind::Role, &one.id));
            package.views.iter().for_each(|one| add(Kind::View, &one.id));
            package.forms.iter().for_each(|one| add(Kind::Form, &one.id));
            package.decisions.iter().for_each(|one| add(Kind::Decision, &one.id));
            package.calendars.iter().for_each(|one| add(Kind::Calendar, &one.id));
            package.slas.iter().for_each(|one| add(Kind::Sla, &one.id));
            package.metrics.iter().for_each(|one| add(Kind::Metric, &one.id));
            package.assignments.iter().for_each(|one| add(Kind::Assignment, &one.id));
            package.connectors.iter().for_each(|one| add(Kind::Connector, &one.id));
            package.notifications.iter().for_each(|one| add(Kind::Notification, &one.id));
            package.rules.iter().for_each(|one| add(Kind::Rule, &one.id));
        }
        names
    }

    /// The entity that `name` means in `app`.
    pub(super) fn entity(
        &self,
        app: usize,
        name: &str,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<usize> {
        let (owner, id) = self.owner(app, name, place, problems)?;
        let found = self.entities.get(&(owner, id)).copied();
        if found.is_none() {
            problems.push(self.missing(app, name, place, "ref.entity", self.entities.keys().copied()));
        }
        found
    }

    /// The key of the tree that `name` means in `app`.
    pub(super) fn tree(
        &self,
        app: usize,
        name: &str,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<String> {
        let (owner, id) = self.owner(app, name, place, problems)?;
        let found = self.trees.get(&(owner, id)).cloned();
        if found.is_none() {
            problems.push(self.missing(app, name, place, "ref.tree", self.trees.keys().copied()));
        }
        found
    }

    /// The app and the id of the artifact that `name` means in `app`; its key is `app.id`.
    pub(super) fn artifact<'n>(
        &self,
        kind: Kind,
        app: usize,
        name: &'n str,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<(usize, &'n str)> {
        let (owner, id) = self.owner(app, name, place, problems)?;
        if self.artifacts.contains(&(kind, owner, id)) {
            return Some((owner, id));
        }
        let known = self.artifacts.iter().filter(|(other, ..)| *other == kind);
        let known = known.map(|(_, owner, id)| (*owner, *id));
        problems.push(self.missing(app, name, place, missing_code(kind), known));
        None
    }

    /// True when `app` is `other` or says that it requires it.
    fn sees(&self, app: usize, other: usize) -> bool {
        let id = &self.packages[other].app.id;
        app == other || self.packages[app].app.requires.iter().any(|requirement| requirement.app == *id)
    }

    /// The app that a name belongs to, and the id within it.
    fn owner<'n>(
        &self,
        app: usize,
        name: &'n str,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<(usize, &'n str)> {
        let Some((owner, id)) = name.split_once('.') else { return Some((app, name)) };
        match self.apps.get(owner).copied() {
            Some(other) if self.sees(app, other) => Some((other, id)),
            Some(_) => {
                problems.push(place.error("ref.not_required").arg("name", name).arg("app", owner));
                None
            }
            None => {
                let problem = place.error("ref.app").arg("name", name).arg("app", owner);
                problems.push(problem.suggest(owner, self.apps.keys().copied()));
                None
            }
        }
    }

    fn missing<'k>(
        &self,
        app: usize,
        name: &str,
        place: &Place,
        code: &'static str,
        known: impl Iterator<Item = (usize, &'k str)>,
    ) -> Problem {
        let visible = known.filter(|(owner, _)| self.sees(app, *owner));
        let mut written: Vec<String> = visible
            .map(|(owner, id)| match owner == app {
                true => id.to_owned(),
                false => format!("{}.{id}", self.packages[owner].app.id),
            })
            .collect();
        written.sort();
        let problem = place.error(code).arg("name", name);
        // The commonest slip is to forget the app in front.
        let qualified = written.iter().find(|known| known.split_once('.').is_some_and(|(_, id)| id == name));
        match qualified {
            Some(qualified) => problem.arg("suggestion", qualified),
            None => problem.suggest(name, written.iter().map(String::as_str)),
        }
    }
}

fn missing_code(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "ref.role",
        Kind::Decision => "ref.decision",
        Kind::Calendar => "ref.calendar",
        Kind::Sla => "ref.sla",
        Kind::Metric => "ref.metric",
        Kind::Assignment => "ref.assignment",
        Kind::Connector => "ref.connector",
        Kind::Notification => "ref.notification",
        Kind::Rule => "ref.rule",
        _ => "ref.artifact",
    }
}

/// Checks a name that expressions, the API and the database use.
pub(super) fn check_name(name: &str, place: &Place, problems: &mut Problems) {
    let mut bytes = name.bytes();
    let well_formed = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !well_formed {
        problems.push(place.error("name.form").arg("name", name));
    } else if name.len() > NAME_CHARS_MAX {
        problems.push(place.error("name.too_long").arg("name", name).arg("limit", NAME_CHARS_MAX));
    } else if RESERVED.contains(&name) {
        problems.push(place.error("name.reserved").arg("name", name));
    }
}
