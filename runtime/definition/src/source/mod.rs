//! The app language as it is written: one type per artifact file, exactly what the JSON says and nothing derived.
//! Types here never look at another artifact; that is the compiler's work ([`crate::model`]).

mod app;
mod data;
mod entity;
mod field;
mod form;
pub(crate) mod patterns;
mod role;
mod tree;
mod view;

pub use app::{App, Requirement, Setting, SettingType};
pub use data::Data;
pub use entity::{Check, Compare, DuplicateField, Duplicates, Entity, Extension, Index};
pub use field::{Choice, Field, FieldType, RollupOperation};
pub use form::{Form, FormItem, FormPurpose, Section};
pub use role::{FieldAccess, Operation, Permission, Role, RowScope};
pub use tree::{Tree, TreeNode};
pub use view::{Column, Highlight, View, ViewKind};

/// An expression of the app language (CEL), as written.
pub type Source = String;
