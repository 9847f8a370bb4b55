//! `cargo xtask shots`: pictures of the main pages in both languages and widths, to be looked at by people.

use anyhow::{Result, bail};

use crate::setup;
use crate::shell::{cargo, execute, program, root, target};

/// `cargo xtask shots`.
pub(crate) fn run() -> Result<()> {
    setup::web()?;
    setup::browser_tests()?;
    let Some(chromium) = setup::ensure(&setup::CHROMIUM)? else { bail!("pictures need Chromium") };
    setup::ensure(&setup::FONTS)?;
    execute(&mut cargo(["build", "--package", "mortise"]))?;
    let folder = target().join("shots");
    std::fs::create_dir_all(&folder)?;
    let mut command = program("node", [root().join("tests/browser/shots.mjs")]);
    command.env("MORTISE_BIN", target().join("debug/mortise")).env("MORTISE_CHROMIUM", chromium);
    execute(command.arg(&folder))?;
    println!("{}", folder.display());
    Ok(())
}
