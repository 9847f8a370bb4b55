//! Administration of a tenant: people, departments, roles, apps, the audit trail. Every page is for administrators only and changes things
//! by the same functions as the API.

pub(super) mod apps;
pub(super) mod audit;
pub(super) mod automation;
mod confirm;
pub(super) mod connectors;
pub(super) mod deliveries;
pub(super) mod departments;
pub(super) mod findings;
pub(super) mod install;
pub(super) mod overlay;
pub(super) mod overview;
pub(super) mod plugins;
pub(super) mod purge;
pub(super) mod roles;
pub(super) mod sandbox;
pub(super) mod scenarios;
pub(super) mod stuck;
pub(super) mod users;
pub(super) mod waiting;

use super::visit::Visit;
use crate::Failure;
use crate::context::Administrator;

/// The visitor as an administrator; 403 for everybody else.
pub(super) fn administrator(visit: &Visit) -> Result<Administrator, Failure> {
    visit.by.require_admin()?;
    Ok(Administrator(visit.by.clone()))
}

/// The last value of a name in a form.
fn value<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().rev().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
}

/// An optional value of a form: empty is none.
fn optional(form: &[(String, String)], name: &str) -> Option<String> {
    Some(value(form, name)).filter(|text| !text.is_empty()).map(str::to_owned)
}
