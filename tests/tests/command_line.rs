//! The command line: the same commands with and without a running server, in the language of the person, and for programs.

use std::io::Write;
use std::path::Path;

use mortise_tests::Installation;
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("the folder is ours");
    std::fs::File::create(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("the folder is ours");
}

/// A small app in a folder.
fn app(folder: &Path) {
    write(folder, "app.json", r#"{"id": "notes", "version": "1.0.0", "label": "Notes"}"#);
    let entity =
        r#"{"id": "note", "label": "Note", "fields": [{"id": "title", "label": "Title", "type": "text"}]}"#;
    write(folder, "entities/note.json", entity);
}

#[test]
fn commands_do_the_same_with_and_without_a_server() {
    let installation = Installation::new();
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    app(folder.path());
    installation.run(&["tenant", "create", "demo", "--name", "Demo"]);
    installation
        .run_with(&["user", "create", "demo", "admin", "--administrator", "--stdin"], "a long password\n");
    installation.run(&["app", "install", "demo", &folder.path().to_string_lossy()]);
    let commands: [&[&str]; 4] = [
        &["--json", "tenant", "list"],
        &["--json", "user", "list", "demo"],
        &["--json", "app", "list", "demo"],
        &["--json", "verify", "demo"],
    ];
    let alone: Vec<String> = commands.iter().map(|command| installation.run(command)).collect();
    let server = installation.serve();
    let beside: Vec<String> = commands.iter().map(|command| installation.run(command)).collect();
    assert_eq!(alone, beside);
    assert_eq!(json(&alone[2])[0]["id"], "notes");
    drop(server);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let installation = Installation::new();
    let _server = installation.serve();
    let second = installation.try_run(&["--language", "zh-CN", "serve", "--listen", "127.0.0.1:0"], "");
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("已有其他进程"), "{second:?}");
}

#[test]
#[cfg(unix)]
fn the_operators_file_is_private_and_gone_after_a_stop() {
    use std::os::unix::fs::PermissionsExt;
    let installation = Installation::new();
    let file = installation.data().join("operator.json");
    let server = installation.serve();
    let mode = std::fs::metadata(&file).expect("a server runs").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.stop();
    assert!(!file.exists());
}

#[test]
fn a_check_names_file_place_and_reason() {
    let installation = Installation::new();
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    app(folder.path());
    let path = folder.path().to_string_lossy().into_owned();
    installation.run(&["app", "check", &path]);
    let broken =
        r#"{"id": "note", "label": "Note", "fields": [{"id": "title", "label": "Title", "type": "txet"}]}"#;
    write(folder.path(), "entities/note.json", broken);
    let output = installation.try_run(&["--json", "app", "check", &path], "");
    assert!(!output.status.success());
    let report = json(&String::from_utf8_lossy(&output.stdout));
    let problem = &report["problems"][0];
    assert!(problem["file"].as_str().is_some_and(|file| file.ends_with("entities/note.json")), "{report}");
    assert!(problem["pointer"].as_str().is_some_and(|pointer| pointer.starts_with("/fields/0")), "{report}");
    write(folder.path(), "app.json", "{");
    let output = installation.try_run(&["--language", "zh-CN", "app", "check", &path], "");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("app.json") && text.chars().any(|c| c > '\u{4e00}'), "{text}");
}

#[test]
fn an_installed_app_exports_to_the_same_folder() {
    let installation = Installation::new();
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    let out = tempfile::tempdir().expect("the system has a temporary folder");
    app(folder.path());
    installation.run(&["tenant", "create", "demo"]);
    installation.run(&["app", "install", "demo", &folder.path().to_string_lossy()]);
    installation.run(&["app", "export", "demo", "notes", &out.path().to_string_lossy()]);
    let plan = installation.run(&["--json", "app", "diff", "demo", &out.path().to_string_lossy()]);
    assert_eq!(json(&plan)["changes"], serde_json::json!([]));
}

