//! States, fingerprints, and a short session between Ada and Bo.

use pandan_bamboo::{HeadState, HeadsSum, Salt, SeqNum, varu64};
use pandan_replication::{
    Bound, Content, Head, KeyRange, LogKey, LogName, Message, RangeItem, Ranges, Request,
    TheirHead, Tip,
};

use crate::{
    sheet::Sheet,
    story::{Story, Written},
};

const SALT: Salt = Salt::from_bytes([0x5a; 16]);

/// Ada's log with the document, up to its third entry, and Bo's with one entry.
fn heads(story: &Story) -> [Head; 2] {
    let [_, _, third, _] = &story.log;
    [third, &story.bo].map(head)
}

fn head(written: &Written) -> Head {
    let header = written.entry.header();
    let log = LogName { author: header.public_key().into(), log_id: header.log_id() };
    let state = HeadState::of_line(written.hash());
    Head { key: LogKey { schema: 0, log }, tip: Tip::Line(header.seq_num()), state }
}

pub(crate) fn fingerprints(story: &Story) -> String {
    let [ada, bo] = heads(story);
    let frozen = HeadState::of_frozen(
        Some(story.log[0].hash()),
        SeqNum::new(2).unwrap(),
        [story.log[1].hash(), story.bo.hash()],
    );
    let mut sheet = Sheet::new();
    sheet.bytes(SALT.as_bytes(), "salt");
    sheet.bytes(ada.state.as_bytes(), "state of Ada's log 3 up to entry 3");
    sheet.bytes(ada.state.salted(&SALT).as_bytes(), "the same, salted");
    sheet.bytes(bo.state.as_bytes(), "state of Bo's log 0 up to entry 1");
    sheet.bytes(frozen.as_bytes(), "a state with a fork at 2");
    let mut sum = HeadsSum::EMPTY;
    sheet.bytes(sum.fingerprint(&SALT).as_bytes(), "fingerprint of no log");
    sum.add(&ada.state);
    sheet.bytes(&sum.to_bytes()[..32], "sum with Ada's log, the first 16 of 1,024 lanes");
    sheet.bytes(sum.fingerprint(&SALT).as_bytes(), "its fingerprint");
    sum.add(&bo.state);
    sheet.bytes(&sum.to_bytes()[..32], "sum with both");
    sheet.bytes(sum.fingerprint(&SALT).as_bytes(), "its fingerprint");
    sheet.text()
}

/// Ada has her log, Bo has his and the first entry of hers.
pub(crate) fn session(story: &Story) -> String {
    let [ada, bo] = heads(story);
    let mut sheet = Sheet::new();
    let salted = |head: &Head| TheirHead {
        log: head.key.log,
        tip: head.tip,
        state: head.state.salted(&SALT),
    };
    let mut ranges = Ranges::default();
    let content = Content::Heads(vec![salted(&ada)]);
    ranges.push(RangeItem { range: KeyRange::ALL, content }).unwrap();
    let request = Message::Request(Request {
        salt: SALT,
        live: true,
        payloads_optional: false,
        schemas: [story.schema.clone()].into(),
        ranges,
    });
    show_request(&mut sheet, &request.encode());
    let second = SeqNum::new(2).unwrap();
    show_want(&mut sheet, &Message::Want(vec![(ada.key.log, second)]).encode());
    sheet.words("").words("Bo to Ada: nothing is left to compare; his log follows as Entries");
    sheet.bytes(Message::Ranges(Ranges::default()).encode(), "Ranges, none");
    sheet.words("").words("each to the other, Ada first: that was all");
    sheet.bytes(Message::Done.encode(), "Done");
    show_ranges(&mut sheet, &ada, &bo);
    sheet.text()
}

fn show_request(sheet: &mut Sheet, frame: &[u8]) {
    sheet.words("Ada to Bo: this is all that I have");
    let rest = sheet.take(frame, 1, "Request");
    let rest = sheet.take(rest, 1, "version");
    let rest = sheet.take(rest, 16, "salt");
    let rest = sheet.take(rest, 1, "flags: live");
    let rest = sheet.take(rest, 1, "one schema");
    let (length, after) = varu64::decode(rest).unwrap();
    let rest = sheet.take(rest, rest.len() - after.len(), &format!("length {length}"));
    let rest = sheet.take(rest, usize::try_from(length).unwrap(), "its id as text");
    let rest = sheet.take(rest, 1, "one range");
    let rest = sheet.take(rest, 1, "up to the end");
    let rest = sheet.take(rest, 1, "kind: heads");
    let rest = sheet.take(rest, 1, "one head");
    let rest = sheet.take(rest, 1, "flags: not frozen");
    let rest = sheet.take(rest, 32, "author");
    let rest = sheet.take(rest, 1, "log id");
    let rest = sheet.take(rest, 1, "sequence number");
    assert!(sheet.take(rest, 8, "state, salted").is_empty());
}

fn show_want(sheet: &mut Sheet, frame: &[u8]) {
    sheet.words("").words("Bo to Ada: I lack entries of your log");
    let rest = sheet.take(frame, 1, "Want");
    let rest = sheet.take(rest, 1, "one log");
    let rest = sheet.take(rest, 32, "author");
    let rest = sheet.take(rest, 1, "log id");
    assert!(sheet.take(rest, 1, "from entry 2 on").is_empty());
}

/// How the same would look with many logs: a part that is skipped and one in a fingerprint.
fn show_ranges(sheet: &mut Sheet, ada: &Head, bo: &Head) {
    let (low, high) = if ada.key < bo.key { (ada, bo) } else { (bo, ada) };
    let Bound::Key(middle) = Bound::between(low.key, high.key) else { unreachable!() };
    let mut sum = HeadsSum::EMPTY;
    sum.add(&high.state);
    let mut ranges = Ranges::default();
    let range = KeyRange::new(middle, Bound::End).unwrap();
    let content = Content::Fingerprint(sum.fingerprint(&SALT));
    ranges.push(RangeItem { range, content }).unwrap();
    let frame = Message::Ranges(ranges).encode();
    sheet
        .words("")
        .words("another message: the lower author is settled, the higher in a fingerprint");
    let rest = sheet.take(&frame, 1, "Ranges");
    let rest = sheet.take(rest, 1, "two ranges");
    let rest = sheet.take(rest, 1, "bound: beginning of an author");
    let rest = sheet.take(rest, 1, "schema");
    let length = usize::from(rest[0]);
    let rest = sheet.take(rest, 1, &format!("length {length}"));
    let rest = sheet.take(rest, length, "first bytes of the author");
    let rest = sheet.take(rest, 1, "kind: skip");
    let rest = sheet.take(rest, 1, "up to the end");
    let rest = sheet.take(rest, 1, "kind: fingerprint");
    assert!(sheet.take(rest, 8, "fingerprint").is_empty());
}
