//! The parts of `plugin.json` that code depends on. Not a check of the manifest: that is the host's and `plugin check`'s.

use std::path::Path;

use proc_macro2::Span;
use serde::Deserialize;

pub(crate) const FILE: &str = "plugin.json";

#[derive(Deserialize)]
pub(crate) struct Manifest {
    pub(crate) exports: Vec<Export>,
    /// Where it was read, so that a change of the file compiles the crate again.
    #[serde(skip)]
    pub(crate) path: String,
}

#[derive(Deserialize)]
pub(crate) struct Export {
    pub(crate) point: String,
    pub(crate) name: String,
    pub(crate) entity: Option<String>,
    #[serde(default)]
    pub(crate) input: Vec<String>,
}

pub(crate) fn read(file: &str) -> Result<Manifest, syn::Error> {
    let fail = |reason: String| syn::Error::new(Span::call_site(), reason);
    let folder = std::env::var("CARGO_MANIFEST_DIR")
        .map_err(|_| fail("cargo does not say where the crate is (CARGO_MANIFEST_DIR)".into()))?;
    let path = Path::new(&folder).join(file);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| fail(format!("{} cannot be read: {error}", path.display())))?;
    let mut manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| fail(format!("{file}: {error}")))?;
    manifest.path = path.to_string_lossy().into_owned();
    Ok(manifest)
}

impl Manifest {
    /// The names of the exports at a point.
    pub(crate) fn names<'a>(&'a self, point: &'a str) -> impl Iterator<Item = &'a str> {
        self.exports.iter().filter(move |export| export.point == point).map(|export| export.name.as_str())
    }
}

/// A name of the manifest as part of an identifier: `vat-number` → `vat_number`.
pub(crate) fn snake(name: &str) -> String {
    name.replace(['-', '.'], "_")
}

/// A name of the manifest as a type: `credit_score` → `CreditScore`.
pub(crate) fn camel(name: &str) -> String {
    let words = name.split(['_', '-', '.']);
    words
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}
