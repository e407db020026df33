//! Asking for parts: messages with one encoding, and the side that answers.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::collection::vec;
use proptest::prelude::*;

use pandan_bamboo::{ForkProof, Hash, LogId, NextArgs, SeqNum};
use pandan_identity::KeyPair;
use pandan_operations::limits::{MAX_FIELDS, MAX_PREVIOUS};
use pandan_operations::{
    DocumentId, DocumentViewId, FieldName, Fields, Operation, OperationId, RawValue, SystemSchema,
};
use pandan_replication::limits::{
    ANSWER_BYTES_PER_MS, IDLE_TIMEOUT_MS, MAX_ASK_ITEMS, MAX_ASK_PLACES, MAX_ENTRIES,
    MAX_FRAME_LENGTH, MAX_NEWEST, QUEUE_BYTES_LOW,
};
use pandan_replication::{
    Answerer, AnswererEffect, Ask, AskAnswer, AskItem, Asker, AskerEffect, Author, Cursor, End,
    Fault, Field, LogName, Message, MessageProblem, PartContent, PartMessage, Received, Verdict,
};

fn log() -> LogName {
    LogName { author: Author::from_bytes([7; 32]), log_id: LogId::new(300) }
}

fn operation(number: u32) -> OperationId {
    OperationId::from_hash(Hash::of(&number.to_be_bytes()))
}

fn document() -> DocumentId {
    operation(0).into()
}

fn places(count: u64) -> Vec<SeqNum> {
    (1..=count).map(|number| SeqNum::new(number).unwrap()).collect()
}

fn view(count: usize) -> DocumentViewId {
    let mut tips: Vec<_> = (0..).map(operation).take(count).collect();
    tips.sort_unstable();
    DocumentViewId::from_sorted(tips).unwrap()
}

fn state(tips: usize, fields: usize) -> PartContent {
    let name = |number: usize| FieldName::parse(&format!("field_{number:04}")).unwrap();
    let fields = (0..fields).map(|number| (name(number), operation(9)));
    PartContent::State { view: view(tips), fields: fields.collect() }
}

fn proof() -> ForkProof {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let [one, other] =
        [b"a", b"b"].map(|payload| NextArgs::first(LogId::new(0)).forge(&key_pair, payload));
    ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap()
}

fn entry(payload: Option<Vec<u8>>) -> Received {
    Received { entry: vec![5; 150], payload }
}

fn ask(items: Vec<AskItem>) -> Message {
    Message::Ask(Ask { payloads_optional: false, items })
}

fn part(item: usize, content: PartContent) -> Message {
    Message::Part(PartMessage { item, content })
}

#[test]
fn messages_about_parts_have_one_encoding_up_to_their_limits() {
    let items = vec![
        AskItem::Document(document()),
        AskItem::Newest { log: log(), count: MAX_NEWEST },
        AskItem::Payloads { log: log(), places: places(MAX_ASK_PLACES as u64) },
        AskItem::Whole(document()),
        AskItem::WholeOf(log()),
    ];
    let messages = [
        ask(items.clone()),
        Message::Ask(Ask { payloads_optional: true, items }),
        ask(vec![AskItem::Document(document()); MAX_ASK_ITEMS]),
        part(0, PartContent::Nothing),
        part(MAX_ASK_ITEMS - 1, PartContent::TooMuch),
        part(1, PartContent::Entries(vec![entry(None), entry(Some(vec![1; 9]))])),
        part(2, PartContent::Entries(vec![entry(None); MAX_ENTRIES])),
        part(3, state(1, 0)),
        part(4, state(MAX_PREVIOUS, MAX_FIELDS)),
        part(5, PartContent::Proof(Box::new(proof()))),
    ];
    for message in messages {
        let frame = message.encode();
        assert!(frame.len() <= MAX_FRAME_LENGTH);
        assert_eq!(Message::decode(&frame), Ok(message));
        for end in 0..frame.len().min(400) {
            assert!(Message::decode(&frame[..end]).is_err(), "cut at {end}");
        }
        let longer = [frame.as_slice(), &[0]].concat();
        assert!(Message::decode(&longer).is_err());
    }
}

