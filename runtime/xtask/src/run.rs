//! `cargo xtask run`: from a clean clone to a served demo tenant, with the sign-ins printed.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, check_arguments, execute, option, root, target};
use crate::{plugins, setup};

/// The apps that ship with the product, required ones first.
const APPS: &[&str] = &["sales-core", "lead-management"];

/// Password of everybody in the demo tenant; the server listens on this machine only unless told otherwise.
const PASSWORD: &str = "Mortise-demo-2026";

/// What the apps want to have consent for; without it their plugins would wait for an administrator.
const CONSENT: [&str; 4] =
    ["--confirm", "plugin/mortise.intent-heat", "--confirm", "plugin/mortise.win-forecast"];

/// People whom the printed list offers: who they are, and their login in the demo data.
const PEOPLE: &[(&str, &str)] = &[
    ("administrator of the tenant", "admin"),
    ("sales representative, east", "lin.xiaoyu"),
    ("sales representative, north", "zhang.bo"),
    ("sales supervisor, east", "zhao.lei"),
    ("sales supervisor, overseas (English)", "emma.wilson"),
    ("sales director", "zhou.jianguo"),
    ("marketing", "liu.min"),
    ("business administrator", "admin.chen"),
];

/// `cargo xtask run`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check_arguments(arguments, &["--fresh", "--debug"], &["--listen", "--leads", "--data"])?;
    let debug = arguments.iter().any(|argument| argument == "--debug");
    let demo = Demo {
        data: option(arguments, "--data")?.map_or_else(|| root().join("data"), PathBuf::from),
        listen: option(arguments, "--listen")?.unwrap_or("127.0.0.1:8080").to_owned(),
        leads: option(arguments, "--leads")?.unwrap_or("10000").to_owned(),
        program: target().join(if debug { "debug/mortise" } else { "release/mortise" }),
    };
    demo.check_address()?;
    setup::web()?;
    let mut build = cargo(["build", "--package", "mortise", "--package", "mortise-plugin-author"]);
    execute(if debug { &mut build } else { build.arg("--release") })?;
    plugins::build(&demo.program.with_file_name("mortise-plugin"))?;
    if arguments.iter().any(|argument| argument == "--fresh") && demo.data.exists() {
        std::fs::remove_dir_all(&demo.data)?;
    }
    if !demo.finished().exists() {
        demo.fill()?;
    }
    demo.serve()
}

struct Demo {
    data: PathBuf,
    listen: String,
    leads: String,
    program: PathBuf,
}

impl Demo {
    /// Written last, so that a demo that was interrupted is noticed.
    fn finished(&self) -> PathBuf {
        self.data.join("demo.complete")
    }

    /// Said before anything is built: minutes later somebody would have gone for a coffee.
    fn check_address(&self) -> Result<()> {
        match TcpListener::bind(&self.listen) {
            Ok(_) => Ok(()),
            Err(error) => {
                bail!("cannot listen on {}: {error}; choose another address with --listen", self.listen)
            }
        }
    }

    fn fill(&self) -> Result<()> {
        if self.data.join("mortise.lock").exists() {
            bail!("{} holds another installation or half a demo: use --fresh or --data", self.data.display());
        }
        let apps: Vec<String> = APPS
            .iter()
            .map(|app| root().join("app-templates").join(app).to_string_lossy().into_owned())
            .collect();
        let tenant = ["tenant", "create", "demo", "--name", "Mortise Demo", "--tenant-language", "zh-CN"];
        self.mortise(&[&tenant[..], &["--time-zone", "Asia/Shanghai"]].concat(), "")?;
        let administrator = ["user", "create", "demo", "admin", "--name", "Administrator", "--administrator"];
        self.mortise(&[&administrator[..], &["--stdin"]].concat(), PASSWORD)?;
        let folders: Vec<&str> = apps.iter().map(String::as_str).collect();
        self.mortise(&[&["app", "install", "demo"], &folders[..], &CONSENT[..]].concat(), "")?;
        let demo = [&["app", "demo", "demo"], &folders[..], &["--records", &self.leads]].concat();
        self.mortise(&demo, "")?;
        for (_, login) in PEOPLE {
            self.mortise(&["user", "password", "demo", login, "--stdin"], PASSWORD)?;
        }
        Ok(std::fs::write(self.finished(), "")?)
    }

    fn serve(&self) -> Result<()> {
        println!("\nMortise serves the demo tenant at http://{}/", self.listen);
        println!("Password of everybody: {PASSWORD}\n");
        for (who, login) in PEOPLE {
            println!("  {login:<14} {who}");
        }
        println!(
            "\nRules work off the demo data in the first minutes. The win forecast learns at minute 25 of an hour,"
        );
        println!("and appears on open opportunities some minutes later.");
        println!("\nStop it with Ctrl-C. Data is kept in {}.\n", self.data.display());
        let mut server = self.command();
        become_program(server.args(["serve", "--listen", &self.listen]))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("MORTISE_DATA", &self.data).env_remove("MORTISE_DATABASE_URL");
        command.env("MORTISE_PLUGINS", target().join("plugins"));
        command
    }

    fn mortise(&self, arguments: &[&str], input: &str) -> Result<()> {
        eprintln!("» mortise {}", arguments.join(" "));
        let mut process = self.command().args(arguments).stdin(Stdio::piped()).spawn()?;
        process.stdin.take().context("the standard input is a pipe")?.write_all(input.as_bytes())?;
        let status = process.wait()?;
        if !status.success() {
            bail!("`mortise {}` ended with {status}", arguments.join(" "));
        }
        Ok(())
    }
}

/// The server takes the place of this process, so that Ctrl-C reaches it alone and the prompt comes back when it has stopped.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("could not start the server")
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<()> {
    execute(command)
}
