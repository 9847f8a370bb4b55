//! Calls of plugins that wait, as rows: made in the transaction of whatever asked for them, carried out afterwards at least
//! once, and kept with the reason when they could not be. Only the statements; when which state follows is said elsewhere.

use chrono::{DateTime, Utc};
use mortise_plugin_host::manifest::Point;
use mortise_store::{Param, Row, Session, TenantStore};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::automation::timer::moment;
use crate::automation::{Cause, Failure};
use crate::commands::Work;
use crate::error::Error;
use crate::queue::Queue;

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// It is made as soon as it is due.
    Waiting,
    /// The plugin asked to be called again at a moment.
    Sleeping,
    /// The plugin waits for a signal.
    Awaiting,
    /// It was made, and everything that follows from it is done.
    Done,
    /// It was given up, and waits for somebody to look at it.
    Dead,
    /// Somebody decided that it is not to be made, or its author that it need not.
    Dismissed,
}

impl CallState {
    /// All of them.
    pub const ALL: [CallState; 6] = [
        CallState::Waiting,
        CallState::Sleeping,
        CallState::Awaiting,
        CallState::Done,
        CallState::Dead,
        CallState::Dismissed,
    ];

    /// Name in the database and in answers.
    pub fn name(self) -> &'static str {
        match self {
            CallState::Waiting => "waiting",
            CallState::Sleeping => "sleeping",
            CallState::Awaiting => "awaiting",
            CallState::Done => "done",
            CallState::Dead => "dead",
            CallState::Dismissed => "dismissed",
        }
    }

    /// Whether nothing happens with it any more.
    pub fn is_over(self) -> bool {
        matches!(self, CallState::Done | CallState::Dismissed)
    }
}

/// A call of a plugin in the background.
#[derive(Debug, Clone, Serialize)]
pub struct PluginCall {
    /// Id. The plugin gets it as part of the key by which it knows what it has done already.
    pub id: Uuid,
    /// Since when it is to be made.
    pub at: DateTime<Utc>,
    /// The plugin.
    pub plugin: String,
    /// At which point: `after-commit`, `action`, `connector`, `validator`.
    pub point: String,
    /// The plugin's export.
    pub export: String,
    /// Where it stands.
    pub state: CallState,
    /// Tries so far, since the plugin last got on.
    pub attempts: i64,
    /// When it is made next.
    pub next_at: Option<DateTime<Utc>>,
    /// The signal that the plugin waits for.
    pub wait_key: Option<String>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why the last try failed.
    pub error: Option<Failure>,
    /// The plugin is off, broken or gone, so that it waits for that to change.
    pub held: bool,
    /// Entity of the record that it is about.
    pub entity: Option<String>,
    /// That record.
    pub record: Option<Uuid>,
    /// With whom it began.
    pub actor: Option<Uuid>,
    /// The event from which it follows.
    #[serde(skip)]
    pub(crate) event: Option<i64>,
    /// Length of the chain of things that set each other off.
    #[serde(skip)]
    pub(crate) depth: i64,
    /// What the plugin is given.
    #[serde(skip)]
    pub(crate) input: Json,
    /// What arrived since the plugin asked to wait.
    #[serde(skip)]
    pub(crate) resumed: Option<Json>,
    /// What the plugin gave back, as long as something has to follow from it.
    #[serde(skip)]
    pub(crate) result: Option<Json>,
    /// Who asked.
    #[serde(flatten)]
    pub why: Why,
}

/// Who asked for a call, and how far it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Key of the rule or step of a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The action in it: a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How often the plugin has asked to be called again.
    #[serde(default)]
    pub steps: u32,
}

const COLUMNS: &str = "id, at, plugin, point, export, state, attempts, next_at, wait_key, ended_at, error, entity, record, \
     actor, event, depth, input, resumed, result, cause";

/// The states of calls that still have something to do, for SQL.
pub(in crate::plugins) const OPEN: &str = "'waiting', 'sleeping', 'awaiting'";

/// The queue of calls.
pub(super) const CALLS: Queue<PluginCall> = Queue {
    table: "_plugin_call",
    columns: COLUMNS,
    strand: "plugin",
    pending: "'waiting', 'sleeping'",
    open: OPEN,
    read,
};

