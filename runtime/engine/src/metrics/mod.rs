//! Metrics (PLAT-23): figures over records, defined once, compiled to SQL and read within the scope of whoever asks.

mod figures;
mod statement;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use mortise_definition::model::{EntityModel, MeasureModel, MetricModel, Slot};
use mortise_definition::source::{Grain, Operation, Window};
use mortise_expr::Value;
use mortise_store::{Session, TenantStore};
use sea_query::Expr;

use crate::commands::Work;
use crate::error::Error;
use crate::kept::{Ground, Kept, minute};
use crate::values::Issue;
use statement::Asked;

pub(crate) use figures::{FigureCache, of as figures};
pub(crate) use window::{midnight, start};

/// Most groups of one answer; a chart with more says nothing, and memory stays bounded.
pub const GROUPS_MAX: u64 = 2_000;

/// Most groups that get a figure for each step; more lines than that are a thicket.
const EVEN_MAX: usize = 24;

/// Answers of the parts of metrics, as they were last worked out.
pub(crate) type Answers = Kept<Vec<statement::Answer>>;

/// What is asked of a metric.
#[derive(Debug, Clone, Default)]
pub struct MetricQuery {
    /// Fields by which it is broken down, among the metric's dimensions.
    pub by: Vec<Slot>,
    /// Steps of time by which it is broken down.
    pub per: Option<Grain>,
    /// Another span of time than the metric's.
    pub window: Option<Window>,
    /// Values of dimensions.
    pub matching: Vec<(Slot, Value)>,
    /// Nodes of trees: records of these, and of all below them.
    pub under: Vec<(Slot, String)>,
    /// Trees are broken down by their uppermost nodes instead of each by itself.
    pub uppermost: bool,
    /// Every group has a figure for each step, not only those with records; few groups only.
    pub even: bool,
    /// Only so many groups, those with the highest figures.
    pub best: Option<u64>,
}

impl MetricQuery {
    /// All fields that it asks about.
    pub(crate) fn dimensions(&self) -> impl Iterator<Item = Slot> {
        let matching = self.matching.iter().map(|(slot, _)| *slot);
        self.by.iter().copied().chain(matching).chain(self.under.iter().map(|(slot, _)| *slot))
    }
}

/// A figure of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Figured {
    /// Values of the fields of `by`.
    pub group: Vec<Value>,
    /// First day of the step.
    pub step: Option<NaiveDate>,
    /// The figure; none without records, or where a divisor is zero.
    pub figure: Option<f64>,
}

/// A figure of everything, and the same of the span of time before.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Trend {
    /// The figure; none without records, or where a divisor is zero.
    pub figure: Option<f64>,
    /// How it was: of the days before the last so many days, of the month before up to the same moment.
    pub before: Option<f64>,
}

/// The metric of a key.
pub(crate) fn find<'a>(work: &'a Work, key: &str) -> Result<&'a Arc<MetricModel>, Error> {
    let found = work.model().automation.metrics.get(key);
    found.ok_or_else(|| Error::NotFound(Issue::new("metric.not_found").with("metric", key)))
}

/// Reads a metric within the scope of the person.
pub(crate) async fn read(
    work: &Work,
    (store, kept): (&TenantStore, &Answers),
    metric: &MetricModel,
    query: &MetricQuery,
) -> Result<Vec<Figured>, Error> {
    let parts = parts(work, metric)?;
    let span = Span::of(work, metric, query);
    let answers = answers(work, (store, kept), metric, &parts, query, &span).await?;
    Ok(together(metric, &parts, query, answers, &span))
}

