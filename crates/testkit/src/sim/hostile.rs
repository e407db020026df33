//! Hostile nodes: they do what all nodes do, so that they get deep into sessions, but what they
//! send is not what it should be.

mod nonsense;
mod writer;

use std::collections::{BTreeMap, VecDeque};

use pandan_bamboo::{EntryHash, Fingerprint, Hash, SHORT_LENGTH, SaltedState, SeqNum, varu64};
use pandan_identity::PublicKey;
use pandan_replication::{Content, Message, RangeItem, Ranges, Received, StreamId, TheirHead, Tip};

use crate::Random;
use nonsense::Talker;
use writer::Writer;

/// Some way to break the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Random bytes instead of a message, or in it.
    Noise,
    /// Messages out of their order, twice, or not at all.
    Disorder,
    /// Messages that others have sent.
    Replay,
    /// Wrong fingerprints, and heads that do not exist.
    Lies,
    /// Entries left out.
    Withhold,
    /// Entries and payloads that were changed.
    Forge,
    /// The same message many times.
    Flood,
    /// Forks are kept secret.
    HideForks,
    /// Messages of any kind at any time.
    Nonsense,
    /// Entries of its own, well signed, that break other rules.
    Write,
    /// Nothing for a long time.
    Silence,
    /// What comes on some streams is never read.
    Deafness,
    /// Announcements that lie.
    Boast,
}

const HABITS: [Habit; 13] = [
    Habit::Noise,
    Habit::Disorder,
    Habit::Replay,
    Habit::Lies,
    Habit::Withhold,
    Habit::Forge,
    Habit::Flood,
    Habit::HideForks,
    Habit::Nonsense,
    Habit::Write,
    Habit::Silence,
    Habit::Deafness,
    Habit::Boast,
];

/// The type of the message with a proof.
const PROOF: u8 = 0x08;

/// How often a message is repeated in a flood.
const FLOOD: usize = 40;

/// How many streams are opened in a flood.
const FLOOD_OF_STREAMS: usize = 150;

/// How long it takes until a hostile node says something that its sessions would not, at most.
const PRANK_MS: usize = 2_000;

/// For how many frames nothing is said, at most.
const SILENCE: usize = 200;

/// Changes frames before they are sent.
#[derive(Debug)]
pub(super) struct Mangler {
    habits: Vec<Habit>,
    /// How many of a hundred frames are changed.
    percent: usize,
    random: Random,
    /// A frame that comes later.
    kept: Option<Vec<u8>>,
    /// How many frames are left out yet.
    silence: usize,
    writer: Writer,
    /// When it says something of its own accord; never when it has stopped.
    prank_at: Option<u64>,
}

impl Mangler {
    pub(super) fn new(mut random: Random) -> Self {
        let habits = random.some(&HABITS, 5);
        let percent = *random.pick(&[2, 10, 40]);
        let writer = Writer::new(&mut random);
        Self { habits, percent, random, kept: None, silence: 0, writer, prank_at: Some(0) }
    }

    /// Signs nothing more, and says no more than its sessions do, in its own way.
    pub(super) const fn calm_down(&mut self) {
        self.writer.stop();
        self.prank_at = None;
    }

    /// What it says of its own accord, and when it does so again, if it is time for that.
    pub(super) fn prank(
        &mut self,
        now: u64,
        others: &VecDeque<Vec<u8>>,
    ) -> Option<(Vec<Vec<u8>>, u64)> {
        self.prank_at.filter(|at| *at <= now)?;
        let next = now + 1 + self.random.below(PRANK_MS) as u64;
        self.prank_at = Some(next);
        let frames = match *self.random.pick(&self.habits) {
            Habit::Noise => vec![self.noise(vec![0; 40])],
            Habit::Replay => {
                others.get(self.random.below(others.len())).cloned().into_iter().collect()
            }
            Habit::Flood => vec![self.talk(others); FLOOD],
            Habit::Nonsense => vec![self.talk(others)],
            Habit::Write => self.write(Message::Done.encode(), others).split_off(1),
            _ => Vec::new(),
        };
        Some((frames, next))
    }

    /// Who signs its entries.
    pub(super) fn author(&self) -> PublicKey {
        self.writer.author().public_key()
    }

