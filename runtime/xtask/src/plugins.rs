//! `cargo xtask plugins`: builds every plugin that ships, in whatever language, into `target/plugins`, where servers of this
//! clone find them and tests take them from.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::shell::{cargo, check_arguments, everything_required, execute, program, root, target};
use crate::{setup, wasm};

/// `cargo xtask plugins`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check_arguments(arguments, &[], &[])?;
    execute(&mut cargo(["build", "--package", "mortise-plugin-author"]))?;
    let shelf = build(&target().join("debug/mortise-plugin"))?;
    println!("{}", shelf.display());
    Ok(())
}

/// Builds what has changed with this `mortise-plugin`; the folder of packages. A language whose tools are missing is passed
/// over with a word, unless everything is required.
pub(crate) fn build(tool: &Path) -> Result<PathBuf> {
    let shelf = target().join("plugins");
    std::fs::create_dir_all(&shelf)?;
    if let Err(error) = wasm::ensure() {
        if everything_required() {
            return Err(error);
        }
        eprintln!("Skipped: plugins in Rust are not built: {error:#}");
    }
    setup::ensure(&setup::PYTHON)?;
    let shared = digest(&[root().join("sdk"), root().join("Cargo.lock")], tool)?;
    let mut packages = BTreeSet::new();
    for folder in folders()? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let package = shelf.join(format!("{name}.plugin"));
        let digest = digest(std::slice::from_ref(&folder), tool)?;
        let built = setup::stamped(&package, &format!("{digest}{shared}"), || {
            let mut build = program(tool, ["build"]);
            build.arg(&folder).arg("--out").arg(&package);
            // Apart from everything else: another compiler and another profile would only make both build again.
            build.env("CARGO_TARGET_DIR", target().join("wasm")).env("MORTISE_SDK", root().join("sdk"));
            execute(&mut build)
        });
        match built {
            Ok(()) => drop(packages.insert(package.clone())),
            Err(error) if everything_required() => return Err(error),
            Err(error) => eprintln!("Skipped: the plugin {name} is not built: {error:#}"),
        }
    }
    // A plugin that is gone from the sources must not stay on the shelf.
    for entry in std::fs::read_dir(&shelf)?.flatten() {
        if !packages.contains(&entry.path()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(shelf)
}

/// The folders of plugins, in the order of their names.
fn folders() -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(root().join("plugins"))?;
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.retain(|folder| folder.join("plugin.json").is_file());
    folders.sort();
    if folders.is_empty() {
        bail!("there are no plugins");
    }
    Ok(folders)
}

/// A digest of sources and of the tool that builds them.
fn digest(places: &[PathBuf], tool: &Path) -> Result<String> {
    let mut files = BTreeSet::new();
    for place in places {
        match place.is_dir() {
            true => setup::collect(place, &mut files)?,
            false => drop(files.insert(place.clone())),
        }
    }
    let mut hasher = DefaultHasher::new();
    for file in &files {
        file.hash(&mut hasher);
        std::fs::read(file)?.hash(&mut hasher);
    }
    std::fs::metadata(tool)?.len().hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}
