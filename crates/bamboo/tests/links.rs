//! Links of a single entry, and the arguments of the next one.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{at, log};
use pandan_bamboo::{
    Entry, EntryHash, Hash, Link, LinkError, Links, LinksError, LinksShape, LogId, NextArgs,
    NextArgsError, SeqNum, check_links, forge,
};
use pandan_identity::KeyPair;

fn hash(name: &str) -> EntryHash {
    EntryHash::from_hash(Hash::of(name.as_bytes()))
}

fn seq_num(number: u64) -> SeqNum {
    SeqNum::new(number).unwrap()
}

#[test]
fn pn7_links_must_fit_the_sequence_number() {
    let (back, skip) = (Some(hash("back")), Some(hash("skip")));
    for (at, backlink, skiplink, is_right) in [
        (1, None, None, true),
        (1, back, None, false),
        (2, back, None, true),
        (2, None, None, false),
        (2, back, skip, false),
        (4, back, skip, true),
        (4, back, None, false),
        (4, None, skip, false),
        (4, back, back, false),
        (13, back, skip, true),
    ] {
        let links = Links::new(seq_num(at), backlink, skiplink);
        assert_eq!(links.is_ok(), is_right, "{at}: {links:?}");
    }
}

#[test]
fn forging_with_links_that_do_not_fit_is_refused() {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let links = Links::Next { backlink: hash("back") };
    assert_eq!(
        forge(&key_pair, LogId::new(0), seq_num(4), links, b"").unwrap_err(),
        LinksError::Shape {
            seq_num: seq_num(4),
            expected: LinksShape::SkiplinkAndBacklink,
            found: LinksShape::Backlink,
        }
    );
}

#[test]
fn pn8_a_missing_target_is_an_error() {
    let log = log(1, 0, 4);
    let [first, _, third, fourth] = &log[..] else { panic!() };
    let (entry, back, skip) = (fourth.header(), third.header(), first.header());
    assert_eq!(check_links(entry, Some(back), Some(skip)), Ok(()));
    for (backlink, skiplink, link, target) in [
        (Some(back), None, Link::Skiplink, skip),
        (None, Some(skip), Link::Backlink, back),
        (None, None, Link::Skiplink, skip),
    ] {
        assert_eq!(
            check_links(entry, backlink, skiplink),
            Err(LinkError::Missing { link, seq_num: target.seq_num(), hash: target.hash() })
        );
    }
}

#[test]
fn a_target_at_another_place_is_refused() {
    let log = log(1, 0, 4);
    let key_pair = KeyPair::from_seed(&[1; 32]);
    // The author signs a link that leads to the wrong place.
    let links = Links::NextWithSkip { skiplink: log[1].hash(), backlink: log[2].hash() };
    let entry = forge(&key_pair, LogId::new(0), seq_num(4), links, b"").unwrap();
    assert_eq!(
        entry.as_authentic().verify_links(Some(log[2].header()), Some(log[1].header())),
        Err(LinkError::OtherPlace {
            link: Link::Skiplink,
            expected: seq_num(1),
            found: seq_num(2)
        })
    );
}

#[test]
fn pn6_nothing_follows_the_end_of_a_log() {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let last = NextArgs::first(LogId::new(0)).forge_end_of_log(&key_pair, b"bye");
    assert!(
        Entry::decode(last.as_bytes()).unwrap().authenticate().unwrap().header().is_end_of_log()
    );
    assert_eq!(
        NextArgs::after(last.header(), None),
        Err(NextArgsError::EndOfLog { seq_num: SeqNum::FIRST })
    );
    let links = Links::Next { backlink: last.hash() };
    let after = forge(&key_pair, LogId::new(0), seq_num(2), links, b"").unwrap();
    assert_eq!(
        check_links(after.header(), Some(last.header()), None),
        Err(LinkError::AfterEndOfLog { link: Link::Backlink, seq_num: SeqNum::FIRST })
    );
}

#[test]
fn next_args_ask_for_the_skiplink_they_need() {
    let log = log(1, 0, 3);
    assert_eq!(
        NextArgs::after(log[2].header(), None),
        Err(NextArgsError::MissingSkiplink { seq_num: seq_num(4), target: SeqNum::FIRST })
    );
    let args = NextArgs::after(log[2].header(), Some(at(&log, 1).hash())).unwrap();
    let skiplink = args.links().skiplink();
    assert_eq!((args.seq_num(), skiplink), (seq_num(4), Some(log[0].hash())));
}

#[test]
fn a_full_log_has_no_next_entry() {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let shape = LinksShape::at(SeqNum::MAX);
    let links = Links::new(
        SeqNum::MAX,
        Some(hash("back")),
        (shape == LinksShape::SkiplinkAndBacklink).then(|| hash("skip")),
    );
    let last = forge(&key_pair, LogId::new(0), SeqNum::MAX, links.unwrap(), b"").unwrap();
    assert_eq!(NextArgs::after(last.header(), None), Err(NextArgsError::LogFull));
}

#[test]
fn a_verified_entry_knows_whether_its_payload_was_bound() {
    let log = log(1, 0, 2);
    let backlink = Some(log[0].header());
    let entry = log[1].as_authentic();
    let bound = entry.bind(b"entry 1").unwrap();
    assert_eq!(bound.verify_links(backlink, None).unwrap().payload(), Some(&b"entry 1"[..]));
    assert_eq!(entry.verify_links(backlink, None).unwrap().payload(), None);
}
