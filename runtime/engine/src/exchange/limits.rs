//! The limits of imported files, in one place. They bound memory and time whatever the file claims about itself.

/// Largest file: Excel itself gets slow beyond it, and a million rows of CSV fit.
pub const FILE_BYTES_MAX: u64 = 200 * 1024 * 1024;

/// Most columns: far more than any entity has fields; a million columns would be a million buffers.
pub const COLUMNS_MAX: usize = 500;

/// Most rows: twice what an Excel sheet holds.
pub const ROWS_MAX: u64 = 2_000_000;

/// Largest cell: twice the longest text of a field in UTF-8.
pub const CELL_BYTES_MAX: usize = 64 * 1024;

/// Largest row: an unclosed quotation mark would otherwise swallow the rest of a CSV file into one cell, and a workbook may name
/// one long text in every cell.
pub const ROW_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Most that the rows of a batch have together, but for the last one.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Characters of a heading that are kept; the longest label of a field has fewer.
pub const HEADING_MAX: usize = 200;

/// Most that a workbook may unpack to: sheets shrink to a tenth, so an honest file of the largest size stays below.
pub const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Most that the parts of a workbook which are held in memory (texts, styles) may unpack to.
pub const SHARED_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Most parts in a workbook; honest ones have some tens.
pub const PARTS_MAX: usize = 2_000;

/// Longest text between two tags of a sheet: the reader holds it in memory at once.
pub const XML_TEXT_BYTES_MAX: usize = 1024 * 1024;
