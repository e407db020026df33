//! A hostile author, whose signatures are good: what it signs may break every rule but that one.

use std::collections::BTreeMap;

use pandan_bamboo::{EntryHash, ForkProof, Hash, Links, LogId, NextArgs, SeqNum};
use pandan_identity::KeyPair;
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_replication::Received;

use crate::{Author, Random, Signed, fields};

/// Signs entries, good ones and others.
#[derive(Debug)]
pub(super) struct Writer {
    author: Author,
    documents: Vec<Document>,
    /// Two entries for one place, of the forks that it made.
    forks: Vec<ForkProof>,
    /// All that it has signed, with the payloads.
    signed: BTreeMap<EntryHash, Vec<u8>>,
    /// Whether it signs nothing more.
    has_stopped: bool,
}

/// A document of its own.
#[derive(Debug)]
struct Document {
    id: DocumentId,
    latest: OperationId,
}

impl Writer {
    pub(super) fn new(random: &mut Random) -> Self {
        let seed = std::array::from_fn(|_| random.number().to_le_bytes()[0]);
        let author = Author::with_key_pair(KeyPair::from_seed(&seed));
        Self {
            author,
            documents: Vec::new(),
            forks: Vec::new(),
            signed: BTreeMap::new(),
            has_stopped: false,
        }
    }

    /// Signs nothing more, so that nodes can come to agree for good.
    pub(super) const fn stop(&mut self) {
        self.has_stopped = true;
    }

    pub(super) const fn signed(&self) -> &BTreeMap<EntryHash, Vec<u8>> {
        &self.signed
    }

    pub(super) const fn author(&self) -> &Author {
        &self.author
    }

    /// The proof of a fork of its own, new or known; none when it has stopped.
    pub(super) fn fork(&mut self, random: &mut Random) -> Option<ForkProof> {
        if self.has_stopped {
            return None;
        }
        if self.forks.is_empty() || random.chance(30) {
            self.fork_log(random);
        }
        // By chance both sides of the first were the same.
        self.forks.get(random.below(self.forks.len())).copied()
    }

    /// Signs something, unless it has stopped; `heard` is what somebody else has written.
    pub(super) fn write(
        &mut self,
        random: &mut Random,
        heard: Option<&Received>,
    ) -> Option<Received> {
        if self.has_stopped {
            return None;
        }
        let kind = if self.documents.is_empty() { 0 } else { random.below(10) };
        Some(match kind {
            0 => self.begin(random),
            1 => self.change(random),
            2 => self.fork_log(random),
            3 => self.second_log(random),
            4 => self.wrong_links(random),
            5 => self.far_place(random),
            6 => self.unknown_schema(random),
            7 => self.noise(random),
            8 => self.end_of_log(random),
            _ => self.meddle(random, heard),
        })
    }

    fn begin(&mut self, random: &mut Random) -> Received {
        let signed = self.author.create(&piece(), data(random));
        self.documents.push(Document { id: signed.document(), latest: signed.id() });
        self.give(signed)
    }

    fn change(&mut self, random: &mut Random) -> Received {
        let index = random.below(self.documents.len());
        let Document { id, latest } = &mut self.documents[index];
        let signed = self.author.update(*id, &piece(), &(*latest).into(), data(random));
        *latest = signed.id();
        self.give(signed)
    }

    /// Writes a second entry for a place of a log.
    fn fork_log(&mut self, random: &mut Random) -> Received {
        if self.documents.is_empty() {
            self.begin(random);
        }
        let document = random.pick(&self.documents).id;
        let length = random.below(self.author.length_of(document));
        let mut sides = [0; 2].map(|_| self.author.copy_at(document, length));
        let [one, other] = sides.each_mut().map(|side| {
            let previous = DocumentViewId::from(OperationId::from(document));
            match length {
                // Whatever it begins with is a document of its own.
                0 => side.create(&piece(), data(random)),
                _ => side.update(document, &piece(), &previous, data(random)),
            }
        });
        let proof = ForkProof::new(&one.entry.as_authentic(), &other.entry.as_authentic());
        self.forks.extend(proof);
        self.give(one);
        self.give(other)
    }

    /// Writes to a document in another log than before.
    fn second_log(&mut self, random: &mut Random) -> Received {
        let document = random.pick(&self.documents).id;
        let mut copy = self.author.without_log(document);
        let previous = DocumentViewId::from(OperationId::from(document));
        let signed = copy.update(document, &piece(), &previous, data(random));
        self.give(signed)
    }

