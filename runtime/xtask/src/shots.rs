//! `cargo xtask shots`: pictures of the main pages for the documentation; with `--all` of every page, to be looked at by people. Both in
//! both languages, on a desktop and a phone, light and dark.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::setup;
use crate::shell::{cargo, execute, program, root, target};

/// `cargo xtask shots [--all] [WORD…]`; words keep only the pictures whose name contains one of them.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let all = arguments.iter().any(|argument| argument == "--all");
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) =
        arguments.iter().find(|argument| argument.starts_with("--") && *argument != "--all")
    {
        bail!("there is no option `{unknown}`");
    }
    setup::web()?;
    setup::browser_tests()?;
    let Some(chromium) = setup::ensure(&setup::CHROMIUM)? else { bail!("pictures need Chromium") };
    setup::ensure(&setup::FONTS)?;
    execute(&mut cargo(["build", "--package", "mortise"]))?;
    let (script, folder): (&str, PathBuf) = match all {
        true => ("shots.mjs", target().join("shots")),
        false => ("pictures.mjs", root().join("docs/pictures")),
    };
    std::fs::create_dir_all(&folder)?;
    let mut command = program("node", [root().join("tests/browser").join(script)]);
    command.env("MORTISE_BIN", target().join("debug/mortise")).env("MORTISE_CHROMIUM", chromium);
    execute(command.arg(&folder).args(words))?;
    println!("{}", folder.display());
    Ok(())
}
