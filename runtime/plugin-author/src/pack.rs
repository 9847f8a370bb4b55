//! `mortise plugin pack`: the package of a plugin whose component is there already, however it was made.

use std::path::PathBuf;

use clap::Args;
use mortise_plugin_host::manifest::Language;
use serde_json::json;

use crate::error::{AuthorError, about};
use crate::project::{Project, write};
use crate::terms::Terms;

/// `mortise plugin pack`.
#[derive(Debug, Args)]
pub struct Pack {
    /// Folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The component; `target/plugin.wasm` in the folder unless given.
    #[arg(long)]
    component: Option<PathBuf>,
    /// Write the package here instead of `target/<name>.plugin`.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Pack {
    pub(crate) fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let project = Project::open(&self.folder)?;
        let component = self.component.unwrap_or_else(|| project.target().join("plugin.wasm"));
        let component = about(&component, std::fs::read(&component))?;
        let path = self.out.unwrap_or_else(|| project.package_path());
        let kit = match project.manifest.language {
            Language::Rust => "mortise-sdk",
            Language::Typescript => "mortise-sdk-typescript",
            Language::Python => "mortise-sdk-python",
        };
        let bytes = project.pack(component, kit)?;
        write(&path, &bytes)?;
        let size = bytes.len().div_ceil(1024).to_string();
        terms.say("author.built", &[("file", &path.display().to_string()), ("size", &size)]);
        terms.result(&json!({ "plugin": project.manifest.id, "package": path, "bytes": bytes.len() }));
        Ok(())
    }
}
