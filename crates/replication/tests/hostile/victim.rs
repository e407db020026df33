//! An honest session with its store, and what hostile sides say to it.

use pandan_bamboo::{Fingerprint, ForkProof, LogId, Salt, SaltedState, SeqNum};
use pandan_replication::{
    Acceptance, Author, Busy, Content, Effect, End, Fault, Interest, KeyRange, LogName, Message,
    RangeItem, Ranges, Request, Session, TheirHead, Tip,
};

use crate::common::model::{Model, author};
use crate::common::schemas;

pub(crate) const SALT: Salt = Salt::from_bytes([3; 16]);

/// An honest session, and its store.
pub(crate) struct Victim {
    pub(crate) session: Session,
    pub(crate) model: Model,
    pub(crate) end: Option<End>,
    pub(crate) said: Vec<Message>,
    /// Whether it reads what is sent to the hostile side, which may not want it.
    pub(crate) reads: bool,
    /// Whether its store is quick with proofs, and how many wait.
    pub(crate) keeps: bool,
    pub(crate) waiting_proofs: usize,
}

impl Victim {
    pub(crate) fn accepting(model: Model) -> Self {
        let acceptance = Acceptance { interest: Interest::All, is_live: true };
        Self::new(Session::accept(acceptance, 0), model)
    }

    pub(crate) fn new(session: Session, model: Model) -> Self {
        let mut victim = Self {
            session,
            model,
            end: None,
            said: Vec::new(),
            reads: true,
            keeps: true,
            waiting_proofs: 0,
        };
        victim.play();
        victim
    }

    /// Says something to it.
    pub(crate) fn hear(&mut self, message: &Message) -> Result<(), Busy> {
        self.hear_frame(&message.encode())
    }

    pub(crate) fn hear_frame(&mut self, frame: &[u8]) -> Result<(), Busy> {
        self.session.handle(frame, 0)?;
        self.play();
        Ok(())
    }

    pub(crate) fn play(&mut self) {
        loop {
            while let Some(effect) = self.session.poll() {
                self.effect(effect);
            }
            match self.reads.then(|| self.session.poll_frame(0)).flatten() {
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
                let verdicts: Vec<_> =
                    entries.iter().map(|entry| self.model.ingest(entry)).collect();
                self.session.ingested(id, &verdicts, 0);
            }
            Effect::Finished(end) => {
                assert_eq!(self.end.replace(end), None, "it ends once");
            }
            Effect::Proof(proof) => {
                self.model.freeze(&proof);
                match self.keeps {
                    true => self.session.kept(0),
                    false => self.waiting_proofs += 1,
                }
            }
            _ => {}
        }
    }

    pub(crate) fn fault(&self) -> &Fault {
        match &self.end {
            Some(End::Failed(fault)) => fault,
            other => panic!("expected a fault, found {other:?}"),
        }
    }

    /// It ended with a fault, said so, and put it on the account of the other side.
    pub(crate) fn blames(&self) -> &Fault {
        let fault = self.fault();
        assert_eq!(self.session.status().points, fault.points());
        assert!(fault.points() > 0);
        if self.reads {
            assert!(matches!(self.said.last(), Some(Message::Refuse(_))), "{:?}", self.said.last());
        }
        fault
    }
}

pub(crate) fn all(content: Content) -> Ranges {
    let mut ranges = Ranges::default();
    ranges.push(RangeItem { range: KeyRange::ALL, content }).unwrap();
    ranges
}

pub(crate) fn fingerprint(byte: u8) -> Ranges {
    all(Content::Fingerprint(Fingerprint::from_bytes([byte; 8])))
}

pub(crate) fn request(ranges: Ranges) -> Message {
    let schemas = schemas().into();
    Message::Request(Request { salt: SALT, live: false, payloads_optional: false, schemas, ranges })
}

pub(crate) fn live_request(ranges: Ranges) -> Message {
    let Message::Request(request) = request(ranges) else { unreachable!() };
    Message::Request(Request { live: true, ..request })
}

pub(crate) fn model(logs: u64) -> Model {
    let mut model = Model::new(&schemas());
    for log in 0..logs {
        model.write(&author(1), log, 0, "text");
    }
    model
}

/// A session that is live, as the responder and with nothing stored.
pub(crate) fn live_victim() -> Victim {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&live_request(all(Content::Heads(Vec::new())))).unwrap();
    victim.hear(&Message::Done).unwrap();
    assert_eq!(victim.said.last(), Some(&Message::Done));
    victim
}

pub(crate) fn names(count: usize) -> impl Iterator<Item = LogName> {
    (0..count).map(|number| LogName {
        author: Author::MIN,
        log_id: LogId::new(u64::try_from(number).unwrap()),
    })
}

pub(crate) fn invented_heads(count: usize) -> Vec<TheirHead> {
    let state = SaltedState::from_bytes([0; 8]);
    names(count).map(|log| TheirHead { log, tip: Tip::Line(SeqNum::FIRST), state }).collect()
}

pub(crate) fn proof(log: u64) -> Message {
    let entry = |text| Model::new(&schemas()).write(&author(1), log, 0, text).entry;
    let [one, other] = ["one", "other"].map(entry);
    let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic());
    Message::Proof(Box::new(proof.unwrap()))
}
