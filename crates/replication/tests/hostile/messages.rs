//! What hostile sides say to an honest session.

use pandan_bamboo::{Fingerprint, ForkProof, LogId, SaltedState, SeqNum};
use pandan_replication::{Author, Content, LogName, Message, Ranges, Request, TheirHead, Tip};

use crate::common::lone::{Lone, SALT, all};
use crate::common::model::{Model, author};
use crate::common::schemas;

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
pub(crate) fn live_lone() -> Lone {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&live_request(all(Content::Heads(Vec::new())))).unwrap();
    lone.try_say(&Message::Done).unwrap();
    assert_eq!(lone.said.last(), Some(&Message::Done));
    lone
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
