//! Departments of a tenant: a tree that row scopes and supervisors stand on. Read by everybody, changed by administrators.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mortise_store::control::{Department, DepartmentPatch};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::body::{Body, json, present};
use crate::context::Administrator;
use crate::{AppState, Failure, SignedIn};

/// Longest name.
const NAME_CHARS: usize = 200;

/// A department as the API shows it.
#[derive(Debug, Clone, Serialize)]
pub struct DepartmentView {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Department above.
    pub parent: Option<Uuid>,
    /// Order among siblings.
    pub position: i32,
}

impl From<Department> for DepartmentView {
    fn from(row: Department) -> Self {
        DepartmentView { id: row.id, name: row.name, parent: row.parent_id, position: row.position }
    }
}

/// What may be said about a department; what is missing stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepartmentInput {
    /// Name.
    pub name: Option<String>,
    /// Department above.
    #[serde(default, deserialize_with = "present")]
    pub parent: Option<Option<Uuid>>,
    /// Order among siblings.
    pub position: Option<i32>,
}

/// All departments in order.
pub async fn all(state: &AppState, by: &SignedIn) -> Result<Vec<DepartmentView>, Failure> {
    let rows = state.control.departments(by.tenant.record.id).await?;
    Ok(rows.into_iter().map(DepartmentView::from).collect())
}

/// Makes a department.
pub async fn create(
    state: &AppState,
    by: &Administrator,
    input: DepartmentInput,
) -> Result<DepartmentView, Failure> {
    check(state, by, None, &input).await?;
    let name = input.name.ok_or_else(|| Failure::invalid_field("name", "field.required"))?;
    let (parent, position) = (input.parent.flatten(), input.position.unwrap_or(0));
    let tenant = by.tenant.record.id;
    let row = state
        .control
        .create_department(tenant, state.new_id(), name.trim().to_owned(), parent, position)
        .await?;
    state.reload_directory(&by.tenant).await?;
    super::note(by, "department_created", json!({"department": row.id, "name": row.name})).await?;
    Ok(row.into())
}

/// Changes a department.
pub async fn update(
    state: &AppState,
    by: &Administrator,
    id: Uuid,
    input: DepartmentInput,
) -> Result<DepartmentView, Failure> {
    check(state, by, Some(id), &input).await?;
    let name = input.name.map(|name| name.trim().to_owned());
    let patch = DepartmentPatch { name, parent_id: input.parent, position: input.position };
    let row = state.control.update_department(by.tenant.record.id, id, patch).await?;
    let row = row.ok_or_else(not_found)?;
    state.reload_directory(&by.tenant).await?;
    super::note(by, "department_changed", json!({"department": id, "name": row.name})).await?;
    Ok(row.into())
}

/// Removes a department; its people move to the one above.
pub async fn remove(state: &AppState, by: &Administrator, id: Uuid) -> Result<(), Failure> {
    if !state.control.delete_department(by.tenant.record.id, id).await? {
        return Err(not_found());
    }
    state.reload_directory(&by.tenant).await?;
    super::note(by, "department_removed", json!({"department": id})).await
}

fn not_found() -> Failure {
    Failure::not_found("department.not_found")
}

async fn check(
    state: &AppState,
    by: &SignedIn,
    own: Option<Uuid>,
    input: &DepartmentInput,
) -> Result<(), Failure> {
    let wrong = |name: &str| name.trim().is_empty() || name.chars().count() > NAME_CHARS;
    if input.name.as_deref().is_some_and(wrong) {
        return Err(Failure::invalid_field("name", "user.name_length"));
    }
    let Some(Some(parent)) = input.parent else { return Ok(()) };
    let rows = all(state, by).await?;
    let mut next = Some(parent);
    // Upwards from the new parent: it has to exist, and the department itself may not come up.
    for _ in 0..=rows.len() {
        let Some(id) = next else { return Ok(()) };
        let row = rows.iter().find(|row| row.id == id && Some(id) != own);
        match row {
            Some(row) => next = row.parent,
            None => break,
        }
    }
    Err(Failure::invalid_field("parent", "department.parent"))
}

/// `GET /departments`.
pub(super) async fn list(State(state): State<AppState>, by: SignedIn) -> Result<Response, Failure> {
    Ok(json(&json!({"rows": all(&state, &by).await?})))
}

/// `POST /departments`.
pub(super) async fn post(
    State(state): State<AppState>,
    by: Administrator,
    Body(input): Body<DepartmentInput>,
) -> Result<Response, Failure> {
    let row = create(&state, &by, input).await?;
    Ok((StatusCode::CREATED, json(&row)).into_response())
}

/// `PATCH /departments/{id}`.
pub(super) async fn patch(
    State(state): State<AppState>,
    by: Administrator,
    Path(id): Path<Uuid>,
    Body(input): Body<DepartmentInput>,
) -> Result<Response, Failure> {
    Ok(json(&update(&state, &by, id, input).await?))
}

/// `DELETE /departments/{id}`.
pub(super) async fn delete(
    State(state): State<AppState>,
    by: Administrator,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Failure> {
    remove(&state, &by, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
