//! The plugin as the host calls it: learning from a made-up history, forecasts with their reasons, and what it says when it
//! knows too little.

use mortise_sdk::testing::{Fakes, call, chinese_call, entry};
use mortise_sdk::{Call, Reference, Scored};

use super::*;

/// Numbers without chance: the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn reference(entity: &str, id: &str) -> Value {
    Value::Reference(Reference { entity: entity.into(), id: id.into() })
}

fn date(day: u64) -> String {
    format!("2025-{:02}-{:02}", day / 28 + 1, day % 28 + 1)
}

fn interaction(opportunity: &str, number: u64, at: &str, kind: &str) {
    Fakes::current().put(entry(
        "interaction",
        &format!("{opportunity}-{number:02}"),
        &[
            ("opportunity", reference("opportunity", opportunity)),
            ("kind", reference("interaction_kind", kind)),
            ("happened_at", Value::Timestamp(format!("{at}T08:00:00Z"))),
            ("effective", Value::Boolean(true)),
            ("direction", Value::Text("outbound".into())),
        ],
    ));
}

/// Deals that are won more often the more is done, and less often with a competitor.
fn history(deals: u64) {
    let mut dice = Dice(7);
    Fakes::current().put(entry("interaction_kind", "visit", &[("name", Value::Text("上门拜访".into()))]));
    for number in 0..deals {
        let id = format!("o{number:04}");
        let (opened, days) = (dice.roll(150), 20 + dice.roll(60));
        let (done, competitor) = (dice.roll(8), dice.roll(2) == 0);
        let won = dice.roll(10) < (1 + done).saturating_sub(2 * u64::from(competitor)).min(9);
        let mut fields = vec![
            ("status", Value::Text(if won { "won" } else { "lost" }.into())),
            ("opened_on", Value::Date(date(opened))),
            ("closed_on", Value::Date(date(opened + days))),
            ("budget_range", Value::Text(["up_to_50k", "from_50k"][dice.roll(2) as usize].into())),
        ];
        if competitor {
            fields.push(("main_competitor", reference("competitor", "c")));
        }
        Fakes::current().put(entry("opportunity", &id, &fields));
        for step in 0..done {
            let kind = if dice.roll(3) == 0 { "call" } else { "visit" };
            interaction(&id, step, &date(opened + dice.roll(19)), kind);
        }
    }
}

/// Runs the job to its end; its notes.
fn learn(call: &Call) -> Vec<String> {
    let mut notes = Vec::new();
    let mut cursor = None;
    loop {
        let progress = exports::job("train", call.clone(), cursor, Vec::new()).unwrap();
        notes.extend(progress.note);
        cursor = progress.cursor;
        if cursor.is_none() {
            return notes;
        }
    }
}

fn open(id: &str, competitor: bool) -> Entry {
    let mut fields = vec![
        ("status", Value::Text("open".into())),
        ("opened_on", Value::Date("2026-03-17".into())),
        ("budget_range", Value::Text("from_50k".into())),
    ];
    if competitor {
        fields.push(("main_competitor", reference("competitor", "c")));
    }
    entry("opportunity", id, &fields)
}

fn score(call: Call, opportunity: Entry) -> Scored {
    exports::scorer("win-probability", call, vec![opportunity]).unwrap().remove(0)
}

fn stored() -> Vec<u8> {
    Context::of(call()).storage().get("model").unwrap().unwrap()
}

fn rows(provider: &str, call: Call) -> Vec<Vec<Json>> {
    let table = exports::provider(provider, call, Vec::new()).unwrap();
    let rows: Vec<Vec<Json>> = serde_json::from_str(&table.rows_json).unwrap();
    assert!(rows.iter().all(|row| row.len() == table.columns.len()), "{rows:?}");
    rows
}

/// A decimal is text.
fn number(cell: &Json) -> f64 {
    cell.as_str().unwrap().parse().unwrap()
}