/// Reads a figure of everything and that of the span of time before, by one statement for each part of the metric.
pub(crate) async fn read_trend(
    work: &Work,
    (store, kept): (&TenantStore, &Answers),
    metric: &MetricModel,
    query: &MetricQuery,
) -> Result<Trend, Error> {
    let Some(window) = query.window.as_ref().or(metric.window.as_ref()) else {
        let figure = read(work, (store, kept), metric, query).await?.first().and_then(|one| one.figure);
        return Ok(Trend { figure, before: None });
    };
    let parts = parts(work, metric)?;
    let span = Span::with_before(work, window);
    let answers = answers(work, (store, kept), metric, &parts, query, &span).await?;
    let found = combined(metric, &parts, answers);
    let empty = is_countable(metric).then_some(0.0);
    let of = |wanted: i64| {
        let known = found.iter().find(|(_, step, _)| *step == Some(wanted));
        known.map_or(empty, |(.., figure)| *figure)
    };
    Ok(Trend { figure: of(Span::NOW), before: of(Span::BEFORE) })
}

/// What the parts of a metric answer within the scope of the person.
async fn answers(
    work: &Work,
    (store, kept): (&TenantStore, &Answers),
    metric: &MetricModel,
    parts: &[&MetricModel],
    query: &MetricQuery,
    span: &Span,
) -> Result<Vec<Vec<statement::Answer>>, Error> {
    let mut answers = Vec::with_capacity(parts.len());
    for part in parts {
        let entity = &work.model().entities[part.entity];
        let query = &translated(work, metric, part, query)?;
        let scope = readable(work, entity, part, query)?;
        let asked = asked(part, entity, query, span, minute(work.now), scope, parts.len() > 1);
        let (sql, params) = asked.build(work, store.naming())?;
        let watched: Vec<usize> = work.above(entity).into_iter().chain([entity.index]).collect();
        // The statement names the minute itself; what the person may read may depend on the second.
        let volatile = work.access(entity).scope(Operation::Read).volatile();
        let ground = Ground::new(work, store, &watched, (&sql, &params), volatile);
        let ask = async { Ok(store.fetch_long(&sql, &params, |row| asked.read(row)).await?) };
        answers.push(kept.answer(ground, ask).await?);
    }
    Ok(answers)
}

/// Reads a metric over all records, inside a write; for what happens by itself.
pub(crate) fn read_all(
    work: &Work,
    session: &mut Session<'_>,
    metric: &MetricModel,
    query: &MetricQuery,
) -> Result<Vec<Figured>, Error> {
    let parts = parts(work, metric)?;
    let mut answers = Vec::with_capacity(parts.len());
    let span = Span::of(work, metric, query);
    for part in &parts {
        let entity = &work.model().entities[part.entity];
        let query = &translated(work, metric, part, query)?;
        let asked = asked(part, entity, query, &span, work.now, None, parts.len() > 1);
        let (sql, params) = asked.build(work, session.naming)?;
        answers.push(session.query(&sql, &params, |row| asked.read(row))?);
    }
    Ok(together(metric, &parts, query, answers, &span))
}

/// The metric itself, or the two of a ratio.
fn parts<'a>(work: &'a Work, metric: &'a MetricModel) -> Result<Vec<&'a MetricModel>, Error> {
    match &metric.measure {
        MeasureModel::Ratio { of, to, .. } => Ok(vec![find(work, of)?, find(work, to)?]),
        _ => Ok(vec![metric]),
    }
}

/// The same question to a part of a ratio, whose records may be of another kind: fields correspond by their names.
fn translated(
    work: &Work,
    metric: &MetricModel,
    part: &MetricModel,
    query: &MetricQuery,
) -> Result<MetricQuery, Error> {
    if part.entity == metric.entity {
        return Ok(query.clone());
    }
    let (own, other) = (&work.model().entities[metric.entity], &work.model().entities[part.entity]);
    let slot = |slot: Slot| {
        let name = &own.fields[slot].name;
        let unknown = || Error::BadRequest(Issue::new("metric.no_dimension").with("field", name));
        other.field(name).map(|field| field.slot).ok_or_else(unknown)
    };
    let by = query.by.iter().map(|one| slot(*one)).collect::<Result<_, _>>()?;
    let matching = query.matching.iter().map(|(one, value)| Ok((slot(*one)?, value.clone())));
    let matching = matching.collect::<Result<_, Error>>()?;
    let under = query.under.iter().map(|(one, node)| Ok((slot(*one)?, node.clone())));
    let under = under.collect::<Result<_, Error>>()?;
    Ok(MetricQuery { by, matching, under, ..query.clone() })
}

