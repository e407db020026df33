//! Comparing: ranges come in, ranges go out, and what differs is found (RE4).
//!
//! ```text
//! ranges ─▶ Splits ─▶ Lists ─▶ Names ─▶ Rest ─▶ Found
//!           which     heads to  logs in  what did
//!           differ    tell and  crowded  not fit
//!                     compare   ranges
//! ```
//!
//! Each arrow is one question to the store; a step with nothing to ask is left out.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::iter;

use pandan_bamboo::{Fingerprint, Salt, SeqNum};

use crate::limits::{HEADS_LISTED, HEADS_OF_RANGE, HEADS_WRITTEN, PARTS, RANGES_WRITTEN};
use crate::session::settling::{gaps, merge, settle_named};
use crate::{
    Answer, Bound, Content, Head, HeadList, KeyRange, LogKey, LogName, Query, RangeItem, Ranges,
    Split, TheirHead,
};

/// How many heads of ours beyond those of the other side are listed before whole ranges are sent.
const CROWD: usize = 64;

/// What comparing has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// We lack these entries, or the proof of the log's fork.
    pub(crate) wants: Vec<(LogName, SeqNum)>,
    /// How many entries these are, by the index of their schema.
    pub(crate) missing: BTreeMap<u16, u64>,
    /// The other side lacks these.
    pub(crate) pushes: Vec<(LogName, SeqNum)>,
    /// The other side lacks everything here.
    pub(crate) push_ranges: Vec<KeyRange>,
    /// Logs that differ at this place or below.
    pub(crate) hunts: Vec<(LogName, SeqNum)>,
    /// What we say next.
    pub(crate) ranges: Ranges,
}

/// One message being worked on.
#[derive(Debug)]
pub(crate) struct Comparing {
    salt: Salt,
    step: Step,
    /// Where the part begins that is too much for one message.
    rest: Option<LogKey>,
    found: Found,
}

#[derive(Debug)]
enum Step {
    Splits(Vec<Task>),
    Lists(Vec<Job>),
    Names(Vec<(KeyRange, Vec<TheirHead>)>),
    Rest(KeyRange),
}

/// What came in for a range.
#[derive(Debug)]
enum Task {
    Split(KeyRange, Option<Fingerprint>),
    Merge(KeyRange, Vec<TheirHead>),
}

/// What is to be done with a range, once it is known how much is in it.
#[derive(Debug)]
enum Job {
    /// With about so many heads.
    Tell(KeyRange, usize),
    Parts(Vec<(KeyRange, Fingerprint)>),
    Merge(KeyRange, Vec<TheirHead>),
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Progress {
    Ask(Box<Comparing>, Query),
    Found(Found),
    /// The answer is not one to the question.
    WrongAnswer,
}

impl Comparing {
    /// Begins with all that we have.
    pub(crate) fn open(salt: Salt) -> Progress {
        Self::begin(salt, alloc::vec![Task::Split(KeyRange::ALL, None)])
    }

    /// Works on what the other side says.
    pub(crate) fn respond(salt: Salt, ranges: Ranges) -> Progress {
        let task = |RangeItem { range, content }| match content {
            Content::Fingerprint(fingerprint) => Task::Split(range, Some(fingerprint)),
            Content::Heads(heads) => Task::Merge(range, heads),
        };
        Self::begin(salt, ranges.into_items().into_iter().map(task).collect())
    }

    fn begin(salt: Salt, tasks: Vec<Task>) -> Progress {
        let ranges: Vec<_> = tasks
            .iter()
            .filter_map(|task| match task {
                Task::Split(range, theirs) => Some((*range, *theirs)),
                Task::Merge(..) => None,
            })
            .collect();
        let query = Query::Split { ranges, parts: PARTS, salt };
        let comparing =
            Self { salt, step: Step::Splits(tasks), rest: None, found: Found::default() };
        if matches!(&query, Query::Split { ranges, .. } if ranges.is_empty()) {
            return comparing.answer(Answer::Splits(Vec::new()));
        }
        Progress::Ask(Box::new(comparing), query)
    }

