//! `mortise tenant …` and `mortise verify`.

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::Client;
use super::simulate::Simulate;
use super::words::Words;

const COLUMNS: [&str; 6] = ["slug", "name", "host", "language", "time_zone", "placement"];

#[derive(Subcommand)]
pub(super) enum Task {
    /// Make a tenant.
    Create {
        #[command(flatten)]
        settings: Settings,
        /// Its time can be moved on with `tenant advance`: for tests and rehearsals, for good.
        #[arg(long)]
        test_clock: bool,
    },
    /// List tenants.
    List,
    /// Change a tenant.
    Change {
        #[command(flatten)]
        settings: Settings,
        /// Serve it (false) or not (true).
        #[arg(long)]
        suspended: Option<bool>,
    },
    /// Let time pass in a tenant that was made with --test-clock.
    Advance {
        /// Short name.
        slug: String,
        /// How much: 25h, 1d12h, 30m, 45s.
        by: String,
    },
    /// See what a tenant comes to by itself in the next days, on a copy.
    Simulate(Simulate),
    /// Remove a tenant with all its data.
    Remove {
        /// Short name.
        slug: String,
        /// Short name once more: there is no way back.
        #[arg(long)]
        confirm: String,
    },
}

#[derive(Args)]
pub(super) struct Settings {
    /// Short name in addresses: lower case letters, digits, hyphens.
    slug: String,
    /// Name shown to people.
    #[arg(long)]
    name: Option<String>,
    /// Host that leads to it.
    #[arg(long)]
    host: Option<String>,
    /// Language of people who have not chosen one.
    // An id of its own: `language` is that of the terminal.
    #[arg(id = "tenant_language", long = "tenant-language", value_name = "LANGUAGE")]
    language: Option<String>,
    /// Time zone, such as Asia/Shanghai.
    #[arg(long)]
    time_zone: Option<String>,
}

impl Settings {
    fn json(&self) -> Value {
        let mut body = json!({});
        let given = [
            ("name", &self.name),
            ("host", &self.host),
            ("language", &self.language),
            ("time_zone", &self.time_zone),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                body[name] = value.as_str().into();
            }
        }
        body
    }
}

impl Task {
    pub(super) async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        match self {
            Task::Create { settings, test_clock } => {
                let mut body = settings.json();
                body["slug"] = settings.slug.as_str().into();
                if test_clock {
                    body["test_clock"] = true.into();
                }
                if body.get("language").is_none() {
                    body["language"] = words.language.into();
                }
                let tenant = client.post("/operator/v1/tenants", &body).await?;
                words.result(&tenant);
                words.say("cli.tenant.created", &[("tenant", &settings.slug)]);
            }
            Task::List => {
                let tenants = client.get("/operator/v1/tenants").await?;
                words.table(tenants["rows"].as_array().map_or(&[], Vec::as_slice), &COLUMNS);
            }
            Task::Change { settings, suspended } => {
                let mut body = settings.json();
                if let Some(suspended) = suspended {
                    body["suspended"] = suspended.into();
                }
                let path = format!("/operator/v1/tenants/{}", settings.slug);
                let tenant = client.call(Method::PATCH, &path, Some(&body)).await?;
                words.result(&tenant);
                words.say("cli.tenant.changed", &[("tenant", &settings.slug)]);
            }
            Task::Advance { slug, by } => {
                let path = format!("/operator/v1/tenants/{slug}/advance");
                let tenant = client.post(&path, &json!({ "by": by })).await?;
                words.result(&tenant);
                let now = tenant["test_clock"]["now"].as_str().unwrap_or_default();
                words.say("cli.tenant.advanced", &[("tenant", &slug), ("now", now)]);
            }
            Task::Simulate(simulate) => simulate.run(client, words).await?,
            Task::Remove { slug, confirm } => {
                if slug != confirm {
                    anyhow::bail!(words.text("cli.tenant.confirm", &[("tenant", &slug)]));
                }
                client.call(Method::DELETE, &format!("/operator/v1/tenants/{slug}"), None).await?;
                words.say("cli.tenant.removed", &[("tenant", &slug)]);
            }
        }
        Ok(())
    }
}

/// `mortise verify`.
#[derive(Args)]
pub(super) struct Verify {
    /// Tenants; all unless given.
    tenants: Vec<String>,
}

impl Verify {
    pub(super) async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        let mut slugs = self.tenants;
        if slugs.is_empty() {
            let all = client.get("/operator/v1/tenants").await?;
            let rows = all["rows"].as_array().cloned().unwrap_or_default();
            slugs = rows.iter().filter_map(|row| row["slug"].as_str().map(str::to_owned)).collect();
        }
        let mut reports = Vec::new();
        let mut broken = false;
        for slug in slugs {
            let mut report = client.post(&format!("/operator/v1/tenants/{slug}/verify"), &json!({})).await?;
            let entries = report["entries"].to_string();
            let problems = report["problems"].as_array().cloned().unwrap_or_default();
            if problems.is_empty() {
                words.say("cli.verify.good", &[("tenant", &slug), ("entries", &entries)]);
            } else {
                broken = true;
                words.say("cli.verify.broken", &[("tenant", &slug), ("count", &problems.len().to_string())]);
                for problem in &problems {
                    let text = problem.as_str().map_or_else(|| problem.to_string(), str::to_owned);
                    words.say("cli.verify.problem", &[("problem", &text)]);
                }
            }
            report["tenant"] = slug.into();
            reports.push(report);
        }
        words.result(&Value::from(reports));
        if broken {
            anyhow::bail!(words.text("cli.verify.failed", &[]));
        }
        Ok(())
    }
}
