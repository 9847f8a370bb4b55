//! Entry point of the `mortise` command.
fn main() {}