    /// The entries that it has signed, with their payloads.
    pub(super) const fn signed(&self) -> &BTreeMap<EntryHash, Vec<u8>> {
        self.writer.signed()
    }

    /// Whether a stream is never read.
    pub(super) fn ignores(&self, id: StreamId) -> bool {
        self.habits.contains(&Habit::Deafness) && Random::new(id.0).chance(30)
    }

    /// What is announced instead of a frame.
    pub(super) fn announce(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        if !self.habits.contains(&Habit::Boast) {
            return vec![frame];
        }
        match self.random.below(6) {
            0 => Vec::new(),
            1 => vec![self.noise(frame)],
            2 => vec![frame; FLOOD],
            3 => {
                let lies = (0..FLOOD).map(|_| nonsense::announcement(&mut self.random));
                lies.map(|lie| Message::Announce(lie).encode()).collect()
            }
            4 => {
                let lie = Message::Announce(nonsense::announcement(&mut self.random)).encode();
                vec![frame, lie]
            }
            _ => vec![frame],
        }
    }

    /// First frames of more streams than the one that is opened.
    pub(super) fn more_streams(&mut self, others: &VecDeque<Vec<u8>>) -> Vec<Vec<u8>> {
        if !self.habits.contains(&Habit::Flood) || !self.random.chance(20) {
            return Vec::new();
        }
        let count = self.random.below(FLOOD_OF_STREAMS);
        (0..count).map(|_| self.talk(others)).collect()
    }

    pub(super) fn habits(&self) -> &[Habit] {
        &self.habits
    }

    /// What is sent instead of a frame.
    pub(super) fn mangle(&mut self, frame: Vec<u8>, others: &VecDeque<Vec<u8>>) -> Vec<Vec<u8>> {
        if self.silence > 0 {
            self.silence -= 1;
            return Vec::new();
        }
        if !self.random.chance(self.percent) {
            return [Some(frame), self.kept.take()].into_iter().flatten().collect();
        }
        match *self.random.pick(&self.habits) {
            Habit::Noise => vec![self.noise(frame)],
            Habit::Disorder => self.disorder(frame),
            Habit::Replay => match others.get(self.random.below(others.len())) {
                Some(other) => vec![other.clone(), frame],
                None => vec![frame],
            },
            Habit::Flood => vec![frame; FLOOD],
            Habit::Nonsense => vec![self.talk(others), frame],
            Habit::Write => self.write(frame, others),
            Habit::Silence => {
                self.silence = self.random.below(SILENCE);
                Vec::new()
            }
            habit => match Message::decode(&frame) {
                Ok(message) => {
                    let changed = self.change(habit, message);
                    changed.map(|message| message.encode()).into_iter().collect()
                }
                Err(_) => vec![frame],
            },
        }
    }

    fn noise(&mut self, mut frame: Vec<u8>) -> Vec<u8> {
        if self.random.chance(30) {
            let length = self.random.below(300);
            return (0..length).map(|_| self.random.number().to_le_bytes()[0]).collect();
        }
        for _ in 0..=self.random.below(4) {
            flip(&mut self.random, &mut frame);
        }
        frame.truncate(frame.len() - usize::from(self.random.chance(20)).min(frame.len()));
        frame
    }

    /// Some message.
    fn talk(&mut self, others: &VecDeque<Vec<u8>>) -> Vec<u8> {
        let heard = self.heard(others);
        if let Some(received) = heard.first().filter(|_| self.random.chance(10)) {
            return forged_proof(&mut self.random, &received.entry);
        }
        let Self { random, writer, .. } = self;
        Talker { random, writer, heard: &heard }.message().encode()
    }

    /// Entries of a frame that somebody has sent.
    fn heard(&mut self, others: &VecDeque<Vec<u8>>) -> Vec<Received> {
        let entries = others.iter().filter_map(|frame| match Message::decode(frame) {
            Ok(Message::Entries(entries)) => Some(entries),
            _ => None,
        });
        let mut entries: Vec<_> = entries.collect();
        match entries.len() {
            0 => Vec::new(),
            count => entries.swap_remove(self.random.below(count)),
        }
    }

