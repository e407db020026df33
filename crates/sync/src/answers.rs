//! What a session of replication asks, answered from one snapshot of a store.

use pandan_bamboo::{Fingerprint, HeadsSum, LogId, Salt, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{Operation, OperationId, SchemaId};
use pandan_replication::{
    Amount, Answer, Bound, Cursor, FoundHeads, FrozenTip, Head, HeadList, KeyRange, LogKey,
    LogName, Page, Part, Query, Received, Split, Tip, Wants,
};
use pandan_store::heads::{self, Arrival, Budget, HeadInRange, LogPlace, WantedLog};
use pandan_store::{Snapshot, StoreError, StoredEntry};

use crate::follow::Serving;
use crate::ranges::{Ranges, author, name, place};

/// Answers a question of a session about these schemas, at a node that hands out so much.
pub fn answer(
    snapshot: &dyn Snapshot,
    schemas: &[SchemaId],
    serving: &Serving,
    query: &Query,
) -> Result<Answer, StoreError> {
    let reader = Reader { snapshot, schemas, serving };
    Ok(match query {
        Query::Split { ranges, parts, salt } => Answer::Splits(
            ranges
                .iter()
                .map(|range| reader.split(range, *parts, salt))
                .collect::<Result<_, _>>()?,
        ),
        Query::Heads { ranges } => Answer::Lists(
            ranges
                .iter()
                .map(|(range, most)| reader.list(range, *most))
                .collect::<Result<_, _>>()?,
        ),
        Query::HeadsOf { logs } => {
            let places: Vec<_> = logs.iter().map(place).collect();
            let heads = snapshot.heads_of(&places)?.into_iter().flatten();
            Answer::Heads(
                heads.filter_map(|(schema, head)| reader.head_of(&schema, &head)).collect(),
            )
        }
        Query::Entries { wants, after, budget_bytes, budget_entries } => {
            let budget = Budget { entries: *budget_entries, bytes: *budget_bytes };
            Answer::Page(reader.page(wants, *after, budget)?)
        }
        Query::Entry { log, seq_num } => {
            let entry = match author(log) {
                Some(author) => entry_at(snapshot, &author, log.log_id, *seq_num)?,
                None => None,
            };
            Answer::Entry(entry.map(|found| Box::new(found.entry)))
        }
        Query::DocumentHeads { ids, after, limit } => {
            Answer::DocumentHeads(reader.document_heads(ids, after.as_ref().map(place), *limit)?)
        }
        Query::AnyHeads { logs } => {
            let places: Vec<_> = logs.iter().map(place).collect();
            let heads = snapshot.heads_of(&places)?.into_iter().flatten();
            Answer::Heads(heads.filter_map(|(_, head)| to_head(ANY_SCHEMA, &head)).collect())
        }
    })
}

struct Reader<'a> {
    snapshot: &'a dyn Snapshot,
    /// In order.
    schemas: &'a [SchemaId],
    serving: &'a Serving,
}

/// Stands in keys of which the schema says nothing.
const ANY_SCHEMA: u16 = 0;

