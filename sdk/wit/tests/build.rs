//! Making components: what fits becomes one, what does not is refused with words that name the interface.

// Helpers of tests may unwrap.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use mortise_wit::{BuildError, PACKAGES, POINTS, componentize, interface_of, module_text, stamp, world};

const LOG: &str = "mortise:log/log@1.0.0";
const FUNCTIONS: &str = "mortise:expression/functions@1.0.0";

/// A module that implements `functions` by answering with nothing, and may call the log.
fn module(import: bool) -> Vec<u8> {
    let import = match import {
        true => r#"(import "mortise:log/log@1.0.0" "write" (func (param i32 i32 i32 i32)))"#,
        false => "",
    };
    let text = format!(
        r#"(module {import}
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "{FUNCTIONS}#call-many") (param i32 i32 i32 i32) (result i32) (i32.const 512)))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn a_module_that_keeps_to_its_manifest_becomes_a_component() {
    let mut component = componentize(&module(true), &[LOG], &[FUNCTIONS]).unwrap();
    assert_eq!(component[..8], *b"\0asm\x0d\0\x01\0", "a component, not a module");
    let bare = component.len();
    stamp(&mut component, r#"{"sdk":"rust"}"#);
    let note = String::from_utf8_lossy(&component[bare..]).into_owned();
    assert!(note.contains(mortise_wit::SECTION) && note.contains("rust"), "{note}");
}

#[test]
fn a_module_that_is_written_by_hand_becomes_a_component() {
    let import = r#"(import "mortise:log/log@1.0.0" "write" (func $log (param i32 i32 i32 i32)))"#;
    let function = format!(
        r#"(func (export "{FUNCTIONS}#call-many") (param i32 i32 i32 i32) (result i32)
            (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 24)))"#
    );
    let module = wat::parse_str(module_text(import, &function)).unwrap();
    componentize(&module, &[LOG], &[FUNCTIONS]).unwrap();
}

#[test]
fn an_import_that_the_manifest_does_not_name_is_refused_by_name() {
    let error = componentize(&module(true), &[], &[FUNCTIONS]).unwrap_err().to_string();
    assert!(error.contains("mortise:log/log"), "{error}");
}

#[test]
fn an_export_that_the_module_lacks_is_refused_by_name() {
    let wanted = interface_of(&POINTS, "validator").unwrap();
    let error = componentize(&module(false), &[], &[FUNCTIONS, wanted]).unwrap_err().to_string();
    assert!(error.contains("validator"), "{error}");
}

#[test]
fn what_is_no_module_is_said_so_and_a_cut_off_module_never_panics() {
    assert!(matches!(componentize(b"hello", &[], &[]), Err(BuildError::NoModule)));
    let whole = module(true);
    for length in 0..whole.len() {
        assert!(componentize(&whole[..length], &[LOG], &[FUNCTIONS]).is_err(), "{length} bytes");
    }
}

#[test]
fn every_word_of_a_manifest_stands_for_an_interface_that_exists() {
    let mut resolve = wit_parser::Resolve::default();
    for package in PACKAGES {
        resolve.push_str(package.name, package.text).unwrap();
    }
    let imports = mortise_wit::CAPABILITIES.iter().map(|word| word.interface);
    let text = world(imports, POINTS.iter().map(|word| word.interface));
    resolve.push_str("world", &text).unwrap();
}
