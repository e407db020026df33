//! How many bytes and rounds two nodes with a million logs need to find out how they differ,
//! beside those of negentropy for the same items: `cargo run --release --example reconcile`.

use std::cell::Cell;

use negentropy::{Id, Negentropy, NegentropyStorageVector};
use pandan_bamboo::{HeadState, HeadsSum, LogId, Salt, SeqNum};
use pandan_operations::SystemSchema;
use pandan_replication::{
    Acceptance, Answer, Author, Bound, Effect, Head, HeadList, Interest, KeyRange, LogKey, LogName,
    Page, Part, Query, Session, Split, Terms, Tip,
};

/// Sums are kept for blocks of so many heads.
const BLOCK: usize = 64;

/// Heads in order, without logs.
struct Heads {
    heads: Vec<Head>,
    /// The sum of all heads before each block.
    before: Vec<HeadsSum>,
    /// How many logs were to be sent.
    sent: Cell<usize>,
}

impl Heads {
    fn new(mut heads: Vec<Head>) -> Self {
        heads.sort_unstable_by_key(|head| head.key);
        let (mut before, mut sum) = (Vec::new(), HeadsSum::EMPTY);
        for block in heads.chunks(BLOCK) {
            before.push(sum.clone());
            block.iter().for_each(|head| sum.add(&head.state));
        }
        before.push(sum);
        Self { heads, before, sent: Cell::new(0) }
    }

    fn index(&self, bound: Bound) -> usize {
        self.heads.partition_point(|head| Bound::Key(head.key) < bound)
    }

    fn sum_before(&self, index: usize) -> HeadsSum {
        let block = index / BLOCK;
        let mut sum = self.before[block].clone();
        self.heads[block * BLOCK..index].iter().for_each(|head| sum.add(&head.state));
        sum
    }

    fn split(&self, range: &KeyRange, parts: usize, salt: &Salt) -> Split {
        let (start, end) = (self.index(Bound::Key(range.start())), self.index(range.end()));
        let sum = |start, end| {
            let mut sum = self.sum_before(end);
            sum.subtract(&self.sum_before(start));
            sum.fingerprint(salt)
        };
        let count = end - start;
        let at = |part: usize| start + count * part / parts;
        let part = |number| {
            let (from, to) = (at(number), at(number + 1));
            let bound = if number + 1 == parts {
                range.end()
            } else {
                Bound::between(self.heads[to - 1].key, self.heads[to].key)
            };
            Part { end: bound, fingerprint: sum(from, to) }
        };
        let parts = if count < parts { Vec::new() } else { (0..parts).map(part).collect() };
        Split { count: count as u64, fingerprint: sum(start, end), parts }
    }

    fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Split { ranges, parts, salt } => Answer::Splits(
                ranges
                    .iter()
                    .map(|(range, theirs)| {
                        let whole = self.split(range, 1, salt);
                        let is_equal = Some(whole.fingerprint) == *theirs;
                        if is_equal { whole } else { self.split(range, *parts, salt) }
                    })
                    .collect(),
            ),
            Query::Heads { ranges } => Answer::Lists(
                ranges
                    .iter()
                    .map(|(range, limit)| {
                        let start = self.index(Bound::Key(range.start()));
                        let heads = &self.heads[start..self.index(range.end())];
                        let more = heads.len() > *limit;
                        let heads = heads.iter().take(*limit).copied().collect();
                        HeadList { heads, more }
                    })
                    .collect(),
            ),
            // There are heads only; nothing is transferred.
            Query::Entries { wants, .. } => {
                self.sent.set(self.sent.get() + wants.logs.len());
                Answer::Page(Page::default())
            }
            Query::Entry { .. } => Answer::Entry(None),
            other => panic!("not asked with so few differences: {other:?}"),
        }
    }
}

/// Bytes to the responder, bytes to the initiator, and round trips.
#[derive(Debug)]
struct Cost {
    up: usize,
    down: usize,
    rounds: usize,
}

