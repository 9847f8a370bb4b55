//! Makes sure that the tools are there: Debian packages, npm packages, the web assets and mdBook.
//!
//! Each step looks first and does nothing when there is nothing to do. What cannot be installed is said in one line
//! with its reason, and is an error only when everything is required (in CI, or with `--require-all`).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, everything_required, execute, find_program, is_root, program, root, target};
use crate::wasm;

/// The version of mdBook that the book is written for.
const MDBOOK_VERSION: &str = "0.5.4";

/// A tool that comes as a Debian package.
pub(crate) struct Tool {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What it is needed for.
    purpose: &'static str,
    package: &'static str,
    find: fn() -> Option<PathBuf>,
}

/// The server that half of the database tests run against.
pub(crate) const POSTGRES: Tool = Tool {
    name: "PostgreSQL",
    purpose: "tests and measurements on PostgreSQL",
    package: "postgresql",
    find: find_postgres,
};
/// The browser of the browser tests.
pub(crate) const CHROMIUM: Tool = Tool {
    name: "Chromium",
    purpose: "browser tests",
    package: "chromium",
    find: || find_program(&["chromium", "chromium-browser", "google-chrome"]),
};
/// Chinese letters for the browser tests; without them every Chinese word is a row of boxes.
pub(crate) const FONTS: Tool = Tool {
    name: "Chinese fonts",
    purpose: "browser tests in Chinese",
    package: "fonts-noto-cjk",
    find: find_fonts,
};
/// What plugins in Python are built with: the kit makes an environment of its own with it.
pub(crate) const PYTHON: Tool = Tool {
    name: "Python with venv",
    purpose: "plugins in Python",
    package: "python3-venv",
    find: find_python,
};
/// The load generator of the measurements.
pub(crate) const WRK: Tool =
    Tool { name: "wrk", purpose: "measurements", package: "wrk", find: || find_program(&["wrk"]) };

/// `cargo xtask setup`.
pub(crate) fn everything() -> Result<()> {
    for tool in [&POSTGRES, &CHROMIUM, &FONTS, &PYTHON, &WRK] {
        ensure(tool)?;
    }
    if let Err(error) = wasm::ensure() {
        if everything_required() {
            return Err(error);
        }
        eprintln!("Skipped: plugins in Rust cannot be built: {error:#}");
    }
    kits()?;
    web()?;
    browser_tests()?;
    eprintln!("Ready. Next: `cargo xtask run` or `cargo xtask test`.");
    Ok(())
}

/// Returns where the tool is, installing it if that is possible; `None` after saying why it is not there.
pub(crate) fn ensure(tool: &Tool) -> Result<Option<PathBuf>> {
    if let Some(place) = (tool.find)() {
        return Ok(Some(place));
    }
    let reason = match install(tool.package) {
        Ok(()) => match (tool.find)() {
            Some(place) => return Ok(Some(place)),
            None => format!("package {} is installed but the program was not found", tool.package),
        },
        Err(error) => format!("{error:#}"),
    };
    if everything_required() {
        bail!("{} is required ({}): {reason}", tool.name, tool.purpose);
    }
    eprintln!("Skipped: {} is missing ({}): {reason}", tool.name, tool.purpose);
    Ok(None)
}

