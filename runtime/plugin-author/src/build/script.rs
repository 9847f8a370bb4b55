//! Plugins in TypeScript and Python: the kit of the language makes the component, which carries an interpreter. That takes
//! seconds, so nothing is made again while neither the plugin nor its kit has changed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::SERVER;
use crate::error::{AuthorError, about, problem};
use crate::project::{Project, write};
use crate::toolchain::execute;

/// Names the folder `sdk` of a clone of Mortise.
const SDK_VARIABLE: &str = "MORTISE_SDK";
/// The Python that makes environments.
const PYTHON: &str = "python3";
/// The Python of an environment.
const INTERPRETER: &str = if cfg!(windows) { ".venv/Scripts/python.exe" } else { ".venv/bin/python" };
/// Folders that are made, or that decide nothing about the component.
const NOT_SOURCES: [&str; 10] =
    ["target", "build", "cases", "test", "tests", "dist", "node_modules", ".venv", "__pycache__", ".git"];
/// Most files that are looked at; a plugin that has more is not in the right folder.
const FILES_MAX: usize = 5_000;

/// The component of a plugin in TypeScript.
pub(super) fn typescript(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let kit = typescript_kit(&project.folder)?;
    unless_made(project, &kit, |component| {
        install_packages(&kit)?;
        let mut build = Command::new("node");
        build.arg(kit.join("tool/cli.mjs")).arg("build").arg(&project.folder).arg(component);
        execute(build.current_dir(&project.folder).stdout(Stdio::null()), "node")
    })
}

/// The component of a plugin in Python.
pub(super) fn python(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let kit = python_kit(&project.folder)?;
    unless_made(project, &kit, |component| {
        let mut build = match kit.join("prepare.py").is_file() {
            true => {
                let mut prepare = Command::new(PYTHON);
                execute(prepare.arg("prepare.py").current_dir(&kit).stdout(Stdio::null()), PYTHON)?;
                let mut build = Command::new(kit.join(INTERPRETER));
                build.env("PYTHONPATH", &kit).arg("-m").arg("mortise_sdk");
                build
            }
            false => {
                let mut build = Command::new(kit.join(INTERPRETER.trim_start_matches(".venv/")));
                build.arg("-m").arg("mortise_sdk");
                build
            }
        };
        build.arg("build").arg(&project.folder).arg(component);
        execute(build.current_dir(&project.folder).stdout(Stdio::null()), PYTHON)
    })
}

/// Where the kit is: named by requirements.txt, by the environment, or above the plugin; else an environment of the plugin's
/// own into which the released kit is installed.
fn python_kit(folder: &Path) -> Result<PathBuf, AuthorError> {
    let is_kit = |kit: &PathBuf| kit.join("mortise_sdk").is_dir() && kit.join("prepare.py").is_file();
    let found = required_kit(folder).into_iter().chain(kits(folder, "python")).find(is_kit);
    if let Some(kit) = found {
        return about(&kit, kit.canonicalize());
    }
    let requirements = folder.join("requirements.txt");
    if !requirements.is_file() {
        return Err(no_kit("Python", folder));
    }
    let own = folder.join(".venv");
    if !own.is_dir() {
        execute(Command::new(PYTHON).args(["-m", "venv"]).arg(&own), PYTHON)?;
        let mut install = Command::new(folder.join(INTERPRETER));
        install.args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements);
        execute(&mut install, PYTHON)?;
    }
    Ok(own)
}

/// The kit that a requirements.txt names as a folder: `mortise-sdk @ file:///clone/sdk/python`.
fn required_kit(folder: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(folder.join("requirements.txt")).ok()?;
    let named = text.lines().find_map(|line| line.trim().strip_prefix("mortise-sdk @ file://"))?;
    Some(PathBuf::from(named.trim()))
}

/// Where the kit is: installed beside the plugin, named by its package.json, named by the environment, or above it.
fn typescript_kit(folder: &Path) -> Result<PathBuf, AuthorError> {
    let is_kit = |kit: &PathBuf| kit.join("tool/cli.mjs").is_file();
    let installed = folder.join("node_modules/@mortise/sdk");
    if is_kit(&installed) {
        return about(&installed, installed.canonicalize());
    }
    let found = named_kit(folder).into_iter().chain(kits(folder, "typescript")).find(is_kit);
    if let Some(kit) = found {
        return about(&kit, kit.canonicalize());
    }
    if !folder.join("package.json").is_file() {
        return Err(no_kit("TypeScript", folder));
    }
    npm(folder, &["install"])?;
    match is_kit(&installed) {
        true => about(&installed, installed.canonicalize()),
        false => Err(no_kit("TypeScript", folder)),
    }
}