/// Plays a session, everything that one side has to say at a time.
fn ours(one: &Heads, other: &Heads) -> Cost {
    let terms = Terms::new(vec![SystemSchema::Blob.into()]).expect("there is a schema");
    let salt = Salt::from_bytes([7; 16]);
    let mut sides = [
        (Session::initiate(terms, salt, 0), one),
        (Session::accept(Acceptance { interest: Interest::All, is_live: false }, 0), other),
    ];
    let mut cost = Cost { up: 0, down: 0, rounds: 0 };
    for turn in 0.. {
        let frames = speak(&mut sides[turn % 2]);
        let bytes = frames.iter().map(Vec::len).sum::<usize>();
        if bytes == 0 {
            break;
        }
        // What comes behind the empty ranges only says that all is well.
        let compares = frames.iter().any(|frame| matches!(frame[0], 1 | 2));
        if turn % 2 == 0 {
            cost.up += bytes
        } else {
            cost.down += bytes
        }
        cost.rounds += usize::from(compares && turn % 2 == 0);
        let (session, _) = &mut sides[(turn + 1) % 2];
        for frame in frames {
            session.handle(&frame, 0).expect("nothing is taken in");
        }
    }
    cost
}

fn speak((session, heads): &mut (Session, &Heads)) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    loop {
        while let Some(effect) = session.poll() {
            if let Effect::Read(id, query) = effect {
                session.answer(id, heads.answer(&query), 0);
            }
        }
        match session.poll_frame(0) {
            Some(frame) => frames.push(frame),
            None => return frames,
        }
    }
}

fn theirs(one: &Heads, other: &Heads) -> Cost {
    let storage = |heads: &Heads| {
        let mut storage = NegentropyStorageVector::with_capacity(heads.heads.len());
        for head in &heads.heads {
            storage.insert(0, Id::from_byte_array(*head.state.as_bytes())).expect("not sealed");
        }
        storage.seal().expect("sealed once");
        storage
    };
    let (one, other) = (storage(one), storage(other));
    let mut client = Negentropy::borrowed(&one, 0).expect("no limit");
    let mut server = Negentropy::borrowed(&other, 0).expect("no limit");
    let mut cost = Cost { up: 0, down: 0, rounds: 0 };
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let mut message = Some(client.initiate().expect("the first time"));
    while let Some(query) = message {
        let answer = server.reconcile(&query).expect("well formed");
        cost.up += query.len();
        cost.down += answer.len();
        cost.rounds += 1;
        message = client.reconcile_with_ids(&answer, &mut have, &mut need).expect("well formed");
    }
    cost
}

/// A head of a log that nobody wrote.
fn head(number: usize) -> Head {
    let number = number as u64;
    let bytes = *pandan_bamboo::Hash::of(&number.to_be_bytes()).digest();
    let log = LogName { author: Author::from_bytes(bytes), log_id: LogId::new(number % 3) };
    let state = *pandan_bamboo::Hash::of(&bytes).digest();
    let tip = Tip::Line(SeqNum::FIRST);
    Head { key: LogKey { schema: 0, log }, tip, state: HeadState::from_bytes(state) }
}

fn main() {
    const COUNT: usize = 1_000_000;
    let all: Vec<_> = (0..COUNT + 1_000).map(head).collect();
    let some = |range: std::ops::Range<usize>| Heads::new(all[range].to_vec());
    let full = some(0..COUNT);
    println!(
        "| logs on one side alone | round trips | bytes up | bytes down \
         | negentropy: round trips | up | down | bytes, ours to theirs |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for differences in [0, 1, 10, 100, 1_000] {
        let fewer = some(differences..COUNT);
        let (a, b) = (ours(&full, &fewer), theirs(&full, &fewer));
        assert_eq!(full.sent.take(), differences, "what is missing is found");
        let ratio = (a.up + a.down) as f64 / (b.up + b.down) as f64;
        println!(
            "| {differences} | {} | {} | {} | {} | {} | {} | {ratio:.2} |",
            a.rounds, a.up, a.down, b.rounds, b.up, b.down
        );
        if differences == 0 {
            assert!(a.rounds == 1 && a.up <= 1024 && a.down <= 1024, "agreement costs {a:?}");
        }
        if differences == 10 {
            assert!(ratio <= 1.2 && a.rounds <= b.rounds, "{a:?}, negentropy {b:?}");
        }
    }
    time();
}

/// What adding a log to a sum costs.
fn time() {
    const TIMES: u32 = 100_000;
    let states: Vec<_> = (0..1_000).map(|number| head(number).state).collect();
    let mut sum = HeadsSum::EMPTY;
    let start = std::time::Instant::now();
    for state in states.iter().cycle().take(TIMES as usize) {
        sum.add(std::hint::black_box(state));
    }
    let nanoseconds = start.elapsed().as_nanos() / u128::from(TIMES);
    println!("\nadding a log to a sum of {}: {nanoseconds} ns", sum.count());
}
