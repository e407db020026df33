//! Ranges of keys and what one side says of each.
//!
//! ```text
//! ranges      count, then of each: end bound · kind · content
//! bound       00                                      behind everything
//!             01 · schema · length, prefix of author  log id 0; the rest of the author is zeros
//!             02 · log id                             schema and author as in the bound before
//!             03 · schema · author (32) · log id
//! kind        00 skip   01 fingerprint (8)   02 heads
//! heads       count, then of each: flags · author unless as before · log id
//!             · sequence number · fork if frozen · state (8)
//! flags       bit 0: the author of the head before   bit 1: frozen
//! ```
//!
//! Ranges follow each other from the lowest key. What comes behind the last one is skipped. All
//! heads of a range are of the schema in which it begins; a range may go on beyond that schema
//! where its sender has nothing.

use alloc::vec::Vec;

use pandan_bamboo::{Fingerprint, LogId, SaltedState, SeqNum};
use thiserror::Error;

use crate::limits::{MAX_HEADS, MAX_RANGES, MAX_SCHEMAS};
use crate::message::{author, unknown};
use crate::reader::{Field, MessageProblem, Reader, Result, Writer};
use crate::{Author, Bound, FrozenTip, KeyRange, LogKey, LogName, TheirHead, Tip};

const SKIP: u8 = 0;
const FINGERPRINT: u8 = 1;
const HEADS: u8 = 2;

const BOUND_END: u8 = 0;
const BOUND_PREFIX: u8 = 1;
const BOUND_LOG_ID: u8 = 2;
const BOUND_FULL: u8 = 3;

const SAME_AUTHOR: u8 = 1;
const FROZEN: u8 = 2;

/// Ranges in order, none in another. Keys in no range are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<RangeItem>);

/// What one side says of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeItem {
    /// The range.
    pub range: KeyRange,
    /// What there is.
    pub content: Content,
}

/// The logs of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In eight bytes.
    Fingerprint(Fingerprint),
    /// All of them, in order.
    Heads(Vec<TheirHead>),
}

/// A range that begins before those in front of it end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a range that begins where the others end, or behind")]
pub struct OutOfOrder;

impl Ranges {
    /// Adds a range behind the others.
    pub fn push(&mut self, item: RangeItem) -> core::result::Result<(), OutOfOrder> {
        if self.end() > Bound::Key(item.range.start()) {
            return Err(OutOfOrder);
        }
        self.0.push(item);
        Ok(())
    }

    /// The ranges.
    #[must_use]
    pub fn items(&self) -> &[RangeItem] {
        &self.0
    }

    /// Whether everything is skipped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_items(self) -> Vec<RangeItem> {
        self.0
    }

    /// Whether all bounds are in one of so many schemas.
    pub(crate) fn are_within(&self, schemas: usize) -> bool {
        let is_known = |key: LogKey| usize::from(key.schema) < schemas;
        self.0.iter().all(|item| {
            is_known(item.range.start())
                && match item.range.end() {
                    Bound::Key(key) => is_known(key),
                    Bound::End => true,
                }
        })
    }

    fn end(&self) -> Bound {
        self.0.last().map_or(Bound::Key(LogKey::MIN), |last| last.range.end())
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let max = u64::try_from(MAX_RANGES).unwrap_or(u64::MAX);
        let count = reader.number_within(Field::Count, 0, max)?;
        let mut ranges = Self::default();
        let (mut start, mut heads_left, mut skipped) = (Some(LogKey::MIN), MAX_HEADS, false);
        for _ in 0..count {
            let offset = reader.offset();
            let range = decode_range(reader, start)?;
            let content = decode_content(reader, &range, &mut heads_left)?;
            if skipped && content.is_none() {
                return Err(MessageProblem::NotCanonical.at(Field::Range, offset));
            }
            skipped = content.is_none();
            ranges.0.extend(content.map(|content| RangeItem { range, content }));
            start = match range.end() {
                Bound::Key(key) => Some(key),
                Bound::End => None,
            };
        }
        if skipped {
            return Err(MessageProblem::NotCanonical.at(Field::Range, reader.offset()));
        }
        Ok(ranges)
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        let mut body = Writer::default();
        let (mut count, mut start) = (0_usize, LogKey::MIN);
        for RangeItem { range, content } in &self.0 {
            if range.start() != start {
                count = count.saturating_add(1);
                encode_bound(Bound::Key(range.start()), start, &mut body);
                body.raw(&[SKIP]);
            }
            count = count.saturating_add(1);
            encode_bound(range.end(), range.start(), &mut body);
            encode_content(content, &mut body);
            start = match range.end() {
                Bound::Key(key) => key,
                Bound::End => break,
            };
        }
        writer.count(count);
        writer.raw(&body.0);
    }
}

