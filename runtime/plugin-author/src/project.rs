//! A plugin as a folder: its manifest, where its package goes, and which files belong into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mortise_definition::Problem;
use mortise_definition::syntax::{expression_problems, schedule_problem};
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::{FILE, Manifest};
use mortise_plugin_host::{Package, compatibility, inspect};
use serde_json::json;

use crate::SERVER;
use crate::error::{AuthorError, about, problem};

/// Files that go along when they are there: what people read about a plugin.
const ALONG: [&str; 4] = ["README.md", "README.zh-CN.md", "LICENSE", "CHANGELOG.md"];

/// A plugin's folder.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) text: String,
    pub(crate) manifest: Manifest,
}

impl Project {
    /// The plugin in this folder.
    pub(crate) fn open(folder: &Path) -> Result<Project, AuthorError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            let missing = Problem::error("author.no_plugin", path.display().to_string(), "");
            return Err(missing.into());
        }
        let text = about(&path, std::fs::read_to_string(&path))?;
        let manifest = Manifest::parse(&text)?;
        let folder = about(folder, folder.canonicalize())?;
        Ok(Project { folder, text, manifest })
    }

    /// The name within the author's plugins: `credit-check` of `acme.credit-check`.
    pub(crate) fn name(&self) -> &str {
        self.manifest.id.rsplit('.').next().unwrap_or(&self.manifest.id)
    }

    /// Where what is built lies, unless somebody says otherwise.
    pub(crate) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// The package, unless somebody says otherwise.
    pub(crate) fn package_path(&self) -> PathBuf {
        self.target().join(format!("{}.plugin", self.name()))
    }

    /// The package around a component. It is read again as a server would, so that nothing leaves that no server takes.
    pub(crate) fn pack(&self, mut component: Vec<u8>, kit: &str) -> Result<Vec<u8>, AuthorError> {
        let mut package = Package::of(self.text.clone(), Vec::new(), self.files()?)?;
        let note = json!({
            "manifest": package.manifest_digest(),
            "sdk": kit,
            "version": SERVER,
            "language": self.manifest.language,
        });
        mortise_wit::stamp(&mut component, &note.to_string());
        package.component = component;
        let bytes = package.write().map_err(|error| problem("author.host").arg("detail", error))?;
        Package::read(&bytes, &Settings::default())?;
        let problems = fits(&package)?;
        match problems.iter().any(Problem::is_error) {
            true => Err(problems.into()),
            false => Ok(bytes),
        }
    }

    fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, AuthorError> {
        let schemas = self.manifest.exports.iter().filter_map(|export| export.input_schema.clone());
        let along = ALONG.into_iter().filter(|name| self.folder.join(name).is_file()).map(str::to_owned);
        let read = |name: String| {
            let path = self.folder.join(&name);
            Ok((name, about(&path, std::fs::read(&path))?))
        };
        schemas.chain(along).map(read).collect()
    }
}

/// Reads a package as a server does.
pub(crate) fn read_package(path: &Path) -> Result<Package, AuthorError> {
    let bytes = about(path, std::fs::read(path))?;
    let of_file = |mut problem: Problem| {
        if problem.file.is_empty() {
            problem.file = path.display().to_string();
        }
        problem
    };
    let read = Package::read(&bytes, &Settings::default());
    Ok(read.map_err(|problems| problems.into_iter().map(of_file).collect::<Vec<_>>())?)
}

/// What a server of our version thinks about a package.
pub(crate) fn fits(package: &Package) -> Result<Vec<Problem>, AuthorError> {
    fits_server(package, &server_version())
}

/// What a server of this version thinks about a package.
pub(crate) fn fits_server(package: &Package, server: &semver::Version) -> Result<Vec<Problem>, AuthorError> {
    let interfaces = inspect(&package.manifest.component, &package.component)
        .map_err(|problem| AuthorError::from(*problem))?;
    let mut problems = compatibility(&interfaces, &package.manifest, server);
    problems.extend(unreadable(&package.manifest));
    Ok(problems)
}

/// Conditions and schedules that no server could read. Whether their names fit is found out where the plugin is installed.
fn unreadable(manifest: &Manifest) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, export) in manifest.exports.iter().enumerate() {
        let place = |key: &str| format!("/exports/{index}/{key}");
        if let Some(when) = &export.when {
            problems.extend(expression_problems(when, FILE, &place("when")));
        }
        if let Some((schedule, detail)) =
            export.schedule.as_ref().and_then(|line| Some((line, schedule_problem(line)?)))
        {
            let problem = Problem::error("plugin.schedule", FILE, place("schedule"));
            problems.push(problem.arg("value", schedule).arg("detail", detail));
        }
    }
    problems
}

/// Our version.
pub(crate) fn server_version() -> semver::Version {
    semver::Version::parse(SERVER).expect("cargo checks the version of a crate")
}

/// Writes a file, with the folders above it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), AuthorError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        about(folder, std::fs::create_dir_all(folder))?;
    }
    about(path, std::fs::write(path, bytes))
}
