//! A package: one app as a folder of JSON, read into typed artifacts and written back byte for byte. Reading checks
//! every file on its own (syntax, schema, names of files); whether the artifacts fit together is for
//! [`crate::compile`] to say. A package is never changed in place.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::problem::Problems;
use crate::source::{
    App, Assignment, Calendar, Connector, Dashboard, Data, Decision, Entity, Extension, Form, Lifecycle,
    Metric, Notification, Role, Rule, Scenario, Sla, Tree, View,
};
use crate::{Problem, folder, json, schema};

/// Most files in one app. The largest app we can imagine has some hundreds of artifacts.
pub const FILES_MAX: usize = 2_000;
/// Largest single file. A tree of all regions of China has half a megabyte.
pub const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest app in all, so that an upload can be held in memory.
pub const PACKAGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most problems reported for one file; after that many the rest rarely helps.
pub const PROBLEMS_PER_FILE_MAX: usize = 50;

/// The kinds of artifacts. Each has its folder and its JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `app.json`.
    App,
    /// `entities/`.
    Entity,
    /// `extensions/`.
    Extension,
    /// `trees/`.
    Tree,
    /// `forms/`.
    Form,
    /// `views/`.
    View,
    /// `roles/`.
    Role,
    /// `data/`.
    Data,
    /// `lifecycles/`.
    Lifecycle,
    /// `decisions/`.
    Decision,
    /// `calendars/`.
    Calendar,
    /// `slas/`.
    Sla,
    /// `metrics/`.
    Metric,
    /// `assignments/`.
    Assignment,
    /// `connectors/`.
    Connector,
    /// `notifications/`.
    Notification,
    /// `rules/`.
    Rule,
    /// `dashboards/`.
    Dashboard,
    /// `scenarios/`.
    Scenario,
}

impl Kind {
    /// All kinds, in the order in which a reader needs them.
    pub const ALL: [Kind; 19] = [
        Kind::App,
        Kind::Entity,
        Kind::Extension,
        Kind::Tree,
        Kind::Form,
        Kind::View,
        Kind::Role,
        Kind::Data,
        Kind::Lifecycle,
        Kind::Decision,
        Kind::Calendar,
        Kind::Sla,
        Kind::Metric,
        Kind::Assignment,
        Kind::Connector,
        Kind::Notification,
        Kind::Rule,
        Kind::Dashboard,
        Kind::Scenario,
    ];

    /// The name of the kind, as in the file name of its schema.
    pub fn name(self) -> &'static str {
        match self {
            Kind::App => "app",
            Kind::Entity => "entity",
            Kind::Extension => "extension",
            Kind::Tree => "tree",
            Kind::Form => "form",
            Kind::View => "view",
            Kind::Role => "role",
            Kind::Data => "data",
            Kind::Lifecycle => "lifecycle",
            Kind::Decision => "decision",
            Kind::Calendar => "calendar",
            Kind::Sla => "sla",
            Kind::Metric => "metric",
            Kind::Assignment => "assignment",
            Kind::Connector => "connector",
            Kind::Notification => "notification",
            Kind::Rule => "rule",
            Kind::Dashboard => "dashboard",
            Kind::Scenario => "scenario",
        }
    }

    /// The folder of its files; empty for the manifest.
    pub fn folder(self) -> &'static str {
        match self {
            Kind::App => "",
            Kind::Entity => "entities",
            Kind::Extension => "extensions",
            Kind::Tree => "trees",
            Kind::Form => "forms",
            Kind::View => "views",
            Kind::Role => "roles",
            Kind::Data => "data",
            Kind::Lifecycle => "lifecycles",
            Kind::Decision => "decisions",
            Kind::Calendar => "calendars",
            Kind::Sla => "slas",
            Kind::Metric => "metrics",
            Kind::Assignment => "assignments",
            Kind::Connector => "connectors",
            Kind::Notification => "notifications",
            Kind::Rule => "rules",
            Kind::Dashboard => "dashboards",
            Kind::Scenario => "scenarios",
        }
    }

    /// The file of the artifact with this id.
    pub fn file(self, id: &str) -> String {
        match self {
            Kind::App => "app.json".to_owned(),
            kind => format!("{}/{id}.json", kind.folder()),
        }
    }

    /// The kind and id that a path within a package stands for.
    pub fn of_file(path: &str) -> Option<(Kind, &str)> {
        if path == "app.json" {
            return Some((Kind::App, ""));
        }
        let (folder, name) = path.split_once('/')?;
        let id = name.strip_suffix(".json")?;
        let kind = Kind::ALL.into_iter().skip(1).find(|kind| kind.folder() == folder)?;
        (!id.is_empty() && !id.contains('/')).then_some((kind, id))
    }
}

