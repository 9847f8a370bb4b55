//! Helpers shared by the tests of the whole: the real binary on a folder of its own, and a small HTTP client.
//!
//! Nothing here knows how the product works inside; it starts processes and speaks HTTP like anybody outside.

pub mod http;
pub mod people;
pub mod server;

pub use http::{Answer, Client};
pub use server::{Installation, Server};
