//! Figures for expressions and templates: the root `measures`, over all records, read inside a write. What was read is
//! kept only until the next event of that write, so that no condition ever sees an old figure.

use std::collections::HashMap;

use mortise_definition::model::FigureUseModel;
use mortise_expr::{Decimal, Value};
use mortise_store::Session;
use parking_lot::Mutex;
use uuid::Uuid;

use super::{MetricQuery, find, read_all};
use crate::automation::Subject;
use crate::commands::Work;
use crate::error::Error;

/// Places of a figure that an expression looks at.
const SCALE: u8 = 6;

/// Figures that were read in one write; a thousand records of a schedule ask for the same total once.
#[derive(Debug, Default)]
pub(crate) struct FigureCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Events of the write when they were read.
    events: usize,
    figures: HashMap<Key, Option<f64>>,
}

/// Metric, the person through whose eyes it is asked, and the values that dimensions have to have.
type Key = (String, Option<Uuid>, String);

impl FigureCache {
    fn get(&self, events: usize, key: &Key) -> Option<Option<f64>> {
        let kept = self.0.lock();
        kept.figures.get(key).filter(|_| kept.events == events).copied()
    }

    fn put(&self, events: usize, key: Key, figure: Option<f64>) {
        let mut kept = self.0.lock();
        if kept.events != events {
            *kept = Kept { events, figures: HashMap::new() };
        }
        kept.figures.insert(key, figure);
    }

    /// Something was undone: what was read meanwhile counts no more.
    pub(crate) fn clear(&self) {
        self.0.lock().figures.clear();
    }
}

/// The values of the root `measures` for a record, in the order in which they are named.
pub(crate) fn of(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    uses: &[FigureUseModel],
    subject: &Subject,
) -> Result<Vec<Value>, Error> {
    let mut values = Vec::with_capacity(uses.len());
    for figure in uses {
        let number = one(work, session, app, figure, subject)?;
        let number = if figure.countable { number.or(Some(0.0)) } else { number };
        let value = number.and_then(|number| Decimal::from_f64(number, SCALE));
        values.push(value.map_or(Value::Null, Value::Decimal));
    }
    Ok(values)
}

fn one(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    figure: &FigureUseModel,
    subject: &Subject,
) -> Result<Option<f64>, Error> {
    let mut matching = Vec::with_capacity(figure.matching.len());
    for (slot, value) in &figure.matching {
        matching.push((*slot, subject.eval(work, app, value)?));
    }
    let events = session.added_events().count();
    let key =
        (figure.metric.clone(), work.cause.as_ref().and_then(|cause| cause.actor), format!("{matching:?}"));
    if let Some(known) = work.figures.get(events, &key) {
        return Ok(known);
    }
    let metric = find(work, &figure.metric)?.clone();
    let query = MetricQuery { matching, ..MetricQuery::default() };
    let number = read_all(work, session, &metric, &query)?.first().and_then(|found| found.figure);
    work.figures.put(events, key, number);
    Ok(number)
}