fn install(package: &str) -> Result<()> {
    static LISTS_UPDATED: AtomicBool = AtomicBool::new(false);
    if find_program(&["apt-get"]).is_none() {
        bail!("install it with the package manager of this system");
    }
    if !is_root() {
        bail!("run `sudo apt-get install {package}`");
    }
    if !LISTS_UPDATED.swap(true, Ordering::Relaxed) {
        execute(&mut program("apt-get", ["update", "-qq"]))?;
    }
    let mut command = program("apt-get", ["install", "-y", "-qq", "--no-install-recommends", package]);
    execute(command.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Builds the styles and scripts that the binary embeds, when their sources have changed.
pub(crate) fn web() -> Result<()> {
    let folder = root().join("runtime/web");
    npm_packages(&folder)?;
    let digest = format!("{}{}", digest(&folder)?, crate::rules::build(&folder)?);
    let stamp = stamp("web");
    if folder.join("dist").is_dir() && std::fs::read_to_string(&stamp).is_ok_and(|old| old == digest) {
        return Ok(());
    }
    execute(program("npm", ["run", "--silent", "build"]).current_dir(&folder))?;
    write_stamp(&stamp, &digest)
}

/// Installs the packages of the browser tests.
pub(crate) fn browser_tests() -> Result<()> {
    npm_packages(&root().join("tests/browser"))
}

fn npm_packages(folder: &Path) -> Result<()> {
    if find_program(&["npm"]).is_none() {
        bail!("Node 20 or later with npm is needed to build the pages: install nodejs and npm");
    }
    let lock = folder.join("package-lock.json");
    let text = std::fs::read(&lock).with_context(|| format!("{} is missing", lock.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let digest = format!("{:016x}", hasher.finish());
    let stamp = folder.join("node_modules/.mortise-stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == digest) {
        return Ok(());
    }
    // Not `npm ci`: it insists on packages for other machines, which a mirror need not have. Versions are the lock's.
    let install = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    execute(program("npm", install).current_dir(folder))?;
    write_stamp(&stamp, &digest)
}

/// What plugins in TypeScript and Python are built and tested with; false after saying why it is not there.
pub(crate) fn kits() -> Result<bool> {
    let prepared = npm_packages(&root().join("sdk/typescript"))
        .and_then(|()| execute(&mut program("python3", ["sdk/python/prepare.py"])));
    match prepared {
        Ok(()) => Ok(true),
        Err(error) if everything_required() => Err(error),
        Err(error) => {
            eprintln!("Skipped: plugins in TypeScript and Python cannot be built: {error:#}");
            Ok(false)
        }
    }
}

/// A digest of the names and contents of all sources in a folder.
fn digest(folder: &Path) -> Result<String> {
    let mut files = BTreeSet::new();
    collect(folder, &mut files)?;
    let mut hasher = DefaultHasher::new();
    for file in &files {
        file.hash(&mut hasher);
        std::fs::read(file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Folders that are made, not written.
const MADE: [&str; 7] = ["node_modules", "dist", "target", "build", ".venv", "__pycache__", ".pytest_cache"];

/// All files below a folder that are written by people.
pub(crate) fn collect(folder: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_dir() {
            files.insert(path);
        } else if !MADE.iter().any(|made| path.ends_with(made)) {
            collect(&path, files)?;
        }
    }
    Ok(())
}

/// Makes a file unless it was made before of sources with the same digest.
pub(crate) fn stamped(made: &Path, digest: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = stamp(&made.file_name().unwrap_or_default().to_string_lossy());
    if made.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|old| old == digest) {
        return Ok(());
    }
    work()?;
    write_stamp(&stamp, digest)
}

fn stamp(name: &str) -> PathBuf {
    target().join("xtask").join(name)
}

fn write_stamp(stamp: &Path, digest: &str) -> Result<()> {
    if let Some(folder) = stamp.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(stamp, digest)?)
}

/// Where mdBook is; compiled once into `target/tools` when the system has none.
pub(crate) fn mdbook() -> Result<PathBuf> {
    if let Some(place) = find_program(&["mdbook"]) {
        return Ok(place);
    }
    let tools = target().join("tools");
    let place = tools.join("bin/mdbook");
    if !place.is_file() {
        eprintln!("mdBook {MDBOOK_VERSION} is compiled once into {}", tools.display());
        let mut command = cargo(["install", "mdbook", "--locked", "--debug", "--no-default-features"]);
        command.args(["--features", "search", "--version", MDBOOK_VERSION, "--root"]).arg(&tools);
        execute(command.env("CARGO_TARGET_DIR", tools.join("build")).env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
        // Only the program is needed again.
        std::fs::remove_dir_all(tools.join("build"))?;
    }
    Ok(place)
}

fn find_postgres() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("postgres").is_file())
        .collect();
    versions.sort();
    versions.pop().or_else(|| find_program(&["postgres"])?.parent().map(Path::to_path_buf))
}

fn find_python() -> Option<PathBuf> {
    let python = find_program(&["python3"])?;
    crate::shell::output(&mut program(&python, ["-c", "import ensurepip, venv"])).ok()?;
    Some(python)
}

fn find_fonts() -> Option<PathBuf> {
    let listed = crate::shell::output(&mut program("fc-list", [":lang=zh", "file"])).ok()?;
    let first = listed.lines().next()?;
    Some(PathBuf::from(first.trim_end_matches([':', ' '])))
}
