//! What hostile bytes make us reserve is a small multiple of what was sent.

#![allow(unsafe_code, reason = "an allocator that counts has to be one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use pandan_replication::legacy::{Frames, Message};

/// Keeps count of the bytes that each thread holds, and of the most that it held.
struct Counting;

thread_local! {
    // Without a destructor and known at compile time, so that they allocate nothing themselves.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static MOST: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: everything is handed on as it came to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get() + layout.size() as i64);
        MOST.set(MOST.get().max(HELD.get()));
        // SAFETY: the caller keeps to the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // What another thread reserved may be freed here, so that this can fall below zero.
        HELD.set(HELD.get() - layout.size() as i64);
        // SAFETY: the pointer came from `System`, and the caller keeps to the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that were held at once on top of those held before.
fn most<T>(run: impl FnOnce() -> T) -> usize {
    let before = HELD.get();
    MOST.set(before);
    drop(black_box(run()));
    usize::try_from(MOST.get() - before).expect("it was at least what was held before")
}

#[test]
fn the_counter_counts() {
    assert_eq!(most(|| vec![0_u8; 1000]), 1000);
    assert_eq!(most(|| drop((vec![0_u8; 500], vec![0_u8; 500]))), 1000);
}

#[test]
fn a_claim_alone_reserves_nothing() {
    // Each claims as much as the limits allow and ends there.
    let claims: [&[u8]; 4] = [
        b"\x84\x02\x00\x5a\x00\x0f\xff\x00",
        b"\x84\x00\x01\x00\x9a\x00\x0f\xff\x00",
        b"\x83\x0a\x00\x9a\x00\x7f\xff\x00",
        b"\x84\x00\x01\x00\x81\x7a\x00\x0f\xff\x00",
    ];
    for claim in claims {
        let kept = most(|| {
            let mut frames = Frames::new();
            assert_eq!(frames.take(&mut &claim[..]), Ok(None));
            frames
        });
        assert!(kept <= 64, "{kept}");
        // Decoding looks at whole messages only, but does not rely on it.
        let kept = most(|| Message::decode(claim));
        assert!(kept <= 64, "{kept}");
    }
}

#[test]
fn a_message_on_its_way_takes_at_most_three_times_its_bytes() {
    let mut message = b"\x83\x0a\x00\x5a\x00\x7f\xff\xf8".to_vec();
    message.resize(message.len() + 0x7f_fff8, 0);
    let kept = most(|| {
        let mut frames = Frames::new();
        for chunk in message[..message.len() - 1].chunks(1000) {
            assert_eq!(frames.take(&mut &chunk[..]), Ok(None));
        }
        frames
    });
    // While the buffer grows, the old one is there as well.
    assert!(kept <= 3 * message.len(), "{kept} for {}", message.len());
}

#[test]
fn a_decoded_have_is_a_small_multiple_of_its_bytes() {
    // The smallest logs, and the smallest authors.
    let logs = 1_000_000_u32;
    let mut many_logs = b"\x83\x0a\x00\x81\x82\x58\x20".to_vec();
    many_logs.extend([1; 32]);
    many_logs.push(0x9a);
    many_logs.extend(logs.to_be_bytes());
    (0..logs).for_each(|_| many_logs.extend(b"\x82\x00\x01"));
    let authors = 100_000_u32;
    let mut many_authors = b"\x83\x0a\x00\x9a".to_vec();
    many_authors.extend(authors.to_be_bytes());
    (0..authors).for_each(|_| {
        many_authors.extend(b"\x82\x58\x20");
        many_authors.extend([1; 32]);
        many_authors.push(0x80);
    });
    for message in [many_logs, many_authors] {
        let kept = most(|| Message::decode(&message).expect("it is well formed"));
        assert!(kept <= 6 * message.len(), "{kept} for {}", message.len());
    }
}
