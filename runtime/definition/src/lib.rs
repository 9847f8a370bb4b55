//! The app language: artifacts as written ([`source`]), checked and compiled into one immutable [`model::Model`] per tenant.
//! Pure: no I/O beyond reading an app's folder, no async, no database.

pub mod compile;
mod diff;
mod folder;
mod json;
pub mod locale;
pub mod model;
mod number;
mod overlay;
mod package;
mod problem;
pub mod schema;
pub mod source;
mod structure;
pub mod syntax;
mod text;
pub mod worktime;

pub use compile::{
    AcceptedFinding, Bypass, Compiled, Means, SettingValues, bypasses, compile, recompile, rule_bypasses,
};
pub use diff::{Change, ChangeKind, diff};
pub use number::{COUNTER_DIGITS_MAX, NumberError, PATTERN_CHARS_MAX};
pub use overlay::{Conflict, Overlay, Patch};
pub use package::{FILE_BYTES_MAX, FILES_MAX, Kind, PACKAGE_BYTES_MAX, PROBLEMS_PER_FILE_MAX, Package};
pub use problem::{Problem, Severity};
pub use text::{Text, humanize};
