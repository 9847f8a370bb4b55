//! `mortise serve`: opens everything, answers requests until it is told to stop, and closes everything in order.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use super::lock::DataLock;
use super::words::Words;
use crate::http::serve;
use crate::photo::Fonts;
use crate::{AppState, Config, auth};

/// How often expired sessions and tokens are removed.
const CLEANING: Duration = Duration::from_secs(3600);

/// How the command line reaches a running server; a file in the data folder that only its owner can read.
#[derive(Serialize, Deserialize)]
pub(super) struct OperatorFile {
    pub(super) address: SocketAddr,
    pub(super) token: String,
}

impl OperatorFile {
    pub(super) fn path(data: &Path) -> PathBuf {
        data.join("operator.json")
    }

    /// What a running server left here.
    pub(super) fn read(data: &Path) -> anyhow::Result<Self> {
        let path = Self::path(data);
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(serde_json::from_slice(&text)?)
    }

    fn write(&self, data: &Path) -> anyhow::Result<()> {
        let path = Self::path(data);
        let _ = std::fs::remove_file(&path);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).with_context(|| path.display().to_string())?;
        file.write_all(&serde_json::to_vec(self)?)?;
        Ok(())
    }
}

/// Runs until SIGINT, SIGTERM or the operator's stop.
pub(super) async fn run(config: Config, words: &Words) -> anyhow::Result<()> {
    let lock = DataLock::take(&config.data)?;
    let _lock = lock
        .with_context(|| words.text("cli.serve.running", &[("data", &config.data.display().to_string())]))?;
    allow_open_files();
    if let Some(font) = &config.serving.font {
        Fonts::open(Some(font))?;
    }
    let token = auth::new_secret("mop_");
    let env = std::sync::Arc::new(mortise_engine::System);
    let data = config.data.clone();
    let state = AppState::open(config.clone(), env, Some(auth::hash_secret(&token)));
    let state = state.await.map_err(|failure| words.failure(&failure))?;
    let listener =
        TcpListener::bind(config.serving.listen).await.with_context(|| config.serving.listen.to_string())?;
    let address = listener.local_addr()?;
    OperatorFile { address: reachable(address), token }.write(&data)?;
    let public =
        config.serving.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(address)));
    tracing::info!(%address, data = %data.display(), "serving");
    println!("{}", words.text("cli.serve.address", &[("url", &public)]));
    crate::lanes::work(&state).await.map_err(|failure| words.failure(&failure))?;
    crate::plugins::look_after(&state);
    let cleaning = tokio::spawn(clean(state.clone()));
    let stop = state.stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        stop.cancel();
    });
    serve(state.clone(), listener).await?;
    cleaning.abort();
    state.close().await;
    let _ = std::fs::remove_file(OperatorFile::path(&data));
    tracing::info!("stopped");
    Ok(())
}

/// An address that this machine can reach itself by.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::from(([127, 0, 0, 1], address.port())),
        false => address,
    }
}

/// Every connection and every open tenant needs files, and systems grant few of them (often 1,024) until they are asked.
fn allow_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}

async fn clean(state: AppState) {
    loop {
        let now = state.now();
        let forgotten = now - TimeDelta::days(2);
        if let Err(error) = state.control.delete_expired(now, forgotten).await {
            tracing::warn!(%error, "expired sessions could not be removed");
        }
        tokio::time::sleep(CLEANING).await;
    }
}

async fn wait_for_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).expect("signals can be received");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}
