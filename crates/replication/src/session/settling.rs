//! What follows from two heads of one log (RE5).

use alloc::vec::Vec;

use pandan_bamboo::{Salt, SeqNum};

use crate::session::comparing::Found;
use crate::{Bound, Head, KeyRange, LogKey, TheirHead};

/// Compares all heads of a range with all of ours.
pub(super) fn merge(
    salt: &Salt,
    range: &KeyRange,
    theirs: &[TheirHead],
    ours: &[Head],
    found: &mut Found,
) {
    let schema = range.start().schema;
    let mut ours = ours.iter().peekable();
    for head in theirs {
        let key = LogKey { schema, log: head.log };
        while let Some(own) = ours.next_if(|own| own.key < key) {
            found.pushes.push((own.key.log, SeqNum::FIRST));
        }
        let own = ours.next_if(|own| own.key == key);
        let missing = settle(salt, head, own, found);
        found.lacks(schema, missing);
    }
    found.pushes.extend(ours.map(|own| (own.key.log, SeqNum::FIRST)));
}

/// Compares the heads of a range with ours of the same logs, which are in the order of names.
pub(super) fn settle_named(
    salt: &Salt,
    range: &KeyRange,
    theirs: &[TheirHead],
    ours: &[Head],
    found: &mut Found,
) {
    let schema = range.start().schema;
    for head in theirs {
        let own = ours.binary_search_by_key(&head.log, |own| own.key.log).ok();
        let own = own.and_then(|index| ours.get(index)).filter(|own| own.key.schema == schema);
        let missing = settle(salt, head, own, found);
        found.lacks(schema, missing);
    }
}

impl Found {
    fn lacks(&mut self, schema: u16, count: u64) {
        if count > 0 {
            let missing = self.missing.entry(schema).or_default();
            *missing = missing.saturating_add(count);
        }
    }
}

/// Compares heads with ours of the same logs, which are in the order of names, whatever their
/// schemas.
pub(super) fn settle_any(salt: &Salt, theirs: &[TheirHead], ours: &[Head], found: &mut Found) {
    for head in theirs {
        let own = ours.binary_search_by_key(&head.log, |own| own.key.log).ok();
        // Of these nobody knows the schema before they come.
        let _ = settle(salt, head, own.and_then(|index| ours.get(index)), found);
    }
}

/// The parts of a range between the heads.
pub(super) fn gaps(range: &KeyRange, theirs: &[TheirHead]) -> Vec<KeyRange> {
    let schema = range.start().schema;
    let mut start = Bound::Key(range.start());
    let mut gaps = Vec::new();
    let keys = theirs.iter().map(|head| LogKey { schema, log: head.log });
    let ends = keys.map(|key| (Bound::Key(key), key.next())).chain([(range.end(), Bound::End)]);
    for (end, next) in ends {
        if let Bound::Key(start) = start {
            gaps.extend(KeyRange::new(start, end));
        }
        start = next;
    }
    gaps
}

/// Gives how many entries are missing here.
fn settle(salt: &Salt, theirs: &TheirHead, own: Option<&Head>, found: &mut Found) -> u64 {
    let latest = |tip: crate::Tip| tip.latest().map_or(0, SeqNum::number);
    let Some(own) = own else {
        found.wants.push((theirs.log, SeqNum::FIRST));
        return latest(theirs.tip);
    };
    if own.state.salted(salt) == theirs.state {
        return 0;
    }
    let (mine, yours) = (own.tip, theirs.tip);
    // Entries from a fork on have no effect, and nobody needs them for its own sake.
    let lacks = |has: crate::Tip, other: crate::Tip| {
        other.latest() > has.latest() && has.fork().is_none_or(|fork| has.next() < Some(fork))
    };
    let is_news = |fork: Option<SeqNum>, known: Option<SeqNum>| {
        fork.is_some_and(|fork| known.is_none_or(|known| fork <= known))
    };
    if lacks(mine, yours) || is_news(yours.fork(), mine.fork()) {
        found.wants.extend(mine.next().map(|from| (theirs.log, from)));
    }
    let next = if lacks(yours, mine) { yours.next() } else { mine.next() };
    if lacks(yours, mine) || is_news(mine.fork(), yours.fork()) {
        found.pushes.extend(next.map(|from| (theirs.log, from)));
    }
    if mine.latest() == yours.latest() && mine.fork() == yours.fork() {
        found.hunts.extend(mine.latest().map(|latest| (theirs.log, latest)));
    }
    if lacks(mine, yours) { latest(yours).saturating_sub(latest(mine)) } else { 0 }
}