/// The span of time and its steps.
struct Span {
    since: Option<DateTime<Utc>>,
    days: Vec<NaiveDate>,
    steps: Vec<DateTime<Utc>>,
}

impl Span {
    fn of(work: &Work, metric: &MetricModel, query: &MetricQuery) -> Span {
        let zone = work.directory.tz;
        let window = query.window.as_ref().or(metric.window.as_ref());
        let mut since = window.map(|window| window::start(window, work.now, zone));
        let mut days = Vec::new();
        if let Some(per) = query.per {
            // A line without a beginning shows the longest past that it has room for.
            days = window::buckets(since.unwrap_or(DateTime::UNIX_EPOCH), work.now, per, zone);
            since = since.max(days.first().map(|day| midnight(*day, zone)));
        }
        let steps = days.iter().map(|day| midnight(*day, zone)).collect();
        Span { since, days, steps }
    }

    /// The step of the span before, of one with three: before, between, now.
    const BEFORE: i64 = 0;
    /// The step of the span itself.
    const NOW: i64 = 2;

    /// A span with the one before it. What lies between counts to neither: of the last month, the days that this one has
    /// not reached yet.
    fn with_before(work: &Work, window: &Window) -> Span {
        let since = window::start(window, work.now, work.directory.tz);
        let before = window::before_start(window, since, work.directory.tz);
        let until = (before + (minute(work.now) - since)).min(since);
        Span { since: Some(before), days: Vec::new(), steps: vec![before, until, since] }
    }
}

fn asked<'a>(
    metric: &'a MetricModel,
    entity: &'a EntityModel,
    query: &'a MetricQuery,
    span: &'a Span,
    now: DateTime<Utc>,
    scope: Option<Expr>,
    in_ratio: bool,
) -> Asked<'a> {
    Asked {
        metric,
        entity,
        group: &query.by,
        steps: &span.steps,
        matching: &query.matching,
        under: &query.under,
        uppermost: query.uppermost,
        since: span.since,
        now,
        scope,
        // The best of a ratio are known only when both are there.
        best: query.best.filter(|_| !in_ratio).unwrap_or(GROUPS_MAX).min(GROUPS_MAX),
    }
}

/// The scope in which a person may read a metric.
fn readable(
    work: &Work,
    entity: &EntityModel,
    metric: &MetricModel,
    query: &MetricQuery,
) -> Result<Option<Expr>, Error> {
    let access = work.access(entity);
    access.demand(Operation::Read, entity)?;
    let read = metric
        .measure
        .value()
        .into_iter()
        .flat_map(|value| value.references())
        .filter(|reference| reference.root == 0);
    // How many there are on a day tells the day of each: by the metric's own span of time only as much as its author decided.
    let time = (query.per.is_some() || query.window.is_some_and(|other| Some(other) != metric.window))
        .then_some(metric.time);
    for slot in read.map(|reference| reference.slot).chain(query.dimensions()).chain(time) {
        if !access.sees_everywhere(slot) {
            let issue = Issue::new("metric.hidden_field").with("metric", &metric.key);
            return Err(Error::Forbidden(issue.with("field", &entity.fields[slot].name)));
        }
    }
    Ok(work.scope_sql(entity, Operation::Read)?.single())
}

