//! Lists as files. Rows come in batches from the tenant, through the scopes and field permissions of the person, and go
//! straight to a temporary file: memory stays the same for ten rows and for a million.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};

use chrono::{Datelike, Timelike};
use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Model, Slot, ViewColumn};
use mortise_definition::source::Operation;
use mortise_expr::Value;
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook, Worksheet, XlsxError};

use super::report::{BYTE_ORDER_MARK, Lines};
use super::rows::{Format, io_issue};
use crate::error::Error;
use crate::people::Actor;
use crate::query::Query;
use crate::records::Record;
use crate::tenant::Tenant;
use crate::values::{self, Issue, ValueContext};

/// Rows of a sheet; what comes after them goes to the next sheet.
const SHEET_ROWS_MAX: u32 = 1_048_576;
/// Longest text that Excel takes, in characters.
const EXCEL_TEXT_MAX: usize = 32_767;
/// Numbers that Excel shows exactly.
const EXCEL_NUMBER_MAX: f64 = 1e15;
/// First year that Excel's dates know.
const EXCEL_YEAR_MIN: i32 = 1900;

/// A finished export: an unnamed temporary file, at its beginning, that vanishes when it is closed.
#[derive(Debug)]
pub struct Export {
    /// The file.
    pub file: File,
    /// Its length.
    pub bytes: u64,
    /// Rows below the headings.
    pub rows: u64,
    /// Proposed name.
    pub name: String,
    /// Media type.
    pub media_type: &'static str,
}

/// A column of an export.
#[derive(Debug)]
struct Column<'m> {
    slot: Slot,
    through: Option<Slot>,
    /// The field whose values are shown: of the record, or of the referenced one.
    field: &'m FieldModel,
    heading: String,
}

/// Writes a list to a file: the columns of its view, else the asked fields, else every field that the person may see.
pub async fn export(tenant: &Tenant, actor: &Actor, query: Query, format: Format) -> Result<Export, Error> {
    let work = tenant.work(actor);
    let entity = work.entity(&query.entity)?.clone();
    let user = &actor.user;
    let cx = work.values();
    let access = work.access(&entity);
    let seen: Vec<Slot> = (0..entity.fields.len())
        .filter(|&slot| access.sees(slot) && access.opens(Operation::Export, slot))
        .collect();
    let columns = columns(work.model(), &entity, &query, &seen, &user.language);
    let headings = columns.iter().map(|column| column.heading.as_str());
    let mut sink = match format {
        Format::Csv => Sink::Csv(CsvSink::new(headings)?),
        Format::Xlsx => Sink::Xlsx(Box::new(XlsxSink::new(headings, entity.plural.get(&user.language))?)),
    };
    let mut rows = 0u64;
    tenant
        .export(actor, query, |records: &[Record]| {
            rows += records.len() as u64;
            records.iter().try_for_each(|record| sink.record(&columns, record, &cx))
        })
        .await?;
    let (file, bytes) = sink.finish()?;
    let day = work.now.with_timezone(&user.tz).format("%Y-%m-%d");
    let (ending, media_type) = match format {
        Format::Csv => ("csv", "text/csv; charset=utf-8"),
        Format::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    };
    let name = format!("{}-{day}.{ending}", entity.plural.get(&user.language));
    Ok(Export { file, bytes, rows, name, media_type })
}

fn columns<'m>(
    model: &'m Model,
    entity: &'m EntityModel,
    query: &Query,
    seen: &[Slot],
    language: &str,
) -> Vec<Column<'m>> {
    let view = query.view.as_ref().filter(|_| query.columns.is_none());
    if let Some(view) = view.and_then(|view| model.views.get(&view.key)) {
        return view
            .all_columns()
            .into_iter()
            .filter_map(|column| {
                let column = match column {
                    ViewColumn::Field(column) => column,
                    ViewColumn::Calculated(column) => {
                        let heading = column.field.label.get(language).to_owned();
                        let slot = column.field.slot;
                        return Some(Column { slot, through: None, field: &column.field, heading });
                    }
                };
                if !seen.contains(&column.slot) {
                    return None;
                }
                let field = &entity.fields[column.slot];
                let field = match (column.through, &field.kind) {
                    (Some(slot), FieldKind::Reference { entity: target }) => {
                        &model.entities[*target].fields[slot]
                    }
                    (Some(_), _) => return None,
                    (None, _) => field,
                };
                let heading = column.label.get(language).to_owned();
                Some(Column { slot: column.slot, through: column.through, field, heading })
            })
            .collect();
    }
    let wanted = |slot: &&Slot| query.columns.as_ref().is_none_or(|columns| columns.contains(slot));
    let fields = seen.iter().filter(wanted).map(|&slot| &entity.fields[slot]).filter(|field| field.stored());
    fields
        .map(|field| {
            let heading = field.label.get(language).to_owned();
            Column { slot: field.slot, through: None, field, heading }
        })
        .collect()
}

