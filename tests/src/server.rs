//! The real binary, run on a temporary folder: its command line and its server.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Client;

/// A debug build on a loaded machine of two cores has needed five seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A data folder with the commands that fill it.
pub struct Installation {
    folder: TempDir,
    postgres: Option<String>,
}

impl Installation {
    /// An empty folder; tenants are SQLite files in it.
    pub fn new() -> Self {
        Self::on(None)
    }

    /// An empty folder with its data on a PostgreSQL server, in a database of its own.
    pub fn on(postgres: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("the system has a temporary folder");
        Self { folder, postgres: postgres.map(create_database) }
    }

    /// Another node beside this installation, which was used before: its own folder, the same database and key.
    pub fn beside(&self) -> Self {
        let folder = tempfile::tempdir().expect("the system has a temporary folder");
        let key = Path::new("secret.key");
        std::fs::copy(self.data().join(key), folder.path().join(key)).expect("the first use made a key");
        Self { folder, postgres: self.postgres.clone() }
    }

    /// Address of the database when the data is on a PostgreSQL server.
    pub fn postgres(&self) -> Option<&str> {
        self.postgres.as_deref()
    }

    /// The folder of data.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the binary and returns what it printed; a failure is a panic that shows everything.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, "")
    }

    /// The same with a text on its standard input.
    #[track_caller]
    pub fn run_with(&self, arguments: &[&str], input: &str) -> String {
        let output = self.try_run(arguments, input);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "`mortise {}`: {}\n{stdout}{stderr}",
            arguments.join(" "),
            output.status
        );
        stdout
    }

    /// Runs a command of the binary, whatever comes of it.
    pub fn try_run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary can be started");
        let mut stdin = process.stdin.take().expect("the standard input is a pipe");
        // A command that reads nothing may be gone already; that is its right.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        process.wait_with_output().expect("the process is ours")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .env("MORTISE_DATA", self.data())
            .env("RUST_BACKTRACE", "0")
            .env_remove("MORTISE_DATABASE_URL");
        if let Some(url) = &self.postgres {
            command.env("MORTISE_DATABASE_URL", url);
        }
        command
    }

    /// Starts the server and waits until it answers.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// The same with settings of the server, as variables of its environment.
    pub fn serve_with(&self, settings: &[(&str, &str)]) -> Server {
        let mut command = self.command();
        command.envs(settings.iter().copied());
        Server::start(command)
    }
}

impl Default for Installation {
    fn default() -> Self {
        Self::new()
    }
}

/// A running server; dropped, it is killed.
pub struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let address = free_address();
        command.arg("serve").args(["--listen", &address.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let process = command.spawn().expect("the binary can be started");
        let mut server = Self { process, address };
        server.wait();
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The most memory that the process has ever held, in bytes, as the system counts it.
    pub fn memory_peak_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process_id());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        1024 * peak.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("the system tells the peak")
    }

    /// Asks the process to end, as a service manager does, without waiting for it.
    pub fn ask_to_stop(&self) {
        self.signal("-TERM");
    }

    /// Lets the process stand still, as a machine that swaps or a debugger does.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the process takes {signal}");
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Ends the process as a power cut would: no handler of its own runs.
    pub fn kill(mut self) {
        self.process.kill().expect("the process is ours");
        self.process.wait().expect("the process is ours");
    }

    /// Asks the process to end, as a service manager does, and waits until it has.
    pub fn stop(mut self) {
        self.ask_to_stop();
        let status = self.process.wait().expect("the process is ours");
        assert!(status.success(), "{status}");
    }

    fn wait(&mut self) {
        let started = Instant::now();
        loop {
            if Client::new(self.address).get("/healthz").is_ok_and(|answer| answer.status == 200) {
                break;
            }
            let ended = self.process.try_wait().expect("the process is ours");
            if ended.is_some() || started.elapsed() > START_TIMEOUT {
                self.process.kill().ok();
                let errors = self.process.stderr.take().map(BufReader::new);
                let lines: Vec<String> =
                    errors.into_iter().flat_map(|errors| errors.lines().map_while(Result::ok)).collect();
                panic!("the server does not answer ({ended:?}):\n{}", lines.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // Nobody reads on, and a full pipe would stop the server.
        if let Some(errors) = self.process.stderr.take() {
            std::thread::spawn(move || BufReader::new(errors).lines().map_while(Result::ok).for_each(drop));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The binary under test: `MORTISE_BIN`, or the one that cargo built beside this test.
pub fn binary() -> PathBuf {
    if let Some(given) = std::env::var_os("MORTISE_BIN") {
        return given.into();
    }
    let here = std::env::current_exe().expect("a running program has a path");
    let profile = here.ancestors().find(|folder| folder.join("mortise").is_file());
    profile.expect("build it first: cargo build -p mortise, or run `cargo xtask test`").join("mortise")
}

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace").to_path_buf()
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the system has a free port");
    listener.local_addr().expect("a bound listener has an address")
}

/// Makes a new database on a server and returns its address. It is left behind: the server of a run is thrown away.
pub fn create_database(server: &str) -> String {
    let name = format!("mortise_{}", uuid::Uuid::new_v4().simple());
    let status = Command::new("psql").args([server, "-q", "-c", &format!("CREATE DATABASE {name}")]).status();
    assert!(status.is_ok_and(|status| status.success()), "psql cannot make a database on {server}");
    let (before, _) = server.rsplit_once('/').expect("the address names a database");
    format!("{before}/{name}")
}
