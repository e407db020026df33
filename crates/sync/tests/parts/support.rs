//! Two sides that talk without a network, and a document by three people.

use std::sync::Arc;

use pandan_admission::{Door, PartAsk, PartError, Payloads};
use pandan_operations::{DocumentId, SchemaId};
use pandan_replication::{
    Answerer, AnswererEffect, Ask, AskItem, Asker, AskerEffect, End, Message, PartMessage,
    Received, Told, Verdict,
};
use pandan_schema::FieldType;
use pandan_store::{MemoryStore, Options, Outcome, SqliteStore, Store};
use pandan_sync::{Examined, Serving, answer_ask, ask_item, examine_told};
use pandan_testkit::{Author, Signed, fields, text};

/// The same for each kind of store.
pub(crate) fn on_all_stores(check: impl Fn(&dyn Fn() -> Arc<dyn Store>)) {
    check(&|| Arc::new(MemoryStore::new()));
    let folder = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    check(&|| {
        count.set(count.get() + 1);
        let path = folder.path().join(format!("{}.sqlite", count.get()));
        Arc::new(SqliteStore::open(path, Options::default()).unwrap())
    });
}

pub(crate) fn bring(store: &dyn Store, signed: &[Signed]) {
    for signed in signed {
        let outcomes = store.ingest(vec![(signed.candidate(), Door::Peer)]).unwrap();
        let outcome = outcomes.into_iter().next().unwrap();
        assert!(matches!(outcome.entry(), Outcome::Committed(_)), "{outcome:?}");
    }
}

/// What came of an ask.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) told: Vec<Told>,
    pub(crate) handed_on: Vec<Received>,
    pub(crate) end: End,
    /// All frames of the answer.
    pub(crate) frames: Vec<Message>,
}

/// Asks a store, and lets somebody on the way change what is told.
pub(crate) fn talk_through(
    store: &dyn Store,
    serving: &Serving,
    ask: Ask,
    mut change: impl FnMut(Message) -> Vec<Message>,
) -> Talk {
    let (mut asker, mut answerer) = (Asker::new(ask, 0), Answerer::new(0));
    let (mut told, mut handed_on, mut frames, mut end) = (Vec::new(), Vec::new(), Vec::new(), None);
    while end.is_none() {
        while let Some(frame) = asker.poll_frame(0) {
            answerer.handle(&frame, 0);
        }
        while let Some(effect) = answerer.poll() {
            if let AnswererEffect::Read(query) = effect {
                let snapshot = store.snapshot().unwrap();
                answerer.answer(answer_ask(&*snapshot, serving, &query).unwrap(), 0);
            }
        }
        let Some(frame) = answerer.poll_frame(0) else { break };
        for message in change(Message::decode(&frame).unwrap()) {
            frames.push(message.clone());
            let _ = asker.handle(&message.encode(), 0);
            while let Some(effect) = asker.poll() {
                match effect {
                    AskerEffect::Told(index, it) => {
                        assert_eq!(index, told.len(), "items come in order");
                        told.push(it);
                    }
                    AskerEffect::Ingest(entries) => {
                        asker.ingested(&vec![Verdict::Stored; entries.len()], 0);
                        handed_on.extend(entries);
                    }
                    AskerEffect::Finished(it) => end = Some(it),
                    _ => {}
                }
            }
        }
    }
    let end = end.unwrap_or(End::CompareAgain);
    Talk { told, handed_on, end, frames }
}

pub(crate) fn talk(store: &dyn Store, items: Vec<AskItem>) -> Talk {
    let ask = Ask { payloads_optional: false, items };
    talk_through(store, &Serving::ALL, ask, |message| vec![message])
}

/// Asks for one part and verifies it.
pub(crate) fn ask(
    store: &dyn Store,
    asked: PartAsk,
    payloads: Payloads,
) -> Result<Examined, PartError> {
    let items = vec![ask_item(&asked)];
    let payloads_optional = payloads == Payloads::MayLack;
    let ask = Ask { payloads_optional, items };
    let talk = talk_through(store, &Serving::ALL, ask, |message| vec![message]);
    assert_eq!(talk.end, End::Complete);
    let [told] = <[Told; 1]>::try_from(talk.told).unwrap();
    examine_told(asked, payloads, told)
}

/// A note by three people: the first one wrote much, the others each on top of the one before.
pub(crate) struct Note {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) schema: SchemaId,
    pub(crate) id: DocumentId,
    pub(crate) ada: Author,
    /// By Ada: 40 titles. Then by Bob one, and by Cleo a body.
    pub(crate) line: Vec<Signed>,
    pub(crate) bob: Signed,
    pub(crate) cleo: Signed,
}

impl Note {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let [mut ada, mut bob, mut cleo] = [1, 2, 3].map(Author::new);
        let definition = ada.define(
            "note",
            &[("body", FieldType::Str), ("stars", FieldType::Int), ("title", FieldType::Str)],
        );
        bring(&*store, &definition.signed);
        let schema = definition.schema;
        let stars = pandan_operations::RawValue::Int(3);
        let values = [("body", text("b")), ("stars", stars), ("title", text("0"))];
        let mut line = vec![ada.create(&schema, fields(values))];
        let id = line[0].document();
        for number in 1..40 {
            let title = fields([("title", text(&number.to_string()))]);
            let view = line.last().unwrap().view();
            line.push(ada.update(id, &schema, &view, title));
        }
        let view = line.last().unwrap().view();
        let bob = bob.update(id, &schema, &view, fields([("title", text("bob"))]));
        let cleo = cleo.update(id, &schema, &bob.view(), fields([("body", text("cleo"))]));
        bring(&*store, &line);
        bring(&*store, &[bob.clone(), cleo.clone()]);
        Self { store, schema, id, ada, line, bob, cleo }
    }
}

/// Applies a change to the entries of an answer.
pub(crate) fn change_entries(
    message: Message,
    change: impl FnOnce(&mut Vec<Received>),
) -> Vec<Message> {
    match message {
        Message::Part(PartMessage {
            item,
            content: pandan_replication::PartContent::Entries(mut entries),
        }) => {
            change(&mut entries);
            let content = pandan_replication::PartContent::Entries(entries);
            vec![Message::Part(PartMessage { item, content })]
        }
        other => vec![other],
    }
}