#[test]
fn what_an_upgrade_left_behind_is_listed_and_dropped_only_when_told_so() {
    let installation = Installation::new();
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    app(folder.path());
    let path = folder.path().to_string_lossy().into_owned();
    installation.run(&["tenant", "create", "demo"]);
    installation.run(&["app", "install", "demo", &path]);
    write(folder.path(), "app.json", r#"{"id": "notes", "version": "2.0.0", "label": "Notes"}"#);
    let other =
        r#"{"id": "note", "label": "Note", "fields": [{"id": "text", "label": "Text", "type": "text"}]}"#;
    write(folder.path(), "entities/note.json", other);
    installation.run(&["app", "install", "demo", &path, "--confirm", "notes.note.title"]);
    let listed = installation.run(&["app", "purge", "demo", "notes"]);
    assert!(listed.contains("notes__note._old_title") && listed.contains("--yes"), "{listed}");
    let kept = json(&installation.run(&["--json", "app", "purge", "demo"]));
    assert_eq!((&kept[0]["key"], &kept[0]["rows"]), (&"notes.note.title".into(), &0.into()));
    installation.run(&["app", "purge", "demo", "notes", "--yes"]);
    assert_eq!(json(&installation.run(&["--json", "app", "purge", "demo"])), serde_json::json!([]));
    // Nothing was in it, so that nothing is missed on the way back.
    installation.run(&["app", "rollback", "demo", "notes", "--confirm", "notes.note.text"]);
    installation.run(&["verify", "demo"]);
}

#[test]
fn a_token_of_the_command_line_opens_the_api() {
    let installation = Installation::new();
    installation.run(&["tenant", "create", "demo"]);
    installation
        .run_with(&["user", "create", "demo", "admin", "--administrator", "--stdin"], "a long password\n");
    let token = json(&installation.run(&["--json", "user", "token", "demo", "admin"]));
    let token = token["token"].as_str().expect("it is shown once").to_owned();
    let server = installation.serve();
    let mut client = server.client().with_token(&token);
    client.get("/t/demo/api/v1/users").expect("the server answers").expect(200);
    let refused =
        client.json("POST", "/t/demo/api/v1/users", &serde_json::json!({})).expect("the server answers");
    assert_eq!(refused.expect(403).json()["code"], "token.scope_missing");
}

#[test]
fn schemas_are_written_for_editors() {
    let installation = Installation::new();
    let kinds = installation.run(&["schema"]);
    for kind in kinds.lines() {
        let schema = json(&installation.run(&["schema", kind]));
        assert!(schema["$schema"].as_str().is_some_and(|uri| uri.contains("2020-12")), "{kind}");
    }
    assert!(kinds.lines().count() >= 8, "{kinds}");
    assert!(!installation.try_run(&["schema", "nothing"], "").status.success());
}

#[test]
fn mistakes_are_told_on_the_error_output_with_a_failing_exit() {
    let installation = Installation::new();
    for command in [
        &["user", "list", "nobody"][..],
        &["tenant", "create", "Not A Slug"],
        &["tenant", "remove", "demo", "--confirm", "other"],
        &["app", "install", "nobody", "/nowhere"],
        &["verify", "nobody"],
    ] {
        let output = installation.try_run(command, "");
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.trim().is_empty() && !told.contains("error."), "{command:?}: {told}");
    }
    assert_eq!(installation.try_run(&["fly"], "").status.code(), Some(2));
}

