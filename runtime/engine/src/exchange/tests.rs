//! Tests of the readers: real files in every usual encoding and format, and files made to do harm.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook};
use tempfile::NamedTempFile;

use super::*;

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn rows_of(path: &Path, options: &ReadOptions) -> Result<Vec<Row>, &'static str> {
    let mut rows = Vec::new();
    let visited = read_rows(path, options, &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    visited.map(|()| rows).map_err(|issue| {
        let key = format!("error.{}", issue.code);
        assert!(mortise_definition::locale::lookup("zh-CN", &key).is_some(), "{key} has no text");
        issue.code
    })
}

fn rows(bytes: &[u8]) -> Result<Vec<Vec<String>>, &'static str> {
    let file = file(bytes);
    Ok(rows_of(file.path(), &ReadOptions::default())?.into_iter().map(|row| row.cells).collect())
}

fn names() -> Vec<Vec<String>> {
    [["姓名", "电话"], ["王芳", "13800138000"]].map(|row| row.map(str::to_owned).to_vec()).to_vec()
}

#[test]
fn every_usual_encoding_is_read() {
    let text = "姓名,电话\r\n王芳,13800138000\r\n";
    let wide = |order: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
        let mark = mark.then_some(0xFEFF);
        mark.into_iter().chain(text.encode_utf16()).flat_map(order).collect()
    };
    assert_eq!(rows(text.as_bytes()), Ok(names()));
    assert_eq!(rows(&[b"\xEF\xBB\xBF", text.as_bytes()].concat()), Ok(names()));
    assert_eq!(rows(&encoding_rs::GBK.encode(text).0), Ok(names()));
    assert_eq!(rows(&wide(u16::to_le_bytes, true)), Ok(names()));
    assert_eq!(rows(&wide(u16::to_be_bytes, true)), Ok(names()));
    let ascii: Vec<u8> = "name;city\nMueller;Koeln\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(rows(&ascii).unwrap()[1], ["Mueller", "Koeln"]);
    // Valid neither as UTF-8 nor as GB18030: a lone umlaut before a line end.
    assert_eq!(rows(b"name,city\nM\xFCller,Z\xFC\n").unwrap()[1], ["Müller", "Zü"]);
}

#[test]
fn an_encoding_that_is_wrong_only_far_down_is_noticed() {
    let mut text = "姓名,电话\n".repeat(0) + "name,phone\n";
    text.push_str(&"Ann,1\n".repeat(50_000));
    text.push_str("王芳,2\n");
    let rows = rows(&encoding_rs::GBK.encode(&text).0).unwrap();
    assert_eq!(rows.last().unwrap(), &["王芳", "2"]);
}

#[test]
fn every_usual_separator_is_found() {
    for separator in [",", ";", "\t", "|"] {
        let text = format!("name{separator}note\nAnn{separator}\"a, b; c\td\"\nBob{separator}x\n");
        assert_eq!(rows(text.as_bytes()).unwrap()[1], ["Ann", "a, b; c\td"], "{separator}");
    }
    assert_eq!(rows(b"name\nAnn\nBob\n").unwrap().len(), 3);
}

#[test]
fn titles_and_blank_rows_above_the_headings_are_skipped() {
    let file = file("2026 年线索\n\n姓名,电话\n,\n王芳,138\n".as_bytes());
    let rows = rows_of(file.path(), &ReadOptions::default()).unwrap();
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(rows[0].cells, ["姓名", "电话"]);
}

#[test]
fn rows_are_numbered_as_spreadsheet_programs_do() {
    let file = file(b"a,b\r\n\"x\r\ny\",1\r\n\r\nz,2");
    let rows = rows_of(file.path(), &ReadOptions::default()).unwrap();
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 4]);
}

#[test]
fn workbooks_are_read_as_people_see_them() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("线索").unwrap();
    let day = CellFormat::new().set_num_format("yyyy-mm-dd");
    let minute = CellFormat::new().set_num_format("yyyy-mm-dd hh:mm");
    for (column, heading) in ["姓名", "电话", "金额", "日期", "时间", "是否"].iter().enumerate() {
        sheet.write(0, u16::try_from(column).unwrap(), *heading).unwrap();
    }
    sheet.write(2, 0, "王芳").unwrap();
    sheet.write(2, 1, 13_800_138_000.0).unwrap();
    sheet.write(2, 2, 0.1 + 0.2).unwrap();
    sheet.write_with_format(2, 3, ExcelDateTime::from_ymd(2026, 11, 22).unwrap(), &day).unwrap();
    let moment = ExcelDateTime::from_ymd(2026, 11, 22).unwrap().and_hms(9, 18, 0).unwrap();
    sheet.write_with_format(2, 4, &moment, &minute).unwrap();
    sheet.write(2, 5, true).unwrap();
    let mut hidden = rust_xlsxwriter::Worksheet::new();
    hidden.set_name("hidden").unwrap().set_hidden(true);
    book.push_worksheet(hidden);
    let file = file(&book.save_to_buffer().unwrap());

    assert_eq!(sniff(file.path()).unwrap().sheets, ["线索"]);
    let rows = rows_of(file.path(), &ReadOptions::default()).unwrap();
    assert_eq!(rows[1].number, 3);
    assert_eq!(rows[1].cells, ["王芳", "13800138000", "0.3", "2026-11-22", "2026-11-22 09:18:00", "true"]);
}

