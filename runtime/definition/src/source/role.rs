//! `roles/*.json`: what people of a role may see and do (PLAT-20). Roles of several apps add up.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;
use super::patterns::ARTIFACT_ID;
use crate::Text;

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Address of this file's JSON Schema, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id within the app. Users are given roles as `app.role`.
    #[schemars(regex(pattern = ARTIFACT_ID), length(max = 60))]
    pub id: String,
    /// Name shown to people.
    pub label: Text,
    /// What the role is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
    /// Permissions; what no role permits is denied.
    pub permissions: Vec<Permission>,
}

/// What a role may do with the records of one entity. Several roles of a person add up record by record: what one role
/// opens on its records is not open on the records of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// The entity: `order`, or `app.entity` when it belongs to another app.
    pub entity: String,
    /// What may be done.
    pub operations: Vec<Operation>,
    /// With which records; all unless given. New records are not limited by it.
    #[serde(default, skip_serializing_if = "RowScope::is_all")]
    pub rows: RowScope,
    /// Fields that are not fully open to the role, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub fields: IndexMap<String, FieldAccess>,
}

/// What can be done with records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// See records.
    Read,
    /// Make new records.
    Create,
    /// Change records.
    Update,
    /// Put records into the trash and take them out.
    Delete,
    /// Take lists out of the system as files.
    Export,
    /// Bring many records in from files.
    Import,
}

/// Which records a permission covers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowScope {
    /// Every record.
    #[default]
    All,
    /// Records owned by the person.
    Own,
    /// Records owned by the person or by people of the same department.
    Team,
    /// Records owned by people of the person's department and the ones below it, or by people who report to the person.
    Department,
    /// Records for which the expression over `record` and `user` holds.
    #[serde(untagged)]
    Where {
        /// The expression; must be translatable to SQL.
        #[serde(rename = "where")]
        condition: Source,
    },
}

impl RowScope {
    /// True for the default.
    pub fn is_all(&self) -> bool {
        *self == RowScope::All
    }
}

/// How far a field is open to a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldAccess {
    /// Not shown, not accepted, not filterable.
    Hidden,
    /// Shown, not accepted.
    Read,
    /// Shown and accepted.
    Write,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_scope_is_a_word_or_a_condition_and_comes_back_as_it_was() {
        for text in [r#""own""#, r#""department""#, r#"{"where":"record.owner == user.id"}"#] {
            let scope: RowScope = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&scope).unwrap(), text);
        }
        for text in [r#""mine""#, r#"{"when":"true"}"#, "3", "null"] {
            assert!(serde_json::from_str::<RowScope>(text).is_err(), "{text}");
        }
    }
}
