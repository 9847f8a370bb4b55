//! Build automation behind `cargo xtask`.
fn main() {}
