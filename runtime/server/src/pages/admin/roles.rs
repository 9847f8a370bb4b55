//! What the installed apps allow to whom, as a table per role. Read only: roles are defined by apps.

use axum::response::Response;
use mortise_definition::model::{PermissionModel, RoleModel};
use mortise_definition::source::{FieldAccess, Operation};
use serde::Serialize;

use super::administrator;
use crate::Failure;
use crate::pages::visit::Visit;

const OPERATIONS: [(&str, Operation); 6] = [
    ("read", Operation::Read),
    ("create", Operation::Create),
    ("update", Operation::Update),
    ("delete", Operation::Delete),
    ("export", Operation::Export),
    ("import", Operation::Import),
];

#[derive(Serialize)]
struct Page {
    operations: Vec<Named>,
    roles: Vec<Role>,
}

#[derive(Serialize)]
struct Named {
    id: &'static str,
    label: String,
}

#[derive(Serialize)]
struct Role {
    label: String,
    app: String,
    description: Option<String>,
    people: usize,
    permissions: Vec<Permission>,
}

#[derive(Serialize)]
struct Permission {
    entity: String,
    operations: Vec<&'static str>,
    rows: Option<String>,
    fields: Vec<String>,
}

/// `GET /admin/roles`.
pub(in crate::pages) async fn list(visit: Visit) -> Result<Response, Failure> {
    administrator(&visit)?;
    let (model, directory) = (visit.tenant.engine.model(), visit.tenant.engine.directory());
    let role = |role: &std::sync::Arc<RoleModel>| {
        let mut permissions: Vec<_> = role.permissions.iter().collect();
        permissions.sort_by_key(|(entity, _)| **entity);
        Role {
            label: role.label.get(visit.language).to_owned(),
            app: model.apps[role.app].label.get(visit.language).to_owned(),
            description: role.description.as_ref().map(|text| text.get(visit.language).to_owned()),
            people: directory.users().filter(|user| user.active && user.roles.contains(&role.key)).count(),
            permissions: permissions
                .into_iter()
                .map(|(entity, one)| permission(&visit, *entity, one))
                .collect(),
        }
    };
    let page = Page {
        operations: OPERATIONS
            .iter()
            .map(|(id, _)| Named { id, label: visit.t(&format!("operation.{id}"), &[]) })
            .collect(),
        roles: model.roles.values().map(role).collect(),
    };
    visit.page("admin/roles.html", &visit.t("roles.title", &[]), page)
}

fn permission(visit: &Visit, entity: usize, permission: &PermissionModel) -> Permission {
    let model = visit.tenant.engine.model();
    let entity = &model.entities[entity];
    let mut fields: Vec<_> =
        permission.fields.iter().filter(|(_, access)| **access != FieldAccess::Write).collect();
    fields.sort_by_key(|(slot, _)| **slot);
    let field = |(slot, access): (&usize, &FieldAccess)| {
        let key = if *access == FieldAccess::Hidden { "roles.field_hidden" } else { "roles.field_read" };
        visit.t(key, &[("label", entity.fields[*slot].label.get(visit.language))])
    };
    Permission {
        entity: entity.plural.get(visit.language).to_owned(),
        operations: OPERATIONS
            .iter()
            .filter(|(_, one)| permission.operations.contains(one))
            .map(|(id, _)| *id)
            .collect(),
        rows: permission.rows.as_ref().map(|rows| rows.source().to_owned()),
        fields: fields.into_iter().map(field).collect(),
    }
}
