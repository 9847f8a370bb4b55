//! `mortise plugin build`: compiles a plugin in the way of its language and writes its package. What comes out imports what
//! the manifest asks for and exports what it names, or nothing is written.

mod rust;
pub(crate) mod script;

use std::path::{Path, PathBuf};

use clap::Args;
use mortise_plugin_host::manifest::Language;
use serde_json::json;

use crate::error::AuthorError;
use crate::project::{Project, write};
use crate::terms::Terms;

/// `mortise plugin build`.
#[derive(Debug, Args)]
pub struct Build {
    /// Folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Write the package here instead of `target/<name>.plugin`.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Build {
    pub(crate) fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let project = Project::open(&self.folder)?;
        let path = self.out.unwrap_or_else(|| project.package_path());
        let size = build(&project, &path)?;
        terms.say(
            "author.built",
            &[("file", &path.display().to_string()), ("size", &size.div_ceil(1024).to_string())],
        );
        terms.result(&json!({
            "plugin": project.manifest.id,
            "version": project.manifest.version,
            "package": path,
            "bytes": size,
        }));
        Ok(())
    }
}

/// Builds a plugin and writes its package; how large that is.
pub(crate) fn build(project: &Project, path: &Path) -> Result<usize, AuthorError> {
    let (component, kit) = match project.manifest.language {
        Language::Rust => (rust::component(project)?, "mortise-sdk"),
        Language::Typescript => (script::typescript(project)?, "mortise-sdk-typescript"),
        Language::Python => (script::python(project)?, "mortise-sdk-python"),
    };
    let bytes = project.pack(component, kit)?;
    write(path, &bytes)?;
    Ok(bytes.len())
}
