//! What plugins in Rust are compiled with: the WebAssembly target of rustup or, where that cannot be installed, a compiler out
//! of Debian packages with a standard library that is built once. `mortise plugin build` finds either by itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, execute, find_program, is_root, output, program};

const TARGET: &str = "wasm32-unknown-unknown";
/// A whole toolchain of Debian, of the age of Rust's own: compiler, cargo that knows its library, and that library's source.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// Set, rustup is not asked: for trying the way that is gone where it cannot install the target.
const WITHOUT_RUSTUP: &str = "MORTISE_WASM_WITHOUT_RUSTUP";

/// Makes sure that plugins in Rust can be compiled.
pub(crate) fn ensure() -> Result<()> {
    let forced = std::env::var_os(WITHOUT_RUSTUP).is_some();
    if !forced && usual_has_target() {
        return Ok(());
    }
    let folder = folder()?;
    if folder.join("rustc").is_file() && folder.join("rust-lld").exists() {
        return Ok(());
    }
    let added = match find_program(&["rustup"]).filter(|_| !forced) {
        Some(rustup) => execute(&mut program(rustup, ["target", "add", TARGET])),
        None => Err(anyhow::anyhow!("rustup is not here")),
    };
    match added {
        Ok(()) if usual_has_target() => Ok(()),
        told => {
            if let Err(error) = told {
                eprintln!("{error:#}");
            }
            eprintln!(
                "rustup cannot install the target {TARGET}; a compiler out of Debian packages takes its place"
            );
            from_debian(&folder).with_context(|| {
                format!("no compiler for {TARGET}: run `rustup target add {TARGET}` where that is possible")
            })
        }
    }
}

/// Where `mortise plugin build` looks for a compiler when the usual one lacks the target.
fn folder() -> Result<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = given("XDG_CACHE_HOME").or_else(|| Some(given("HOME")?.join(".cache")));
    Ok(cache.context("HOME is not set")?.join("mortise").join("wasm-toolchain"))
}

/// A crate of a workspace as a core module, compiled into `target`, with these settings of cargo.
pub(crate) fn module(
    workspace: &Path,
    package: &str,
    target: &Path,
    settings: &[(&str, &str)],
) -> Result<PathBuf> {
    let mut build = cargo(["build", "--release", "--target", TARGET, "--package", package]);
    build.current_dir(workspace).env("CARGO_TARGET_DIR", target);
    build.env("CARGO_PROFILE_RELEASE_LTO", "true").env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    build.envs(settings.iter().copied());
    if !usual_has_target() {
        let folder = folder()?;
        build.env("RUSTC", folder.join("rustc"));
        build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", folder.join("rust-lld"));
    }
    execute(&mut build)?;
    let file = format!("{}.wasm", package.replace('-', "_"));
    Ok(target.join(TARGET).join("release").join(file))
}

fn rustc() -> std::ffi::OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

