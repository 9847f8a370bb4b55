//! Files that are not what they say: modules, half components, flipped bits, manifests that lie, archives full of air.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use mortise_definition::Problem;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::{Manifest, Point};
use mortise_plugin_host::{HostError, Package, compatibility, inspect};
use mortise_wit::{PACKAGES, componentize, componentize_against};
use serde_json::json;

use crate::support::{GOOD, Place, invocation, manifest, module, settings, thing, validator, version};

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code).collect()
}

fn refused(error: HostError) -> Vec<&'static str> {
    match error {
        HostError::Problems(problems) => codes(&problems),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_core_module_is_not_taken_for_a_component() {
    let mut package = validator("", "", GOOD);
    package.component = module(Point::Validator, "(param i32)", "", "", GOOD);
    let place = Place::new(settings());
    assert_eq!(refused(place.install(&package).await.err().unwrap()), ["plugin.core_module"]);
    package.component = b"MZ executable".to_vec();
    assert_eq!(refused(place.install(&package).await.err().unwrap()), ["plugin.no_webassembly"]);
    package.component = vec![0; 5 * 1024 * 1024];
    assert_eq!(refused(place.install(&package).await.err().unwrap()), ["plugin.file_too_large"]);
    assert_eq!(place.code_files(), 0, "nothing was compiled");
}

#[test]
fn half_a_component_is_none() {
    let bytes = validator("", "", GOOD).component;
    let whole = inspect("plugin.wasm", &bytes).unwrap();
    let manifest = Manifest::parse(&manifest(&[Point::Validator], &json!({}))).unwrap();
    for length in 0..bytes.len() {
        // A component may end after any whole section; it then lacks what the manifest names, unless only notes are gone.
        if let Ok(half) = inspect("plugin.wasm", &bytes[..length])
            && half != whole
        {
            let problems = compatibility(&half, &manifest, &version());
            assert!(codes(&problems).contains(&"plugin.export_missing"), "{length} bytes");
        }
    }
}

#[tokio::test]
async fn flipped_bits_are_refused_or_run_within_the_limits() {
    let place = Place::new(crate::support::impatient());
    let good = validator("", "", GOOD);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut ran = 0;
    for _ in 0..400 {
        let mut package = good.clone();
        for _ in 0..1 + seed % 3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(seed >> 33).unwrap() % package.component.len();
            package.component[place] ^= 1 << (seed % 8);
        }
        // Compiling takes most of the time, and thirty are enough to see what runs.
        if ran < 30
            && let Ok(plugin) = place.install(&package).await
        {
            ran += 1;
            let run = plugin.validate(&invocation(), "it", None, &thing("a")).await;
            assert_eq!(run.outcome.is_err(), run.record.failure.is_some());
            place.host.close_circuits("first", "test.plugin");
        } else {
            let _ = inspect("plugin.wasm", &package.component);
        }
    }
}

#[tokio::test]
async fn a_manifest_that_lies_about_imports_or_exports_is_caught() {
    let place = Place::new(settings());
    let storage = r#"(import "mortise:storage/kv@1.0.0" "delete" (func (param i32 i32 i32)))"#;
    let module = module(Point::AfterCommit, "(param i32)", storage, "", GOOD);
    let exports = [Point::AfterCommit.interface()];
    let component = componentize(&module, &["mortise:storage/kv@1.0.0"], &exports).unwrap();
    let of = |text: String| Package::of(text, component.clone(), BTreeMap::new()).unwrap();

    let silent = of(manifest(&[Point::AfterCommit], &json!({})));
    assert_eq!(refused(place.install(&silent).await.err().unwrap()), ["plugin.import_not_declared"]);

    let stored = json!({ "storage": { "bytes": 1000 } });
    let boasting = of(manifest(&[Point::AfterCommit, Point::Job], &stored));
    assert_eq!(refused(place.install(&boasting).await.err().unwrap()), ["plugin.export_missing"]);

    let other = of(manifest(&[Point::Job], &stored));
    let found = refused(place.install(&other).await.err().unwrap());
    assert_eq!(found, ["plugin.export_missing", "plugin.export_not_declared"]);

    let honest = of(manifest(&[Point::AfterCommit], &stored));
    assert!(place.install(&honest).await.is_ok());
}

