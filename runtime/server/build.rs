//! Checks that the script and styles of the pages have been built, because the binary embeds them.
//! Builds nothing itself: a Rust build must not need npm or the network.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=../web/dist/manifest.json");
    println!("cargo::rerun-if-changed=templates");
    if !Path::new("../web/dist/manifest.json").exists() {
        println!(
            "cargo::error=runtime/web/dist is missing: run `cargo xtask setup` first, it builds the script and styles of the pages"
        );
    }
}
