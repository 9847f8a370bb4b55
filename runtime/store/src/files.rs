//! Contents of files, addressed by SHA-256 in an object store: the same bytes are kept once, and a stored hash proves
//! that they were not changed. What a file is called and who may see it is in the tenant's database.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Contents up to this many bytes are held in memory as a whole, coming and going; most photos are smaller.
const SMALL_MAX: u64 = 1024 * 1024;
/// Parts of an upload under way at once.
const PARTS_MAX: usize = 2;
/// Folder of contents that have not come completely.
const INCOMING: &str = "incoming";

/// A place for contents.
#[derive(Debug, Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    bytes_max: u64,
}

/// Contents that were put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// SHA-256, hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Why contents were not taken.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// More bytes came than are allowed.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// The sender failed.
    #[error("upload broke off: {0}")]
    Sender(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Files {
    /// A folder of this machine, made if there is none. Uploads that a crash broke off are removed: nobody but this
    /// process writes here.
    pub fn folder(path: &Path, bytes_max: u64) -> Result<Files> {
        std::fs::create_dir_all(path)?;
        match std::fs::remove_dir_all(path.join(INCOMING)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let store = LocalFileSystem::new_with_prefix(path)?.with_fsync(true);
        Ok(Files { store: Arc::new(store), bytes_max })
    }

    /// Most bytes of one file.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Stores what a stream brings, up to the limit. Where it belongs is known only at the end: large contents wait
    /// under the name of their upload, so that memory holds no more than a few parts of each.
    pub async fn put<S, E>(&self, upload: Uuid, mut stream: S) -> Result<StoredFile, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let mut contents =
            Contents { files: self, place: waiting(upload), small: Vec::new(), size: 0, large: None };
        let mut hasher = Sha256::new();
        while let Some(chunk) = stream.next().await {
            let taken = match chunk {
                Err(error) => Err(PutError::Sender(error.to_string())),
                Ok(chunk) if contents.size + chunk.len() as u64 > self.bytes_max => {
                    Err(PutError::TooLarge(self.bytes_max))
                }
                Ok(chunk) => {
                    hasher.update(&chunk);
                    contents.add(chunk).await
                }
            };
            if let Err(error) = taken {
                contents.abandon().await;
                return Err(error);
            }
        }
        let (sha256, size) = (hex(&hasher.finalize()), contents.size);
        contents.finish(&key(&sha256)).await?;
        Ok(StoredFile { sha256, size })
    }

    /// The contents of this hash.
    pub async fn get(&self, sha256: &str) -> Result<Bytes> {
        Ok(self.store.get(&key(sha256)).await?.bytes().await?)
    }

    /// These bytes of the contents of this hash, as they are asked for: memory holds a piece at a time.
    pub async fn read(&self, sha256: &str, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let small = range.end - range.start <= SMALL_MAX;
        let found = self.store.get_opts(&key(sha256), GetOptions::new().with_range(Some(range))).await?;
        Ok(match small {
            true => stream::iter([Ok(found.bytes().await?)]).boxed(),
            false => found.into_stream().map_err(Error::from).boxed(),
        })
    }
}

/// Contents on their way.
struct Contents<'a> {
    files: &'a Files,
    place: Key,
    small: Vec<Bytes>,
    size: u64,
    large: Option<WriteMultipart>,
}

impl Contents<'_> {
    async fn add(&mut self, chunk: Bytes) -> Result<(), PutError> {
        self.size += chunk.len() as u64;
        self.small.push(chunk);
        if self.size <= SMALL_MAX {
            return Ok(());
        }
        if self.large.is_none() {
            let upload = self.files.store.put_multipart(&self.place).await.map_err(Error::from)?;
            self.large = Some(WriteMultipart::new(upload));
        }
        if let Some(large) = &mut self.large {
            large.wait_for_capacity(PARTS_MAX).await.map_err(Error::from)?;
            self.small.drain(..).for_each(|chunk| large.put(chunk));
        }
        Ok(())
    }

    async fn finish(self, key: &Key) -> Result<()> {
        match self.large {
            None => {
                let payload: PutPayload = self.small.into_iter().collect();
                self.files.store.put(key, payload).await?;
            }
            Some(large) => {
                large.finish().await?;
                self.files.store.rename(&self.place, key).await?;
            }
        }
        Ok(())
    }

    async fn abandon(self) {
        if let Some(large) = self.large
            && let Err(error) = large.abort().await
        {
            tracing::warn!(%error, "an upload that broke off left something behind");
        }
    }
}

fn waiting(upload: Uuid) -> Key {
    Key::from(format!("{INCOMING}/{upload}"))
}

fn key(sha256: &str) -> Key {
    Key::from(format!("{}/{sha256}", sha256.get(..2).unwrap_or("xx")))
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Chunk = std::io::Result<Bytes>;

    fn chunks(count: usize) -> impl Stream<Item = Chunk> + Unpin {
        futures_util::stream::iter((0..count).map(|number| Ok(Bytes::from(vec![number as u8; 300_000]))))
    }

    #[tokio::test]
    async fn small_and_large_contents_are_found_by_their_hash() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::folder(folder.path(), 20_000_000).unwrap();
        for count in [0, 1, 4, 40] {
            let stored = files.put(Uuid::from_u128(1), chunks(count)).await.unwrap();
            assert_eq!(stored.size, count as u64 * 300_000);
            let bytes = files.get(&stored.sha256).await.unwrap();
            assert_eq!(hex(&Sha256::digest(&bytes)), stored.sha256);
            for range in [0..stored.size, stored.size / 3..stored.size, 0..stored.size.min(1)] {
                let pieces: Vec<Bytes> =
                    files.read(&stored.sha256, range.clone()).await.unwrap().try_collect().await.unwrap();
                assert!(pieces.concat() == bytes[range.start as usize..range.end as usize], "{range:?}");
            }
            // The same once more is no error.
            assert_eq!(files.put(Uuid::from_u128(1), chunks(count)).await.unwrap(), stored);
        }
    }

    #[tokio::test]
    async fn what_is_too_large_or_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::folder(folder.path(), 11_000_000).unwrap();
        assert!(matches!(files.put(Uuid::from_u128(1), chunks(40)).await, Err(PutError::TooLarge(_))));
        let broken = chunks(20).chain(futures_util::stream::iter([Err(std::io::Error::other("gone"))]));
        assert!(matches!(files.put(Uuid::from_u128(2), broken).await, Err(PutError::Sender(_))));
        let left = |path: &Path| std::fs::read_dir(path).map_or(0, Iterator::count);
        assert_eq!(left(&folder.path().join(INCOMING)), 0);
        std::fs::write(folder.path().join(INCOMING).join("crashed"), "half").unwrap();
        Files::folder(folder.path(), 1).unwrap();
        assert_eq!(left(&folder.path().join(INCOMING)), 0);
    }
}
