//! `plugin.json`: what a plugin is, what it implements and what it asks for. Read from outside, and so checked in full
//! before anything is believed; never trusted about what the component really contains.

mod check;
mod point;

use std::sync::OnceLock;

use mortise_definition::schema::Document;
use mortise_definition::{Problem, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use point::{OnFailure, Point, Tier};

use crate::permission::Permissions;

/// Name of the manifest within a package.
pub const FILE: &str = "plugin.json";
/// Largest manifest. One with a hundred exports has some tens of kilobytes.
pub const BYTES_MAX: usize = 256 * 1024;
/// Most exports of one plugin.
pub const EXPORTS_MAX: usize = 100;
/// Most fields that one export asks for: more than the widest form has.
pub const INPUT_MAX: usize = 200;

const ID: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*\\.[a-z][a-z0-9]*(-[a-z0-9]+)*$";
const EXPORT_NAME: &str = "^[a-z][a-z0-9]*([_-][a-z0-9]+)*$";
const NAME: &str = "^[a-z][a-z0-9_]*$";
const FIELD_PATH: &str = "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$";

/// A plugin's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Author and name: `acme.credit-check`. Never changes.
    #[schemars(regex(pattern = ID), length(max = 80))]
    pub id: String,
    /// Semantic version: `1.4.0`.
    #[schemars(length(max = 40))]
    pub version: String,
    /// Name shown to people.
    pub title: Text,
    /// What it does, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// The component within the package; `plugin.wasm` unless given.
    #[serde(default = "component_default")]
    #[schemars(length(max = 120))]
    pub component: String,
    /// Versions of Mortise that it works with: `>=1.2, <3`.
    #[schemars(length(max = 80))]
    pub runtime: String,
    /// What it is written in. Decides sizes and times: an interpreter inside the component needs more of both.
    #[serde(default)]
    pub language: Language,
    /// Lets an instance serve several calls of a tenant, one after the other; for TypeScript and Python, whose instances take
    /// longest to make. What the plugin keeps in variables is then still there in the next call, or is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm: bool,
    /// What it implements. The component has to export exactly this.
    #[schemars(length(min = 1, max = EXPORTS_MAX))]
    pub exports: Vec<Export>,
    /// What it asks for. An administrator grants it, or less.
    #[serde(default)]
    pub permissions: Permissions,
    /// Why it asks for that, in words for the administrator who decides.
    #[serde(default, skip_serializing_if = "Reasons::is_empty")]
    pub reasons: Reasons,
    /// What an administrator can set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub settings: Vec<Setting>,
    /// What an administrator has to enter and the plugin never sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub secrets: Vec<Secret>,
}

fn component_default() -> String {
    "plugin.wasm".into()
}

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, or anything else that compiles to machine code.
    #[default]
    Rust,
    /// TypeScript or JavaScript.
    Typescript,
    /// Python.
    Python,
}

impl Language {
    /// True when the component carries an interpreter.
    pub fn is_dynamic(self) -> bool {
        match self {
            Language::Rust => false,
            Language::Typescript | Language::Python => true,
        }
    }
}

/// Why a plugin asks for something: a sentence for each key of `permissions`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reasons {
    /// Why it reads records.
    #[serde(rename = "records.read", default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Text>,
    /// Why it changes records.
    #[serde(rename = "records.write", default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Text>,
    /// Why it calls other systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Text>,
    /// What it keeps in its store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Text>,
}

impl Reasons {
    /// Whether none is given.
    pub fn is_empty(&self) -> bool {
        *self == Reasons::default()
    }
}

/// Something that the plugin implements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Where the runtime calls it.
    pub point: Point,
    /// Its name among the exports of the same point.
    #[schemars(regex(pattern = EXPORT_NAME), length(max = 60))]
    pub name: String,
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// The kind of record that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub entity: Option<String>,
    /// The only fields that it gets; `country.code` is a field of the record that `country` refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = INPUT_MAX), inner(regex(pattern = FIELD_PATH), length(max = 120)))]
    pub input: Vec<String>,
    /// The only fields that a `before-save` may change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = INPUT_MAX), inner(regex(pattern = NAME), length(max = 60)))]
    pub output: Vec<String>,
    /// JSON Schema of what an action or a connector takes, as a file of the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 120))]
    pub input_schema: Option<String>,
    /// Arguments of a function, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 12))]
    pub parameters: Vec<Parameter>,
    /// What a function gives back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<ValueKind>,
    /// When it is called at all: an expression over `before` and `after`, evaluated before the plugin is touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub when: Option<String>,
    /// When a job runs: five fields, as for cron.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 60))]
    pub schedule: Option<String>,
    /// What happens when it fails; each point has its own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Longest time of one call, below the operator's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 600_000))]
    pub deadline_ms: Option<u64>,
}

