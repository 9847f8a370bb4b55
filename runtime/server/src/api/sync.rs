//! What is common to everything that a phone sends later: whose it is, and by which name it is known when it comes twice.
//! What waits on a phone is never taken for the work of whoever happens to be signed in there now.

use axum::http::{HeaderMap, StatusCode};
use uuid::Uuid;

use crate::{Failure, SignedIn};

/// Says whose a request is, where it may have waited for long.
pub(super) const PERSON: &str = "x-mortise-person";
/// Longest name of a save; a UUID has 36 characters.
pub const KEY_CHARS: usize = 100;

/// Refuses what another person left on this device.
pub fn same_person(by: &SignedIn, person: Uuid) -> Result<(), Failure> {
    match by.user().id == person {
        true => Ok(()),
        false => Err(Failure::new(StatusCode::CONFLICT, "sync.other_person")),
    }
}

/// The same for requests that say so by their header; without it, they are of whoever sends them.
pub fn same_person_by_header(by: &SignedIn, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(value) = headers.get(PERSON) else { return Ok(()) };
    let person = value.to_str().ok().and_then(|text| Uuid::try_parse(text).ok());
    same_person(by, person.unwrap_or_default())
}

/// The idempotency key of a save, the same whether its form comes at once or later.
pub fn key(by: &SignedIn, key: &str) -> Result<String, Failure> {
    match key.is_empty() || key.len() > KEY_CHARS {
        true => Err(Failure::bad_request("http.idempotency_key").with("max", KEY_CHARS)),
        false => Ok(format!("{}:page:{key}", by.user().id)),
    }
}
