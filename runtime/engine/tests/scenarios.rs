//! The scenarios that ship with the apps: every one passes, on every database.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::sync::Arc;

use mortise_engine::scenario::Cast;

#[tokio::test]
async fn every_scenario_of_the_shipped_apps_passes() {
    let packages = ["sales-core", "lead-management"].map(|name| Arc::new(common::template(name)));
    let cast = Cast { packages: packages.into() };
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut failed = Vec::new();
    for (name, database) in common::databases() {
        for (key, _) in cast.scenarios().into_iter().filter(|(key, _)| key.contains(&only)) {
            let verdict = cast.run(&key, &database).await.unwrap();
            eprintln!("{name} {key}: {} steps in {} ms", verdict.steps, verdict.took_ms);
            if let Some(failure) = verdict.failure {
                let lines = failure.timeline.iter();
                let lines: Vec<String> = lines
                    .map(|line| format!("  {} {} {} {}", line.at, line.record, line.by, line.what))
                    .collect();
                failed.push(format!(
                    "{name} {key}{}: {}\n{}",
                    failure.pointer,
                    failure.message,
                    lines.join("\n")
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
