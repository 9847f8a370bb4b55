//! Rows of a file, whatever its format: sniffing and reading. A visitor gets one row after another and may stop.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};

use super::{COLUMNS_MAX, FILE_BYTES_MAX, ROWS_MAX, csv_file, decode, xlsx_file};
use crate::values::Issue;

/// Rows above the headings that are looked at: a title, a date, an empty line.
const HEADER_SEARCH_ROWS: usize = 10;

/// Format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Text with separators.
    Csv,
    /// Excel workbook.
    Xlsx,
}

/// How a file is read. What is not given is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadOptions {
    /// Sheet of a workbook; the first visible one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Encoding of a text file by its usual name (`gbk`, `utf-8`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Separator of a text file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Number of the row with the headings, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_row: Option<u64>,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sniffed {
    /// Format.
    pub format: Format,
    /// Encoding of a text file.
    pub encoding: Option<String>,
    /// Separator of a text file.
    pub delimiter: Option<char>,
    /// Visible sheets of a workbook.
    pub sheets: Vec<String>,
}

/// One row. Cells at the end may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Number in the file, from 1, as spreadsheet programs show it.
    pub number: u64,
    /// Texts of the cells.
    pub cells: Vec<String>,
}

impl Row {
    /// True when there is nothing in any cell.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }

    /// The text of a cell.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// What a visitor of rows answers.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Row) -> ControlFlow<()>;

/// Finds out what a file is, by its content: names of files lie.
pub fn sniff(path: &Path) -> Result<Sniffed, Issue> {
    let mut file = open(path)?;
    match container(&mut file)? {
        Format::Xlsx => {
            xlsx_file::check_size(&mut file)?;
            Ok(Sniffed {
                format: Format::Xlsx,
                encoding: None,
                delimiter: None,
                sheets: xlsx_file::sheets(file)?,
            })
        }
        Format::Csv => {
            let encoding = text_encoding(&mut file, &ReadOptions::default())?;
            let delimiter = csv_file::guess_delimiter(&mut file, encoding)?;
            let encoding = Some(encoding.name().to_lowercase());
            Ok(Sniffed {
                format: Format::Csv,
                encoding,
                delimiter: Some(char::from(delimiter)),
                sheets: Vec::new(),
            })
        }
    }
}

/// Reads a file from the row with the headings on (which comes first), skipping blank rows.
/// Blocks; call it where that is allowed.
pub fn read_rows(path: &Path, options: &ReadOptions, visit: Visit) -> Result<(), Issue> {
    let mut file = open(path)?;
    let mut search = HeaderSearch { options, waiting: Vec::new(), found: false, rows: 0, visit };
    let result = match container(&mut file)? {
        Format::Xlsx => {
            xlsx_file::check_size(&mut file)?;
            xlsx_file::read(file, options.sheet.as_deref(), &mut |row| search.row(row))
        }
        Format::Csv => {
            let encoding = text_encoding(&mut file, options)?;
            let delimiter = match options.delimiter.and_then(|c| u8::try_from(c).ok()) {
                Some(delimiter) => delimiter,
                None => csv_file::guess_delimiter(&mut file, encoding)?,
            };
            csv_file::read(file, encoding, delimiter, &mut |row| search.row(row))
        }
    };
    result?;
    search.end()
}

fn open(path: &Path) -> Result<File, Issue> {
    let file = File::open(path).map_err(|error| io_issue(&error))?;
    let length = file.metadata().map_err(|error| io_issue(&error))?.len();
    match length {
        0 => Err(Issue::new("file.empty")),
        length if length > FILE_BYTES_MAX => {
            Err(Issue::new("file.too_large").with("max", FILE_BYTES_MAX / 1024 / 1024))
        }
        _ => Ok(file),
    }
}

/// The complaint about a file system that fails; the reason is for the log, not for people.
pub(super) fn io_issue(error: &std::io::Error) -> Issue {
    tracing::warn!(%error, "a file of an import or export could not be read or written");
    Issue::new("file.io")
}

/// The format by the first bytes.
fn container(file: &mut File) -> Result<Format, Issue> {
    let mut start = Vec::with_capacity(8192);
    let read = file.by_ref().take(65_536).read_to_end(&mut start).and_then(|_| file.seek(SeekFrom::Start(0)));
    read.map_err(|error| io_issue(&error))?;
    match start.as_slice() {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::Xlsx),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => {
            let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
            let encrypted = start.windows(name.len()).any(|window| window == name);
            Err(Issue::new(if encrypted { "file.encrypted" } else { "file.old_excel" }))
        }
        _ => Ok(Format::Csv),
    }
}

fn text_encoding(file: &mut File, options: &ReadOptions) -> Result<&'static Encoding, Issue> {
    if let Some(encoding) =
        options.encoding.as_deref().and_then(|label| Encoding::for_label(label.as_bytes()))
    {
        return Ok(encoding);
    }
    let encoding = decode::guess(file).map_err(|error| io_issue(&error))?;
    encoding.ok_or_else(|| Issue::new("file.unknown_format"))
}

/// Passes rows on from the headings on. Above them a sheet may have a title: a row with one cell before rows with several.
struct HeaderSearch<'a> {
    options: &'a ReadOptions,
    waiting: Vec<Row>,
    found: bool,
    rows: u64,
    visit: Visit<'a>,
}

impl HeaderSearch<'_> {
    fn row(&mut self, row: Row) -> Result<ControlFlow<()>, Issue> {
        if row.cells.len() > COLUMNS_MAX {
            return Err(Issue::new("file.too_many_columns").with("max", COLUMNS_MAX));
        }
        if row.is_blank() {
            return Ok(ControlFlow::Continue(()));
        }
        self.rows += 1;
        if self.rows > ROWS_MAX {
            return Err(Issue::new("file.too_many_rows").with("max", ROWS_MAX));
        }
        if self.found {
            return Ok((self.visit)(row));
        }
        match self.options.header_row {
            Some(number) if row.number < number => return Ok(ControlFlow::Continue(())),
            Some(_) => {}
            None if row.cells.iter().filter(|cell| !cell.trim().is_empty()).count() < 2
                && self.waiting.len() < HEADER_SEARCH_ROWS =>
            {
                self.waiting.push(row);
                return Ok(ControlFlow::Continue(()));
            }
            // Titles above the headings are dropped.
            None => self.waiting.clear(),
        }
        self.found = true;
        Ok((self.visit)(row))
    }

    /// A file with one column never shows a row with two cells: then the first row holds the heading.
    fn end(mut self) -> Result<(), Issue> {
        for row in std::mem::take(&mut self.waiting) {
            self.found = true;
            if (self.visit)(row).is_break() {
                return Ok(());
            }
        }
        if self.found { Ok(()) } else { Err(Issue::new("file.empty")) }
    }
}
