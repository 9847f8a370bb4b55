//! The arithmetic of a quotation. Each step of a line is rounded to the cent and written down, so that whoever checks it
//! with a pencil comes to the same sum. Pure.

use rust_decimal::Decimal;
use serde::Serialize;

use crate::amount::{
    cents, less, not_negative, nothing, percent, percent_off, positive, product, share, sum,
};
use crate::quotation::{Bundle, Limit, Line, Quotation, What, Wrong};

/// Most lines of a quotation; the same as in `schemas/price.json`.
const LINES_MAX: usize = 500;

/// A quotation with its prices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Priced {
    pub(crate) lines: Vec<PricedLine>,
    pub(crate) net: Decimal,
    pub(crate) tax: Decimal,
    pub(crate) total: Decimal,
    /// What was taken off by hand, of all that is priced.
    pub(crate) discount_percent: Decimal,
    /// The highest that was taken off a line by hand: this is what approval goes by.
    pub(crate) highest_percent: Decimal,
    pub(crate) approval: Approval,
}

/// Who has to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Approval {
    /// Nobody but who writes quotations anyway.
    Nobody,
    /// The first in order whose limit is not exceeded.
    By(String),
    /// More than anybody may give; the highest is named all the same.
    BeyondLimits(String),
}

/// A line with its prices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PricedLine {
    pub(crate) product: String,
    pub(crate) unit_price: Decimal,
    /// What was taken off by hand, in percent of what the lists, tiers and bundles come to.
    pub(crate) discount_percent: Decimal,
    pub(crate) net: Decimal,
    pub(crate) tax: Decimal,
    pub(crate) total: Decimal,
    pub(crate) trace: Vec<Step>,
}

/// One step of a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Step {
    /// `price`, `list`, `tier`, `service`, `quantity`, `bundle`, `own_price`, `discount`, `quotation_discount`, `tax`.
    pub(crate) rule: &'static str,
    /// What the rule worked with: a price, a quantity, a percentage, the name of a list or a bundle.
    pub(crate) with: String,
    /// What came out.
    pub(crate) amount: Decimal,
}

/// Works a quotation out.
pub(crate) fn price(quotation: &Quotation, limits: &[Limit]) -> Result<Priced, Wrong> {
    if quotation.lines.is_empty() || quotation.lines.len() > LINES_MAX {
        return Err(Wrong { code: "range", line: None, what: What::Lines, text: LINES_MAX.to_string() });
    }
    let quantities = quantities(quotation)?;
    let mut drafts: Vec<Option<Draft>> = Vec::new();
    let mut taken = vec![Decimal::ZERO; quotation.bundles.len() * quotation.lines.len()];
    for (index, line) in quotation.lines.iter().enumerate() {
        let draft = match line.service {
            None => Some(of_goods(quotation, line, index, &quantities, &mut taken)?),
            Some(_) => None,
        };
        drafts.push(draft);
    }
    let goods: Vec<(&str, Decimal)> = quotation
        .lines
        .iter()
        .zip(&drafts)
        .filter_map(|(line, draft)| Some((line.product.as_str(), draft.as_ref()?.expected)))
        .collect();
    let mut lines = Vec::new();
    let (mut before, mut after, mut highest) = (nothing(), nothing(), Decimal::ZERO);
    for (index, (line, draft)) in quotation.lines.iter().zip(&drafts).enumerate() {
        let draft = match draft {
            Some(draft) => draft.clone(),
            None => of_service(line, index + 1, quantities[index], &goods)?,
        };
        before = sum(before, draft.expected)?;
        let (amount, line) = finish(quotation, line, index + 1, draft)?;
        after = sum(after, amount)?;
        highest = highest.max(line.discount_percent);
        lines.push(line);
    }
    let total_of = |part: fn(&PricedLine) -> Decimal| {
        lines.iter().try_fold(nothing(), |total, line| sum(total, part(line)))
    };
    let (net, tax, total) =
        (total_of(|line| line.net)?, total_of(|line| line.tax)?, total_of(|line| line.total)?);
    let (discount_percent, approval) = (cents(percent_off(before, after)), approval(highest, limits)?);
    Ok(Priced { lines, net, tax, total, discount_percent, highest_percent: highest, approval })
}

fn quantities(quotation: &Quotation) -> Result<Vec<Decimal>, Wrong> {
    let read = |(index, line): (usize, &Line)| positive(&line.quantity, What::Quantity, Some(index + 1));
    quotation.lines.iter().enumerate().map(read).collect()
}

/// How much of a product the whole quotation takes: tiers and bundles do not depend on how lines are split.
fn taken_of(quotation: &Quotation, quantities: &[Decimal], product: &str) -> Result<Decimal, Wrong> {
    let lines = quotation.lines.iter().zip(quantities).filter(|(line, _)| line.product == product);
    lines.map(|(_, quantity)| *quantity).try_fold(Decimal::ZERO, sum)
}