    /// Adds entries of its own to those of a frame, or sends them at another time.
    fn write(&mut self, frame: Vec<u8>, others: &VecDeque<Vec<u8>>) -> Vec<Vec<u8>> {
        let heard = self.heard(others);
        let count = 1 + self.random.below(8);
        let own = (0..count).map(|_| self.writer.write(&mut self.random, heard.first()));
        let mut own: Vec<_> = own.flatten().collect();
        if own.is_empty() {
            return vec![frame];
        }
        match Message::decode(&frame) {
            Ok(Message::Entries(mut entries)) => {
                entries.append(&mut own);
                vec![Message::Entries(entries).encode()]
            }
            _ => vec![frame, Message::Entries(own).encode()],
        }
    }

    fn disorder(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        match self.random.below(3) {
            0 => vec![frame.clone(), frame],
            1 => Vec::new(),
            _ => self.kept.replace(frame).into_iter().collect(),
        }
    }

    /// None when the message is not sent at all.
    fn change(&mut self, habit: Habit, message: Message) -> Option<Message> {
        Some(match (habit, message) {
            (Habit::HideForks, Message::Proof(_)) => return None,
            (Habit::Lies, Message::Ranges(ranges)) => Message::Ranges(self.lie(&ranges)),
            (Habit::Lies, Message::Request(mut request)) => {
                request.ranges = self.lie(&request.ranges);
                Message::Request(request)
            }
            (Habit::Lies, Message::Have(heads)) => {
                Message::Have(heads.into_iter().map(|head| self.lie_about(head)).collect())
            }
            (Habit::Withhold, Message::Entries(mut entries)) => {
                entries.retain(|_| self.random.chance(50));
                if entries.is_empty() {
                    return None;
                }
                Message::Entries(entries)
            }
            (Habit::Forge, Message::Entries(mut entries)) => {
                entries.iter_mut().for_each(|entry| self.forge(entry));
                Message::Entries(entries)
            }
            (Habit::Forge, Message::Probed(Some(mut entry))) => {
                flip(&mut self.random, &mut entry);
                Message::Probed(Some(entry))
            }
            (_, message) => message,
        })
    }

    fn lie(&mut self, ranges: &Ranges) -> Ranges {
        let mut lies = Ranges::default();
        for item in ranges.items() {
            let content = match &item.content {
                Content::Fingerprint(_) if self.random.chance(50) => {
                    Content::Fingerprint(Fingerprint::from_bytes(self.bytes()))
                }
                Content::Heads(heads) => {
                    let mut heads = heads.clone();
                    heads.retain(|_| self.random.chance(90));
                    Content::Heads(heads.into_iter().map(|head| self.lie_about(head)).collect())
                }
                content => content.clone(),
            };
            let item = RangeItem { range: item.range, content };
            lies.push(item).expect("the ranges stay as they are");
        }
        lies
    }

    fn lie_about(&mut self, mut head: TheirHead) -> TheirHead {
        if self.random.chance(50) {
            let far = 1 + self.random.below(1_000) as u64;
            let place = SeqNum::new(far).expect("it is not zero");
            (head.tip, head.state) = (Tip::Line(place), SaltedState::from_bytes(self.bytes()));
        }
        head
    }

    fn forge(&mut self, received: &mut Received) {
        let Received { entry, payload } = received;
        let bytes = match (payload, self.random.chance(50)) {
            (Some(payload), true) => payload,
            _ => entry,
        };
        flip(&mut self.random, bytes);
    }

    fn bytes(&mut self) -> [u8; SHORT_LENGTH] {
        std::array::from_fn(|_| self.random.number().to_le_bytes()[0])
    }
}

/// Changes a bit.
fn flip(random: &mut Random, bytes: &mut [u8]) {
    let place = random.below(bytes.len());
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << random.below(8);
    }
}

/// What would be the proof of a fork if both entries were signed.
fn forged_proof(random: &mut Random, entry: &[u8]) -> Vec<u8> {
    let mut forged = entry.to_vec();
    flip(random, &mut forged);
    let mut entries = [entry, &forged];
    entries.sort_unstable_by_key(|entry| Hash::of(entry));
    let parts = entries.map(|entry| {
        let length = varu64::encode(entry.len() as u64);
        [length.as_bytes(), entry].concat()
    });
    [&[PROOF][..], &parts.concat()].concat()
}