#[test]
fn one_past_each_limit_is_refused() {
    let count = |message: Message| match Message::decode(&message.encode()) {
        Err(error) => (error.field, error.problem),
        Ok(message) => panic!("expected a refusal, found {message:?}"),
    };
    let limit = |min, max: usize| {
        let max = max as u64;
        (Field::Count, MessageProblem::Limit { min, max, found: max + 1 })
    };
    let newest = |count| ask(vec![AskItem::Newest { log: log(), count }]);
    let payloads = |count| ask(vec![AskItem::Payloads { log: log(), places: places(count) }]);
    let nothing =
        |min, max: usize| (Field::Count, MessageProblem::Limit { min, max: max as u64, found: 0 });
    let items = MAX_ASK_ITEMS;
    for (message, expected) in [
        (ask(Vec::new()), nothing(1, items)),
        (ask(vec![AskItem::Document(document()); items + 1]), limit(1, items)),
        (newest(0), nothing(1, 1_024)),
        (newest(MAX_NEWEST + 1), limit(1, 1_024)),
        (payloads(0), nothing(1, MAX_ASK_PLACES)),
        (payloads(MAX_ASK_PLACES as u64 + 1), limit(1, MAX_ASK_PLACES)),
        (part(items, PartContent::Nothing), limit(0, items - 1)),
        (part(0, PartContent::Entries(Vec::new())), nothing(1, MAX_ENTRIES)),
        (part(0, PartContent::Entries(vec![entry(None); MAX_ENTRIES + 1])), limit(1, MAX_ENTRIES)),
        (part(0, state(1, MAX_FIELDS + 1)), limit(0, MAX_FIELDS)),
    ] {
        assert_eq!(count(message), expected);
    }
}

#[test]
fn what_is_not_in_order_or_unknown_is_refused() {
    let mut items = places(3);
    items.swap(1, 2);
    let swapped = ask(vec![AskItem::Payloads { log: log(), places: items }]);
    let error = Message::decode(&swapped.encode()).unwrap_err();
    assert_eq!((error.field, error.problem), (Field::SeqNum, MessageProblem::Order));
    let PartContent::State { view, mut fields } = state(1, 3) else { unreachable!() };
    fields.swap(0, 1);
    let swapped = part(0, PartContent::State { view, fields });
    let error = Message::decode(&swapped.encode()).unwrap_err();
    assert_eq!((error.field, error.problem), (Field::Name, MessageProblem::Order));
    for (frame, field) in [
        // A flag, an item and a content that nobody knows.
        (&[0x11, 2, 1, 0][..], Field::Flags),
        (&[0x11, 0, 1, 5], Field::Tag),
        (&[0x12, 0, 5], Field::Tag),
    ] {
        let error = Message::decode(frame).unwrap_err();
        assert_eq!(error.field, field);
        assert!(matches!(error.problem, MessageProblem::Unknown { .. }));
    }
}

fn finished(answerer: &mut Answerer) -> Option<End> {
    match answerer.poll() {
        Some(AnswererEffect::Finished(end)) => Some(end),
        _ => None,
    }
}

#[test]
fn whoever_does_not_ask_or_says_more_is_refused() {
    let mut answerer = Answerer::new(0);
    answerer.handle(&Message::Done.encode(), 0);
    assert!(matches!(finished(&mut answerer), Some(End::Failed(Fault::Unexpected { .. }))));
    let frame = answerer.poll_frame(0).unwrap();
    assert!(matches!(Message::decode(&frame), Ok(Message::Refuse(_))));

    let mut answerer = Answerer::new(0);
    answerer.handle(&ask(vec![AskItem::Document(document())]).encode(), 0);
    assert!(matches!(answerer.poll(), Some(AnswererEffect::Read(_))));
    answerer.handle(&ask(vec![AskItem::Document(document())]).encode(), 0);
    assert!(matches!(finished(&mut answerer), Some(End::Failed(Fault::Unexpected { .. }))));

    let mut answerer = Answerer::new(0);
    answerer.handle(&[0x11], 0);
    assert!(matches!(finished(&mut answerer), Some(End::Failed(Fault::Malformed(_)))));
}

