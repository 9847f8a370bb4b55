//! House rules that can be checked by reading: each test is one rule, and names every place that breaks it.
//!
//! Exceptions are listed beside their rule, each with a reason. An exception that is no longer needed fails too.

mod dependencies;
mod documents;
mod rules;
mod source;

use std::path::{Path, PathBuf};

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate lies two folders below the workspace").to_path_buf()
}

/// Fails with one line for each finding.
#[track_caller]
fn expect_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
