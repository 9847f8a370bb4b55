//! A validator that looks at each of thirty fields: the plugin whose call is measured.

use mortise_sdk::prelude::*;

schema!("plugin.json");

#[validator("thirty")]
fn thirty(_: &Context, change: &Change<Thing>) -> Result<Vec<Violation>, Fault> {
    let fields = change.record().into_iter().flat_map(|thing| &thing.entry().fields);
    let long = fields.filter(|field| too_long(&field.value));
    Ok(long.map(|field| violation(&field.name, "too_long", "more than a hundred characters")).collect())
}

fn too_long(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.len() > 100)
}

export!();
