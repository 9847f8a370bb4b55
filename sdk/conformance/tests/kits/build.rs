//! Building the plugins of the tests from source, each by the builder of its kit. What is newer than its sources is not
//! built again. A kit whose tools are not set up is skipped, unless everything is required.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use mortise_plugin_host::Package;
use mortise_plugin_host::limits::Settings;
use mortise_plugin_host::manifest::Manifest;

/// A kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kit {
    Rust,
    TypeScript,
    Python,
}

impl Kit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kit::Rust => "rust",
            Kit::TypeScript => "typescript",
            Kit::Python => "python",
        }
    }

    /// The folder of its plugin for the cases.
    pub(crate) fn conformance(self) -> String {
        format!("sdk/conformance/{}", self.name())
    }

    /// Why it cannot build anything here.
    fn missing(self) -> Option<&'static str> {
        let there = |path: &str| root().join(path).exists();
        match self {
            Kit::Rust if !wasm_target() && tool().is_none() => {
                Some("the target wasm32-unknown-unknown is not installed")
            }
            Kit::TypeScript if !there("sdk/typescript/node_modules") => {
                Some("sdk/typescript is not set up: run `cargo xtask setup`")
            }
            Kit::Python if !there("sdk/python/.venv") => {
                Some("sdk/python is not set up: run `cargo xtask setup`")
            }
            Kit::Rust | Kit::TypeScript | Kit::Python => None,
        }
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The component of a plugin's folder, or nothing where the kit is not set up and need not be.
pub(crate) fn component(kit: Kit, folder: &Path) -> Option<Vec<u8>> {
    if let Some(reason) = kit.missing() {
        assert!(std::env::var("MORTISE_TEST_REQUIRE").is_err(), "{reason}");
        eprintln!("skipped for {}: {reason}", kit.name());
        return None;
    }
    let name = folder.to_string_lossy().replace(['/', '\\', ':'], "-");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.wasm"));
    let sources = [folder.to_path_buf(), root().join("sdk").join(kit.name()), root().join("sdk/wit")];
    let newest = sources.iter().filter_map(|folder| changed(folder)).max();
    let built = std::fs::metadata(&target).and_then(|file| file.modified()).ok();
    if built < newest {
        match kit {
            Kit::Rust => rust(folder, &target),
            Kit::TypeScript => {
                run(Command::new("node").arg("sdk/typescript/build.mjs").arg(folder).arg(&target))
            }
            Kit::Python => run(Command::new("python3").arg("sdk/python/build.py").arg(folder).arg(&target)),
        }
    }
    Some(std::fs::read(target).unwrap())
}

/// The newest change below a folder, without what is made from the rest.
fn changed(folder: &Path) -> Option<SystemTime> {
    let made = ["node_modules", ".venv", "build", "__pycache__", "target"];
    let entries = std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap());
    let newest = entries.filter_map(|entry| {
        let name = entry.file_name();
        match entry.file_type().unwrap().is_dir() {
            true if made.iter().any(|made| name == **made) => None,
            true => changed(&entry.path()),
            false => entry.metadata().unwrap().modified().ok(),
        }
    });
    newest.max()
}

fn rust(folder: &Path, target: &Path) {
    if let Some(tool) = tool() {
        let package = target.with_extension("plugin");
        let modules = modules().join("wasm");
        run(Command::new(tool)
            .arg("build")
            .arg(folder)
            .arg("--out")
            .arg(&package)
            .env("CARGO_TARGET_DIR", modules));
        let package = Package::read(&std::fs::read(package).unwrap(), &Settings::default()).unwrap();
        return std::fs::write(target, package.component).unwrap();
    }
    run(Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--target", "wasm32-unknown-unknown", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .args(["--target-dir".as_ref(), modules().as_os_str()]));
    let manifest = std::fs::read_to_string(folder.join("plugin.json")).unwrap();
    let manifest = Manifest::parse(&manifest).unwrap();
    let module = modules().join("wasm32-unknown-unknown/debug/conformance.wasm");
    let module = std::fs::read(module).unwrap();
    let component =
        mortise_wit::componentize(&module, &manifest.imports(), &manifest.export_interfaces()).unwrap();
    std::fs::write(target, component).unwrap();
}

/// The author's tool beside the binary under test, which finds a compiler even where rustup has no target.
fn tool() -> Option<PathBuf> {
    let tool = PathBuf::from(std::env::var_os("MORTISE_BIN")?).with_file_name("mortise-plugin");
    tool.is_file().then_some(tool)
}

/// Where cargo puts everything: the folder that the one for tests lies in.
fn modules() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_path_buf()
}

fn wasm_target() -> bool {
    let said = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"])
        .output();
    said.is_ok_and(|said| {
        said.status.success() && Path::new(String::from_utf8_lossy(&said.stdout).trim()).is_dir()
    })
}

fn run(command: &mut Command) {
    let output = command.current_dir(root()).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{said}");
}
