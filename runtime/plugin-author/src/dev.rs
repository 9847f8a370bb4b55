//! `mortise plugin dev`: builds, puts the plugin into a running server, shows what its calls did there, and begins again at
//! every change of a file. A build that fails is told and waits for the next change.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::{Value, json};

use crate::build::build;
use crate::build::script::sources;
use crate::error::{AuthorError, about};
use crate::http::Server;
use crate::project::Project;
use crate::terms::Terms;

/// How often files and the run log are looked at: sooner than anybody has switched windows.
const LOOK: Duration = Duration::from_millis(700);
/// Lines of the run log that are asked for at a time.
const RUNS: usize = 20;

/// `mortise plugin dev`.
#[derive(Debug, Args)]
pub struct Dev {
    /// Folder of the plugin.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Address of a tenant on a server of this machine: http://127.0.0.1:8080/t/demo.
    #[arg(long, env = "MORTISE_SERVER", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// Token of an administrator of the tenant.
    #[arg(long, env = "MORTISE_TOKEN", hide_env_values = true)]
    token: String,
    /// Build and install once, and do not wait for changes.
    #[arg(long)]
    once: bool,
}

impl Dev {
    pub(crate) async fn run(self, terms: Terms) -> Result<(), AuthorError> {
        let server = Server::at(&self.server, self.token, terms.language)?;
        if self.once {
            let report = install(&self.folder, &server, terms).await?;
            terms.result(&report);
            return Ok(());
        }
        let mut last = None;
        loop {
            let began = state(&self.folder);
            if last.is_none() {
                last = told_before(&self.folder, &server, terms).await;
            }
            let id = match install(&self.folder, &server, terms).await {
                Ok(_) => Some(Project::open(&self.folder)?.manifest.id),
                Err(error) => {
                    terms.line(&error.words(terms.language));
                    None
                }
            };
            terms.say("author.dev.waiting", &[("folder", &self.folder.display().to_string())]);
            let changed = watch(&self.folder, began, &server, id.as_deref(), &mut last, terms).await;
            terms.say("author.dev.changed", &[("file", &changed)]);
        }
    }
}

/// Builds the plugin and puts it into the server, with everything that it asks for.
async fn install(folder: &Path, server: &Server, terms: Terms) -> Result<Value, AuthorError> {
    let project = Project::open(folder)?;
    let package = project.package_path();
    build(&project, &package)?;
    let bytes = about(&package, std::fs::read(&package))?;
    let report = server.post("plugins?grant_all=true", bytes).await?;
    let manifest = &project.manifest;
    let args = [("id", &*manifest.id), ("version", &*manifest.version), ("server", server.address())];
    terms.say("author.dev.installed", &args);
    Ok(json!({ "plugin": manifest.id, "version": manifest.version, "report": report }))
}

/// The newest run of the plugin before we begin, so that everything behind it is shown.
async fn told_before(folder: &Path, server: &Server, terms: Terms) -> Option<String> {
    let plugin = Project::open(folder).ok()?.manifest.id;
    Some(tell(&runs(server, &plugin).await.ok()?, None, terms))
}

async fn runs(server: &Server, plugin: &str) -> Result<Value, AuthorError> {
    server.get(&format!("plugins/runs?plugin={plugin}&limit={RUNS}")).await
}

/// Shows calls behind `last` until a file changes; its name.
async fn watch(
    folder: &Path,
    began: Vec<(PathBuf, SystemTime)>,
    server: &Server,
    plugin: Option<&str>,
    last: &mut Option<String>,
    terms: Terms,
) -> String {
    loop {
        tokio::time::sleep(LOOK).await;
        let now = state(folder);
        if now != began {
            let other = now
                .iter()
                .find(|file| !began.contains(file))
                .or_else(|| began.iter().find(|file| !now.contains(file)));
            return other.map_or_else(String::new, |(file, _)| file.display().to_string());
        }
        let Some(plugin) = plugin else { continue };
        // A server that is being started again is asked again.
        let Ok(answer) = runs(server, plugin).await else { continue };
        *last = Some(tell(&answer, last.take(), terms));
    }
}

/// Tells the runs that came after `last`, the oldest first; the newest one. The first answer is only what was there before.
fn tell(answer: &Value, last: Option<String>, terms: Terms) -> String {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let empty = Vec::new();
    let rows = answer["rows"].as_array().unwrap_or(&empty);
    let newest = rows.first().map(|row| text(row, "id"));
    if let Some(last) = &last {
        let new: Vec<&Value> = rows.iter().take_while(|row| text(row, "id") != *last).collect();
        for row in new.into_iter().rev() {
            let wall = format!("{:.1}", row["wall_us"].as_f64().unwrap_or_default() / 1000.0);
            let (at, point, export) = (text(row, "at"), text(row, "point"), text(row, "export"));
            let message = text(row, "message");
            let outcome = format!("{} {message}", text(row, "outcome"));
            let args = [
                ("at", &*at),
                ("point", &*point),
                ("export", &*export),
                ("outcome", outcome.trim()),
                ("wall", &*wall),
            ];
            terms.say("author.dev.run", &args);
            for line in row["lines"].as_array().into_iter().flatten() {
                terms.line(&format!("    {}: {}", text(line, "level"), text(line, "message")));
            }
        }
    }
    newest.or(last).unwrap_or_default()
}

/// The files of a plugin with the times of their last change. What a build writes beside them is not looked at.
fn state(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let files = sources(folder).into_iter().filter(|file| !is_made(file));
    files.filter_map(|file| Some((file.clone(), std::fs::metadata(file).ok()?.modified().ok()?))).collect()
}

/// What a build writes, and what editors keep while somebody types.
fn is_made(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.')
        || name.ends_with('~')
        || name.contains("gen.ts")
        || name.ends_with("_gen.py")
        || name == "Cargo.lock"
        || name == "package-lock.json"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_were_there_before_are_not_told_again() {
        let terms = Terms { language: "en", json: true };
        let answer =
            |ids: &[&str]| json!({ "rows": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() });
        let first = tell(&answer(&[]), None, terms);
        assert_eq!(first, "");
        let second = tell(&answer(&["b", "a"]), Some(first), terms);
        assert_eq!(second, "b");
        assert_eq!(tell(&answer(&["b", "a"]), Some(second), terms), "b");
    }

    #[test]
    fn a_change_of_a_source_is_noticed_and_what_a_build_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plugin.json"), "{}").unwrap();
        let before = state(folder.path());
        for made in ["plugin_gen.py", ".plugin.py.swp", "plugin.py~"] {
            std::fs::write(folder.path().join(made), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("target")).unwrap();
        std::fs::write(folder.path().join("target/a.plugin"), "").unwrap();
        assert_eq!(state(folder.path()), before);
        std::fs::write(folder.path().join("new.rs"), "").unwrap();
        assert_ne!(state(folder.path()), before);
    }
}