#[tokio::test]
async fn an_interface_with_other_types_under_the_same_name_does_not_link() {
    let mut packages = PACKAGES;
    let changed = PACKAGES[6].text.replace("    code: string,\n", "    code: string,\n    place: u32,\n");
    assert_ne!(changed, PACKAGES[6].text);
    packages[6].text = Box::leak(changed.into_boxed_str());
    let module = module(Point::Validator, "(param i32)", "", "", GOOD);
    let exports = [Point::Validator.interface()];
    let component = componentize_against(&packages, &module, &[], &exports).unwrap();
    let text = manifest(&[Point::Validator], &json!({}));
    let package = Package::of(text, component, BTreeMap::new()).unwrap();
    match Place::new(settings()).install(&package).await.err().unwrap() {
        HostError::Link(reason) => assert!(reason.contains("validator"), "{reason}"),
        other => panic!("{other}"),
    }
}

#[test]
fn versions_are_compared_in_one_place_and_say_what_to_do() {
    let manifest = Manifest::parse(&manifest(&[Point::Validator], &json!({}))).unwrap();
    let found = |import: &str, export: &str, server: &str| {
        let interfaces =
            mortise_plugin_host::Interfaces { imports: vec![import.into()], exports: vec![export.into()] };
        codes(&compatibility(&interfaces, &manifest, &server.parse().unwrap())).join(" ")
    };
    let validator = "mortise:validation/validator@1.0.0";
    assert_eq!(found("mortise:log/log@1.0.0", validator, "1.2.0"), "");
    assert_eq!(found("mortise:log/log@1.3.0", validator, "1.2.0"), "plugin.interface_newer");
    assert_eq!(found("mortise:log/log@2.0.0", validator, "1.2.0"), "plugin.interface_major");
    assert_eq!(found("wasi:sockets/tcp@0.2.0", validator, "1.2.0"), "plugin.import_unknown");
    assert_eq!(found("mortise:log/log@1.0.0", validator, "2.0.0"), "plugin.server_version");
    let wrong = found("mortise:log/log@1.0.0", "mortise:validation/validator@2.0.0", "1.2.0");
    assert_eq!(wrong, "plugin.interface_major plugin.export_missing");
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn read(files: &[(&str, &[u8])]) -> String {
    match Package::read(&zip(files), &Settings::default()) {
        Ok(_) => String::new(),
        Err(problems) => codes(&problems).join(" "),
    }
}

#[test]
fn a_package_is_read_as_it_was_written() {
    let package = validator("", "", GOOD);
    let bytes = package.write().unwrap();
    assert_eq!(bytes, package.write().unwrap(), "the same parts give the same bytes");
    assert_eq!(Package::read(&bytes, &Settings::default()).unwrap(), package);
}

#[test]
fn archives_that_are_none_or_too_large_or_lead_out_are_refused() {
    let text = manifest(&[Point::Validator], &json!({}));
    let manifest = ("plugin.json", text.as_bytes());
    let component = ("plugin.wasm", &b"x"[..]);
    assert_eq!(read(&[manifest, component]), "");
    assert_eq!(read(&[component]), "plugin.no_manifest");
    assert_eq!(read(&[manifest]), "plugin.no_component");
    assert_eq!(read(&[("plugin.json", b"\xff\xfe"), component]), "plugin.manifest_not_text");
    let air = vec![0_u8; 5 * 1024 * 1024];
    assert_eq!(read(&[manifest, ("plugin.wasm", &air)]), "plugin.file_too_large");
    assert_eq!(read(&[manifest, component, ("notes.txt", &air)]), "plugin.file_too_large");
    assert_eq!(read(&[("plugin.json", &air)]), "plugin.file_too_large");
    assert_eq!(read(&[manifest, component, ("../out.txt", b"x")]), "plugin.path");
    let names: Vec<String> = (0..300).map(|number| format!("f{number}.txt")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(read(&many), "plugin.too_many_files");
    let broken = Package::read(b"no archive", &Settings::default()).unwrap_err();
    assert_eq!(codes(&broken), ["plugin.package_broken"]);
}
