//! The module that evaluates the rules of forms in browsers: `runtime/expr-web`, compiled as small as it gets into
//! `runtime/web/build`, from where the build of the pages takes it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::Result;

use crate::shell::{everything_required, root, target};
use crate::{setup, wasm};

/// Small matters more than fast: it is loaded on phones, and evaluates a few conditions at a key.
const SMALL: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
];

/// Builds the module when its sources have changed; a digest of them. Where nothing can compile it, forms ask the server alone.
pub(crate) fn build(web: &Path) -> Result<String> {
    let mut files = BTreeSet::new();
    for folder in ["runtime/expr", "runtime/expr-web"] {
        setup::collect(&root().join(folder), &mut files)?;
    }
    files.insert(root().join("Cargo.lock"));
    let mut hasher = DefaultHasher::new();
    for file in &files {
        file.hash(&mut hasher);
        std::fs::read(file)?.hash(&mut hasher);
    }
    let digest = format!("{:016x}", hasher.finish());
    let module = web.join("build/rules.wasm");
    let built = setup::stamped(&module, &digest, || {
        wasm::ensure()?;
        let made = wasm::module(&root(), "mortise-expr-web", &target().join("wasm-rules"), &SMALL)?;
        std::fs::create_dir_all(web.join("build"))?;
        std::fs::copy(made, &module)?;
        Ok(())
    });
    match built {
        Err(error) if everything_required() => return Err(error),
        Err(error) => eprintln!("Skipped: forms are not evaluated in browsers: {error:#}"),
        Ok(()) => {}
    }
    Ok(digest)
}
