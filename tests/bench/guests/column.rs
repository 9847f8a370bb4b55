//! A list of a thousand records with a column that a plugin calculates, beside the same list without it.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use mortise_tests::Client;

use super::sheet::{About, Goal, Sheet};
use super::{Sizes, called, median, packages};
use crate::place::{Place, RECORDS};
use crate::report::Unit;

/// Records of the list: the longest page that there is.
const ROWS: usize = 1_000;
/// The view without the column.
const PLAIN: &str = "plain";
/// Views with a column, by the plugin that calculates it.
const VIEWS: [(&str, &str, &str); 2] = [
    (packages::GUARD, "initials", "list of 1,000 rows with a column of a function"),
    ("mortise.similarity", "core", "the same with a function that works (similarity, company-core)"),
];

/// Measures on SQLite.
pub(super) fn measure(sheet: &mut Sheet, sizes: &Sizes, guard: &[u8]) -> Result<()> {
    // Of three records the person sees two.
    let (mut place, _) = Place::new(None, ROWS * 3 / 2)?;
    place.settle()?;
    place.install_plugin(guard)?;
    let similarity = packages::shipped("similarity").map(std::fs::read).transpose()?;
    similarity.as_deref().map_or(Ok(()), |package| place.install_plugin(package))?;
    for (plugin, view, what) in
        VIEWS.iter().filter(|(plugin, ..)| *plugin == packages::GUARD || similarity.is_some())
    {
        let mut client = place.client();
        // Once each, so that the plugin is loaded and the pages of the file are at hand.
        list(&mut client, PLAIN, None)?;
        list(&mut client, view, Some(view))?;
        let before = called(&place, plugin)?;
        let run = |_| -> Result<(f64, Option<f64>)> {
            let (mut with, mut without) = (Vec::new(), Vec::new());
            for _ in 0..sizes.lists {
                without.push(list(&mut client, PLAIN, None)?);
                with.push(list(&mut client, view, None)?);
            }
            Ok((median(with), Some(median(without))))
        };
        let runs = (0..sizes.runs.max(3)).map(run).collect::<Result<Vec<_>>>()?;
        let lists = (runs.len() * sizes.lists) as f64;
        let instances = (called(&place, plugin)? - before) / lists;
        let about = |what: String, beside, unit, goals| About { what, beside, unit, goals };
        sheet.add(
            about((*what).to_owned(), "without the column", Unit::Milliseconds, &[Goal::Above(2.0)]),
            runs,
        );
        let line = about(format!("{what}: instances for one list"), "", Unit::Number, &[Goal::AtMost(1.0)]);
        sheet.add(line, vec![(instances, None)]);
    }
    Ok(())
}

/// Milliseconds of one list. `column` is looked at when it is named: a figure of empty cells is worth nothing.
fn list(client: &mut Client, view: &str, column: Option<&str>) -> Result<f64> {
    let begin = Instant::now();
    let answer = client.get(&format!("{RECORDS}?view={view}&limit={ROWS}"))?.expect(200);
    let millis = begin.elapsed().as_secs_f64() * 1e3;
    if let Some(column) = column {
        let answer = answer.json();
        let rows = answer["rows"].as_array().context("a list has rows")?;
        ensure!(rows.len() == ROWS, "the list has {} rows", rows.len());
        ensure!(rows.iter().all(|row| row[column].is_string()), "a cell is empty: {}", rows[0]);
    }
    Ok(millis)
}
