//! Looks into a component before anything of it runs: that it is one, what it imports and exports, and whether this server
//! and the manifest agree with that. The only place that compares versions of interfaces.

use mortise_definition::Problem;
use mortise_wit::{CAPABILITIES, POINTS, TYPES, Word};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::manifest::{self, Manifest, Point};

/// The first bytes of a component: the format's name, and the layer that a module does not have.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";

/// Most global variables of a component: they take memory of the host, for each instance, that no limit counts.
const GLOBALS_MAX: u32 = 60_000;

/// What a component says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// Names of what it imports: `mortise:log/log@1.0.0`.
    pub imports: Vec<String>,
    /// Names of what it exports.
    pub exports: Vec<String>,
}

/// Reads and checks a whole component; the names of its interfaces, or why it is none.
pub fn inspect(file: &str, bytes: &[u8]) -> Result<Interfaces, Box<Problem>> {
    match bytes.get(..8) {
        Some(start) if start == COMPONENT => {}
        Some(start) if start == MODULE => return Err(Problem::error("plugin.core_module", file, "").into()),
        _ => return Err(Problem::error("plugin.no_webassembly", file, "").into()),
    }
    let broken = |error: wasmparser::BinaryReaderError| -> Box<Problem> {
        let problem = Problem::error("plugin.component_broken", file, "").arg("offset", error.offset());
        problem.arg("detail", error.message()).into()
    };
    Validator::new_with_features(WasmFeatures::default()).validate_all(bytes).map_err(broken)?;
    let mut found = Interfaces::default();
    let (mut depth, mut globals) = (0_usize, 0_u32);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::GlobalSection(section) => {
                globals = globals.saturating_add(section.count());
                if globals > GLOBALS_MAX {
                    let problem = Problem::error("plugin.too_many_globals", file, "");
                    return Err(problem.arg("max", GLOBALS_MAX).into());
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    found.imports.push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    found.exports.push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Whether a component fits to its manifest and to a server of version `server`: errors keep it from being installed,
/// warnings do not. Install, load, `plugin check` and the admin page ask here.
pub fn compatibility(interfaces: &Interfaces, manifest: &Manifest, server: &semver::Version) -> Vec<Problem> {
    let mut problems = Vec::new();
    let file = manifest.component.as_str();
    if let Ok(wanted) = semver::VersionReq::parse(&manifest.runtime)
        && !wanted.matches(server)
    {
        let problem = Problem::error("plugin.server_version", manifest::FILE, "/runtime");
        problems.push(problem.arg("wanted", &manifest.runtime).arg("server", server));
    }
    let asked = manifest.imports();
    for import in &interfaces.imports {
        if let Found::Fits(_) = find(&TYPES, import) {
            continue;
        }
        match find(&CAPABILITIES, import) {
            Found::Fits(word) if asked.contains(&word.interface) => {}
            Found::Fits(word) => {
                let problem = Problem::error("plugin.import_not_declared", file, "");
                problems.push(problem.arg("interface", import).arg("permission", word.name));
            }
            other => problems.push(unknown(other, "plugin.import_unknown", file, import)),
        }
    }
    let mut exported = Vec::new();
    for export in &interfaces.exports {
        match find(&POINTS, export) {
            Found::Fits(word) => exported.push(word.name),
            // Kits may leave something of their own there, outside of all packages; nobody can call it.
            Found::Unknown if !export.contains(':') => {}
            Found::Unknown => {
                let problem = Problem::warning("plugin.export_unknown", file, "");
                problems.push(problem.arg("interface", export));
            }
            other => problems.push(unknown(other, "plugin.export_unknown", file, export)),
        }
    }
    let declared: Vec<Point> = manifest.points().collect();
    for point in declared.iter().filter(|point| !exported.contains(&point.name())) {
        let problem = Problem::error("plugin.export_missing", file, "");
        problems.push(problem.arg("point", point.name()).arg("interface", point.interface()));
    }
    let names: Vec<&str> = declared.iter().map(|point| point.name()).collect();
    for name in exported.iter().filter(|name| !names.contains(name)) {
        problems.push(Problem::error("plugin.export_not_declared", file, "").arg("point", name));
    }
    problems
}

/// How an interface of a component relates to those of this server.
#[derive(Clone, Copy)]
enum Found {
    /// This server has it.
    Fits(Word),
    /// This server has an older version on the same track.
    Newer(Word),
    /// This server has it in another major version only.
    OtherMajor(Word),
    /// Never heard of.
    Unknown,
}

fn unknown(found: Found, code: &'static str, file: &str, interface: &str) -> Problem {
    match found {
        Found::Newer(word) => Problem::error("plugin.interface_newer", file, "")
            .arg("interface", interface)
            .arg("server", word.interface),
        Found::OtherMajor(word) => Problem::error("plugin.interface_major", file, "")
            .arg("interface", interface)
            .arg("server", word.interface),
        Found::Fits(_) | Found::Unknown => Problem::error(code, file, "").arg("interface", interface),
    }
}

fn find(words: &[Word], interface: &str) -> Found {
    let Some((path, version)) = split(interface) else { return Found::Unknown };
    let of_path = words.iter().filter_map(|word| {
        let (own_path, own_version) = split(word.interface)?;
        (own_path == path).then_some((*word, own_version))
    });
    let mut found = Found::Unknown;
    for (word, own) in of_path {
        if own.major != version.major {
            found = Found::OtherMajor(word);
        } else if own < version {
            return Found::Newer(word);
        } else {
            return Found::Fits(word);
        }
    }
    found
}

fn split(interface: &str) -> Option<(&str, semver::Version)> {
    let (path, version) = interface.split_once('@')?;
    Some((path, semver::Version::parse(version).ok()?))
}
