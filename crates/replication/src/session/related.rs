//! Documents of whatever schema, asked for by their ids in live sessions (RE15).
//!
//! ```text
//! who asks                                   who is asked
//!     │ WantDocuments                            │
//!     ├─────────────────────────────────────────▶│ remembers the ids
//!     │                            DocumentHeads │
//!     │◀─────────────────────────────────────────┤
//!     │ Want: what is lacking                    │
//!     ├─────────────────────────────────────────▶│
//!     │                                Entries … │
//!     │◀─────────────────────────────────────────┤
//!     │                                  Changed │   later
//!     │◀─────────────────────────────────────────┤
//! ```
//!
//! One question is open at a time. Who is asked answers when not much waits to be sent, so who asks
//! never has more to come than a limited number of logs.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pandan_bamboo::SeqNum;
use pandan_operations::OperationId;

use crate::limits::{MAX_DOCUMENTS, MAX_HEADS, MAX_WATCHED, PAUSE_PENDING, QUEUE_BYTES_HIGH};
use crate::session::comparing::Found;
use crate::session::fault::Fault;
use crate::session::live::Commit;
use crate::session::open::Open;
use crate::session::outbox::{Effect, Outbox, Purpose};
use crate::session::recent::Recent;
use crate::session::scope::Beside;
use crate::session::settling::settle_any;
use crate::{
    DocumentHeads, FoundHeads, Head, Interest, LogName, Message, Query, TheirHead, WantDocuments,
};

#[derive(Debug, Default)]
pub(crate) struct Related {
    /// What the other side was asked.
    question: Option<Question>,
    /// Entries of related documents that are to come, up to the latest of each log.
    coming: BTreeMap<LogName, SeqNum>,
    /// What was asked for here.
    asked: Watched,
    /// What may come of it.
    pub(super) beside: Beside,
    /// What the other side asks, while much waits to be sent.
    open: Option<WantDocuments>,
    /// Whether the answer to the other side is being looked for.
    is_answering: bool,
    /// Logs that the other side was told of; it may ask for them.
    told: BTreeSet<LogName>,
    /// What the other side has asked for.
    watched: Watched,
    /// What has changed of it.
    changed: BTreeSet<OperationId>,
}

/// A question to the other side.
#[derive(Debug)]
struct Question {
    ids: Vec<OperationId>,
    /// The last log of which the other side told.
    after: Option<LogName>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// To be sent when less is to come.
    Waiting,
    Sent,
    /// The answer has come, and is compared with what is here.
    Comparing,
}

impl Related {
    /// Whether the other side was asked for something that has not come.
    pub(super) fn is_busy(&self) -> bool {
        self.question.is_some() || !self.coming.is_empty()
    }

    /// Whether an entry comes since its document was asked for.
    pub(super) fn is_coming(&self, log: &LogName) -> bool {
        self.coming.contains_key(log)
    }

    /// An entry has come, from whomever.
    pub(super) fn arrived(&mut self, log: &LogName, seq_num: SeqNum) {
        if self.coming.get(log).is_some_and(|latest| *latest <= seq_num) {
            self.coming.remove(log);
        }
    }

    /// Nothing more of a log is taken.
    pub(super) fn give_up(&mut self, log: &LogName) {
        self.coming.remove(log);
    }

    /// Whether the other side was just told of all these logs as those of related documents.
    pub(super) fn has_told(&self, wants: &[(LogName, SeqNum)]) -> bool {
        wants.iter().all(|(log, _)| self.told.contains(log))
    }

    /// Notes that documents which the other side has asked for are changed.
    pub(super) fn commit(&mut self, commit: &Commit) {
        let ids = [commit.document.into(), commit.operation];
        let watched = ids.into_iter().filter(|id| self.watched.contains(id));
        self.changed.extend(watched);
    }
}

impl Open {
    /// Asks the other side for documents. Gives `false` while it cannot be asked.
    pub(super) fn want_documents(&mut self, ids: Vec<OperationId>, schemas: &Interest) -> bool {
        if !self.is_live() || self.related.question.is_some() || ids.is_empty() {
            return false;
        }
        self.related.beside.ask(schemas);
        ids.iter().for_each(|id| self.related.asked.insert(*id, ()));
        self.related.question = Some(Question { ids, after: None, stage: Stage::Waiting });
        true
    }

    /// The other side asks for documents.
    pub(super) fn documents_wanted(&mut self, wanted: WantDocuments) -> Result<(), Fault> {
        self.news_only("WantDocuments")?;
        if self.related.open.is_some() || self.related.is_answering {
            let expected = "one question about documents at a time";
            return Err(Fault::Unexpected { expected, found: "WantDocuments" });
        }
        // From now on, so that nothing is missed that is stored after the answer was read.
        wanted.ids.iter().for_each(|id| self.related.watched.insert(*id, ()));
        self.related.open = Some(wanted);
        Ok(())
    }

