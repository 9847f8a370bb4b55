//! `mortise doctor`: looks at everything that a server needs and says what is wrong in words that help.

use std::path::Path;

use mortise_store::Keyring;
use serde_json::{Value, json};

use super::client::Client;
use super::lock::DataLock;
use super::serve::OperatorFile;
use super::words::Words;
use crate::Config;

/// What was looked at, and what was found; `None` is fine.
struct Finding {
    check: &'static str,
    trouble: Option<String>,
}

pub(super) async fn run(config: &Config, words: &Words) -> anyhow::Result<()> {
    let mut findings = vec![
        Finding { check: "data", trouble: writable(&config.data) },
        Finding { check: "operator_file", trouble: operator_file(words, &config.data) },
        Finding { check: "https", trouble: https(words, config) },
        Finding { check: "secret_key", trouble: secret_key(words, config) },
    ];
    match Client::open(config, words).await {
        Ok(client) => {
            findings.push(Finding { check: "database", trouble: None });
            findings.extend(tenants(&client).await);
            client.close().await;
        }
        Err(error) => findings.push(Finding { check: "database", trouble: Some(format!("{error:#}")) }),
    }
    let rows: Vec<Value> = findings
        .iter()
        .map(|finding| json!({"check": finding.check, "good": finding.trouble.is_none(), "trouble": finding.trouble}))
        .collect();
    words.result(&json!({"findings": rows}));
    for finding in &findings {
        let what = words.text(&format!("cli.doctor.{}", finding.check), &[]);
        let outcome = finding.trouble.clone().unwrap_or_else(|| words.text("cli.doctor.good", &[]));
        words.say("cli.doctor.line", &[("what", &what), ("outcome", &outcome)]);
    }
    let bad = findings.iter().filter(|finding| finding.trouble.is_some()).count();
    anyhow::ensure!(bad == 0, words.text("cli.doctor.failed", &[("count", &bad.to_string())]));
    Ok(())
}

fn writable(data: &Path) -> Option<String> {
    let probe = || {
        std::fs::create_dir_all(data)?;
        tempfile::tempfile_in(data).map(|_| ())
    };
    probe().err().map(|error| format!("{}: {error}", data.display()))
}

/// The operator's token has to be readable by its owner only.
fn operator_file(words: &Words, data: &Path) -> Option<String> {
    let path = OperatorFile::path(data);
    let meta = std::fs::metadata(&path).ok()?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0 {
        return Some(words.text("cli.doctor.operator_file_open", &[("path", &path.display().to_string())]));
    }
    let left_over = matches!(DataLock::take(data), Ok(Some(_)));
    let _ = meta;
    left_over.then(|| words.text("cli.doctor.operator_file_old", &[("path", &path.display().to_string())]))
}

/// The keys of secrets have to be readable, and by their owner only. Whether they fit is told when the databases are
/// opened, and whether every secret opens with the tenants.
fn secret_key(words: &Words, config: &Config) -> Option<String> {
    if let Some(text) = &config.secret_key {
        return Keyring::parse(text).err().map(|error| error.to_string());
    }
    let path = Keyring::file(&config.data);
    let shown = path.display().to_string();
    let meta = std::fs::metadata(&path).ok()?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0 {
        return Some(words.text("cli.doctor.secret_key_open", &[("path", &shown)]));
    }
    let _ = meta;
    Keyring::find(&config.data).err().map(|error| format!("{shown}: {error}"))
}

/// Sign-in over the open network needs https.
fn https(words: &Words, config: &Config) -> Option<String> {
    let local = config.serving.listen.ip().is_loopback();
    (!local && !config.public_https() && !config.serving.trust_proxy)
        .then(|| words.text("cli.doctor.https_missing", &[]))
}

/// Every tenant opens, and its audit chain and tables are as they should be.
async fn tenants(client: &Client<'_>) -> Vec<Finding> {
    let all = match client.get("/operator/v1/tenants").await {
        Ok(all) => all,
        Err(error) => return vec![Finding { check: "tenants", trouble: Some(format!("{error:#}")) }],
    };
    let mut troubles = Vec::new();
    for slug in all["rows"].as_array().into_iter().flatten().filter_map(|row| row["slug"].as_str()) {
        match client.post(&format!("/operator/v1/tenants/{slug}/verify"), &json!({})).await {
            Ok(report) => {
                let problems = report["problems"].as_array().into_iter().flatten();
                troubles.extend(problems.map(|problem| format!("{slug}: {problem}")));
            }
            Err(error) => troubles.push(format!("{slug}: {error:#}")),
        }
    }
    vec![Finding { check: "tenants", trouble: (!troubles.is_empty()).then(|| troubles.join("; ")) }]
}
