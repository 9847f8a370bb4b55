//! `cargo xtask docs`: writes the generated pages anew and builds the book.
//!
//! The generators are tests (`tests/tests/documents.rs`) that compare a page with what the code says now; told to
//! update, they write the page instead. So a page that is out of date fails the test run.

use anyhow::Result;

use crate::setup;
use crate::shell::{cargo, check_arguments, execute, program, root};

/// `cargo xtask docs [--check]`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    check_arguments(arguments, &["--check"], &[])?;
    let mut generate = cargo(["test", "--quiet", "--package", "mortise-tests", "--test", "documents"]);
    if arguments.is_empty() {
        generate.env("MORTISE_UPDATE_DOCUMENTS", "1");
    }
    execute(&mut generate)?;
    build_book()
}

/// Builds the book into `target/book`.
pub(crate) fn build_book() -> Result<()> {
    let mdbook = setup::mdbook()?;
    execute(program(mdbook, ["build", "docs"]).current_dir(root()))
}
