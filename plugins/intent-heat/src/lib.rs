//! Intent heat as a scorer of leads: reads the touches of the last days and adds them up, with a reason for each kind. Reads
//! nothing else and changes nothing.

mod heat;

use std::collections::BTreeMap;

use mortise_sdk::prelude::*;

use crate::heat::{Level, Rules, Touch};

schema!("plugin.json");

/// Touches that are read for one lead; more than these do not make anybody warmer.
const TOUCHES_MAX: u32 = 200;

#[scorer("heat")]
fn heat(cx: &Context, lead: &Lead) -> Result<Score, Fault> {
    if ["converted", "lost"].contains(&lead.status().text()) {
        return Ok(Score::default());
    }
    let rules = rules(cx)?;
    let now = heat::seconds(cx.now()).ok_or_else(|| fault("clock", "the time of the call is no time"))?;
    let touches = touches(cx, lead, heat::timestamp(now - rules.window()))?;
    let sum = heat::add_up(&touches, now, &rules);
    let mut reasons: Vec<Reason> = sum
        .by_kind
        .iter()
        .map(|part| Reason { text: words(cx, &part.kind, part.count), weight: part.points })
        .collect();
    reasons.insert(0, Reason { text: level(cx, rules.level(sum.total)).to_owned(), weight: 0.0 });
    Ok(Score { value: sum.total, reasons })
}

export!();

fn rules(cx: &Context) -> Result<Rules, Fault> {
    let mut rules = Rules::default();
    if let Some(text) = cx.setting::<String>("points") {
        let points: BTreeMap<String, f64> = serde_json::from_str(&text)
            .map_err(|error| fault("settings", format!("the setting `points` cannot be read: {error}")))?;
        rules.points = points;
    }
    rules.days = cx.setting("days").unwrap_or(rules.days).clamp(1, 90);
    rules.fade = cx.setting("fade").unwrap_or(rules.fade).clamp(0, 100);
    rules.high = cx.setting("high").unwrap_or(rules.high);
    rules.medium = cx.setting("medium").unwrap_or(rules.medium);
    Ok(rules)
}

fn touches(cx: &Context, lead: &Lead, since: String) -> Result<Vec<Touch>, Fault> {
    let Some(id) = lead.entry().id.clone() else { return Ok(Vec::new()) };
    let own = Value::Reference(mortise_sdk::Reference { entity: "lead".to_owned(), id });
    let query = Query {
        conditions: vec![
            Condition::new("lead", "eq", own),
            Condition::new("happened_at", "ge", Value::Timestamp(since)),
        ],
        order: vec!["-happened_at".to_owned()],
        fields: vec!["kind".to_owned(), "happened_at".to_owned()],
        limit: TOUCHES_MAX,
        cursor: None,
    };
    let page = cx.records().find("touch", &query)?;
    let read = |entry: &Entry| {
        let at = heat::seconds(Get::of(entry, "happened_at").text())?;
        Some(Touch { kind: Get::of(entry, "kind").text().to_owned(), at })
    };
    Ok(page.entries.iter().filter_map(read).collect())
}

fn level(cx: &Context, level: Level) -> &'static str {
    match (level, cx.chinese()) {
        (Level::High, true) => "高热力",
        (Level::Medium, true) => "中热力",
        (Level::Low, true) => "低热力",
        (Level::High, false) => "High",
        (Level::Medium, false) => "Medium",
        (Level::Low, false) => "Low",
    }
}

fn words(cx: &Context, kind: &str, count: usize) -> String {
    let known = [
        ("pricing_page", "pricing page viewed", "查看价格页"),
        ("product_page", "product page viewed", "查看产品页"),
        ("white_paper", "white paper downloaded", "下载白皮书"),
        ("form", "form filled in", "提交表单"),
        ("chat", "chat", "在线沟通"),
        ("call", "call", "来电"),
        ("exhibition", "met at an exhibition", "展会扫码"),
    ];
    let found = known.iter().find(|(name, _, _)| *name == kind);
    let (english, chinese) = found.map_or((kind, kind), |(_, english, chinese)| (*english, *chinese));
    if cx.chinese() { format!("{chinese} {count} 次") } else { format!("{english}, {count}×") }
}

#[cfg(test)]
mod tests {
    use mortise_sdk::testing::{Fakes, call, chinese_call, entry};

    use super::*;

    fn touch(id: &str, kind: &str, at: &str) {
        let lead = mortise_sdk::Reference { entity: "lead".into(), id: "l1".into() };
        Fakes::current().put(entry(
            "touch",
            id,
            &[
                ("lead", Value::Reference(lead)),
                ("kind", Value::Text(kind.into())),
                ("happened_at", Value::Timestamp(at.into())),
            ],
        ));
    }

    fn lead(status: &str) -> Entry {
        entry("lead", "l1", &[("status", Value::Text(status.into()))])
    }

    #[test]
    fn three_views_of_the_price_within_a_week_are_high() {
        for (id, at) in
            [("1", "2026-03-31T08:00:00Z"), ("2", "2026-03-31T07:00:00Z"), ("3", "2026-03-30T20:00:00Z")]
        {
            touch(id, "pricing_page", at);
        }
        touch("4", "white_paper", "2026-03-20T08:00:00Z");
        let scored = exports::scorer("heat", chinese_call(), vec![lead("new")]).unwrap();
        assert!(scored[0].score > 85.0, "{scored:?}");
        let words: Vec<&str> = scored[0].reasons.iter().map(|reason| reason.text.as_str()).collect();
        assert_eq!(words, ["高热力", "查看价格页 3 次"], "what is older than a week does not count");
    }

    #[test]
    fn one_white_paper_is_medium_and_a_closed_lead_is_cold() {
        touch("1", "white_paper", "2026-03-31T08:00:00Z");
        let scored = exports::scorer("heat", call(), vec![lead("new")]).unwrap();
        assert_eq!(scored[0].reasons[0].text, "Medium");
        let closed = exports::scorer("heat", call(), vec![lead("lost")]).unwrap();
        assert_eq!(closed[0].score, 0.0);
    }

    #[test]
    fn settings_that_cannot_be_read_are_a_fault_and_not_a_guess() {
        let mut call = call();
        call.config = vec![Field { name: "points".into(), value: Value::Json("[]".into()) }];
        assert_eq!(exports::scorer("heat", call, vec![lead("new")]).unwrap_err().code, "settings");
    }
}
