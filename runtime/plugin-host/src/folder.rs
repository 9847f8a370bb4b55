//! Folders of files that are named after what they hold: whoever wants to keep one writes it whole, several processes at the
//! same time if need be, and what nobody wants any more is cleared away after a while. Never touches a file that was used
//! within that time.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
use tempfile::Builder;

/// Beginning of the names of files that are not whole yet.
const HALF: &str = ".half-";

/// What was cleared away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl std::ops::AddAssign for Cleared {
    fn add_assign(&mut self, other: Cleared) {
        self.files += other.files;
        self.bytes += other.bytes;
    }
}

/// Writes a file under a name of its own beside, and renames it: a half file is never found under the name, and two that keep
/// the same do not get in each other's way.
pub fn keep(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut half = Builder::new().prefix(HALF).tempfile_in(folder)?;
    half.write_all(bytes)?;
    half.as_file().sync_all()?;
    half.persist(file).map(drop).map_err(|error| error.error)
}

/// Marks a file as used now, so that it is not cleared away for a while.
pub fn touch(file: &Path) -> std::io::Result<()> {
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: omit, last_modification: now };
    Ok(utimensat(CWD, file, &times, AtFlags::empty())?)
}

/// Removes the files of a folder whose names nobody wants and that nobody has used for so long.
pub fn clear(folder: &Path, wanted: impl Fn(&str) -> bool, unused: Duration) -> std::io::Result<Cleared> {
    let mut cleared = Cleared::default();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(cleared),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_none_or(&wanted) {
            continue;
        }
        // It may be gone by now: others clear the same folder.
        let Ok(found) = entry.metadata() else { continue };
        // What was used in the future was used lately, by a clock that goes before ours.
        let rested = found.modified().ok().and_then(|used| used.elapsed().ok()).unwrap_or_default();
        if found.is_file() && rested >= unused && std::fs::remove_file(entry.path()).is_ok() {
            cleared += Cleared { files: 1, bytes: found.len() };
        }
    }
    Ok(cleared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_or_was_used_lately_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            keep(&at(name), name.as_bytes()).unwrap();
        }
        std::fs::write(at(".half-x"), "half").unwrap();
        let clear = |unused| clear(folder.path(), |name| name == "a", unused).unwrap();
        assert_eq!(clear(Duration::from_secs(60)), Cleared::default());
        let old = std::fs::metadata("/proc/self/exe").unwrap().modified().unwrap() - Duration::from_secs(90);
        for name in ["a", "b", ".half-x"] {
            std::fs::File::open(at(name)).unwrap().set_modified(old).unwrap();
        }
        touch(&at("b")).unwrap();
        assert_eq!(clear(Duration::from_secs(60)).bytes, 4, "it was never finished");
        std::fs::File::open(at("b")).unwrap().set_modified(old).unwrap();
        assert_eq!(clear(Duration::from_secs(60)), Cleared { files: 1, bytes: 1 });
        assert!(at("a").exists() && !at("b").exists());
    }

    #[test]
    fn two_that_keep_the_same_at_the_same_time_both_succeed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("code");
        let bytes = vec![7_u8; 1_000_000];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| keep(&file, &bytes).unwrap());
            }
        });
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left of the tries");
    }
}
