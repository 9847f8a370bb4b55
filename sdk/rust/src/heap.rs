//! The memory that a plugin allocates from. Every instance begins with some room of its own, so that a small call never asks
//! the host for more: to give an instance more memory, and to take it away again before the next one, the host has to change the
//! protection of pages, which costs it more than the call itself.

#![expect(unsafe_code, reason = "memory is claimed from WebAssembly, which nothing safe does")]

use core::alloc::Layout;
use core::arch::wasm32::memory_grow;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// More than a validator needs for a record with some dozens of fields.
const ROOM_BYTES: usize = 256 * 1024;
/// Of WebAssembly.
const PAGE_BYTES: usize = 64 * 1024;
/// What the allocator keeps of a piece of memory for itself, at most.
const KEPT_BYTES: usize = 256;

static mut ROOM: [MaybeUninit<u8>; ROOM_BYTES] = [MaybeUninit::uninit(); ROOM_BYTES];

#[global_allocator]
static HEAP: TalcSyncCell<Heap, WasmBinning> = TalcSyncCell::new_wasm(Heap { room: true, end: None });

/// Where memory comes from: from the room first, then from WebAssembly.
#[derive(Debug)]
struct Heap {
    /// Whether the room is still there to be given.
    room: bool,
    /// The end of what came from WebAssembly last: what comes next mostly lies behind it.
    end: Option<NonNull<u8>>,
}

// SAFETY: nothing here allocates, or touches the allocator other than through what it was given.
unsafe impl Source for Heap {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        if std::mem::take(&mut talc.source.room) {
            // SAFETY: the room is the allocator's alone, and given to it once.
            if unsafe { talc.claim((&raw mut ROOM).cast(), ROOM_BYTES) }.is_some() {
                return Ok(());
            }
        }
        let pages = (layout.size() + layout.align() + KEPT_BYTES).div_ceil(PAGE_BYTES);
        let before = memory_grow::<0>(pages);
        if before == usize::MAX {
            return Err(());
        }
        let (begin, bytes) = ((before * PAGE_BYTES) as *mut u8, pages * PAGE_BYTES);
        // SAFETY: these pages are new, and nobody else knows them.
        talc.source.end = match talc.source.end.take() {
            Some(end) if end.as_ptr() == begin => {
                Some(unsafe { talc.extend(end, begin.wrapping_add(bytes)) })
            }
            _ => unsafe { talc.claim(begin, bytes) },
        };
        talc.source.end.map(drop).ok_or(())
    }
}