/// One app: its manifest and artifacts, each kind in the order of file names.
#[derive(Debug, Clone)]
pub struct Package {
    /// The manifest.
    pub app: App,
    /// Kinds of records.
    pub entities: Vec<Entity>,
    /// Fields for entities of other apps.
    pub extensions: Vec<Extension>,
    /// Classifications.
    pub trees: Vec<Tree>,
    /// Forms.
    pub forms: Vec<Form>,
    /// Lists.
    pub views: Vec<View>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Records that come with the app.
    pub data: Vec<Data>,
    /// States and transitions.
    pub lifecycles: Vec<Lifecycle>,
    /// Decision tables.
    pub decisions: Vec<Decision>,
    /// Working time.
    pub calendars: Vec<Calendar>,
    /// Clocks.
    pub slas: Vec<Sla>,
    /// Figures.
    pub metrics: Vec<Metric>,
    /// Who gets a record.
    pub assignments: Vec<Assignment>,
    /// Doors to other systems.
    pub connectors: Vec<Connector>,
    /// What people are told.
    pub notifications: Vec<Notification>,
    /// Event, condition, actions.
    pub rules: Vec<Rule>,
    /// Pages of figures.
    pub dashboards: Vec<Dashboard>,
    /// Tests of the app itself.
    pub scenarios: Vec<Scenario>,
    pub(crate) digest: String,
}

impl Package {
    /// Reads an app from its folder. `README.md`, the folder `demo/` and hidden files are passed over.
    pub fn read_folder(path: &Path) -> Result<Package, Vec<Problem>> {
        Package::from_files(folder::read(path)?)
    }

    /// Reads an app from its files by path within the folder. Everything that outside input may get wrong is
    /// checked: limits, JSON, the schemas, ids and file names.
    pub fn from_files(files: BTreeMap<String, String>) -> Result<Package, Vec<Problem>> {
        let mut problems = Problems::default();
        let mut parts = Parts::default();
        check_sizes(&files)?;
        let digest = digest_of(&files);
        for (path, text) in files {
            match Kind::of_file(&path) {
                Some((kind, id)) => match json::parse(&path, &text) {
                    Ok(value) => parts.add_checked(kind, &path, id, value, &mut problems),
                    Err(problem) => problems.push(*problem),
                },
                None if folder::passed_over(&path) => {}
                None => problems.push(folder::unknown_file(&path)),
            }
        }
        parts.finish(digest, problems)
    }

    /// Reads an app that was checked by [`Package::from_files`] before and kept since: no schema validation, so
    /// that a server starts quickly. Files that are not as they were saved still give problems, never a panic.
    pub fn trusted_from_files(files: &BTreeMap<String, String>) -> Result<Package, Vec<Problem>> {
        let mut problems = Problems::default();
        let mut parts = Parts::default();
        for (path, text) in files {
            if let Some((kind, id)) = Kind::of_file(path) {
                let read = parts.add(kind, id, Input::Text(text));
                if let Err(error) = read {
                    problems.push(json::problem_of(path, &error));
                }
            }
        }
        parts.finish(digest_of(files), problems)
    }