/// The answer of a metric, or of a ratio from those of its two parts.
fn together(
    metric: &MetricModel,
    parts: &[&MetricModel],
    query: &MetricQuery,
    answers: Vec<Vec<statement::Answer>>,
    span: &Span,
) -> Vec<Figured> {
    let day = |step: Option<i64>| step.and_then(|step| span.days.get(usize::try_from(step).ok()?).copied());
    let figured = |(group, step, figure): statement::Answer| Figured { group, step: day(step), figure };
    let mut figures: Vec<Figured> = combined(metric, parts, answers).into_iter().map(figured).collect();
    figures.sort_by(|a, b| b.figure.unwrap_or(f64::MIN).total_cmp(&a.figure.unwrap_or(f64::MIN)));
    if let Some(best) = query.best {
        figures.truncate(usize::try_from(best).unwrap_or(usize::MAX));
    }
    if figures.is_empty() && query.by.is_empty() && span.days.is_empty() {
        figures.push(Figured { group: Vec::new(), step: None, figure: None });
    }
    if !span.days.is_empty() {
        fill(&mut figures, metric, query, &span.days);
    }
    figures
}

/// The answer of a metric as it is, or that of a ratio from its two parts.
fn combined(
    metric: &MetricModel,
    parts: &[&MetricModel],
    mut answers: Vec<Vec<statement::Answer>>,
) -> Vec<statement::Answer> {
    let (MeasureModel::Ratio { times, .. }, 2) = (&metric.measure, answers.len()) else {
        return answers.pop().unwrap_or_default();
    };
    let below = answers.pop().unwrap_or_default();
    let above = answers.pop().unwrap_or_default();
    let mut divided = divided(above, below, is_countable(parts[0]));
    divided.iter_mut().for_each(|(.., figure)| *figure = figure.map(|figure| figure * times));
    divided
}

/// One answer divided by another, group by group. A group with nothing above has a share of nothing, where nothing can
/// be counted: who never succeeded is not left out of the success rates.
fn divided(
    above: Vec<statement::Answer>,
    below: Vec<statement::Answer>,
    countable: bool,
) -> Vec<statement::Answer> {
    let key = |group: &[Value], step: Option<i64>| format!("{step:?}{group:?}");
    let mut divisors: HashMap<String, statement::Answer> =
        below.into_iter().map(|answer| (key(&answer.0, answer.1), answer)).collect();
    let mut all = Vec::with_capacity(divisors.len());
    for (group, step, figure) in above {
        let divisor = divisors.remove(&key(&group, step)).and_then(|(.., divisor)| divisor);
        let divisor = divisor.filter(|divisor| *divisor != 0.0);
        all.push((group, step, figure.zip(divisor).map(|(figure, divisor)| figure / divisor)));
    }
    let nothing = |divisor: Option<f64>| divisor.filter(|divisor| countable && *divisor != 0.0).map(|_| 0.0);
    all.extend(divisors.into_values().map(|(group, step, divisor)| (group, step, nothing(divisor))));
    all
}

/// Whether a figure of no records is zero.
fn is_countable(metric: &MetricModel) -> bool {
    matches!(metric.measure, MeasureModel::Count | MeasureModel::Sum(_))
}

/// A line has a point for each step, also for those without records.
fn fill(figures: &mut Vec<Figured>, metric: &MetricModel, query: &MetricQuery, days: &[NaiveDate]) {
    let mut groups: Vec<Vec<Value>> = Vec::new();
    if query.by.is_empty() {
        groups.push(Vec::new());
    } else if query.even {
        for figure in figures.iter() {
            if !groups.contains(&figure.group) && groups.len() < EVEN_MAX {
                groups.push(figure.group.clone());
            }
        }
    }
    let empty = is_countable(metric).then_some(0.0);
    for group in groups {
        let known: Vec<Option<NaiveDate>> =
            figures.iter().filter(|one| one.group == group).map(|one| one.step).collect();
        for day in days.iter().filter(|day| !known.contains(&Some(**day))) {
            figures.push(Figured { group: group.clone(), step: Some(*day), figure: empty });
        }
    }
    figures.sort_by_key(|figure| figure.step);
}
