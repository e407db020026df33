//! A Bamboo log on a microcontroller: verifies entries, writes the next one and counts the
//! instructions that it takes.
//!
//! There is no operating system, no heap and no standard library. What it has to say goes through
//! semihosting to the debugger, or to the emulator. `cargo xtask firmware` builds it, runs it in
//! QEMU and verifies on the host what it wrote.
//!
//! ```text
//! entry 00ee06…      the entry that was written
//! verify 1731840     instructions for one entry: decoding, key, signature and hash
//! forge 625000       instructions for writing an entry: hashes, signature and public key
//! hash 4160          instructions for one hash of HASHED_LENGTH bytes
//! ```

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod counter;
mod hex;

use core::{hint::black_box, panic::PanicInfo};

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use pandan_bamboo::{
    EncodedEntry, Entry, EntryHash, Hash, LogVerifier, NextArgs, limits::MAX_ENTRY_LENGTH,
};
use pandan_identity::KeyPair;

use crate::counter::Counter;

/// The first twelve entries of a log, one a line: those that the reference implementation wrote
/// for the test vectors. The next entry carries both links.
const LOG: &str = include_str!("../log.txt");

/// The seed of the author of this log, as published with the test vectors. A device keeps its own
/// in a place that the flash reader cannot reach.
const SEED: &str = "72690a07e171742e31e3672cb026017fd4c10e869805e73c19a19995c246025a";

/// What the device has to tell.
const PAYLOAD: &[u8] = b"21.5 degrees in the greenhouse";

/// Size of the bytes that are hashed to be counted: a common entry or operation.
const HASHED_LENGTH: usize = 200;

#[entry]
fn main() -> ! {
    let peripherals = Peripherals::take().expect("nothing else has taken them before `main`");
    let counter = Counter::start(peripherals.SYST);

    // ANCHOR: forge
    let key_pair = KeyPair::from_seed_hex(SEED).expect("the seed was published as 64 digits");
    let next = verify();
    let forged = next.forge(&key_pair, PAYLOAD);
    // ANCHOR_END: forge
    hprintln!("entry {}", forged);

    hprintln!("verify {}", counter.count(|| authenticate(black_box(&forged))));
    hprintln!("forge {}", counter.count(|| black_box(&next).forge(&key_pair, PAYLOAD)));
    let bytes = [7; HASHED_LENGTH];
    hprintln!("hash {}", counter.count(|| Hash::of(black_box(&bytes))));
    exit(debug::EXIT_SUCCESS)
}

// ANCHOR: verify
/// Verifies the log from its first entry on; gives what is needed to continue it.
fn verify() -> NextArgs {
    let mut verifier = LogVerifier::of_whole_log();
    let mut skiplink: Option<EntryHash> = None;
    for line in LOG.lines() {
        let mut buffer = [0; MAX_ENTRY_LENGTH];
        let bytes = hex::decode(line, &mut buffer).expect("the log was written in hex");
        let header = verifier.push(bytes).expect("the log was valid when it was put here");
        // A real device looks the target up in its store; this one waits for it to come by.
        if header.seq_num().number() == SKIPLINK_TARGET {
            skiplink = Some(header.hash());
        }
    }
    let summary = verifier.finish().expect("the log has entries");
    NextArgs::after(summary.tip(), skiplink).expect("the log goes on, its skiplink is known")
}

/// Where the skiplink of the thirteenth entry leads.
const SKIPLINK_TARGET: u64 = 4;
// ANCHOR_END: verify

fn authenticate(entry: &EncodedEntry) -> Hash {
    let entry = Entry::decode(entry.as_bytes()).expect("the entry was just written");
    let authentic = entry.authenticate().expect("the entry was just signed");
    authentic.header().payload_hash()
}

fn exit(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    exit(debug::EXIT_FAILURE)
}
