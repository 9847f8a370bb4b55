//! Reads opportunities and their interactions through the host. Asks for the fields of the manifest and nothing else.

use mortise_sdk::prelude::*;

use crate::deal::{Deal, STEPS_MAX, Step, day};

/// A property whose values are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Property {
    Budget,
    Source,
    Kind,
}

const FIELDS: [&str; 7] =
    ["status", "opened_on", "closed_on", "budget_range", "source", "main_competitor", "presales"];

/// A page of closed opportunities, those that were closed last first.
pub(crate) fn closed_page(cx: &Context, limit: u32, cursor: Option<String>) -> Result<Page, Fault> {
    let query = Query {
        conditions: vec![closed()],
        order: vec!["-closed_on".to_owned()],
        fields: FIELDS.map(str::to_owned).to_vec(),
        limit,
        cursor,
    };
    cx.records().find("opportunity", &query)
}

/// How many opportunities are closed.
pub(crate) fn closed_count(cx: &Context) -> Result<u64, Fault> {
    cx.records().count("opportunity", &[closed()])
}

fn closed() -> Condition {
    Condition::new("closed_on", "filled", Value::Null)
}

/// The deal of a closed opportunity; none when it was neither won nor lost, or its days are missing. What happened on the
/// day of closing or later is left out: the end must not explain itself.
pub(crate) fn closed_deal(
    cx: &Context,
    entry: &Entry,
    place: &mut dyn FnMut(Property, &str) -> u8,
) -> Result<Option<Deal>, Fault> {
    let won = match Get::of(entry, "status").text() {
        "won" => true,
        "lost" => false,
        _ => return Ok(None),
    };
    let Some(closed) = day(Get::of(entry, "closed_on").text()) else { return Ok(None) };
    let Some(mut deal) = deal(cx, entry, closed, place)? else { return Ok(None) };
    deal.won = won;
    let days = deal.days();
    deal.steps.retain(|step| i32::from(step.day) < days);
    Ok(Some(deal))
}

/// The deal of an opportunity as it stands on a day; none when nobody knows when it was opened.
pub(crate) fn deal(
    cx: &Context,
    entry: &Entry,
    closed: i32,
    place: &mut dyn FnMut(Property, &str) -> u8,
) -> Result<Option<Deal>, Fault> {
    let Some(opened) = day(Get::of(entry, "opened_on").text()) else { return Ok(None) };
    Ok(Some(Deal {
        opened,
        closed,
        won: false,
        budget: place(Property::Budget, Get::of(entry, "budget_range").text()),
        source: place(Property::Source, Get::of(entry, "source").text()),
        competitor: !Get::of(entry, "main_competitor").is_empty(),
        presales: !Get::of(entry, "presales").is_empty(),
        steps: steps(cx, entry, opened, place)?,
    }))
}

fn steps(
    cx: &Context,
    opportunity: &Entry,
    opened: i32,
    place: &mut dyn FnMut(Property, &str) -> u8,
) -> Result<Vec<Step>, Fault> {
    let Some(id) = opportunity.id.clone() else { return Ok(Vec::new()) };
    let own = Value::Reference(mortise_sdk::Reference { entity: "opportunity".to_owned(), id });
    let query = Query {
        conditions: vec![Condition::new("opportunity", "eq", own)],
        order: vec!["happened_at".to_owned()],
        fields: ["kind", "happened_at", "effective", "direction"].map(str::to_owned).to_vec(),
        limit: u32::try_from(STEPS_MAX).unwrap_or(u32::MAX),
        cursor: None,
    };
    let page = cx.records().find("interaction", &query)?;
    let mut steps = Vec::new();
    for entry in &page.entries {
        let Some(happened) = day(Get::of(entry, "happened_at").text()) else { continue };
        steps.push(Step {
            // What came before the opportunity was opened is its beginning.
            day: u16::try_from((happened - opened).max(0)).unwrap_or(u16::MAX),
            kind: place(Property::Kind, Get::of(entry, "kind").text()),
            effective: Get::of(entry, "effective").boolean(),
            inbound: Get::of(entry, "direction").text() == "inbound",
        });
    }
    Ok(steps)
}

/// What people call a record.
pub(crate) fn name(cx: &Context, entity: &str, id: &str) -> Result<Option<String>, Fault> {
    let found = cx.records().get(entity, id, &["name"])?;
    Ok(found.map(|entry| Get::of(&entry, "name").text().to_owned()).filter(|name| !name.is_empty()))
}
