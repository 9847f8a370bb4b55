//! A plugin as one file: a zip archive named `.plugin` with the manifest, the component and the schemas. Comes from
//! outside: every size is limited before anything is unpacked, and no name may lead out of the archive.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use mortise_definition::Problem;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::limits::Settings;
use crate::manifest::{self, Manifest};

/// Most files in a package: a manifest, a component, some schemas, words and a licence.
pub const FILES_MAX: usize = 200;
/// Largest file beside the component.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest sum of all files beside the component.
pub const FILES_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Longest name of a file.
const NAME_BYTES_MAX: usize = 200;

/// A package that was read: its manifest is right in itself, its component is not looked into yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// What it says about itself.
    pub manifest: Manifest,
    /// The manifest as it was written: its digest is what a grant refers to.
    pub manifest_text: String,
    /// The component.
    pub component: Vec<u8>,
    /// All other files.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// Reads an archive.
    pub fn read(bytes: &[u8], settings: &Settings) -> Result<Package, Vec<Problem>> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
        if archive.len() > FILES_MAX {
            let problem = Problem::error("plugin.too_many_files", "", "");
            return Err(vec![problem.arg("count", archive.len()).arg("limit", FILES_MAX)]);
        }
        let text = unpack(&mut archive, manifest::FILE, manifest::BYTES_MAX as u64)?
            .ok_or_else(|| vec![Problem::error("plugin.no_manifest", manifest::FILE, "")])?;
        let text = String::from_utf8(text)
            .map_err(|_| vec![Problem::error("plugin.manifest_not_text", manifest::FILE, "")])?;
        let manifest = Manifest::parse(&text)?;
        let limit = settings.component_bytes(manifest.language);
        let component = unpack(&mut archive, &manifest.component, limit)?
            .ok_or_else(|| vec![Problem::error("plugin.no_component", manifest.component.as_str(), "")])?;
        let mut package = Package { manifest, manifest_text: text, component, files: BTreeMap::new() };
        package.unpack_rest(&mut archive)?;
        Ok(package)
    }

    /// A package of parts, for whoever builds one.
    pub fn of(
        manifest_text: String,
        component: Vec<u8>,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Package, Vec<Problem>> {
        let manifest = Manifest::parse(&manifest_text)?;
        Ok(Package { manifest, manifest_text, component, files })
    }

    /// The archive. The same parts give the same bytes.
    pub fn write(&self) -> std::io::Result<Vec<u8>> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default());
        let own = [
            (manifest::FILE, self.manifest_text.as_bytes()),
            (self.manifest.component.as_str(), self.component.as_slice()),
        ];
        let rest = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        for (name, bytes) in own.into_iter().chain(rest) {
            archive.start_file(name, options).map_err(std::io::Error::other)?;
            archive.write_all(bytes)?;
        }
        Ok(archive.finish().map_err(std::io::Error::other)?.into_inner())
    }

    /// SHA-256 of the component, in hexadecimal digits: the name of its native code.
    pub fn digest(&self) -> String {
        hex_digest(&self.component)
    }

    /// SHA-256 of the manifest: what a grant refers to.
    pub fn manifest_digest(&self) -> String {
        hex_digest(self.manifest_text.as_bytes())
    }

    fn unpack_rest(&mut self, archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<(), Vec<Problem>> {
        let mut total = 0;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|error| broken(&error))?;
            let name = entry.name().to_owned();
            if entry.is_dir() || name == manifest::FILE || name == self.manifest.component {
                continue;
            }
            if !is_plain_path(&name) {
                return Err(vec![Problem::error("plugin.path", manifest::FILE, "").arg("path", name)]);
            }
            let bytes = read_limited(entry, &name, FILE_BYTES_MAX)?;
            total += bytes.len() as u64;
            if total > FILES_BYTES_MAX {
                return Err(too_large("", FILES_BYTES_MAX));
            }
            self.files.insert(name, bytes);
        }
        let schemas = self.manifest.exports.iter().enumerate().filter_map(|(index, export)| {
            let path = export.input_schema.as_ref().filter(|path| !self.files.contains_key(*path))?;
            let pointer = format!("/exports/{index}/input_schema");
            Some(Problem::error("plugin.no_file", manifest::FILE, pointer).arg("path", path))
        });
        let problems: Vec<Problem> = schemas.collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

fn unpack(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, Vec<Problem>> {
    match archive.by_name(name) {
        Ok(entry) => read_limited(entry, name, limit).map(Some),
        Err(zip::result::ZipError::FileNotFound) => Ok(None),
        Err(error) => Err(broken(&error)),
    }
}

/// Reads at most one byte more than allowed, whatever the archive says about sizes.
fn read_limited(entry: impl Read, name: &str, limit: u64) -> Result<Vec<u8>, Vec<Problem>> {
    let mut bytes = Vec::new();
    entry.take(limit + 1).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    if bytes.len() as u64 > limit { Err(too_large(name, limit)) } else { Ok(bytes) }
}

fn too_large(name: &str, limit: u64) -> Vec<Problem> {
    vec![Problem::error("plugin.file_too_large", name, "").arg("limit", limit)]
}

fn broken(error: &dyn std::fmt::Display) -> Vec<Problem> {
    vec![Problem::error("plugin.package_broken", "", "").arg("detail", error)]
}

/// True for a name that stays within the archive on every system.
pub(crate) fn is_plain_path(path: &str) -> bool {
    let part_ok = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&letter))
    };
    path.len() <= NAME_BYTES_MAX && path.split('/').all(part_ok)
}

pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
