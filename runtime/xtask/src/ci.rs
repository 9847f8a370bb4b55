//! `cargo xtask ci`: what has to pass before a change lands; `.ci/run` calls it on a clean clone.

use anyhow::Result;

use crate::shell::{cargo, execute};
use crate::{docs, setup, test};

/// Formatting, lints, the book and all tests, with nothing skipped. The cheapest come first.
pub(crate) fn run() -> Result<()> {
    execute(&mut cargo(["fmt", "--all", "--check"]))?;
    setup::web()?;
    execute(&mut cargo([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))?;
    docs::build_book()?;
    test::run_all(&[], true, None)
}
