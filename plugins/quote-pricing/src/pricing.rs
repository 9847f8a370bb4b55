//! The arithmetic of a quotation. Each step of a line is rounded to the cent and written down, so that whoever checks it
//! with a pencil comes to the same sum. Pure.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;

use crate::quotation::{Bundle, Limit, Line, Quotation, Tier, What, Wrong};

/// A quotation with its prices.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Priced {
    pub(crate) lines: Vec<PricedLine>,
    pub(crate) net: Decimal,
    pub(crate) tax: Decimal,
    pub(crate) total: Decimal,
    /// What was taken off by hand, of all that is priced.
    pub(crate) discount_percent: Decimal,
    /// Who has to approve, when it is not the one who writes quotations anyway.
    pub(crate) approval: Option<String>,
}

/// A line with its prices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PricedLine {
    pub(crate) product: String,
    pub(crate) unit_price: Decimal,
    pub(crate) net: Decimal,
    pub(crate) tax: Decimal,
    pub(crate) total: Decimal,
    pub(crate) trace: Vec<Step>,
}

/// One step of a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Step {
    /// `list`, `tier`, `quantity`, `bundle`, `discount`, `tax`.
    pub(crate) rule: &'static str,
    /// What the rule worked with: a price, a quantity, a percentage, the name of a bundle.
    pub(crate) with: String,
    /// What came out.
    pub(crate) amount: Decimal,
}

/// Works a quotation out.
pub(crate) fn price(quotation: &Quotation, limits: &[Limit]) -> Result<Priced, Wrong> {
    let mut lines = Vec::new();
    let (mut before_discount, mut after_discount) = (Decimal::ZERO, Decimal::ZERO);
    let mut highest = Decimal::ZERO;
    for (index, line) in quotation.lines.iter().enumerate() {
        let worked = work_out(quotation, line, index + 1)?;
        before_discount = sum(before_discount, worked.before_discount)?;
        after_discount = sum(after_discount, worked.after_discount)?;
        highest = highest.max(worked.discount);
        lines.push(worked.line);
    }
    let total_of = |part: fn(&PricedLine) -> Decimal| {
        lines.iter().try_fold(Decimal::new(0, 2), |total, line| sum(total, part(line)))
    };
    let (net, tax, total) =
        (total_of(|line| line.net)?, total_of(|line| line.tax)?, total_of(|line| line.total)?);
    let taken = before_discount - after_discount;
    let discount_percent = match before_discount.is_zero() {
        true => Decimal::ZERO,
        false => cents(taken * Decimal::ONE_HUNDRED / before_discount),
    };
    Ok(Priced { lines, net, tax, total, discount_percent, approval: approval(highest, limits)? })
}

struct Worked {
    line: PricedLine,
    before_discount: Decimal,
    after_discount: Decimal,
    /// Percent taken off by hand.
    discount: Decimal,
}

fn work_out(quotation: &Quotation, line: &Line, number: usize) -> Result<Worked, Wrong> {
    let place = Some(number);
    let quantity = positive(&line.quantity, What::Quantity, place)?;
    let list = not_negative(&line.price, What::Price, place)?;
    let discount = percent(line.discount_percent.as_deref(), What::Discount, place)?;
    let tax_rate = percent(line.tax_percent.as_deref(), What::Tax, place)?;
    let mut trace = vec![Step { rule: "list", with: line.price.clone(), amount: list }];
    let mut unit_price = list;
    if let Some((tier, price)) = tier_of(&quotation.tiers, &line.product, quantity)? {
        unit_price = price;
        trace.push(Step { rule: "tier", with: format!("≥ {}", tier.from), amount: price });
    }
    let mut amount = cents(product(unit_price, quantity)?);
    trace.push(Step { rule: "quantity", with: line.quantity.clone(), amount });
    if let Some((bundle, off)) = bundle_of(quotation, &line.product)? {
        amount = less(amount, off);
        trace.push(Step { rule: "bundle", with: format!("{} −{off} %", bundle.name), amount });
    }
    let before_discount = amount;
    if !discount.is_zero() {
        amount = less(amount, discount);
        trace.push(Step { rule: "discount", with: format!("−{discount} %"), amount });
    }
    let (net, tax) = match quotation.prices_include_tax {
        true => {
            let net = cents(amount * Decimal::ONE_HUNDRED / (Decimal::ONE_HUNDRED + tax_rate));
            (net, amount - net)
        }
        false => (amount, cents(amount * tax_rate / Decimal::ONE_HUNDRED)),
    };
    trace.push(Step { rule: "tax", with: format!("{tax_rate} %"), amount: tax });
    let total = sum(net, tax)?;
    let product = line.product.clone();
    Ok(Worked {
        line: PricedLine { product, unit_price, net, tax, total, trace },
        before_discount,
        after_discount: amount,
        discount,
    })
}

