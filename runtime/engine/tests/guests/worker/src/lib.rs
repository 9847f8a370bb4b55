//! A plugin for tests of what happens in the background: it writes down every call in its store, and does, fails and waits as
//! it is told. Built once; `README.md` beside it says how.

#![allow(clippy::needless_pass_by_value, reason = "actions and connectors own what they are called with")]

use mortise_sdk::prelude::*;

schema!("plugin.json");

/// Calls are refused as long as this key holds a number above zero, which goes down with each.
const REFUSALS: &str = "refusals";
/// But only when so many calls have been written down.
const REFUSE_FROM: &str = "refuse-from";
/// Records of one step.
const PAGE: u32 = 100;

/// Refuses as often as the test wants, then writes the call down: `log/<number>`.
fn enter(cx: &Context, what: &str) -> Result<(), Fault> {
    let logged = cx.storage().keys("log/", None, 1_000)?.len();
    let left = number(cx, REFUSALS)?;
    if left > 0 && logged >= usize::try_from(number(cx, REFUSE_FROM)?).unwrap_or_default() {
        cx.storage().set(REFUSALS, (left - 1).to_string().as_bytes())?;
        return Err(Fault { code: "told".into(), message: "told to refuse".into(), retry: Retry::Backoff });
    }
    let call = cx.call();
    let line = format!("{what} key={} attempt={}", call.idempotency_key, call.attempt);
    // Another call may write at the same time.
    for place in logged.. {
        if cx.storage().swap(&format!("log/{place:04}"), None, Some(line.as_bytes()))? {
            break;
        }
    }
    Ok(())
}

/// What a key of the store says; 0 without it.
fn number(cx: &Context, key: &str) -> Result<i64, Fault> {
    let stored = cx.storage().get(key)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&stored).parse().unwrap_or(0))
}

fn amount(job: Option<&Job>) -> String {
    let amount = job.and_then(|job| job.amount().integer());
    amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string())
}

#[after_commit("tell")]
fn tell(cx: &Context, change: &Change<Job>) -> Result<(), Fault> {
    let name = change.record().map(|job| job.name().text().to_owned()).unwrap_or_default();
    let (before, after) = (amount(change.before.as_ref()), amount(change.after.as_ref()));
    enter(cx, &format!("{} {name} {before}->{after}", change.op))?;
    // Goes round in a circle: each change leads to the next.
    if name == "circle"
        && let Some(job) = &change.after
        && let Some(id) = &job.entry().id
    {
        let next = job.amount().integer().unwrap_or_default() + 1;
        cx.records().update("job", id, &Fields::default().with("amount", next).into_inner())?;
    }
    Ok(())
}

#[after_commit("tell-large")]
fn tell_large(cx: &Context, change: &Change<Job>) -> Result<(), Fault> {
    enter(cx, &format!("large {}", amount(change.after.as_ref())))
}

#[action("greet")]
fn greet(cx: &Context, input: Fields, _: Option<Fields>) -> Result<Outcome, Fault> {
    let name: String = input.need("name")?;
    enter(cx, &format!("greet {name}"))?;
    let length = i64::try_from(name.chars().count()).unwrap_or_default();
    let answer = Fields::default().with("words", format!("Hello {name}")).with("length", length);
    Ok(Outcome::Done(answer.into_inner()))
}

#[action("nap")]
fn nap(cx: &Context, input: Fields, resumed: Option<Fields>) -> Result<Outcome, Fault> {
    enter(cx, if resumed.is_some() { "awake" } else { "tired" })?;
    match resumed {
        None => Ok(Outcome::SleepUntil(input.need("until")?)),
        Some(_) => {
            Ok(Outcome::Done(Fields::default().with("words", format!("woke at {}", cx.now())).into_inner()))
        }
    }
}

#[action("wait")]
fn wait(cx: &Context, input: Fields, resumed: Option<Fields>) -> Result<Outcome, Fault> {
    enter(cx, if resumed.is_some() { "came" } else { "waits" })?;
    match resumed {
        None => Ok(Outcome::WaitFor(input.need("key")?)),
        Some(arrived) => {
            let words: String = arrived.need("words")?;
            Ok(Outcome::Done(Fields::default().with("words", words).into_inner()))
        }
    }
}

#[action("fail")]
fn fail(_: &Context, _: Fields, _: Option<Fields>) -> Result<Outcome, Fault> {
    Err(Fault { code: "never".into(), message: "it is of no use".into(), retry: Retry::Never })
}

#[action("crash")]
fn crash(cx: &Context, _: Fields, _: Option<Fields>) -> Result<Outcome, Fault> {
    match cx.storage().get("mended")? {
        Some(_) => Ok(Outcome::Done(Vec::new())),
        None => panic!("it breaks down"),
    }
}

#[connector("echo")]
fn echo(_: &Context, input: Fields, purpose: Purpose) -> Result<Fields, Fault> {
    match purpose {
        Purpose::Probe => Ok(Fields::default().with("words", "reachable")),
        Purpose::Invoke => {
            let words: String = input.need("words")?;
            Ok(Fields::default().with("words", format!("{words}, {words}")))
        }
    }
}

/// Counts records and adds up their amounts, a page at a time.
#[job("walk")]
fn walk(cx: &Context, cursor: Option<Vec<u8>>, _: Fields) -> Result<Progress, Fault> {
    enter(cx, "step")?;
    let cursor = cursor.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let query = Query {
        conditions: Vec::new(),
        order: vec!["name".into()],
        fields: vec!["amount".into()],
        limit: PAGE,
        cursor,
    };
    let page = cx.records().find("job", &query)?;
    let mut sum = number(cx, "sum")?;
    let processed = page.entries.len() as u64;
    for entry in page.entries {
        sum += Fields::from_entry(entry).get::<i64>("amount").unwrap_or_default();
    }
    cx.storage().set("sum", sum.to_string().as_bytes())?;
    Ok(Progress { cursor: page.next.map(String::into_bytes), processed, note: Some(format!("sum {sum}")) })
}

#[job("stuck")]
fn stuck(_: &Context, _: Option<Vec<u8>>, _: Fields) -> Result<Progress, Fault> {
    Ok(Progress { cursor: Some(b"here".to_vec()), processed: 0, note: None })
}

export!();
