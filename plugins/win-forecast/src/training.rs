//! The job that learns: it copies closed deals into the store in a compact form, page by page, then goes through them as
//! often as the arithmetic needs, one block at a time, and puts what was learnt in force at once. A step that is made twice
//! does the same twice.

use std::ops::Range;

use mortise_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::deal::{Deal, Level, NONE, Words, learn};
use crate::features::{columns, factors, landmarks};
use crate::logistic::{See, calibrate, fit, odds, sigmoid};
use crate::model::{Model, State, TooFew};
use crate::quality::{Outcome, Quality, measure};
use crate::records::{Property, closed_count, closed_deal, closed_page, name};
use crate::words;

/// Where what was learnt stands in the store.
const STATE: &str = "model";
const BLOCKS: &str = "deals/";
/// Opportunities of one step: each takes a call of the host for its interactions.
const PAGE: u32 = 100;
/// Deals that are learnt from, the latest first. Older ones tell of another business.
const DEALS_MAX: usize = 4_000;
/// Fewest deals of each outcome.
const OUTCOME_MIN: u32 = 15;
/// How much a weight is held back; as `C = 1` in scikit-learn.
const RIDGE: f64 = 1.0;
/// One part in so many is kept for the test, and again for the calibration.
const PART: usize = 5;

/// Where the work stands.
#[derive(Debug, Serialize, Deserialize)]
struct Work {
    closed: u64,
    words: Words,
    /// Deals in each block of the store, the latest first.
    blocks: Vec<usize>,
    won: u32,
    lost: u32,
    stage: Stage,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Reading on from here.
    Collect(Option<String>),
    /// Learning without the latest deals, to be measured on them.
    Test,
    /// Learning from all of them.
    Learn(Option<Quality>),
}

/// What the store holds, when anything was learnt or tried.
pub(crate) fn state(cx: &Context) -> Result<Option<State>, Fault> {
    let Some(bytes) = cx.storage().get(STATE)? else { return Ok(None) };
    let state = serde_json::from_slice(&bytes);
    state.map(Some).map_err(|error| fault("store", format!("what was learnt cannot be read: {error}")))
}

/// One step.
pub(crate) fn step(cx: &Context, cursor: Option<Vec<u8>>) -> Result<Progress, Fault> {
    let Some(cursor) = cursor else { return begin(cx) };
    let work: Work = serde_json::from_slice(&cursor)
        .map_err(|error| fault("cursor", format!("the cursor cannot be read: {error}")))?;
    match &work.stage {
        Stage::Collect(page) => {
            let page = page.clone();
            collect(cx, work, page)
        }
        Stage::Test => test(cx, work),
        Stage::Learn(quality) => {
            let quality = quality.clone();
            finish(cx, &work, quality)
        }
    }
}

/// Learns only when there is something new, or once a day.
fn begin(cx: &Context) -> Result<Progress, Fault> {
    let closed = closed_count(cx)?;
    let known = match state(cx)? {
        Some(State::Trained(model)) => Some((model.closed, model.at.clone())),
        Some(State::TooFew(few)) if few.minimum == minimum(cx) => Some((few.closed, few.at)),
        _ => None,
    };
    if let Some((before, at)) = known
        && before == closed
        && at.get(..10) == cx.now().get(..10)
    {
        return Ok(done(0, words::nothing_new(cx.chinese())));
    }
    let stage = Stage::Collect(None);
    let work = Work { closed, words: Words::default(), blocks: Vec::new(), won: 0, lost: 0, stage };
    go_on(&work, 0, None)
}

fn minimum(cx: &Context) -> u32 {
    let wished: i64 = cx.setting("minimum").unwrap_or(80);
    u32::try_from(wished.clamp(2 * i64::from(OUTCOME_MIN), DEALS_MAX as i64)).unwrap_or(OUTCOME_MIN)
}

fn collect(cx: &Context, mut work: Work, cursor: Option<String>) -> Result<Progress, Fault> {
    let page = closed_page(cx, PAGE, cursor)?;
    let mut deals = Vec::new();
    for entry in &page.entries {
        let words = &mut work.words;
        let mut place = |property: Property, value: &str| {
            let levels = match property {
                Property::Budget => &mut words.budgets,
                Property::Source => &mut words.sources,
                Property::Kind => &mut words.kinds,
            };
            learn(levels, value)
        };
        if let Some(deal) = closed_deal(cx, entry, &mut place)? {
            count(&mut work.words, &deal);
            if deal.won {
                work.won += 1
            } else {
                work.lost += 1
            }
            deals.push(deal);
        }
    }
    let mut block = Vec::new();
    deals.iter().for_each(|deal| deal.write(&mut block));
    if !block.is_empty() {
        cx.storage().set(&key(work.blocks.len()), &block)?;
        work.blocks.push(deals.len());
    }
    let processed = page.entries.len() as u64;
    let full = work.blocks.iter().sum::<usize>() >= DEALS_MAX;
    if let Some(next) = page.next.filter(|_| !full) {
        work.stage = Stage::Collect(Some(next));
        return go_on(&work, processed, None);
    }
    if work.won.min(work.lost) < OUTCOME_MIN || work.won + work.lost < minimum(cx) {
        return too_few(cx, &work, processed);
    }
    work.stage = Stage::Test;
    go_on(&work, processed, Some(words::collected(cx.chinese(), work.won, work.lost)))
}

