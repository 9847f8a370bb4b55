//! From the cookie or token of a request to the person who acts. Cached, so that a request costs no query: the cache
//! holds hash → person; whether the person is active and what they may do comes from the tenant's directory each time.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, StatusCode, header};
use chrono::{DateTime, Utc};
use lru::LruCache;
use mortise_engine::{Actor, Channel, Command, Origin, RunOptions};
use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use super::session::{SESSION_LASTS, TOKEN_PREFIX, cookies};
use super::{Scopes, SecretHash, hash_secret, hex};
use crate::context::{Person, Via};
use crate::{AppState, Failure, RequestContext, TenantHandle};

/// Sign-ins kept in memory, about 200 bytes each; others are read from the control database when they come.
const CACHED: usize = 50_000;

/// Who is signed in, by hash of cookie or token.
pub struct SignIns {
    known: Mutex<LruCache<SecretHash, Known, ahash::RandomState>>,
    /// Counts endings: what was read from the database before one may be over by now and is not kept.
    endings: AtomicU64,
    /// Taken while failed sign-ins are counted.
    pub(super) throttle: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Known {
    tenant: Uuid,
    user: Uuid,
    expires_at: Option<DateTime<Utc>>,
    /// `None` for a session.
    token: Option<Arc<(Uuid, Scopes)>>,
}

impl Default for SignIns {
    fn default() -> Self {
        let size = NonZeroUsize::new(CACHED).expect("the constant is not zero");
        let known = LruCache::with_hasher(size, ahash::RandomState::new());
        SignIns {
            known: Mutex::new(known),
            endings: AtomicU64::new(0),
            throttle: tokio::sync::Mutex::default(),
        }
    }
}

impl SignIns {
    /// Forgets one sign-in: it ended.
    pub fn forget(&self, hash: &SecretHash) {
        self.ending().pop(hash);
    }

    /// Forgets everything; the control database is asked again.
    pub fn clear(&self) {
        self.ending().clear();
    }

    /// Forgets all sign-ins of a person: their password changed, or tokens were removed.
    pub fn forget_user(&self, user: Uuid) {
        let mut known = self.ending();
        let hashes: Vec<SecretHash> =
            known.iter().filter(|(_, known)| known.user == user).map(|(hash, _)| *hash).collect();
        for hash in hashes {
            known.pop(&hash);
        }
    }

    fn ending(&self) -> MutexGuard<'_, LruCache<SecretHash, Known, ahash::RandomState>> {
        let known = self.known.lock();
        self.endings.fetch_add(1, Ordering::Relaxed);
        known
    }

    fn endings(&self) -> u64 {
        let _known = self.known.lock();
        self.endings.load(Ordering::Relaxed)
    }

    /// Remembers what was read, unless something has ended since `endings` was asked.
    fn remember(&self, hash: SecretHash, found: Known, endings: u64) {
        let mut known = self.known.lock();
        if self.endings.load(Ordering::Relaxed) == endings {
            known.put(hash, found);
        }
    }
}

/// Finds out who makes a request. `None` when nobody is signed in; an error when a token is given that is not valid.
pub async fn identify(
    state: &AppState,
    tenant: &TenantHandle,
    headers: &HeaderMap,
    request: (&axum::http::Method, &str),
    origin: Origin,
) -> Result<Option<Person>, Failure> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).map(str::trim);
        let token = token.ok_or_else(invalid_token)?;
        return by_token(state, tenant, token, request, origin).await.map(Some);
    }
    for cookie in cookies(headers) {
        let hash = hash_secret(cookie);
        let Some(known) = find(state, hash, false).await? else { continue };
        if known.tenant != tenant.record.id || known.token.is_some() {
            continue;
        }
        if let Some(user) = tenant.engine.directory().context(known.user) {
            return Ok(Some(Person { actor: Actor { user, origin }, via: Via::Session { hash } }));
        }
    }
    Ok(None)
}

