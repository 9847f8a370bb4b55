//! A case as it is written, read from a file of one or of many. Says what is wrong by file, number of the case and place.

use mortise_plugin_host::manifest::Point;
use mortise_plugin_host::value::{Call, Fault, Retry};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::said::Said;
use crate::value::fields;

/// Why a file holds no cases.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// No JSON, or keys that cases do not have.
    #[error("{file}, case {number}: {reason}")]
    Form {
        /// The file.
        file: String,
        /// Which case of it, from 1.
        number: usize,
        /// What is wrong.
        reason: Said,
    },
    /// A value that is none, at a place within the case.
    #[error("{place}: {reason}")]
    Value {
        /// `input.after.fields.name`.
        place: String,
        /// What is wrong and what there may be.
        reason: Said,
    },
}

impl CaseError {
    /// The same in a language.
    pub fn words(&self, language: &str) -> String {
        self.said().words(language)
    }

    pub(crate) fn said(&self) -> Said {
        match self {
            CaseError::Form { file, number, reason } => {
                Said::new("form").arg("file", file).arg("number", number).saying("reason", reason.clone())
            }
            CaseError::Value { place, reason } => {
                Said::new("value").arg("place", place).saying("reason", reason.clone())
            }
        }
    }
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub about: String,
    /// The point that is called.
    pub point: Point,
    /// The export that is called.
    pub export: String,
    /// The circumstances.
    pub call: Call,
    /// What the point takes, as it was written.
    pub input: Map<String, Json>,
    /// What the host is asked, in this order.
    pub host: Vec<Turn>,
    /// What has to come back.
    pub expected: Expected,
    /// Lines of the run log, when they matter.
    pub log: Option<Vec<String>>,
}

/// How a call has to end.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// With this answer.
    Answer(Json),
    /// With a fault of the plugin; what is not given is not compared.
    Fault {
        /// Its code.
        code: String,
        /// Its words.
        message: Option<String>,
        /// Whether trying again helps.
        retry: Option<Retry>,
    },
    /// With a failure that the host finds, by its code.
    Failure(String),
}

/// One question to the host, and its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// `records.get`.
    pub call: String,
    /// Arguments that have to be these.
    #[serde(default)]
    pub with: Map<String, Json>,
    /// The answer.
    #[serde(default)]
    pub gives: Json,
    /// The fault that the host answers with instead.
    pub fault: Option<FaultSource>,
}

/// A fault as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSource {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: Option<String>,
    /// `never`, `backoff` or `{"after_ms": 500}`.
    pub retry: Option<Retry>,
}

impl FaultSource {
    pub(crate) fn fault(&self) -> Fault {
        Fault {
            code: self.code.clone(),
            message: self.message.clone().unwrap_or_default(),
            retry: self.retry.unwrap_or(Retry::Never),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    about: Option<String>,
    point: Point,
    export: String,
    #[serde(default)]
    call: Circumstances,
    #[serde(default)]
    input: Map<String, Json>,
    #[serde(default)]
    host: Vec<Turn>,
    #[serde(default, deserialize_with = "given")]
    expect: Option<Json>,
    fault: Option<FaultSource>,
    failure: Option<String>,
    log: Option<Vec<String>>,
}

/// A key that is there with `null` is another thing than one that is not there.
fn given<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(reader).map(Some)
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Circumstances {
    tenant: Option<String>,
    actor: Option<String>,
    locale: Option<String>,
    time_zone: Option<String>,
    now: Option<String>,
    idempotency_key: Option<String>,
    attempt: Option<u32>,
    depth: Option<u32>,
    config: Map<String, Json>,
}

impl Circumstances {
    fn call(self) -> Result<Call, CaseError> {
        let or = |given: Option<String>, usual: &str| given.unwrap_or_else(|| usual.to_owned());
        Ok(Call {
            tenant: or(self.tenant, "test"),
            actor: Some(or(self.actor, "tester")),
            locale: or(self.locale, "en"),
            time_zone: or(self.time_zone, "Asia/Shanghai"),
            now: or(self.now, "2026-03-31T08:15:00Z"),
            idempotency_key: or(self.idempotency_key, "test"),
            attempt: self.attempt.unwrap_or(1),
            depth: self.depth.unwrap_or(0),
            config: fields(&Json::Object(self.config), "call.config")?,
        })
    }
}

/// The cases of a file: one, or a list of them.
pub fn read(file: &str, text: &str) -> Result<Vec<Case>, CaseError> {
    let form = |number: usize, reason: Said| CaseError::Form { file: file.to_owned(), number, reason };
    let unread = |error: serde_json::Error| Said::new("json").arg("detail", error);
    let document: Json = serde_json::from_str(text).map_err(|error| form(1, unread(error)))?;
    let list = match document {
        Json::Array(list) => list,
        one => vec![one],
    };
    let read = list.into_iter().zip(1..).map(|(source, number)| {
        let source = serde_json::from_value(source).map_err(|error| form(number, unread(error)))?;
        case(source).map_err(|reason| form(number, reason))
    });
    read.collect()
}

fn case(source: Source) -> Result<Case, Said> {
    let expected = match (source.expect, source.fault, source.failure) {
        (Some(answer), None, None) => Expected::Answer(answer),
        (None, Some(fault), None) => {
            Expected::Fault { code: fault.code, message: fault.message, retry: fault.retry }
        }
        (None, None, Some(code)) => Expected::Failure(code),
        _ => return Err(Said::new("one_ending")),
    };
    Ok(Case {
        about: source.about.unwrap_or_else(|| format!("{} {}", source.point.name(), source.export)),
        point: source.point,
        export: source.export,
        call: source.call.call().map_err(|error| error.said())?,
        input: source.input,
        host: source.host,
        expected,
        log: source.log,
    })
}
