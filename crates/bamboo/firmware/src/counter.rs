//! Counting instructions by the system timer.
//!
//! In QEMU with `-icount shift=0` an instruction takes a nanosecond of the machine's time, whatever
//! the host does meanwhile. How many of them a tick of the timer lasts is found with a loop whose
//! instructions are known. On hardware the same gives cycles, as far as flash keeps up.

use core::hint::black_box;

use cortex_m::{
    asm,
    peripheral::{SYST, syst::SystClkSource},
};

/// The timer counts down from here and begins anew.
const TICKS_MAX: u32 = 0x00ff_ffff;

/// Rounds of the known loop: so many that its ticks divide with little error, and few enough for the
/// timer not to wrap.
const ROUNDS: u32 = 2_000_000;

/// Instructions of a round, a subtraction and a branch: what `asm::delay` makes of one cycle.
const ROUND_INSTRUCTIONS: u64 = 2;

/// A running timer.
pub(crate) struct Counter {
    /// Ticks that the known loop takes.
    known_ticks: u32,
}

impl Counter {
    /// Starts the timer, for good, and finds out how fast it is.
    pub(crate) fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(TICKS_MAX);
        timer.clear_current();
        timer.enable_counter();
        Self { known_ticks: ticks(|| asm::delay(ROUNDS)) }
    }

    /// Instructions that the work takes.
    pub(crate) fn count<T>(&self, work: impl FnOnce() -> T) -> u64 {
        let instructions = u64::from(ROUNDS) * ROUND_INSTRUCTIONS;
        u64::from(ticks(work)) * instructions / u64::from(self.known_ticks).max(1)
    }
}

fn ticks<T>(work: impl FnOnce() -> T) -> u32 {
    let start = SYST::get_current();
    black_box(work());
    start.wrapping_sub(SYST::get_current()) & TICKS_MAX
}
