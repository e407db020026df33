//! An allocator that counts what each thread allocates, and what the whole process does.
#![allow(unsafe_code, reason = "an allocator that counts has to be one")]
#![allow(dead_code, reason = "each test uses a part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// What one thread has allocated so far.
#[derive(Clone, Copy)]
struct Own {
    calls: usize,
    total: usize,
    /// Below 0 where it freed what others allocated.
    live: isize,
    peak: isize,
}

thread_local! {
    // Without a destructor and known at compile time, so that it allocates nothing itself.
    static OWN: Cell<Own> = const { Cell::new(Own { calls: 0, total: 0, live: 0, peak: 0 }) };
}

// SAFETY: everything is handed on as it came to the allocator of the system. What grows is copied
// to a new place by the provided method, so that both places count at that moment.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size();
        CALLS.fetch_add(1, Relaxed);
        TOTAL.fetch_add(size, Relaxed);
        PEAK.fetch_max(LIVE.fetch_add(size, Relaxed) + size, Relaxed);
        let Own { calls, total, live, peak } = OWN.get();
        // No object is larger than `isize` says.
        let live = live + size as isize;
        OWN.set(Own { calls: calls + 1, total: total + size, live, peak: peak.max(live) });
        // SAFETY: the caller keeps to the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        let own = OWN.get();
        OWN.set(Own { live: own.live - layout.size() as isize, ..own });
        // SAFETY: the pointer came from `System`, and the caller keeps to the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a piece of work allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// How often.
    pub(crate) calls: usize,
    /// How many bytes in all.
    pub(crate) total: usize,
    /// How many bytes at the same time.
    pub(crate) peak: usize,
    /// How many bytes what it gives back holds, and whatever else was not freed.
    pub(crate) held: usize,
}

/// Does something on this thread and tells what that allocated; what it gives back is still there
/// then. Whatever other threads do does not count: the one that runs tests allocates when it likes.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> Cost {
    let before = OWN.get();
    OWN.set(Own { peak: before.live, ..before });
    let result = std::hint::black_box(work());
    let after = OWN.get();
    let cost = Cost {
        calls: after.calls - before.calls,
        total: after.total - before.total,
        peak: (after.peak - before.live).unsigned_abs(),
        // Who frees what others allocated holds nothing.
        held: usize::try_from(after.live - before.live).unwrap_or(0),
    };
    drop(result);
    cost
}

/// Keeps other tests of the process from allocating meanwhile, if they ask for their turn too.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Like [`measure`] for work of many threads: what any thread does meanwhile counts.
pub(crate) fn measure_all<T>(work: impl FnOnce() -> T) -> Cost {
    let (calls, total, live) = (CALLS.load(Relaxed), TOTAL.load(Relaxed), LIVE.load(Relaxed));
    PEAK.store(live, Relaxed);
    let result = std::hint::black_box(work());
    let cost = Cost {
        calls: CALLS.load(Relaxed) - calls,
        total: TOTAL.load(Relaxed) - total,
        peak: PEAK.load(Relaxed).saturating_sub(live),
        held: LIVE.load(Relaxed).saturating_sub(live),
    };
    drop(result);
    cost
}

/// What an input may cost: so many bytes at the same time for each of its own and a few beyond, twice
/// that in all, and so many allocations for each hundred of its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) bytes_per_byte: usize,
    pub(crate) calls_per_hundred: usize,
    pub(crate) beyond: usize,
}

impl Allowance {
    #[track_caller]
    pub(crate) fn check(self, name: &str, length: usize, cost: Cost) {
        let bytes = length * self.bytes_per_byte + self.beyond;
        let calls = length * self.calls_per_hundred / 100 + self.beyond / 64;
        let kept = cost.peak <= bytes && cost.total <= 2 * bytes && cost.calls <= calls;
        assert!(kept, "{name}, {length} bytes: {cost:?}, allowed {bytes} bytes and {calls} calls");
    }
}
