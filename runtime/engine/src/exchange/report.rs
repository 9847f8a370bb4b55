//! Writing CSV that spreadsheet programs open as it is meant: with a byte order mark, and without formulas that somebody
//! smuggled into a name.

use std::borrow::Cow;

use mortise_definition::locale::translate;
use mortise_definition::model::EntityModel;

use super::csv_file::FORMULA_STARTS;
use super::job::RowError;
use super::rows::Row;

/// Tells spreadsheet programs that the text is UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Text that no spreadsheet takes for a formula: an apostrophe goes before what begins like one. Plain numbers and
/// telephone numbers stay as they are.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !text.starts_with(FORMULA_STARTS) || text.strip_prefix(['+', '-']).is_some_and(number) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{text}"))
}

/// Lines of CSV in memory.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn write<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(csv::Terminator::CRLF)
            .from_writer(&mut self.0);
        let guarded: Vec<Cow<str>> = cells.map(guarded).collect();
        writer.write_record(guarded.iter().map(|cell| cell.as_bytes())).expect("memory takes every byte");
        writer.flush().expect("memory takes every byte");
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Headings of the report of refused rows.
pub(super) fn headings(headers: &[String], language: &str) -> Lines {
    let mut lines = Lines(BYTE_ORDER_MARK.to_vec());
    let errors = translate(language, "ui.import.report.errors", &[]);
    let row = translate(language, "ui.import.report.row", &[]);
    lines.write(headers.iter().map(String::as_str).chain([row.as_str(), errors.as_str()]));
    lines
}

/// A refused row as it was, then its number and what is wrong. The first columns stay in place, so the file can be corrected
/// and imported again.
pub(super) fn refused(
    lines: &mut Lines,
    row: &Row,
    headers: usize,
    errors: &[RowError],
    entity: &EntityModel,
    language: &str,
) {
    let messages: Vec<String> = errors
        .iter()
        .map(|error| {
            let message = error.complaint.message(language);
            let label = error
                .field
                .as_deref()
                .and_then(|name| entity.field(name))
                .map(|field| field.label.get(language));
            label.map_or(message.clone(), |label| format!("{label}: {message}"))
        })
        .collect();
    let (number, messages) = (row.number.to_string(), messages.join(" | "));
    let cells = (0..headers).map(|column| row.cell(column));
    lines.write(cells.chain([number.as_str(), messages.as_str()]));
}
