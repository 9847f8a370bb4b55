//! What administrators are told of plugins that do not do their work, and what records tell of those that did.

use mortise_definition::locale;
use mortise_store::{AuditEntry, Session};
use serde_json::json;

use super::row::PluginCall;
use crate::commands::{Work, audit_entry};
use crate::error::Error;
use crate::notify::{self, Message};

/// Longest reason in a message, in characters: the rest is on the plugin's page.
const REASON_CHARS_MAX: usize = 400;

/// Puts a message into the inbox of every administrator, in the language of each. `key` names its words in the catalogue:
/// `plugin.alert.<key>.title` and `.body`.
pub(crate) fn administrators(
    work: &Work,
    session: &mut Session<'_>,
    key: &str,
    args: &[(&str, &str)],
    about: Option<&PluginCall>,
) -> Result<(), Error> {
    let directory = work.directory.clone();
    let shown: Vec<(&str, String)> =
        args.iter().map(|(name, value)| (*name, value.chars().take(REASON_CHARS_MAX).collect())).collect();
    let shown: Vec<(&str, &str)> = shown.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for person in directory.users().filter(|person| person.active && person.administrator) {
        let language = person.language.as_deref().unwrap_or(&directory.language);
        let words = |part: &str| locale::translate(language, &format!("plugin.alert.{key}.{part}"), &shown);
        let message = Message {
            id: work.env.id(),
            at: work.now,
            notification: format!("plugin.{key}"),
            title: words("title"),
            body: words("body"),
            entity: about.and_then(|call| call.entity.clone()),
            record: about.and_then(|call| call.record),
            read_at: None,
        };
        notify::put_message(session, person.id, &message)?;
    }
    Ok(())
}

/// Says on the record's timeline what has become of a call.
pub(super) fn note(work: &Work, session: &mut Session<'_>, action: &'static str, call: &PluginCall) {
    let title = work.published.plugins.plugin(&call.plugin).map(|plugin| &plugin.current.manifest().title);
    let details = json!({
        "plugin": call.plugin, "title": title, "point": call.point, "export": call.export, "call": call.id, "error": call.error,
    });
    session.audit(AuditEntry {
        entity: call.entity.clone(),
        record: call.record,
        ..audit_entry(work, action, details.to_string())
    });
}
