//! What a form asks while it is filled in, evaluated where somebody types: which fields are shown and required, what is
//! calculated, what is wrong so far. The server writes the rules of a form down ([`Rules`]), with expressions as checked
//! trees; this crate reads what was typed and answers ([`Rules::state`]), in the browser as in a test. It decides
//! nothing: what it cannot read or does not know it leaves to the server, and says so.

#[cfg(target_arch = "wasm32")]
mod door;
mod read;
mod rules;
mod words;

pub use read::Reads;
pub use rules::{Calculated, Check, Input, Rules, State, Typed};
pub use words::Words;
