//! Fills a tenant with the people and records of apps' demo folders. For the operator only, because it reads folders of
//! the server's machine; records go through the same commands as all others.

use std::collections::HashMap;
use std::path::PathBuf;

use axum::Json;
use axum::extract::{Path, State};
use mortise_engine::demo::{Demo, DemoOptions, People, generate};
use mortise_store::control::{NewUser, UserPatch};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::body::Body;
use crate::{AppState, Failure, TenantHandle};

/// What to make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    folders: Vec<PathBuf>,
    records: u64,
    seed: u64,
}

/// `POST /operator/v1/tenants/{slug}/demo`.
pub(super) async fn fill(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Body(wish): Body<Wish>,
) -> Result<Json<Value>, Failure> {
    let tenant = state.tenant(&slug).await?;
    let demo = Demo::read_folders(&wish.folders).map_err(mortise_engine::Error::BadRequest)?;
    people(&state, &tenant, &demo.people).await?;
    state.reload_directory(&tenant).await?;
    // Reason for the cast: a scale is a factor, its last digits do not matter.
    let scale = wish.records as f64 / demo.largest().max(1) as f64;
    let options = DemoOptions { seed: wish.seed, base: tenant.engine.now(), scale };
    let progress = |entity: &str, made, wanted| tracing::info!(entity, made, wanted, "demo records");
    let records = generate(&tenant.engine, &demo, options, progress).await?;
    Ok(Json(json!({"records": records, "users": demo.people.users.len()})))
}

/// Makes departments and users that are not there yet, and gives those that are the roles of the demo.
async fn people(state: &AppState, tenant: &TenantHandle, people: &People) -> Result<(), Failure> {
    let id = tenant.record.id;
    let mut departments: HashMap<String, Uuid> = HashMap::new();
    let known = state.control.departments(id).await?;
    for (position, wanted) in people.departments.iter().enumerate() {
        let found = match known.iter().find(|row| row.name == wanted.label) {
            Some(row) => row.id,
            None => {
                let parent = wanted.parent.as_ref().and_then(|parent| departments.get(parent)).copied();
                let position = i32::try_from(position).unwrap_or(i32::MAX);
                let new = state.new_id();
                state.control.create_department(id, new, wanted.label.clone(), parent, position).await?.id
            }
        };
        departments.insert(wanted.id.clone(), found);
    }
    let users = state.control.users(id).await?;
    let mut by_login: HashMap<String, Uuid> =
        users.iter().map(|(user, _)| (user.login.clone(), user.id)).collect();
    for wanted in &people.users {
        let department_id = wanted.department.as_ref().and_then(|name| departments.get(name)).copied();
        let supervisor_id = wanted.supervisor.as_ref().and_then(|login| by_login.get(login)).copied();
        if let Some((user, roles)) = users.iter().find(|(user, _)| user.login == wanted.login) {
            let roles = roles.iter().chain(&wanted.roles).cloned().collect();
            let patch = UserPatch { roles: Some(roles), ..UserPatch::default() };
            state.control.update_user(id, user.id, None, patch, state.now()).await?;
            continue;
        }
        let new = NewUser {
            login: wanted.login.clone(),
            name: wanted.name.clone(),
            email: wanted.email.clone(),
            administrator: wanted.administrator,
            language: wanted.language.clone(),
            department_id,
            supervisor_id,
            roles: wanted.roles.clone(),
            ..NewUser::default()
        };
        let user = state.control.create_user(id, state.new_id(), new, state.now()).await?;
        by_login.insert(user.login, user.id);
    }
    Ok(())
}
