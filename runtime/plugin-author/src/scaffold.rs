//! `mortise plugin new`: a folder with a manifest, code for each point, a unit test and a case, all of which pass at once. What
//! comes out is the author's; nothing is ever written over.

mod points;
mod python;
mod rust;
mod typescript;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mortise_definition::Problem;
use mortise_plugin_host::manifest::{FILE, Manifest, Point};
use serde_json::json;

use crate::error::{AuthorError, about, problem};
use crate::project::{server_version, write};
use crate::terms::Terms;

/// Longest name of a plugin or a part of one.
const NAME_MAX: usize = 40;

/// `mortise plugin new`.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the plugin: small letters, digits and hyphens.
    name: String,
    /// Language that it is written in.
    #[arg(long, value_enum, default_value = "rust")]
    lang: Lang,
    /// Where it is called: validator, before-save, function … Several with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "validator")]
    point: Vec<String>,
    /// Kind of record that it is about.
    #[arg(long, default_value = "company")]
    entity: String,
    /// Fields of the record that it gets.
    #[arg(long, value_delimiter = ',', default_value = "name")]
    input: Vec<String>,
    /// Who makes it: the first part of its id.
    #[arg(long, default_value = "example")]
    author: String,
    /// Name shown to people.
    #[arg(long)]
    title: Option<String>,
    /// Folder to make; one of the plugin's name here unless given.
    #[arg(long)]
    into: Option<PathBuf>,
    /// The folder `sdk` of a clone of Mortise, to use its kit instead of the released one.
    #[arg(long, env = "MORTISE_SDK")]
    sdk: Option<PathBuf>,
}

/// Languages of plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// Rust.
    Rust,
    /// TypeScript.
    #[value(alias = "typescript")]
    Ts,
    /// Python.
    Python,
}

/// What templates are filled with, checked.
struct Parameters {
    name: String,
    id: String,
    title: String,
    entity: String,
    input: Vec<String>,
    points: Vec<Point>,
    lang: Lang,
    /// The kits of a clone.
    sdk: Option<PathBuf>,
}

/// Files by their names within the folder.
type Files = BTreeMap<String, String>;

impl New {
    pub(crate) fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let folder = self.into.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        let parameters = self.checked()?;
        if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Problem::error("author.not_empty", folder.display().to_string(), "").into());
        }
        let manifest = parameters.manifest();
        // The same check as at any other time, so that no scaffold begins with a mistake.
        Manifest::parse(&manifest)?;
        let mut files = match parameters.lang {
            Lang::Rust => rust::files(&parameters),
            Lang::Ts => typescript::files(&parameters),
            Lang::Python => python::files(&parameters),
        };
        files.insert(FILE.to_owned(), manifest);
        for point in &parameters.points {
            files.insert(format!("cases/{}.json", point.name()), pretty(&points::case(*point, &parameters)));
        }
        for (name, text) in &files {
            write(&folder.join(name), text.as_bytes())?;
        }
        if parameters.lang == Lang::Rust {
            rust::tidy(&folder);
        }
        let shown = folder.display().to_string();
        terms.say("author.new", &[("folder", &shown), ("id", &parameters.id)]);
        terms.result(
            &json!({ "plugin": parameters.id, "folder": folder, "files": files.keys().collect::<Vec<_>>() }),
        );
        Ok(())
    }

    fn checked(self) -> Result<Parameters, AuthorError> {
        for (key, value) in [("name", &self.name), ("author", &self.author)] {
            word(key, value, '-')?;
        }
        word("entity", &self.entity, '_')?;
        for path in &self.input {
            path.split('.').try_for_each(|part| word("input", part, '_'))?;
        }
        let mut points = Vec::new();
        for name in &self.point {
            let found = Point::ALL.into_iter().find(|point| point.name() == name);
            let unknown = || {
                let unknown = problem("author.point").arg("value", name);
                unknown.suggest(name, Point::ALL.iter().map(|point| point.name()))
            };
            let point = found.ok_or_else(unknown)?;
            if !points.contains(&point) {
                points.push(point);
            }
        }
        let sdk = self.sdk.map(|folder| about(&folder, folder.canonicalize())).transpose()?;
        Ok(Parameters {
            id: format!("{}.{}", self.author, self.name),
            title: self.title.unwrap_or_else(|| titled(&self.name)),
            name: self.name,
            entity: self.entity,
            input: self.input,
            points,
            lang: self.lang,
            sdk,
        })
    }
}

impl Parameters {
    fn manifest(&self) -> String {
        let version = server_version();
        let language = match self.lang {
            Lang::Rust => "rust",
            Lang::Ts => "typescript",
            Lang::Python => "python",
        };
        let exports: Vec<_> = self.points.iter().map(|point| points::export(*point, self)).collect();
        pretty(&json!({
            "id": self.id,
            "version": "0.1.0",
            "title": { "en": self.title },
            "runtime": format!(">={}.{}, <{}", version.major, version.minor, version.major + 2),
            "language": language,
            "exports": exports,
        }))
    }

    /// The field that the example code looks at.
    fn field(&self) -> &str {
        self.input.first().map_or("name", String::as_str)
    }

    /// A template with its places filled.
    fn fill(&self, template: &str, more: &[(&str, &str)]) -> String {
        let own = [
            ("name", self.name.as_str()),
            ("id", &self.id),
            ("title", &self.title),
            ("entity", &self.entity),
            ("field", self.field()),
        ];
        let fill = |text: String, (key, value): &(&str, &str)| text.replace(&format!("{{{{{key}}}}}"), value);
        own.iter().chain(more).fold(template.to_owned(), fill)
    }

    /// Where the kit of a language lies in the clone that was named.
    fn kit(&self, language: &str) -> Option<String> {
        Some(self.sdk.as_ref()?.join(language).to_string_lossy().replace('\\', "/"))
    }
}

/// A word of small letters and digits, with `between` between its parts.
fn word(key: &'static str, value: &str, between: char) -> Result<(), AuthorError> {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    };
    let begins = value.starts_with(|letter: char| letter.is_ascii_lowercase());
    match begins && value.len() <= NAME_MAX && value.split(between).all(part) {
        true => Ok(()),
        false => {
            Err(problem("author.word").arg("key", key).arg("value", value).arg("between", between).into())
        }
    }
}

/// `credit-check` → `Credit check`.
fn titled(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn pretty(json: &serde_json::Value) -> String {
    format!("{json:#}\n")
}

/// The path of a kit, as text of a configuration file.
fn quoted(path: &str) -> String {
    json!(path).to_string()
}

/// `credit_score` → `CreditScore`, as the kits name the type of a record.
fn camel(name: &str) -> String {
    let first = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect::<String>())
    };
    name.split('_').map(first).collect()
}
