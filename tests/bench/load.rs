//! Load from wrk: one script per workload, one line of figures back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Threads of wrk; the measured machine has two cores.
const THREADS: usize = 2;

/// What wrk needs to know for all workloads.
pub(crate) struct Load {
    /// The program.
    pub(crate) wrk: PathBuf,
    /// Folder of the Lua scripts.
    pub(crate) scripts: PathBuf,
    /// Length of one measurement.
    pub(crate) seconds: u64,
}

/// One workload.
pub(crate) struct Workload<'a> {
    /// Name of the script without its ending.
    pub(crate) script: &'a str,
    /// Connections kept open.
    pub(crate) connections: usize,
    /// Where the requests go.
    pub(crate) address: SocketAddr,
    /// Path of the collection.
    pub(crate) path: &'a str,
    /// File of record ids, one a line.
    pub(crate) ids: Option<&'a Path>,
    /// API token.
    pub(crate) token: Option<&'a str>,
}

/// What a measurement came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answers {
    /// Answers per second.
    pub(crate) per_second: f64,
    /// 95 of 100 answers came within.
    pub(crate) p95_ms: f64,
}

impl Load {
    /// Warms up for a second, then measures. An answer that is an error makes the measurement worthless, so it fails.
    pub(crate) fn measure(&self, workload: &Workload) -> Result<Answers> {
        self.run(workload, 1)?;
        self.run(workload, self.seconds)
    }

    fn run(&self, workload: &Workload, seconds: u64) -> Result<Answers> {
        let mut command = Command::new(&self.wrk);
        command.args(["--threads", &THREADS.to_string(), "--connections", &workload.connections.to_string()]);
        command.args(["--duration", &format!("{seconds}s"), "--timeout", "30s"]);
        command.arg("--script").arg(self.scripts.join(format!("{}.lua", workload.script)));
        command.args(["--header", "Content-Type: application/json"]);
        if let Some(token) = workload.token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        command.arg(format!("http://{}{}", workload.address, workload.path)).arg("--").arg(workload.path);
        command.args(workload.ids).env("WRK_SCRIPTS", &self.scripts);
        let output = command.output().with_context(|| format!("{} cannot be started", self.wrk.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
        let Some(line) = line.filter(|_| output.status.success()) else {
            bail!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
        };
        parse(line, workload)
    }
}

fn parse(line: &str, workload: &Workload) -> Result<Answers> {
    let numbers: Vec<f64> =
        line.split(' ').map(str::parse).collect::<Result<_, _>>().context("figures of wrk")?;
    let [requests, duration_us, errors, p95_us] = numbers[..] else {
        bail!("wrk printed `{line}`");
    };
    if errors > 0.0 || requests == 0.0 {
        bail!("{}: {errors} of {requests} requests failed", workload.script);
    }
    Ok(Answers { per_second: requests / (duration_us / 1e6), p95_ms: p95_us / 1e3 })
}
