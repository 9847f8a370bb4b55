//! Contents of files, addressed by SHA-256 in an object store: the same bytes are kept once, and a stored hash proves
//! that they were not changed. What a file is called and who may see it is in the tenant's database.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A place for contents.
#[derive(Debug, Clone)]
pub struct Files(Arc<dyn ObjectStore>);

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
    /// A folder of this machine, made if there is none.
    pub fn folder(path: &Path) -> Result<Files> {
        std::fs::create_dir_all(path)?;
        Ok(Files(Arc::new(LocalFileSystem::new_with_prefix(path)?)))
    }

    /// Stores what a stream brings, `limit` bytes at most.
    pub async fn put<S, E>(&self, mut stream: S, limit: u64) -> Result<StoredFile, PutError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let mut hasher = Sha256::new();
        let mut chunks: Vec<Bytes> = Vec::new();
        let mut size = 0u64;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| PutError::Sender(error.to_string()))?;
            size += chunk.len() as u64;
            if size > limit {
                return Err(PutError::TooLarge(limit));
            }
            hasher.update(&chunk);
            chunks.push(chunk);
        }
        let sha256 = hex(&hasher.finalize());
        let payload: PutPayload = chunks.into_iter().collect();
        self.0.put(&key(&sha256), payload).await.map_err(Error::from)?;
        Ok(StoredFile { sha256, size })
    }

    /// The contents of this hash.
    pub async fn get(&self, sha256: &str) -> Result<Bytes> {
        Ok(self.0.get(&key(sha256)).await?.bytes().await?)
    }
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
