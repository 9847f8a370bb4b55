//! From component to machine code: once, at install, in a process of its own, so that a compiler gone wild takes nothing
//! with it. The code is kept in a folder, named after the component and everything else that it depends on.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Semaphore;
use wasmtime::component::Component;

use crate::engine::{EngineKind, Engines, fingerprint};
use crate::error::HostError;
use crate::folder::{self, Cleared};
use crate::limits::SizeLimits;

/// How components are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// By another process: this program with these arguments, and the name of the engine behind them.
    Worker {
        /// The program; normally the server's own file.
        program: PathBuf,
        /// Normally `plugin-compile`.
        arguments: Vec<String>,
    },
    /// On a thread of this process: for tools and tests, which trust what they compile.
    InProcess,
}

/// The work of the other process: a component comes in, machine code goes out.
pub fn worker(
    engine: &str,
    memory_bytes: u64,
    mut input: impl Read,
    mut output: impl Write,
) -> Result<(), HostError> {
    let kind = EngineKind::of(engine)
        .ok_or_else(|| HostError::Compile(format!("there is no engine named {engine}")))?;
    // Before anything that a stranger has written is read, and not before the program has begun: what the loader of the system
    // says when it gets too little differs from system to system.
    confine(memory_bytes)?;
    let mut component = Vec::new();
    input.read_to_end(&mut component)?;
    output.write_all(&compile(kind, &component)?)?;
    Ok(output.flush()?)
}

fn compile(kind: EngineKind, component: &[u8]) -> Result<Vec<u8>, HostError> {
    let engine = kind.compiler()?;
    engine.precompile_component(component).map_err(|error| HostError::Compile(format!("{error:#}")))
}

/// The folder of machine code. Only this process and its worker may be able to write there: what lies in it is run.
pub(crate) struct CodeStore {
    folder: PathBuf,
    compiler: Compiler,
    sizes: SizeLimits,
    /// One at a time, so that installing many plugins leaves a processor for everybody else.
    slot: Semaphore,
}

impl CodeStore {
    pub(crate) fn open(folder: &Path, compiler: Compiler, sizes: SizeLimits) -> Result<CodeStore, HostError> {
        std::fs::create_dir_all(folder)?;
        Ok(CodeStore { folder: folder.to_path_buf(), compiler, sizes, slot: Semaphore::new(1) })
    }

    /// Sees to it that there is machine code. `read` is asked for the component only when there is none yet.
    pub(crate) async fn prepare(
        &self,
        engines: &Engines,
        kind: EngineKind,
        digest: &str,
        read: &(dyn Fn() -> std::io::Result<Vec<u8>> + Send + Sync),
    ) -> Result<(), HostError> {
        let file = self.file(engines, kind, digest);
        // Whoever clears the folder leaves alone what is in use.
        if folder::touch(&file).is_err() {
            let slot = self.slot.acquire().await.expect("the slot is never closed");
            // Somebody else may have compiled it while we waited.
            if !file.exists() {
                let code = self.compile(kind, read()?).await?;
                folder::keep(&file, &code)?;
            }
            drop(slot);
        }
        Ok(())
    }

    /// A component whose machine code was prepared, ready to run.
    pub(crate) fn component(
        &self,
        engines: &Engines,
        kind: EngineKind,
        digest: &str,
    ) -> Result<Component, HostError> {
        load(engines.of(kind), &self.file(engines, kind, digest))
    }

    /// Whether there is machine code for the engines as they are.
    pub(crate) fn has(&self, engines: &Engines, kind: EngineKind, digest: &str) -> bool {
        self.file(engines, kind, digest).exists()
    }