/// A line as far as lists, tiers and bundles go.
#[derive(Debug, Clone)]
struct Draft {
    unit_price: Decimal,
    quantity: Decimal,
    /// What it costs before anything is taken off by hand.
    expected: Decimal,
    /// The same before it was rounded: nobody needs an approval for half a cent.
    exact: Decimal,
    /// The price that somebody wrote, where a list has another one.
    own_price: Option<Decimal>,
    trace: Vec<Step>,
}

fn of_goods(
    quotation: &Quotation,
    line: &Line,
    index: usize,
    quantities: &[Decimal],
    taken: &mut [Decimal],
) -> Result<Draft, Wrong> {
    let place = Some(index + 1);
    let quantity = quantities[index];
    let own = line.price.as_deref().map(|price| not_negative(price, What::Price, place)).transpose()?;
    let listed = list_price(quotation, &line.product)?;
    let (mut unit_price, step) = match (listed, own) {
        (Some((name, price)), _) => (price, Step { rule: "list", with: name.to_owned(), amount: price }),
        (None, Some(price)) => (price, Step { rule: "price", with: price.to_string(), amount: price }),
        (None, None) => {
            return Err(Wrong {
                code: "missing",
                line: place,
                what: What::Price,
                text: line.product.clone(),
            });
        }
    };
    let mut trace = vec![step];
    let of_product = taken_of(quotation, quantities, &line.product)?;
    if let Some((from, price)) = tier_of(quotation, &line.product, of_product)? {
        unit_price = price;
        trace.push(Step { rule: "tier", with: format!("≥ {from}"), amount: price });
    }
    let mut exact = product(unit_price, quantity)?;
    let mut expected = cents(exact);
    trace.push(Step { rule: "quantity", with: line.quantity.clone(), amount: expected });
    if let Some(set) = bundle_of(quotation, line, index, quantities, taken)? {
        let of_sets = product(unit_price, set.units)?;
        expected -= share(of_sets, set.percent)?;
        exact -= product(of_sets, set.percent)? / Decimal::ONE_HUNDRED;
        let with = format!("{} −{} % × {}", set.bundle.name, set.percent, set.units.normalize());
        trace.push(Step { rule: "bundle", with, amount: expected });
    }
    // A price by hand replaces what the list and its tiers say; what it gives away is a discount like any other.
    let own_price = own.filter(|_| listed.is_some());
    Ok(Draft { unit_price, quantity, expected, exact, own_price, trace })
}

fn list_price<'a>(quotation: &'a Quotation, product: &str) -> Result<Option<(&'a str, Decimal)>, Wrong> {
    for list in &quotation.price_lists {
        if let Some(entry) = list.prices.iter().find(|entry| entry.product == product) {
            return Ok(Some((list.name.as_str(), not_negative(&entry.price, What::Price, None)?)));
        }
    }
    Ok(None)
}

/// The tier with the highest beginning that the quantity reaches.
fn tier_of<'a>(
    quotation: &'a Quotation,
    product: &str,
    quantity: Decimal,
) -> Result<Option<(&'a str, Decimal)>, Wrong> {
    let mut best: Option<(&str, Decimal, Decimal)> = None;
    for tier in quotation.tiers.iter().filter(|tier| tier.product == product) {
        let from = positive(&tier.from, What::Tier, None)?;
        let price = not_negative(&tier.price, What::Tier, None)?;
        if quantity >= from && best.is_none_or(|(_, highest, _)| from > highest) {
            best = Some((&tier.from, from, price));
        }
    }
    Ok(best.map(|(words, _, price)| (words, price)))
}

/// Units of a line that cost less as part of a bundle.
struct Set<'a> {
    bundle: &'a Bundle,
    percent: Decimal,
    units: Decimal,
}

/// The bundle that takes most off a product, for as many units as there are whole sets. Bundles do not add up. `taken` holds
/// the units that earlier lines of the same product had, by bundle and product.
fn bundle_of<'a>(
    quotation: &'a Quotation,
    line: &Line,
    index: usize,
    quantities: &[Decimal],
    taken: &mut [Decimal],
) -> Result<Option<Set<'a>>, Wrong> {
    let mut best: Option<(usize, &Bundle, Decimal, Decimal)> = None;
    for (number, bundle) in quotation.bundles.iter().enumerate() {
        let off = percent(Some(&bundle.percent), What::Bundle, None)?;
        if !bundle.products.contains(&line.product) {
            continue;
        }
        let mut sets = Decimal::MAX;
        for product in &bundle.products {
            sets = sets.min(taken_of(quotation, quantities, product)?.floor());
        }
        if sets > Decimal::ZERO && best.is_none_or(|(_, _, most, _)| off > most) {
            best = Some((number, bundle, off, sets));
        }
    }
    let Some((number, bundle, percent, sets)) = best else { return Ok(None) };
    let first = quotation.lines.iter().position(|other| other.product == line.product).unwrap_or(index);
    let had = &mut taken[number * quotation.lines.len() + first];
    let units = quantities[index].min(sets - *had);
    *had += units;
    Ok((units > Decimal::ZERO).then_some(Set { bundle, percent, units }))
}

