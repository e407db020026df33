//! Writing, reading and verifying entries allocates nothing.

#![allow(unsafe_code, reason = "an allocator that counts has to be one")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::iter::successors;

use pandan_bamboo::limits::LINK_PATH_LENGTH_MAX;
use pandan_bamboo::{
    EncodedEntry, Entry, LogId, NextArgs, SeqNum, certificate_pool, link_path, verify_log,
    verify_subset,
};
use pandan_identity::KeyPair;

/// Counts what each thread allocates.
struct Counting;

thread_local! {
    // Without a destructor and known at compile time, so that it allocates nothing itself.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed on as it came to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps to the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`, and the caller keeps to the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs something and checks that it allocated nothing.
#[track_caller]
fn check<T>(run: impl FnOnce() -> T) -> T {
    let before = ALLOCATIONS.get();
    let result = black_box(run());
    assert_eq!(ALLOCATIONS.get() - before, 0, "allocations");
    result
}

const PAYLOAD: &[u8] =
    b"a payload of some length, as long as an operation with a few fields may be";

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(black_box(Box::new(7)));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

#[test]
fn signing_and_encoding_allocates_nothing() {
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let log = log(13);
    assert_eq!(check(|| NextArgs::first(LogId::new(0)).forge(&key_pair, PAYLOAD)), log[0]);
    let args = NextArgs::after(log[11].header(), Some(log[3].hash())).unwrap();
    assert_eq!(check(|| args.forge(&key_pair, PAYLOAD)), log[12]);
}

#[test]
fn decoding_and_verifying_allocates_nothing() {
    let log = log(13);
    let (entry, skiplink, backlink) = (&log[12], &log[3], &log[11]);
    check(|| {
        Entry::decode(entry.as_bytes())
            .unwrap()
            .authenticate()
            .unwrap()
            .bind(PAYLOAD)
            .unwrap()
            .verify_links(Some(backlink.header()), Some(skiplink.header()))
            .unwrap()
            .header()
            .hash()
    });
}

#[test]
fn refusing_by_form_or_place_allocates_nothing() {
    let log = log(2);
    let mut bytes = [0; 256];
    let length = log[1].as_bytes().len();
    bytes[..length].copy_from_slice(log[1].as_bytes());
    check(|| Entry::decode(&bytes).unwrap_err());
    // Where a signature does not hold, the library below puts its error into a box.
    check(|| verify_log(&log[1..]).unwrap_err());
}

#[test]
fn verifying_logs_allocates_nothing() {
    let log = log(50);
    let summary = check(|| verify_log(&log)).unwrap();
    assert_eq!(summary.tip().hash(), log[49].hash());
    let place = log[49].header().seq_num();
    assert!(check(|| certificate_pool(place).count()) > 0);
    assert!(check(|| link_path(place, SeqNum::FIRST).count()) > 0);
    check(|| verify_subset(&log).unwrap());
}

/// Entries are named by others: pools of any of them are short, and found without allocating.
#[test]
fn finding_pools_and_paths_of_any_entry_allocates_nothing() {
    let powers = (0..64).map(|power| 1_u64 << power);
    let tops = successors(Some(1_u64), |top| top.checked_mul(3)?.checked_add(1));
    let numbers = powers.chain(tops).flat_map(|at| [at - 1, at, at.saturating_add(1)]);
    for number in numbers.chain([u64::MAX]).filter_map(SeqNum::new) {
        let pool = check(|| certificate_pool(number).count());
        assert!(pool <= 2 * LINK_PATH_LENGTH_MAX, "{pool} entries prove {number}");
        let path = check(|| link_path(number, SeqNum::FIRST).count());
        assert!(path <= LINK_PATH_LENGTH_MAX, "{path} steps from {number}");
    }
}

#[test]
fn refusing_pools_allocates_nothing() {
    let log = log(121);
    let at = |place: SeqNum| log.get(usize::try_from(place.number()).unwrap() - 1);
    for place in [1, 4, 5, 23, 40, 60, 98, 121] {
        let pool = certificate_pool(SeqNum::new(place).unwrap()).filter_map(at);
        let mut pool: Vec<_> = pool.map(EncodedEntry::as_bytes).collect();
        pool.reverse();
        check(|| verify_subset(&pool).map(drop)).unwrap();
        for index in 0..pool.len() {
            let (mut less, mut twice, mut torn) = (pool.clone(), pool.clone(), pool.clone());
            less.remove(index);
            twice.insert(index, pool[index]);
            torn[index] = &pool[index][..index];
            for wrong in [less, twice, torn, pool[index..].repeat(10)] {
                // Some are right all the same: without its last entry a pool still holds together.
                check(|| verify_subset(&wrong).is_ok());
            }
        }
    }
}

/// The first entries of a log.
fn log(length: usize) -> Vec<EncodedEntry> {
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let mut log: Vec<EncodedEntry> = Vec::new();
    for index in 0..length {
        let args = match index.checked_sub(1) {
            None => NextArgs::first(LogId::new(0)),
            Some(tip) => {
                let tip = log[tip].header();
                let target = tip.seq_num().next().unwrap().skiplink();
                let target = target.map(|target| usize::try_from(target.number()).unwrap());
                NextArgs::after(tip, target.map(|target| log[target - 1].hash())).unwrap()
            }
        };
        log.push(args.forge(&key_pair, PAYLOAD));
    }
    log
}
