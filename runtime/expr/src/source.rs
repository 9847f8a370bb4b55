//! The text of an expression: its limits and how it is parsed.

/// The longest source in bytes. The longest sensible condition seen so far has some 600 characters; ten times
/// that leaves room and keeps parsing in the range of a few milliseconds.
pub const SOURCE_LIMIT: usize = 8_192;

/// How deep parentheses, calls and operators can nest. Parsing and evaluation recurse; this depth fits easily
/// into the 2 MiB stack of a worker thread.
pub const NESTING_LIMIT: u16 = 48;
