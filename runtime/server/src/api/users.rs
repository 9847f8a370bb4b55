//! Users of a tenant: listed for everybody who picks a person, changed by administrators. Pages use the same functions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use mortise_store::control::{NewUser, User, UserPatch};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::body::{Body, json, present};
use super::etag;
use crate::context::Administrator;
use crate::failure::Issue;
use crate::{AppState, Failure, RequestContext, SignedIn, language};

/// Longest name of a person or login.
const NAME_CHARS: usize = 200;

/// A user as the API shows it to administrators.
#[derive(Debug, Clone, Serialize)]
pub struct UserView {
    /// Id.
    pub id: Uuid,
    /// Name used to sign in.
    pub login: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// May sign in.
    pub active: bool,
    /// May do everything.
    pub administrator: bool,
    /// Language chosen.
    pub language: Option<String>,
    /// Department.
    pub department: Option<Uuid>,
    /// Supervisor.
    pub supervisor: Option<Uuid>,
    /// Roles as `app.role`.
    pub roles: Vec<String>,
    /// False when nobody has set a password yet.
    pub has_password: bool,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<(User, Vec<String>)> for UserView {
    fn from((user, roles): (User, Vec<String>)) -> Self {
        UserView {
            id: user.id,
            login: user.login,
            name: user.name,
            email: user.email,
            phone: user.phone,
            active: user.active,
            administrator: user.administrator,
            language: user.language,
            department: user.department_id,
            supervisor: user.supervisor_id,
            roles,
            has_password: user.password_hash.is_some(),
            version: user.version,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// What may be said about a new or changed user; what is missing stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserInput {
    /// Name used to sign in.
    pub login: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// New password.
    pub password: Option<String>,
    /// E-mail address.
    #[serde(default, deserialize_with = "present")]
    pub email: Option<Option<String>>,
    /// Telephone number.
    #[serde(default, deserialize_with = "present")]
    pub phone: Option<Option<String>>,
    /// May sign in.
    pub active: Option<bool>,
    /// May do everything.
    pub administrator: Option<bool>,
    /// Language.
    #[serde(default, deserialize_with = "present")]
    pub language: Option<Option<String>>,
    /// Department.
    #[serde(default, deserialize_with = "present")]
    pub department: Option<Option<Uuid>>,
    /// Supervisor.
    #[serde(default, deserialize_with = "present")]
    pub supervisor: Option<Option<Uuid>>,
    /// All roles as `app.role`.
    pub roles: Option<Vec<String>>,
}

/// All users with everything; for administrators.
pub async fn all(state: &AppState, context: &RequestContext) -> Result<Vec<UserView>, Failure> {
    let users = state.control.users(context.tenant.record.id).await?;
    Ok(users.into_iter().map(UserView::from).collect())
}

/// One user with everything; for administrators.
pub async fn one(state: &AppState, context: &RequestContext, id: Uuid) -> Result<UserView, Failure> {
    let users = all(state, context).await?;
    users.into_iter().find(|user| user.id == id).ok_or_else(|| Failure::not_found("user.not_found"))
}

/// Makes a user.
pub async fn create(state: &AppState, by: &Administrator, input: UserInput) -> Result<UserView, Failure> {
    let tenant = by.tenant.record.id;
    let mut issues = check(state, by, None, &input).await?;
    for (field, value) in [("login", &input.login), ("name", &input.name)] {
        if value.is_none() {
            issues.push(issue(field, "field.required"));
        }
    }
    if !issues.is_empty() {
        return Err(Failure::invalid(issues));
    }
    let password_hash = match input.password {
        Some(password) => Some(state.passwords.hash(password).await?),
        None => None,
    };
    let new = NewUser {
        login: input.login.unwrap_or_default().trim().to_owned(),
        name: input.name.unwrap_or_default().trim().to_owned(),
        email: input.email.flatten(),
        phone: input.phone.flatten(),
        password_hash,
        administrator: input.administrator.unwrap_or(false),
        language: input.language.flatten(),
        department_id: input.department.flatten(),
        supervisor_id: input.supervisor.flatten(),
        roles: input.roles.unwrap_or_default(),
    };
    let user = state.control.create_user(tenant, state.new_id(), new, state.now()).await;
    let user = user.map_err(login_taken)?;
    state.reload_directory(&by.tenant).await?;
    super::note(by, "user_created", json!({"user": user.id, "login": user.login})).await?;
    one(state, by, user.id).await
}

/// Changes a user. With a version, only when the user has not been changed since.
pub async fn update(
    state: &AppState,
    by: &Administrator,
    id: Uuid,
    version: Option<i64>,
    input: UserInput,
) -> Result<UserView, Failure> {
    let tenant = by.tenant.record.id;
    let before = one(state, by, id).await?;
    let issues = check(state, by, Some(&before), &input).await?;
    if !issues.is_empty() {
        return Err(Failure::invalid(issues));
    }
    let mut changed: Vec<&str> = changed_fields(&input);
    let password_hash = match input.password {
        Some(password) => Some(state.passwords.hash(password).await?),
        None => None,
    };
    let ends_access = password_hash.is_some() || input.active == Some(false);
    let patch = UserPatch {
        login: input.login.map(|login| login.trim().to_owned()),
        name: input.name.map(|name| name.trim().to_owned()),
        email: input.email,
        phone: input.phone,
        password_hash,
        active: input.active,
        administrator: input.administrator,
        language: input.language,
        department_id: input.department,
        supervisor_id: input.supervisor,
        roles: input.roles,
    };
    let done =
        state.control.update_user(tenant, id, version, patch, state.now()).await.map_err(login_taken)?;
    if done.is_none() {
        return Err(Failure::new(StatusCode::PRECONDITION_FAILED, "record.stale"));
    }
    if ends_access {
        state.control.end_access(id, input.active == Some(false)).await?;
        state.sign_ins.forget_user(id);
    }
    state.reload_directory(&by.tenant).await?;
    changed.sort_unstable();
    super::note(by, "user_changed", json!({"user": id, "fields": changed})).await?;
    one(state, by, id).await
}

fn changed_fields(input: &UserInput) -> Vec<&'static str> {
    [
        ("login", input.login.is_some()),
        ("name", input.name.is_some()),
        ("password", input.password.is_some()),
        ("email", input.email.is_some()),
        ("phone", input.phone.is_some()),
        ("active", input.active.is_some()),
        ("administrator", input.administrator.is_some()),
        ("language", input.language.is_some()),
        ("department", input.department.is_some()),
        ("supervisor", input.supervisor.is_some()),
        ("roles", input.roles.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect()
}

fn login_taken(error: mortise_store::Error) -> Failure {
    match error {
        mortise_store::Error::Unique(_) => Failure::invalid_field("login", "user.login_taken"),
        error => error.into(),
    }
}

fn issue(field: &str, code: &'static str) -> Issue {
    Issue { field: field.into(), code: code.into(), args: Vec::new(), message: None }
}

/// Everything that is wrong with what was said about a user.
async fn check(
    state: &AppState,
    by: &SignedIn,
    before: Option<&UserView>,
    input: &UserInput,
) -> Result<Vec<Issue>, Failure> {
    let mut issues = Vec::new();
    let too_long = |text: &str| text.trim().is_empty() || text.chars().count() > NAME_CHARS;
    let login_char = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    if input.login.as_deref().is_some_and(|login| too_long(login) || !login.trim().chars().all(login_char)) {
        issues.push(issue("login", "user.login_form"));
    }
    if input.name.as_deref().is_some_and(too_long) {
        issues.push(issue("name", "user.name_length"));
    }
    if let Some(password) = &input.password
        && let Err(failure) = crate::auth::check_new_password(password)
    {
        issues.extend_from_slice(failure.issues());
    }
    if let Some(Some(email)) = &input.email
        && (too_long(email)
            || !email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')))
    {
        issues.push(issue("email", "value.not_email"));
    }
    if let Some(Some(phone)) = &input.phone
        && too_long(phone)
    {
        issues.push(issue("phone", "value.not_phone"));
    }
    if let Some(Some(tag)) = &input.language
        && language::supported(tag).is_none_or(|known| known != tag)
    {
        issues.push(issue("language", "user.language"));
    }
    let directory = by.tenant.engine.directory();
    if let Some(Some(department)) = input.department
        && directory.department(department).is_none()
    {
        issues.push(issue("department", "user.department"));
    }
    if let Some(Some(supervisor)) = input.supervisor
        && supervises_itself(&directory, before.map(|user| user.id), supervisor)
    {
        issues.push(issue("supervisor", "user.supervisor"));
    }
    let model = by.tenant.engine.model();
    for role in input.roles.iter().flatten().filter(|role| !model.roles.contains_key(role.as_str())) {
        let args = vec![("role".into(), role.clone())];
        issues.push(Issue { field: "roles".into(), code: "user.role".into(), args, message: None });
    }
    if let Some(before) = before
        && before.administrator
        && before.active
        && (input.administrator == Some(false) || input.active == Some(false))
    {
        let others = all(state, by).await?;
        let another = |user: &UserView| user.id != before.id && user.administrator && user.active;
        if !others.iter().any(another) {
            issues.push(issue("administrator", "user.last_administrator"));
        }
    }
    Ok(issues)
}

/// True when `supervisor` is unknown, or is `user` or reports to `user` over any number of steps.
fn supervises_itself(directory: &mortise_engine::Directory, user: Option<Uuid>, supervisor: Uuid) -> bool {
    let mut next = Some(supervisor);
    // A chain cannot be longer than there are people; the bound ends circles that are there already.
    for _ in 0..=directory.users().count() {
        let Some(id) = next else { return false };
        if Some(id) == user {
            return true;
        }
        let Some(person) = directory.user(id) else { return id == supervisor };
        next = person.supervisor;
    }
    true
}

/// `GET /users`: everything for administrators, names for others.
pub(super) async fn list(State(state): State<AppState>, by: SignedIn) -> Result<Response, Failure> {
    if by.user().admin {
        return Ok(json(&json!({"rows": all(&state, &by).await?})));
    }
    let directory = by.tenant.engine.directory();
    let row = |user: &mortise_engine::Person| json!({"id": user.id, "name": user.name, "active": user.active, "department": user.department});
    Ok(json(&json!({"rows": directory.users().map(row).collect::<Vec<_>>()})))
}

/// `GET /users/{id}`.
pub(super) async fn read(
    State(state): State<AppState>,
    by: Administrator,
    Path(id): Path<Uuid>,
) -> Result<Response, Failure> {
    let user = one(&state, &by, id).await?;
    Ok(etag::with(json(&user), user.version))
}

/// `POST /users`.
pub(super) async fn post(
    State(state): State<AppState>,
    by: Administrator,
    Body(input): Body<UserInput>,
) -> Result<Response, Failure> {
    let user = create(&state, &by, input).await?;
    let location = (axum::http::header::LOCATION, by.base.path(&format!("/api/v1/users/{}", user.id)));
    Ok((StatusCode::CREATED, [location], etag::with(json(&user), user.version)).into_response())
}

/// `PATCH /users/{id}`.
pub(super) async fn patch(
    State(state): State<AppState>,
    by: Administrator,
    Path(id): Path<Uuid>,
    version: etag::IfMatch,
    Body(input): Body<UserInput>,
) -> Result<Response, Failure> {
    let user = update(&state, &by, id, version.0, input).await?;
    Ok(etag::with(json(&user), user.version))
}