#[test]
fn a_changed_audit_entry_is_found_by_verify() {
    let installation = Installation::new();
    installation.run(&["tenant", "create", "demo"]);
    installation
        .run_with(&["user", "create", "demo", "admin", "--administrator", "--stdin"], "a long password\n");
    installation.run(&["verify"]);
    let database = installation.data().join("tenants/demo/tenant.db");
    let connection = rusqlite::Connection::open(database).expect("it is a SQLite file");
    let changed = connection
        .execute("UPDATE _audit SET action = 'nothing' WHERE seq = 1", [])
        .expect("there is an audit");
    assert_eq!(changed, 1);
    drop(connection);
    let output = installation.try_run(&["verify", "demo"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("demo"), "{output:?}");
}

/// Two scenarios of the small app: a good one, and one that expects a title which another does not have.
fn scenarios(folder: &Path) {
    app(folder);
    let scenario = |id: &str, title: &str| {
        serde_json::json!({
            "id": id, "label": id, "starts": "2026-03-02T09:00:00+08:00", "people": {},
            "steps": [
                {"type": "create", "entity": "note", "as": "first", "values": {"title": "One"}},
                {"type": "expect", "record": "$first", "values": {"title": title}},
            ],
        })
    };
    write(folder, "scenarios/good.json", &scenario("good", "One").to_string());
    write(folder, "scenarios/wrong.json", &scenario("wrong", "Two").to_string());
}

#[test]
fn scenarios_of_folders_and_of_tenants_are_run_and_a_failure_tells_what_happened() {
    let installation = Installation::new();
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    scenarios(folder.path());
    let path = folder.path().to_string_lossy().into_owned();
    installation.run(&["tenant", "create", "demo"]);
    installation.run(&["app", "install", "demo", &path]);
    for whose in [vec![&*path], vec!["--tenant", "demo"], vec!["--tenant", "demo", "--app", "notes"]] {
        let command = |more: &[&'static str]| {
            let all: Vec<&str> =
                ["--language", "en", "app", "test"].into_iter().chain(whose.clone()).collect();
            installation.try_run(&[&all[..], more].concat(), "")
        };
        let good = command(&["--scenario", "good"]);
        let text = String::from_utf8_lossy(&good.stdout);
        assert!(good.status.success() && text.contains("✓ notes.good"), "{good:?}");
        let all = command(&[]);
        let text = String::from_utf8_lossy(&all.stdout);
        assert_eq!(all.status.code(), Some(1));
        let reason = "✗ notes.wrong  wrong\n    Step 2 (/steps/1): title is \"One\"; \"Two\" was expected.\n";
        assert!(text.contains(reason), "{text}");
        assert!(
            text.contains("2026-03-02 09:00:00  $first  system  record.created  title: – → One"),
            "{text}"
        );
        assert!(String::from_utf8_lossy(&all.stderr).contains("1 of 2 scenarios fail."), "{all:?}");
        let program = command(&["--json"]);
        let report = json(&String::from_utf8_lossy(&program.stdout));
        assert_eq!(report["failed"], 1);
        assert_eq!(report["scenarios"][1]["failure"]["code"], "scenario.value");
        assert_eq!(command(&["--scenario", "none"]).status.code(), Some(1));
    }
    let both = installation.try_run(&["app", "test", &path, "--tenant", "demo"], "");
    assert_eq!(both.status.code(), Some(2));
}

/// Makes a tenant whose time is moved without a server, beside one and after a restart, and looks at it from all nodes.
fn check_test_clock(installation: &Installation) {
    installation.run(&["tenant", "create", "lab", "--test-clock"]);
    installation.run(&["tenant", "create", "demo"]);
    installation
        .run_with(&["user", "create", "lab", "admin", "--administrator", "--stdin"], "a long password\n");
    let told = installation.run(&["--language", "en", "tenant", "advance", "lab", "25h"]);
    assert!(told.starts_with("In tenant lab it is now 20"), "{told}");
    let refused = installation.try_run(&["--language", "en", "tenant", "advance", "demo", "1h"], "");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && told.contains("real time") && told.contains("--test-clock"),
        "{told}"
    );
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    app(folder.path());
    installation.run(&["app", "install", "lab", &folder.path().to_string_lossy()]);
    let token = json(
        &installation
            .run(&["--json", "user", "token", "lab", "admin", "--scope", "read", "--scope", "write"]),
    );
    let token = token["token"].as_str().expect("it is shown once").to_owned();
    let nodes: Vec<Installation> =
        installation.postgres().map(|_| installation.beside()).into_iter().collect();
    let servers: Vec<_> = std::iter::once(installation).chain(&nodes).map(Installation::serve).collect();
    let age = |server: &mortise_tests::Server| {
        let mut client = server.client().with_token(&token);
        let made =
            client.json("POST", "/t/lab/api/v1/records/notes.note", &serde_json::json!({"title": "a"}));
        let made = made.expect("the server answers").expect(201).json();
        let path = format!("/t/lab/api/v1/records/notes.note/{}", made["id"].as_str().unwrap_or_default());
        let note = client.get(&path).expect("the server answers").expect(200).json();
        let at: Option<chrono::DateTime<chrono::Utc>> =
            note["created_at"].as_str().and_then(|at| at.parse().ok());
        let at = at.expect("a note was made at some moment");
        (at - chrono::Utc::now()).num_hours()
    };
    assert!(servers.iter().all(|server| (24..=25).contains(&age(server))));
    installation.run(&["tenant", "advance", "lab", "1d"]);
    for server in &servers {
        // Another node hears of it in a moment.
        let heard = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            (48..=49).contains(&age(server))
        });
        assert!(heard, "a node lives in another time");
    }
    servers.into_iter().for_each(mortise_tests::Server::stop);
    let tenants = json(&installation.run(&["--json", "tenant", "list"]));
    let ahead: Vec<&Value> = tenants.as_array().expect("rows").iter().map(|row| &row["test_clock"]).collect();
    assert_eq!((ahead[0], &ahead[1]["ahead_seconds"]), (&Value::Null, &Value::from(49 * 3600)));
}

#[test]
fn the_time_of_a_test_tenant_is_the_same_for_all_and_survives_a_restart_on_sqlite() {
    check_test_clock(&Installation::new());
}

#[test]
fn the_time_of_a_test_tenant_is_the_same_for_all_and_survives_a_restart_on_postgresql() {
    if let Some(url) = mortise_tests::postgres() {
        check_test_clock(&Installation::on(Some(&url)));
    }
}

