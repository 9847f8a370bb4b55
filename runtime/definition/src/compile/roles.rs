//! Compiles roles: permissions by entity, row scopes as expressions that SQL understands, access to fields.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Compiler;
use super::expressions::{Nulls, Site};
use super::place::Place;
use crate::Kind;
use crate::model::{EntityModel, PermissionModel, RoleModel, system};
use crate::problem::Problems;
use crate::source::{FieldAccess, Operation, Permission, Role, RowScope};

const OWN: &str = "record.owner == user.id";
/// Row scope `team`.
pub(super) const TEAM: &str = "record.owner in user.team";
/// Row scope `department`.
pub(super) const DEPARTMENT: &str = "record.owner in user.department_users";

impl Compiler<'_> {
    /// All roles by key.
    pub(super) fn roles(
        &self,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> IndexMap<String, Arc<RoleModel>> {
        let mut roles = IndexMap::new();
        for (app, package) in self.packages.iter().enumerate() {
            for role in &package.roles {
                let place = Place::new(package, Kind::Role, &role.id);
                let model = self.role(app, role, &place, entities, problems);
                roles.insert(model.key.clone(), Arc::new(model));
            }
        }
        roles
    }

    fn role(
        &self,
        app: usize,
        role: &Role,
        place: &Place,
        entities: &[EntityModel],
        problems: &mut Problems,
    ) -> RoleModel {
        let mut permissions = HashMap::new();
        for (index, permission) in role.permissions.iter().enumerate() {
            let place = place.key("permissions").index(index);
            let entity = self.names.entity(app, &permission.entity, &place.key("entity"), problems);
            let Some(entity) = entity else { continue };
            let model =
                self.permission(Site { entity, app }, permission, &entities[entity], &place, problems);
            if permissions.insert(entity, model).is_some() {
                let problem = place.key("entity").error("role.entity_twice");
                problems.push(problem.arg("name", &permission.entity));
            }
        }
        RoleModel {
            key: format!("{}.{}", self.packages[app].app.id, role.id),
            app,
            label: role.label.clone(),
            description: role.description.clone(),
            permissions,
        }
    }

    fn permission(
        &self,
        site: Site,
        permission: &Permission,
        entity: &EntityModel,
        place: &Place,
        problems: &mut Problems,
    ) -> PermissionModel {
        check_operations(&permission.operations, &place.key("operations"), problems);
        let rows = place.key("rows");
        let rows = match &permission.rows {
            RowScope::All => None,
            RowScope::Own => self.filter(site, OWN, &rows, Nulls::Fine, problems),
            RowScope::Team => self.filter(site, TEAM, &rows, Nulls::Fine, problems),
            RowScope::Department => self.filter(site, DEPARTMENT, &rows, Nulls::Fine, problems),
            RowScope::Where { condition } => {
                self.filter(site, condition, &rows.key("where"), Nulls::Warn, problems)
            }
        };
        let mut fields = HashMap::new();
        for (name, access) in &permission.fields {
            let place = place.key("fields").key(name);
            let Some(slot) = self.drafts[site.entity].find(name, &place, problems) else { continue };
            fields.insert(slot, *access);
            let field = &entity.fields[slot];
            if slot == system::ID && *access == FieldAccess::Hidden {
                problems.push(place.error("role.hidden_id"));
            }
            let creates = permission.operations.contains(&Operation::Create);
            let closed = *access != FieldAccess::Write && field.writable();
            if creates && closed && field.required && field.default.is_none() {
                problems.push(place.warning("role.required_closed").arg("name", name));
            }
        }
        PermissionModel { operations: permission.operations.clone(), rows, fields }
    }
}

fn check_operations(operations: &[Operation], place: &Place, problems: &mut Problems) {
    if operations.is_empty() {
        problems.push(place.error("role.no_operations"));
    }
    for (index, operation) in operations.iter().enumerate() {
        if operations[..index].contains(operation) {
            problems.push(place.index(index).error("role.operation_twice"));
        }
    }
    let needs_read = [Operation::Update, Operation::Delete, Operation::Export];
    let blind = operations.iter().any(|operation| needs_read.contains(operation));
    if blind && !operations.contains(&Operation::Read) {
        problems.push(place.warning("role.no_read"));
    }
    if operations.contains(&Operation::Import) && !operations.contains(&Operation::Create) {
        problems.push(place.warning("role.import_without_create"));
    }
}
