//! Finds what compiles Rust to WebAssembly: the target of the author's own toolchain, or the folder that `cargo xtask setup`
//! prepares where that cannot be installed. Installs nothing itself.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::error::{AuthorError, problem};

/// The target that plugins are compiled for: no system interface at all, so that a plugin imports what it declares.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Names a folder with `rustc` and `rust-lld` that have the target.
pub const TOOLCHAIN_VARIABLE: &str = "MORTISE_WASM_TOOLCHAIN";

/// A compiler other than the usual one.
#[derive(Debug, PartialEq)]
pub(crate) struct Toolchain {
    pub(crate) rustc: PathBuf,
    pub(crate) linker: PathBuf,
}

/// Where a toolchain for WebAssembly lies when the usual one has no such target: `~/.cache/mortise/wasm-toolchain`.
pub fn toolchain_folder() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = given("XDG_CACHE_HOME").or_else(|| Some(given("HOME")?.join(".cache")))?;
    Some(cache.join("mortise").join("wasm-toolchain"))
}

/// What to compile with in this folder; none means the usual compiler.
pub(crate) fn find(folder: &Path) -> Result<Option<Toolchain>, AuthorError> {
    if let Some(named) = std::env::var_os(TOOLCHAIN_VARIABLE).filter(|value| !value.is_empty()) {
        let missing = || problem("author.toolchain_folder").arg("folder", Path::new(&named).display());
        return in_folder(Path::new(&named)).map(Some).ok_or_else(|| missing().into());
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut ask = Command::new(&rustc);
    ask.args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder);
    let asked = ask.output();
    if let Ok(said) = &asked
        && Path::new(String::from_utf8_lossy(&said.stdout).trim()).is_dir()
    {
        return Ok(None);
    }
    if let Some(prepared) = toolchain_folder().as_deref().and_then(in_folder) {
        return Ok(Some(prepared));
    }
    match asked {
        Ok(_) => Err(problem("author.no_target").arg("target", TARGET).into()),
        Err(_) => Err(missing("rustc")),
    }
}

fn in_folder(folder: &Path) -> Option<Toolchain> {
    let (rustc, linker) = (folder.join("rustc"), folder.join("rust-lld"));
    (rustc.is_file() && linker.is_file()).then_some(Toolchain { rustc, linker })
}

/// A tool that is not installed; each has its own words about what to do.
pub(crate) fn missing(tool: &'static str) -> AuthorError {
    let reason = match tool {
        "rustc" | "cargo" => "rust",
        "node" | "npm" => "node",
        other => other,
    };
    problem("author.tool_missing").arg("tool", tool).arg("reason", reason).into()
}

/// Runs a tool in a folder with its output shown; `name` is what people know it by.
pub(crate) fn execute(command: &mut Command, name: &'static str) -> Result<(), AuthorError> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(problem("author.tool_failed").arg("tool", name).arg("status", code(status)).into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing(name)),
        Err(error) => Err(problem("author.tool_failed").arg("tool", name).arg("status", error).into()),
    }
}

/// What a tool ended with: its number, where it has one.
pub(crate) fn code(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| code.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prepared_folder_counts_only_with_compiler_and_linker() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rustc"), "").unwrap();
        assert_eq!(in_folder(folder.path()), None);
        std::fs::write(folder.path().join("rust-lld"), "").unwrap();
        assert!(in_folder(folder.path()).is_some());
    }
}
