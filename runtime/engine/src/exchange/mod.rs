//! Import and export of lists as CSV and Excel files. Everything streams: a file of a million rows needs the memory of one
//! batch. Reading knows nothing of records; importing writes through commands only, so every rule holds for every row.

mod csv_file;
mod decode;
mod limits;
mod rows;
mod xlsx_file;

#[cfg(test)]
mod tests;

pub use limits::*;
pub use rows::{Format, ReadOptions, Row, Sniffed, read_rows, sniff};