#[test]
fn the_next_days_of_a_tenant_are_simulated_without_a_trace() {
    let installation = Installation::new();
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    app(folder.path());
    let clock = serde_json::json!({
        "id": "read", "label": "Reading", "entity": "note", "start": "record.title != ''",
        "stop": "record.title == ''", "limit": "hours(settings.hours)",
    });
    let manifest = serde_json::json!({"id": "notes", "version": "1.0.0", "label": "Notes",
        "settings": {"hours": {"type": "integer", "label": "Hours", "default": 100}}});
    write(folder.path(), "app.json", &manifest.to_string());
    write(folder.path(), "slas/read.json", &clock.to_string());
    let path = folder.path().to_string_lossy().into_owned();
    installation.run(&["tenant", "create", "demo"]);
    installation
        .run_with(&["user", "create", "demo", "admin", "--administrator", "--stdin"], "a long password\n");
    installation.run(&["app", "install", "demo", &path]);
    let token = json(&installation.run(&["--json", "user", "token", "demo", "admin", "--scope", "write"]));
    let token = token["token"].as_str().expect("it is shown once").to_owned();
    let server = installation.serve();
    let mut client = server.client().with_token(&token);
    let note = serde_json::json!({"title": "Milk"});
    client.json("POST", "/t/demo/api/v1/records/notes.note", &note).expect("the server answers").expect(201);
    let simulate = |more: &[&str]| {
        let all = [&["--language", "en", "tenant", "simulate", "demo", "--days", "2"], more].concat();
        installation.run(&all)
    };
    // The server does it where it runs, and the command itself where none does.
    let nothing = simulate(&[]);
    assert!(nothing.contains("Nothing happens by itself"), "{nothing}");
    server.stop();
    let late = simulate(&["--setting", "notes.hours=10"]);
    assert!(late.contains("1 records copied") && late.contains("Reading"), "{late}");
    assert!(late.contains("(limit passed)"), "{late}");
    write(folder.path(), "slas/read.json", &clock.to_string().replace("settings.hours", "1"));
    let report = json(&simulate(&["--json", "--app", &path]));
    assert_eq!(report["totals"]["breached"], 1, "{report}");
    let wrong =
        installation.try_run(&["tenant", "simulate", "demo", "--days", "2", "--setting", "hours"], "");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(!installation.data().join("sandboxes").join("demo").exists());
    installation.run(&["verify", "demo"]);
}

#[test]
fn plugins_are_compiled_by_a_process_of_their_own_and_looked_after_from_the_command_line() {
    let installation = Installation::new();
    installation.run(&["tenant", "create", "demo", "--name", "Demo"]);
    let museum = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/plugin-host/tests/museum");
    let package = museum.join("rust-0.1.0-similarity.plugin");
    let package = package.to_string_lossy();
    let seen = json(&installation.run(&["--json", "plugin", "inspect", "demo", &package]));
    assert_eq!(seen["id"], "mortise.similarity");
    assert_eq!(json(&installation.run(&["--json", "plugin", "list", "demo"])), Value::Array(Vec::new()));
    let report = json(&installation.run(&["--json", "plugin", "install", "demo", &package, "--grant-all"]));
    assert_eq!(report["standing"], "in_force", "{report}");
    let state = || json(&installation.run(&["--json", "plugin", "list", "demo"]))[0]["state"].clone();
    assert_eq!(state(), "on");
    installation.run(&["plugin", "disable", "demo", "mortise.similarity"]);
    assert_eq!(state(), "off");
    let server = installation.serve();
    installation.run(&["plugin", "enable", "demo", "mortise.similarity"]);
    assert_eq!(state(), "on");
    assert_eq!(
        json(&installation.run(&["--json", "plugin", "runs", "demo", "mortise.similarity"])),
        Value::Array(Vec::new())
    );
    let back = installation.try_run(&["plugin", "rollback", "demo", "mortise.similarity"], "");
    assert!(!back.status.success());
    installation.run(&["plugin", "remove", "demo", "mortise.similarity"]);
    assert_eq!(json(&installation.run(&["--json", "plugin", "list", "demo"])), Value::Array(Vec::new()));
    drop(server);
    let worker = installation.try_run(&["plugin-compile", "serving", "2000000000"], "no component");
    assert!(!worker.status.success() && worker.stdout.is_empty(), "{worker:?}");
    assert!(!installation.run(&["--help"]).contains("plugin-compile"), "it is nothing for people");
}

#[test]
fn a_server_does_not_start_with_settings_for_plugins_that_it_cannot_understand() {
    let installation = Installation::new();
    installation.run(&["tenant", "create", "demo", "--name", "Demo"]);
    write(installation.data(), "plugins.json", r#"{"limits": {"save": {"cpu": 7}}}"#);
    let refused = installation.try_run(&["serve", "--listen", "127.0.0.1:0"], "");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("plugins.json") && said.contains("cpu"), "{said}");
}
