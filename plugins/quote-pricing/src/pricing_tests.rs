//! Quotations worked out, each sum small enough to be checked by hand.

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

fn trace(line: &PricedLine) -> Vec<String> {
    line.trace.iter().map(|step| format!("{} {} = {}", step.rule, step.with, step.amount)).collect()
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
fn a_tier_counts_what_all_lines_take_of_a_product() {
    let json = r#"{"lines":[{"product":"A","quantity":"60","price":"10"},{"product":"A","quantity":"40","price":"10"}],
        "tiers":[{"product":"A","from":"100","price":"8"}]}"#;
    assert_eq!(priced(json).total, decimal("800.00"));
}

#[test]
fn the_first_price_list_that_has_a_product_counts() {
    let json = r#"{"lines":[{"product":"A","quantity":"2"},{"product":"B","quantity":"1"}],
        "price_lists":[{"name":"key accounts","prices":[{"product":"A","price":"90"}]},
                       {"name":"2026","prices":[{"product":"A","price":"100"},{"product":"B","price":"50"}]}]}"#;
    let priced = priced(json);
    assert_eq!(priced.total, decimal("230.00"));
    assert_eq!(trace(&priced.lines[0])[0], "list key accounts = 90");
    let missing = price(&quotation(r#"{"lines":[{"product":"A","quantity":"1"}]}"#), &[]).unwrap_err();
    assert_eq!(missing.english(), "Line 1: the price “A” is neither given nor in a price list.");
}

#[test]
fn a_price_by_hand_below_the_list_is_a_discount_like_any_other() {
    let json = r#"{"lines":[{"product":"A","quantity":"1","price":"80","discount_percent":"10"}],
        "price_lists":[{"name":"2026","prices":[{"product":"A","price":"100"}]}]}"#;
    let priced = priced(json);
    assert_eq!((priced.total, priced.discount_percent), (decimal("72.00"), decimal("28.00")));
    assert_eq!(priced.approval, Approval::By("director".into()));
    assert_eq!(trace(&priced.lines[0])[2..4], ["own_price 80 = 80.00", "discount −10 % = 72.00"]);
}

#[test]
fn a_bundle_counts_for_whole_sets_and_the_best_one_wins() {
    let json = r#"{"lines":[{"product":"A","quantity":"3","price":"100"},{"product":"B","quantity":"1","price":"50"}],
        "bundles":[{"name":"pair","products":["A","B"],"percent":"10"},
                   {"name":"better","products":["A","B"],"percent":"20"},
                   {"name":"absent","products":["A","C"],"percent":"90"}]}"#;
    let priced = priced(json);
    assert_eq!(priced.total, decimal("320.00"), "one A of three and the B are 20 % less");
    assert_eq!(priced.lines[0].trace[2].with, "better −20 % × 1");
    assert_eq!(
        (priced.discount_percent, priced.approval),
        (decimal("0.00"), Approval::Nobody),
        "a bundle needs no approval"
    );
}

#[test]
fn sets_are_shared_among_the_lines_of_a_product() {
    let json = r#"{"lines":[{"product":"A","quantity":"1","price":"100"},{"product":"A","quantity":"2","price":"100"},
                            {"product":"B","quantity":"2","price":"50"}],
        "bundles":[{"name":"pair","products":["A","B"],"percent":"10"}]}"#;
    let priced = priced(json);
    let nets: Vec<Decimal> = priced.lines.iter().map(|line| line.net).collect();
    assert_eq!(nets, [decimal("90.00"), decimal("190.00"), decimal("90.00")], "two sets, so two A of three");
}

#[test]
fn a_service_pack_is_a_part_of_what_its_products_cost_before_discounts() {
    let json = r#"{"lines":[{"product":"CARE","quantity":"3","service":{"percent":"12","of":["A"]}},
                            {"product":"A","quantity":"2","price":"100","discount_percent":"5"}]}"#;
    let priced = priced(json);
    assert_eq!(trace(&priced.lines[0])[..2], ["service 12 % × 200.00 = 24.00", "quantity 3 = 72.00"]);
    assert_eq!(priced.total, decimal("262.00"));
    let missing = r#"{"lines":[{"product":"CARE","quantity":"1","service":{"percent":"12","of":["X"]}}]}"#;
    let missing = price(&quotation(missing), &[]).unwrap_err();
    assert_eq!(missing.chinese(), "第 1 行：服务包“X”对应的产品不在报价单中。");
}

#[test]
fn a_discount_needs_whoever_may_give_it() {
    let approval = |discount: &str| {
        priced(&format!(
            r#"{{"lines":[{{"product":"A","quantity":"1","price":"100","discount_percent":"{discount}"}}]}}"#
        ))
        .approval
    };
    let by = |who: &str| Approval::By(who.into());
    assert_eq!((approval("0"), approval("5")), (Approval::Nobody, Approval::Nobody));
    assert_eq!((approval("5.01"), approval("30")), (by("manager"), by("director")));
    let rounded = r#"{"lines":[{"product":"A","quantity":"1","price":"1.11","discount_percent":"5"}]}"#;
    assert_eq!(priced(rounded).approval, Approval::Nobody, "1.05 is 5.4 % less, but only by rounding");
    assert_eq!(approval("80"), Approval::BeyondLimits("director".into()));
}

#[test]
fn discounts_of_line_and_quotation_are_judged_together() {
    let json = r#"{"lines":[{"product":"A","quantity":"1","price":"100","discount_percent":"5"},
                            {"product":"B","quantity":"1","price":"100"}],"discount_percent":"5"}"#;
    let priced = priced(json);
    assert_eq!((priced.total, priced.highest_percent), (decimal("185.25"), decimal("9.75")));
    assert_eq!(priced.approval, Approval::By("manager".into()), "5 % and 5 % are more than 5 %");
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
    assert_eq!(
        trace(line),
        ["price 0.335 = 0.335", "quantity 7 = 2.35", "discount −3 % = 2.28", "tax 6 % = 0.14"]
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
    let none = price(&quotation(r#"{"lines":[]}"#), &[]).unwrap_err();
    assert_eq!(none.english(), "A quotation has between 1 and 500 lines.");
}

#[test]
fn the_sum_of_many_small_lines_is_exact() {
    let line = r#"{"product":"A","quantity":"1","price":"0.01"}"#;
    let json = format!(r#"{{"lines":[{}]}}"#, vec![line; 500].join(","));
    assert_eq!(priced(&json).total, decimal("5.00"));
}