    /// The app as files by path: canonical text, the same bytes for the same content wherever it is written.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        self.each(|path, artifact| {
            let text = artifact.canonical();
            files.insert(path, text);
        });
        files
    }

    /// The app as JSON values by path.
    pub fn values(&self) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        self.each(|path, artifact| {
            values.insert(path, artifact.value());
        });
        values
    }

    /// The JSON value of one file; `None` when there is no such artifact.
    pub(crate) fn value(&self, file: &str) -> Option<Value> {
        let (kind, id) = Kind::of_file(file)?;
        macro_rules! find {
            ($list:ident) => {
                self.$list.iter().find(|artifact| artifact.id == id).map(Artifact::value)
            };
        }
        match kind {
            Kind::App => Some(self.app.value()),
            Kind::Entity => find!(entities),
            Kind::Extension => find!(extensions),
            Kind::Tree => find!(trees),
            Kind::Form => find!(forms),
            Kind::View => find!(views),
            Kind::Role => find!(roles),
            Kind::Data => find!(data),
            Kind::Lifecycle => find!(lifecycles),
            Kind::Decision => find!(decisions),
            Kind::Calendar => find!(calendars),
            Kind::Sla => find!(slas),
            Kind::Metric => find!(metrics),
            Kind::Assignment => find!(assignments),
            Kind::Connector => find!(connectors),
            Kind::Notification => find!(notifications),
            Kind::Rule => find!(rules),
            Kind::Dashboard => find!(dashboards),
            Kind::Scenario => find!(scenarios),
        }
    }

    /// The package with some files replaced, added or (`None`) removed; those given are checked as from outside.
    pub(crate) fn with_values(
        &self,
        values: BTreeMap<String, Option<Value>>,
        digest: String,
    ) -> Result<Package, Vec<Problem>> {
        let mut problems = Problems::default();
        let mut parts = Parts::default();
        for (file, value) in values {
            let Some((kind, id)) = Kind::of_file(&file) else {
                problems.push(folder::unknown_file(&file));
                continue;
            };
            parts.replaced.push((kind, id.to_owned()));
            if let Some(value) = value {
                parts.add_checked(kind, &file, id, value, &mut problems);
            }
        }
        parts.keep(self);
        parts.finish(digest, problems)
    }

    /// SHA-256 over the artifacts it was read from, as they were written, hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn each(&self, mut visit: impl FnMut(String, &dyn Artifact)) {
        visit(Kind::App.file(""), &self.app);
        self.entities.iter().for_each(|one| visit(Kind::Entity.file(&one.id), one));
        self.extensions.iter().for_each(|one| visit(Kind::Extension.file(&one.id), one));
        self.trees.iter().for_each(|one| visit(Kind::Tree.file(&one.id), one));
        self.forms.iter().for_each(|one| visit(Kind::Form.file(&one.id), one));
        self.views.iter().for_each(|one| visit(Kind::View.file(&one.id), one));
        self.roles.iter().for_each(|one| visit(Kind::Role.file(&one.id), one));
        self.data.iter().for_each(|one| visit(Kind::Data.file(&one.id), one));
        self.lifecycles.iter().for_each(|one| visit(Kind::Lifecycle.file(&one.id), one));
        self.decisions.iter().for_each(|one| visit(Kind::Decision.file(&one.id), one));
        self.calendars.iter().for_each(|one| visit(Kind::Calendar.file(&one.id), one));
        self.slas.iter().for_each(|one| visit(Kind::Sla.file(&one.id), one));
        self.metrics.iter().for_each(|one| visit(Kind::Metric.file(&one.id), one));
        self.assignments.iter().for_each(|one| visit(Kind::Assignment.file(&one.id), one));
        self.connectors.iter().for_each(|one| visit(Kind::Connector.file(&one.id), one));
        self.notifications.iter().for_each(|one| visit(Kind::Notification.file(&one.id), one));
        self.rules.iter().for_each(|one| visit(Kind::Rule.file(&one.id), one));
        self.dashboards.iter().for_each(|one| visit(Kind::Dashboard.file(&one.id), one));
        self.scenarios.iter().for_each(|one| visit(Kind::Scenario.file(&one.id), one));
    }
}

