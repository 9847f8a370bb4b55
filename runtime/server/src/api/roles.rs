//! Roles that the installed apps bring, for choosing what people may do.

use axum::response::Response;
use serde_json::json;

use super::body;
use crate::SignedIn;

/// `GET /roles`.
pub(super) async fn list(by: SignedIn) -> Response {
    let model = by.tenant.engine.model();
    let row = |role: &std::sync::Arc<mortise_definition::model::RoleModel>| {
        let entities = role.permissions.keys().map(|&index| model.entities[index].key.as_str());
        let mut entities: Vec<&str> = entities.collect();
        entities.sort_unstable();
        json!({
            "key": role.key,
            "app": model.apps[role.app].id,
            "label": role.label.get(by.language),
            "description": role.description.as_ref().map(|text| text.get(by.language)),
            "entities": entities,
        })
    };
    body::json(&json!({"rows": model.roles.values().map(row).collect::<Vec<_>>()}))
}
