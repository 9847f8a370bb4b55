//! Makes a `.plugin` package of a plugin's folder and its compiled module: what `mortise plugin build` does at its end.
//!
//! `cargo run -p mortise-plugin-host --example pack -- plugins/similarity similarity.wasm similarity.plugin`

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use mortise_plugin_host::Package;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::{FILE, Manifest};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, module, target] = arguments.as_slice() else {
        return Err("give the plugin's folder, its module, and the package to write".into());
    };
    let folder = Path::new(folder);
    let text = std::fs::read_to_string(folder.join(FILE))?;
    let manifest = Manifest::parse(&text).map_err(|problems| list(&problems))?;
    let module = std::fs::read(module)?;
    let mut component =
        mortise_wit::componentize(&module, &manifest.imports(), &manifest.export_interfaces())?;
    let files = schemas(folder, &manifest)?;
    let mut package = Package::of(text, Vec::new(), files).map_err(|problems| list(&problems))?;
    let note = serde_json::json!({
        "manifest": package.manifest_digest(),
        "sdk": "mortise-sdk",
        "version": env!("CARGO_PKG_VERSION"),
        "language": manifest.language,
    });
    mortise_wit::stamp(&mut component, &note.to_string());
    package.component = component;
    let bytes = package.write()?;
    Package::read(&bytes, &Settings::default()).map_err(|problems| list(&problems))?;
    std::fs::write(target, &bytes)?;
    println!("{target}: {} bytes, component {}", bytes.len(), package.component.len());
    Ok(())
}

fn schemas(folder: &Path, manifest: &Manifest) -> std::io::Result<BTreeMap<String, Vec<u8>>> {
    let names = manifest.exports.iter().filter_map(|export| export.input_schema.as_ref());
    names.map(|name| Ok((name.clone(), std::fs::read(folder.join(name))?))).collect()
}

fn list(problems: &[mortise_definition::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