#[test]
fn what_was_done_raises_the_forecast_and_a_competitor_lowers_it() {
    history(400);
    let notes = learn(&call());
    assert!(notes.last().unwrap().starts_with("Learnt from 400 opportunities; Brier score 0."), "{notes:?}");
    for step in 0..6 {
        interaction("busy", step, &format!("2026-03-{}", 18 + step), "visit");
    }
    let (busy, idle) = (score(call(), open("busy", false)), score(call(), open("idle", true)));
    assert!(busy.score > 55.0 && idle.score < 35.0, "{busy:?} {idle:?}");
    assert!(idle.reasons[0].text.starts_with("At risk: "), "{idle:?}");
    assert!(idle.reasons.iter().any(|reason| reason.text == "a competitor is there" && reason.weight < 0.0));
    assert!(
        busy.reasons.iter().any(|reason| reason.text == "6 effective interactions" && reason.weight > 0.0)
    );
    let chinese = score(chinese_call(), open("busy", false));
    assert!(chinese.reasons.iter().any(|reason| reason.text == "未发现竞争对手"), "{chinese:?}");
    assert_eq!(chinese.score, busy.score);
}

#[test]
fn the_forecast_is_measured_on_deals_that_it_did_not_learn_from() {
    history(400);
    learn(&call());
    let figures = rows("forecast-quality", call());
    let value = |place: usize| number(&figures[place][1]);
    assert_eq!(value(0), 80.0, "the latest fifth");
    assert!(value(1) < value(2), "better than guessing: {figures:?}");
    // On the day of opening nothing is known yet, and that day counts as much as the others.
    assert!(value(3) > 0.6, "{figures:?}");
    let bins = rows("forecast-calibration", chinese_call());
    let deals: f64 = bins.iter().map(|bin| number(&bin[1])).sum();
    assert!((deals - 80.0).abs() < 0.6, "{bins:?}");
    let drivers = rows("forecast-drivers", call());
    let competitor = drivers.iter().find(|row| row[0] == "A competitor is there").unwrap();
    assert!(number(&competitor[1]) < 1.0 && competitor[2].to_string().contains("clear"), "{competitor:?}");
    assert!(rows("forecast-drivers", chinese_call()).iter().any(|row| row[0] == "进行过：上门拜访"));
}

#[test]
fn the_same_history_is_learnt_alike_and_only_when_something_is_new() {
    history(120);
    learn(&call());
    let first = stored();
    assert_eq!(learn(&call()), ["Nothing was closed since the last training."]);
    let tomorrow = Call { now: "2026-04-01T08:15:00Z".into(), ..call() };
    learn(&tomorrow);
    let again = String::from_utf8(stored()).unwrap().replace("2026-04-01", "2026-03-31");
    assert_eq!(again.into_bytes(), first, "a day later, the same history gives the same numbers");
    let left = Context::of(call()).storage().keys("", None, 100).unwrap();
    assert_eq!(left, ["model"], "the copies of the deals are gone");
}

#[test]
fn too_few_deals_give_no_forecast_and_the_plugin_says_so() {
    let opportunity = open("idle", false);
    let fresh = exports::scorer("win-probability", call(), vec![opportunity.clone()]).unwrap_err();
    assert_eq!(fresh.code, "not_trained");
    history(40);
    let notes = learn(&chinese_call());
    assert!(notes.last().unwrap().starts_with("数据太少，暂不预测"), "{notes:?}");
    let refused = exports::scorer("win-probability", call(), vec![opportunity.clone()]).unwrap_err();
    assert_eq!(refused.code, "too_little_data");
    assert!(refused.message.starts_with("Too little data for a forecast: "), "{}", refused.message);
    assert_eq!(
        exports::provider("forecast-quality", call(), Vec::new()).unwrap_err().code,
        "too_little_data"
    );

    let fewer = vec![Field { name: "minimum".into(), value: Value::Integer(30) }];
    learn(&Call { config: fewer, ..call() });
    assert!(score(call(), opportunity).score > 0.0, "a lower limit is tried at once");
}

#[test]
fn closed_opportunities_are_certain_and_one_without_a_beginning_is_not_guessed() {
    history(100);
    learn(&call());
    let with = |status: &str| entry("opportunity", "x", &[("status", Value::Text(status.into()))]);
    assert_eq!((score(call(), with("won")).score, score(call(), with("lost")).score), (100.0, 0.0));
    let refused = exports::scorer("win-probability", call(), vec![with("open")]).unwrap_err();
    assert_eq!(refused.code, "no_beginning");
}
