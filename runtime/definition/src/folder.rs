//! Reads the folder of an app into memory within limits. Follows no symbolic links and never leaves the folder.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Problem;
use crate::package::{FILE_BYTES_MAX, FILES_MAX, Kind, PACKAGE_BYTES_MAX, too_large};

/// Folders that belong to an app's source but not to the installed app.
const PASSED_OVER: [&str; 2] = ["demo", "docs"];

/// All files of an app's folder by path within it, without those that are passed over.
pub(crate) fn read(root: &Path) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut reader = Reader { root, files: BTreeMap::new(), bytes: 0, problems: Vec::new() };
    reader.walk(root, "");
    if reader.problems.is_empty() { Ok(reader.files) } else { Err(reader.problems) }
}

/// True for paths that are no part of the installed app: `README.md`, `LICENSE`, `demo/…` and hidden files.
pub(crate) fn passed_over(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let hidden = path.split('/').any(|part| part.starts_with('.'));
    let document = !path.contains('/') && (first.ends_with(".md") || first.starts_with("LICENSE"));
    hidden || document || (PASSED_OVER.contains(&first) && first != path)
}

/// The problem of a file that is no artifact.
pub(crate) fn unknown_file(path: &str) -> Problem {
    let problem = Problem::error("package.unknown_file", path, "");
    match path.split_once('/') {
        Some((folder, _)) => problem.suggest(folder, Kind::ALL.into_iter().skip(1).map(Kind::folder)),
        None => problem.suggest(path, ["app.json"]),
    }
}

struct Reader<'a> {
    root: &'a Path,
    files: BTreeMap<String, String>,
    bytes: u64,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn walk(&mut self, folder: &Path, prefix: &str) {
        let listed =
            std::fs::read_dir(folder).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, error),
        };
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                self.unreadable(&entry.path(), "file name is not UTF-8");
                continue;
            };
            let path = format!("{prefix}{name}");
            // `demo/` is passed over as a whole, so it is not even opened.
            if passed_over(&path) || PASSED_OVER.contains(&path.as_str()) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_file() => self.file(&entry.path(), path),
                Ok(kind) if kind.is_dir() && prefix.is_empty() => {
                    self.walk(&entry.path(), &format!("{path}/"))
                }
                Ok(_) => self.problems.push(unknown_file(&path)),
                Err(error) => self.unreadable(&entry.path(), error),
            }
            if self.files.len() > FILES_MAX || self.bytes > PACKAGE_BYTES_MAX as u64 {
                return self.over_limit();
            }
        }
    }

    fn file(&mut self, file: &Path, path: String) {
        let size = match std::fs::metadata(file) {
            Ok(metadata) => metadata.len(),
            Err(error) => return self.unreadable(file, error),
        };
        if size > FILE_BYTES_MAX as u64 {
            return self.problems.push(too_large(&path, size, FILE_BYTES_MAX));
        }
        match std::fs::read(file) {
            Ok(bytes) => {
                self.bytes += bytes.len() as u64;
                match String::from_utf8(bytes) {
                    Ok(text) => drop(self.files.insert(path, text)),
                    Err(_) => self.problems.push(Problem::error("package.not_utf8", path, "")),
                }
            }
            Err(error) => self.unreadable(file, error),
        }
    }

    fn over_limit(&mut self) {
        self.problems.push(if self.files.len() > FILES_MAX {
            Problem::error("package.too_many_files", "", "")
                .arg("count", self.files.len())
                .arg("limit", FILES_MAX)
        } else {
            too_large("", self.bytes, PACKAGE_BYTES_MAX)
        });
    }

    fn unreadable(&mut self, path: &Path, reason: impl std::fmt::Display) {
        let shown = path.strip_prefix(self.root).unwrap_or(path);
        let shown = if shown.as_os_str().is_empty() { path } else { shown };
        self.problems.push(
            Problem::error("package.unreadable", shown.display().to_string(), "").arg("reason", reason),
        );
    }
}
