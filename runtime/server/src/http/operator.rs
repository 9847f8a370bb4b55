//! What only the operator may do: make, change, list and remove tenants. Open to the operator's token alone, which is in
//! a file of the data folder that nobody else can read; the command line uses it.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use mortise_store::control::{NewTenant, Tenant, TenantPatch};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::demo;
use crate::api::body::{Body, present};
use crate::{AppState, Failure, auth, keys, language};

/// Longest slug: it becomes a file name and a schema name.
const SLUG_CHARS: usize = 40;
/// How far a tenant's time may be ahead of the real one: longer than any test needs, and no date is out of range.
const AHEAD_MAX: TimeDelta = TimeDelta::days(10 * 366);
/// Slugs that mean something else in file names or addresses.
const RESERVED: [&str; 4] = ["control", "public", "api", "assets"];

/// A tenant as the operator sees it.
#[derive(Debug, Serialize)]
struct TenantView {
    slug: String,
    name: String,
    host: Option<String>,
    language: String,
    time_zone: String,
    placement: String,
    suspended: bool,
    created_at: DateTime<Utc>,
    /// The clock of its own, if it has one.
    test_clock: Option<TestClock>,
}

/// The clock of a tenant whose time can be moved.
#[derive(Debug, Serialize)]
struct TestClock {
    ahead_seconds: i64,
    /// Its present time, as in its zone.
    now: String,
}

impl TenantView {
    fn of(row: Tenant, now: DateTime<Utc>) -> Self {
        let zone = row.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC);
        let clock = |ahead: TimeDelta| TestClock {
            ahead_seconds: ahead.num_seconds(),
            now: (now + ahead).with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true),
        };
        TenantView {
            test_clock: row.ahead().map(clock),
            slug: row.slug,
            name: row.name,
            host: row.host,
            language: row.language,
            time_zone: row.time_zone,
            placement: row.placement,
            suspended: row.suspended,
            created_at: row.created_at,
        }
    }
}

/// A new or changed tenant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantInput {
    slug: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    host: Option<Option<String>>,
    language: Option<String>,
    time_zone: Option<String>,
    suspended: Option<bool>,
    /// Its time can be moved; only for a new one.
    test_clock: Option<bool>,
}

/// How much time is to pass.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    by: String,
}

/// Routes below `/operator/v1`.
pub(super) fn router(state: AppState) -> Router<AppState> {
    Router::new()
        .route("/tenants", get(list).post(create))
        .route("/tenants/{slug}", get(read).patch(change).delete(remove))
        .route("/tenants/{slug}/verify", post(verify))
        .route("/tenants/{slug}/demo", post(demo::fill))
        .route("/tenants/{slug}/advance", post(advance))
        .route("/secret/rotate", post(rotate))
        .route("/stop", post(stop))
        .layer(from_fn_with_state(state, operator_only))
}

/// Refuses everybody without the operator's token, and tells failures in the language of the caller.
async fn operator_only(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let language = language::negotiate(None, request.headers(), None);
    let response = match is_operator(&state, request.headers()) {
        true => next.run(request).await,
        // As if there were nothing here.
        false => Failure::not_found("http.not_found").into_response(),
    };
    match response.extensions().get::<std::sync::Arc<Failure>>() {
        Some(failure) => {
            if let Some(cause) = failure.log() {
                tracing::error!(code = failure.code(), cause, "operator's request failed");
            }
            failure.to_problem_response(language)
        }
        None => response,
    }
}

fn is_operator(state: &AppState, headers: &HeaderMap) -> bool {
    let token =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token.is_some_and(|token| state.operator == Some(auth::hash_secret(token)))
}

pub(super) async fn find(state: &AppState, slug: &str) -> Result<Tenant, Failure> {
    let tenant = state.control.tenant_by_slug(slug).await?;
    tenant.ok_or_else(|| Failure::not_found("tenant.unknown").with("tenant", slug))
}

async fn list(State(state): State<AppState>) -> Result<Response, Failure> {
    let now = state.now();
    let tenants = state.control.tenants().await?.into_iter();
    let tenants: Vec<TenantView> = tenants.map(|row| TenantView::of(row, now)).collect();
    Ok(Json(json!({"rows": tenants})).into_response())
}

async fn read(State(state): State<AppState>, Path(slug): Path<String>) -> Result<Response, Failure> {
    Ok(Json(TenantView::of(find(&state, &slug).await?, state.now())).into_response())
}

fn check(input: &TenantInput) -> Result<(), Failure> {
    let slug_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(slug) = &input.slug {
        let starts = slug.starts_with(|c: char| c.is_ascii_lowercase());
        if !starts
            || slug.len() > SLUG_CHARS
            || !slug.chars().all(slug_char)
            || RESERVED.contains(&slug.as_str())
        {
            return Err(Failure::invalid_field("slug", "tenant.slug"));
        }
    }
    if input.language.as_deref().is_some_and(|tag| language::supported(tag).is_none_or(|known| known != tag))
    {
        return Err(Failure::invalid_field("language", "user.language"));
    }
    if input.time_zone.as_deref().is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_err()) {
        return Err(Failure::invalid_field("time_zone", "tenant.time_zone"));
    }
    if input.name.as_deref().is_some_and(|name| name.trim().is_empty()) {
        return Err(Failure::invalid_field("name", "field.required"));
    }
    Ok(())
}

