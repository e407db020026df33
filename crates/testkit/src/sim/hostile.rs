//! Hostile nodes: they do what all nodes do, so that they get deep into sessions, but what they
//! send is not what it should be.

use std::collections::VecDeque;

use pandan_bamboo::{Fingerprint, SHORT_LENGTH, SaltedState, SeqNum};
use pandan_replication::{Content, Message, RangeItem, Ranges, Received, TheirHead, Tip};

use crate::Random;

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
}

const HABITS: [Habit; 8] = [
    Habit::Noise,
    Habit::Disorder,
    Habit::Replay,
    Habit::Lies,
    Habit::Withhold,
    Habit::Forge,
    Habit::Flood,
    Habit::HideForks,
];

/// How often a message is repeated in a flood.
const FLOOD: usize = 40;

/// Changes frames before they are sent.
#[derive(Debug)]
pub(super) struct Mangler {
    habits: Vec<Habit>,
    /// How many of a hundred frames are changed.
    percent: usize,
    random: Random,
    /// A frame that comes later.
    kept: Option<Vec<u8>>,
}

impl Mangler {
    pub(super) fn new(mut random: Random) -> Self {
        let habits = random.some(&HABITS, 3);
        let percent = *random.pick(&[2, 10, 40]);
        Self { habits, percent, random, kept: None }
    }

    pub(super) fn habits(&self) -> &[Habit] {
        &self.habits
    }

    /// What is sent instead of a frame.
    pub(super) fn mangle(&mut self, frame: Vec<u8>, others: &VecDeque<Vec<u8>>) -> Vec<Vec<u8>> {
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
            let place = self.random.below(frame.len());
            if let Some(byte) = frame.get_mut(place) {
                *byte ^= 1 << self.random.below(8);
            }
        }
        frame.truncate(frame.len() - usize::from(self.random.chance(20)).min(frame.len()));
        frame
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
        let place = self.random.below(bytes.len());
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << self.random.below(8);
        }
    }

    fn bytes(&mut self) -> [u8; SHORT_LENGTH] {
        std::array::from_fn(|_| self.random.number().to_le_bytes()[0])
    }
}
