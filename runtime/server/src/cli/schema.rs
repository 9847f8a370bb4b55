//! `mortise schema`: the JSON Schemas of the app language, one per kind of artifact, and that of a plugin's manifest.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use mortise_plugin_host::manifest::Manifest;
use serde_json::Value;

use super::words::Words;

/// `mortise schema`.
#[derive(Args)]
pub(super) struct Schema {
    /// Kind of artifact (app, entity, form, plugin …); a list of all kinds unless given.
    kind: Option<String>,
    /// Write all schemas into this folder, as `<kind>.schema.json`.
    #[arg(long, conflicts_with = "kind")]
    out: Option<PathBuf>,
}

impl Schema {
    pub(super) fn run(self, words: &Words) -> anyhow::Result<()> {
        let schemas: Vec<(String, Value)> = mortise_definition::schema::schemas()
            .into_iter()
            .map(|(kind, schema)| (kind.to_string(), schema))
            .chain([("plugin".to_owned(), Manifest::json_schema().clone())])
            .collect();
        if let Some(kind) = self.kind {
            let found = schemas.iter().find(|(known, _)| *known == kind);
            let known: Vec<&str> = schemas.iter().map(|(kind, _)| kind.as_str()).collect();
            let unknown =
                || words.text("cli.schema.unknown", &[("kind", &kind), ("known", &known.join(", "))]);
            let (_, schema) = found.with_context(unknown)?;
            println!("{schema:#}");
            return Ok(());
        }
        match self.out {
            Some(folder) => {
                std::fs::create_dir_all(&folder)?;
                for (kind, schema) in &schemas {
                    std::fs::write(folder.join(format!("{kind}.schema.json")), format!("{schema:#}\n"))?;
                }
                words.say("cli.schema.written", &[("folder", &folder.display().to_string())]);
            }
            None if words.json => words.result(&Value::Object(schemas.into_iter().collect())),
            None => schemas.iter().for_each(|(kind, _)| println!("{kind}")),
        }
        Ok(())
    }
}
