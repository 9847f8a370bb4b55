//! Reports and comments: words that are put beside the record itself.

use std::collections::BTreeMap;

use bytes::Bytes;
use minijinja::Value as Word;
use mortise_definition::Text;
use mortise_definition::locale;
use mortise_definition::model::{FieldKind, Slot};
use mortise_expr::Value;
use mortise_store::{Param, Session, StoredEntry};
use serde_json::json;
use uuid::Uuid;

use super::template::{self, Form};
use super::words::{self, Reader};
use crate::assign;
use crate::automation::Subject;
use crate::clocks;
use crate::commands::{self, COMMENT_MAX, Work, audit_entry};
use crate::error::Error;
use crate::timeline::{self, Titles};
use crate::values::People;

/// Entries of the timeline in a report, the newest ones.
const ENTRIES_MAX: i64 = 1_000;
/// Longest file name in characters without its ending.
const NAME_CHARS_MAX: usize = 120;
/// How a report looks whose template says nothing else.
const STYLE: &str = "body{font:15px/1.6 system-ui,'PingFang SC','Microsoft YaHei',sans-serif;max-width:60rem;\
    margin:2rem auto;padding:0 1rem;color:#1f2937}table{border-collapse:collapse;width:100%}\
    th,td{border:1px solid #d1d5db;padding:.35rem .6rem;text-align:left;vertical-align:top}";

/// Adds a comment to the record's timeline.
pub(crate) fn comment(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    subject: &Subject,
    text: &Text,
) -> Result<(), Error> {
    let texts: Vec<&str> = text.all().collect();
    let records = [&*subject.record, &*subject.previous];
    let pointed = words::pointed(work, session, &subject.entity, &records, &texts)?;
    let titles = pointed.titles(work, session)?;
    let mut values = Reader::new(work, app, subject, &titles).words();
    values.insert("user".to_owned(), words::user(work));
    let language = &work.actor.user.language;
    let comment = template::render(Form::Words, language, text.get(language), &values.into())?;
    let comment: String = comment.trim().chars().filter(|c| *c != '\0').take(COMMENT_MAX).collect();
    if comment.is_empty() {
        return Ok(());
    }
    commands::say(work, session, &subject.entity, subject.id, &comment)
}

/// Writes a report and attaches it to the record.
pub(crate) fn report(
    work: &Work,
    session: &mut Session<'_>,
    app: usize,
    subject: &mut Subject,
    (name, text): (&Text, &Text),
) -> Result<(), Error> {
    let language = work.actor.user.language.clone();
    let (name, text) = (name.get(&language), text.get(&language));
    let entries = session.record_trail(&subject.entity.key, subject.id, ENTRIES_MAX)?;
    let titles = all_titles(work, session, subject, &entries)?;
    let mut values = Reader::new(work, app, subject, &titles).words();
    values.remove("previous");
    let told = Told { work, subject, titles: &titles, language: &language };
    values.insert("timeline".to_owned(), told.timeline(entries));
    values.insert("clocks".to_owned(), told.clocks(session)?);
    values.insert("assignments".to_owned(), told.assignments(session)?);
    let values = values.into();
    let title = super::one_line(&template::render(Form::Words, &language, name, &values)?);
    let html = template::render(Form::Html, &language, text, &values)?;
    let file = put_file(work, session, &file_name(&title), page(&language, &title, html))?;
    commands::attach_file(work, session, &subject.entity, subject.id, file)?;
    subject.refresh(work, session)
}

/// A whole page, unless the template is one.
fn page(language: &str, title: &str, html: String) -> String {
    let start: String = html.trim_start().chars().take(9).collect::<String>().to_ascii_lowercase();
    if start.starts_with("<!doctype") || start.starts_with("<html") {
        return html;
    }
    let title = minijinja::HtmlEscape(title);
    format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>{html}</body></html>"
    )
}

fn file_name(title: &str) -> String {
    let fits =
        |c: &char| !c.is_control() && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    let name: String = title.chars().filter(fits).take(NAME_CHARS_MAX).collect();
    let name = name.trim().trim_matches('.');
    format!("{}.html", if name.is_empty() { "report" } else { name })
}

/// Stores the contents at once, since they are found by their hash: should the transaction fail, nobody knows of them.
fn put_file(work: &Work, session: &mut Session<'_>, name: &str, html: String) -> Result<Uuid, Error> {
    let id = work.env.id();
    let contents = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(html))]);
    let runtime = tokio::runtime::Handle::current();
    let stored = runtime.block_on(work.files.put(id, contents));
    let stored = stored.map_err(|error| match error {
        mortise_store::PutError::TooLarge(limit) => Error::TooLarge(limit),
        mortise_store::PutError::Store(error) => Error::Store(error),
        mortise_store::PutError::Sender(reason) => Error::Store(mortise_store::Error::Io(reason)),
    })?;
    let sql = session.naming.sql(&format!(
        "INSERT INTO {} (id, sha256, name, type, size, at, actor) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)",
        session.naming.table("_file")
    ));
    let size = i64::try_from(stored.size).unwrap_or(i64::MAX);
    let params: [Param; 6] = [
        id.into(),
        stored.sha256.as_str().into(),
        name.into(),
        "text/html; charset=utf-8".into(),
        size.into(),
        work.now.into(),
    ];
    session.execute(&sql, &params)?;
    let details = json!({ "file": id, "name": name, "sha256": stored.sha256, "size": size });
    session.audit(audit_entry(work, "file.uploaded", details.to_string()));
    Ok(id)
}