#[test]
fn nothing_more_is_read_while_answers_are_not_taken() {
    let mut answerer = Answerer::new(0);
    answerer.handle(&ask(vec![AskItem::Whole(document())]).encode(), 0);
    let entries = PartContent::Entries(vec![entry(Some(vec![0; 50_000]))]);
    let mut pages = 0;
    while let Some(AnswererEffect::Read(_)) = answerer.poll() {
        pages += 1;
        let next = Some(Cursor(pages));
        answerer.answer(AskAnswer { contents: vec![entries.clone()], next }, 0);
    }
    assert_eq!(pages, QUEUE_BYTES_LOW as u64 / 50_000 + 1);
    // Silence of who does not take them ends it.
    assert_eq!(answerer.poll_timeout(), Some(IDLE_TIMEOUT_MS));
    answerer.timeout(IDLE_TIMEOUT_MS - 1);
    assert_eq!(finished(&mut answerer), None);
    answerer.poll_frame(IDLE_TIMEOUT_MS - 1).unwrap();
    assert!(matches!(answerer.poll(), Some(AnswererEffect::Read(_))));
    answerer.timeout(IDLE_TIMEOUT_MS);
    answerer.timeout(2 * IDLE_TIMEOUT_MS);
    assert!(matches!(finished(&mut answerer), Some(End::Failed(Fault::Idle { .. }))));
}

/// One entry every 29 seconds kept a place for as long as there are entries.
#[test]
fn an_answer_that_comes_in_drops_ends() {
    let answer = |bytes: usize, pause: u64| {
        let ask = Ask { payloads_optional: false, items: vec![AskItem::Whole(document())] };
        let (mut asker, mut now) = (Asker::new(ask, 0), 0);
        asker.poll_frame(0).unwrap();
        let entries = PartContent::Entries(vec![entry(Some(vec![0; bytes]))]);
        let frame = part(0, entries).encode();
        for _ in 0..50 {
            now += pause;
            asker.timeout(now);
            match asker.poll() {
                None => asker.handle(&frame, now).unwrap(),
                Some(AskerEffect::Finished(End::Failed(fault))) => return Some(fault),
                Some(effect) => panic!("{effect:?}"),
            }
            assert!(matches!(asker.poll(), Some(AskerEffect::Ingest(_))));
            // However long that takes here.
            assert_eq!(asker.poll_timeout(), None);
            now += 10 * IDLE_TIMEOUT_MS;
            asker.ingested(&[Verdict::Known], now);
        }
        None
    };
    let min = 1_000 * ANSWER_BYTES_PER_MS;
    assert_eq!(answer(200, IDLE_TIMEOUT_MS - 1_000), Some(Fault::TooSlow { min }));
    assert_eq!(answer(30_000, IDLE_TIMEOUT_MS - 1_000), None);
    assert_eq!(answer(200, 100), None);
    assert_eq!(answer(200, IDLE_TIMEOUT_MS), Some(Fault::Idle { ms: IDLE_TIMEOUT_MS }));
}

#[test]
fn a_store_that_cannot_be_read_ends_it() {
    let mut answerer = Answerer::new(0);
    answerer.handle(&ask(vec![AskItem::Document(document())]).encode(), 0);
    assert!(matches!(answerer.poll(), Some(AnswererEffect::Read(_))));
    assert_eq!(answerer.poll_timeout(), None, "it is nobody's fault");
    answerer.unavailable();
    assert_eq!(finished(&mut answerer), Some(End::Failed(Fault::Unavailable)));
}

