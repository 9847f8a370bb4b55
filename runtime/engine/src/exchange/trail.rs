//! The audit trail as a CSV file, for auditors with a spreadsheet program. Each line has its position and its hash, so that
//! it can be held against the chain.

use mortise_definition::locale::translate;
use mortise_store::hex;

use super::export::{CsvSink, Export};
use crate::error::Error;
use crate::people::Actor;
use crate::trail::TrailEntry;

/// Columns; each has its heading in the catalogue.
const COLUMNS: [&str; 12] =
    ["seq", "at", "who", "action", "entity", "record", "title", "changes", "channel", "ip", "device", "hash"];

/// A file of entries that is being written.
pub(crate) struct TrailFile<'a> {
    sink: CsvSink,
    actor: &'a Actor,
    rows: u64,
}

impl<'a> TrailFile<'a> {
    pub(crate) fn new(actor: &'a Actor) -> Result<TrailFile<'a>, Error> {
        let heading = |name: &&str| translate(&actor.user.language, &format!("ui.audit.{name}"), &[]);
        let headings: Vec<String> = COLUMNS.iter().map(heading).collect();
        Ok(TrailFile { sink: CsvSink::new(headings.iter().map(String::as_str))?, actor, rows: 0 })
    }

    pub(crate) fn write(&mut self, entry: &TrailEntry) -> Result<(), Error> {
        let told = &entry.told;
        let change = |change: &crate::FieldChange| {
            let side = |side: &Option<String>| side.clone().unwrap_or_default();
            format!("{}: {} → {}", change.label, side(&change.old), side(&change.new))
        };
        let mut said: Vec<String> = told.changes.iter().map(change).collect();
        said.extend(told.comment.clone());
        said.extend(told.file.as_ref().map(|(_, name)| name.clone()));
        said.extend((!entry.details.is_null()).then(|| entry.details.to_string()));
        let cells = [
            told.seq.to_string(),
            told.at.with_timezone(&self.actor.user.tz).format("%Y-%m-%d %H:%M:%S%.6f %:z").to_string(),
            told.actor_name.clone().or(told.actor.map(|id| id.to_string())).unwrap_or_default(),
            told.action.clone(),
            entry.entity.clone().unwrap_or_default(),
            entry.record.map(|id| id.to_string()).unwrap_or_default(),
            entry.title.clone().unwrap_or_default(),
            said.join("\n"),
            told.channel.clone(),
            entry.ip.clone().unwrap_or_default(),
            entry.device.clone().unwrap_or_default(),
            hex(&entry.hash),
        ];
        self.rows += 1;
        self.sink.line(cells.iter().map(String::as_str))
    }

    /// The finished file; `day` goes into its name.
    pub(crate) fn finish(self, day: &str) -> Result<Export, Error> {
        let (file, bytes) = self.sink.finish()?;
        let title = translate(&self.actor.user.language, "ui.audit.title", &[]);
        let (rows, name) = (self.rows, format!("{title}-{day}.csv"));
        Ok(Export { file, bytes, rows, name, media_type: "text/csv; charset=utf-8" })
    }
}
