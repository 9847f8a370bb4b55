//! One process at a time works on a data folder: a lock on a file, given back by the operating system even after a crash.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// The lock, held as long as this value lives.
pub(super) struct DataLock(#[expect(dead_code, reason = "held for its lock")] File);

impl DataLock {
    /// Takes the lock; `None` when another process has it.
    pub(super) fn take(data: &Path) -> std::io::Result<Option<Self>> {
        std::fs::create_dir_all(data)?;
        let path = data.join("mortise.lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DataLock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
