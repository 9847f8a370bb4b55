//! `mortise secret …`: the key with which passwords and signing secrets of all tenants are sealed.

use clap::Subcommand;
use serde_json::json;

use super::client::Client;
use super::words::Words;

#[derive(Subcommand)]
pub(super) enum Task {
    /// Seal all secrets with a new key; the old ones stay in the file, since backups may need them.
    Rotate,
}

impl Task {
    pub(super) async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        match self {
            Task::Rotate => {
                let made = client.post("/operator/v1/secret/rotate", &json!({})).await?;
                words.result(&made);
                words.say("cli.secret.rotated", &[("key", made["key"].as_str().unwrap_or_default())]);
            }
        }
        Ok(())
    }
}