impl PluginCall {
    /// A call that is to be made now, because of what `work` does.
    pub(crate) fn new(work: &Work, point: Point, (plugin, export): (&str, &str), input: Json) -> PluginCall {
        let cause = work.cause.as_deref();
        PluginCall {
            id: work.env.id(),
            at: work.now,
            plugin: plugin.to_owned(),
            point: point.name().to_owned(),
            export: export.to_owned(),
            state: CallState::Waiting,
            attempts: 0,
            next_at: Some(work.now),
            wait_key: None,
            ended_at: None,
            error: None,
            held: false,
            entity: None,
            record: None,
            actor: cause.map_or_else(|| work.actor.id(), |cause| cause.actor),
            event: cause.and_then(|cause| cause.event),
            depth: cause.map_or(0, |cause| i64::from(cause.depth)),
            input,
            resumed: None,
            result: None,
            why: Why::default(),
        }
    }

    /// The same about a record.
    pub(crate) fn about(self, entity: &str, record: Uuid) -> PluginCall {
        PluginCall { entity: Some(entity.to_owned()), record: Some(record), ..self }
    }

    /// The point; none for what no version of this program knows any more.
    pub(crate) fn point(&self) -> Option<Point> {
        Point::ALL.into_iter().find(|point| point.name() == self.point)
    }

    /// What is the same for every try at the same work, and another one once the plugin has got on.
    pub(crate) fn key(&self) -> String {
        match self.why.steps {
            0 => self.id.to_string(),
            steps => format!("{}:{steps}", self.id),
        }
    }

    /// Why what follows from it happens.
    pub(crate) fn cause(&self) -> Cause {
        Cause {
            event: self.event,
            depth: i32::try_from(self.depth).unwrap_or(i32::MAX),
            rule: self.why.rule.clone().unwrap_or_else(|| format!("plugin:{}/{}", self.plugin, self.export)),
            actor: self.actor,
            via: None,
        }
    }
}

/// Puts a call into the queue.
pub(crate) fn put(session: &mut Session<'_>, call: &PluginCall) -> Result<(), Error> {
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
         ?18, ?19, ?20)",
        session.naming.table("_plugin_call")
    ));
    let json = |json: &Option<Json>| Param::String(json.as_ref().map(Json::to_string));
    let params: [Param; 20] = [
        call.id.into(),
        call.at.into(),
        call.plugin.as_str().into(),
        call.point.as_str().into(),
        call.export.as_str().into(),
        call.state.name().into(),
        call.attempts.into(),
        Param::ChronoDateTimeUtc(call.next_at),
        Param::String(call.wait_key.clone()),
        Param::ChronoDateTimeUtc(call.ended_at),
        error(call),
        Param::String(call.entity.clone()),
        Param::Uuid(call.record),
        Param::Uuid(call.actor),
        Param::BigInt(call.event),
        call.depth.into(),
        call.input.to_string().into(),
        json(&call.resumed),
        json(&call.result),
        why(call),
    ];
    session.execute(&sql, &params)?;
    session.wake_lane();
    Ok(())
}

/// Dismisses the oldest calls like this one that wait, so that with it there are no more than so many.
pub(super) fn make_room(session: &mut Session<'_>, call: &PluginCall, most: i64) -> Result<(), Error> {
    let table = session.naming.table("_plugin_call");
    let sql = session.naming.sql(&format!(
        "UPDATE {table} SET state = 'dismissed', next_at = NULL, ended_at = ?6 WHERE id IN (SELECT id FROM {table} \
         WHERE record = ?1 AND plugin = ?2 AND point = ?3 AND export = ?4 AND state = 'waiting' \
         ORDER BY id DESC LIMIT 1000 OFFSET ?5)"
    ));
    let params: [Param; 6] = [
        Param::Uuid(call.record),
        call.plugin.as_str().into(),
        call.point.as_str().into(),
        call.export.as_str().into(),
        (most - 1).into(),
        call.at.into(),
    ];
    session.execute(&sql, &params)?;
    Ok(())
}

fn error(call: &PluginCall) -> Param {
    Param::String(call.error.as_ref().and_then(|error| serde_json::to_string(error).ok()))
}

fn why(call: &PluginCall) -> Param {
    Param::String(serde_json::to_string(&call.why).ok())
}

/// Writes what has become of a call, unless somebody decided something about it since it was read.
pub(super) fn update(session: &mut Session<'_>, was: &PluginCall, call: &PluginCall) -> Result<bool, Error> {
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET state = ?4, attempts = ?5, next_at = ?6, wait_key = ?7, ended_at = ?8, error = ?9, resumed = ?10, \
         result = ?11, cause = ?12 WHERE id = ?1 AND state = ?2 AND attempts = ?3",
        session.naming.table("_plugin_call")
    ));
    let json = |json: &Option<Json>| Param::String(json.as_ref().map(Json::to_string));
    let params: [Param; 12] = [
        was.id.into(),
        was.state.name().into(),
        was.attempts.into(),
        call.state.name().into(),
        call.attempts.into(),
        Param::ChronoDateTimeUtc(call.next_at),
        Param::String(call.wait_key.clone()),
        Param::ChronoDateTimeUtc(call.ended_at),
        error(call),
        json(&call.resumed),
        json(&call.result),
        why(call),
    ];
    let changed = session.execute(&sql, &params)?;
    session.wake_lane();
    Ok(changed > 0)
}

