//! Bytes and messages of peers that mean harm.

use pandan_bamboo::{LogId, SeqNum};
use pandan_operations::SystemSchema;
use pandan_replication::legacy::limits::{
    MAX_HAVE_LENGTH, MAX_INGEST_BYTES, MAX_MESSAGE_LENGTH, MAX_NESTING, MAX_REPORTS, MAX_REQUESTS,
    MAX_SERVED, MAX_SESSION_MS, REQUEST_INTERVAL_MS, SILENCE_MS,
};
use pandan_replication::legacy::{
    Answer, AuthorLogs, Config, DecodeMessageError, Effect, Fault, Frames, Link, Memory, Message,
    Mode, Outcome, Precedence, Problem, SchemaSet, Serves, Verdict,
};
use proptest::prelude::*;

use crate::pair::Node;
use crate::store::{Author, Item, Store, schema, set};

/// Feeds a stream in chunks; gives the messages and the error that ended it.
fn split(bytes: &[u8], chunk: usize) -> (Vec<Vec<u8>>, Option<DecodeMessageError>) {
    let (mut frames, mut messages) = (Frames::new(), Vec::new());
    for mut input in bytes.chunks(chunk) {
        loop {
            match frames.take(&mut input) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fn problem(bytes: &[u8]) -> DecodeMessageError {
    split(bytes, bytes.len().max(1)).1.expect("it is refused")
}

#[test]
fn messages_are_cut_wherever_the_chunks_end() {
    let parts: [&[u8]; 5] = [
        b"\x83\x03\x07\xf4",
        b"\x84\x00\x01\x1a\x65\x53\xf1\x00\x81\x67blob_v1",
        b"\x83\x0a\x00\x80",
        b"\x84\x02\x00\x40\x43abc",
        b"\x84\x02\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x43abc\xf6",
    ];
    for chunk in 1..20 {
        assert_eq!(split(&parts.concat(), chunk), (parts.map(<[u8]>::to_vec).to_vec(), None));
    }
}

#[test]
fn claims_beyond_the_limit_are_refused_before_anything_is_kept() {
    let too_long = |max, found| Problem::TooLong { max, found };
    // Byte strings by one byte and by far, and an array beyond what an address can hold.
    let error = problem(b"\x84\x02\x00\x5a\x00\x0f\xff\xf9");
    assert_eq!(error.problem, too_long(MAX_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH + 1));
    assert_eq!(problem(b"\x84\x02\x00\x5a\x7f\xff\xff\xff").offset, 3);
    let error = problem(b"\x83\x0a\x00\x9b\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(error.problem, too_long(MAX_HAVE_LENGTH, usize::MAX));
}

#[test]
fn lengths_at_the_limit_and_past_it() {
    for (message_type, max) in [(0x02, MAX_MESSAGE_LENGTH), (0x0a, MAX_HAVE_LENGTH)] {
        let message = |length: usize| {
            let claim = u32::try_from(length - 8).expect("it is small").to_be_bytes();
            let mut bytes = vec![0x83, message_type, 0x00, 0x5a];
            bytes.extend(claim);
            bytes.resize(length, 0);
            bytes
        };
        assert_eq!(split(&message(max), 4096), (vec![message(max)], None));
        let (messages, error) = split(&message(max + 1), 4096);
        assert!(messages.is_empty());
        let problem = Problem::TooLong { max, found: max + 1 };
        assert_eq!(error, Some(DecodeMessageError { offset: 3, problem }));
    }
}

#[test]
fn many_small_items_are_too_long_at_the_limit_and_past_it() {
    let message = |length: usize| {
        let items = u32::try_from(length - 5).expect("it is small").to_be_bytes();
        let mut bytes = vec![0x9a];
        bytes.extend(items);
        bytes.resize(length, 0);
        bytes
    };
    assert!(split(&message(MAX_MESSAGE_LENGTH), 1000).1.is_none());
    assert!(split(&message(MAX_MESSAGE_LENGTH + 1), 1000).1.is_some());
}

#[test]
fn nesting_at_the_limit_and_past_it() {
    let nested = |depth: usize| [vec![0x81; depth], vec![0x00]].concat();
    assert!(split(&nested(MAX_NESTING), 1).1.is_none());
    let error = problem(&nested(MAX_NESTING + 1));
    let problem = Problem::TooDeep { max: MAX_NESTING };
    assert_eq!(error, DecodeMessageError { offset: MAX_NESTING, problem });
    assert!(split(&vec![0x81; 1_000_000], 64).1.is_some());
}

#[test]
fn what_is_in_no_message_is_refused() {
    for byte in [0x1c, 0x5f, 0x7f, 0x9f, 0xbf, 0xa0, 0xc0, 0xe0, 0xf7, 0xf8, 0xf9, 0xfb, 0xff] {
        let bytes = [&[0x82, byte], [0_u8; 9].as_slice()].concat();
        assert_eq!(split(&bytes, 3).1.expect("it is refused").offset, 1, "{byte:02x}");
    }
}

/// A link that has introduced itself, and its peer's view of it.
fn link(store: Store) -> Node {
    let mut node = Node::new(store, &[schema(0)], Precedence::Yields);
    node.work(0);
    node
}

fn tell(node: &mut Node, message: &Message, now: u64) {
    node.inbox.extend(message.encode());
    while node.read(usize::MAX, now) {
        node.work(now);
    }
}

fn request(session: u64, number: u8) -> Message {
    let schemas = set([schema(number)]);
    Message::SyncRequest { session, mode: Mode::LogHeights, schemas }
}

fn entry(session: u64, item: &Item) -> Message {
    let received = item.received();
    Message::Entry { session, entry: received.entry, operation: Some(received.operation) }
}

fn empty_have(session: u64) -> Message {
    Message::Have { session, authors: vec![] }
}

fn done(session: u64) -> Message {
    Message::SyncDone { session, live: false }
}

/// Entries that somebody else wrote.
fn foreign_items(count: usize) -> Vec<Item> {
    let mut store = Store::default();
    for _ in 0..count {
        Author::new(9).create(&mut store, &schema(0), "from elsewhere");
    }
    store.items
}

#[test]
fn bytes_that_are_no_message_close_the_link() {
    let mut node = link(Store::default());
    tell(&mut node, &request(0, 0), 0);
    node.inbox.extend(b"\x84\x07\x00\x00\x00more");
    while node.read(2, 0) {}
    node.work(0);
    assert!(node.link.is_closed());
    assert!(matches!(node.faults[..], [Fault::Undecodable(_)]));
    assert_eq!(node.finished[0].outcome, Outcome::Broken);
    assert!(node.inbox.is_empty(), "the rest is swallowed");
    assert_eq!(node.link.poll_timeout(), None);
}

#[test]
fn messages_out_of_their_place_end_the_session() {
    let item = &foreign_items(1)[0];
    let cases: [(&str, Vec<Message>); 5] = [
        ("SyncDone", vec![done(0)]),
        ("Entry", vec![entry(0, item)]),
        ("Have", vec![empty_have(0), empty_have(0)]),
        ("SyncDone", vec![empty_have(0), done(0), done(0)]),
        ("Entry", vec![empty_have(0), done(0), entry(0, item)]),
    ];
    for (found, messages) in cases {
        let mut store = Store::default();
        Author::new(1).create(&mut store, &schema(0), "ours");
        let config = Config {
            precedence: Precedence::Yields,
            serves: Serves::Everything,
            schemas: set([schema(0)]),
            timestamp: 1,
        };
        let mut link = Link::new(config, Memory::new(), 0);
        assert_eq!(link.handle(&request(0, 0).encode(), 0), request(0, 0).encode().len());
        let mut faults = Vec::new();
        let mut messages = messages.into_iter();
        loop {
            match link.poll() {
                // Entries are never answered, so that the session stays open.
                Some(Effect::Read(id, query)) => {
                    if let answer @ Answer::Heights(_) = store.answer(&query) {
                        link.answer(id, answer, 0);
                    }
                }
                Some(Effect::Misbehaved(fault)) => faults.push(fault),
                Some(_) => {}
                None => match messages.next() {
                    Some(message) => drop(link.handle(&message.encode(), 0)),
                    None => break,
                },
            }
        }
        assert_eq!(faults, [Fault::Unexpected { session: 0, found }]);
    }
}

#[test]
fn messages_of_unknown_sessions_are_ignored() {
    let mut node = link(Store::default());
    for message in [done(5), empty_have(5), entry(5, &foreign_items(1)[0])] {
        tell(&mut node, &message, 0);
    }
    assert!(node.faults.is_empty() && node.store.items.is_empty());
}

#[test]
fn set_reconciliation_is_not_answered() {
    let mut node = link(Store::default());
    let (schemas, mode) = (set([schema(0)]), Mode::SetReconciliation);
    tell(&mut node, &Message::SyncRequest { session: 0, mode, schemas }, 0);
    assert!(node.queries.is_empty());
}

#[test]
fn sets_that_we_did_not_announce_are_not_served_when_only_those_are() {
    let config = Config {
        precedence: Precedence::Yields,
        serves: Serves::Announced,
        schemas: set([schema(0), schema(1)]),
        timestamp: 1,
    };
    let mut link = Link::new(config, Memory::new(), 0);
    assert!(link.handle(&request(0, 2).encode(), 0) > 0);
    assert!(!matches!(link.poll_reports(), Some(Effect::Read(..))));
    assert!(link.handle(&request(0, 1).encode(), 0) > 0);
    assert!(matches!(link.poll_reports(), Some(Effect::Read(..))));
}

#[test]
fn sessions_of_the_peer_at_the_limit_and_past_it() {
    let mut node = link(Store::default());
    for (id, number) in (0..=MAX_SERVED).zip(0..) {
        assert!(node.faults.is_empty());
        tell(&mut node, &request(id as u64, number), 0);
    }
    assert_eq!(node.faults, [Fault::TooManySessions { max: MAX_SERVED }]);
}

#[test]
fn requests_at_the_limit_and_past_it() {
    let mut node = link(Store::default());
    for _ in 0..MAX_REQUESTS {
        tell(&mut node, &request(0, 0), 0);
    }
    assert!(node.faults.is_empty());
    let replaced = node.finished.len();
    assert_eq!(replaced, MAX_REQUESTS as usize - 1, "each but the last was replaced");
    tell(&mut node, &request(0, 0), 0);
    assert_eq!(node.faults, [Fault::TooManyRequests { max: MAX_REQUESTS }]);
    assert_eq!(node.finished.len(), replaced);
    tell(&mut node, &request(0, 0), REQUEST_INTERVAL_MS);
    assert_eq!((node.faults.len(), node.finished.len()), (1, replaced + 1));
}

#[test]
fn entries_that_are_none_and_forged_ones_end_the_session() {
    let items = foreign_items(2);
    let mut forged = items[0].received();
    forged.entry[80] ^= 1;
    let forged =
        Message::Entry { session: 0, entry: forged.entry, operation: Some(forged.operation) };
    let other_payload = Message::Entry {
        session: 0,
        entry: items[0].received().entry,
        operation: Some(b"\x80".to_vec()),
    };
    let none = Message::Entry { session: 0, entry: vec![7; 140], operation: Some(vec![]) };
    for (message, is_form) in [(forged, false), (other_payload, false), (none, true)] {
        let mut node = link(Store::default());
        for message in [request(0, 0), empty_have(0), message] {
            tell(&mut node, &message, 0);
        }
        match &node.faults[..] {
            [Fault::Entry { .. }] => assert!(is_form),
            [Fault::Forged { .. }] => assert!(!is_form),
            others => panic!("{others:?}"),
        }
        assert_eq!(node.finished[0].outcome, Outcome::Broken);
        assert!(node.store.items.is_empty());
    }
}

#[test]
fn an_entry_without_operation_costs_its_log_and_nothing_else() {
    let mut store = Store::default();
    let author = Author::new(9);
    let document = author.create(&mut store, &schema(0), "first");
    author.update(&mut store, document, "second");
    author.create(&mut store, &schema(0), "another log");
    let [first, second, other] = &store.items[..] else { panic!("three were written") };
    let without = Message::Entry { session: 0, entry: first.received().entry, operation: None };
    let mut node = link(Store::default());
    let messages =
        [request(0, 0), empty_have(0), without, entry(0, second), entry(0, other), done(0)];
    for message in messages {
        tell(&mut node, &message, 0);
    }
    assert!(node.faults.is_empty());
    assert_eq!(node.store.ids(), [other.id()].into());
    let finished = &node.finished[0];
    assert_eq!(finished.outcome, Outcome::Complete);
    assert_eq!((finished.counts.incomplete, finished.counts.stored), (2, 1));
}

#[test]
fn silent_sessions_end() {
    let mut node = link(Store::default());
    tell(&mut node, &request(0, 0), 0);
    node.link.timeout(SILENCE_MS - 1);
    node.work(SILENCE_MS - 1);
    assert!(node.finished.is_empty());
    node.link.timeout(SILENCE_MS);
    node.work(SILENCE_MS);
    assert_eq!(node.finished[0].outcome, Outcome::TimedOut);
}

#[test]
fn sessions_that_never_end_do() {
    let item = &foreign_items(1)[0];
    let mut node = link(Store::default());
    tell(&mut node, &request(0, 0), 0);
    tell(&mut node, &empty_have(0), 0);
    let mut now = 0;
    while node.finished.is_empty() {
        assert!(now <= MAX_SESSION_MS);
        now += SILENCE_MS / 2;
        tell(&mut node, &entry(0, item), now);
    }
    assert_eq!(node.finished[0].outcome, Outcome::TimedOut);
    assert_eq!(now, MAX_SESSION_MS);
    assert_eq!(node.store.ids().len(), 1);
}

#[test]
fn input_stops_while_entries_are_stored() {
    let items = foreign_items(600);
    let config = Config {
        precedence: Precedence::Yields,
        serves: Serves::Everything,
        schemas: set([schema(0)]),
        timestamp: 1,
    };
    let mut link = Link::new(config, Memory::new(), 0);
    let first = request(0, 0).encode();
    assert_eq!(link.handle(&first, 0), first.len());
    while let Some(effect) = link.poll() {
        if let Effect::Read(id, _) = effect {
            link.answer(id, Answer::Heights(vec![]), 0);
        }
    }
    let mut input = empty_have(0).encode();
    items.iter().for_each(|item| input.extend(entry(0, item).encode()));
    let (mut rest, mut sizes) = (&input[..], Vec::new());
    while !rest.is_empty() {
        let taken = link.handle(rest, 0);
        assert!(taken > 0);
        rest = &rest[taken..];
        let Some(Effect::Ingest(id, entries)) = link.poll_reports() else { panic!("no entries") };
        assert!(!link.wants_input());
        assert_eq!(link.handle(rest, 0), 0, "nothing more is taken");
        sizes.push(entries.len());
        link.ingested(id, &vec![Verdict::Known; entries.len()], 0);
    }
    assert_eq!(sizes, [256, 256, 88]);
}

#[test]
fn bytes_stored_at_once_at_the_limit() {
    let mut node = link(Store::default());
    tell(&mut node, &request(0, 0), 0);
    tell(&mut node, &empty_have(0), 0);
    // Each of a quarter of the limit, and nothing that could be stored.
    let operation = vec![0; MAX_INGEST_BYTES / 4 - 134];
    let item = &foreign_items(1)[0];
    let entry = item.received().entry;
    assert!((134..150).contains(&entry.len()));
    let message = Message::Entry { session: 0, entry, operation: Some(operation) };
    let input = message.encode().repeat(5);
    let taken = node.link.handle(&input, 0);
    assert_eq!(taken, input.len() / 5 * 4);
    let Some(Effect::Ingest(_, entries)) = node.link.poll_reports() else { panic!("no entries") };
    assert_eq!(entries.len(), 4);
}

#[test]
fn input_stops_while_too_many_effects_wait() {
    let mut node = link(Store::default());
    let requests: Vec<u8> = (0..100).flat_map(|_| request(0, 0).encode()).collect();
    let taken = node.link.handle(&requests, 0);
    assert!(taken < requests.len());
    assert!(!node.link.wants_input());
    let mut waiting = 0;
    while node.link.poll_reports().is_some() {
        waiting += 1;
    }
    assert!((MAX_REPORTS..MAX_REPORTS + 4).contains(&waiting), "{waiting}");
    assert!(node.link.wants_input());
}

#[test]
fn a_log_told_many_times_counts_with_its_greatest_height() {
    let mut store = Store::default();
    let author = Author::new(1);
    let document = author.create(&mut store, &schema(0), "1");
    (2..5).for_each(|_| drop(author.update(&mut store, document, "more")));
    let mut node = link(store);
    let key = *author.public_key().as_bytes();
    let log = |seq| (LogId::new(0), SeqNum::new(seq).expect("not 0"));
    let author = |logs| AuthorLogs { author: key, logs };
    tell(&mut node, &request(0, 0), 0);
    let authors = vec![author(vec![log(1), log(3), log(2)]), author(vec![]), author(vec![log(1)])];
    tell(&mut node, &Message::Have { session: 0, authors }, 0);
    tell(&mut node, &done(0), 0);
    assert_eq!(node.finished[0].counts.sent, 1);
}

/// Everything that a peer can say, well formed or not.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let items = foreign_items(3);
    let session = 0..3_u64;
    let log = (0..4_u64, 1..4_u64)
        .prop_map(|(log, seq)| (LogId::new(log), SeqNum::new(seq).expect("not 0")));
    let have = (session.clone(), prop::collection::vec(log, 0..3)).prop_map(|(session, logs)| {
        let author = *Author::new(1).public_key().as_bytes();
        Message::Have { session, authors: vec![AuthorLogs { author, logs }] }.encode()
    });
    let announce = (0..3_u64, 0..9_u64, 0..3_u8).prop_map(|(version, timestamp, number)| {
        let schemas = set([schema(number), SystemSchema::Blob.into()]);
        Message::Announce { version, timestamp, schemas }.encode()
    });
    prop_oneof![
        4 => (session.clone(), 0..3_u8).prop_map(|(session, number)| request(session, number).encode()),
        4 => have,
        4 => (session.clone(), 0..3_usize)
            .prop_map(move |(session, index)| entry(session, &items[index]).encode()),
        4 => session.prop_map(|session| done(session).encode()),
        2 => announce,
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut node = link(Store::default());
        node.inbox.extend(bytes);
        while node.read(7, 0) {
            node.work(0);
        }
    }

    #[test]
    fn frames_do_not_depend_on_chunks(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = split(&bytes, usize::MAX);
        for chunk in [1, 2, 7] {
            prop_assert_eq!(split(&bytes, chunk), whole.clone());
        }
    }

    #[test]
    fn no_talk_harms(
        talk in prop::collection::vec((anything(), 0..40_000_u64), 0..60),
        insists in any::<bool>(),
    ) {
        let mut store = Store::default();
        (0..3).for_each(|number| {
            Author::new(1).create(&mut store, &schema(number), "ours");
        });
        let precedence = if insists { Precedence::Insists } else { Precedence::Yields };
        let mut node = Node::new(store, &[schema(0), schema(1)], precedence);
        let mut now = 0;
        for (bytes, wait) in talk {
            now += wait;
            node.inbox.extend(bytes);
            while node.read(64, now) {
                node.work(now);
            }
            node.link.timeout(now);
            node.work(now);
            if let Some(next) = node.link.poll_timeout() {
                prop_assert!(next > now, "what is due was done");
            }
        }
    }
}

#[test]
fn an_empty_set_cannot_be_asked_for() {
    let schemas = SchemaSet::new([]).expect("it is small");
    let bytes = Message::SyncRequest { session: 0, mode: Mode::LogHeights, schemas }.encode();
    assert!(Message::decode(&bytes).is_err());
}

/// A node that exchanges some schemas took entries of any other that somebody sent to it.
#[test]
fn re17_entries_that_the_session_is_not_about_are_not_taken() {
    let mut store = Store::default();
    let author = Author::new(9);
    let document = author.create(&mut store, &schema(1), "of another schema");
    author.update(&mut store, document, "the same log");
    author.create(&mut store, &schema(0), "of the schema");
    author.create(&mut store, &SystemSchema::SchemaDefinition.into(), "a definition");
    let items = store.items;
    let mut node = link(Store::default());
    let messages = [request(0, 0), empty_have(0)].into_iter();
    let messages = messages.chain(items.iter().map(|item| entry(0, item))).chain([done(0)]);
    messages.for_each(|message| tell(&mut node, &message, 0));
    let fault = Fault::Unasked { session: 0, schema: schema(1) };
    assert_eq!((fault.points(), &node.faults[..]), (5, std::slice::from_ref(&fault)));
    assert_eq!(node.store.ids(), [items[2].id(), items[3].id()].into());
    let finished = &node.finished[0];
    assert_eq!((finished.outcome, finished.counts.refused), (Outcome::Complete, 2));
}