#[test]
fn harmful_files_are_refused_with_the_reason() {
    assert_eq!(rows(b""), Err("file.empty"));
    assert_eq!(rows(b"\n\n , \n"), Err("file.empty"));
    assert_eq!(rows(&[0, 1, 2, 0, 0, 0, 7, 0, 0, 9]), Err("file.unknown_format"));
    assert_eq!(rows(b"\xD0\xCF\x11\xE0 old"), Err("file.old_excel"));
    assert_eq!(rows(b"PK\x03\x04 no zip"), Err("file.broken"));
    assert_eq!(rows("a,".repeat(1_000_000).as_bytes()), Err("file.too_many_columns"));
    assert_eq!(
        rows(format!("a,b\nx,\"{}", "unclosed ".repeat(500_000)).as_bytes()),
        Err("file.cell_too_large")
    );
    assert_eq!(rows(format!("a,b\nx,{}\n", "y".repeat(70_000)).as_bytes()), Err("file.cell_too_large"));
    let sparse = NamedTempFile::new().unwrap();
    sparse.as_file().set_len(1 << 30).unwrap();
    assert_eq!(rows_of(sparse.path(), &ReadOptions::default()), Err("file.too_large"));
}

/// A workbook with one more part of so many zeros, or with another sheet.
fn zip_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn zip_bombs_are_refused_before_they_unpack() {
    assert_eq!(rows(&zip_of(&[("mimetype", b"text")])), Err("file.unknown_format"));
    let large = vec![b'<'; usize::try_from(SHARED_BYTES_MAX).unwrap() + 1];
    let mut bomb = zip_of(&[("xl/sharedStrings.xml", &large)]);
    assert!(bomb.len() < 1_000_000);
    assert_eq!(rows(&bomb), Err("file.zip_bomb"));
    // The same with a lie about its size in the directory at the end.
    let size = u32::try_from(large.len()).unwrap().to_le_bytes();
    let places: Vec<usize> =
        bomb.windows(4).enumerate().filter(|(_, w)| *w == size).map(|(i, _)| i).collect();
    for place in places {
        bomb[place..place + 4].copy_from_slice(&10u32.to_le_bytes());
    }
    let refused = rows(&bomb).unwrap_err();
    assert!(["file.zip_bomb", "file.broken"].contains(&refused), "{refused}");
    let one_text = vec![b'x'; XML_TEXT_BYTES_MAX + 40_000];
    assert_eq!(rows(&zip_of(&[("xl/worksheets/sheet1.xml", &one_text)])), Err("file.zip_bomb"));
}

#[test]
fn one_long_text_in_every_cell_makes_no_row_that_fills_the_memory() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let text = "x".repeat(32_000);
    for column in 0..100 {
        sheet.write(0, column, text.as_str()).unwrap();
    }
    assert_eq!(rows(&book.save_to_buffer().unwrap()), Err("file.cell_too_large"));
}

#[test]
fn cells_far_to_the_right_are_refused() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "a").unwrap();
    sheet.write(0, 16_000, "b").unwrap();
    assert_eq!(rows(&book.save_to_buffer().unwrap()), Err("file.too_many_columns"));
}

#[test]
fn every_complaint_about_a_file_or_an_import_has_words() {
    let sources = [
        include_str!("batch.rs"),
        include_str!("convert.rs"),
        include_str!("csv_file.rs"),
        include_str!("export.rs"),
        include_str!("folder.rs"),
        include_str!("import.rs"),
        include_str!("report.rs"),
        include_str!("resolve.rs"),
        include_str!("rows.rs"),
        include_str!("xlsx_file.rs"),
        include_str!("../demo/mod.rs"),
    ];
    let code = regex::Regex::new(r#""((?:ui\.)?(?:import|file|demo|batch)\.[a-z_.]+)""#).unwrap();
    let mut missing = Vec::new();
    for found in sources.iter().flat_map(|source| code.captures_iter(source)) {
        let key =
            if found[1].starts_with("ui.") { found[1].to_owned() } else { format!("error.{}", &found[1]) };
        if mortise_definition::locale::lookup("zh-CN", &key).is_none()
            && !found[1].ends_with(".csv")
            && !found[1].ends_with(".json")
        {
            missing.push(key);
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

proptest! {
    #[test]
    fn random_bytes_never_bring_the_readers_down(bytes in prop::collection::vec(any::<u8>(), 1..400), kind in 0usize..5) {
        let starts: [&[u8]; 5] = [b"", b"PK\x03\x04", b"\xFF\xFE", b"\xEF\xBB\xBF", b"\"a\",\"b\"\n"];
        let _ = rows(&[starts[kind], &bytes].concat());
    }

    #[test]
    fn damaged_workbooks_never_bring_the_reader_down(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        for row in 0..3 {
            sheet.write(row, 0, "text").unwrap();
            sheet.write(row, 1, 12.5).unwrap();
        }
        let mut bytes = book.save_to_buffer().unwrap();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = rows(&bytes);
    }
}