    /// Goes on with the answer of the store.
    pub(crate) fn answer(mut self, answer: Answer) -> Progress {
        let step = core::mem::replace(&mut self.step, Step::Splits(Vec::new()));
        match (step, answer) {
            (Step::Splits(tasks), Answer::Splits(splits)) => self.list(tasks, splits),
            (Step::Lists(jobs), Answer::Lists(lists)) => self.name(jobs, lists),
            (Step::Names(crowded), Answer::Heads(heads)) => self.settle(&crowded, &heads),
            (Step::Rest(range), Answer::Splits(splits)) => self.add_rest(range, &splits),
            _ => Progress::WrongAnswer,
        }
    }

    fn list(mut self, tasks: Vec<Task>, splits: Vec<Split>) -> Progress {
        let mut splits = splits.into_iter();
        let mut jobs = Vec::new();
        let mut budget =
            Budget { ranges: RANGES_WRITTEN, heads: HEADS_WRITTEN, listed: HEADS_LISTED };
        for task in tasks {
            let (start, job) = match task {
                Task::Merge(range, heads) => (range.start(), Some(Job::Merge(range, heads))),
                Task::Split(range, theirs) => {
                    let Some(split) = splits.next() else { return Progress::WrongAnswer };
                    (range.start(), job(range, theirs, split))
                }
            };
            let Some(job) = job else { continue };
            if !budget.spend(&job) {
                self.rest = Some(start);
                break;
            }
            jobs.push(job);
        }
        let ranges: Vec<_> = jobs.iter().filter_map(Job::listed).collect();
        let is_quiet = ranges.is_empty();
        self.step = Step::Lists(jobs);
        if is_quiet {
            return self.answer(Answer::Lists(Vec::new()));
        }
        Progress::Ask(Box::new(self), Query::Heads { ranges })
    }

    fn name(mut self, jobs: Vec<Job>, lists: Vec<HeadList>) -> Progress {
        let mut lists = lists.into_iter();
        let mut crowded = Vec::new();
        for job in jobs {
            if let Job::Parts(parts) = job {
                parts.into_iter().for_each(|(range, fingerprint)| {
                    self.say(range, Content::Fingerprint(fingerprint));
                });
                continue;
            }
            let Some(list) = lists.next() else { return Progress::WrongAnswer };
            match job {
                Job::Tell(range, _) => self.tell(range, &list),
                Job::Merge(range, theirs) if list.more => crowded.push((range, theirs)),
                Job::Merge(range, theirs) => {
                    merge(&self.salt, &range, &theirs, &list.heads, &mut self.found);
                }
                Job::Parts(_) => {}
            }
        }
        let mut logs: Vec<_> =
            crowded.iter().flat_map(|(_, theirs)| theirs).map(|head| head.log).collect();
        logs.sort_unstable();
        logs.dedup();
        self.step = Step::Names(crowded);
        if logs.is_empty() {
            return self.answer(Answer::Heads(Vec::new()));
        }
        Progress::Ask(Box::new(self), Query::HeadsOf { logs })
    }

    fn settle(mut self, crowded: &[(KeyRange, Vec<TheirHead>)], heads: &[Head]) -> Progress {
        for (range, theirs) in crowded {
            settle_named(&self.salt, range, theirs, heads, &mut self.found);
            self.found.push_ranges.extend(gaps(range, theirs));
        }
        let Some(range) = self.rest.and_then(|start| KeyRange::new(start, Bound::End)) else {
            return Progress::Found(self.found);
        };
        self.step = Step::Rest(range);
        let query = Query::Split { ranges: alloc::vec![(range, None)], parts: 1, salt: self.salt };
        Progress::Ask(Box::new(self), query)
    }

    fn add_rest(mut self, range: KeyRange, splits: &[Split]) -> Progress {
        let [split] = splits else { return Progress::WrongAnswer };
        self.say(range, Content::Fingerprint(split.fingerprint));
        Progress::Found(self.found)
    }

