//! Well-formed messages of every kind, about what others have said and about nothing, whenever it
//! pleases.

use pandan_bamboo::{Entry, Fingerprint, Hash, LogId, Salt, SaltedState, SeqNum};
use pandan_operations::{FieldName, OperationId, SchemaId, SystemSchema};
use pandan_replication::{
    Amount, Announcement, Ask, AskItem, Author, Bound, Content, DocumentHeads, Interest, KeyRange,
    LogKey, LogName, Message, PartContent, PartMessage, RangeItem, Ranges, Received, Refusal,
    RefusalCode, Request, TheirHead, Tip, WantDocuments,
};

use super::writer::Writer;
use crate::Random;

/// Makes messages up.
pub(super) struct Talker<'t> {
    pub(super) random: &'t mut Random,
    pub(super) writer: &'t mut Writer,
    /// Entries that somebody has sent.
    pub(super) heard: &'t [Received],
}

impl Talker<'_> {
    /// Some message.
    pub(super) fn message(&mut self) -> Message {
        self.try_message().unwrap_or(Message::Done)
    }

    /// None when there is nothing to tell of that kind.
    fn try_message(&mut self) -> Option<Message> {
        Some(match self.random.below(18) {
            0 => Message::Request(self.request()),
            1 => Message::Ranges(self.ranges()),
            2 => Message::Want(vec![(self.log(), self.place())]),
            3 => Message::Entries(self.entries()?),
            4 => Message::Offer(Amount { entries: self.random.number(), bytes: 1 }),
            5 => Message::Probe(self.log(), self.place()),
            6 => Message::Probed(self.entries()?.pop().map(|received| received.entry)),
            7 => Message::Proof(Box::new(self.writer.fork(self.random)?)),
            8 => Message::Done,
            9 => Message::Have(self.heads()),
            10 => Message::Prune,
            11 => {
                let code = RefusalCode(self.random.below(10) as u64);
                Message::Refuse(Refusal::new(code, "no reason"))
            }
            12 => Message::WantDocuments(WantDocuments {
                ids: self.operations(),
                after: self.random.chance(30).then(|| self.log()),
            }),
            13 => {
                let heads = self.heads();
                Message::DocumentHeads(DocumentHeads { heads, more: self.random.chance(50) })
            }
            14 => Message::Changed(self.operations()),
            15 => Message::Announce(announcement(self.random)),
            16 => Message::Ask(self.ask()),
            _ => Message::Part(self.part()?),
        })
    }

    fn request(&mut self) -> Request {
        let schemas: Vec<SchemaId> = match self.random.chance(70) {
            true => SystemSchema::ALL.map(SchemaId::from).to_vec(),
            false => unknown_schemas(self.random),
        };
        Request {
            salt: Salt::from_bytes(std::array::from_fn(|_| self.byte())),
            live: self.random.chance(50),
            payloads_optional: self.random.chance(50),
            schemas: schemas.into(),
            ranges: self.ranges(),
        }
    }

    /// Ranges between logs, some of them left out.
    fn ranges(&mut self) -> Ranges {
        let mut keys: Vec<_> = (0..self.random.below(4)).map(|_| self.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        let (mut ranges, mut start) = (Ranges::default(), LogKey::MIN);
        let ends = keys.into_iter().map(Bound::Key).chain([Bound::End]);
        for end in ends {
            if let Some(range) = KeyRange::new(start, end)
                && self.random.chance(80)
            {
                let content = match self.random.chance(50) {
                    true => Content::Fingerprint(Fingerprint::from_bytes(self.short())),
                    false => Content::Heads(self.heads_within(&range)),
                };
                ranges.push(RangeItem { range, content }).expect("they ascend");
            }
            let Bound::Key(key) = end else { break };
            start = key;
        }
        ranges
    }

    fn heads_within(&mut self, range: &KeyRange) -> Vec<TheirHead> {
        let mut heads = self.heads();
        let schema = range.start().schema;
        heads.retain(|head| range.contains(&LogKey { schema, log: head.log }));
        heads
    }

    /// Heads of some logs, in order.
    fn heads(&mut self) -> Vec<TheirHead> {
        let count = 1 + self.random.below(20);
        let mut heads: Vec<_> = (0..count).map(|_| self.head()).collect();
        heads.sort_unstable_by_key(|head| head.log);
        heads.dedup_by_key(|head| head.log);
        heads
    }

    fn head(&mut self) -> TheirHead {
        let state = SaltedState::from_bytes(self.short());
        TheirHead { log: self.log(), tip: Tip::Line(self.place()), state }
    }

    fn key(&mut self) -> LogKey {
        let schema = u16::try_from(self.random.below(4)).expect("it is small");
        LogKey { schema, log: self.log() }
    }

    /// A log of which an entry was heard, or any.
    fn log(&mut self) -> LogName {
        let received = (!self.heard.is_empty() && self.random.chance(70))
            .then(|| self.random.pick(self.heard));
        let log = received.and_then(|received| {
            let claims = *Entry::decode(&received.entry).ok()?.claims();
            let author = Author::from_bytes(*claims.public_key_bytes());
            Some(LogName { author, log_id: claims.log_id() })
        });
        log.unwrap_or_else(|| LogName {
            author: Author::from_bytes([self.byte(); 32]),
            log_id: LogId::new(self.random.below(9) as u64),
        })
    }

    fn place(&mut self) -> SeqNum {
        SeqNum::new(1 + self.random.below(6) as u64).expect("it is not zero")
    }

    /// Entries that were heard, and some of its own.
    fn entries(&mut self) -> Option<Vec<Received>> {
        let mut entries = match self.heard.is_empty() {
            true => Vec::new(),
            false => self.random.some(self.heard, 5),
        };
        let heard = self.heard.first();
        entries.extend(self.writer.write(self.random, heard));
        if self.random.chance(20) {
            entries.iter_mut().for_each(|received| received.payload = None);
        }
        (!entries.is_empty()).then_some(entries)
    }

    /// Operations, in order.
    fn operations(&mut self) -> Vec<OperationId> {
        let heard = self.heard.iter().take(3).map(|received| Hash::of(&received.entry));
        let unknown = Hash::of(&self.random.number().to_le_bytes());
        let mut ids: Vec<_> = heard.chain([unknown]).map(OperationId::from_hash).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn ask(&mut self) -> Ask {
        let item = match self.random.below(5) {
            0 => AskItem::Document(self.operations()[0].into()),
            1 => AskItem::Newest { log: self.log(), count: 1 + self.random.below(1_000) as u64 },
            2 => AskItem::Payloads { log: self.log(), places: vec![self.place()] },
            3 => AskItem::Whole(self.operations()[0].into()),
            _ => AskItem::WholeOf(self.log()),
        };
        Ask { payloads_optional: self.random.chance(50), items: vec![item] }
    }

    fn part(&mut self) -> Option<PartMessage> {
        let content = match self.random.below(5) {
            0 => PartContent::Nothing,
            1 => PartContent::Entries(self.entries()?),
            2 => {
                let name = FieldName::parse("name").expect("the name is good");
                let id = self.operations()[0];
                PartContent::State { view: id.into(), fields: vec![(name, id)] }
            }
            3 => PartContent::Proof(Box::new(self.writer.fork(self.random)?)),
            _ => PartContent::TooMuch,
        };
        Some(PartMessage { item: self.random.below(3), content })
    }

    fn short<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn byte(&mut self) -> u8 {
        self.random.number().to_le_bytes()[0]
    }
}

/// An announcement of other versions, of other interests, or of schemas that are nowhere.
pub(super) fn announcement(random: &mut Random) -> Announcement {
    let versions = match random.below(4) {
        0 => vec![1],
        1 => vec![1, 2, 3],
        _ => vec![2],
    };
    let (interest, hints) = match random.below(3) {
        0 => (Interest::All, unknown_schemas(random)),
        1 => (Interest::Schemas(unknown_schemas(random)), Vec::new()),
        _ => (Interest::Schemas(vec![SystemSchema::SchemaDefinition.into()]), Vec::new()),
    };
    Announcement { versions, interest, hints }
}

fn unknown_schemas(random: &mut Random) -> Vec<SchemaId> {
    let count = 1 + random.below(50);
    let schema = |_| {
        let id = OperationId::from_hash(Hash::of(&random.number().to_le_bytes()));
        SchemaId::application("nothing".parse().expect("the name is good"), id.into())
    };
    let mut schemas: Vec<_> = (0..count).map(schema).collect();
    schemas.sort_unstable();
    schemas.dedup();
    schemas
}
