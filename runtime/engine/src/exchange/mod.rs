//! Import and export of lists as CSV and Excel files. Everything streams: a file of a million rows needs the memory of one
//! batch. Reading knows nothing of records; importing writes through commands only, so every rule holds for every row.

mod batch;
mod convert;
mod csv_file;
mod decode;
mod export;
mod folder;
mod guess;
mod import;
mod job;
mod limits;
mod report;
mod resolve;
mod rows;
mod trail;
mod xlsx_file;

#[cfg(test)]
mod import_tests;
#[cfg(test)]
mod tests;

pub use export::{Export, export};
pub use guess::{can_be_key, guess_columns, importable};
pub use import::{Imports, Preview};
pub use job::{ColumnMapping, Complaint, Job, Mapping, Progress, RowError, State};
pub use limits::*;
pub(crate) use resolve::Names;
pub use rows::{Format, ReadOptions, Row, Sniffed, read_rows, sniff};
pub(crate) use trail::TrailFile;