fn decode_range(reader: &mut Reader<'_>, start: Option<LogKey>) -> Result<KeyRange> {
    let offset = reader.offset();
    let start = start.ok_or(MessageProblem::Order.at(Field::Range, offset))?;
    let end = decode_bound(reader, start)?;
    KeyRange::new(start, end).ok_or(MessageProblem::Order.at(Field::Range, offset))
}

fn decode_bound(reader: &mut Reader<'_>, before: LogKey) -> Result<Bound> {
    let offset = reader.offset();
    let tag = reader.byte(Field::Tag)?;
    let key = match tag {
        BOUND_END => return Ok(Bound::End),
        BOUND_PREFIX => LogKey {
            schema: schema(reader)?,
            log: LogName { author: prefix(reader)?, log_id: LogId::new(0) },
        },
        BOUND_LOG_ID => {
            let log_id = LogId::new(reader.number(Field::LogId)?);
            LogKey { log: LogName { log_id, ..before.log }, ..before }
        }
        BOUND_FULL => {
            let schema = schema(reader)?;
            let author = author(reader)?;
            let log_id = LogId::new(reader.number(Field::LogId)?);
            LogKey { schema, log: LogName { author, log_id } }
        }
        found => return Err(unknown(Field::Tag, found, offset)),
    };
    if bound_tag(key, before) != tag {
        return Err(MessageProblem::NotCanonical.at(Field::Range, offset));
    }
    Ok(Bound::Key(key))
}

/// The shortest form of a bound, which is the only one.
fn bound_tag(key: LogKey, before: LogKey) -> u8 {
    if key.log.log_id.number() == 0 {
        BOUND_PREFIX
    } else if (key.schema, key.log.author) == (before.schema, before.log.author) {
        BOUND_LOG_ID
    } else {
        BOUND_FULL
    }
}

fn encode_bound(bound: Bound, before: LogKey, writer: &mut Writer) {
    let Bound::Key(key) = bound else { return writer.raw(&[BOUND_END]) };
    let tag = bound_tag(key, before);
    writer.raw(&[tag]);
    match tag {
        BOUND_PREFIX => {
            writer.number(key.schema.into());
            let author = key.log.author.as_bytes();
            let zeros = author.iter().rev().take_while(|byte| **byte == 0).count();
            let length = author.len().saturating_sub(zeros);
            writer.bytes(author.get(..length).unwrap_or(author));
        }
        BOUND_LOG_ID => writer.number(key.log.log_id.number()),
        _ => {
            writer.number(key.schema.into());
            writer.raw(key.log.author.as_bytes());
            writer.number(key.log.log_id.number());
        }
    }
}

fn schema(reader: &mut Reader<'_>) -> Result<u16> {
    let max = u64::try_from(MAX_SCHEMAS).unwrap_or(u64::MAX).saturating_sub(1);
    let index = reader.number_within(Field::Schema, 0, max)?;
    Ok(u16::try_from(index).unwrap_or(u16::MAX))
}

fn prefix(reader: &mut Reader<'_>) -> Result<Author> {
    let mut author = [0; 32];
    let offset = reader.offset();
    let prefix = reader.bytes(Field::Prefix, 0, author.len())?;
    if prefix.last() == Some(&0) {
        return Err(MessageProblem::NotCanonical.at(Field::Prefix, offset));
    }
    author.iter_mut().zip(prefix).for_each(|(to, byte)| *to = *byte);
    Ok(Author::from_bytes(author))
}

