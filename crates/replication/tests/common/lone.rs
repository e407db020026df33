//! One session with its store; what the other side says comes from a test.

use pandan_bamboo::{LogId, NextArgs, Salt};
use pandan_identity::KeyPair;
use pandan_operations::{Fields, Operation, RawValue, SchemaId};
use pandan_replication::{
    Acceptance, Busy, Content, Effect, End, Fault, Interest, KeyRange, Message, RangeItem, Ranges,
    Received, Request, Session,
};

use super::model::Model;

pub const SALT: Salt = Salt::from_bytes([3; 16]);

pub struct Lone {
    pub session: Session,
    pub model: Model,
    pub end: Option<End>,
    pub said: Vec<Message>,
    /// The schemas of entries that were passed over.
    pub unasked: Vec<SchemaId>,
    /// Whether the other side takes what is sent to it.
    pub is_heard: bool,
    /// Whether the store answers.
    pub answers: bool,
    /// Whether the store is quick with proofs, and how many wait.
    pub keeps: bool,
    pub waiting_proofs: usize,
}

impl Lone {
    pub fn new(session: Session, model: Model) -> Self {
        let mut lone = Self {
            session,
            model,
            end: None,
            said: Vec::new(),
            unasked: Vec::new(),
            is_heard: true,
            answers: true,
            keeps: true,
            waiting_proofs: 0,
        };
        lone.play();
        lone
    }

    /// The other side has opened a stream and said nothing.
    pub fn accepting(model: Model) -> Self {
        let acceptance = Acceptance { interest: Interest::All, is_live: true };
        Self::new(Session::accept(acceptance, 0), model)
    }

    /// It was asked for a session about these schemas.
    pub fn asked(model: Model, schemas: &[SchemaId], live: bool, content: Content) -> Self {
        let mut lone = Self::accepting(model);
        lone.say(&Message::Request(Request {
            salt: SALT,
            live,
            payloads_optional: false,
            schemas: schemas.into(),
            ranges: all(content),
        }));
        lone
    }

    /// It is live; the other side has nothing.
    pub fn live(model: Model, schemas: &[SchemaId]) -> Self {
        let mut lone = Self::asked(model, schemas, true, Content::Heads(Vec::new()));
        lone.say(&Message::Done);
        assert_eq!(lone.said.last(), Some(&Message::Done));
        lone.said.clear();
        lone
    }

    pub fn say(&mut self, message: &Message) {
        self.try_say(message).unwrap();
    }

    pub fn try_say(&mut self, message: &Message) -> Result<(), Busy> {
        self.try_say_frame(&message.encode())
    }

    pub fn try_say_frame(&mut self, frame: &[u8]) -> Result<(), Busy> {
        self.session.handle(frame, 0)?;
        self.play();
        Ok(())
    }

    pub fn play(&mut self) {
        loop {
            while self.answers
                && let Some(effect) = self.session.poll()
            {
                self.effect(effect);
            }
            match self.is_heard.then(|| self.session.poll_frame(0)).flatten() {
                Some(frame) => self.said.push(Message::decode(&frame).unwrap()),
                None => return,
            }
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Read(id, query) => {
                let answer = self.model.answer(self.session.schemas(), &query);
                self.session.answer(id, answer, 0);
            }
            Effect::Ingest(id, entries) => {
                let verdicts: Vec<_> = entries.iter().map(|it| self.model.ingest(it)).collect();
                self.session.ingested(id, &verdicts, 0);
            }
            Effect::Proof(proof) => {
                self.model.freeze(&proof);
                match self.keeps {
                    true => self.session.kept(0),
                    false => self.waiting_proofs += 1,
                }
            }
            Effect::Unasked(schema) => self.unasked.push(schema),
            Effect::Finished(end) => assert_eq!(self.end.replace(end), None, "it ends once"),
            _ => {}
        }
    }

    pub fn fault(&self) -> &Fault {
        match &self.end {
            Some(End::Failed(fault)) => fault,
            other => panic!("expected a fault, found {other:?}"),
        }
    }

    /// It ended with a fault, said so, and put it on the account of the other side.
    pub fn blames(&self) -> &Fault {
        let fault = self.fault();
        assert_eq!(self.session.status().points, fault.points());
        assert!(fault.points() > 0);
        if self.is_heard {
            assert!(matches!(self.said.last(), Some(Message::Refuse(_))), "{:?}", self.said.last());
        }
        fault
    }
}

/// All that there is, as one range.
pub fn all(content: Content) -> Ranges {
    let mut ranges = Ranges::default();
    ranges.push(RangeItem { range: KeyRange::ALL, content }).unwrap();
    ranges
}

/// An entry with an operation that creates a document of a schema.
pub fn created(author: &KeyPair, log_id: u64, schema: SchemaId) -> Received {
    let fields = Fields::from_pairs([("name", RawValue::Str("a document".into()))]).unwrap();
    let payload = Operation::Create { schema, fields }.encode();
    let entry = NextArgs::first(LogId::new(log_id)).forge(author, &payload);
    Received { entry: entry.as_bytes().to_vec(), payload: Some(payload) }
}