    /// Links to what is not there, mostly where the next entry belongs.
    fn wrong_links(&mut self, random: &mut Random) -> Received {
        let args = self.author.next_args(random.pick(&self.documents).id);
        let any = SeqNum::new(2 + random.below(8) as u64).expect("it is not zero");
        let (log_id, place) = match args.seq_num() {
            place if place > SeqNum::FIRST && random.chance(70) => (args.log_id(), place),
            _ => (LogId::new(random.below(4) as u64), any),
        };
        let operation = self.update_of(OperationId::from_hash(hash(random)), random);
        self.sign_at(log_id, place, &operation, random)
    }

    /// The place is right, as far as anybody can see who lacks what is before it.
    fn far_place(&mut self, random: &mut Random) -> Received {
        let place = SeqNum::new(1_000 + random.below(1_000_000) as u64).expect("it is not zero");
        let document = random.pick(&self.documents).id;
        let operation = self.update_of(document.into(), random);
        self.sign_at(LogId::new(0), place, &operation, random)
    }

    fn unknown_schema(&mut self, random: &mut Random) -> Received {
        let view = DocumentViewId::from(OperationId::from_hash(hash(random)));
        let schema = SchemaId::application("nothing".parse().expect("the name is good"), view);
        let operation = Operation::Create { schema, fields: data(random) };
        let log_id = LogId::new(1_000 + random.below(50) as u64);
        let signed = self.author.sign(&NextArgs::first(log_id), &operation);
        self.give(signed)
    }

    /// The payload is no operation.
    fn noise(&mut self, random: &mut Random) -> Received {
        let payload = hash(random).encode().to_vec();
        let log_id = LogId::new(2_000 + random.below(50) as u64);
        let entry = NextArgs::first(log_id).forge(self.author.key_pair(), &payload);
        self.give(Signed { entry, payload })
    }

    /// The last entry of its log, after which more may follow.
    fn end_of_log(&mut self, random: &mut Random) -> Received {
        let document = random.pick(&self.documents).id;
        let args = self.author.next_args(document);
        let payload = self.update_of(document.into(), random).encode();
        let entry = args.forge_end_of_log(self.author.key_pair(), &payload);
        self.give(Signed { entry, payload })
    }

    /// Changes or deletes a document of somebody else, or claims that it is of another schema.
    fn meddle(&mut self, random: &mut Random, heard: Option<&Received>) -> Received {
        let theirs = heard.and_then(|heard| {
            let operation = Operation::decode(heard.payload.as_ref()?).ok()?;
            Some((OperationId::from_hash(Hash::of(&heard.entry)), operation))
        });
        let Some((id, operation)) = theirs else { return self.change(random) };
        let (schema, previous) = (operation.schema().clone(), DocumentViewId::from(id));
        let operation = match (random.below(3), operation.fields()) {
            (0, Some(fields)) => Operation::Update { schema, previous, fields: fields.clone() },
            (1, _) => Operation::Update { schema: piece(), previous, fields: data(random) },
            _ => Operation::Delete { schema, previous },
        };
        let log_id = LogId::new(3_000 + random.below(50) as u64);
        let signed = self.author.sign(&NextArgs::first(log_id), &operation);
        self.give(signed)
    }

    fn update_of(&self, previous: OperationId, random: &mut Random) -> Operation {
        Operation::Update { schema: piece(), previous: previous.into(), fields: data(random) }
    }

    fn sign_at(
        &mut self,
        log_id: LogId,
        place: SeqNum,
        operation: &Operation,
        random: &mut Random,
    ) -> Received {
        let mut link = || EntryHash::from_hash(hash(random));
        let (backlink, skiplink) = (Some(link()), place.skiplink().map(|_| link()));
        let links = Links::new(place, backlink, skiplink).expect("both are there");
        let args = NextArgs::new(log_id, place, links).expect("the links fit the place");
        let signed = self.author.sign(&args, operation);
        self.give(signed)
    }

    fn give(&mut self, Signed { entry, payload }: Signed) -> Received {
        self.signed.insert(entry.hash(), payload.clone());
        Received { entry: entry.as_bytes().to_vec(), payload: Some(payload) }
    }
}

fn piece() -> SchemaId {
    SystemSchema::BlobPiece.into()
}

fn data(random: &mut Random) -> Fields {
    fields([("data", RawValue::Bytes(random.number().to_le_bytes().to_vec()))])
}

fn hash(random: &mut Random) -> Hash {
    Hash::of(&random.number().to_le_bytes())
}