/// Titles of everything that the record points to, or pointed to.
fn all_titles(
    work: &Work,
    session: &mut Session<'_>,
    subject: &Subject,
    entries: &[StoredEntry],
) -> Result<Titles, Error> {
    let mut wanted: Vec<(Slot, usize, Uuid)> = Vec::new();
    for field in subject.entity.declared() {
        if let FieldKind::Reference { entity } = &field.kind {
            let now = subject.record[field.slot].as_id();
            let before = entries.iter().flat_map(|entry| timeline::ids_of(field, entry));
            wanted.extend(now.into_iter().chain(before).map(|id| (field.slot, *entity, id)));
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let mut titles = Titles::new();
    for (slot, entity, id) in wanted {
        if let Some(title) = words::title(work, session, entity, id)? {
            titles.insert((slot, id), title);
        }
    }
    Ok(titles)
}

struct Told<'a> {
    work: &'a Work,
    subject: &'a Subject,
    titles: &'a Titles,
    language: &'a str,
}

type Row = BTreeMap<&'static str, Word>;

impl Told<'_> {
    fn word(&self, value: &Value) -> Word {
        Reader::new(self.work, self.subject.entity.app, self.subject, self.titles).plain(value)
    }

    fn name(&self, person: Option<Uuid>) -> Word {
        let system = locale::translate(self.language, "ui.record.system", &[]);
        let name = person.map(|id| self.work.directory.user_name(id).unwrap_or("…").to_owned());
        Word::from(name.unwrap_or(system))
    }

    /// What happened, oldest first: `at`, `who`, `what`, `changes` (`label`, `old`, `new`), `comment`, `file`.
    fn timeline(&self, entries: Vec<StoredEntry>) -> Word {
        let entity = &self.subject.entity;
        let row = |stored: StoredEntry| {
            let entry = timeline::tell(self.work, entity, &[], stored, self.titles);
            let changes = entry.changes.into_iter().map(|change| {
                let words = |text: Option<String>| Word::from(text.unwrap_or_default());
                Word::from(Row::from([
                    ("label", Word::from(change.label)),
                    ("old", words(change.old)),
                    ("new", words(change.new)),
                ]))
            });
            let key = format!("ui.audit.action.{}", entry.action.replace('.', "_"));
            Word::from(Row::from([
                ("at", self.word(&Value::DateTime(entry.at))),
                ("who", self.name(entry.actor)),
                ("what", Word::from(locale::find(self.language, &key, &[]).unwrap_or(entry.action))),
                ("changes", changes.collect::<Vec<Word>>().into()),
                ("comment", Word::from(entry.comment.unwrap_or_default())),
                ("file", Word::from(entry.file.map(|(_, name)| name).unwrap_or_default())),
            ]))
        };
        let rows: Vec<Word> = entries.into_iter().rev().map(row).collect();
        rows.into()
    }

    /// The record's clocks, oldest first: `name`, `state`, `started_at`, `due_at`, `ended_at`, `limit`, `elapsed`,
    /// `breached`.
    fn clocks(&self, session: &mut Session<'_>) -> Result<Word, Error> {
        let clocks = clocks::of_record_in(session, &self.subject.entity.key, self.subject.id)?;
        let row = |clock: &clocks::StoredClock| {
            let sla = self.work.model().automation.slas.get(&clock.sla);
            let moment = |at: Option<chrono::DateTime<chrono::Utc>>| {
                self.word(&at.map_or(Value::Null, Value::DateTime))
            };
            let state = format!("ui.clock.state.{}", clock.state.name());
            Word::from(Row::from([
                ("name", Word::from(sla.map_or(&*clock.sla, |sla| sla.label.get(self.language)))),
                ("state", Word::from(locale::translate(self.language, &state, &[]))),
                ("started_at", moment(Some(clock.started_at))),
                ("due_at", moment(clock.due_at)),
                ("ended_at", moment(clock.ended_at)),
                ("limit", self.word(&Value::Duration(clock.limit / 1_000))),
                ("elapsed", self.word(&Value::Duration(clocks::counted(self.work, clock) / 1_000))),
                ("breached", Word::from(clock.breached)),
            ]))
        };
        let rows: Vec<Word> = clocks.iter().rev().map(row).collect();
        Ok(rows.into())
    }

    /// Who the record was given to, oldest first: `at`, `policy`, `person`, `kind`.
    fn assignments(&self, session: &mut Session<'_>) -> Result<Word, Error> {
        let assignments = assign::of_record_in(session, &self.subject.entity.key, self.subject.id)?;
        let row = |one: &assign::StoredAssignment| {
            let policy = self.work.model().automation.assignments.get(&one.policy);
            let person = one.person.map_or_else(|| Word::from(""), |person| self.name(Some(person)));
            Word::from(Row::from([
                ("at", self.word(&Value::DateTime(one.at))),
                ("policy", Word::from(policy.map_or(&*one.policy, |policy| policy.label.get(self.language)))),
                ("person", person),
                ("kind", Word::from(one.kind.as_str())),
            ]))
        };
        let rows: Vec<Word> = assignments.iter().rev().map(row).collect();
        Ok(rows.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_names_everywhere() {
        assert_eq!(file_name("周报: A/B"), "周报 AB.html");
        assert_eq!(file_name(" ../.. "), "report.html");
        assert_eq!(file_name(&"x".repeat(500)).len(), NAME_CHARS_MAX + 5);
    }

    #[test]
    fn a_template_without_a_page_gets_one() {
        assert!(page("en", "A & B", "<p>x</p>".to_owned()).contains("<title>A &amp; B</title>"));
        assert_eq!(page("en", "A", "<!DOCTYPE html><p>".to_owned()), "<!DOCTYPE html><p>");
    }
}