    /// Says all that we have in a range: as heads, those of each schema in a range of their own.
    fn tell(&mut self, range: KeyRange, list: &HeadList) {
        let leads = list.heads.first().is_some_and(|head| head.key.schema == range.start().schema);
        let groups = list.heads.chunk_by(|one, other| one.key.schema == other.key.schema);
        let empty: &[Head] = &[];
        let mut groups = iter::once(empty).filter(|_| !leads).chain(groups).peekable();
        let mut start = range.start();
        while let Some(heads) = groups.next() {
            let end = match groups.peek() {
                Some([next, ..]) => Bound::Key(LogKey::of_schema(next.key.schema)),
                _ => told_end(list, range.end()),
            };
            let Some(own) = KeyRange::new(start, end) else { return };
            let heads = heads.iter().map(|head| head.salted(&self.salt)).collect();
            self.say(own, Content::Heads(heads));
            let Bound::Key(next) = end else { return };
            start = next;
        }
    }

    fn say(&mut self, range: KeyRange, content: Content) {
        // Ranges come in order; one that does not would be a store that splits wrongly.
        let _ = self.found.ranges.push(RangeItem { range, content });
    }
}

/// A list that was cut off, because the range has grown, says nothing of what is behind it.
fn told_end(list: &HeadList, end: Bound) -> Bound {
    let last = list.heads.last().filter(|_| list.more);
    last.map_or(end, |last| last.key.next().min(end))
}

/// In how many ranges heads are told: each may be of another schema, in a range of several.
fn told_ranges(range: &KeyRange, count: usize) -> usize {
    match range.end() {
        Bound::Key(end) if end.schema == range.start().schema => 1,
        _ => count.saturating_add(1),
    }
}

impl Job {
    /// What has to be listed for it.
    fn listed(&self) -> Option<(KeyRange, usize)> {
        match self {
            Self::Tell(range, _) => Some((*range, HEADS_OF_RANGE.saturating_mul(2))),
            Self::Merge(range, theirs) => Some((*range, theirs.len().saturating_add(CROWD))),
            Self::Parts(_) => None,
        }
    }
}

/// Nothing to do where both have the same.
fn job(range: KeyRange, theirs: Option<Fingerprint>, split: Split) -> Option<Job> {
    if theirs == Some(split.fingerprint) {
        return None;
    }
    let count = usize::try_from(split.count).unwrap_or(usize::MAX);
    if count <= HEADS_OF_RANGE {
        return Some(Job::Tell(range, count));
    }
    let mut start = Some(range.start());
    let parts = split.parts.into_iter().map_while(|part| {
        let range = KeyRange::new(start?, part.end.min(range.end()))?;
        start = match part.end {
            Bound::Key(key) => Some(key),
            Bound::End => None,
        };
        Some((range, part.fingerprint))
    });
    Some(Job::Parts(parts.collect()))
}

/// How much may still be said and asked for in answer to a message.
struct Budget {
    ranges: usize,
    heads: usize,
    listed: usize,
}

impl Budget {
    /// What is begun may go over the budget once, so that every message gets on.
    fn spend(&mut self, job: &Job) -> bool {
        let (ranges, heads, listed) = match job {
            Job::Parts(parts) => (parts.len(), 0, 0),
            Job::Tell(range, count) => (told_ranges(range, *count), HEADS_OF_RANGE, 0),
            Job::Merge(_, theirs) => (0, 0, theirs.len().saturating_add(CROWD)),
        };
        let is_spent = [self.ranges, self.heads, self.listed].contains(&0);
        self.ranges = self.ranges.saturating_sub(ranges);
        self.heads = self.heads.saturating_sub(heads);
        self.listed = self.listed.saturating_sub(listed);
        !is_spent
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "numbers of tests are small")]
mod tests {
    use alloc::vec::Vec;

    use pandan_bamboo::{Fingerprint, LogId, Salt};