/// A call inside a write.
pub(super) fn find(session: &mut Session<'_>, id: Uuid) -> Result<Option<PluginCall>, Error> {
    let table = session.naming.table("_plugin_call");
    let sql = session.naming.sql(&format!("SELECT {COLUMNS} FROM {table} WHERE id = ?1"));
    Ok(session.query(&sql, &[id.into()], read)?.pop())
}

/// What is due for a plugin, first what was due first. What an export is told about a record it is told in the order in
/// which it happened: as long as something earlier waits, what is later waits as well.
pub(super) async fn due(
    store: &TenantStore,
    plugin: &str,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<PluginCall>, Error> {
    let earlier = "q.point = 'after-commit' AND e.record = q.record AND e.plugin = q.plugin AND e.point = q.point \
                   AND e.export = q.export AND e.state = 'waiting' AND e.event < q.event";
    CALLS.due(store, (plugin, Some(earlier)), now, limit).await
}

/// Calls about a record, newest first.
pub(super) async fn of_record(
    store: &TenantStore,
    entity: &str,
    record: Uuid,
    limit: i64,
) -> Result<Vec<PluginCall>, Error> {
    let sql = store.naming().sql(&format!(
        "SELECT {COLUMNS} FROM {} WHERE record = ?1 AND entity = ?2 ORDER BY id DESC LIMIT ?3",
        store.naming().table("_plugin_call")
    ));
    Ok(store.fetch(&sql, &[record.into(), entity.into(), limit.into()], read).await?)
}

/// Decides that a call is not to be made any more; false when there is nothing to decide.
pub(super) fn dismiss(session: &mut Session<'_>, now: DateTime<Utc>, id: Uuid) -> Result<bool, Error> {
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET state = 'dismissed', next_at = NULL, wait_key = NULL, ended_at = ?2 \
         WHERE id = ?1 AND state NOT IN ('done', 'dismissed')",
        session.naming.table("_plugin_call")
    ));
    Ok(session.execute(&sql, &[id.into(), now.into()])? > 0)
}

/// Hands a signal to the calls that wait for it; how many there were. What has been resumed waits for it no more, so that
/// the same signal a second time finds nothing.
pub(super) fn resume(
    session: &mut Session<'_>,
    now: DateTime<Utc>,
    (plugin, key): (&str, &str),
    fields: &Json,
) -> Result<u64, Error> {
    let sql = session.naming.sql(&format!(
        "UPDATE {} SET state = 'waiting', attempts = 0, next_at = ?1, wait_key = NULL, resumed = ?2 \
         WHERE state = 'awaiting' AND plugin = ?3 AND wait_key = ?4",
        session.naming.table("_plugin_call")
    ));
    let params: [Param; 4] = [now.into(), fields.to_string().into(), plugin.into(), key.into()];
    let count = session.execute(&sql, &params)?;
    session.wake_lane();
    Ok(count)
}

fn read(row: &dyn Row) -> mortise_store::Result<PluginCall> {
    let text = |index| Ok::<_, mortise_store::Error>(row.text(index)?.unwrap_or_default());
    let json = |index| {
        let text = row.text(index)?;
        Ok::<Option<Json>, mortise_store::Error>(text.and_then(|text| serde_json::from_str(&text).ok()))
    };
    let state = text(5)?;
    let state = CallState::ALL.into_iter().find(|known| known.name() == state);
    Ok(PluginCall {
        id: row.id(0)?.unwrap_or_default(),
        at: moment(row, 1)?.unwrap_or_default(),
        plugin: text(2)?,
        point: text(3)?,
        export: text(4)?,
        state: state.unwrap_or(CallState::Dead),
        attempts: row.int(6)?.unwrap_or_default(),
        next_at: moment(row, 7)?,
        wait_key: row.text(8)?,
        ended_at: moment(row, 9)?,
        error: row.text(10)?.and_then(|text| serde_json::from_str(&text).ok()),
        held: false,
        entity: row.text(11)?,
        record: row.id(12)?,
        actor: row.id(13)?,
        event: row.int(14)?,
        depth: row.int(15)?.unwrap_or_default(),
        input: json(16)?.unwrap_or_default(),
        resumed: json(17)?,
        result: json(18)?,
        why: row.text(19)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    })
}