/// The tier with the highest beginning that the quantity reaches.
fn tier_of<'a>(
    tiers: &'a [Tier],
    product: &str,
    quantity: Decimal,
) -> Result<Option<(&'a Tier, Decimal)>, Wrong> {
    let mut best: Option<(&Tier, Decimal, Decimal)> = None;
    for tier in tiers.iter().filter(|tier| tier.product == product) {
        let from = positive(&tier.from, What::Tier, None)?;
        let price = not_negative(&tier.price, What::Tier, None)?;
        if quantity >= from && best.is_none_or(|(_, highest, _)| from > highest) {
            best = Some((tier, from, price));
        }
    }
    Ok(best.map(|(tier, _, price)| (tier, price)))
}

/// The bundle that takes most off a product, among those whose products are all in the quotation. Bundles do not add up.
fn bundle_of<'a>(quotation: &'a Quotation, product: &str) -> Result<Option<(&'a Bundle, Decimal)>, Wrong> {
    let present = |name: &String| quotation.lines.iter().any(|line| line.product == *name);
    let mut best: Option<(&Bundle, Decimal)> = None;
    for bundle in &quotation.bundles {
        let off = percent(Some(&bundle.percent), What::Bundle, None)?;
        let applies =
            bundle.products.iter().any(|name| name == product) && bundle.products.iter().all(present);
        if applies && best.is_none_or(|(_, most)| off > most) {
            best = Some((bundle, off));
        }
    }
    Ok(best)
}

/// Who has to approve a discount: the first in order who may give it; the one with the least right needs nobody. What is
/// above everybody's right needs the last.
fn approval(discount: Decimal, limits: &[Limit]) -> Result<Option<String>, Wrong> {
    let mut sorted = Vec::new();
    for limit in limits {
        sorted.push((percent(Some(&limit.percent), What::Limit, None)?, limit.who.as_str()));
    }
    sorted.sort_by_key(|(percent, _)| *percent);
    let place = sorted.iter().position(|(percent, _)| discount <= *percent);
    Ok(match place {
        Some(0) => None,
        Some(place) => Some(sorted[place].1.to_owned()),
        None if discount.is_zero() => None,
        None => sorted.last().map(|(_, who)| (*who).to_owned()),
    })
}

/// Half a cent goes up, as traders count.
fn cents(amount: Decimal) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(2);
    rounded
}

fn less(amount: Decimal, percent: Decimal) -> Decimal {
    cents(amount * (Decimal::ONE_HUNDRED - percent) / Decimal::ONE_HUNDRED)
}

fn sum(one: Decimal, other: Decimal) -> Result<Decimal, Wrong> {
    one.checked_add(other).ok_or_else(too_large)
}

fn product(one: Decimal, other: Decimal) -> Result<Decimal, Wrong> {
    one.checked_mul(other).ok_or_else(too_large)
}

fn too_large() -> Wrong {
    Wrong { code: "range", line: None, what: What::Sum, text: String::new() }
}

fn read(
    text: &str,
    what: What,
    line: Option<usize>,
    good: impl Fn(Decimal) -> bool,
) -> Result<Decimal, Wrong> {
    let wrong = |code| Wrong { code, line, what, text: text.to_owned() };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    let number: Decimal = text.parse().ok().filter(|_| plain).ok_or_else(|| wrong("number"))?;
    // Beyond a billion with more than six places nobody sells anything, and products stay exact below.
    let in_range = number.abs() <= Decimal::new(1_000_000_000, 0) && number.scale() <= 6;
    if in_range && good(number) { Ok(number) } else { Err(wrong("range")) }
}

fn positive(text: &str, what: What, line: Option<usize>) -> Result<Decimal, Wrong> {
    read(text, what, line, |number| number > Decimal::ZERO)
}

fn not_negative(text: &str, what: What, line: Option<usize>) -> Result<Decimal, Wrong> {
    read(text, what, line, |number| number >= Decimal::ZERO)
}