/// Nothing for a range that is skipped.
fn decode_content(
    reader: &mut Reader<'_>,
    range: &KeyRange,
    heads_left: &mut usize,
) -> Result<Option<Content>> {
    let offset = reader.offset();
    Ok(match reader.byte(Field::Range)? {
        SKIP => None,
        FINGERPRINT => {
            let bytes = reader.array(Field::Fingerprint)?;
            Some(Content::Fingerprint(Fingerprint::from_bytes(bytes)))
        }
        HEADS => {
            let offset = reader.offset();
            let heads = decode_heads(reader, 0, *heads_left)?;
            *heads_left = heads_left.saturating_sub(heads.len());
            let schema = range.start().schema;
            let is_inside = |head: &TheirHead| range.contains(&LogKey { schema, log: head.log });
            if !heads.iter().all(is_inside) {
                return Err(MessageProblem::Order.at(Field::Range, offset));
            }
            Some(Content::Heads(heads))
        }
        found => return Err(unknown(Field::Range, found, offset)),
    })
}

fn encode_content(content: &Content, writer: &mut Writer) {
    match content {
        Content::Fingerprint(fingerprint) => {
            writer.raw(&[FINGERPRINT]);
            writer.raw(fingerprint.as_bytes());
        }
        Content::Heads(heads) => {
            writer.raw(&[HEADS]);
            encode_heads(heads, writer);
        }
    }
}

/// Heads in order.
pub(super) fn decode_heads(
    reader: &mut Reader<'_>,
    min: usize,
    max: usize,
) -> Result<Vec<TheirHead>> {
    reader.list(min, max, |reader, before: &[TheirHead]| {
        let offset = reader.offset();
        let last = before.last().map(|head| head.log);
        let head = decode_head(reader, last)?;
        if last.is_some_and(|last| last >= head.log) {
            return Err(MessageProblem::Order.at(Field::Author, offset));
        }
        Ok(head)
    })
}

fn decode_head(reader: &mut Reader<'_>, before: Option<LogName>) -> Result<TheirHead> {
    let offset = reader.offset();
    let flags = reader.byte(Field::Flags)?;
    if flags & !(SAME_AUTHOR | FROZEN) != 0 {
        return Err(unknown(Field::Flags, flags, offset));
    }
    let last = before.map(|log| log.author);
    let not_canonical = MessageProblem::NotCanonical.at(Field::Flags, offset);
    let author = if flags & SAME_AUTHOR != 0 {
        last.ok_or(not_canonical)?
    } else {
        Some(author(reader)?).filter(|author| Some(*author) != last).ok_or(not_canonical)?
    };
    let log = LogName { author, log_id: LogId::new(reader.number(Field::LogId)?) };
    let tip = match flags & FROZEN {
        0 => Tip::Line(reader.seq_num()?),
        _ => frozen_tip(reader)?,
    };
    let state = SaltedState::from_bytes(reader.array(Field::State)?);
    Ok(TheirHead { log, tip, state })
}

/// The latest entry, 0 for none, and the fork, which is above it.
fn frozen_tip(reader: &mut Reader<'_>) -> Result<Tip> {
    let latest = SeqNum::new(reader.number(Field::SeqNum)?);
    let offset = reader.offset();
    let fork = reader.seq_num()?;
    let tip = FrozenTip::new(latest, fork).ok_or(MessageProblem::Order.at(Field::Fork, offset))?;
    Ok(Tip::Frozen(tip))
}

pub(super) fn encode_heads(heads: &[TheirHead], writer: &mut Writer) {
    let mut last = None;
    writer.list(heads, |writer, head| {
        let same = if last == Some(head.log.author) { SAME_AUTHOR } else { 0 };
        let fork = head.tip.fork();
        let frozen = if fork.is_some() { FROZEN } else { 0 };
        writer.raw(&[same | frozen]);
        if same == 0 {
            writer.raw(head.log.author.as_bytes());
        }
        last = Some(head.log.author);
        writer.number(head.log.log_id.number());
        writer.number(head.tip.latest().map_or(0, SeqNum::number));
        if let Some(fork) = fork {
            writer.number(fork.number());
        }
        writer.raw(head.state.as_bytes());
    });
}
