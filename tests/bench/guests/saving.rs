//! What a plugin with a `before-save` and a validator costs saves: the same load with and without it, one after the other in
//! the same installation, so that both meet the same machine and the same number of records.

use anyhow::Result;

use super::Sizes;
use super::packages;
use super::sheet::{About, Goal, Sheet};
use crate::load::Load;
use crate::place::Place;
use crate::report::Unit;

/// Records of the installation: what is there already makes no difference to a save.
const RECORDS: usize = 10_000;

/// The loads: script, connections, words.
const LOADS: [(&str, usize, &str); 2] =
    [("create", 64, "create, 64 connections"), ("update", 16, "update one field, 16 connections")];

/// Measures on one database.
pub(super) fn measure(
    sheet: &mut Sheet,
    sizes: &Sizes,
    load: &Load,
    postgres: Option<&str>,
    guard: &[u8],
) -> Result<()> {
    let (mut place, _) = Place::new(postgres, RECORDS)?;
    place.settle()?;
    place.install_plugin(guard)?;
    let mut figures: [Vec<(f64, Option<f64>)>; LOADS.len()] = Default::default();
    for _ in 0..sizes.runs {
        for ((script, connections, _), figures) in LOADS.iter().zip(&mut figures) {
            let rate = |on: bool| -> Result<f64> {
                place.switch_plugin(packages::GUARD, on)?;
                Ok(load.measure(&place.workload(script, *connections))?.per_second)
            };
            let without = rate(false)?;
            figures.push((rate(true)?, Some(without)));
        }
    }
    let database = if postgres.is_some() { " (PostgreSQL)" } else { "" };
    for ((_, _, words), runs) in LOADS.iter().zip(figures) {
        let what = format!("saves with a validator and a before-save hook: {words}{database}");
        let goals = &[Goal::TimesAtLeast(0.7)];
        sheet.add(About { what, beside: "without", unit: Unit::PerSecond, goals }, runs);
    }
    Ok(())
}
