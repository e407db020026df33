//! Measures all contestants of a group in turns and prints what came out as a table.
//!
//! On a machine that does other things too, a slow moment hits everybody who is measured in it.
//! So each round measures every contestant for a short time, and what counts is the best round of
//! each: noise only ever adds. How far the median is from it says how much noise there was.
//!
//! ```text
//! ratios [--rounds N] [WORD…]     groups whose names contain one of the words; all by default
//! ```

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use pandan_benches::{Group, cases};

/// How long a contestant is measured in one round, unless one run takes longer.
const ROUND: Duration = Duration::from_millis(2);

const DEFAULT_ROUNDS: usize = 101;

/// When a group has taken this long, it ends after fewer rounds.
const LONGEST: Duration = Duration::from_secs(5);

/// No group ends after fewer.
const MIN_ROUNDS: usize = 7;

fn main() -> ExitCode {
    let mut rounds = DEFAULT_ROUNDS;
    let mut words = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--rounds" {
            words.push(argument);
            continue;
        }
        match arguments.next().and_then(|number| number.parse().ok()) {
            Some(number) if number > 0 => rounds = number,
            _ => {
                eprintln!("expected a number of rounds, at least 1, after --rounds");
                return ExitCode::FAILURE;
            }
        }
    }
    let is_wanted = |group: &Group| {
        words.is_empty() || words.iter().any(|word| group.name.contains(word.as_str()))
    };
    println!("| what | who | best | median | limit | reached | |");
    println!("|---|---|--:|--:|---|---|---|");
    let mut all_held = true;
    for group in cases::all().into_iter().filter(is_wanted) {
        all_held &= print(group, rounds);
    }
    if all_held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures a group and says whether it keeps within its limits.
fn print(mut group: Group, rounds: usize) -> bool {
    let contestants = group.contestants.iter_mut();
    let times: Vec<_> = contestants.map(|contestant| contestant.runs_within(ROUND)).collect();
    let mut results = vec![Vec::with_capacity(rounds); times.len()];
    let start = Instant::now();
    for round in 0..rounds {
        if round >= MIN_ROUNDS && start.elapsed() > LONGEST {
            break;
        }
        for ((contestant, &times), results) in
            group.contestants.iter_mut().zip(&times).zip(&mut results)
        {
            let units = times as f64 * f64::from(contestant.units());
            results.push(nanoseconds(contestant.run(times)) / units);
        }
    }
    for results in &mut results {
        results.sort_by(f64::total_cmp);
    }
    let ours = duration(results[0][0]);
    let mut all_held = true;
    for (index, contestant) in group.contestants.iter().enumerate() {
        let (best, median) = (results[index][0], results[index][results[index].len() / 2]);
        let limit = group.limits.iter().find(|limit| match limit.other() {
            Some(other) => other == contestant.name(),
            None => index == 0,
        });
        let (limit, reached, mark) = match limit {
            None => (String::new(), String::new(), ""),
            Some(limit) => {
                let (reached, holds) = limit.judge(ours, duration(best));
                all_held &= holds;
                (limit.to_string(), reached, if holds { "holds" } else { "**fails**" })
            }
        };
        let what = if index == 0 { group.name } else { "" };
        let (best, median) = (duration(best), duration(median));
        let name = contestant.name();
        println!("| {what} | {name} | {best:.2?} | {median:.2?} | {limit} | {reached} | {mark} |");
    }
    all_held
}

/// Of a part of a second, with fractions that `Duration` does not keep.
fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

fn duration(nanoseconds: f64) -> Duration {
    Duration::from_secs_f64(nanoseconds / 1e9)
}
