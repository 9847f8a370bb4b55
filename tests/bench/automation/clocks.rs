//! Clocks that run are worked out anew after their calendar has changed: every one of them gets another limit and other
//! timers, and its record's timeline says so.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mortise_tests::Server;
use serde_json::{Value, json};

use super::eye::Eye;
use super::{APP, Sizes, csv, database, installed, nothing_failed, until};
use crate::place::import;
use crate::report::{Figures, Goal, Table, Unit, grouped};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Loads records with clocks, publishes another calendar, and measures until all clocks count by it.
pub(super) fn measure(table: &mut Table, sizes: Sizes) -> Result<()> {
    let installation = installed(None);
    let server = installation.serve();
    let records = installation.data().join("tickets.csv");
    csv(&records, "name,answered", (0..sizes.clocks).map(|number| format!("Ticket {number},false")))?;
    import(&server, "flow.ticket", &records)?;
    let mut eye = Eye::sqlite(&database(&installation, "demo"))?;
    until(&mut eye, PAUSE, Eye::is_idle)?;
    let running = "SELECT count(*) FROM {_clock} WHERE state = 'running' AND due_at IS NOT NULL";
    let running = eye.number(running)?;
    ensure!(running == i64::try_from(sizes.clocks)?, "{running} of {} clocks run", sizes.clocks);

    let reckoning = "SELECT count(*) FROM {_audit} WHERE action = 'clock.limit_changed'";
    let started = Instant::now();
    publish(&server)?;
    let renewing = "SELECT count(*) FROM {_timer} WHERE record IS NULL AND kind = 'renewal'";
    let mut begun = false;
    until(&mut eye, PAUSE, |eye| {
        let left = eye.number(renewing)?;
        begun |= left > 0;
        Ok(left == 0 && (begun || eye.number(reckoning)? > 0))
    })?;
    let seconds = started.elapsed().as_secs_f64();
    nothing_failed(&mut eye)?;
    let changed = eye.number(reckoning)?;
    ensure!(changed == running, "{changed} of {running} clocks have another limit");
    let line = format!("{} clocks after a change of their calendar", grouped(sizes.clocks as f64));
    table.add(&line, Unit::Seconds, Goal::AtMost(10.0), Figures::of(seconds));
    Ok(())
}

/// Brings the app into force once more, with a shorter day for everybody.
fn publish(server: &Server) -> Result<()> {
    let mut files = BTreeMap::new();
    read(&mortise_tests::server::workspace().join(APP), "", &mut files)?;
    let calendar = "calendars/work.json";
    let shorter = files[calendar].replace("18:00", "17:00");
    ensure!(shorter != files[calendar], "the calendar is another one than this expects");
    files.insert(calendar.to_owned(), shorter);
    let mut app: Value = serde_json::from_str(&files["app.json"])?;
    app["version"] = json!("1.0.1");
    files.insert("app.json".to_owned(), app.to_string());
    let answer = server.administrator().json("POST", "/t/demo/api/v1/apps", &json!({"files": files}))?;
    ensure!((200..300).contains(&answer.status), "the app was not published: {}", answer.text());
    Ok(())
}

/// The files of a folder by their paths within it.
fn read(folder: &Path, within: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{within}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}
