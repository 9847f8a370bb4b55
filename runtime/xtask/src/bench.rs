//! `cargo xtask bench`: the measurements of `docs/performance.md`.

use anyhow::{Result, bail};

/// `cargo xtask bench`.
pub(crate) fn run(_arguments: &[String]) -> Result<()> {
    bail!("the measurements are being written")
}