/// What every artifact can do, whatever its kind.
trait Artifact {
    fn canonical(&self) -> String;
    fn value(&self) -> Value;
}

impl<T: Serialize> Artifact for T {
    fn canonical(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("artifacts hold only what JSON can hold");
        text.push('\n');
        text
    }

    fn value(&self) -> Value {
        serde_json::to_value(self).expect("artifacts hold only what JSON can hold")
    }
}

/// What an artifact is read from.
enum Input<'a> {
    Text(&'a str),
    Value(Value),
}

impl Input<'_> {
    fn read<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        match self {
            Input::Text(text) => serde_json::from_str(text),
            Input::Value(value) => serde_json::from_value(value),
        }
    }
}

/// A package while it is read.
#[derive(Default)]
struct Parts {
    app: Option<App>,
    entities: Vec<Entity>,
    extensions: Vec<Extension>,
    trees: Vec<Tree>,
    forms: Vec<Form>,
    views: Vec<View>,
    roles: Vec<Role>,
    data: Vec<Data>,
    lifecycles: Vec<Lifecycle>,
    decisions: Vec<Decision>,
    calendars: Vec<Calendar>,
    slas: Vec<Sla>,
    metrics: Vec<Metric>,
    assignments: Vec<Assignment>,
    connectors: Vec<Connector>,
    notifications: Vec<Notification>,
    rules: Vec<Rule>,
    dashboards: Vec<Dashboard>,
    scenarios: Vec<Scenario>,
    /// Kind, id of the file name, id in the file.
    ids: Vec<(Kind, String, String)>,
    /// What [`Parts::keep`] leaves out.
    replaced: Vec<(Kind, String)>,
    manifest_seen: bool,
}

impl Parts {
    /// Adds an artifact from outside: validated against its schema first.
    fn add_checked(&mut self, kind: Kind, path: &str, file_id: &str, value: Value, problems: &mut Problems) {
        self.manifest_seen |= kind == Kind::App;
        let found = schema::validate(kind, path, &value);
        if !found.is_empty() {
            problems.extend(found);
        } else if let Err(error) = self.add(kind, file_id, Input::Value(value)) {
            problems.push(json::problem_of(path, &error));
        }
    }

    fn add(&mut self, kind: Kind, file_id: &str, input: Input<'_>) -> Result<(), serde_json::Error> {
        self.manifest_seen |= kind == Kind::App;
        macro_rules! push {
            ($list:ident) => {{
                self.$list.push(input.read()?);
                self.$list.last().map(|artifact| artifact.id.clone())
            }};
        }
        let id = match kind {
            Kind::App => {
                self.app = Some(input.read()?);
                return Ok(());
            }
            Kind::Entity => push!(entities),
            Kind::Extension => push!(extensions),
            Kind::Tree => push!(trees),
            Kind::Form => push!(forms),
            Kind::View => push!(views),
            Kind::Role => push!(roles),
            Kind::Data => push!(data),
            Kind::Lifecycle => push!(lifecycles),
            Kind::Decision => push!(decisions),
            Kind::Calendar => push!(calendars),
            Kind::Sla => push!(slas),
            Kind::Metric => push!(metrics),
            Kind::Assignment => push!(assignments),
            Kind::Connector => push!(connectors),
            Kind::Notification => push!(notifications),
            Kind::Rule => push!(rules),
            Kind::Dashboard => push!(dashboards),
            Kind::Scenario => push!(scenarios),
        };
        self.ids.push((kind, file_id.to_owned(), id.unwrap_or_default()));
        Ok(())
    }

