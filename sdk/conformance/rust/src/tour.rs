//! What the plugin asks the host for: each function of each capability once, in an order that the cases know.

use mortise_sdk::prelude::*;
use mortise_sdk::{Header, Request};

pub(crate) fn tour(cx: &Context) -> Result<Outcome, Fault> {
    let mut told = Fields::default();
    let records = cx.records();
    let found = records.get("company", "c1", &["name", "turnover"])?;
    let found = found.map(Fields::from_entry).unwrap_or_default();
    told = told.with("name", found.get::<String>("name")).with("turnover", found.get::<Value>("turnover"));
    let refused = records.get("company", "c2", &["name"]).err();
    told = told.with("refused", refused.map(|fault| fault.code));
    told = told.with("names", names(cx)?);
    told = told.with("many", i64::try_from(records.count("company", &[])?).unwrap_or(i64::MAX));
    let id = records.create("note", &Fields::default().with("text", "new").into_inner())?;
    records.update(
        "note",
        &id,
        &Fields::default().with("text", "changed").with("rank", 2_i64).into_inner(),
    )?;
    records.delete("note", &id)?;
    let sent = cx.http().send(&Request {
        method: "POST".into(),
        url: "https://rates.example.com/v1/rates".into(),
        headers: vec![Header { name: "accept".into(), value: "text/plain".into() }],
        body: Some(b"CNY".to_vec()),
        credential: Some("rates".into()),
        timeout_ms: Some(1000),
    })?;
    let body = String::from_utf8_lossy(&sent.body).into_owned();
    let kind = sent.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-type"));
    told = told.with("status", i64::from(sent.status)).with("body", body);
    told = told.with("type", kind.map(|header| header.value.clone()));
    told = store(cx, told)?;
    cx.log().warn(if cx.left("host-calls").is_some() {
        "calls are counted"
    } else {
        "calls are not counted"
    });
    told = told.with("unknown", cx.left("no-such-counter").is_none());
    Ok(Outcome::Done(told.into_inner()))
}

/// Two pages of one record each.
fn names(cx: &Context) -> Result<Vec<String>, Fault> {
    let mut query = Query {
        conditions: vec![
            Condition::new("turnover", "ge", Value::Decimal("1.50".into())),
            Condition::new("name", "filled", Value::Null),
        ],
        order: vec!["-turnover".into(), "name".into()],
        fields: vec!["name".into()],
        limit: 1,
        cursor: None,
    };
    let mut names = Vec::new();
    loop {
        let page = cx.records().find("company", &query)?;
        names.extend(
            page.entries.into_iter().filter_map(|entry| Fields::from_entry(entry).get::<String>("name")),
        );
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(names),
        }
    }
}

fn store(cx: &Context, told: Fields) -> Result<Fields, Fault> {
    let storage = cx.storage();
    storage.set("seen/1", &[0xde, 0xff])?;
    let stored = storage.get("seen/1")?;
    let missing = storage.get("seen/9")?.is_none();
    let swapped = storage.swap("seen/1", Some(&[0xde, 0xff]), Some(b"next"))?;
    let lost = storage.swap("seen/2", None, None)?;
    let keys = storage.keys("seen/", Some("seen/0"), 10)?;
    storage.delete("seen/1")?;
    Ok(told
        .with("stored", stored.map(Value::Bytes))
        .with("missing", missing)
        .with("swapped", swapped)
        .with("lost", lost)
        .with("keys", keys))
}

pub(crate) fn rates(cx: &Context, input: &Fields, purpose: Purpose) -> Result<Fields, Fault> {
    let base = "https://rates.example.com/v1";
    match purpose {
        Purpose::Probe => {
            let answer = cx.http().get(&format!("{base}/health"), None)?;
            Ok(Fields::default().with("reachable", answer.status == 200))
        }
        Purpose::Invoke => {
            let currency: String = input.need("currency")?;
            let answer = cx.http().get(&format!("{base}/rates/{currency}"), Some("rates"))?;
            match answer.status {
                200 => {
                    let rate = String::from_utf8_lossy(&answer.body).into_owned();
                    Ok(Fields::default().with("rate", Value::Decimal(rate)))
                }
                status => {
                    Err(Fault { retry: Retry::Backoff, ..fault("rates.status", format!("status {status}")) })
                }
            }
        }
    }
}