impl Reader<'_> {
    fn index(&self, schema: &SchemaId) -> Option<u16> {
        u16::try_from(self.schemas.binary_search(schema).ok()?).ok()
    }

    fn split(
        &self,
        (range, theirs): &(KeyRange, Option<Fingerprint>),
        parts: usize,
        salt: &Salt,
    ) -> Result<Split, StoreError> {
        let ranges = Ranges::of(self.schemas, range);
        if let Some(theirs) = theirs {
            // Most ranges are the same on both sides. For that, the sums that a store keeps are
            // enough; to split a short range it reads all of its heads.
            let (count, fingerprint) = sum(&self.snapshot.split_heads(&ranges.ranges, 1)?, salt);
            if *theirs == fingerprint {
                return Ok(Split { count, fingerprint, parts: Vec::new() });
            }
        }
        let found = self.snapshot.split_heads(&ranges.ranges, parts.max(1))?;
        let (count, fingerprint) = sum(&found, salt);
        if count == 0 {
            return Ok(Split { count, fingerprint, parts: Vec::new() });
        }
        // A part ends where the next one begins, and the last one where the range does.
        let begins = |part: &heads::HeadsPart| ranges.key(part.range, part.from).map(Bound::Key);
        let ends = found.iter().skip(1).filter_map(begins).chain([range.end()]);
        let parts = found.iter().zip(ends);
        let parts = parts.map(|(part, end)| Part { end, fingerprint: part.sum.fingerprint(salt) });
        Ok(Split { count, fingerprint, parts: parts.collect() })
    }

    fn list(&self, range: &KeyRange, most: usize) -> Result<HeadList, StoreError> {
        let ranges = Ranges::of(self.schemas, range);
        let mut heads = self.snapshot.heads(&ranges.ranges, most.saturating_add(1))?;
        let more = heads.len() > most;
        heads.truncate(most);
        let heads = heads
            .iter()
            .filter_map(|HeadInRange { range, head }| to_head(*ranges.schemas.get(*range)?, head));
        Ok(HeadList { heads: heads.collect(), more })
    }

    /// None for a log of another schema.
    fn head_of(&self, schema: &SchemaId, head: &heads::Head) -> Option<Head> {
        to_head(self.index(schema)?, head)
    }

    /// Heads of documents that are handed out, of the logs behind a place.
    fn document_heads(
        &self,
        ids: &[OperationId],
        mut after: Option<LogPlace>,
        limit: usize,
    ) -> Result<FoundHeads, StoreError> {
        let limit = limit.max(1);
        let mut found = FoundHeads::default();
        loop {
            let logs = self.snapshot.document_logs(ids, after.as_ref(), limit)?;
            found.more = logs.len() >= limit;
            after = logs.last().map(|(_, place)| *place);
            let served = logs.into_iter().filter(|(schema, _)| self.serving.covers(schema));
            let served: Vec<_> = served.map(|(_, place)| place).collect();
            for (place, head) in served.iter().zip(self.snapshot.heads_of(&served)?) {
                // Of a log that forks at its first entry there is nothing but the proof.
                let head = head.filter(|(_, head)| head.latest.is_some());
                match head.and_then(|(_, head)| to_head(ANY_SCHEMA, &head)) {
                    Some(head) => found.heads.push(head),
                    None => found.headless.push(name(place)),
                }
            }
            // Who is told that there is more goes on behind the last head.
            if !found.more || !found.heads.is_empty() {
                return Ok(found);
            }
        }
    }

    fn page(
        &self,
        wants: &Wants,
        after: Option<Cursor>,
        budget: Budget,
    ) -> Result<Page, StoreError> {
        let ranges = wants.ranges.iter();
        let wants = heads::Wants {
            logs: wants.logs.iter().filter_map(wanted).collect(),
            ranges: ranges.flat_map(|range| Ranges::of(self.schemas, range).ranges).collect(),
        };
        let after = after.map(|Cursor(number)| Arrival::from_number(number)).unwrap_or_default();
        let found = self.snapshot.wanted_entries(&wants, after, budget)?;
        Ok(Page {
            proofs: found.proofs,
            entries: found
                .entries
                .into_iter()
                .filter(|stored| self.is_ours(stored))
                .map(received)
                .collect(),
            next: found.next.map(|arrival| Cursor(arrival.number())),
            left: Amount { entries: found.left.entries, bytes: found.left.bytes },
        })
    }

    /// Whether an entry belongs to the session or is handed out beside it: whoever asks for a log may
    /// not know its schema, or know it too well.
    fn is_ours(&self, stored: &StoredEntry) -> bool {
        let Some(payload) = &stored.operation else { return true };
        // What is stored is well formed: the rest of the operation need not be looked at.
        let schema = Operation::schema_text(payload).and_then(|text| text.parse().ok());
        schema.is_some_and(|schema| self.index(&schema).is_some() || self.serving.covers(&schema))
    }
}

/// How many heads parts have together, and their fingerprint.
fn sum(parts: &[heads::HeadsPart], salt: &Salt) -> (u64, Fingerprint) {
    let mut sum = HeadsSum::EMPTY;
    parts.iter().for_each(|part| sum.combine(&part.sum));
    (sum.count(), sum.fingerprint(salt))
}

fn wanted((log, from): &(LogName, SeqNum)) -> Option<WantedLog> {
    Some(WantedLog { author: author(log)?, log_id: log.log_id, from: *from })
}

/// The entry at a place of a log, if there is one.
pub(crate) fn entry_at(
    snapshot: &dyn Snapshot,
    author: &PublicKey,
    log_id: LogId,
    seq_num: SeqNum,
) -> Result<Option<StoredEntry>, StoreError> {
    let found = snapshot.log(author, log_id, seq_num, 1)?.pop();
    Ok(found.filter(|found| found.entry.header().seq_num() == seq_num))
}

pub(crate) fn received(stored: StoredEntry) -> Received {
    Received { entry: stored.entry.as_bytes().to_vec(), payload: stored.operation }
}

/// None where it is no head: no entry and no fork.
fn to_head(schema: u16, head: &heads::Head) -> Option<Head> {
    let tip = match head.fork {
        Some(fork) => Tip::Frozen(FrozenTip::new(head.latest, fork)?),
        None => Tip::Line(head.latest?),
    };
    Some(Head { key: LogKey { schema, log: name(&head.place()) }, tip, state: head.state })
}