    /// Takes over what was not replaced, as it is.
    fn keep(&mut self, package: &Package) {
        macro_rules! keep {
            ($list:ident, $kind:ident) => {
                for artifact in &package.$list {
                    let id = &artifact.id;
                    if !self.replaced.iter().any(|(kind, other)| *kind == Kind::$kind && other == id) {
                        self.ids.push((Kind::$kind, id.clone(), id.clone()));
                        self.$list.push(artifact.clone());
                    }
                }
                self.$list.sort_by(|a, b| Kind::$kind.file(&a.id).cmp(&Kind::$kind.file(&b.id)));
            };
        }
        if !self.replaced.iter().any(|(kind, _)| *kind == Kind::App) {
            self.manifest_seen = true;
            self.app = Some(package.app.clone());
        }
        keep!(entities, Entity);
        keep!(extensions, Extension);
        keep!(trees, Tree);
        keep!(forms, Form);
        keep!(views, View);
        keep!(roles, Role);
        keep!(data, Data);
        keep!(lifecycles, Lifecycle);
        keep!(decisions, Decision);
        keep!(calendars, Calendar);
        keep!(slas, Sla);
        keep!(metrics, Metric);
        keep!(assignments, Assignment);
        keep!(connectors, Connector);
        keep!(notifications, Notification);
        keep!(rules, Rule);
        keep!(dashboards, Dashboard);
        keep!(scenarios, Scenario);
    }

    fn finish(self, digest: String, mut problems: Problems) -> Result<Package, Vec<Problem>> {
        for (position, (kind, file_id, id)) in self.ids.iter().enumerate() {
            let earlier = self.ids[..position].iter().find(|(k, _, other)| k == kind && other == id);
            if let Some((_, other, _)) = earlier {
                let problem = Problem::error("package.duplicate_id", kind.file(file_id), "/id");
                problems.push(problem.arg("id", id).arg("other", kind.file(other)));
            } else if file_id != id {
                let problem = Problem::error("package.file_name", kind.file(file_id), "/id");
                problems.push(problem.arg("id", id).arg("expected", kind.file(id)));
            }
        }
        if !self.manifest_seen {
            problems.push(Problem::error("package.no_manifest", "app.json", ""));
        }
        match self.app {
            Some(app) if !problems.has_errors() => Ok(Package {
                app,
                entities: self.entities,
                extensions: self.extensions,
                trees: self.trees,
                forms: self.forms,
                views: self.views,
                roles: self.roles,
                data: self.data,
                lifecycles: self.lifecycles,
                decisions: self.decisions,
                calendars: self.calendars,
                slas: self.slas,
                metrics: self.metrics,
                assignments: self.assignments,
                connectors: self.connectors,
                notifications: self.notifications,
                rules: self.rules,
                dashboards: self.dashboards,
                scenarios: self.scenarios,
                digest,
            }),
            _ => Err(problems.into_sorted()),
        }
    }
}

fn check_sizes(files: &BTreeMap<String, String>) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    if files.len() > FILES_MAX {
        problems.push(
            Problem::error("package.too_many_files", "", "")
                .arg("count", files.len())
                .arg("limit", FILES_MAX),
        );
    }
    for (path, text) in files.iter().filter(|(_, text)| text.len() > FILE_BYTES_MAX) {
        problems.push(too_large(path, text.len() as u64, FILE_BYTES_MAX));
    }
    let total: usize = files.values().map(String::len).sum();
    if total > PACKAGE_BYTES_MAX {
        problems.push(too_large("", total as u64, PACKAGE_BYTES_MAX));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The problem of a file (or of the whole package, when `path` is empty) that has too many bytes.
pub(crate) fn too_large(path: &str, bytes: u64, limit: usize) -> Problem {
    let mebibytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1024.0 / 1024.0);
    let code = if path.is_empty() { "package.too_large" } else { "package.file_too_large" };
    Problem::error(code, path, "").arg("size", mebibytes(bytes)).arg("limit", mebibytes(limit as u64))
}

fn digest_of(files: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (path, text) in files.iter().filter(|(path, _)| Kind::of_file(path).is_some()) {
        hasher.update(path.as_bytes());
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hex(&hasher.finalize())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
