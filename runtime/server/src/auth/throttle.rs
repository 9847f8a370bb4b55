//! Slows guessing of passwords down: after a few failures each further attempt has to wait longer. Counted per login and
//! address, per login and per address, in the control database, so that a restart forgets nothing.

use std::net::IpAddr;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{AppState, Failure};

/// Failures that cost nothing: typing errors of one person on one device.
const FREE_LOGIN_AND_IP: i32 = 5;
/// Failures of one login from anywhere before everybody has to wait for it.
const FREE_LOGIN: i32 = 30;
/// Failures of one address; an office behind one address has many people.
const FREE_IP: i32 = 100;
/// Longest wait.
const WAIT_MAX_SECONDS: i64 = 900;
/// Failures are forgotten after this time without one.
pub(crate) const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(24);

/// The keys under which an attempt is counted, with what each allows for free.
fn keys(tenant: Uuid, login: &str, ip: Option<IpAddr>) -> Vec<(String, i32)> {
    let login: String = login.to_lowercase().chars().take(100).collect();
    let mut keys = vec![(format!("login:{tenant}:{login}"), FREE_LOGIN)];
    if let Some(ip) = ip {
        keys.push((format!("both:{tenant}:{login}:{ip}"), FREE_LOGIN_AND_IP));
        keys.push((format!("ip:{ip}"), FREE_IP));
    }
    keys
}

/// Seconds still to wait after `count` failures, the last of which was at `last`.
fn wait_seconds(count: i32, free: i32, last: DateTime<Utc>, now: DateTime<Utc>) -> i64 {
    if count < free || now - last > FORGOTTEN_AFTER {
        return 0;
    }
    let exponent = u32::try_from(count - free).unwrap_or(0).min(20);
    let wait = 2_i64.pow(exponent).min(WAIT_MAX_SECONDS);
    (last + TimeDelta::seconds(wait) - now).num_milliseconds().saturating_add(999).div_euclid(1000).max(0)
}

/// Counts an attempt before its password is looked at, so that many at once gain nothing; refuses it when it comes too early.
pub(super) async fn count_attempt(
    state: &AppState,
    tenant: Uuid,
    login: &str,
    ip: Option<IpAddr>,
) -> Result<(), Failure> {
    let _one_at_a_time = state.sign_ins.throttle.lock().await;
    let now = state.now();
    let mut counted = Vec::new();
    for (key, free) in keys(tenant, login, ip) {
        let (count, last) = state.control.sign_in_failures(&key).await?.unwrap_or((0, now));
        let seconds = wait_seconds(count, free, last, now);
        if seconds > 0 {
            let failure = Failure::new(StatusCode::TOO_MANY_REQUESTS, "auth.throttled");
            return Err(failure.retry_after(seconds.unsigned_abs()));
        }
        let count = if now - last > FORGOTTEN_AFTER { 0 } else { count };
        counted.push((key, count.saturating_add(1)));
    }
    for (key, count) in counted {
        state.control.set_sign_in_failures(&key, count, now).await?;
    }
    Ok(())
}

/// Forgets the failures of somebody who signed in. The address's count goes down by the one attempt that was none.
pub(super) async fn forget(
    state: &AppState,
    tenant: Uuid,
    login: &str,
    ip: Option<IpAddr>,
) -> Result<(), Failure> {
    let _one_at_a_time = state.sign_ins.throttle.lock().await;
    for (key, _) in keys(tenant, login, ip) {
        match state.control.sign_in_failures(&key).await? {
            Some((count, last)) if key.starts_with("ip:") && count > 1 => {
                state.control.set_sign_in_failures(&key, count - 1, last).await?;
            }
            _ => state.control.clear_sign_in_failures(&key).await?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_and_ends() {
        let last = DateTime::UNIX_EPOCH;
        let at = |seconds| last + TimeDelta::seconds(seconds);
        assert_eq!(wait_seconds(4, 5, last, at(0)), 0);
        assert_eq!(wait_seconds(5, 5, last, at(0)), 1);
        assert_eq!(wait_seconds(9, 5, last, at(1)), 15);
        assert_eq!(wait_seconds(9, 5, last, at(17)), 0);
        assert_eq!(wait_seconds(1000, 5, last, at(0)), WAIT_MAX_SECONDS);
        assert_eq!(wait_seconds(1000, 5, last, at(90_000)), 0);
    }
}