    fn file(&self, engines: &Engines, kind: EngineKind, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}{}", ending(engines, kind)))
    }

    /// Removes code of other components, and of engines of another time, that nobody has used for so long.
    pub(crate) fn clear(
        &self,
        engines: &Engines,
        digests: &HashSet<String>,
        unused: Duration,
    ) -> Result<Cleared, HostError> {
        let endings = EngineKind::ALL.map(|kind| ending(engines, kind));
        let wanted = |name: &str| {
            let digest = endings.iter().find_map(|ending| name.strip_suffix(ending.as_str()));
            digest.is_some_and(|digest| digests.contains(digest))
        };
        Ok(folder::clear(&self.folder, wanted, unused)?)
    }

    async fn compile(&self, kind: EngineKind, component: Vec<u8>) -> Result<Vec<u8>, HostError> {
        let limit = Duration::from_millis(self.sizes.compile_ms);
        let work = async {
            match &self.compiler {
                Compiler::InProcess => tokio::task::spawn_blocking(move || compile(kind, &component))
                    .await
                    .map_err(|error| HostError::Compile(error.to_string()))?,
                Compiler::Worker { program, arguments } => {
                    let mut command = Command::new(program);
                    let memory_bytes = self.sizes.compile_memory_bytes;
                    command.args(arguments).arg(kind.name()).arg(memory_bytes.to_string());
                    run(command, &component, memory_bytes).await
                }
            }
        };
        let code = tokio::time::timeout(limit, work).await.map_err(|_| HostError::GivenUp {
            reason: format!("it took longer than {} seconds", limit.as_secs()),
        })??;
        match code.len() as u64 > self.sizes.native_bytes {
            true => Err(HostError::GivenUp {
                reason: format!("its code has {} bytes; {} are allowed", code.len(), self.sizes.native_bytes),
            }),
            false => Ok(code),
        }
    }
}

/// How the names of files end that hold code for an engine.
fn ending(engines: &Engines, kind: EngineKind) -> String {
    format!("-{}-{}.code", kind.name(), fingerprint(engines.of(kind)))
}

/// Limits the memory of this process; nothing takes that back.
#[cfg(target_os = "linux")]
fn confine(memory_bytes: u64) -> std::io::Result<()> {
    let limit = Rlimit { current: Some(memory_bytes), maximum: Some(memory_bytes) };
    Ok(setrlimit(Resource::Data, limit)?)
}

/// Other systems have no limit that allocations keep to.
#[cfg(not(target_os = "linux"))]
fn confine(_: u64) -> std::io::Result<()> {
    Ok(())
}

/// Whether a worker has said what is wrong with the component; otherwise it was stopped in the middle of its work, as it is
/// when it gets no more memory.
fn has_answered(status: ExitStatus, said: &str) -> bool {
    // `ENOMEM`, which a compiler may pass on as an error like any other.
    status.code() == Some(1) && !said.contains("os error 12")
}

async fn run(mut command: Command, component: &[u8], memory_bytes: u64) -> Result<Vec<u8>, HostError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // A trace wants memory: a worker that gets no more would wait for itself instead of saying so.
    command.env("RUST_BACKTRACE", "0");
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().expect("stdin was asked to be piped");
    let feed = async {
        // A worker that fails early closes its end; what it says then matters more.
        let fed = input.write_all(component).await;
        drop(input);
        fed
    };
    let (fed, output) = tokio::join!(feed, child.wait_with_output());
    let output = output?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said.trim().chars().take(2_000).collect();
        let said = if said.is_empty() { output.status.to_string() } else { said };
        return Err(match has_answered(output.status, &said) {
            true => HostError::Compile(said),
            false => {
                let memory = memory_bytes >> 20;
                HostError::GivenUp {
                    reason: format!("it ended early, with {memory} MB of memory allowed: {said}"),
                }
            }
        });
    }
    fed?;
    Ok(output.stdout)
}

/// Machine code that was made by [`compile`] for this very engine, as the name of the file says.
#[expect(unsafe_code, reason = "the only way to load code that was compiled before")]
fn load(engine: &wasmtime::Engine, file: &Path) -> Result<Component, HostError> {
    // SAFETY: files in this folder are written by `CodeStore` only, whole, from the output of our own compiler; plugin authors
    // hand in components, never code. Wasmtime checks that version, settings and processor are those of the engine.
    let component = unsafe { Component::deserialize_file(engine, file) };
    component.map_err(|error| HostError::Compile(format!("{error:#}")))
}
