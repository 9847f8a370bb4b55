//! Reading CSV: any usual separator, any encoding, rows of uneven length. Lenient about quotation marks, strict about size.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::rc::Rc;

use encoding_rs::Encoding;

use super::decode::Utf8Reader;
use super::rows::io_issue;
use super::{CELL_BYTES_MAX, COLUMNS_MAX, ROW_BYTES_MAX, Row};
use crate::values::Issue;

/// Text looked at to find the separator.
const SAMPLE_BYTES: u64 = 64 * 1024;

/// Separators in order of preference.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Characters before which exports put an apostrophe, so that no spreadsheet takes text for a formula.
pub(super) const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The separator that splits most of the first lines into the same number of parts.
pub(super) fn guess_delimiter(file: &mut File, encoding: &'static Encoding) -> Result<u8, Issue> {
    file.seek(SeekFrom::Start(0)).map_err(|error| io_issue(&error))?;
    let mut sample = Vec::new();
    let mut reader = Utf8Reader::new(file.take(SAMPLE_BYTES), encoding);
    reader.read_to_end(&mut sample).map_err(|error| io_issue(&error))?;
    let score = |delimiter: u8| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(sample.as_slice());
        let widths: Vec<usize> =
            reader.byte_records().take(20).filter_map(Result::ok).map(|r| r.len()).collect();
        let width = widths.iter().copied().max().unwrap_or(0);
        if width < 2 { 0 } else { widths.iter().filter(|w| **w == width).count() * 100 + width.min(99) }
    };
    // `max_by_key` takes the last of equals; the first in order of preference is wanted.
    let best = DELIMITERS.iter().rev().copied().max_by_key(|delimiter| score(*delimiter));
    Ok(best.filter(|delimiter| score(*delimiter) > 0).unwrap_or(b','))
}

/// Reads all rows.
pub(super) fn read(
    mut file: File,
    encoding: &'static Encoding,
    delimiter: u8,
    visit: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Issue>,
) -> Result<(), Issue> {
    file.seek(SeekFrom::Start(0)).map_err(|error| io_issue(&error))?;
    let since_row = Rc::new(Cell::new(0));
    let limited = RowLimit { inner: Utf8Reader::new(file, encoding), since_row: Rc::clone(&since_row) };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(limited);
    let mut record = csv::ByteRecord::new();
    let mut inner_lines = 0;
    loop {
        let next = reader.position().line() - inner_lines;
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(row_issue(&error, next)),
        }
        since_row.set(0);
        // Spreadsheet programs count blank lines as rows, but not the lines inside of cells.
        inner_lines += record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        let number = reader.position().line() - inner_lines - 1;
        if record.len() > COLUMNS_MAX {
            return Err(Issue::new("file.too_many_columns").with("max", COLUMNS_MAX));
        }
        let mut row = Row { number, cells: Vec::with_capacity(record.len()) };
        for (column, cell) in record.iter().enumerate() {
            if cell.len() > CELL_BYTES_MAX {
                return Err(cell_issue(row.number, column));
            }
            // The decoder has made UTF-8 of everything.
            row.cells.push(unguarded(&String::from_utf8_lossy(cell)).to_owned());
        }
        if visit(row)?.is_break() {
            return Ok(());
        }
    }
}

/// Takes off the apostrophe that an export put before text which looks like a formula.
fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if text.starts_with(FORMULA_STARTS) => text,
        _ => cell,
    }
}

pub(super) fn cell_issue(row: u64, column: usize) -> Issue {
    Issue::new("file.cell_too_large")
        .with("row", row)
        .with("column", column + 1)
        .with("max", CELL_BYTES_MAX / 1024)
}

fn row_issue(error: &csv::Error, line: u64) -> Issue {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => cell_issue(line, 0),
        csv::ErrorKind::Io(error) => io_issue(error),
        _ => Issue::new("file.broken").with("reason", error),
    }
}

/// Fails when too much is read without a row coming out.
struct RowLimit<R> {
    inner: R,
    since_row: Rc<Cell<u64>>,
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.since_row.set(self.since_row.get() + length as u64);
        if self.since_row.get() > ROW_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a row is too large"));
        }
        Ok(length)
    }
}
