//! Signals: by them other systems, administrators and rules tell a plugin that what it waits for has happened. A signal resumes
//! whoever waits for it, once; it is never kept for somebody who may wait for it later.

use mortise_definition::model::{ActionKind, ActionModel};
use mortise_plugin_host::value::Field;
use mortise_store::Session;
use serde_json::{Map, Value as Json, json};

use super::admin::{administrator, fields};
use super::asked::given;
use super::row;
use crate::automation::Subject;
use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::people::Actor;
use crate::tenant::Tenant;
use crate::values::Issue;

impl Tenant {
    /// Tells a plugin that what it waits for has happened: every call that waits for this signal is made again with these
    /// fields, once. How many there were; an error where nobody waits for it. For administrators, and whoever has a token of
    /// one: a signal acts with the rights of the plugin.
    pub async fn signal_plugin(
        &self,
        actor: &Actor,
        plugin: &str,
        key: &str,
        given: &Map<String, Json>,
    ) -> Result<u64, Error> {
        administrator(actor)?;
        let arrived = fields(given)?;
        let (work, plugin, key) = (self.work(actor), plugin.to_owned(), key.to_owned());
        let write = move |session: &mut Session<'_>| match tell(&work, session, (&plugin, &key), &arrived)? {
            0 => Err(Error::NotFound(Issue::new("plugin.no_signal").with("key", &key))),
            count => Ok(count),
        };
        self.store.write(write).await
    }
}

/// The signal of a rule or clock. Where nobody waits for it, or it has no name, nothing happens.
pub(crate) fn signal(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    subject: &Subject,
    action: &ActionModel,
) -> Result<(), Error> {
    let ActionKind::Signal { plugin, key, fields } = &action.kind else { return Ok(()) };
    let key = subject.eval(work, app, key)?;
    let Some(key) = key.as_text().filter(|key| !key.is_empty()) else { return Ok(()) };
    let arrived = given(work, app, subject, fields)?;
    tell(work, session, (plugin, key), &arrived).map(drop)
}

/// Resumes who waits for a signal; how many there were.
fn tell(
    work: &Work,
    session: &mut Session<'_>,
    (plugin, key): (&str, &str),
    arrived: &[Field],
) -> Result<u64, Error> {
    let fields = serde_json::to_value(arrived).unwrap_or_default();
    let count = row::resume(session, work.now, (plugin, key), &fields)?;
    if count > 0 {
        let details = json!({ "plugin": plugin, "signal": key, "calls": count });
        session.audit(audit_entry(work, "plugin.signalled", details.to_string()));
    }
    Ok(count)
}
