//! What an open session does with messages, answers and verdicts.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use pandan_bamboo::{ForkProof, SeqNum};

use crate::limits::{MAX_RANGES_MESSAGES, MAX_REPEATS};
use crate::session::fault::Fault;
use crate::session::live::Push;
use crate::session::open::{Open, Turn};
use crate::session::outbox::{IngestId, Outbox, Purpose};
use crate::session::receiving::{Arrived, Verdict};
use crate::session::scope::Scope;
use crate::{Answer, Head, LogName, Message, Query, Ranges, Received, TheirHead};

type Result<T> = core::result::Result<T, Fault>;

impl Open {
    pub(super) fn handle(&mut self, message: Message, out: &mut Outbox) -> Result<()> {
        if self.is_declined() {
            return Ok(());
        }
        match message {
            Message::Ranges(ranges) => self.ranges(ranges, out),
            Message::Want(wants) => self.wanted(wants),
            Message::WantDocuments(wanted) => self.documents_wanted(wanted),
            Message::DocumentHeads(found) => self.document_heads(found, out),
            Message::Changed(ids) => self.documents_changed(ids, out),
            Message::Entries(entries) => self.entries(entries, out),
            Message::Offer(amount) => {
                let expected = &mut out.status.expected_entries;
                *expected = expected.saturating_add(amount.entries);
                Ok(())
            }
            Message::Probe(log, seq_num) => {
                out.ask(Purpose::Probed, Query::Entry { log, seq_num });
                Ok(())
            }
            Message::Probed(entry) => {
                let proof = self.hunts.probed(entry.as_deref(), out)?;
                self.forked(proof, out);
                Ok(())
            }
            Message::Proof(proof) => {
                self.live.told(&proof);
                self.related.beside.proved(&proof);
                self.receiving.keep(proof, out);
                Ok(())
            }
            Message::Done => self.other_is_done(),
            Message::Have(heads) => self.have(&heads, out),
            Message::Prune => self.news_only("Prune").map(|()| self.live.push = Push::Lazy),
            Message::Request(_) => Err(unexpected("messages of a session", "Request")),
            Message::Announce(_) => Err(unexpected("messages of a session", "Announce")),
            Message::Ask(_) | Message::Part(_) => {
                Err(unexpected("messages of a session", "a message about parts"))
            }
            // Handled by the session, since it ends there.
            Message::Refuse(_) => Ok(()),
        }
    }

    /// News that were asked for and declined may be on their way.
    fn is_declined(&self) -> bool {
        self.is_done() && self.asked_live && !self.terms.is_live
    }

    fn ranges(&mut self, ranges: Ranges, out: &mut Outbox) -> Result<()> {
        if !matches!(self.turn, Turn::Theirs) {
            return Err(unexpected("silence while it is our turn", "Ranges"));
        }
        self.counts.ranges = self.counts.ranges.saturating_add(1);
        if self.counts.ranges > MAX_RANGES_MESSAGES {
            return Err(Fault::TooManyRanges { max: MAX_RANGES_MESSAGES });
        }
        if ranges.is_empty() {
            self.turn = Turn::Over;
            return Ok(());
        }
        self.respond(ranges, out)
    }

    fn wanted(&mut self, wants: Vec<(LogName, SeqNum)>) -> Result<()> {
        if !self.may_want() {
            return Err(unexpected("no more wishes after comparing", "Want"));
        }
        // Who asks for what it only heard of wants entries again.
        if self.is_live() && !self.related.has_told(&wants) {
            self.live.push = Push::Eager;
        }
        self.sending.want(wants)
    }

    fn entries(&mut self, entries: Vec<Received>, out: &mut Outbox) -> Result<()> {
        if self.done.received && !self.is_live() {
            return Err(unexpected("no more entries after Done", "Entries"));
        }
        let (is_news, payloads_optional) = (self.is_live(), self.terms.payloads_optional);
        let scope = Scope { schemas: &self.terms.schemas, beside: &self.related.beside };
        let (receiving, live) = (&mut self.receiving, &mut self.live);
        let passed = receiving.take(entries, payloads_optional, is_news, scope, live, out)?;
        passed.iter().for_each(|log| self.related.give_up(log));
        Ok(())
    }

    fn other_is_done(&mut self) -> Result<()> {
        if !matches!(self.turn, Turn::Over) {
            return Err(unexpected("Ranges before Done", "Done"));
        }
        if self.done.received {
            return Err(unexpected("Done once", "Done"));
        }
        self.done.received = true;
        self.begin_live();
        Ok(())
    }

    fn have(&mut self, heads: &[TheirHead], out: &mut Outbox) -> Result<()> {
        self.news_only("Have")?;
        let mut news = BTreeMap::new();
        for head in heads {
            let Some(latest) = head.tip.latest() else { continue };
            self.live.remember(head.log, latest);
            news.insert(head.log, latest);
        }
        if !news.is_empty() {
            let logs = news.keys().copied().collect();
            out.ask(Purpose::News(news), Query::HeadsOf { logs });
        }
        Ok(())
    }

    pub(super) fn news_only(&self, found: &'static str) -> Result<()> {
        if self.is_live() { Ok(()) } else { Err(unexpected("no news before Done", found)) }
    }

