//! The win forecast: a job learns from closed opportunities, a scorer gives open ones a probability with reasons, and three
//! providers show how good that is and what it rests on. Never forecasts from too few deals, and never from the future.

mod deal;
mod features;
mod logistic;
mod model;
mod quality;
mod records;
#[cfg(test)]
mod reference_tests;
mod training;
mod words;

use mortise_sdk::prelude::*;
use serde_json::{Value as Json, json};

use crate::deal::place;
use crate::features::Seen;
use crate::model::{Model, State};
use crate::records::Property;
use crate::words::Has;

schema!("plugin.json");

/// Reasons of one forecast; more nobody reads.
const REASONS_MAX: usize = 5;
/// Percentage points that are worth a reason.
const POINTS_MIN: f64 = 0.5;

#[job("train")]
#[allow(clippy::needless_pass_by_value, reason = "a job owns what it is called with")]
fn train(cx: &Context, cursor: Option<Vec<u8>>, _params: Fields) -> Result<Progress, Fault> {
    training::step(cx, cursor)
}

#[scorer("win-probability")]
fn win_probability(cx: &Context, opportunity: &Opportunity) -> Result<Score, Fault> {
    let certain = |won: bool| Score {
        value: if won { 100.0 } else { 0.0 },
        reasons: vec![Reason { text: words::closed(cx.chinese(), won).to_owned(), weight: 0.0 }],
    };
    match opportunity.status().text() {
        "won" => return Ok(certain(true)),
        "lost" => return Ok(certain(false)),
        _ => {}
    }
    let model = model(cx)?;
    let today = deal::day(cx.now()).ok_or_else(|| fault("clock", "the time of the call is no time"))?;
    let mut known = |property: Property, value: &str| match property {
        Property::Budget => place(&model.words.budgets, value),
        Property::Source => place(&model.words.sources, value),
        Property::Kind => place(&model.words.kinds, value),
    };
    let entry = opportunity.entry();
    let Some(deal) = records::deal(cx, entry, today, &mut known)? else {
        return Err(fault("no_beginning", words::no_beginning(cx.chinese())));
    };
    let age = deal.days();
    let percent = model.chance(&deal, age) * 100.0;
    let risk: i64 = cx.setting("risk").unwrap_or(40);
    let headline = words::headline(cx.chinese(), percent, model.share() * 100.0, percent < risk as f64);
    let mut reasons = vec![Reason { text: headline, weight: 0.0 }];
    let seen = Seen::by(&deal, age);
    let has = Has {
        budget: deal.budget,
        source: deal.source,
        competitor: deal.competitor,
        presales: deal.presales,
    };
    let movers = model.movers(&deal, age).into_iter().filter(|mover| mover.points.abs() >= POINTS_MIN);
    reasons.extend(movers.take(REASONS_MAX).map(|mover| Reason {
        text: words::fact(cx.chinese(), &model, mover.factor, &seen, has),
        weight: mover.points,
    }));
    Ok(Score { value: (percent * 10.0).round() / 10.0, reasons })
}

#[provider("forecast-quality")]
#[allow(clippy::needless_pass_by_value, reason = "a provider owns what it is called with")]
fn forecast_quality(cx: &Context, _params: Fields) -> Result<Table, Fault> {
    let quality = measured(cx)?;
    let fine = |value: f64| format!("{value:.4}");
    let values = [
        format!("{:.0}", quality.deals),
        fine(quality.brier),
        fine(quality.brier_of_share),
        fine(quality.auc),
        fine(quality.log_loss),
        fine(quality.calibration_error),
    ];
    let figures = words::figures(cx.chinese()).into_iter().zip(values);
    let rows = figures.map(|((name, meaning), value)| json!([name, value, meaning]));
    let columns = [
        ("figure", "Figure", "指标", "text"),
        ("value", "Value", "数值", "decimal"),
        ("meaning", "How to read it", "含义", "text"),
    ];
    Ok(table(cx, &columns, rows.collect()))
}

#[provider("forecast-calibration")]
#[allow(clippy::needless_pass_by_value, reason = "a provider owns what it is called with")]
fn forecast_calibration(cx: &Context, _params: Fields) -> Result<Table, Fault> {
    let bins = measured(cx)?.bins;
    let row = |(place, bin): (usize, &quality::Bin)| {
        let range = format!("{}–{} %", place * 100 / quality::BINS, (place + 1) * 100 / quality::BINS);
        json!([range, format!("{:.1}", bin.deals), rounded(bin.predicted, 1e4), rounded(bin.actual, 1e4)])
    };
    let rows = bins.iter().enumerate().filter(|(_, bin)| bin.deals > 0.0).map(row);
    let columns = [
        ("range", "Forecast", "预测区间", "text"),
        ("deals", "Opportunities", "商机数", "decimal"),
        ("predicted", "Mean forecast", "平均预测", "percent"),
        ("actual", "Really won", "实际赢单率", "percent"),
    ];
    Ok(table(cx, &columns, rows.collect()))
}

#[provider("forecast-drivers")]
#[allow(clippy::needless_pass_by_value, reason = "a provider owns what it is called with")]
fn forecast_drivers(cx: &Context, _params: Fields) -> Result<Table, Fault> {
    let model = model(cx)?;
    let mut drivers: Vec<(f64, Json)> = Vec::new();
    for (place, factor) in model.factors.iter().enumerate() {
        let (weight, error) = (model.weights[place + 1], model.errors[place + 1]);
        let sure = if error > 0.0 { weight.abs() / error } else { 0.0 };
        let odds_ratio = (model.slope * weight).exp();
        let words = words::meaning(cx.chinese(), *factor, odds_ratio, sure);
        let label = words::label(cx.chinese(), &model, *factor);
        drivers.push((sure, json!([label, format!("{odds_ratio:.2}"), words])));
    }
    drivers.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let columns = [
        ("factor", "What", "因素", "text"),
        ("odds_ratio", "Odds ×", "赢输比倍数", "decimal"),
        ("meaning", "In words", "说明", "text"),
    ];
    Ok(table(cx, &columns, drivers.into_iter().map(|(_, row)| row).collect()))
}

export!();

/// What was learnt, or why there is nothing.
fn model(cx: &Context) -> Result<Box<Model>, Fault> {
    match training::state(cx)? {
        Some(State::Trained(model)) => Ok(model),
        Some(State::TooFew(few)) => Err(fault("too_little_data", words::too_few(cx.chinese(), &few))),
        // The first training is an hour away at most: whoever asks is asked to come again, and gets a forecast then.
        None => {
            Err(Fault { retry: Retry::Backoff, ..fault("not_trained", words::not_trained(cx.chinese())) })
        }
    }
}

fn measured(cx: &Context) -> Result<quality::Quality, Fault> {
    let model = model(cx)?;
    model.quality.ok_or_else(|| fault("not_trained", words::not_trained(cx.chinese())))
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

fn table(cx: &Context, columns: &[(&str, &str, &str, &str)], rows: Vec<Json>) -> Table {
    let column = |(name, english, chinese, kind): &(&str, &str, &str, &str)| Column {
        name: (*name).to_owned(),
        label: if cx.chinese() { *chinese } else { *english }.to_owned(),
        kind: (*kind).to_owned(),
    };
    Table { columns: columns.iter().map(column).collect(), rows_json: Json::Array(rows).to_string() }
}

#[cfg(test)]
mod tests;
