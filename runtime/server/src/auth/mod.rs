//! Who somebody is: sign-in by password, sessions in cookies, API tokens, the operator's token. Secrets are kept as hashes only.

mod forgery;
mod identify;
mod password;
mod scopes;
mod session;
mod throttle;

pub use forgery::refuse_forged;
pub use identify::{SignIns, identify};
pub use password::{Passwords, check_new_password};
pub use scopes::Scopes;
pub use session::{SignedInCookie, new_token, sign_in, sign_out, sign_out_cookie};

use sha2::{Digest, Sha256};

/// SHA-256 of a secret; what the database and the caches know.
pub type SecretHash = [u8; 32];

/// Hash of a token or cookie. A plain hash is enough, because these secrets are 256 random bits.
pub fn hash_secret(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// A hash as the database keeps it.
pub fn hex(hash: &SecretHash) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 256 random bits of the operating system as text. Not from the engine's `Env`: a secret must not be repeatable.
pub fn new_secret(prefix: &str) -> String {
    use base64::Engine;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    format!("{prefix}{}", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
