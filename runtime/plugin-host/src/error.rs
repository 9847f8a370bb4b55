//! Why the host itself cannot do something: its folder, its compiler, a component that does not fit. What goes wrong inside
//! a call of a plugin is a [`crate::run::Failure`], never one of these.

use mortise_definition::Problem;

/// An error of the host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine cannot be made with these settings.
    #[error("the engine for plugins cannot be started: {0}")]
    Engine(String),
    /// The folder of native code cannot be used.
    #[error("the folder for the code of plugins cannot be used: {0}")]
    Folder(#[from] std::io::Error),
    /// The component cannot be turned into machine code.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// Compiling took too long, or what came out is too large.
    #[error("compiling the component was given up: {reason}")]
    GivenUp {
        /// What was too much.
        reason: String,
    },
    /// The component or its manifest is not right.
    #[error("the plugin cannot be used: {}", list(.0))]
    Problems(Vec<Problem>),
    /// The component does not keep to the types of an interface.
    #[error("the component does not fit to this server: {0}")]
    Link(String),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