/// Frames that a peer could send, whole or broken at a byte.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let contents = prop_oneof![
        Just(PartContent::Nothing),
        Just(PartContent::TooMuch),
        Just(PartContent::Entries(vec![entry(None), entry(Some(vec![1; 40]))])),
        Just(state(2, 3)),
        Just(PartContent::Proof(Box::new(proof()))),
    ];
    let parts = (0..5_usize, contents).prop_map(|(item, content)| part(item, content));
    let messages = prop_oneof![
        8 => parts,
        1 => Just(Message::Done),
        1 => Just(ask(vec![AskItem::Document(document())])),
    ];
    let whole = messages.prop_map(|message| message.encode());
    let broken = (whole, any::<Option<(prop::sample::Index, u8)>>());
    let broken = broken.prop_map(|(mut frame, change)| {
        if let Some((index, byte)) = change.filter(|(_, byte)| byte % 8 == 0) {
            let index = index.index(frame.len());
            frame[index] = byte;
        }
        frame
    });
    prop_oneof![9 => broken, 1 => vec(any::<u8>(), 0..40)]
}

proptest! {
    /// Whatever comes, items are told once and in order, and it ends once.
    #[test]
    fn any_frames_are_answers_or_end_the_ask(frames in vec(frames(), 0..30)) {
        let items = vec![
            AskItem::Document(document()),
            AskItem::Newest { log: log(), count: 3 },
            AskItem::Payloads { log: log(), places: places(3) },
            AskItem::Whole(document()),
        ];
        let count = items.len();
        let mut asker = Asker::new(Ask { payloads_optional: false, items }, 0);
        let (mut told, mut ends) = (0, Vec::new());
        for frame in &frames {
            let _ = asker.handle(frame, 0);
            while let Some(effect) = asker.poll() {
                match effect {
                    AskerEffect::Told(index, _) => {
                        prop_assert_eq!(index, told);
                        told += 1;
                    }
                    AskerEffect::Ingest(entries) => {
                        prop_assert!(!asker.wants_input());
                        asker.ingested(&vec![Verdict::Known; entries.len()], 0);
                    }
                    AskerEffect::Finished(end) => ends.push(end),
                    _ => {}
                }
            }
        }
        prop_assert!(ends.len() <= 1 && told <= count);
        prop_assert_eq!(ends == [End::Complete], told == count);
        let mut answerer = Answerer::new(0);
        frames.iter().for_each(|frame| answerer.handle(frame, 0));
    }
}

/// An operation that creates a document, of which its log is nothing else.
fn created(schema: SystemSchema, log_id: u64) -> Received {
    let fields = Fields::from_pairs([("name", RawValue::Str("x".into()))]).unwrap();
    let payload = Operation::Create { schema: schema.into(), fields }.encode();
    let entry = NextArgs::first(LogId::new(log_id)).forge(&KeyPair::from_seed(&[1; 32]), &payload);
    Received { entry: entry.as_bytes().to_vec(), payload: Some(payload) }
}

/// Who was asked for all of a document could send any others along with it.
#[test]
fn re17_of_a_whole_document_no_other_one_comes() {
    let (asked, other) = (created(SystemSchema::Blob, 0), created(SystemSchema::Blob, 1));
    let definition = created(SystemSchema::SchemaDefinition, 2);
    let id = DocumentId::from_hash(Hash::of(&asked.entry));
    let table = [
        (AskItem::Whole(id), vec![&definition, &asked, &asked], true),
        (AskItem::Whole(id), vec![&other], false),
        (AskItem::Whole(id), vec![&asked, &other], false),
        (AskItem::WholeOf(log()), vec![&definition, &other, &other], true),
        (AskItem::WholeOf(log()), vec![&other, &asked], false),
    ];
    for (item, entries, is_taken) in table {
        let mut asker = Asker::new(Ask { payloads_optional: false, items: vec![item] }, 0);
        for entry in &entries {
            let content = PartContent::Entries(vec![(*entry).clone()]);
            let _ = asker.handle(&part(0, content).encode(), 0);
            asker.ingested(&[Verdict::Stored], 0);
        }
        let effects: Vec<_> = std::iter::from_fn(|| asker.poll()).collect();
        let taken = effects.iter().filter(|it| matches!(it, AskerEffect::Ingest(_))).count();
        assert_eq!(taken, entries.len() - usize::from(!is_taken));
        let is_fault = |effect: &AskerEffect| {
            matches!(effect, AskerEffect::Finished(End::Failed(Fault::Unasked { .. })))
        };
        assert_eq!(effects.iter().any(is_fault), !is_taken);
    }
}
