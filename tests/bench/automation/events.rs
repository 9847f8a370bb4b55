//! Events through a rule with two actions in one tenant: each new record is changed, and another one is made for it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mortise_tests::Installation;

use super::bare::Bare;
use super::eye::Eye;
use super::{ITEMS, Sizes, csv, database, installed, nothing_failed, until};
use crate::place::import;
use crate::report::{Figures, Goal, Table, Unit};

/// Between two looks at how far the lane is.
const PAUSE: Duration = Duration::from_millis(2);

/// New records of the rule that the lane has not come to.
const LEFT: &str = "SELECT count(*) FROM {_event} WHERE seq > (SELECT position FROM {_lane}) \
                    AND kind = 'record.created' AND entity = 'flow.item'";

/// Loads records and measures how fast the lane works them off, from the end of the load on.
pub(super) fn measure(table: &mut Table, server: Option<&str>, sizes: Sizes) -> Result<()> {
    let installation = installed(server);
    let running = installation.serve();
    let file = installation.data().join("items.csv");
    csv(&file, "name,status,phone,company,amount,quantity,note", (0..sizes.events).map(item))?;
    import(&running, ITEMS, &file)?;

    let mut eye = look_into(&installation)?;
    // The lane goes on while this is counted, so the time begins before.
    let started = Instant::now();
    let left = eye.number(LEFT)?;
    until(&mut eye, PAUSE, Eye::is_idle)?;
    let seconds = started.elapsed().as_secs_f64();
    nothing_failed(&mut eye)?;
    let made = "SELECT count(*) FROM {_event} WHERE kind = 'record.created' AND entity = 'flow.follow_up'";
    let made = eye.number(made)?;
    ensure!(made == i64::try_from(sizes.events)?, "{made} records were made");
    ensure!(left > 0, "the lane was done before the load was: there is nothing to measure");

    drop(running);
    let driver = match server {
        None => Some(Bare::new(&database(&installation, "demo"))?.rate(usize::try_from(left)?)?),
        Some(_) => None,
    };
    let figures = Figures { driver, ..Figures::of(left as f64 / seconds) };
    table.add("events through a rule with two actions", Unit::PerSecond, Goal::AtLeast(3_000.0), figures);
    Ok(())
}

fn look_into(installation: &Installation) -> Result<Eye> {
    match installation.postgres() {
        Some(url) => Eye::postgres(url),
        None => Eye::sqlite(&database(installation, "demo")),
    }
}

/// A record as a line of a file.
fn item(number: usize) -> String {
    format!(
        "Item {number},new,+86138{:08},Example {number} Ltd,{}.50,{},Loaded before measuring",
        number % 100_000_000,
        number % 100_000,
        number % 100
    )
}
