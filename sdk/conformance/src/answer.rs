//! Answers of plugins as a case would write them, and their comparison with what was expected.

use mortise_plugin_host::run::Run;
use mortise_plugin_host::value::{
    Document, Field, Outcome, Progress, Scored, Table, Value, Verdict, Violation,
};
use serde_json::{Value as Json, json};

use crate::value::{written, written_fields, written_raw};

/// A run with its answer written.
pub(crate) fn of<T>(run: Run<T>, write: impl FnOnce(T) -> Json) -> Run<Json> {
    Run { outcome: run.outcome.map(write), record: run.record }
}

pub(crate) fn violations(said: &[Violation]) -> Json {
    json!(said)
}

pub(crate) fn verdict(said: &Verdict) -> Json {
    match said {
        Verdict::Proceed => json!("proceed"),
        Verdict::Change(fields) => json!({ "change": written_fields(fields) }),
        Verdict::Reject(fault) => json!({ "reject": fault }),
    }
}

pub(crate) fn outcome(said: &Outcome) -> Json {
    match said {
        Outcome::Done(fields) => json!({ "done": written_fields(fields) }),
        Outcome::SleepUntil(time) => json!({ "sleep-until": time }),
        Outcome::WaitFor(event) => json!({ "wait-for": event }),
    }
}

pub(crate) fn values(said: &[Value]) -> Json {
    said.iter().map(written).collect()
}

pub(crate) fn scores(said: &[Scored]) -> Json {
    json!(said)
}

pub(crate) fn table(said: &Table) -> Json {
    json!(said)
}

pub(crate) fn document(said: &Document) -> Json {
    json!({ "name": said.name, "media_type": said.media_type, "content": written_raw(&said.content) })
}

pub(crate) fn progress(said: &Progress) -> Json {
    let cursor = said.cursor.as_deref().map(written_raw);
    json!({ "cursor": cursor, "processed": said.processed, "note": said.note })
}

pub(crate) fn fields(said: &[Field]) -> Json {
    written_fields(said)
}

/// Whether two pieces of JSON say the same: a key that is missing is one that is `null`, and 1 is 1.0.
pub(crate) fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(first), Json::Object(second)) => {
            let keys = first.keys().chain(second.keys());
            let get = |object: &serde_json::Map<String, Json>, key: &str| {
                object.get(key).cloned().unwrap_or_default()
            };
            keys.into_iter().all(|key| same(&get(first, key), &get(second, key)))
        }
        (Json::Array(first), Json::Array(second)) => {
            first.len() == second.len() && first.iter().zip(second).all(|(one, other)| same(one, other))
        }
        (Json::Number(first), Json::Number(second)) => {
            first == second || !(first.is_i64() && second.is_i64()) && first.as_f64() == second.as_f64()
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_null_and_nothing_else_is_alike() {
        assert!(same(&json!({ "a": 1, "b": null }), &json!({ "a": 1.0 })));
        assert!(same(&json!([{ "a": [] }]), &json!([{ "a": [] }])));
        for (one, other) in [
            (json!({ "a": 1 }), json!({ "a": 2 })),
            (json!({ "a": 1 }), json!({ "a": 1, "b": 0 })),
            (json!([1]), json!([1, 1])),
            (json!("1"), json!(1)),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64)),
        ] {
            assert!(!same(&one, &other) && !same(&other, &one), "{one} {other}");
        }
    }
}
