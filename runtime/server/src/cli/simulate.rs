//! `mortise tenant simulate`: what a tenant comes to by itself in the next days, on a copy that is thrown away afterwards.

use std::path::PathBuf;

use clap::Args;
use mortise_definition::SettingValues;
use serde_json::{Value, json};

use super::app;
use super::client::Client;
use super::words::Words;

/// Columns of the table by day.
const BY_DAY: [&str; 9] =
    ["day", "assigned", "nobody", "breached", "steps", "transitions", "messages", "deliveries", "parked"];

/// `mortise tenant simulate`.
#[derive(Args)]
pub(super) struct Simulate {
    /// Short name.
    slug: String,
    /// Days to look ahead, 92 at most.
    #[arg(long)]
    days: u32,
    /// Another value of a setting, in the simulation only: app.name=value; may be given several times.
    #[arg(long = "setting", value_name = "APP.NAME=VALUE")]
    settings: Vec<String>,
    /// Folder of an app that is in force in the simulation only.
    #[arg(long)]
    app: Option<PathBuf>,
}

impl Simulate {
    pub(super) async fn run(self, client: &Client<'_>, words: &Words) -> anyhow::Result<()> {
        let mut body = json!({"days": self.days, "settings": settings(&self.settings, words)?});
        if let Some(folder) = &self.app {
            body["files"] = json!(app::files(words, folder)?);
        }
        let report = client.post(&format!("/t/{}/api/v1/sandbox", self.slug), &body).await?;
        words.result(&report);
        if !words.json {
            tell(&report, words);
        }
        Ok(())
    }
}

/// `app.name=value`; a value that is no JSON is a text.
fn settings(given: &[String], words: &Words) -> anyhow::Result<SettingValues> {
    let mut settings = SettingValues::new();
    for text in given {
        let parts = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let Some(((app, name), value)) = parts else {
            anyhow::bail!(words.text("cli.simulate.setting", &[("value", text)]));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        settings.entry(app.to_owned()).or_default().insert(name.to_owned(), value);
    }
    Ok(settings)
}

/// The report for a person: a line on top, and a table for each part in which something happens.
fn tell(report: &Value, words: &Words) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let minute = |value: &Value| text(value).chars().take(16).collect::<String>().replace('T', " ");
    let seconds = format!("{:.1}", report["took_ms"].as_f64().unwrap_or_default() / 1_000.0);
    let (from, until, records) =
        (minute(&report["from"]), minute(&report["until"]), text(&report["records"]));
    let args = [("from", &*from), ("until", &*until), ("records", &*records), ("seconds", &*seconds)];
    words.say("cli.simulate.summary", &args);
    if let Some(stopped) = report["stopped"].as_str() {
        words.say(&format!("cli.simulate.stopped_{stopped}"), &[]);
    }
    let totals = report["totals"].as_object();
    if totals.is_some_and(|totals| totals.values().all(|count| *count == 0)) {
        return words.say("cli.simulate.nothing", &[]);
    }
    let or = |row: &Value, name: &str, key: &str| match &row[name] {
        Value::Null => words.text(key, &[]).into(),
        value => value.clone(),
    };
    part(words, "by_day", &rows(report, "by_day", Value::clone), &BY_DAY);
    let assigned = |row: &Value| json!({"label": row["label"], "person": or(row, "name", "cli.simulate.nobody"), "count": row["count"]});
    part(words, "assignments", &rows(report, "assignments", assigned), &["label", "person", "count"]);
    let clock = |row: &Value| {
        json!({
            "label": row["label"], "step_label": or(row, "step_label", "cli.simulate.limit"),
            "count": row["count"],
        })
    };
    part(words, "clocks", &rows(report, "clocks", clock), &["label", "step_label", "count"]);
    let transitions = rows(report, "transitions", Value::clone);
    part(words, "transitions", &transitions, &["label", "by_label", "count"]);
    let told = |row: &Value| {
        let channel = if row["channel_label"].is_null() { &row["channel"] } else { &row["channel_label"] };
        json!({"label": row["label"], "channel": channel, "count": row["count"]})
    };
    let notifications = rows(report, "notifications", told);
    part(words, "notifications", &notifications, &["label", "channel", "count"]);
    part(words, "parked", &rows(report, "parked", Value::clone), &["label", "message", "count"]);
}

fn rows(report: &Value, name: &str, row: impl Fn(&Value) -> Value) -> Vec<Value> {
    report[name].as_array().into_iter().flatten().map(row).collect()
}

fn part(words: &Words, name: &str, rows: &[Value], columns: &[&str]) {
    if !rows.is_empty() {
        println!();
        words.say(&format!("cli.simulate.{name}"), &[]);
        words.table(rows, columns);
    }
}
