//! A plugin for measurements: looks at every record before it is saved, changes one field of it, and checks all of them; and
//! a function that does next to nothing, so that what its call costs is not its own work.

use mortise_sdk::prelude::*;

schema!("plugin.json");

#[before_save("tidy")]
fn tidy(_: &Context, change: &Change<Item>) -> Result<Verdict, Fault> {
    let Some(item) = &change.after else { return Ok(Verdict::Proceed) };
    let quantity = item.quantity().integer().unwrap_or_default();
    Ok(Verdict::Change(Fields::default().with("quantity", quantity.clamp(1, 1_000)).into_inner()))
}

#[validator("complete")]
fn complete(_: &Context, change: &Change<Item>) -> Result<Vec<Violation>, Fault> {
    let Some(item) = &change.after else { return Ok(Vec::new()) };
    let mut violations = Vec::new();
    if item.name().text().trim().is_empty() {
        violations.push(violation("name", "nameless", "an item has a name"));
    }
    if item.email().text().len() > 200 || item.company().text().len() > 200 {
        violations.push(violation("company", "long", "nobody is called that"));
    }
    Ok(violations)
}

#[function("initials")]
fn initials(name: &str, company: &str) -> String {
    name.chars().take(1).chain(company.chars().take(1)).collect()
}

export!();
