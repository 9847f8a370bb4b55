//! The plugin interface as text: the WIT packages below this folder, what a manifest's words stand for in them, and the
//! world of one plugin. Never holds behaviour: what an import does is the host's to say.

#[cfg(feature = "build")]
mod build;

#[cfg(feature = "build")]
pub use build::{BuildError, SECTION, componentize, componentize_against, module_text, stamp};

/// A WIT package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// `mortise:log`.
    pub name: &'static str,
    /// `1.0.0`.
    pub version: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! package {
    ($name:literal) => {
        Package {
            name: concat!("mortise:", $name),
            version: "1.0.0",
            text: include_str!(concat!("../", $name, "/", $name, ".wit")),
        }
    };
}

/// Every package, in an order in which each needs only those before it.
pub const PACKAGES: [Package; 15] = [
    package!("types"),
    package!("log"),
    package!("budget"),
    package!("records"),
    package!("http"),
    package!("storage"),
    package!("validation"),
    package!("hooks"),
    package!("workflow"),
    package!("expression"),
    package!("assignment"),
    package!("dashboards"),
    package!("documents"),
    package!("jobs"),
    package!("connectors"),
];

/// A word of the manifest and the interface that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// `records.read`, `validator`.
    pub name: &'static str,
    /// `mortise:records/read@1.0.0`.
    pub interface: &'static str,
}

const fn word(name: &'static str, interface: &'static str) -> Word {
    Word { name, interface }
}

/// What every interface uses: types, which need no permission.
pub const TYPES: [Word; 2] =
    [word("values", "mortise:types/values@1.0.0"), word("calls", "mortise:types/calls@1.0.0")];

/// What a plugin may import, by the word of the manifest's `permissions`. `log` and `budget` need no permission.
pub const CAPABILITIES: [Word; 6] = [
    word("log", "mortise:log/log@1.0.0"),
    word("budget", "mortise:budget/budget@1.0.0"),
    word("records.read", "mortise:records/read@1.0.0"),
    word("records.write", "mortise:records/write@1.0.0"),
    word("http", "mortise:http/client@1.0.0"),
    word("storage", "mortise:storage/kv@1.0.0"),
];

/// What a plugin may export, by the manifest's `point`.
pub const POINTS: [Word; 11] = [
    word("validator", "mortise:validation/validator@1.0.0"),
    word("before-save", "mortise:hooks/before-save@1.0.0"),
    word("after-commit", "mortise:hooks/after-commit@1.0.0"),
    word("action", "mortise:workflow/action@1.0.0"),
    word("function", "mortise:expression/functions@1.0.0"),
    word("scorer", "mortise:assignment/scorer@1.0.0"),
    word("assigner", "mortise:assignment/assigner@1.0.0"),
    word("provider", "mortise:dashboards/provider@1.0.0"),
    word("renderer", "mortise:documents/renderer@1.0.0"),
    word("job", "mortise:jobs/job@1.0.0"),
    word("connector", "mortise:connectors/connector@1.0.0"),
];

/// The interface of a word of the manifest.
pub fn interface_of(words: &[Word], name: &str) -> Option<&'static str> {
    words.iter().find(|word| word.name == name).map(|word| word.interface)
}

/// The world of a plugin: exactly what its manifest names, so that the imports of the binary are the permissions that it
/// asks for, and its exports are what it implements.
pub fn world<'a>(
    imports: impl IntoIterator<Item = &'a str>,
    exports: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut text = String::from("package mortise-plugin:component;\n\nworld plugin {\n");
    let lines = imports.into_iter().map(|interface| ("import", interface));
    for (verb, interface) in lines.chain(exports.into_iter().map(|interface| ("export", interface))) {
        text.push_str(&format!("  {verb} {interface};\n"));
    }
    text.push_str("}\n");
    text
}