/// The text of a cell, in a form that an import reads back.
fn text(column: &Column, record: &Record, cx: &ValueContext) -> String {
    match (value(column, record), &column.field.kind) {
        (Value::Id(id), FieldKind::Reference { .. }) => {
            let title = column.through.is_none().then(|| record.title(column.slot)).flatten();
            title.map_or_else(|| id.to_string(), str::to_owned)
        }
        (Value::Text(text), FieldKind::Text { .. } | FieldKind::LongText { .. }) => text.to_string(),
        (Value::Decimal(number), _) => number.to_string(),
        (Value::DateTime(instant), _) => {
            instant.with_timezone(&cx.tz).format("%Y-%m-%d %H:%M:%S").to_string()
        }
        (value, _) => values::display(column.field, value, cx),
    }
}

fn value<'a>(column: &Column, record: &'a Record) -> &'a Value {
    match column.through {
        None => record.values.get(column.slot).unwrap_or_else(|| {
            // A calculated column has no slot.
            let found = record.calculated.iter().find(|(name, _)| *name == column.field.name);
            found.map_or(&Value::Null, |(_, value)| value)
        }),
        Some(slot) => {
            let found = record.through.iter().find(|(at, _)| *at == (column.slot, slot));
            found.map_or(&Value::Null, |(_, value)| value)
        }
    }
}

/// Where rows go.
enum Sink {
    Csv(CsvSink),
    Xlsx(Box<XlsxSink>),
}

impl Sink {
    fn record(&mut self, columns: &[Column], record: &Record, cx: &ValueContext) -> Result<(), Error> {
        match self {
            Sink::Csv(sink) => sink.record(columns, record, cx),
            Sink::Xlsx(sink) => sink.record(columns, record, cx).map_err(|error| xlsx_error(&error)),
        }
    }

    fn finish(self) -> Result<(File, u64), Error> {
        match self {
            Sink::Csv(sink) => sink.finish(),
            Sink::Xlsx(sink) => measured(sink.finish()?),
        }
    }
}

/// A file at its beginning, with its length.
fn measured(mut file: File) -> Result<(File, u64), Error> {
    let bytes = file.seek(SeekFrom::End(0)).and_then(|bytes| file.seek(SeekFrom::Start(0)).map(|_| bytes));
    Ok((file, bytes.map_err(|error| file_error(&error))?))
}

/// A CSV file that is being written.
pub(super) struct CsvSink(BufWriter<File>);

impl CsvSink {
    pub(super) fn new<'a>(headings: impl Iterator<Item = &'a str>) -> Result<CsvSink, Error> {
        let file = tempfile::tempfile().map_err(|error| file_error(&error))?;
        let mut sink = CsvSink(BufWriter::new(file));
        sink.0.write_all(BYTE_ORDER_MARK).map_err(|error| file_error(&error))?;
        sink.line(headings)?;
        Ok(sink)
    }

    fn record(&mut self, columns: &[Column], record: &Record, cx: &ValueContext) -> Result<(), Error> {
        let cells: Vec<String> = columns.iter().map(|column| text(column, record, cx)).collect();
        self.line(cells.iter().map(String::as_str))
    }

    pub(super) fn line<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let mut lines = Lines::default();
        lines.write(cells);
        self.0.write_all(&lines.into_bytes()).map_err(|error| file_error(&error))
    }

    pub(super) fn finish(self) -> Result<(File, u64), Error> {
        measured(self.0.into_inner().map_err(|error| file_error(error.error()))?)
    }
}

struct XlsxSink {
    book: Workbook,
    sheet: Worksheet,
    sheets: Vec<Worksheet>,
    headings: Vec<String>,
    name: String,
    next: u32,
    date: CellFormat,
    moment: CellFormat,
    heading: CellFormat,
}

