//! Tools for authors of plugins, as `mortise plugin …`: from an empty folder to a package that is checked and tested. Works on
//! files and on components that it runs itself; never touches a tenant's data.
//!
//! ```text
//! new ─► folder ── build ─► .plugin ── check, test, run, diff ─► words or JSON
//! ```

mod build;
mod cases;
mod check;
mod dev;
mod diff;
mod error;
mod http;
mod pack;
mod project;
mod scaffold;
mod terms;
mod testing;
mod toolchain;

use clap::Subcommand;

pub use error::AuthorError;
pub use terms::Terms;
pub use toolchain::{TOOLCHAIN_VARIABLE, toolchain_folder};

/// The version that packages are checked against and that scaffolds ask for.
pub const SERVER: &str = env!("CARGO_PKG_VERSION");

/// `mortise plugin …`, as far as it is for authors.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Begin a plugin: a folder that builds, with a case and a unit test.
    New(scaffold::New),
    /// Build a plugin and write its package.
    Build(build::Build),
    /// Compare a package with its manifest and with a version of the server.
    Check(check::Check),
    /// Run the cases of a plugin and tell what they used.
    Test(testing::Test),
    /// Call one export with the input of a case.
    Run(testing::Run),
    /// Build again at every change and put the plugin into a running server.
    Dev(dev::Dev),
    /// Tell what differs between two packages.
    Diff(diff::Diff),
    /// Write the package of a plugin that is built already.
    Pack(pack::Pack),
}

/// Does what was asked for.
pub async fn run(task: Task, terms: Terms) -> Result<(), AuthorError> {
    match task {
        Task::New(new) => new.run(terms),
        Task::Build(build) => build.run(terms),
        Task::Check(check) => check.run(terms),
        Task::Test(test) => test.run(terms).await,
        Task::Run(run) => run.run(terms).await,
        Task::Dev(dev) => dev.run(terms).await,
        Task::Diff(diff) => diff.run(terms),
        Task::Pack(pack) => pack.run(terms),
    }
}
