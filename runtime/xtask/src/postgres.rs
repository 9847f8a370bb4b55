//! A PostgreSQL cluster of one run: made in a temporary folder, on a free port, thrown away afterwards.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::setup;
use crate::shell::{find_program, free_port, is_root, output, program};

/// A cold start takes about one second; a loaded machine of two cores has needed ten.
const START_SECONDS_MAX: u64 = 60;

/// Whether commits reach the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// For measurements: as an operator runs it.
    Full,
    /// For tests: the cluster is thrown away, so nothing is gained by waiting for the disk.
    None,
}

/// A running cluster; dropped, it is stopped and its folder removed.
pub(crate) struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    /// Starts a cluster, or returns `None` where PostgreSQL is not installed and may be missing.
    pub(crate) fn start(durability: Durability) -> Result<Option<Self>> {
        let Some(binaries) = setup::ensure(&setup::POSTGRES)? else { return Ok(None) };
        let folder = std::env::temp_dir().join(format!("mortise-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        if is_root() {
            output(&mut program("chown", ["postgres".as_ref(), folder.as_os_str()]))?;
        }
        let data = folder.join("data");
        let mut create = as_owner(&binaries.join("initdb"));
        create.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        output(create.arg("-D").arg(&data)).context("PostgreSQL could not create a cluster")?;

        let port = free_port()?;
        let server = serve(&binaries, &folder, &data, port, durability)?;
        let mut cluster = Self { binaries, folder, port, server };
        cluster.wait()?;
        Ok(Some(cluster))
    }

    /// The address of the database `postgres`, for its superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&mut self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(START_SECONDS_MAX) {
            let mut ready = Command::new(self.binaries.join("pg_isready"));
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ready.status()?.success() {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                bail!("PostgreSQL ended at once with {status}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL did not answer within {START_SECONDS_MAX} seconds")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = as_owner(&self.binaries.join("pg_ctl"));
        stop.args(["stop", "-m", "immediate", "-D"]).arg(self.folder.join("data"));
        if output(&mut stop).is_err() {
            // The server is gone or stuck; ending its process is all that is left, and it may fail for the same reason.
            self.server.kill().ok();
        }
        self.server.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn serve(binaries: &Path, folder: &Path, data: &Path, port: u16, durability: Durability) -> Result<Child> {
    let mut serve = as_owner(&binaries.join("postgres"));
    serve.arg("-D").arg(data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    serve.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    serve.args(["-c", "max_connections=200", "-c", "shared_buffers=256MB", "-c", "log_min_messages=fatal"]);
    if durability == Durability::None {
        serve.args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]);
    }
    let server = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    server.spawn().context("PostgreSQL could not be started")
}

/// PostgreSQL refuses to run as root, so root hands over to the user that the package made.
fn as_owner(binary: &Path) -> Command {
    let mut command = if is_root() && find_program(&["setpriv"]).is_some() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.current_dir(std::env::temp_dir());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_answers_while_it_is_held_and_leaves_nothing_behind() {
        let Some(cluster) = Cluster::start(Durability::None).unwrap() else { return };
        let (url, folder) = (cluster.url(), cluster.folder.clone());
        let one = output(&mut program("psql", [url.as_str(), "-tAc", "SELECT 1"])).unwrap();
        assert_eq!(one.trim(), "1");
        drop(cluster);
        assert!(!folder.exists());
        assert!(output(&mut program("psql", [url.as_str(), "-tAc", "SELECT 1"])).is_err());
    }
}