/// A service pack is a percentage of what its products come to before discounts by hand, for each unit: a year, say.
fn of_service(
    line: &Line,
    number: usize,
    quantity: Decimal,
    goods: &[(&str, Decimal)],
) -> Result<Draft, Wrong> {
    let place = Some(number);
    let Some(service) = &line.service else {
        return Err(Wrong { code: "missing", line: place, what: What::Service, text: line.product.clone() });
    };
    let rate = percent(Some(&service.percent), What::Service, place)?;
    let mut basis = nothing();
    for wanted in &service.of {
        let mut found = goods.iter().filter(|(product, _)| product == wanted).peekable();
        if found.peek().is_none() {
            return Err(Wrong { code: "missing", line: place, what: What::Service, text: wanted.clone() });
        }
        basis = found.map(|(_, amount)| *amount).try_fold(basis, sum)?;
    }
    let unit_price = share(basis, rate)?;
    let exact = product(unit_price, quantity)?;
    let expected = cents(exact);
    let trace = vec![
        Step { rule: "service", with: format!("{rate} % × {basis}"), amount: unit_price },
        Step { rule: "quantity", with: line.quantity.clone(), amount: expected },
    ];
    Ok(Draft { unit_price, quantity, expected, exact, own_price: None, trace })
}

/// Takes off what is given by hand, and adds the tax. The amount before tax, or with it when prices include it, and the line.
fn finish(
    quotation: &Quotation,
    line: &Line,
    number: usize,
    draft: Draft,
) -> Result<(Decimal, PricedLine), Wrong> {
    let place = Some(number);
    let mut trace = draft.trace;
    let (mut amount, mut unit_price) = (draft.expected, draft.unit_price);
    let mut exact = draft.exact;
    if let Some(own) = draft.own_price {
        exact = product(own, draft.quantity)?;
        amount = cents(exact);
        unit_price = own;
        trace.push(Step { rule: "own_price", with: own.to_string(), amount });
    }
    let discounts = [
        ("discount", &line.discount_percent, place),
        ("quotation_discount", &quotation.discount_percent, None),
    ];
    for (rule, given, place) in discounts {
        let off = percent(given.as_deref(), What::Discount, place)?;
        if !off.is_zero() {
            amount = less(amount, off)?;
            exact = product(exact, (Decimal::ONE_HUNDRED - off) / Decimal::ONE_HUNDRED)?;
            trace.push(Step { rule, with: format!("−{off} %"), amount });
        }
    }
    let tax_rate = percent(line.tax_percent.as_deref(), What::Tax, place)?;
    let (net, tax) = match quotation.prices_include_tax {
        true => {
            let hundred = product(amount, Decimal::ONE_HUNDRED)?;
            let net = cents(hundred / (Decimal::ONE_HUNDRED + tax_rate));
            (net, amount - net)
        }
        false => (amount, share(amount, tax_rate)?),
    };
    trace.push(Step { rule: "tax", with: format!("{tax_rate} %"), amount: tax });
    let total = sum(net, tax)?;
    let discount_percent = cents(percent_off(draft.exact, exact));
    let product = line.product.clone();
    Ok((amount, PricedLine { product, unit_price, discount_percent, net, tax, total, trace }))
}

/// Who has to approve a discount: the first in order who may give it; the one with the least right needs nobody.
fn approval(discount: Decimal, limits: &[Limit]) -> Result<Approval, Wrong> {
    let mut sorted = Vec::new();
    for limit in limits {
        sorted.push((percent(Some(&limit.percent), What::Limit, None)?, limit.who.as_str()));
    }
    sorted.sort_by_key(|(percent, _)| *percent);
    let place = sorted.iter().position(|(percent, _)| discount <= *percent);
    Ok(match (place, sorted.last()) {
        (Some(0), _) | (None, None) => Approval::Nobody,
        (Some(place), _) => Approval::By(sorted[place].1.to_owned()),
        (None, Some((_, who))) => Approval::BeyondLimits((*who).to_owned()),
    })
}

#[cfg(test)]
#[path = "pricing_tests.rs"]
mod tests;
