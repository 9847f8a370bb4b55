//! Cases of plugins: what is called with which input, what the host answers meanwhile, and what has to come back. One form
//! for the conformance of the kits and for `mortise plugin test` (`README.md` describes it); runs built components only.

mod answer;
mod case;
mod input;
mod run;
mod said;
mod script;
mod value;

pub use case::{Case, CaseError, Expected, Turn, read};
pub use run::Report;
pub use said::Said;
