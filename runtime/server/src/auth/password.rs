//! Passwords: hashed with argon2id on threads of their own, few at a time, so that sign-ins cannot take the server's memory or processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::http::StatusCode;
use tokio::sync::Semaphore;

use crate::Failure;

/// Hashes calculated at once; each takes 19 MiB and about 20 ms of a processor.
const AT_ONCE: usize = 2;
/// Sign-ins that wait for a hash; more are told to come back (a second's worth of work).
const WAITING: usize = 100;
/// Shortest password (NIST SP 800-63B).
const SHORTEST: usize = 8;
/// Longest password in bytes; longer ones only cost time.
const LONGEST: usize = 256;

/// Hashes and verifies passwords.
pub struct Passwords {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords { permits: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::default() }
    }
}

/// Refuses passwords that are too short or too long.
pub fn check_new_password(password: &str) -> Result<(), Failure> {
    let length = password.chars().count();
    if length < SHORTEST || password.len() > LONGEST {
        let issue = crate::failure::Issue {
            field: "password".into(),
            code: "user.password_length".into(),
            args: vec![("min".into(), SHORTEST.to_string()), ("max".into(), LONGEST.to_string())],
            message: None,
        };
        return Err(Failure::invalid(vec![issue]));
    }
    Ok(())
}

impl Passwords {
    /// Argon2id of a new password in PHC form, with a random salt.
    pub async fn hash(&self, password: String) -> Result<String, Failure> {
        check_new_password(&password)?;
        let work = move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string());
        self.run(work).await?.map_err(Failure::internal)
    }

    /// True when the password fits the hash. Without a hash it takes as long, so that nobody learns which logins exist.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Failure> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let work = move || match &hash {
            Some(hash) => PasswordHash::new(hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()),
            None => {
                let _ = Argon2::default().hash_password(password.as_bytes());
                false
            }
        };
        self.run(work).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let waiting = Waiting::enter(&self.waiting)?;
        let permit = self.permits.clone().acquire_owned().await.map_err(Failure::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _until_done = (permit, waiting);
            work()
        });
        done.await.map_err(Failure::internal)
    }
}

/// Counts those who wait, also when their request is given up.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn enter(count: &Arc<AtomicUsize>) -> Result<Self, Failure> {
        let entered = Waiting(count.clone());
        if count.fetch_add(1, Ordering::Relaxed) >= WAITING {
            return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "auth.busy").retry_after(1));
        }
        Ok(entered)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused() {
        let passwords = Passwords::default();
        assert!(passwords.hash("short".into()).await.is_err());
        assert!(passwords.hash("x".repeat(LONGEST + 1)).await.is_err());
    }
}