impl Export {
    /// What happens when it fails.
    pub fn failure_policy(&self) -> OnFailure {
        self.on_failure.unwrap_or_else(|| self.point.default_failure())
    }
}

/// An argument of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name, for people.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub name: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: ValueKind,
}

/// Kinds of values of functions and settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// Words.
    Text,
    /// A whole number.
    Integer,
    /// An exact number.
    Decimal,
    /// A number with a floating point.
    Float,
    /// Yes or no.
    Boolean,
    /// A day.
    Date,
    /// A moment.
    Timestamp,
    /// Several texts.
    Many,
    /// Anything, as JSON.
    Json,
}

/// Something that an administrator can set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name in the plugin's `config`.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub name: String,
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ValueKind,
    /// Its value until somebody sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// For JSON that is a list of objects: their properties, which administrators get as the columns of a table. A value that
    /// has another shape is shown as JSON all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub columns: Vec<Column>,
    /// The JSON is one object instead of a list: the first of its two columns holds the names, the second the values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keyed: bool,
}

/// A column of a setting that is a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The property of each object.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub name: String,
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// What it holds; anything but `json`.
    #[serde(rename = "type")]
    pub kind: ValueKind,
    /// Every row has it. Other columns may be left empty, and the property is left out then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// Something that an administrator enters and the host adds to calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The name by which `permissions.http` refers to it.
    #[schemars(regex(pattern = NAME), length(max = 60))]
    pub name: String,
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// Where the host puts it.
    pub inject: Inject,
}

/// Where the host puts a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// Name of the header.
    #[schemars(regex(pattern = "^[A-Za-z][A-Za-z0-9-]*$"), length(max = 60))]
    pub header: String,
    /// Its value, where `{}` stands for the secret: `Bearer {}`.
    #[serde(default = "format_default")]
    #[schemars(length(max = 200))]
    pub format: String,
}

fn format_default() -> String {
    "{}".into()
}

fn document() -> &'static Document<Manifest> {
    static DOCUMENT: OnceLock<Document<Manifest>> = OnceLock::new();
    DOCUMENT.get_or_init(Document::default)
}

impl Manifest {
    /// The JSON Schema of `plugin.json`.
    pub fn json_schema() -> &'static serde_json::Value {
        document().schema()
    }

    /// The manifest in a text, or everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Manifest, Vec<Problem>> {
        if text.len() > BYTES_MAX {
            let problem = Problem::error("plugin.manifest_too_large", FILE, "");
            return Err(vec![problem.arg("bytes", text.len()).arg("limit", BYTES_MAX)]);
        }
        let manifest = document().read(FILE, text)?;
        let problems = check::check(&manifest);
        if problems.is_empty() { Ok(manifest) } else { Err(problems) }
    }

    /// The export of this name at this point.
    pub fn export(&self, point: Point, name: &str) -> Option<&Export> {
        self.exports.iter().find(|export| export.point == point && export.name == name)
    }

    /// The points at which it exports something, each once.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        Point::ALL.into_iter().filter(|point| self.exports.iter().any(|export| export.point == *point))
    }

    /// Whether it also works when nobody is there, as a service that sees all records of the kinds that it was granted.
    pub fn works_alone(&self) -> bool {
        self.points().any(|point| match point {
            Point::AfterCommit
            | Point::Action
            | Point::Job
            | Point::Connector
            | Point::Scorer
            | Point::Renderer
            | Point::Assigner => true,
            Point::Validator | Point::BeforeSave | Point::Function | Point::Provider => false,
        })
    }

    /// The interfaces that its component may import: what it asks for, as the interface names it.
    pub fn imports(&self) -> Vec<&'static str> {
        let always = ["log", "budget"].into_iter();
        let names = always.chain(self.permissions.words());
        names.filter_map(|name| mortise_wit::interface_of(&mortise_wit::CAPABILITIES, name)).collect()
    }

    /// The interfaces that its component has to export.
    pub fn export_interfaces(&self) -> Vec<&'static str> {
        self.points().map(Point::interface).collect()
    }
}
