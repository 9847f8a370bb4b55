//! Prices of a quotation, as an action: a quotation comes in as JSON, the same with prices and a trace goes out. Never uses
//! a floating point: every amount is an exact decimal.

mod amount;
mod pricing;
mod quotation;

use mortise_sdk::prelude::*;

use crate::pricing::{Approval, Priced, price};
use crate::quotation::{Limit, Quotation};

schema!("plugin.json");

#[action("price")]
#[allow(clippy::needless_pass_by_value, reason = "an action owns what it is called with")]
fn price_quotation(cx: &Context, input: Fields, _resumed: Option<Fields>) -> Result<Outcome, Fault> {
    let text: String = input.need("quotation")?;
    let quotation: Quotation =
        serde_json::from_str(&text).map_err(|error| fault("quotation", error.to_string()))?;
    let limits: Vec<Limit> = match cx.setting::<String>("approval_limits") {
        Some(text) => serde_json::from_str(&text).map_err(|error| fault("settings", error.to_string()))?,
        None => Limit::defaults(),
    };
    let priced = price(&quotation, &limits)
        .map_err(|wrong| fault(wrong.code, if cx.chinese() { wrong.chinese() } else { wrong.english() }))?;
    match &priced.approval {
        Approval::Nobody => {}
        Approval::By(who) => cx.log().info(format!("needs the approval of {who}")),
        Approval::BeyondLimits(who) => cx.log().warn(format!("beyond the limit of {who}, the highest")),
    }
    Ok(Outcome::Done(answer(&priced)?.into_inner()))
}

export!();

fn answer(priced: &Priced) -> Result<Fields, Fault> {
    let lines = serde_json::to_string(&priced.lines).map_err(|error| fault("answer", error.to_string()))?;
    let (approval, beyond) = match &priced.approval {
        Approval::Nobody => (None, false),
        Approval::By(who) => (Some(who.clone()), false),
        Approval::BeyondLimits(who) => (Some(who.clone()), true),
    };
    Ok(Fields::default()
        .with("net", Value::Decimal(priced.net.to_string()))
        .with("tax", Value::Decimal(priced.tax.to_string()))
        .with("total", Value::Decimal(priced.total.to_string()))
        .with("discount_percent", Value::Decimal(priced.discount_percent.to_string()))
        .with("highest_discount_percent", Value::Decimal(priced.highest_percent.to_string()))
        .with("approval", approval)
        .with("beyond_limits", beyond)
        .with("lines", Value::Json(lines)))
}

#[cfg(test)]
mod tests {
    use mortise_sdk::testing::{call, chinese_call};

    use super::*;

    fn input(quotation: &str) -> Vec<Field> {
        vec![Field { name: "quotation".into(), value: Value::Json(quotation.into()) }]
    }

    #[test]
    fn a_quotation_comes_back_with_totals_and_a_trace() {
        let quotation = r#"{"lines":[{"product":"A","quantity":"3","price":"19.99","tax_percent":"13"}]}"#;
        let Outcome::Done(fields) = exports::action("price", call(), input(quotation), None).unwrap() else {
            panic!("an action that waits for nothing is done");
        };
        let fields = Fields::of(fields);
        assert_eq!(fields.get::<String>("net").as_deref(), Some("59.97"));
        assert_eq!(fields.get::<String>("tax").as_deref(), Some("7.80"));
        assert_eq!(fields.get::<String>("total").as_deref(), Some("67.77"));
        assert_eq!(fields.get::<String>("approval"), Some(String::new()), "nobody has to approve");
        assert!(fields.get::<String>("lines").unwrap().contains("trace"));
    }

    #[test]
    fn a_discount_beyond_all_limits_is_said_to_be_one() {
        let quotation = r#"{"lines":[{"product":"A","quantity":"1","price":"9","discount_percent":"50"}]}"#;
        let Outcome::Done(fields) = exports::action("price", call(), input(quotation), None).unwrap() else {
            panic!("an action that waits for nothing is done");
        };
        let fields = Fields::of(fields);
        assert_eq!(fields.get::<String>("approval").as_deref(), Some("director"));
        assert_eq!(fields.get::<bool>("beyond_limits"), Some(true));
    }

    #[test]
    fn what_is_wrong_is_said_in_the_language_of_the_call() {
        let quotation = r#"{"lines":[{"product":"A","quantity":"three","price":"19.99"}]}"#;
        let english = exports::action("price", call(), input(quotation), None).unwrap_err();
        assert_eq!(english.message, "Line 1: the quantity “three” is not a number.");
        let chinese = exports::action("price", chinese_call(), input(quotation), None).unwrap_err();
        assert_eq!(chinese.message, "第 1 行：数量“three”不是有效数字。");
        assert_eq!(exports::action("price", call(), Vec::new(), None).unwrap_err().code, "argument");
        let mistyped = r#"{"lines":[{"product":"A","quantity":"1","prise":"1"}]}"#;
        let refused = exports::action("price", call(), input(mistyped), None).unwrap_err();
        assert!(refused.message.starts_with("unknown field `prise`"), "{}", refused.message);
    }
}
