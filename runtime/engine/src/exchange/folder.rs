//! Where imports lie: `<imports>/<id>/` with `job.json`, `source`, `errors.csv` and the batch being written. Files are
//! replaced by renaming, so after a crash each is either as before or as after. Knows nothing of what an import does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::job::Job;
use super::rows::io_issue;
use super::{FILE_BYTES_MAX, State};
use crate::values::Issue;

/// Most imports told of; older ones are found by id only.
const LISTED_MAX: usize = 200;

/// The folder of all imports of a tenant.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder(path)
    }

    fn of(&self, id: Uuid) -> PathBuf {
        self.0.join(id.to_string())
    }

    pub(super) fn source(&self, id: Uuid) -> PathBuf {
        self.of(id).join("source")
    }

    pub(super) fn report(&self, id: Uuid) -> PathBuf {
        self.of(id).join("errors.csv")
    }

    fn batch(&self, id: Uuid) -> PathBuf {
        self.of(id).join("batch.json")
    }

    /// Writes the uploaded bytes. Whatever the client announced, no more than the limit is taken.
    pub(super) async fn receive<E: std::fmt::Display>(
        &self,
        id: Uuid,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<u64, Issue> {
        let failed = |error: &io::Error| io_issue(error);
        tokio::fs::create_dir_all(self.of(id)).await.map_err(|error| failed(&error))?;
        let mut file = tokio::fs::File::create(self.source(id)).await.map_err(|error| failed(&error))?;
        let mut length = 0u64;
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|error| {
                tracing::info!(%error, "an upload was interrupted");
                Issue::new("file.io")
            })?;
            length += chunk.len() as u64;
            if length > FILE_BYTES_MAX {
                return Err(Issue::new("file.too_large").with("max", FILE_BYTES_MAX / 1024 / 1024));
            }
            file.write_all(&chunk).await.map_err(|error| failed(&error))?;
        }
        file.sync_all().await.map_err(|error| failed(&error))?;
        Ok(length)
    }

    pub(super) fn load(&self, id: Uuid) -> Result<Job, Issue> {
        read(&self.of(id).join("job.json"))?.ok_or_else(|| Issue::new("import.not_found"))
    }

    pub(super) fn save(&self, job: &Job) -> Result<(), Issue> {
        replace(&self.of(job.id).join("job.json"), job)
    }

    /// All imports, newest first.
    pub(super) fn list(&self) -> Result<Vec<Job>, Issue> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_issue(&error)),
        };
        let names =
            entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut ids: Vec<Uuid> = names.filter_map(|name| Uuid::try_parse(&name).ok()).collect();
        // Ids begin with the time.
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids.truncate(LISTED_MAX);
        Ok(ids.into_iter().filter_map(|id| self.load(id).ok()).collect())
    }

    pub(super) fn unfinished(&self) -> Result<Vec<Job>, Issue> {
        Ok(self.list()?.into_iter().filter(|job| job.state == State::Running).collect())
    }

    /// Writes down what a batch is going to do, before it is done.
    pub(super) fn save_batch<T: Serialize>(&self, id: Uuid, batch: &T) -> Result<(), Issue> {
        replace(&self.batch(id), batch)
    }

    /// The batch that was written down last.
    pub(super) fn load_batch<T: DeserializeOwned>(&self, id: Uuid) -> Result<Option<T>, Issue> {
        read(&self.batch(id))
    }

    /// Appends to the report, at a place that is known to be good. Gives the new length.
    pub(super) fn append_report(&self, id: Uuid, at: u64, bytes: &[u8]) -> Result<u64, Issue> {
        let append = || -> io::Result<u64> {
            let mut file = OpenOptions::new().create(true).append(true).open(self.report(id))?;
            file.set_len(at)?;
            file.write_all(bytes)?;
            Ok(at + bytes.len() as u64)
        };
        append().map_err(|error| io_issue(&error))
    }

    pub(super) fn remove(&self, id: Uuid) -> Result<(), Issue> {
        match fs::remove_dir_all(self.of(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_issue(&error)),
            _ => Ok(()),
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Issue> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Issue::new("file.broken").with("reason", error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_issue(&error)),
    }
}

fn replace<T: Serialize>(path: &Path, content: &T) -> Result<(), Issue> {
    let write = || -> io::Result<()> {
        let next = path.with_extension("next");
        let mut file = File::create(&next)?;
        serde_json::to_writer(io::BufWriter::new(&file), content)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(next, path)
    };
    write().map_err(|error| io_issue(&error))
}