#[cfg(test)]
mod tests {
    use pandan_bamboo::{HeadState, LogId, Salt, SeqNum};

    use super::{Found, gaps, settle};
    use crate::{Author, Bound, FrozenTip, Head, KeyRange, LogKey, LogName, TheirHead, Tip};

    const SALT: Salt = Salt::from_bytes([1; 16]);

    fn seq(number: u64) -> SeqNum {
        SeqNum::new(number).expect("not 0")
    }

    fn line(latest: u64) -> Tip {
        Tip::Line(seq(latest))
    }

    fn frozen(latest: u64, fork: u64) -> Tip {
        Tip::Frozen(FrozenTip::new(SeqNum::new(latest), seq(fork)).expect("below the fork"))
    }

    fn log(number: u64) -> LogName {
        LogName { author: Author::MIN, log_id: LogId::new(number) }
    }

    fn settled(theirs: Tip, own: Option<Tip>, equal: bool) -> [Option<u64>; 3] {
        let state = |byte| HeadState::from_bytes([byte; 32]);
        let key = LogKey { schema: 0, log: log(5) };
        let own = own.map(|tip| Head { key, tip, state: state(1) });
        let their_state = state(if equal { 1 } else { 2 }).salted(&SALT);
        let theirs = TheirHead { log: log(5), tip: theirs, state: their_state };
        let mut found = Found::default();
        settle(&SALT, &theirs, own.as_ref(), &mut found);
        let only = |places: &[(LogName, SeqNum)]| match places {
            [] => None,
            [(_, place)] => Some(place.number()),
            more => panic!("one log gave {more:?}"),
        };
        [only(&found.wants), only(&found.pushes), only(&found.hunts)]
    }

    #[test]
    fn re5_two_heads_of_a_log_settle_who_sends_what() {
        for (theirs, own, equal, expected) in [
            (line(3), None, false, [Some(1), None, None]),
            (line(3), Some(line(3)), true, [None; 3]),
            (line(3), Some(line(3)), false, [None, None, Some(3)]),
            (line(7), Some(line(3)), false, [Some(4), None, None]),
            (line(3), Some(line(7)), false, [None, Some(4), None]),
            // One of the two knows of a fork: the proof goes to the other, and what is below it.
            (line(7), Some(frozen(3, 4)), false, [None, Some(4), None]),
            (line(2), Some(frozen(3, 4)), false, [None, Some(3), None]),
            (line(7), Some(frozen(2, 5)), false, [Some(3), Some(3), None]),
            (frozen(3, 4), Some(line(7)), false, [Some(8), None, None]),
            (frozen(3, 4), Some(line(2)), false, [Some(3), None, None]),
            (frozen(2, 5), Some(line(7)), false, [Some(8), Some(3), None]),
            (frozen(0, 1), None, false, [Some(1), None, None]),
            // Both know of one: the lower counts; two for one place are exchanged.
            (frozen(3, 4), Some(frozen(7, 8)), false, [Some(8), None, None]),
            (frozen(7, 8), Some(frozen(3, 4)), false, [None, Some(4), None]),
            (frozen(3, 4), Some(frozen(3, 4)), false, [Some(4), Some(4), Some(3)]),
            (frozen(3, 4), Some(frozen(3, 4)), true, [None; 3]),
            (frozen(0, 1), Some(frozen(0, 1)), false, [Some(1), Some(1), None]),
        ] {
            assert_eq!(settled(theirs, own, equal), expected, "{theirs:?} and {own:?}");
        }
    }

    #[test]
    fn gaps_are_what_lies_between() {
        let head = |number| TheirHead {
            log: log(number),
            tip: line(1),
            state: HeadState::from_bytes([0; 32]).salted(&SALT),
        };
        let key = |number| LogKey { schema: 0, log: log(number) };
        let range = |start, end| KeyRange::new(key(start), Bound::Key(key(end))).expect("in order");
        let all = range(2, 9);
        assert_eq!(gaps(&all, &[]), [all]);
        assert_eq!(gaps(&all, &[head(4), head(5)]), [range(2, 4), range(6, 9)]);
        assert_eq!(gaps(&all, &[head(2), head(8)]), [range(3, 8)]);
    }
}