fn count(words: &mut Words, deal: &Deal) {
    let mut kinds: Vec<u8> = deal.steps.iter().map(|step| step.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let bump = |levels: &mut Vec<Level>, place: u8| {
        if let Some(level) = levels.get_mut(usize::from(place)) {
            level.deals += 1;
        }
    };
    bump(&mut words.budgets, deal.budget);
    bump(&mut words.sources, deal.source);
    kinds.into_iter().filter(|kind| *kind != NONE).for_each(|kind| bump(&mut words.kinds, kind));
}

fn too_few(cx: &Context, work: &Work, processed: u64) -> Result<Progress, Fault> {
    let at = cx.now().to_owned();
    let few = TooFew { closed: work.closed, at, won: work.won, lost: work.lost, minimum: minimum(cx) };
    let note = words::too_few(cx.chinese(), &few);
    put(cx, &State::TooFew(few))?;
    clear(cx)?;
    Ok(done(processed, note))
}

/// Learns from all but the latest fifth and measures on that.
fn test(cx: &Context, mut work: Work) -> Result<Progress, Fault> {
    for (entity, levels) in [("source", &mut work.words.sources), ("interaction_kind", &mut work.words.kinds)]
    {
        for level in levels {
            if let Some(name) = name(cx, entity, &level.value)? {
                level.name = name;
            }
        }
    }
    let deals = Deals { cx, blocks: &work.blocks };
    let newest = 0..deals.count() / PART;
    let model = train(&work, cx, newest.end..deals.count())?;
    let mut outcomes = Vec::new();
    deals.each(newest, &mut |deal, age, counts| {
        let odds = model.odds(&columns(&model.factors, deal, age));
        outcomes.push(Outcome { odds, chance: sigmoid(odds), won: deal.won, counts });
    })?;
    work.stage = Stage::Learn(measure(outcomes));
    go_on(&work, 0, None)
}

fn finish(cx: &Context, work: &Work, quality: Option<Quality>) -> Result<Progress, Fault> {
    let count = work.blocks.iter().sum();
    let model = Model { quality, ..train(work, cx, 0..count)? };
    let note = words::trained(cx.chinese(), &model);
    put(cx, &State::Trained(Box::new(model)))?;
    clear(cx)?;
    Ok(done(0, note))
}

/// Learns weights from the older part of a range of deals and calibrates on its latest fifth.
fn train(work: &Work, cx: &Context, range: Range<usize>) -> Result<Model, Fault> {
    let deals = Deals { cx, blocks: &work.blocks };
    let border = range.start + range.len() / PART;
    let factors = factors(&work.words);
    let width = factors.len() + 1;
    let (mut means, mut all) = (vec![0.0; width], 0.0);
    deals.each(border..range.end, &mut |deal, age, counts| {
        all += counts;
        let row = columns(&factors, deal, age);
        means.iter_mut().zip(row).for_each(|(mean, column)| *mean += counts * column);
    })?;
    means.iter_mut().for_each(|mean| *mean /= f64::max(all, 1.0));
    let fitted = fit(width, RIDGE, |see: &mut See<'_>| {
        deals.each(border..range.end, &mut |deal, age, counts| {
            see(&columns(&factors, deal, age), f64::from(deal.won), counts);
        })
    })?;
    let mut seen = Vec::new();
    deals.each(range.start..border, &mut |deal, age, counts| {
        seen.push((odds(&fitted.weights, &columns(&factors, deal, age)), deal.won, counts));
    })?;
    let calibration = calibrate(&seen);
    Ok(Model {
        closed: work.closed,
        at: cx.now().to_owned(),
        won: work.won,
        lost: work.lost,
        words: work.words.clone(),
        factors,
        weights: fitted.weights,
        errors: fitted.errors,
        means,
        slope: calibration.slope,
        shift: calibration.shift,
        quality: None,
    })
}

/// The deals in the store, the latest first.
struct Deals<'a> {
    cx: &'a Context,
    blocks: &'a [usize],
}

impl Deals<'_> {
    fn count(&self) -> usize {
        self.blocks.iter().sum()
    }

    /// Shows the deals of a range on each of their days, with one block in memory at a time.
    fn each(&self, range: Range<usize>, show: &mut dyn FnMut(&Deal, i32, f64)) -> Result<(), Fault> {
        let mut first = 0;
        for (number, count) in self.blocks.iter().enumerate() {
            let here = first..first + count;
            first = here.end;
            if here.start >= range.end || here.end <= range.start {
                continue;
            }
            let block = self.cx.storage().get(&key(number))?.unwrap_or_default();
            let deals = Deal::read_all(&block).filter(|deals| deals.len() == *count);
            let deals = deals.ok_or_else(|| fault("store", "the copied deals cannot be read"))?;
            let inside = deals.iter().zip(here).filter(|(_, place)| range.contains(place));
            for (deal, _) in inside {
                let days = landmarks(deal);
                let counts = 1.0 / days.len() as f64;
                days.into_iter().for_each(|age| show(deal, age, counts));
            }
        }
        Ok(())
    }
}

fn key(block: usize) -> String {
    format!("{BLOCKS}{block:05}")
}

fn put(cx: &Context, state: &State) -> Result<(), Fault> {
    let bytes = serde_json::to_vec(state).map_err(|error| fault("store", error.to_string()))?;
    cx.storage().set(STATE, &bytes)
}

/// The copies have done their work.
fn clear(cx: &Context) -> Result<(), Fault> {
    for key in cx.storage().keys(BLOCKS, None, 1_000)? {
        cx.storage().delete(&key)?;
    }
    Ok(())
}

fn go_on(work: &Work, processed: u64, note: Option<String>) -> Result<Progress, Fault> {
    let cursor = serde_json::to_vec(work).map_err(|error| fault("cursor", error.to_string()))?;
    Ok(Progress { cursor: Some(cursor), processed, note })
}

fn done(processed: u64, note: String) -> Progress {
    Progress { cursor: None, processed, note: Some(note) }
}