fn usual_has_target() -> bool {
    let said = output(&mut program(rustc(), ["--print", "target-libdir", "--target", TARGET]));
    said.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// Unpacks the packages without installing them, so that neither root nor the system's own Rust is concerned, and builds the
/// standard library for the target.
fn from_debian(folder: &Path) -> Result<()> {
    let (root, debs) = (folder.join("root"), folder.join("debs"));
    std::fs::create_dir_all(debs.join("partial"))?;
    std::fs::create_dir_all(&root)?;
    if is_root() {
        execute(&mut program("apt-get", ["update", "-qq"]))?;
    }
    let mut download = program("apt-get", ["-q", "-y", "--no-install-recommends", "--download-only"]);
    download.args(["-o", "Debug::NoLocking=1", "-o"]).arg(format!("Dir::Cache::archives={}", debs.display()));
    execute(download.arg("install").args(PACKAGES))?;
    for deb in files(&debs, ".deb")? {
        execute(program("dpkg", ["-x"]).arg(deb).arg(&root))?;
    }
    let libraries =
        find_below(&root.join("usr/lib"), "librustc_driver-").context("rustc-web has no compiler")?;
    let libraries = libraries.parent().expect("a file lies in a folder").to_path_buf();
    let compiler = write_compiler(folder, &root, &libraries)?;
    build_library(folder, &root, &libraries, &compiler)?;
    link_linker(folder)?;
    // 700 MB that are never needed again.
    for made in [debs, folder.join("build"), root.join("usr/src")] {
        std::fs::remove_dir_all(made)?;
    }
    // Renamed last: the name is what says that all of the above is done.
    std::fs::rename(compiler, folder.join("rustc"))?;
    Ok(())
}

/// The compiler as a program that finds its libraries wherever they lie.
fn write_compiler(folder: &Path, root: &Path, libraries: &Path) -> Result<PathBuf> {
    let path = folder.join("rustc.unfinished");
    let (root, libraries) = (root.display(), libraries.display());
    let script = format!(
        "#!/bin/sh\nexport LD_LIBRARY_PATH=\"{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
         exec \"{root}/usr/bin/rustc\" \"$@\"\n"
    );
    std::fs::write(&path, script)?;
    execute(program("chmod", ["+x"]).arg(&path))?;
    Ok(path)
}

fn build_library(folder: &Path, root: &Path, libraries: &Path, compiler: &Path) -> Result<()> {
    let source = find_below(&root.join("usr/src"), "library").context("rust-web-src has no library")?;
    let build = folder.join("build");
    std::fs::create_dir_all(build.join("src"))?;
    let manifest = "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    std::fs::write(build.join("Cargo.toml"), manifest)?;
    std::fs::write(build.join("src/lib.rs"), "#![no_std]\n")?;
    let mut make = program(root.join("usr/bin/cargo"), ["build", "--release", "-Zbuild-std=std,panic_abort"]);
    make.args(["--target", TARGET, "--target-dir"]).arg(build.join("target")).current_dir(&build);
    make.env("RUSTC", compiler).env("RUSTC_BOOTSTRAP", "1").env("LD_LIBRARY_PATH", libraries);
    make.env("__CARGO_TESTS_ONLY_SRC_ROOT", source);
    make.env("RUSTFLAGS", "-Cembed-bitcode=yes -Zunstable-options");
    execute(&mut make)?;
    let target = root.join("usr/lib/rustlib").join(TARGET).join("lib");
    std::fs::create_dir_all(&target)?;
    for library in files(&build.join("target").join(TARGET).join("release/deps"), ".rlib")? {
        let name = library.file_name().expect("a file has a name").to_owned();
        if !name.to_string_lossy().starts_with("libnothing-") {
            std::fs::copy(&library, target.join(name))?;
        }
    }
    Ok(())
}

/// The linker of the toolchain that runs us; Debian's compiler comes without one.
fn link_linker(folder: &Path) -> Result<()> {
    let mut ask = program("rustc", ["--print", "sysroot"]);
    let sysroot = output(&mut ask)?;
    let linker = find_below(&Path::new(sysroot.trim()).join("lib/rustlib"), "rust-lld");
    let linker = linker.or_else(|| find_program(&["rust-lld", "wasm-ld"]));
    let linker = linker.context("neither the Rust toolchain nor the system has a linker for WebAssembly")?;
    execute(program("ln", ["-sfn"]).arg(linker).arg(folder.join("rust-lld")))
}

fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    if files.is_empty() {
        bail!("{} holds no {ending}", folder.display());
    }
    files.sort();
    Ok(files)
}

/// The first thing below a folder whose name begins like this, the nearest first.
fn find_below(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut places = vec![folder.to_path_buf()];
    while !places.is_empty() {
        let mut next = Vec::new();
        for place in places {
            let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
            for entry in entries {
                if entry.file_name().to_string_lossy().starts_with(name) {
                    return Some(entry.path());
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    next.push(entry.path());
                }
            }
        }
        places = next;
    }
    None
}
