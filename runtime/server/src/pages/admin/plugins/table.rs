//! A setting that is a list of objects, as a table that people fill in: its JSON as rows of inputs, and what was typed as JSON
//! again. Never shows as a table what would lose something on the way back.

use std::collections::BTreeMap;

use mortise_plugin_host::manifest::{Column, Setting, ValueKind};
use serde::Serialize;
use serde_json::{Map, Value};

use super::settings::{plain, typed_json};

/// What stands in a cell, and what is wrong with it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cell {
    value: String,
    pub(super) error: Option<String>,
}

/// A row of a table, a cell for each column.
pub(super) type Row = Vec<Cell>;

/// What is wrong with a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Slip {
    /// It has to be filled in.
    Missing,
    /// It is no value of this kind.
    Wrong(ValueKind),
    /// An earlier row has the same name.
    Twice,
}

/// Where it is: row, column.
pub(super) type Place = (usize, usize);

/// JSON as rows; none where a table cannot show all of it.
pub(super) fn rows(setting: &Setting, json: &Value) -> Option<Vec<Row>> {
    let columns = &setting.columns;
    if columns.is_empty() {
        return None;
    }
    let cell = |column: &Column, json: &Value| Cell { value: plain(column.kind, json), error: None };
    let row = |item: &Map<String, Value>| {
        let of = |column: &Column| item.get(&column.name).map(|json| cell(column, json)).unwrap_or_default();
        columns.iter().map(of).collect::<Row>()
    };
    let rows: Vec<Row> = match (json, columns.as_slice()) {
        (Value::Array(items), _) if !setting.keyed => {
            items.iter().map(|item| item.as_object().map(row)).collect::<Option<_>>()?
        }
        (Value::Object(items), [_, values]) if setting.keyed => {
            let key = |name: &String| Cell { value: name.clone(), error: None };
            items.iter().map(|(name, json)| vec![key(name), cell(values, json)]).collect()
        }
        _ => return None,
    };
    // An input has one line, and what is typed is taken without white space around it.
    let one_line = |value: &str| value.trim() == value && !value.contains(['\n', '\r']);
    let mut cells = rows.iter().flat_map(|row| columns.iter().zip(row));
    let whole = cells.all(|(column, cell)| column.kind == ValueKind::Many || one_line(&cell.value));
    (whole && values(setting, &rows).as_ref() == Ok(json)).then_some(rows)
}

/// What was typed into a table; none when the form has no table of this setting. Rows that were left empty are none.
pub(super) fn typed(setting: &Setting, form: &[(String, String)]) -> Option<Vec<Row>> {
    let prefix = format!("{}/", setting.name);
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    let mut is_table = false;
    for (name, value) in form {
        let Some(place) = name.strip_prefix(&prefix) else { continue };
        is_table = true;
        let Some((row, column)) = place.split_once('/') else { continue };
        let column = setting.columns.iter().position(|known| known.name == column);
        if let (Ok(row), Some(column)) = (row.parse(), column) {
            let row = rows.entry(row).or_insert_with(|| vec![Cell::default(); setting.columns.len()]);
            row[column].value = value.trim().to_owned();
        }
    }
    let filled = |row: &Row| row.iter().any(|cell| !cell.value.is_empty());
    is_table.then(|| rows.into_values().filter(filled).collect())
}

