//! A plugin for tests of everything that plugins are asked for: it chooses people, rates jobs, writes letters, counts, changes
//! records, keeps things in its store and sends requests, as it is told by names and inputs. Built once; `README.md` beside it
//! says how.

#![allow(clippy::needless_pass_by_value, reason = "actions and connectors own what they are called with")]

use mortise_sdk::prelude::*;
use mortise_sdk::{Header, Request};

schema!("plugin.json");

fn refused(message: impl Into<String>) -> Fault {
    Fault { code: "told".into(), message: message.into(), retry: Retry::Never }
}

/// Whom the name of the job says: `to <name>`, `nobody`, `stranger <id>`; or `refuse`, or `crash`.
#[assigner("choose")]
fn choose(_: &Context, job: &Job, candidates: &[Candidate]) -> Result<Option<String>, Fault> {
    let name = job.name().text().to_owned();
    let (word, rest) = name.split_once(' ').unwrap_or((name.as_str(), ""));
    let is_meant = |one: &&Candidate| {
        let wanted =
            |field: &Field| field.name == "name" && matches!(&field.value, Value::Text(text) if text == rest);
        one.fields.iter().any(wanted)
    };
    match word {
        "to" => Ok(candidates.iter().find(is_meant).map(|one| one.id.clone())),
        "stranger" => Ok(Some(rest.to_owned())),
        "refuse" => Err(refused("told to refuse")),
        "crash" => panic!("it breaks down"),
        _ => Ok(None),
    }
}

/// Ten points for each unit of the amount, which has to be there.
#[scorer("rate")]
fn rate(_: &Context, job: &Job) -> Result<Score, Fault> {
    let amount = job.amount().integer().ok_or_else(|| refused("there is no amount"))?;
    let value = amount as f64 * 10.0;
    let reasons = vec![
        Reason { text: "small".into(), weight: 1.0 },
        Reason { text: "amount".into(), weight: value - 1.0 },
        Reason { text: format!("rated {}", job.name().text()), weight: 0.0 },
    ];
    Ok(Score { value, reasons })
}

#[renderer("letter")]
fn letter(cx: &Context, job: &Job, params: Fields) -> Result<Document, Fault> {
    let greeting: String = params.need("greeting")?;
    cx.log().info("a letter is written");
    let amount = job.amount().integer().unwrap_or_default();
    let words = format!("{greeting} {}: {amount}", job.name().text());
    Ok(Document {
        name: format!("{}.txt", job.name().text()),
        media_type: "text/plain".into(),
        content: words.into_bytes(),
    })
}

/// Names of the jobs that whoever looks may see, those above `above` only.
#[provider("tally")]
fn tally(cx: &Context, params: Fields) -> Result<Table, Fault> {
    let above: i64 = params.need("above")?;
    if above < 0 {
        return Err(refused("nothing is below nothing"));
    }
    let query = Query {
        conditions: vec![Condition::new("amount", "gt", above)],
        order: vec!["name".into()],
        fields: vec!["name".into()],
        limit: 100,
        cursor: None,
    };
    let page = cx.records().find("job", &query)?;
    let name = |entry: Entry| Fields::from_entry(entry).get::<String>("name").unwrap_or_default();
    let rows: Vec<String> = page.entries.into_iter().map(|entry| format!("[{:?}]", name(entry))).collect();
    let column = Column { name: "name".into(), label: "Name".into(), kind: "text".into() };
    Ok(Table { columns: vec![column], rows_json: format!("[{}]", rows.join(",")) })
}

/// Changes a job, deletes it, or makes a task of it: `do`, `job`, `field` and `value`.
#[action("write")]
fn write(cx: &Context, input: Fields, _: Option<Fields>) -> Result<Outcome, Fault> {
    let (what, job): (String, String) = (input.need("do")?, input.need("job")?);
    let given = |name: &str| input.need::<String>(name);
    match what.as_str() {
        "note" => {
            cx.records().update("job", &job, &Fields::default().with("note", given("value")?).into_inner())?
        }
        "amount" => {
            cx.records().update("job", &job, &Fields::default().with("amount", 7_i64).into_inner())?
        }
        "name" => {
            cx.records().update("job", &job, &Fields::default().with("name", given("value")?).into_inner())?
        }
        "delete" => cx.records().delete("job", &job)?,
        _ => {
            let reference = mortise_sdk::Reference { entity: "job".into(), id: job };
            let task =
                Fields::default().with("job", Value::Reference(reference)).with("what", given("value")?);
            cx.records().create("task", &task.into_inner())?;
        }
    }
    Ok(Outcome::Done(Vec::new()))
}

/// Keeps `size` bytes under a key, deletes it, or swaps it from nothing: `do`, `key` and `size`.
#[connector("keep")]
fn keep(cx: &Context, input: Fields, _: Purpose) -> Result<Fields, Fault> {
    let (what, key): (String, String) = (input.need("do")?, input.need("key")?);
    let size = input.get::<i64>("size").and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    let value = vec![b'x'; size];
    let did = match what.as_str() {
        "set" => cx.storage().set(&key, &value).map(|()| true)?,
        "delete" => cx.storage().delete(&key).map(|()| true)?,
        // What was written before a failure stays; a transaction is one call to the store.
        "set-and-fail" => {
            cx.storage().set(&key, &value)?;
            return Err(refused("kept, and failed"));
        }
        _ => cx.storage().swap(&key, None, Some(&value))?,
    };
    Ok(Fields::default().with("did", did))
}

/// Sends a request to `url` with the credential, writes it down, and gives back what came, as a fault unless it is 200.
#[connector("send")]
fn send(cx: &Context, input: Fields, _: Purpose) -> Result<Fields, Fault> {
    let request = Request {
        method: "POST".into(),
        url: input.need("url")?,
        headers: vec![Header { name: "x-request".into(), value: cx.call().idempotency_key.clone() }],
        body: Some(b"words".to_vec()),
        credential: Some("key".into()),
        timeout_ms: None,
    };
    cx.log().info(format!("sent {request:?} as {:?}", cx.call()));
    let response = cx.http().send(&request)?;
    let words = String::from_utf8_lossy(&response.body).into_owned();
    cx.log().info(format!("came {response:?}"));
    match response.status {
        200 => Ok(Fields::default().with("words", words)),
        status => {
            Err(Fault { code: "answer".into(), message: format!("{status}: {words}"), retry: Retry::Backoff })
        }
    }
}

export!();
