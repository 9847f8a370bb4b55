//! Reading Excel workbooks. Before anything is parsed, every part is unpacked once and thrown away, so that what the
//! file says about its own size need not be believed; after that the sheet is streamed cell by cell.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use calamine::{DataRef, ExcelDateTime, Reader, SheetVisible, Xlsx, XlsxError};

use super::csv_file::cell_issue;
use super::{
    CELL_BYTES_MAX, COLUMNS_MAX, PARTS_MAX, ROW_BYTES_MAX, Row, SHARED_BYTES_MAX, UNPACKED_BYTES_MAX,
    XML_TEXT_BYTES_MAX,
};
use crate::values::Issue;

/// Refuses zip bombs: by what the parts declare, and by what they really unpack to.
pub(super) fn check_size(file: &mut File) -> Result<(), Issue> {
    let mut archive = zip::ZipArchive::new(BufReader::new(&mut *file)).map_err(|error| broken(&error))?;
    if archive.len() > PARTS_MAX {
        return Err(bomb(UNPACKED_BYTES_MAX));
    }
    let mut total = 0u64;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|error| zip_issue(&error))?;
        let limit = if is_streamed(part.name()) { UNPACKED_BYTES_MAX } else { SHARED_BYTES_MAX };
        if part.size() > limit {
            return Err(bomb(limit));
        }
        total += unpacked_size(&mut part, limit)?;
        if total > UNPACKED_BYTES_MAX {
            return Err(bomb(UNPACKED_BYTES_MAX));
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(|error| super::rows::io_issue(&error))?;
    Ok(())
}

/// Sheets are streamed; every other part is read into memory.
fn is_streamed(name: &str) -> bool {
    name.starts_with("xl/worksheets/") || name.starts_with("xl/media/")
}

/// Unpacks a part and throws it away, with an eye on texts that the parser would hold in memory at once.
fn unpacked_size(part: &mut impl Read, limit: u64) -> Result<u64, Issue> {
    let mut buffer = [0u8; 32 * 1024];
    let (mut size, mut text) = (0u64, 0usize);
    loop {
        let length = part.read(&mut buffer).map_err(|error| broken(&error))?;
        if length == 0 {
            return Ok(size);
        }
        size += length as u64;
        text = match buffer[..length].iter().rposition(|byte| *byte == b'<') {
            Some(tag) => length - tag,
            None => text + length,
        };
        if size > limit || text > XML_TEXT_BYTES_MAX {
            return Err(bomb(limit));
        }
    }
}

/// Names of the visible sheets.
pub(super) fn sheets(file: File) -> Result<Vec<String>, Issue> {
    let book = open(file)?;
    let visible = book.sheets_metadata().iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
    Ok(visible.map(|sheet| sheet.name.clone()).collect())
}

/// Reads all rows of a sheet, the first visible one unless named.
pub(super) fn read(
    file: File,
    sheet: Option<&str>,
    visit: &mut dyn FnMut(Row) -> Result<ControlFlow<()>, Issue>,
) -> Result<(), Issue> {
    let mut book = open(file)?;
    let sheets = book.sheets_metadata();
    let first = sheets.iter().find(|sheet| sheet.visible == SheetVisible::Visible).or(sheets.first());
    let name = sheet.map(str::to_owned).or_else(|| first.map(|sheet| sheet.name.clone()));
    let name = name.ok_or_else(|| Issue::new("file.empty"))?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(|error| xlsx_issue(&error))?;
    let (mut row, mut bytes) = (Row::default(), 0);
    while let Some(cell) = cells.next_cell().map_err(|error| xlsx_issue(&error))? {
        let (line, column) = cell.get_position();
        let (number, column) = (u64::from(line) + 1, column as usize);
        if number != row.number {
            if row.number > 0 && visit(std::mem::take(&mut row))?.is_break() {
                return Ok(());
            }
            row = Row { number, cells: Vec::with_capacity(row.cells.len()) };
            bytes = 0;
        }
        let text = text(cell.get_value());
        // Formatted but empty cells reach far to the right in some sheets.
        if text.is_empty() {
            continue;
        }
        if column >= COLUMNS_MAX {
            return Err(Issue::new("file.too_many_columns").with("max", COLUMNS_MAX));
        }
        bytes += text.len() as u64;
        if text.len() > CELL_BYTES_MAX || bytes > ROW_BYTES_MAX {
            return Err(cell_issue(number, column));
        }
        if row.cells.len() <= column {
            row.cells.resize(column + 1, String::new());
        }
        row.cells[column] = text;
    }
    if row.number > 0 {
        // Nothing comes after the last row, so whether to go on does not matter.
        let _ = visit(row)?;
    }
    Ok(())
}

fn open(file: File) -> Result<Xlsx<BufReader<File>>, Issue> {
    Xlsx::new(BufReader::new(file)).map_err(|error| xlsx_issue(&error))
}

/// The text of a cell, as a person would type it.
fn text(value: &DataRef) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(true) => "true".to_owned(),
        DataRef::Bool(false) => "false".to_owned(),
        DataRef::DateTime(time) => time_text(time),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        // #N/A and the like: no value that anybody meant.
        DataRef::Error(_) => String::new(),
    }
}

/// Spreadsheets calculate with 15 digits and show no more; 0.1 + 0.2 is 0.3.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    rounded.to_string()
}

fn time_text(time: &ExcelDateTime) -> String {
    if time.is_duration() {
        let seconds = (time.as_f64() * 86_400.0).round();
        let seconds = if seconds.abs() < 1e12 { seconds as i64 } else { return String::new() };
        return format!("{}:{:02}:{:02}", seconds / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
    }
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    if time.as_f64() < 1.0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    match (hour, minute, second, milli) {
        (0, 0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
    }
}

fn bomb(limit: u64) -> Issue {
    Issue::new("file.zip_bomb").with("max", limit / 1024 / 1024)
}

fn broken(error: &dyn std::error::Error) -> Issue {
    Issue::new("file.broken").with("reason", error)
}

fn zip_issue(error: &zip::result::ZipError) -> Issue {
    match error {
        zip::result::ZipError::UnsupportedArchive(reason) if reason.contains("assword") => {
            Issue::new("file.encrypted")
        }
        other => broken(other),
    }
}

fn xlsx_issue(error: &XlsxError) -> Issue {
    match error {
        XlsxError::Password => Issue::new("file.encrypted"),
        // A zip that is no workbook.
        XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => Issue::new("file.unknown_format"),
        XlsxError::WorksheetNotFound(_) => Issue::new("file.unknown_format"),
        other => broken(other),
    }
}
