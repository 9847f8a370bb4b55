//! The pages about plugins that are made of code: keys of the manifest, the interface, the limits, the form of cases.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use mortise_plugin_host::limits::{Limits, Settings};
use mortise_plugin_host::manifest::{Manifest, OnFailure, Point, Tier};
use mortise_tests::server::workspace;
use serde_json::{Value, json};

use crate::check;

#[test]
fn the_page_about_the_manifest_lists_every_key() {
    let mut page = include_str!("manifest_head.txt").to_owned();
    page.push_str(&mortise_definition::schema::reference_of(Manifest::json_schema()));
    check("plugins/manifest.md", &page);
}

#[test]
fn the_page_about_the_interface_is_the_interface() {
    check("plugins/reference.md", &reference_page());
}

#[test]
fn the_page_about_limits_has_the_limits_of_the_code() {
    check("plugins/limits.md", &limits_page());
}

#[test]
fn the_page_about_cases_is_what_the_kits_keep_to() {
    let path = workspace().join("sdk/conformance/README.md");
    let form = std::fs::read_to_string(path).expect("the kits say how cases are written");
    let begin = form.find("## A case").expect("the form begins there");
    let end = form.rfind("\n\nThe crate `mortise-cases`").unwrap_or(form.len());
    let page = format!("{}{}\n", include_str!("cases_head.txt"), form[begin..end].trim_end());
    check("plugins/cases.md", &page);
}

