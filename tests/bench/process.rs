//! Memory of a process, as the kernel counts it.

use anyhow::{Context, Result};

/// Resident memory at this moment.
pub(crate) fn memory_mb(process: u32) -> Result<f64> {
    status_mb(process, "VmRSS:")
}

/// Largest resident memory since the start or the last [`reset_peak`].
pub(crate) fn peak_mb(process: u32) -> Result<f64> {
    status_mb(process, "VmHWM:")
}

/// Lets the peak begin anew.
pub(crate) fn reset_peak(process: u32) -> Result<()> {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5")
        .context("the kernel keeps no peak of this process")
}

fn status_mb(process: u32, name: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.with_context(|| format!("{name} is missing"))? * 1024.0 / 1e6)
}
