//! What the plugin does with values alone: circumstances, steps that wait, figures, a job.

use mortise_sdk::prelude::*;
use serde_json::json;

pub(crate) fn circumstances(cx: &Context) -> Outcome {
    let call = cx.call();
    let fields = Fields::default()
        .with("tenant", call.tenant.as_str())
        .with("actor", call.actor.as_deref())
        .with("locale", cx.locale())
        .with("chinese", cx.chinese())
        .with("time_zone", call.time_zone.as_str())
        .with("now", Value::Timestamp(cx.now().to_owned()))
        .with("key", call.idempotency_key.as_str())
        .with("attempt", i64::from(call.attempt))
        .with("depth", i64::from(call.depth))
        .with("greeting", cx.setting::<String>("greeting"))
        .with("strict", cx.setting::<bool>("strict"));
    Outcome::Done(fields.into_inner())
}

pub(crate) fn steps(cx: &Context, input: &Fields, resumed: Option<Fields>) -> Result<Outcome, Fault> {
    if let Some(resumed) = resumed {
        let answer: String = resumed.need("answer")?;
        let attempt = i64::from(cx.call().attempt);
        return Ok(Outcome::Done(
            Fields::default().with("answer", answer).with("attempt", attempt).into_inner(),
        ));
    }
    let mode: String = input.need("mode")?;
    match mode.as_str() {
        "sleep" => Ok(Outcome::SleepUntil("2026-04-01T00:00:00Z".into())),
        "wait" => Ok(Outcome::WaitFor(format!("approved:{}", cx.call().idempotency_key))),
        "later" => Err(Fault { retry: Retry::Backoff, ..fault("steps.later", "try again") }),
        "soon" => Err(Fault { retry: Retry::AfterMs(1500), ..fault("steps.soon", "try again soon") }),
        "break" => panic!("the plugin breaks down as it was told to"),
        other => Err(fault("steps.mode", format!("there is no mode {other}"))),
    }
}

pub(crate) fn figures(cx: &Context, params: &Fields) -> Result<Table, Fault> {
    let rows: i64 = params.need("rows")?;
    let label = if cx.chinese() { "数量" } else { "Number" };
    let column = |name: &str, label: &str, kind: &str| Column {
        name: name.into(),
        label: label.into(),
        kind: kind.into(),
    };
    let lines: Vec<serde_json::Value> =
        (1..=rows).map(|row| json!([format!("row {row}"), row * row, null])).collect();
    Ok(Table {
        columns: vec![
            column("name", "Name", "text"),
            column("number", label, "integer"),
            column("none", "None", "decimal"),
        ],
        rows_json: serde_json::Value::from(lines).to_string(),
    })
}

pub(crate) fn count(cx: &Context, cursor: Option<Vec<u8>>, params: &Fields) -> Result<Progress, Fault> {
    let until: i64 = params.need("until")?;
    let text = cursor.map(String::from_utf8).transpose();
    let from = text.ok().flatten().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let to = until.min(from + 10);
    cx.log().info(format!("counted from {from} to {to}"));
    Ok(Progress {
        cursor: (to < until).then(|| to.to_string().into_bytes()),
        processed: u64::try_from(to - from).unwrap_or(0),
        note: (to >= until).then(|| "finished".into()),
    })
}