impl XlsxSink {
    fn new<'a>(headings: impl Iterator<Item = &'a str>, name: &str) -> Result<XlsxSink, Error> {
        let mut book = Workbook::new();
        let sheet = book.new_worksheet_with_constant_memory().map_err(|error| xlsx_error(&error))?;
        let mut sink = XlsxSink {
            book,
            sheet,
            sheets: Vec::new(),
            headings: headings.map(str::to_owned).collect(),
            name: sheet_name(name),
            next: 0,
            date: CellFormat::new().set_num_format("yyyy-mm-dd"),
            moment: CellFormat::new().set_num_format("yyyy-mm-dd hh:mm"),
            heading: CellFormat::new().set_bold(),
        };
        sink.begin_sheet().map_err(|error| xlsx_error(&error))?;
        Ok(sink)
    }

    fn begin_sheet(&mut self) -> Result<(), XlsxError> {
        let number = self.sheets.len() + 1;
        let name = if number == 1 { self.name.clone() } else { format!("{} {number}", self.name) };
        self.sheet.set_name(name)?;
        self.sheet.set_freeze_panes(1, 0)?;
        for (column, heading) in (0u16..).zip(&self.headings) {
            self.sheet.set_column_width(column, 16)?;
            self.sheet.write_string_with_format(0, column, heading, &self.heading)?;
        }
        self.next = 1;
        Ok(())
    }

    fn record(&mut self, columns: &[Column], record: &Record, cx: &ValueContext) -> Result<(), XlsxError> {
        if self.next == SHEET_ROWS_MAX {
            let fresh = self.book.new_worksheet_with_constant_memory()?;
            self.sheets.push(std::mem::replace(&mut self.sheet, fresh));
            self.begin_sheet()?;
        }
        let row = self.next;
        self.next += 1;
        for (index, column) in (0u16..).zip(columns) {
            match value(column, record) {
                Value::Null => {}
                Value::Int(number) if (*number as f64).abs() < EXCEL_NUMBER_MAX => {
                    self.sheet.write_number(row, index, *number as f64)?;
                }
                Value::Decimal(number) if (number.mantissa as f64).abs() < EXCEL_NUMBER_MAX => {
                    self.sheet.write_number(row, index, number.to_f64())?;
                }
                Value::Date(date) if date.year() >= EXCEL_YEAR_MIN => {
                    let date = excel_day(date.year(), date.month(), date.day())?;
                    self.sheet.write_datetime_with_format(row, index, &date, &self.date)?;
                }
                Value::DateTime(instant) if instant.year() > EXCEL_YEAR_MIN => {
                    let local = instant.with_timezone(&cx.tz);
                    let (hour, minute) = (u16::from(small(local.hour())), small(local.minute()));
                    let day = excel_day(local.year(), local.month(), local.day())?;
                    let moment = day.and_hms(hour, minute, f64::from(local.second()))?;
                    self.sheet.write_datetime_with_format(row, index, &moment, &self.moment)?;
                }
                _ => {
                    let text = text(column, record, cx);
                    self.sheet.write_string(row, index, shortened(&text))?;
                }
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<File, Error> {
        let mut file = tempfile::tempfile().map_err(|error| file_error(&error))?;
        for sheet in self.sheets {
            self.book.push_worksheet(sheet);
        }
        self.book.push_worksheet(self.sheet);
        self.book.save_to_writer(&mut file).map_err(|error| xlsx_error(&error))?;
        Ok(file)
    }
}

fn excel_day(year: i32, month: u32, day: u32) -> Result<ExcelDateTime, XlsxError> {
    ExcelDateTime::from_ymd(
        u16::try_from(year).unwrap_or(u16::MAX),
        u8::try_from(month).unwrap_or(1),
        u8::try_from(day).unwrap_or(1),
    )
}

fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

/// A name that Excel takes for a sheet: without its special characters, at most 31 long, with room for a number.
fn sheet_name(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(25).collect();
    if plain.trim().is_empty() { "Sheet".to_owned() } else { plain.trim().to_owned() }
}

fn shortened(text: &str) -> &str {
    // Excel counts UTF-16 units; four bytes are at most two of them.
    if text.len() <= EXCEL_TEXT_MAX {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > EXCEL_TEXT_MAX
    });
    end.map_or(text, |(end, _)| &text[..end])
}

fn file_error(error: &std::io::Error) -> Error {
    Error::BadRequest(io_issue(error))
}

fn xlsx_error(error: &XlsxError) -> Error {
    tracing::warn!(%error, "a workbook could not be written");
    Error::BadRequest(Issue::new("file.io"))
}