fn taken(error: mortise_store::Error) -> Failure {
    match error {
        mortise_store::Error::Unique(what) if what.contains("host") => {
            Failure::invalid_field("host", "tenant.taken")
        }
        mortise_store::Error::Unique(_) => Failure::invalid_field("slug", "tenant.taken"),
        error => error.into(),
    }
}

async fn create(State(state): State<AppState>, Body(input): Body<TenantInput>) -> Result<Response, Failure> {
    check(&input)?;
    let slug = input.slug.ok_or_else(|| Failure::invalid_field("slug", "field.required"))?;
    let new = NewTenant {
        name: input.name.unwrap_or_else(|| slug.clone()),
        slug: slug.clone(),
        host: input.host.flatten(),
        language: input.language.unwrap_or_else(|| "en".into()),
        time_zone: input.time_zone.unwrap_or_else(|| "Asia/Shanghai".into()),
        test_clock: input.test_clock.unwrap_or(false),
        placement: if state.config.database_url.is_some() { "postgres" } else { "sqlite" }.into(),
    };
    let tenant = state.control.create_tenant(state.new_id(), new, state.now()).await.map_err(taken)?;
    if let Err(error) = state.engine.create_tenant_storage(&slug).await {
        // Without storage there is no tenant: take the row away again, so that the same command can be repeated.
        state.control.delete_tenant(tenant.id).await?;
        return Err(error.into());
    }
    state.reload_tenants().await?;
    Ok((StatusCode::CREATED, Json(TenantView::of(tenant, state.now()))).into_response())
}

async fn change(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Body(input): Body<TenantInput>,
) -> Result<Response, Failure> {
    check(&input)?;
    if input.slug.is_some() {
        return Err(Failure::invalid_field("slug", "tenant.slug_fixed"));
    }
    if input.test_clock.is_some() {
        return Err(Failure::invalid_field("test_clock", "tenant.test_clock_fixed"));
    }
    let tenant = find(&state, &slug).await?;
    let patch = TenantPatch {
        name: input.name,
        host: input.host,
        language: input.language,
        time_zone: input.time_zone,
        suspended: input.suspended,
    };
    let tenant = state.control.update_tenant(tenant.id, patch).await.map_err(taken)?;
    let tenant = tenant.ok_or_else(|| Failure::not_found("tenant.unknown").with("tenant", slug))?;
    state.reload_tenants().await?;
    state.tell_of_tenant(&tenant.slug).await;
    Ok(Json(TenantView::of(tenant, state.now())).into_response())
}

/// Lets time pass in a tenant with a clock of its own; what falls due by that is worked off as after a downtime.
async fn advance(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Body(input): Body<Advance>,
) -> Result<Response, Failure> {
    let record = find(&state, &slug).await?;
    if record.clock_ahead.is_none() {
        let failure = Failure::new(StatusCode::CONFLICT, "tenant.no_test_clock");
        return Err(failure.with("tenant", slug));
    }
    let refused = || Failure::invalid_field("by", "tenant.advance");
    let by = mortise_engine::span(&input.by).filter(|by| *by <= AHEAD_MAX).ok_or_else(refused)?;
    let tenant = state.tenant(&slug).await?;
    if !state.control.advance_clock(record.id, by, AHEAD_MAX, state.now()).await? {
        return Err(refused());
    }
    // This node reads the new time, and tells others to do the same.
    state.reload_directory(&tenant).await?;
    Ok(Json(TenantView::of(find(&state, &slug).await?, state.now())).into_response())
}

/// Removes a tenant with all its data.
async fn remove(State(state): State<AppState>, Path(slug): Path<String>) -> Result<StatusCode, Failure> {
    let tenant = find(&state, &slug).await?;
    state.control.delete_tenant(tenant.id).await?;
    state.reload_tenants().await?;
    state.tell_of_tenant(&slug).await;
    state.sign_ins.clear();
    state.engine.drop_tenant_storage(&slug).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the audit chain and the tables of a tenant.
async fn verify(State(state): State<AppState>, Path(slug): Path<String>) -> Result<Response, Failure> {
    let tenant = state.look_into(&slug).await?;
    let report = tenant.engine.verify().await?;
    let broken = report.broken.map(|(entry, reason)| format!("{entry}: {reason}"));
    let locked = tenant.engine.locked_endpoints().await?.into_iter();
    let locked = locked.map(|connector| {
        let failure = Failure::bad_request("connector.locked").with("connector", &connector);
        format!("{connector}: {}", failure.title(language::FALLBACK))
    });
    let problems: Vec<String> = broken.into_iter().chain(locked).collect();
    Ok(Json(json!({"entries": report.entries, "problems": problems})).into_response())
}

/// Has all secrets sealed with a new key.
async fn rotate(State(state): State<AppState>) -> Result<Response, Failure> {
    let key = keys::rotate(&state).await?;
    Ok(Json(json!({ "key": key })).into_response())
}

/// Asks the server to stop gracefully.
async fn stop(State(state): State<AppState>) -> StatusCode {
    state.stop.cancel();
    StatusCode::ACCEPTED
}