    use super::{Comparing, Found, Progress};
    use crate::limits::{HEADS_LISTED, HEADS_WRITTEN, MAX_RANGES, PARTS, RANGES_WRITTEN};
    use crate::{
        Answer, Author, Bound, Content, HeadList, KeyRange, LogKey, LogName, Part, Query,
        RangeItem, Ranges, Split,
    };

    const THEIRS: Fingerprint = Fingerprint::from_bytes([1; 8]);
    const OURS: Fingerprint = Fingerprint::from_bytes([2; 8]);

    fn key(log_id: usize) -> LogKey {
        let log_id = LogId::new(u64::try_from(log_id).expect("small"));
        LogKey { schema: 0, log: LogName { author: Author::MIN, log_id } }
    }

    /// The largest message, each range of which holds a hundred keys.
    fn message(content: &Content) -> Ranges {
        let mut ranges = Ranges::default();
        for number in 0..MAX_RANGES {
            let range = KeyRange::new(key(100 * number), Bound::Key(key(100 * (number + 1))));
            let item = RangeItem { range: range.expect("ascending"), content: content.clone() };
            ranges.push(item).expect("in order");
        }
        ranges
    }

    /// Answers all questions as a store with so many logs in each range.
    fn play(mut progress: Progress, count: u64, listed: &mut usize) -> Found {
        loop {
            let (comparing, query) = match progress {
                Progress::Ask(comparing, query) => (comparing, query),
                Progress::Found(found) => return found,
                Progress::WrongAnswer => panic!("the answers fit the questions"),
            };
            let answer = match query {
                Query::Split { ranges, parts, .. } => {
                    let split = |(range, _): &(KeyRange, _)| split(range, count, parts);
                    Answer::Splits(ranges.iter().map(split).collect())
                }
                Query::Heads { ranges } => {
                    *listed += ranges.iter().map(|(_, limit)| limit).sum::<usize>();
                    Answer::Lists(ranges.iter().map(|_| HeadList::default()).collect())
                }
                other => panic!("not asked here: {other:?}"),
            };
            progress = comparing.answer(answer);
        }
    }

    fn split(range: &KeyRange, count: u64, parts: usize) -> Split {
        let start = usize::try_from(range.start().log.log_id.number()).expect("small");
        let ends = (1..parts).map(|part| Bound::Key(key(start + part))).chain([range.end()]);
        let part = |end| Part { end, fingerprint: OURS };
        Split { count, fingerprint: OURS, parts: ends.map(part).collect() }
    }

    fn rest(found: &Found) -> Option<KeyRange> {
        let last = found.ranges.items().last().map(|item| item.range);
        last.filter(|range| range.end() == Bound::End)
    }

    #[test]
    fn what_is_too_much_for_a_message_is_one_fingerprint_at_its_end() {
        let ranges = message(&Content::Fingerprint(THEIRS));
        let salt = Salt::from_bytes([0; 16]);
        let mut listed = 0;
        let found = play(Comparing::respond(salt, ranges.clone()), 100, &mut listed);
        let said = found.ranges.items().len();
        assert!((RANGES_WRITTEN..=RANGES_WRITTEN + PARTS + 1).contains(&said), "{said}");
        assert_eq!(rest(&found).map(|range| range.start()), Some(key(100 * (said / PARTS))));

        let found = play(Comparing::respond(salt, ranges), 3, &mut listed);
        assert!(listed <= 2 * HEADS_WRITTEN + 100, "{listed}");
        assert!(rest(&found).is_some());
    }

    #[test]
    fn only_so_many_heads_are_listed_for_a_message() {
        let ranges = message(&Content::Heads(Vec::new()));
        let mut listed = 0;
        let comparing = Comparing::respond(Salt::from_bytes([0; 16]), ranges);
        let found = play(comparing, 100, &mut listed);
        assert!(listed <= HEADS_LISTED + 100, "{listed}");
        assert!(rest(&found).is_some(), "the rest comes with the next message");
    }
}