fn invalid_token() -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "auth.token_invalid")
}

async fn by_token(
    state: &AppState,
    tenant: &TenantHandle,
    token: &str,
    (method, path): (&axum::http::Method, &str),
    origin: Origin,
) -> Result<Person, Failure> {
    let hash = hash_secret(token);
    if state.operator == Some(hash) {
        let origin = Origin { channel: Channel::Cli, ..origin };
        return Ok(Person { actor: Actor { origin, ..Actor::system(tenant.zone()) }, via: Via::Operator });
    }
    if !token.starts_with(TOKEN_PREFIX) {
        return Err(invalid_token());
    }
    let known = find(state, hash, true).await?.filter(|known| known.tenant == tenant.record.id);
    let known = known.ok_or_else(invalid_token)?;
    let token = known.token.ok_or_else(invalid_token)?;
    let user = tenant.engine.directory().context(known.user).ok_or_else(invalid_token)?;
    token.1.check(method, path)?;
    Ok(Person { actor: Actor { user, origin }, via: Via::Token { id: token.0 } })
}

/// A sign-in out of the cache or the control database, unless it has expired.
async fn find(state: &AppState, hash: SecretHash, token: bool) -> Result<Option<Known>, Failure> {
    let cached = state.sign_ins.known.lock().get(&hash).cloned();
    let now = state.now();
    if let Some(known) = cached {
        if known.expires_at.is_some_and(|expiry| expiry <= now) {
            state.sign_ins.forget(&hash);
            return Ok(None);
        }
        if !token && known.expires_at.is_some_and(|expiry| expiry - now < SESSION_LASTS / 2) {
            return extend(state, hash, known, now).await.map(Some);
        }
        return Ok(Some(known));
    }
    let endings = state.sign_ins.endings();
    let known = if token { load_token(state, &hash).await? } else { load_session(state, &hash).await? };
    let known = known.filter(|known| known.expires_at.is_none_or(|expiry| expiry > now));
    if let Some(known) = &known {
        state.sign_ins.remember(hash, known.clone(), endings);
    }
    Ok(known)
}

async fn load_session(state: &AppState, hash: &SecretHash) -> Result<Option<Known>, Failure> {
    let session = state.control.session(&hex(hash)).await?;
    Ok(session.map(|session| Known {
        tenant: session.tenant_id,
        user: session.user_id,
        expires_at: Some(session.expires_at),
        token: None,
    }))
}

async fn load_token(state: &AppState, hash: &SecretHash) -> Result<Option<Known>, Failure> {
    let token = state.control.token_by_hash(&hex(hash)).await?;
    Ok(token.map(|token| Known {
        tenant: token.tenant_id,
        user: token.user_id,
        expires_at: token.expires_at,
        token: Some(Arc::new((token.id, Scopes::from_stored(&token.scopes)))),
    }))
}

/// A session in use lasts on; written at most once in half of its time.
async fn extend(
    state: &AppState,
    hash: SecretHash,
    mut known: Known,
    now: DateTime<Utc>,
) -> Result<Known, Failure> {
    let endings = state.sign_ins.endings();
    let expires_at = now + SESSION_LASTS;
    state.control.extend_session(&hex(&hash), expires_at).await?;
    known.expires_at = Some(expires_at);
    state.sign_ins.remember(hash, known.clone(), endings);
    Ok(known)
}

/// Leaves a note about a person in the tenant's audit.
pub(super) async fn note(context: &RequestContext, user: Uuid, action: &'static str) -> Result<(), Failure> {
    let Some(user) = context.tenant.engine.directory().context(user) else { return Ok(()) };
    let origin = Origin { channel: Channel::Page, ip: context.ip, device: context.device.clone() };
    let command = Command::Note { action: action.to_owned(), details: serde_json::Value::Null };
    context.tenant.engine.run(&Actor { user, origin }, command, RunOptions::default()).await?;
    Ok(())
}
