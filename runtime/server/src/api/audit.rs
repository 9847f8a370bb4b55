//! The tenant's audit trail for administrators: who did what, when, from where, newest first; and the same as a file.

use axum::extract::Query;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use mortise_engine::TrailFilter;
use serde_json::{Value, json};

use super::body::json as json_answer;
use crate::context::Administrator;
use crate::{Failure, SignedIn, auth};

/// Entries of one answer unless asked otherwise.
const ENTRIES: i64 = 100;

type Pairs = Query<Vec<(String, String)>>;

/// A filter of the trail, and what else was asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Which entries.
    pub filter: TrailFilter,
    /// Only entries before this one.
    pub before: Option<i64>,
    /// So many entries.
    pub limit: Option<i64>,
}

impl Asked {
    /// Reads parameters. Empty ones, as forms send them, are none; unknown ones are refused: a mistyped filter must not
    /// show everything.
    pub fn parse(by: &SignedIn, params: &[(String, String)]) -> Result<Asked, Failure> {
        let mut asked = Asked::default();
        let filter = &mut asked.filter;
        for (name, value) in params.iter().filter(|(_, value)| !value.trim().is_empty()) {
            let value = value.trim();
            let wrong = |allowed: &str| {
                let failure = Failure::bad_request("http.parameter").with("name", name);
                failure.with("value", value.chars().take(60).collect::<String>()).with("allowed", allowed)
            };
            let whole = || value.parse::<i64>().map_err(|_| wrong("1, 2, 3 …"));
            match name.as_str() {
                "actor" => filter.actor = Some(value.parse().map_err(|_| wrong("UUID"))?),
                "record" => filter.record = Some(value.parse().map_err(|_| wrong("UUID"))?),
                "people" => filter.people = Some(value.parse().map_err(|_| wrong("true, false"))?),
                "entity" => filter.entity = Some(value.to_owned()),
                "action" => filter.action = Some(value.to_owned()),
                "from" => filter.from = Some(moment(by, value, false).ok_or_else(|| wrong(MOMENTS))?),
                "until" => filter.until = Some(moment(by, value, true).ok_or_else(|| wrong(MOMENTS))?),
                "before" => asked.before = Some(whole()?),
                "limit" => asked.limit = Some(whole()?),
                _ => return Err(wrong(NAMES)),
            }
        }
        Ok(asked)
    }
}

const NAMES: &str = "actor, people, record, entity, action, from, until, before, limit";
const MOMENTS: &str = "2026-11-22, 2026-11-22T09:00:00Z";

/// A moment, or the beginning of a day where the person is; of `until` the day is part of what is asked for.
fn moment(by: &SignedIn, text: &str, whole_day: bool) -> Option<DateTime<Utc>> {
    let Ok(day) = text.parse::<NaiveDate>() else {
        return DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    };
    let day = if whole_day { day.succ_opt()? } else { day };
    // A day whose midnight a change of clocks leaves out begins an hour later.
    let hours = [0, 1].into_iter().filter_map(|hour| day.and_hms_opt(hour, 0, 0));
    let mut begins = hours.filter_map(|local| by.user().tz.from_local_datetime(&local).earliest());
    begins.next().map(|at| at.to_utc())
}

/// `GET /audit?actor=&people=&record=&entity=&action=&from=&until=&before=&limit=`. Where `next` is not null there is more, even
/// if no entry was found so far: go on with `before` = `next`.
pub(super) async fn list(by: Administrator, Query(params): Pairs) -> Result<Response, Failure> {
    let asked = Asked::parse(&by, &params)?;
    let limit = asked.limit.unwrap_or(ENTRIES);
    let found = by.tenant.engine.trail(by.actor(), &asked.filter, asked.before, limit).await?;
    let rows = found.entries.iter().map(|stored| {
        let entry = &stored.entry;
        json!({
            "seq": stored.seq,
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "entity": entry.entity,
            "record": entry.record,
            "version": entry.version,
            "channel": entry.channel,
            "ip": entry.ip,
            "device": entry.device,
            "changes": serde_json::from_str::<Value>(&entry.changes).unwrap_or_default(),
            "hash": stored.hash.as_slice().try_into().ok().map(auth::hex),
        })
    });
    Ok(json_answer(&json!({"rows": rows.collect::<Vec<_>>(), "next": found.next})))
}

/// `GET /audit/export?actor=&people=&record=&entity=&action=&from=&until=`: all of it as CSV.
pub(super) async fn export(by: Administrator, Query(params): Pairs) -> Result<Response, Failure> {
    export_file(&by, &params).await
}

/// The trail as a file, streamed from a temporary file that vanishes afterwards.
pub async fn export_file(by: &SignedIn, params: &[(String, String)]) -> Result<Response, Failure> {
    let asked = Asked::parse(by, params)?;
    let export = by.tenant.engine.export_trail(by.actor(), &asked.filter).await?;
    super::note(by, "audit.exported", json!({"rows": export.rows})).await?;
    let stream = tokio_util::io::ReaderStream::new(tokio::fs::File::from_std(export.file));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(export.media_type)),
        (header::CONTENT_LENGTH, HeaderValue::from(export.bytes)),
        (header::CONTENT_DISPOSITION, super::files::disposition("attachment", &export.name)),
    ];
    Ok((headers, axum::body::Body::from_stream(stream)).into_response())
}
