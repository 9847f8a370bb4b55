//! `mortise plugin check`: what a package contains, compared with what its manifest says and with what a server offers.

use std::path::PathBuf;

use clap::Args;
use mortise_definition::Problem;
use mortise_plugin_host::manifest::Manifest;
use mortise_plugin_host::{Package, inspect};
use serde_json::json;

use crate::error::{AuthorError, problem};
use crate::project::{Project, fits_server, read_package, server_version};
use crate::terms::Terms;

/// `mortise plugin check`.
#[derive(Debug, Args)]
pub struct Check {
    /// A package, or the folder of a plugin that was built.
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// Version of the server; that of this program unless given.
    #[arg(long)]
    server: Option<String>,
}

impl Check {
    pub(crate) fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let server = match &self.server {
            None => server_version(),
            Some(text) => semver::Version::parse(text)
                .map_err(|error| problem("plugin.version").arg("value", text).arg("detail", error))?,
        };
        let path = match self.plugin.is_dir() {
            true => Project::open(&self.plugin)?.package_path(),
            false => self.plugin,
        };
        if !path.is_file() {
            return Err(Problem::error("author.not_built", path.display().to_string(), "").into());
        }
        let package = read_package(&path)?;
        let problems = fits_server(&package, &server)?;
        tell(&package, &server, &problems, terms)?;
        match problems.iter().any(Problem::is_error) {
            true => Err(problem("author.check_failed").arg("server", server).into()),
            false => Ok(()),
        }
    }
}

fn tell(
    package: &Package,
    server: &semver::Version,
    problems: &[Problem],
    terms: Terms,
) -> Result<(), AuthorError> {
    let manifest = &package.manifest;
    let found =
        inspect(&manifest.component, &package.component).map_err(|problem| AuthorError::from(*problem))?;
    let size = package.component.len().div_ceil(1024).to_string();
    let title = manifest.title.get(terms.language);
    let args = [("id", &*manifest.id), ("version", &*manifest.version), ("title", title), ("size", &*size)];
    terms.say("author.check.head", &args);
    for export in &manifest.exports {
        let entity = export.entity.as_deref().unwrap_or_default();
        terms.line(format!("  {:<13} {}  {entity}", export.point.name(), export.name).trim_end());
    }
    terms.say("author.check.imports", &[("list", &or_nothing(&found.imports, terms))]);
    terms.say("author.check.permissions", &[("list", &or_nothing(&permissions(manifest), terms))]);
    terms.warn(problems);
    if !problems.iter().any(Problem::is_error) {
        terms.say("author.check.fits", &[("server", &server.to_string())]);
    }
    terms.result(&json!({
        "plugin": manifest.id,
        "version": manifest.version,
        "digest": package.digest(),
        "manifest_digest": package.manifest_digest(),
        "component_bytes": package.component.len(),
        "imports": found.imports,
        "exports": found.exports,
        "permissions": manifest.permissions,
        "server": server.to_string(),
        "problems": problems.iter().map(|problem| terms.problem_json(problem)).collect::<Vec<_>>(),
    }));
    Ok(())
}

fn or_nothing(list: &[String], terms: Terms) -> String {
    match list.is_empty() {
        true => terms.text("author.nothing", &[]),
        false => list.iter().map(|line| format!("\n  {line}")).collect(),
    }
}

/// Permissions, one line each: what an administrator is asked for.
pub(crate) fn permissions(manifest: &Manifest) -> Vec<String> {
    let asked = &manifest.permissions;
    let join = |fields: &mut dyn Iterator<Item = &String>| fields.cloned().collect::<Vec<_>>().join(", ");
    let read = asked
        .read
        .iter()
        .map(|read| format!("records.read {}: {}", read.entity, join(&mut read.fields.iter())));
    let write = asked.write.iter().map(|write| {
        let ops: Vec<String> = write.ops.iter().map(|op| format!("{op:?}").to_lowercase()).collect();
        format!("records.write {} ({}): {}", write.entity, ops.join(", "), join(&mut write.fields.iter()))
    });
    let http = asked.http.iter().map(|http| {
        let secret = http.credential.as_ref().map(|name| format!(" + {name}")).unwrap_or_default();
        format!("http {} ({}){secret}", http.host, join(&mut http.methods.iter()))
    });
    let storage = asked.storage.iter().map(|storage| format!("storage {}", storage.bytes));
    read.chain(write).chain(http).chain(storage).collect()
}
