//! Entry point of the `mortise` command. Everything it does is in the library; here is only the allocator and the exit code.

use std::process::ExitCode;

/// Made for many short-lived allocations on several threads, which is what requests are.
/// Without transparent huge pages (`no_thp`), which would keep 30 MB more in memory than is used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`: how long memory that is free is kept, in milliseconds. The bindings have no name for it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    give_memory_back();
    mortise::cli::main()
}

/// Gives memory that is free back to the system at once. Otherwise that happens by the way while more is asked for, and a server
/// that has become idle after opening many tenants would keep all that this took. `MIMALLOC_PURGE_DELAY` says otherwise.
#[expect(unsafe_code, reason = "the allocator's options are set through its C interface only")]
fn give_memory_back() {
    // SAFETY: no other thread runs yet that could change an option at the same time.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 0) }
}
