//! Helpers shared by the tests of the whole: the real binary on a folder of its own, and a small HTTP client.
//!
//! Nothing here knows how the product works inside; it starts processes and speaks HTTP like anybody outside.

pub mod http;
pub mod people;
pub mod plugins;
pub mod raw;
pub mod server;
pub mod sink;

pub use http::{Answer, Client};
pub use raw::Raw;
pub use server::{Installation, Server};

/// Address of the PostgreSQL server of this run. Without one a test has nothing to do, unless everything is required
/// (`MORTISE_TEST_REQUIRE`): then it fails here.
pub fn postgres() -> Option<String> {
    let url = std::env::var("MORTISE_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
    let required = std::env::var("MORTISE_TEST_REQUIRE").is_ok_and(|value| value == "1");
    assert!(url.is_some() || !required, "MORTISE_TEST_POSTGRES is not set: run `cargo xtask test`");
    url
}
