//! A disk that fails under the store, at every call of a scripted run, one after the other.
//!
//! Each run is a process of its own over a library that makes calls of the system fail: with an
//! error, for want of room, by half, once or from then on; or the power is cut. Afterwards, on a
//! disk that works: what was acknowledged is there, what failed is there as a whole or not at all,
//! and the store goes on.
//!
//! Of all faults some are tried, drawn anew each time. `PANDAN_FAULTS_RUNS` is how many in each
//! test (`all` for all), `PANDAN_FAULTS_SEED` draws the same ones again.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

#[cfg(target_os = "linux")]
mod player;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod script;

#[cfg(not(target_os = "linux"))]
#[test]
fn skipped() {
    pandan_testkit::skipped("calls of the system are made to fail on Linux only");
}

#[cfg(target_os = "linux")]
mod tests {
    use pandan_store::Durability;
    use pandan_testkit::disk::{Call, Failure, Fault};

    use crate::player::{Style, play_if_asked};
    use crate::run::{Faults, Run};
    use crate::script::BATCHES;

    /// How many faults each test tries.
    const RUNS: usize = 20;

    #[test]
    fn a_failing_call_fails_whole_batches_and_the_store_goes_on() {
        let test = "tests::a_failing_call_fails_whole_batches_and_the_store_goes_on";
        play_if_asked();
        each_fault(test, false, |run| {
            run.is_whole();
            assert_eq!(run.acknowledged, BATCHES.len(), "it goes on: {run:?}");
        });
    }

    #[test]
    fn a_disk_that_stays_broken_fails_whole_batches() {
        let test = "tests::a_disk_that_stays_broken_fails_whole_batches";
        play_if_asked();
        each_fault(test, true, Run::is_whole);
    }

    /// Pages of which a sync failed are lost, whatever a later one says: all that was acknowledged
    /// has to be written and synced again.
    #[test]
    fn what_was_acknowledged_after_a_failed_sync_survives_a_power_cut() {
        let test = "tests::what_was_acknowledged_after_a_failed_sync_survives_a_power_cut";
        play_if_asked();
        let mut faults = Faults::draw(test, RUNS);
        for style in [Style::OPEN, Style::REOPENED] {
            let counts = faults.count(style);
            for nth in 1..=counts[&Call::Sync] {
                let fault = Fault { call: Call::Sync, nth, failure: Failure::Io, lasts: false };
                faults.add(style, fault);
            }
        }
        faults.try_all(|run| run.survives_a_cut(run.acknowledged));
    }

    #[test]
    fn what_was_acknowledged_survives_a_power_cut() {
        let test = "tests::what_was_acknowledged_survives_a_power_cut";
        play_if_asked();
        let mut faults = Faults::draw(test, RUNS);
        for style in [Style::OPEN, Style::REOPENED] {
            for lazy in [false, true] {
                let durability = if lazy { Durability::Normal } else { Durability::Full };
                let style = Style { durability, ..style };
                for (call, count) in faults.count(style) {
                    if matches!(call, Call::Write | Call::Sync | Call::Truncate | Call::Unlink) {
                        let fault = |nth| Fault { call, nth, failure: Failure::Cut, lasts: false };
                        (1..=count).for_each(|nth| faults.add(style, fault(nth)));
                    }
                }
            }
        }
        faults.try_all(|run| match run.style.durability {
            Durability::Full => run.survives_a_cut(run.acknowledged),
            Durability::Normal => run.survives_a_cut(0),
        });
    }

    /// Tries calls of all kinds, each in all the ways in which it can fail.
    fn each_fault(test: &'static str, lasts: bool, check: impl Fn(&Run) + Sync) {
        let mut faults = Faults::draw(test, RUNS);
        for style in [Style::OPEN, Style::REOPENED] {
            for (call, count) in faults.count(style) {
                let failures: &[Failure] = match call {
                    Call::Write => &[Failure::Io, Failure::Full, Failure::Short],
                    Call::Read => &[Failure::Io, Failure::Short],
                    Call::Truncate | Call::Open | Call::Map => &[Failure::Io, Failure::Full],
                    Call::Sync | Call::Unlink | Call::Lock | Call::Stat => &[Failure::Io],
                };
                for &failure in failures {
                    (1..=count).for_each(|nth| {
                        faults.add(style, Fault { call, nth, failure, lasts });
                    });
                }
            }
        }
        faults.try_all(check);
    }
}
