//! Plugins that tests write as authors do: where they are compiled, and with which versions.

use std::path::{Path, PathBuf};

use crate::server::workspace;

/// Where plugins of this clone are compiled, so that the kit is compiled once for all of them.
pub fn wasm_target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| workspace().join("target")).join("wasm")
}

/// Gives a plugin in Rust the versions of this repository, as a clone has them; nothing is looked up in between.
pub fn lock_versions(folder: &Path) {
    let lock = folder.join("Cargo.lock");
    if !lock.exists() {
        std::fs::copy(workspace().join("Cargo.lock"), lock).expect("the folder is ours");
    }
}
