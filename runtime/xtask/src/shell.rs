//! Running programs and finding files: the few helpers that every command of `cargo xtask` shares.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The folder of the workspace, wherever the command was started.
pub(crate) fn root() -> PathBuf {
    // What cargo says while it runs counts: two clones with one build folder share the binary of the first.
    let said = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = said.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.ancestors().nth(2).expect("this crate lies two folders below the workspace").to_path_buf()
}

/// Where cargo puts what it builds; honours `CARGO_TARGET_DIR`.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// True when a missing tool has to fail the run instead of skipping what needs it.
pub(crate) fn everything_required() -> bool {
    ["CI", "MORTISE_TEST_REQUIRE"].iter().any(|name| {
        std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0" && value != "false")
    })
}

/// A program to be run in the workspace, printed before it starts.
pub(crate) fn program<I, S>(name: impl AsRef<OsStr>, arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    command
}

/// Runs `cargo` with the same toolchain that runs this program, and as if it was called by hand: what cargo has told this program
/// about itself would be taken for a change by the build scripts of others, and half of the workspace be built again.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments);
    for (name, _) in std::env::vars_os() {
        let own = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if name.to_str().is_some_and(|name| own.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end with output shown; anything but success is an error that names the command.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("» {shown}");
    let status = command.status().with_context(|| format!("could not start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs to the end and returns what was printed; the output is shown only when the command fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("could not start `{shown}`"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("`{shown}` ended with {}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(stdout)
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}

/// The first of these programs that is on the search path.
pub(crate) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

/// True when this process may install packages.
pub(crate) fn is_root() -> bool {
    output(&mut program("id", ["-u"])).is_ok_and(|user| user.trim() == "0")
}

/// The value that follows an option, as in `--data folder`.
pub(crate) fn option<'a>(arguments: &'a [String], name: &str) -> Result<Option<&'a str>> {
    let Some(position) = arguments.iter().position(|argument| argument == name) else { return Ok(None) };
    match arguments.get(position + 1) {
        Some(value) if !value.starts_with("--") => Ok(Some(value)),
        _ => bail!("the option {name} needs a value"),
    }
}

/// Refuses arguments that the command does not know, so that a typing mistake never passes as a default.
pub(crate) fn check_arguments(arguments: &[String], flags: &[&str], options: &[&str]) -> Result<()> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if options.contains(&argument.as_str()) {
            rest.next();
        } else if !flags.contains(&argument.as_str()) {
            bail!("unknown argument `{argument}`; see `cargo xtask help`");
        }
    }
    Ok(())
}

/// A port that is free at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
