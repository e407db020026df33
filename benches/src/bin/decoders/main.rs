//! How long it takes to read bytes that anybody may send, by their number.
//!
//! Twice the bytes may take hardly more than twice the time, whether what they say is good or wrong
//! at the very end; and a byte may take no more than a bound that hardly anything comes near. What
//! is measured is processor time, the best of several rounds. How much is allocated is counted by
//! tests, see `crates/testkit/tests/allocations.rs`.
//!
//! ```text
//! decoders [--rounds N] [NAME]...
//! ```

#![forbid(unsafe_code)]

mod formats;
mod queries;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use pandan_benches::process::processor_time;

/// Twice the bytes may take so many times as long: two, and what caches and noise add.
const DOUBLE_ASKED: f64 = 2.6;

/// The most nanoseconds for a byte.
const BYTE_ASKED: f64 = 50.0;

/// The same where signatures are verified, of which a fork proof has two in some 400 bytes.
const SIGNED_BYTE_ASKED: f64 = 500.0;

/// The same for a whole request, in which a field or a variable is two or five bytes.
const QUERY_BYTE_ASKED: f64 = 200.0;

/// How long is measured in a round.
const ROUND: Duration = Duration::from_millis(4);

/// Tells whether bytes are accepted.
type Read = Box<dyn Fn(&[u8]) -> bool>;

/// Something that reads.
struct Decoder {
    name: &'static str,
    /// Makes an input of about so many bytes; none for what has one size.
    make: Box<dyn Fn(usize) -> Vec<u8>>,
    /// The smaller of two sizes in bytes; the other one is twice that.
    size: usize,
    /// Reads, and tells whether the input was accepted.
    read: Read,
    /// Whether the input is to be accepted.
    is_good: bool,
    /// The most nanoseconds for a byte.
    byte_max: f64,
}

impl Decoder {
    fn new(
        name: &'static str,
        size: usize,
        make: impl Fn(usize) -> Vec<u8> + 'static,
        read: impl Fn(&[u8]) -> bool + 'static,
    ) -> Self {
        Self {
            name,
            make: Box::new(make),
            size,
            read: Box::new(read),
            is_good: true,
            byte_max: BYTE_ASKED,
        }
    }

    /// Lets a byte take longer.
    fn within(self, byte_max: f64) -> Self {
        Self { byte_max, ..self }
    }

    /// What is refused, but only when all of it was read.
    fn refusing(self) -> Self {
        Self { is_good: false, ..self }
    }
}

/// The time for an input, good or with its last byte changed, whatever takes longer.
struct Time {
    bytes: usize,
    time: Duration,
}

impl Time {
    fn of_byte(&self) -> f64 {
        self.time.as_secs_f64() * 1e9 / self.bytes as f64
    }
}

fn main() -> ExitCode {
    let (mut rounds, mut names) = (9, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--rounds" {
            names.push(argument);
            continue;
        }
        match arguments.next().and_then(|number| number.parse().ok()).filter(|it| *it > 0) {
            Some(number) => rounds = number,
            None => {
                eprintln!("expected a number, at least 1, after --rounds");
                return ExitCode::FAILURE;
            }
        }
    }
    let decoders = formats::all().into_iter().chain(queries::all());
    let asked = |decoder: &Decoder| {
        names.is_empty() || names.iter().any(|name| decoder.name.contains(name.as_str()))
    };
    println!(
        "| what is read | bytes | time | twice the bytes | time | a byte | twice as much takes | asked | |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|---|---|");
    let mut all_held = true;
    for decoder in decoders.filter(asked) {
        let [one, two] = [1, 2].map(|times| measure(&decoder, decoder.size * times, rounds));
        let (double, byte) = (two.time.as_secs_f64() / one.time.as_secs_f64(), two.of_byte());
        // Where inputs have a size of their own, twice as much is not quite that.
        let double = double * 2.0 * one.bytes as f64 / two.bytes as f64;
        let holds = double <= DOUBLE_ASKED && byte <= decoder.byte_max;
        all_held &= holds;
        println!(
            "| {} | {} | {:.1} µs | {} | {:.1} µs | {byte:.2} ns | {double:.2} | at most {DOUBLE_ASKED}; {} ns | {} |",
            decoder.name,
            one.bytes,
            one.time.as_secs_f64() * 1e6,
            two.bytes,
            two.time.as_secs_f64() * 1e6,
            decoder.byte_max,
            if holds { "holds" } else { "**fails**" },
        );
    }
    if all_held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// # Panics
///
/// If the input is accepted, or refused, and must not be: then something else would be measured.
fn measure(decoder: &Decoder, size: usize, rounds: usize) -> Time {
    let good = (decoder.make)(size);
    let found = (decoder.read)(&good);
    assert_eq!(found, decoder.is_good, "{} of {} bytes", decoder.name, good.len());
    let mut spoilt = good.clone();
    if let Some(last) = spoilt.last_mut() {
        *last ^= 1;
    }
    let best = |bytes: &[u8]| {
        (0..rounds).map(|_| time(|| (decoder.read)(bytes))).min().unwrap_or_default()
    };
    Time { bytes: good.len(), time: best(&good).max(best(&spoilt)) }
}

/// The time of one call, from as many as fit into a round.
fn time(read: impl Fn() -> bool) -> Duration {
    let (start, mut calls) = (processor_time(), 0);
    loop {
        black_box(read());
        calls += 1;
        let time = processor_time() - start;
        if time >= ROUND {
            return time / calls;
        }
    }
}
