//! Assignment among two hundred people by six terms, with figures from closed records: ten thousand new records of one
//! import, and whether every capacity was held.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mortise_tests::Client;
use mortise_tests::people::PASSWORD;
use serde_json::json;

use super::eye::Eye;
use super::{Sizes, csv, database, installed, nothing_failed, text, until};
use crate::place::import;
use crate::report::{Figures, Goal, Table, Unit, grouped};

const AREAS: [&str; 5] = ["north", "south", "east", "west", "centre"];
/// What the policy gives to one person in a day at most.
const PER_DAY: i64 = 56;
/// The least that a person can have open; others can have up to fifteen more.
const CAPACITY: usize = 45;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Makes the people and their past, imports new records, and measures until the last is assigned.
pub(super) fn measure(table: &mut Table, sizes: Sizes) -> Result<()> {
    let installation = installed(None);
    let server = installation.serve();
    let mut administrator = server.administrator();
    for number in 0..sizes.people {
        make_person(&mut administrator, number)?;
    }
    let closed = installation.data().join("closed.csv");
    csv(
        &closed,
        "name,state,area,level,days,owner",
        (0..sizes.closed_cases).map(|n| closed_case(n, sizes.people)),
    )?;
    import(&server, "flow.case", &closed)?;
    let file = database(&installation, "demo");
    let mut eye = Eye::sqlite(&file)?;
    until(&mut eye, PAUSE, Eye::is_idle)?;

    let open = installation.data().join("open.csv");
    csv(&open, "name,state,area,level", (0..sizes.cases).map(open_case))?;
    let started = Instant::now();
    import(&server, "flow.case", &open)?;
    let imported = Instant::now();
    let left = eye.number(LEFT)?;
    until(&mut eye, PAUSE, Eye::is_idle)?;
    let (whole, rest) = (started.elapsed().as_secs_f64(), imported.elapsed().as_secs_f64());
    nothing_failed(&mut eye)?;
    drop(server);
    let decided = eye.number("SELECT count(*) FROM {_assignment}")?;
    ensure!(
        decided == i64::try_from(sizes.cases)?,
        "{decided} of {} records were decided about",
        sizes.cases
    );
    held(&file)?;

    let (cases, people) = (grouped(sizes.cases as f64), grouped(sizes.people as f64));
    let line = format!("{cases} records of an import, until all are assigned among {people} people");
    table.add(&line, Unit::Seconds, Goal::AtMost(30.0), Figures::of(whole));
    ensure!(left > 0, "the lane was done before the import was: there is nothing to measure");
    let each = Figures::of(rest * 1e3 / left as f64);
    let line = format!("one assignment among {people} people by six terms, written down");
    table.add(&line, Unit::Milliseconds, Goal::AtMost(2.0), each);
    Ok(())
}

/// New records that the lane has not come to.
const LEFT: &str = "SELECT count(*) FROM {_event} WHERE seq > (SELECT position FROM {_lane}) \
                    AND kind = 'record.created' AND entity = 'flow.case'";

fn make_person(administrator: &mut Client, number: usize) -> Result<()> {
    let login = format!("agent{number}");
    let user = json!({"login": login, "name": login, "password": PASSWORD, "roles": ["flow.agent"]});
    let user = administrator.json("POST", "/t/demo/api/v1/users", &user)?.expect(201).json();
    let profile = json!({
        "name": login, "person": text(&user, "id"), "area": AREAS[number % 5], "level": number % 5 + 1,
        "capacity": CAPACITY + number % 16,
    });
    administrator.json("POST", "/t/demo/api/v1/records/flow.profile", &profile)?.expect(201);
    Ok(())
}

/// A record of the past, of which a third came to something.
fn closed_case(number: usize, people: usize) -> String {
    let state = if (number * 7).is_multiple_of(3) { "won" } else { "lost" };
    let (area, level) = (AREAS[number * 3 % 5], number % 5 + 1);
    format!("Case {number},{state},{area},{level},{},agent{}", number % 29, number * 31 % people)
}

fn open_case(number: usize) -> String {
    format!("New case {number},open,{},{}", AREAS[number % 5], number / 5 % 5 + 1)
}

/// Whether nobody has more than they can have, in the tables as they are.
fn held(file: &Path) -> Result<()> {
    let reader = super::eye::reader(file)?;
    let table = |column: &str| -> Result<String> {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND EXISTS (SELECT 1 FROM \
                   pragma_table_info(sqlite_master.name) AS field WHERE field.name = ?1)";
        Ok(reader.query_row(sql, [column], |row| row.get(0))?)
    };
    let (case, profile) = (table("days")?, table("capacity")?);
    let over = format!(
        "SELECT count(*) FROM \"{profile}\" p WHERE p.capacity < (SELECT count(*) FROM \"{case}\" c \
         WHERE c.owner = p.person AND c.state = 'open' AND c.deleted_at IS NULL)"
    );
    let over: i64 = reader.query_row(&over, [], |row| row.get(0))?;
    ensure!(over == 0, "{over} people have more open records than they can have");
    let most = "SELECT COALESCE(max(number), 0) FROM (SELECT count(*) AS number FROM _assignment \
                WHERE person IS NOT NULL GROUP BY person, day)";
    let most: i64 = reader.query_row(most, [], |row| row.get(0))?;
    ensure!(most <= PER_DAY, "somebody got {most} records in a day");
    Ok(())
}
