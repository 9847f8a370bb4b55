//! Makes a component of a core module, with a world of our choosing: what the module imports has to be in that world, and
//! what the world exports has to be in the module. Never runs what it builds.

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use crate::{PACKAGES, Package, world};

/// Name of the custom section that tells who built a plugin: for support, never for decisions.
pub const SECTION: &str = "mortise-plugin";

/// Descriptions of worlds that bindings leave in a module. Ours replaces them: a library that binds every interface would
/// make each plugin export all of them.
const DESCRIPTION: &str = "component-type";
const HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";

/// Why no component could be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Not a WebAssembly module of version 1.
    #[error("this is no WebAssembly module: build it for wasm32-unknown-unknown, as a cdylib")]
    NoModule,
    /// The file ends in the middle of a section.
    #[error("the module is cut off at byte {at}")]
    CutOff {
        /// Where.
        at: usize,
    },
    /// The interfaces that the manifest names do not exist, or the module does not keep to them.
    #[error("the module does not keep to what plugin.json says: {reason}")]
    World {
        /// The words of the encoder.
        reason: String,
    },
}

/// A component of `module` that imports at most `imports` and exports exactly `exports`, given as full names of
/// interfaces: `mortise:log/log@1.0.0`.
pub fn componentize(module: &[u8], imports: &[&str], exports: &[&str]) -> Result<Vec<u8>, BuildError> {
    componentize_against(&PACKAGES, module, imports, exports)
}

/// The same against other packages than the present ones: older versions, or what a stranger might have written.
pub fn componentize_against(
    packages: &[Package],
    module: &[u8],
    imports: &[&str],
    exports: &[&str],
) -> Result<Vec<u8>, BuildError> {
    let mut module = without_descriptions(module)?;
    let refuse = |error: anyhow::Error| BuildError::World { reason: format!("{error:#}") };
    let mut resolve = Resolve::default();
    for package in packages {
        resolve.push_str(package.name, package.text).map_err(refuse)?;
    }
    let text = world(imports.iter().copied(), exports.iter().copied());
    let package = resolve.push_str("plugin.json", &text).map_err(refuse)?;
    let world = resolve.select_world(&[package], None).map_err(refuse)?;
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(refuse)?;
    let encoder = ComponentEncoder::default().validate(true).module(&module).map_err(refuse)?;
    let mut encoder = encoder;
    encoder.encode().map_err(refuse)
}

/// The text of a module that is written by hand: two pages of memory, the allocator that whoever calls it puts arguments with,
/// and `definitions`. The allocator only goes up; what is below 16384 is free for data. Functions may call it as `$realloc`.
pub fn module_text(imports: &str, definitions: &str) -> String {
    format!(
        r#"(module
            {imports}
            (memory (export "memory") 2)
            (global $free (mut i32) (i32.const 16384))
            (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (block $enough
                    (loop $grow
                        (br_if $enough (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
                        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
                        (br $grow)))
                (local.get $at))
            {definitions})"#
    )
}

/// Adds a note about who built a component.
pub fn stamp(component: &mut Vec<u8>, note: &str) {
    let mut content = Vec::new();
    leb(SECTION.len(), &mut content);
    content.extend_from_slice(SECTION.as_bytes());
    content.extend_from_slice(note.as_bytes());
    component.push(0);
    leb(content.len(), component);
    component.extend_from_slice(&content);
}

/// The module without the custom sections that describe worlds.
fn without_descriptions(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    if module.get(..HEADER.len()) != Some(&HEADER[..]) {
        return Err(BuildError::NoModule);
    }
    let mut kept = HEADER.to_vec();
    let mut at = HEADER.len();
    while at < module.len() {
        let start = at;
        let kind = module[at];
        at += 1;
        let length = read_leb(module, &mut at)?;
        let end = at.checked_add(length).filter(|end| *end <= module.len());
        let end = end.ok_or(BuildError::CutOff { at: start })?;
        let content = &module[at..end];
        if kind != 0 || !section_name(content).is_some_and(|name| name.starts_with(DESCRIPTION)) {
            kept.extend_from_slice(&module[start..end]);
        }
        at = end;
    }
    Ok(kept)
}

fn section_name(content: &[u8]) -> Option<&str> {
    let mut at = 0;
    let length = read_leb(content, &mut at).ok()?;
    std::str::from_utf8(content.get(at..at.checked_add(length)?)?).ok()
}

fn read_leb(bytes: &[u8], at: &mut usize) -> Result<usize, BuildError> {
    let mut value = 0_usize;
    // Five groups of seven bits hold every length of the format.
    for group in 0..5 {
        let byte = *bytes.get(*at).ok_or(BuildError::CutOff { at: *at })?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BuildError::CutOff { at: *at })
}

fn leb(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(value & 0x7f).expect("seven bits fit into a byte");
        value >>= 7;
        if value == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}
