//! Things that do the same work and are measured next to each other.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Does its work so many times and says how long that took.
type Routine = Box<dyn FnMut(u64) -> Duration>;

/// One of those who do the same work.
pub struct Contestant {
    name: &'static str,
    /// How many times the unit of the group is done in one run.
    units: u32,
    routine: Routine,
}

impl Contestant {
    /// Measures the processor time of `run`.
    pub fn new<T>(name: &'static str, run: impl FnMut() -> T + 'static) -> Self {
        Self::repeated(name, thread_time, run)
    }

    /// Measures the time that passes: for work that more threads than this one do.
    pub fn of_many_threads<T>(name: &'static str, run: impl FnMut() -> T + 'static) -> Self {
        let start = Instant::now();
        Self::repeated(name, move || start.elapsed(), run)
    }

    fn repeated<T>(
        name: &'static str,
        clock: impl Fn() -> Duration + 'static,
        mut run: impl FnMut() -> T + 'static,
    ) -> Self {
        let routine = move |times| {
            let start = clock();
            for _ in 0..times {
                black_box(run());
            }
            clock() - start
        };
        Self { name, units: 1, routine: Box::new(routine) }
    }

    /// Measures the processor time of `run`, which uses up what `prepare` makes; neither making it nor dropping the
    /// result counts.
    pub fn consuming<I, T>(
        name: &'static str,
        mut prepare: impl FnMut() -> I + 'static,
        mut run: impl FnMut(I) -> T + 'static,
    ) -> Self {
        let routine = move |times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let input = black_box(prepare());
                let start = thread_time();
                let output = black_box(run(input));
                total += thread_time() - start;
                drop(output);
            }
            total
        };
        Self { name, units: 1, routine: Box::new(routine) }
    }

    /// Says that one run does the unit of the group several times.
    #[must_use]
    pub fn of_units(self, units: u32) -> Self {
        Self { units, ..self }
    }

    /// Who it is.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many times the unit of the group is done in one run.
    #[must_use]
    pub fn units(&self) -> u32 {
        self.units
    }

    /// Runs so many times and says how long that took.
    pub fn run(&mut self, times: u64) -> Duration {
        (self.routine)(times)
    }

    /// How many runs take about this long, at least one. Finding out warms up as well.
    pub fn runs_within(&mut self, time: Duration) -> u64 {
        let mut times = 1;
        while self.run(times) * 2 < time {
            times *= 2;
        }
        times
    }
}

/// The time for which a processor has worked for this thread: on a machine that does other things
/// too, the time that passes says more about those.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("the time of a thread begins at 0")
}

/// Contestants, of which the first is ours, and what is asked of it.
pub struct Group {
    /// What is done.
    pub name: &'static str,
    /// Ours comes first.
    pub contestants: Vec<Contestant>,
    /// What is asked of ours.
    pub limits: Vec<Limit>,
}

/// What is asked of ours, compared with another contestant of its group.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// It may take this many times as long.
    AtMostTimes(f64, &'static str),
    /// It has to be this many times as fast.
    FasterBy(f64, &'static str),
    /// One run takes at most this long.
    Within(Duration),
}

impl Limit {
    /// The other contestant, if there is one.
    #[must_use]
    pub fn other(self) -> Option<&'static str> {
        match self {
            Self::AtMostTimes(_, other) | Self::FasterBy(_, other) => Some(other),
            Self::Within(_) => None,
        }
    }

    /// What was reached and whether that is enough, from the times of ours and of the other.
    #[must_use]
    pub fn judge(self, ours: Duration, other: Duration) -> (String, bool) {
        match self {
            Self::AtMostTimes(limit, _) => {
                let ratio = ours.as_secs_f64() / other.as_secs_f64();
                (format!("{ratio:.2} of its time"), ratio <= limit)
            }
            Self::FasterBy(limit, _) => {
                let ratio = other.as_secs_f64() / ours.as_secs_f64();
                (format!("{ratio:.1} times as fast"), ratio >= limit)
            }
            Self::Within(limit) => (format!("{ours:.1?}"), ours <= limit),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMostTimes(limit, other) => write!(f, "at most {limit} of {other}"),
            Self::FasterBy(limit, other) => write!(f, "at least {limit} times {other}"),
            Self::Within(limit) => write!(f, "within {limit:?}"),
        }
    }
}
