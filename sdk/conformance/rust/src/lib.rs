//! The plugin of the conformance cases, in Rust: every extension point, every kind of value, every capability. It does
//! nothing useful; it does the same as its twins in TypeScript and Python.

#![allow(clippy::needless_pass_by_value, reason = "exports take what the host sends")]

mod records;
mod tour;
mod values;

use mortise_sdk::prelude::*;

schema!("plugin.json");

#[validator("vat-number")]
fn vat_number(cx: &Context, change: &Change<Company>) -> Result<Vec<Violation>, Fault> {
    records::vat_number(cx, change)
}

#[before_save("tidy")]
fn tidy(_: &Context, change: &Change<Company>) -> Result<Verdict, Fault> {
    Ok(records::tidy(change))
}

#[after_commit("mirror")]
fn mirror(cx: &Context, change: &Change<Company>) -> Result<(), Fault> {
    records::mirror(cx, change)
}

#[action("echo")]
fn echo(_: &Context, input: Fields, _: Option<Fields>) -> Result<Outcome, Fault> {
    Ok(Outcome::Done(input.into_inner()))
}

#[action("circumstances")]
fn circumstances(cx: &Context, _: Fields, _: Option<Fields>) -> Result<Outcome, Fault> {
    Ok(values::circumstances(cx))
}

#[action("steps")]
fn steps(cx: &Context, input: Fields, resumed: Option<Fields>) -> Result<Outcome, Fault> {
    values::steps(cx, &input, resumed)
}

#[action("tour")]
fn host_tour(cx: &Context, _: Fields, _: Option<Fields>) -> Result<Outcome, Fault> {
    tour::tour(cx)
}

#[function("kinds")]
#[allow(clippy::too_many_arguments, reason = "one for each kind of value")]
fn kinds(
    words: &str,
    whole: Option<i64>,
    exact: &str,
    ratio: Option<f64>,
    yes: Option<bool>,
    day: &str,
    moment: &str,
    tags: Vec<String>,
) -> Value {
    let whole = whole.map(|whole| whole.to_string());
    Value::Json(
        serde_json::json!({
            "words": words, "whole": whole, "exact": exact, "ratio": ratio, "yes": yes, "day": day, "moment": moment,
            "tags": tags,
        })
        .to_string(),
    )
}

#[function("add")]
fn add(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    Some(one? + other?)
}

#[function("half")]
fn half(number: Option<f64>) -> Option<f64> {
    Some(number? / 2.0)
}

#[function("negated")]
fn negated(exact: &str) -> Value {
    Value::Decimal(exact.strip_prefix('-').map_or_else(|| format!("-{exact}"), str::to_owned))
}

#[function("empty")]
fn empty(words: &str) -> bool {
    words.trim().is_empty()
}

#[function("day")]
fn day(moment: &str) -> Value {
    Value::Date(moment.chars().take(10).collect())
}

#[function("noon")]
fn noon(day: &str) -> Value {
    Value::Timestamp(format!("{day}T12:00:00Z"))
}

#[function("words")]
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[function("refuse")]
fn refuse(why: &str) -> Result<String, Fault> {
    Err(fault("refused", format!("not today: {why}")))
}

#[scorer("size")]
fn size(_: &Context, company: &Company) -> Result<Score, Fault> {
    Ok(records::size(company))
}

#[assigner("nearest")]
fn nearest(_: &Context, company: &Company, candidates: &[Candidate]) -> Result<Option<String>, Fault> {
    Ok(records::nearest(company, candidates))
}

#[provider("figures")]
fn figures(cx: &Context, params: Fields) -> Result<Table, Fault> {
    values::figures(cx, &params)
}

#[renderer("card")]
fn card(_: &Context, company: &Company, params: Fields) -> Result<Document, Fault> {
    records::card(company, &params)
}

#[job("count")]
fn count(cx: &Context, cursor: Option<Vec<u8>>, params: Fields) -> Result<Progress, Fault> {
    values::count(cx, cursor, &params)
}

#[connector("rates")]
fn rates(cx: &Context, input: Fields, purpose: Purpose) -> Result<Fields, Fault> {
    tour::rates(cx, &input, purpose)
}

export!();