fn percent(text: Option<&str>, what: What, line: Option<usize>) -> Result<Decimal, Wrong> {
    text.map_or(Ok(Decimal::ZERO), |text| {
        read(text, what, line, |number| number >= Decimal::ZERO && number <= Decimal::ONE_HUNDRED)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotation(json: &str) -> Quotation {
        serde_json::from_str(json).unwrap()
    }

    fn priced(json: &str) -> Priced {
        price(&quotation(json), &Limit::defaults()).unwrap()
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn the_highest_tier_that_is_reached_counts() {
        let json = |quantity: &str| {
            format!(
                r#"{{"lines":[{{"product":"A","quantity":"{quantity}","price":"10"}}],
                "tiers":[{{"product":"A","from":"100","price":"8"}},{{"product":"A","from":"10","price":"9"}},
                         {{"product":"B","from":"1","price":"1"}}]}}"#
            )
        };
        for (quantity, total) in [("9", "90.00"), ("10", "90.00"), ("99", "891.00"), ("100", "800.00")] {
            assert_eq!(priced(&json(quantity)).total, decimal(total), "{quantity}");
        }
    }

    #[test]
    fn a_bundle_counts_when_all_of_it_is_there_and_the_best_one_wins() {
        let json = r#"{"lines":[{"product":"A","quantity":"1","price":"100"},{"product":"B","quantity":"1","price":"50"}],
            "bundles":[{"name":"pair","products":["A","B"],"percent":"10"},
                       {"name":"better","products":["A","B"],"percent":"20"},
                       {"name":"absent","products":["A","C"],"percent":"90"}]}"#;
        let priced = priced(json);
        assert_eq!(priced.total, decimal("120.00"));
        assert_eq!(priced.lines[0].trace[2].with, "better −20 %");
        assert_eq!(
            (priced.discount_percent, priced.approval),
            (Decimal::ZERO, None),
            "a bundle needs no approval"
        );
    }

    #[test]
    fn a_discount_needs_whoever_may_give_it() {
        let approval = |discount: &str| {
            priced(&format!(
                r#"{{"lines":[{{"product":"A","quantity":"1","price":"100","discount_percent":"{discount}"}}]}}"#
            ))
            .approval
        };
        assert_eq!(approval("0"), None);
        assert_eq!(approval("5"), None);
        assert_eq!(approval("5.01").as_deref(), Some("manager"));
        assert_eq!(approval("30").as_deref(), Some("director"));
        assert_eq!(approval("80").as_deref(), Some("director"));
    }

    #[test]
    fn tax_inside_the_price_is_taken_out_of_it_to_the_cent() {
        let json = r#"{"lines":[{"product":"A","quantity":"3","price":"33.33","tax_percent":"13"}],"prices_include_tax":true}"#;
        let priced = priced(json);
        assert_eq!(
            (priced.net, priced.tax, priced.total),
            (decimal("88.49"), decimal("11.50"), decimal("99.99"))
        );
    }

    #[test]
    fn every_step_is_written_down() {
        let json = r#"{"lines":[{"product":"A","quantity":"7","price":"0.335","discount_percent":"3","tax_percent":"6"}]}"#;
        let line = &priced(json).lines[0];
        let trace: Vec<String> =
            line.trace.iter().map(|step| format!("{} {} = {}", step.rule, step.with, step.amount)).collect();
        assert_eq!(
            trace,
            ["list 0.335 = 0.335", "quantity 7 = 2.35", "discount −3 % = 2.28", "tax 6 % = 0.14"]
        );
        assert_eq!(line.total, decimal("2.42"));
    }

    #[test]
    fn numbers_that_make_no_sense_are_named_with_their_line() {
        let wrong = |quantity: &str, price_text: &str, discount: &str| {
            let json = format!(
                r#"{{"lines":[{{"product":"A","quantity":"1","price":"1"}},
                {{"product":"B","quantity":"{quantity}","price":"{price_text}","discount_percent":"{discount}"}}]}}"#
            );
            price(&quotation(&json), &Limit::defaults()).unwrap_err().english()
        };
        assert_eq!(wrong("0", "1", "0"), "Line 2: the quantity “0” is out of range.");
        assert_eq!(wrong("1", "-1", "0"), "Line 2: the price “-1” is out of range.");
        assert_eq!(wrong("1", "1", "101"), "Line 2: the discount “101” is out of range.");
        assert_eq!(
            wrong("1", "99999999999999999999", "0"),
            "Line 2: the price “99999999999999999999” is out of range."
        );
        assert_eq!(wrong("1", "1e5", "0"), "Line 2: the price “1e5” is not a number.");
    }

    #[test]
    fn the_sum_of_many_small_lines_is_exact() {
        let line = r#"{"product":"A","quantity":"1","price":"0.01"}"#;
        let json = format!(r#"{{"lines":[{}]}}"#, vec![line; 500].join(","));
        assert_eq!(priced(&json).total, decimal("5.00"));
    }
}
