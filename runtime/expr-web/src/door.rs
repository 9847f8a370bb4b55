//! The door between a page and the rules: texts go through one buffer each way. The page asks for room, writes there, calls, and
//! reads the answer before it calls again. Nothing here follows an address that the page gives.

#![expect(
    unsafe_code,
    reason = "names for a page to call, and one that it provides; there is no other way through a module's door"
)]

use std::sync::Mutex;

use chrono::DateTime;
use mortise_expr::Zone;

use crate::{Rules, Typed};

#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// How many seconds clocks of the person's zone are ahead of UTC at an instant.
    safe fn zone_offset(seconds: f64) -> i32;
}

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static RULES: Mutex<Option<Rules>> = Mutex::new(None);

/// Makes room for a text of so many bytes; where to write it.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn room(length: usize) -> *mut u8 {
    let Ok(mut input) = INPUT.lock() else { return std::ptr::null_mut() };
    input.clear();
    input.resize(length, 0);
    input.as_mut_ptr()
}

/// Takes the rules that were written; 1 when they were understood.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn load() -> u32 {
    let rules = INPUT.lock().ok().and_then(|input| serde_json::from_slice(&input).ok());
    let understood = u32::from(rules.is_some());
    if let Ok(mut kept) = RULES.lock() {
        *kept = rules;
    }
    understood
}

/// Answers what was typed, at a moment in milliseconds since 1970; bytes of the answer, 0 when there is none.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn state(now: f64) -> usize {
    answer(now).unwrap_or(0)
}

fn answer(now: f64) -> Option<usize> {
    let typed: Typed = serde_json::from_slice(&*INPUT.lock().ok()?).ok()?;
    let rules = RULES.lock().ok()?;
    let now = DateTime::from_timestamp_millis(now as i64)?;
    let tz = Zone::Asked(|seconds| zone_offset(seconds as f64));
    let bytes = serde_json::to_vec(&rules.as_ref()?.state(&typed, now, tz)).ok()?;
    let length = bytes.len();
    *OUTPUT.lock().ok()? = bytes;
    Some(length)
}

/// Where the answer stands.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn told() -> *const u8 {
    OUTPUT.lock().map_or(std::ptr::null(), |output| output.as_ptr())
}