    pub(super) fn answer(
        &mut self,
        purpose: Purpose,
        answer: Answer,
        now: u64,
        out: &mut Outbox,
    ) -> Result<()> {
        if answer == Answer::Unavailable {
            return Err(Fault::Unavailable);
        }
        match (purpose, answer) {
            (Purpose::Compare, answer) => {
                let turn = core::mem::replace(&mut self.turn, Turn::Theirs);
                let Turn::Working(comparing) = turn else { return Err(Fault::Misuse) };
                self.progress(comparing.answer(answer), out)
            }
            (Purpose::Page, Answer::Page(page)) => {
                let optional = self.terms.payloads_optional;
                for (log, seq_num) in self.sending.page(page, optional, out) {
                    self.live.remember(log, seq_num);
                }
                Ok(())
            }
            (Purpose::HuntOwn, Answer::Entry(entry)) => {
                let proof = self.hunts.own(entry, out);
                self.forked(proof, out);
                Ok(())
            }
            (Purpose::Probed, Answer::Entry(entry)) => {
                let bytes = entry.map(|entry| entry.as_bytes().to_vec());
                out.send_answer(&Message::Probed(bytes))
            }
            (Purpose::Documents, Answer::DocumentHeads(found)) => self.documents_found(found, out),
            (Purpose::Related(theirs), Answer::Heads(own)) => {
                self.compare_related(&theirs, &own, out);
                Ok(())
            }
            (Purpose::News(news), Answer::Heads(heads)) => {
                for (log, seq_num, _) in lacking(news, &heads) {
                    self.live.expect(log, seq_num, now);
                }
                Ok(())
            }
            (Purpose::Graft(news), Answer::Heads(heads)) => {
                let from = |(log, _, from)| (log, from);
                let wants: Vec<_> = lacking(news, &heads).map(from).collect();
                if !wants.is_empty() {
                    self.live.push = Push::Eager;
                }
                self.want(wants, out);
                Ok(())
            }
            _ => Err(Fault::Misuse),
        }
    }

    pub(super) fn ingested(
        &mut self,
        id: IngestId,
        verdicts: &[Verdict],
        now: u64,
        out: &mut Outbox,
    ) -> Result<()> {
        let Some(places) = self.receiving.finish(id) else { return Ok(()) };
        if places.len() != verdicts.len() {
            return Err(Fault::Misuse);
        }
        for (place, verdict) in places.into_iter().zip(verdicts) {
            self.judged(place, verdict, now, out)?;
        }
        Ok(())
    }

    fn judged(
        &mut self,
        arrived: Arrived,
        verdict: &Verdict,
        now: u64,
        out: &mut Outbox,
    ) -> Result<()> {
        out.judged(&arrived, verdict);
        let Arrived { log, seq_num, is_news, is_repeat, .. } = arrived;
        let is_news = is_news && !self.related.is_coming(&log);
        self.related.arrived(&log, seq_num);
        match verdict {
            Verdict::Stored => self.live.arrived(&log, seq_num),
            Verdict::Known | Verdict::KnownVoid => {
                self.repeated(is_repeat && *verdict == Verdict::Known)?;
                if is_news && self.live.push == Push::Eager {
                    self.live.push = Push::Lazy;
                    out.send(&Message::Prune);
                }
            }
            Verdict::Waiting if is_news => self.live.expect(log, seq_num, now),
            Verdict::Waiting => {}
            Verdict::Refused => {
                self.related.give_up(&log);
                self.receiving.refuse(log)?;
            }
            Verdict::Fork(proof) => out.send_answer(&Message::Proof(proof.clone()))?,
            Verdict::Detached => {
                if let Some(before) = seq_num.previous() {
                    self.hunts.add(log, before, out);
                }
            }
        }
        Ok(())
    }

    fn repeated(&mut self, is_repeat: bool) -> Result<()> {
        self.counts.repeats = self.counts.repeats.saturating_add(u64::from(is_repeat));
        if self.counts.repeats > MAX_REPEATS {
            return Err(Fault::TooManyRepeats { max: MAX_REPEATS });
        }
        Ok(())
    }

    /// A proof was found here: the store and the other side get it.
    fn forked(&mut self, proof: Option<Box<ForkProof>>, out: &mut Outbox) {
        let Some(proof) = proof else { return };
        out.status.forks = out.status.forks.saturating_add(1);
        self.receiving.keep(proof.clone(), out);
        out.send(&Message::Proof(proof));
    }
}

/// The news that we lack, each with the first entry that is missing.
fn lacking(
    news: BTreeMap<LogName, SeqNum>,
    heads: &[Head],
) -> impl Iterator<Item = (LogName, SeqNum, SeqNum)> {
    news.into_iter().filter_map(|(log, seq_num)| {
        let own = heads.binary_search_by_key(&log, |head| head.key.log).ok();
        let own = own.and_then(|index| heads.get(index));
        let next = own.map_or(Some(SeqNum::FIRST), |own| own.tip.next())?;
        (next <= seq_num).then_some((log, seq_num, next))
    })
}

const fn unexpected(expected: &'static str, found: &'static str) -> Fault {
    Fault::Unexpected { expected, found }
}