/// Rows as the JSON of their setting, or everything that is wrong with them.
pub(super) fn values(setting: &Setting, rows: &[Row]) -> Result<Value, Vec<(Place, Slip)>> {
    let mut slips = Vec::new();
    let mut list = Vec::new();
    let mut keyed = Map::new();
    for (at, row) in rows.iter().enumerate() {
        let mut item = Map::new();
        for (index, (column, cell)) in setting.columns.iter().zip(row).enumerate() {
            match cell_json(column, &cell.value) {
                Ok(Value::Null) => {}
                Ok(json) => drop(item.insert(column.name.clone(), json)),
                Err(slip) => slips.push(((at, index), slip)),
            }
        }
        match setting.columns.as_slice() {
            [key, value] if setting.keyed => {
                let name = item.get(&key.name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let json = item.remove(&value.name).unwrap_or_default();
                if keyed.insert(name, json).is_some() {
                    slips.push(((at, 0), Slip::Twice));
                }
            }
            _ => list.push(Value::Object(item)),
        }
    }
    match (slips.is_empty(), setting.keyed) {
        (false, _) => Err(slips),
        (true, true) => Ok(Value::Object(keyed)),
        (true, false) => Ok(Value::Array(list)),
    }
}

/// What a cell holds; null is nothing.
fn cell_json(column: &Column, text: &str) -> Result<Value, Slip> {
    let json = typed_json(column.kind, text).ok_or(Slip::Wrong(column.kind))?;
    match json.is_null() && column.required {
        true => Err(Slip::Missing),
        false => Ok(json),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn setting(columns: &Value, keyed: bool) -> Setting {
        serde_json::from_value(json!({ "name": "list", "type": "json", "columns": columns, "keyed": keyed }))
            .expect("a setting")
    }

    fn terms() -> Setting {
        let columns = json!([
            { "name": "term", "type": "text", "required": true },
            { "name": "also", "type": "many" },
            { "name": "weight", "type": "float" },
        ]);
        setting(&columns, false)
    }

    fn form(cells: &[(&str, &str)]) -> Vec<(String, String)> {
        cells.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_list_of_objects_becomes_rows_and_comes_back_as_it_was() {
        let json =
            json!([{ "term": "交期", "also": ["晚到", "late delivery"], "weight": 2 }, { "term": "x" }]);
        let rows = rows(&terms(), &json).expect("a table");
        assert_eq!(rows[0][1].value, "晚到\nlate delivery");
        assert_eq!(rows[1][2].value, "");
        assert_eq!(values(&terms(), &rows), Ok(json));
    }

    #[test]
    fn what_a_table_would_lose_is_not_shown_as_one() {
        for json in [
            json!([{ "term": "x", "more": 1 }]),
            json!([{ "also": ["y"] }]),
            json!([{ "term": "two\nlines" }]),
            json!([{ "term": " x" }]),
            json!([{ "term": "x", "also": [" y"] }]),
            json!([{ "term": "x", "also": [] }]),
            json!([{ "term": "x", "also": [["nested"]] }]),
            json!(["x"]),
            json!({ "term": "x" }),
            json!("x"),
        ] {
            assert!(rows(&terms(), &json).is_none(), "{json}");
        }
        assert!(rows(&setting(&json!([]), false), &json!([])).is_none(), "there are no columns");
    }

    #[test]
    fn what_was_typed_is_taken_in_its_order_without_empty_rows() {
        let typed = |cells: &[(&str, &str)]| typed(&terms(), &form(cells));
        let rows = typed(&[
            ("list/", ""),
            ("list/10/term", "ten"),
            ("list/2/term", " two "),
            ("list/2/also", "b\r\n\r\nc"),
            ("list/3/term", "  "),
            ("list/x/term", "no row"),
            ("list/4/strange", "no column"),
            ("lists/1/term", "another"),
        ]);
        let json = values(&terms(), &rows.expect("a table"));
        assert_eq!(json, Ok(json!([{ "term": "two", "also": ["b", "c"] }, { "term": "ten" }])));
        assert_eq!(typed(&[("list/", "")]).map(|rows| rows.len()), Some(0));
        assert!(typed(&[("list", "[]")]).is_none());
    }

    #[test]
    fn every_cell_that_is_wrong_is_named() {
        let cells = [("list/0/also", "a"), ("list/1/term", "b"), ("list/1/weight", "much")];
        let rows = typed(&terms(), &form(&cells)).expect("a table");
        let slips = values(&terms(), &rows).expect_err("slips");
        assert_eq!(slips, [((0, 0), Slip::Missing), ((1, 2), Slip::Wrong(ValueKind::Float))]);
    }

    #[test]
    fn names_with_values_are_a_table_of_two_columns() {
        let columns = json!([
            { "name": "kind", "type": "text", "required": true },
            { "name": "points", "type": "integer", "required": true },
        ]);
        let points = setting(&columns, true);
        let json = json!({ "call": 35, "chat": 20 });
        let shown = rows(&points, &json).expect("a table");
        assert_eq!(values(&points, &shown), Ok(json));
        assert!(rows(&points, &json!({ "call": null })).is_none());
        let twice = form(&[
            ("list/0/kind", "call"),
            ("list/0/points", "1"),
            ("list/1/kind", "call"),
            ("list/1/points", "2"),
        ]);
        let slips = values(&points, &typed(&points, &twice).expect("a table")).expect_err("slips");
        assert_eq!(slips, [((1, 0), Slip::Twice)]);
    }
}
