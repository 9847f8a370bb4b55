//! Whatever stands anywhere in the automation of an app: the answer is an app or problems with words, never a panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Files, compiled, said, shop};

/// Values that are right at some place of some artifact, and so nearly right at others.
fn pool() -> Vec<Value> {
    let texts = [
        "record.status == 'new'",
        "record.owner != previous.owner",
        "record.value > 5",
        "record.visits",
        "null",
        "true",
        "hours(4)",
        "-hours(2)",
        "days(1) * 3",
        "record.created_at",
        "now()",
        "candidate.open",
        "profile.city",
        "measures.share",
        "inputs.grade",
        "settings.near_weight",
        "clock.late",
        "user.id",
        "1 / 0",
        "((((",
        "",
        "'A'",
        "not('A')",
        "[1..5)",
        "< 3",
        "-",
        "> 'a'",
        "0 9 * * 1-5",
        "* * * * *",
        "Asia/Shanghai",
        "09:00-12:00",
        "24:00-00:00",
        "2026-10-01",
        "ticket",
        "shop.ticket",
        "visit",
        "owner",
        "status",
        "lists",
        "city",
        "technician",
        "take",
        "finish",
        "answer",
        "time",
        "limit",
        "tickets",
        "solved_share",
        "group",
        "form",
        "stock",
        "overdue",
        "{{ record.title }}",
        "{% for x in timeline %}",
        "{{ nobody }}",
        "/contact/phone",
        "@ip",
        "count",
        "unique",
        "sum",
        "collect",
        "inbound",
        "webhook",
        "signal",
        "funnel",
        "due",
        "start",
    ];
    let others =
        [json!(null), json!(0), json!(-1), json!(1e9), json!(true), json!([]), json!({}), json!(["owner"])];
    texts.iter().map(|text| json!(text)).chain(others).collect()
}

/// Pointers to every value below.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| places(item, &format!("{pointer}/{at}"), found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, item)| places(item, &format!("{pointer}/{key}"), found));
        }
        _ => {}
    }
}

fn changed(changes: &[(prop::sample::Index, prop::sample::Index, prop::sample::Index)]) -> Files {
    let mut files = shop();
    let pool = pool();
    for (file, place, value) in changes {
        let at = file.index(files.len());
        let content = files.values_mut().nth(at).expect("the position is within");
        let mut found = Vec::new();
        places(content, "", &mut found);
        let pointer = &found[place.index(found.len())];
        *content.pointer_mut(pointer).expect("the place was found") = pool[value.index(pool.len())].clone();
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_automation_gives_an_app_or_problems(changes in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index, prop::sample::Index)>(), 1..4)) {
        match compiled(&changed(&changes)) {
            Ok((_, warnings)) => drop(said(&warnings)),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                drop(said(&problems));
            }
        }
    }
}
