//! Tenants that nobody uses cost next to nothing: they are looked into once, closed, and opened again when somebody comes
//! or when their time has come.

use std::time::{Duration, Instant};

use mortise_tests::{Installation, Server};
use serde_json::json;

/// Enough to see what each one costs; `MORTISE_IDLE_TENANTS` measures with more.
const TENANTS: usize = 120;
/// A debug build on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn tenants() -> usize {
    std::env::var("MORTISE_IDLE_TENANTS").ok().and_then(|count| count.parse().ok()).unwrap_or(TENANTS)
}

/// Copies the tenant `demo`: its file, and its row of the control plane.
fn copy_tenants(installation: &Installation, count: usize) {
    let data = installation.data();
    let source = rusqlite::Connection::open(data.join("tenants/demo/tenant.db")).expect("the file opens");
    source.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("the log can be taken over");
    drop(source);
    let mut control = rusqlite::Connection::open(data.join("control.db")).expect("the file opens");
    let transaction = control.transaction().expect("nobody else writes");
    let columns = "name, host, language, time_zone, placement, suspended, created_at, clock_ahead";
    for number in 0..count {
        let slug = format!("copy-{number}");
        let folder = data.join("tenants").join(&slug);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::copy(data.join("tenants/demo/tenant.db"), folder.join("tenant.db"))
            .expect("the file can be copied");
        let mut id = vec![0_u8; 16];
        id[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
        let sql = format!(
            "INSERT INTO tenants (id, slug, {columns}) SELECT ?1, ?2, {columns} FROM tenants WHERE slug = 'demo'"
        );
        transaction.execute(&sql, rusqlite::params![id, slug]).expect("the row can be made");
    }
    transaction.commit().expect("nobody else writes");
}

fn figure(server: &Server, name: &str) -> i64 {
    let text = server.client().get("/metrics").expect("the server answers").expect(200).text();
    let line = text.lines().find(|line| line.split(' ').next() == Some(name));
    let value = line.and_then(|line| line.split(' ').nth(1)).unwrap_or_else(|| panic!("no {name} in {text}"));
    value.parse().expect("a number")
}

/// Open files and threads of the process, and kB of its memory.
fn process(server: &Server) -> [usize; 3] {
    let folder = std::path::PathBuf::from(format!("/proc/{}", server.process_id()));
    let files = std::fs::read_dir(folder.join("fd")).map_or(0, Iterator::count);
    let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    [files, of("Threads:"), of("VmRSS:")]
}

fn wait(what: &str, until: impl Fn() -> bool) {
    let begun = Instant::now();
    while !until() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn record(server: &Server, tenant: &str, token: &str, name: &str) {
    let path = format!("/t/{tenant}/api/v1/records/lab.thing");
    let answer = server.client().with_token(token).json("POST", &path, &json!({ "name": name }));
    answer.expect("the server answers").expect(201);
}

/// Log entries of the tenant, without asking the server for it.
fn logs(installation: &Installation) -> i64 {
    let file = rusqlite::Connection::open(installation.data().join("tenants/demo/tenant.db"))
        .expect("the file opens");
    file.query_row("SELECT count(*) FROM lab__log", [], |row| row.get(0)).expect("the entries can be counted")
}

/// Things whose clock makes a log entry after a minute.
fn write_app(folder: &std::path::Path) {
    let words = |en: &str| json!({"en": en, "zh-CN": en});
    let name = json!({"id": "name", "label": words("Name"), "type": "text", "required": true});
    let note = json!({"id": "note", "label": words("Note"), "type": "text"});
    let step = json!({"id": "later", "label": words("Later"), "base": "start", "offset": "minutes(1)", "do": [
        {"type": "create", "entity": "log", "values": {"name": "record.name"}}]});
    let files = [
        ("app.json", json!({"id": "lab", "version": "1.0.0", "label": words("Lab")})),
        (
            "entities/thing.json",
            json!({"id": "thing", "label": words("Thing"), "title": "name", "fields": [name, note]}),
        ),
        ("entities/log.json", json!({"id": "log", "label": words("Log"), "title": "name", "fields": [name]})),
        (
            "slas/later.json",
            json!({"id": "later", "label": words("Later"), "entity": "thing", "start": "record.name != 'quiet'",
                "stop": "record.name == 'stop'", "limit": "hours(1)", "ladder": [step]}),
        ),
        (
            "rules/fail.json",
            json!({"id": "fail", "label": words("Fail"), "entity": "thing", "on": [{"type": "created"}],
                "condition": "record.name == 'broken'", "do": [{"type": "set", "values": {"name": "record.note"}}]}),
        ),
    ];
    for (name, json) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("a folder can be made");
        std::fs::write(path, json.to_string()).expect("a file can be written");
    }
}

#[test]
fn tenants_that_nobody_uses_hold_no_file_no_task_and_no_memory() {
    let installation = Installation::new();
    let app = installation.data().join("lab-app");
    write_app(&app);
    installation.tenant(&[&app.to_string_lossy()]);
    let settings = [("MORTISE_TENANT_IDLE_SECONDS", "1")];
    let server = installation.serve_with(&settings);
    let (_, token) = token_of_administrator(&server);
    record(&server, "demo", &token, "quiet");
    wait("the tenant is not closed", || figure(&server, "mortise_tenants_open") == 0);
    let alone = process(&server);
    server.stop();

    let count = tenants();
    copy_tenants(&installation, count);
    let begun = Instant::now();
    let server = installation.serve_with(&settings);
    let started = begun.elapsed();
    record(&server, "demo", &token, "due");
    record(&server, "demo", &token, "broken");
    wait("nothing was parked", || figure(&server, "mortise_work_parked") == 1);
    wait("not all were looked into", || looked_into(&installation) > count);
    wait("not all are closed", || figure(&server, "mortise_tenants_open") == 0);
    let looked = begun.elapsed();
    let beside = process(&server);
    println!(
        "{count} tenants: started in {started:.2?}, all looked into in {looked:.2?}; \
         [files, threads, kB] with one {alone:?}, with all {beside:?}"
    );
    assert!(beside[0] <= alone[0] + 16, "files: {alone:?} {beside:?}");
    assert!(beside[2] <= alone[2] + 64 * 1024 + count * 10, "memory: {alone:?} {beside:?}");
    assert_eq!(
        figure(&server, "mortise_work_parked"),
        1,
        "what a closed tenant left undone is still counted"
    );

    // Nobody asks for the one that has something to do after a minute; it is opened all the same.
    wait("the steps did not come", || logs(&installation) == 2);
    wait("the lane is behind", || figure(&server, "mortise_lane_events_behind") == 0);
    server.stop();
    installation.run(&["verify", "demo"]);
}

/// Tenants whose lanes were looked after at least once.
fn looked_into(installation: &Installation) -> usize {
    let control = rusqlite::Connection::open(installation.data().join("control.db")).expect("the file opens");
    let count = control.query_row("SELECT count(*) FROM lanes", [], |row| row.get::<_, i64>(0));
    count.ok().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

fn token_of_administrator(server: &Server) -> (String, String) {
    let mut administrator = server.administrator();
    let (id, token) = mortise_tests::people::person(&mut administrator, "writer", &[]);
    let users = administrator.get("/t/demo/api/v1/users").expect("the server answers").expect(200).json();
    let rows = users["rows"].as_array().expect("rows").iter();
    let user = rows
        .filter(|user| user["login"] == "writer")
        .map(|user| user["id"].as_str().unwrap_or_default())
        .next();
    let path = format!("/t/demo/api/v1/users/{}", user.expect("the writer is there"));
    administrator
        .json("PATCH", &path, &json!({"administrator": true}))
        .expect("the server answers")
        .expect(200);
    (id, token)
}
