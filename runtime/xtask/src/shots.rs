//! `cargo xtask shots`: pictures of every page in both languages, widths and brightnesses, to be looked at by people.

use anyhow::{Result, bail};

use crate::setup;
use crate::shell::{cargo, execute, program, root, target};

/// `cargo xtask shots [WORD…]`.
pub(crate) fn run(only: &[String]) -> Result<()> {
    setup::web()?;
    setup::browser_tests()?;
    let Some(chromium) = setup::ensure(&setup::CHROMIUM)? else { bail!("pictures need Chromium") };
    setup::ensure(&setup::FONTS)?;
    execute(&mut cargo(["build", "--package", "mortise"]))?;
    let folder = target().join("shots");
    std::fs::create_dir_all(&folder)?;
    let mut command = program("node", [root().join("tests/browser/shots.mjs")]);
    command.env("MORTISE_BIN", target().join("debug/mortise")).env("MORTISE_CHROMIUM", chromium);
    execute(command.arg(&folder).args(only))?;
    println!("{}", folder.display());
    Ok(())
}