#[test]
fn every_test_that_the_page_about_security_names_is_there() {
    let page = std::fs::read_to_string(workspace().join("docs/plugins/security.md")).expect("it is there");
    let folders =
        ["runtime/engine/tests/plugins", "runtime/server/src/courier"].map(|name| workspace().join(name));
    let code = folders.map(|folder| rust_code(&folder)).concat();
    let table = page.split_once("| Test |").expect("it has a table of tests").1;
    let quoted = |line: &str| -> Vec<String> {
        let tests = line.rsplit('|').nth(1).unwrap_or_default().to_owned();
        tests.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let named: Vec<String> =
        table.lines().take_while(|line| !line.starts_with('#')).flat_map(quoted).collect();
    assert!(named.len() > 30, "{named:?}");
    let is_there =
        |name: &String| code.contains(&format!("fn {name}(")) || code.contains(&format!("\"{name}\""));
    let gone: Vec<&String> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

/// Everything that is written in a folder and below.
fn rust_code(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("the folder is there").flatten().map(|entry| entry.path());
    let read = |path: PathBuf| match path.is_dir() {
        true => rust_code(&path),
        false if path.extension().is_some_and(|kind| kind == "rs") => {
            std::fs::read_to_string(path).expect("code is text")
        }
        false => String::new(),
    };
    entries.map(read).collect()
}

fn reference_page() -> String {
    let mut page = include_str!("reference_head.txt").to_owned();
    for point in Point::ALL {
        let choices: Vec<String> = point.failure_choices().iter().map(|choice| word(*choice)).collect();
        let uses = match point.may_use() {
            [] if point == Point::Function => "nothing".to_owned(),
            [] => "log, budget".to_owned(),
            words => format!("log, budget, {}", words.join(", ")),
        };
        let (name, tier, usual) = (point.name(), tier(point.tier()), word(point.default_failure()));
        let line = format!("| `{name}` | {tier} | {uses} | {usual} | {} |\n", choices.join(", "));
        page.push_str(&line);
    }
    for package in mortise_wit::PACKAGES {
        let own = |word: &&mortise_wit::Word| word.interface.starts_with(&format!("{}/", package.name));
        let capabilities = mortise_wit::CAPABILITIES.iter().filter(own);
        let points = mortise_wit::POINTS.iter().filter(own);
        let told: Vec<String> = capabilities
            .map(|word| match word.name {
                "log" | "budget" => format!("imported as `{}`, which needs no permission", word.interface),
                name => format!("imported as `{}`, by the permission `{name}`", word.interface),
            })
            .chain(
                points.map(|word| format!("exported as `{}`, at the point `{}`", word.interface, word.name)),
            )
            .collect();
        let told = if told.is_empty() { "used by all others".to_owned() } else { told.join("; ") };
        let text = package.text.trim_end();
        write!(
            page,
            "\n## {} {}\n\n{}.\n\n```wit\n{text}\n```\n",
            package.name,
            package.version,
            capital(&told)
        )
        .expect("a string takes everything");
    }
    page
}

fn word(policy: OnFailure) -> String {
    json!(policy).as_str().expect("a policy is a word").to_owned()
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Save => "inside the save",
        Tier::Function => "inside expressions",
        Tier::Background => "in the background, or for a page",
        Tier::Job => "by the clock",
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn limits_page() -> String {
    let settings = Settings::default();
    let tiers = [settings.save, settings.function, settings.background, settings.job];
    let objects = tiers.map(|limits: Limits| serde_json::to_value(limits).expect("limits are numbers"));
    let mut page = include_str!("limits_head.txt").to_owned();
    for key in objects[0].as_object().expect("limits are an object").keys() {
        let cells: Vec<String> = objects.iter().map(|limits| number(key, &limits[key])).collect();
        let line = format!("| `{key}` | {} | {} |\n", meaning(key), cells.join(" | "));
        page.push_str(&line);
    }
    let all = serde_json::to_value(&settings).expect("settings are numbers");
    let parts = [
        ("transaction", "Shared by all plugins that one transaction touches."),
        ("sizes", "What can be installed."),
        ("breaker", "When calls of an export that keeps breaking down stop being made, for a tenant."),
        ("warm", "Instances that wait for another call, where the manifest of a plugin says `warm`."),
    ];
    for (part, told) in parts {
        write!(page, "\n## {}\n\n{told}\n\n| Setting | | Limit |\n| --- | --- | --- |\n", capital(part))
            .expect("a string takes everything");
        for (key, value) in all[part].as_object().expect("a part is an object") {
            let told = match (part, key.as_str()) {
                ("warm", "memory_bytes") => "memory of all of them",
                ("warm", "calls") => "calls that one serves before it goes",
                (_, key) => meaning(key),
            };
            let line = format!("| `{part}.{key}` | {told} | {} |\n", number(key, value));
            page.push_str(&line);
        }
    }
    page.push_str("\n## Node\n\n| Setting | | Limit |\n| --- | --- | --- |\n");
    for (key, value) in
        all.as_object().expect("settings are an object").iter().filter(|(_, value)| value.is_u64())
    {
        let line = format!("| `{key}` | {} | {} |\n", meaning(key), number(key, value));
        page.push_str(&line);
    }
    page
}

/// What a key means; a new one fails here until somebody has said so.
fn meaning(key: &str) -> &'static str {
    match key {
        "wall_ms" => "time from begin to end",
        "cpu_ms" => "time on a processor",
        "cpu_ms_dynamic" => "the same in TypeScript and Python",
        "fuel" => "instructions of a batch",
        "memory_bytes" => "memory of the instance",
        "table_elements" => "entries of its tables",
        "host_calls" => "calls to the host",
        "rows_read" => "records read",
        "rows_written" => "records changed",
        "http_calls" => "calls to other systems",
        "http_ms" => "time spent waiting for them",
        "output_bytes" => "bytes in one answer, or in the arguments of one call to the host",
        "log_lines" => "lines in the run log",
        "log_bytes" => "their bytes",
        "handles" => "handles of resources",
        "depth" => "plugins above one another",
        "invocations" => "calls of plugins",
        "component_bytes" => "component in Rust",
        "component_bytes_dynamic" => "component in TypeScript or Python",
        "native_bytes" => "machine code of a component",
        "compile_ms" => "time for making it",
        "compile_memory_bytes" => "memory of the process that makes it",
        "failures" => "breakdowns in a row",
        "pause_ms" => "first pause; it doubles",
        "pause_ms_max" => "longest pause",
        "instances" => "instances on this node; 0 makes every call of every plugin begin afresh",
        "instances_per_plugin" => "instances of one plugin in one tenant",
        "idle_ms" => "shortest wait for another call; the longest is twice as long",
        "batch_rows" => "rows in one batch of a function",
        "calls" => "calls at the same time",
        "calls_nested" => "calls at the same time that other plugins have caused",
        "calls_per_tenant" => "calls at the same time of one tenant",
        "queue_per_tenant" => "calls of one tenant that may wait for a place",
        "core_instances" => "core instances that a component may consist of",
        "plugins_per_tenant" => "plugins that a tenant may have installed",
        other => panic!("say what {other} means"),
    }
}

/// A number with its unit; nothing where there is none to be had.
fn number(key: &str, value: &Value) -> String {
    let value = value.as_u64().unwrap_or_default();
    let of = |unit: u64, name: &str| format!("{} {name}", value / unit);
    match key {
        _ if value == 0 => "—".to_owned(),
        key if key.contains("_ms") && value.is_multiple_of(60_000) => of(60_000, "min"),
        key if key.contains("_ms") && value.is_multiple_of(1_000) => of(1_000, "s"),
        key if key.contains("_ms") => of(1, "ms"),
        key if key.contains("bytes") && value.is_multiple_of(1 << 20) => of(1 << 20, "MiB"),
        key if key.contains("bytes") => of(1 << 10, "KiB"),
        _ if value.is_multiple_of(1_000_000) => of(1_000_000, "million"),
        _ => value.to_string(),
    }
}
