//! What travels between the runtime and a plugin, in the runtime's own types. The generated types of an interface version
//! never leave the module of that version, so that a new version touches nothing else.

use serde::{Deserialize, Serialize};

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a floating point; never NaN or infinite.
    Float(f64),
    /// An exact number: `-12.50`.
    Decimal(String),
    /// Words.
    Text(String),
    /// `2026-03-31`.
    Date(String),
    /// `2026-03-31T08:15:00Z`.
    Timestamp(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Another record.
    Reference {
        /// Its kind.
        entity: String,
        /// Its id.
        id: String,
    },
    /// Several texts.
    Many(Vec<String>),
    /// Anything nested, as JSON text.
    Json(String),
    /// A kind that the plugin's version of the interface does not know.
    Other {
        /// Its name.
        kind: String,
        /// The value as the REST API writes it.
        text: String,
    },
}

/// A value with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Field name, or a path: `country.code`.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<String>, value: Value) -> Field {
        Field { name: name.into(), value }
    }
}

/// A record, cut down to the fields that were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its kind.
    pub entity: String,
    /// Its id; none while it is being created.
    pub id: Option<String>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// Circumstances of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The tenant, as plugins may know it.
    pub tenant: String,
    /// The person, when there is one.
    pub actor: Option<String>,
    /// Language for people: `zh-CN`.
    pub locale: String,
    /// `Asia/Shanghai`.
    pub time_zone: String,
    /// The clock of the transaction.
    pub now: String,
    /// The same for every attempt at the same work.
    pub idempotency_key: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// How many plugins are above this call.
    pub depth: u32,
    /// The plugin's settings in this tenant.
    pub config: Vec<Field>,
}

/// Why something was not done, said by the plugin to the host or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// Whether it makes sense to try again.
    pub retry: Retry,
}

/// Whether it makes sense to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// No.
    Never,
    /// Later.
    Backoff,
    /// Not before this many milliseconds.
    AfterMs(u64),
}

/// Something that is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The field; none when it is the record as a whole.
    pub field: Option<String>,
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// What a `before-save` says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Go on.
    Proceed,
    /// Set these fields and go on.
    Change(Vec<Field>),
    /// Do not save.
    Reject(Fault),
}

/// How far an action has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Finished, with these results.
    Done(Vec<Field>),
    /// Call again at this time.
    SleepUntil(String),
    /// Call again when this event comes in.
    WaitFor(String),
}

/// A number for a record, with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scored {
    /// The record.
    pub id: String,
    /// The number; never NaN or infinite.
    pub score: f64,
    /// What made it.
    pub reasons: Vec<Reason>,
}

/// Part of a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// For people.
    pub text: String,
    /// What it adds.
    pub weight: f64,
}

/// Somebody who may get a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The person.
    pub id: String,
    /// What is known about them.
    pub fields: Vec<Field>,
}

/// Figures of a tile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// A JSON array of arrays; checked to be one.
    pub rows: Vec<Vec<serde_json::Value>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// For programs.
    pub name: String,
    /// For people.
    pub label: String,
    /// `text`, `decimal`, `date` …
    pub kind: String,
}

/// A document that a renderer made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Name of the file.
    pub name: String,
    /// `application/pdf`.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Where the next step goes on; none when the work is finished.
    pub cursor: Option<Vec<u8>>,
    /// How much this step did.
    pub processed: u64,
    /// For people.
    pub note: Option<String>,
}

/// One condition of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// `eq`, `lt`, `contains` …
    pub op: String,
    /// What it is compared with.
    pub value: Value,
}

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// All have to hold.
    pub conditions: Vec<Condition>,
    /// Fields; a `-` in front sorts downwards.
    pub order: Vec<String>,
    /// Fields that are wanted.
    pub fields: Vec<String>,
    /// Most records.
    pub limit: u32,
    /// Where to go on.
    pub cursor: Option<String>,
}

/// Records that were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records.
    pub entries: Vec<Entry>,
    /// Where to go on; none on the last page.
    pub next: Option<String>,
}

/// A call to another system.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Where to; its host is allowed.
    pub url: url::Url,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// The secret to add.
    pub credential: Option<String>,
}

/// What another system answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200, 404 …
    pub status: u16,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// What came back.
    pub body: Vec<u8>,
}