    /// Tells the other side what was found.
    pub(super) fn documents_found(
        &mut self,
        FoundHeads { heads, headless, more }: FoundHeads,
        out: &mut Outbox,
    ) -> Result<(), Fault> {
        self.related.is_answering = false;
        // Proofs of forks come without being asked for, and there may be as many as there are forks.
        let headless = headless.into_iter().map(|log| (log, SeqNum::FIRST)).collect();
        self.sending.push(headless, Vec::new());
        self.related.told = heads.iter().map(|head| head.key.log).collect();
        let heads = heads.iter().map(|head| head.salted(&self.salt)).collect();
        out.send_answer(&Message::DocumentHeads(DocumentHeads { heads, more }))
    }

    /// The other side tells of documents that it was asked for.
    pub(super) fn document_heads(
        &mut self,
        found: DocumentHeads,
        out: &mut Outbox,
    ) -> Result<(), Fault> {
        let question = self.related.question.as_mut();
        let Some(question) = question.filter(|question| question.stage == Stage::Sent) else {
            let expected = "no answer about documents";
            return Err(Fault::Unexpected { expected, found: "DocumentHeads" });
        };
        // What is told goes on where the answer before was cut off.
        if found.heads.first().is_some_and(|first| Some(first.log) <= question.after) {
            let expected = "heads behind those that were told";
            return Err(Fault::Unexpected { expected, found: "others" });
        }
        question.stage = Stage::Comparing;
        let logs = found.heads.iter().map(|head| head.log).collect();
        out.ask(Purpose::Related(found), Query::AnyHeads { logs });
        Ok(())
    }

    /// Compares what the other side has of related documents with what is here, and asks for what
    /// is lacking.
    pub(super) fn compare_related(
        &mut self,
        DocumentHeads { heads, more }: &DocumentHeads,
        own: &[Head],
        out: &mut Outbox,
    ) {
        let mut found = Found::default();
        settle_any(&self.salt, heads, own, &mut found);
        // Who lacks something asks for it, too.
        let Found { mut wants, hunts, .. } = found;
        wants.retain(|(log, _)| !self.receiving.is_refused(log));
        let frozen = heads.iter().filter(|head| head.tip.fork().is_some());
        frozen.for_each(|head| self.related.beside.is_frozen(head.log));
        for (log, from) in &wants {
            self.related.beside.want(*log);
            let latest = heads.binary_search_by_key(log, |head| head.log).ok();
            let latest = latest.and_then(|index| heads.get(index)?.tip.latest());
            if let Some(latest) = latest.filter(|latest| from <= latest) {
                self.related.coming.insert(*log, latest);
            }
        }
        self.want(wants, out);
        for (log, seq_num) in hunts {
            self.hunts.add(log, seq_num, out);
        }
        let last: Option<&TheirHead> = heads.last().filter(|_| *more);
        self.related.question = match (self.related.question.take(), last) {
            (Some(question), Some(last)) => {
                Some(Question { after: Some(last.log), stage: Stage::Waiting, ..question })
            }
            _ => None,
        };
    }

    /// Documents have changed on the other side.
    pub(super) fn documents_changed(
        &mut self,
        mut ids: Vec<OperationId>,
        out: &mut Outbox,
    ) -> Result<(), Fault> {
        self.news_only("Changed")?;
        ids.retain(|id| self.related.asked.contains(id));
        if !ids.is_empty() {
            out.effect(Effect::Changed(ids));
        }
        Ok(())
    }

    /// Asks, answers and tells what can be now.
    pub(super) fn drive_related(&mut self, out: &mut Outbox) {
        if !self.is_live() {
            return;
        }
        if let Some(question) = &mut self.related.question
            && question.stage == Stage::Waiting
            && self.related.coming.len() <= PAUSE_PENDING
        {
            question.stage = Stage::Sent;
            let (ids, after) = (question.ids.clone(), question.after);
            out.send(&Message::WantDocuments(WantDocuments { ids, after }));
        }
        if !self.sending.is_crowded()
            && let Some(WantDocuments { ids, after }) = self.related.open.take()
        {
            self.related.is_answering = true;
            out.ask(Purpose::Documents, Query::DocumentHeads { ids, after, limit: MAX_HEADS });
        }
        while out.queued_bytes() < QUEUE_BYTES_HIGH && !self.related.changed.is_empty() {
            let mut ids = core::mem::take(&mut self.related.changed);
            let rest = ids.iter().nth(MAX_DOCUMENTS).copied();
            if let Some(rest) = rest {
                self.related.changed = ids.split_off(&rest);
            }
            out.send(&Message::Changed(ids.into_iter().collect()));
        }
    }
}

/// Documents that were asked for last.
type Watched = Recent<MAX_WATCHED, OperationId, ()>;