/// The kit that a package.json names as a folder: `file:../sdk/typescript`.
fn named_kit(folder: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(folder.join("package.json")).ok()?;
    let package: Value = serde_json::from_str(&text).ok()?;
    let groups = ["devDependencies", "dependencies"].into_iter();
    let mut named = groups.filter_map(|group| package[group]["@mortise/sdk"].as_str());
    Some(folder.join(named.find_map(|named| named.strip_prefix("file:"))?))
}

/// Kits of a language in a clone: the one that the environment names, then those above the plugin.
fn kits(folder: &Path, language: &str) -> impl Iterator<Item = PathBuf> {
    let named = std::env::var_os(SDK_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let above = folder.ancestors().map(|above| above.join("sdk")).collect::<Vec<_>>();
    let language = language.to_owned();
    named.into_iter().chain(above).map(move |sdk| sdk.join(&language))
}

fn no_kit(language: &str, folder: &Path) -> AuthorError {
    problem("author.no_kit").arg("language", language).arg("folder", folder.display()).into()
}

/// The packages that a kit in a clone is made of.
fn install_packages(kit: &Path) -> Result<(), AuthorError> {
    let in_clone = kit.join("package-lock.json").is_file();
    match in_clone && !kit.join("node_modules").is_dir() {
        // Not `npm ci`: it insists on packages for other machines, which a mirror need not have. Versions are the lock's.
        true => npm(kit, &["install", "--no-save"]),
        false => Ok(()),
    }
}

fn npm(folder: &Path, what: &[&str]) -> Result<(), AuthorError> {
    let mut npm = Command::new("npm");
    npm.args(what).args(["--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    execute(npm.stdout(Stdio::null()), "npm")
}

/// Makes the component, or takes the one that was made of the same sources.
fn unless_made(
    project: &Project,
    kit: &Path,
    make: impl FnOnce(&Path) -> Result<(), AuthorError>,
) -> Result<Vec<u8>, AuthorError> {
    let component = project.target().join("plugin.wasm");
    let stamp = project.target().join("plugin.sources");
    let fresh = || {
        std::fs::read_to_string(&stamp).is_ok_and(|made| digest(project, kit).is_ok_and(|now| made == now))
    };
    if !(component.is_file() && fresh()) {
        about(&project.target(), std::fs::create_dir_all(project.target()))?;
        make(&component)?;
        // After the build, which may write types beside the sources.
        write(&stamp, digest(project, kit)?.as_bytes())?;
    }
    about(&component, std::fs::read(&component))
}

/// A digest of everything that decides what comes out.
fn digest(project: &Project, kit: &Path) -> Result<String, AuthorError> {
    let mut hasher = Sha256::new();
    hasher.update(SERVER);
    for folder in [project.folder.as_path(), kit] {
        for file in sources(folder) {
            hasher.update(file.to_string_lossy().as_bytes());
            let bytes = std::fs::read(&file);
            hasher.update(bytes.map_err(|error| problem("author.file").arg("detail", error))?);
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files below a folder that are written by people, in the order of their names.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut pending) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(place) = pending.pop() {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if !path.is_dir() {
                files.push(path);
            } else if !NOT_SOURCES.contains(&name.as_str()) {
                pending.push(path);
            }
            if files.len() > FILES_MAX {
                return files;
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kit_may_be_named_as_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let package = r#"{"devDependencies": {"@mortise/sdk": "file:../kit"}}"#;
        std::fs::write(folder.path().join("package.json"), package).unwrap();
        assert_eq!(named_kit(folder.path()), Some(folder.path().join("../kit")));
    }

    #[test]
    fn what_is_made_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["plugin.json", "src/a.ts", "target/b.wasm", "node_modules/c/d.js", "build/e.js"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let names = sources(folder.path());
        let names: Vec<_> = names.iter().map(|file| file.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("plugin.json"), Path::new("src/a.ts")]);
    }
}
