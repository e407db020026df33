//! Who asks for more than it takes.

use pandan_bamboo::{LogId, SeqNum};
use pandan_replication::limits::{MAX_PENDING_WANTS, MAX_QUEUE_BYTES, MAX_READS, MAX_WANTS};
use pandan_replication::{Busy, Effect, Fault, LogName, Message};

use crate::common::model::{author, log_name};
use crate::victim::{Victim, fingerprint, model, names, request};

#[test]
fn wishes_are_limited() {
    let mut victim = Victim::accepting(model(60));
    // It does not read what the victim sends, so nothing is served.
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.reads = false;
    let rounds = MAX_PENDING_WANTS / MAX_WANTS + 2;
    for round in 0..rounds {
        let log = |name: LogName| LogName {
            log_id: LogId::new(name.log_id.number() + (round * MAX_WANTS) as u64),
            ..name
        };
        let wants = names(MAX_WANTS).map(|name| (log(name), SeqNum::FIRST)).collect();
        let message = Message::Want(wants).encode();
        // Not played: the store is slow.
        let _ = victim.session.handle(&message, 0);
    }
    victim.play();
    assert_eq!(victim.blames(), &Fault::TooManyWants { max: MAX_PENDING_WANTS });
}

#[test]
fn who_asks_and_does_not_read_is_refused() {
    let mut victim = Victim::accepting(model(60));
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.reads = false;
    let probe = Message::Probe(log_name(&author(1), 0), SeqNum::FIRST);
    let length = Message::Probed(Some(model(1).entries[0].received().entry)).encode().len();
    for _ in 0..MAX_QUEUE_BYTES / length + 2 {
        if victim.end.is_some() {
            break;
        }
        // The model is slow with many entries; one answer is as good as another.
        victim.session.handle(&probe.encode(), 0).unwrap();
        let Some(Effect::Read(id, _)) = victim.session.poll() else { break };
        let entry = Box::new(victim.model.entries[0].entry);
        victim.session.answer(id, pandan_replication::Answer::Entry(Some(entry)), 0);
    }
    victim.play();
    assert_eq!(victim.blames(), &Fault::NotReading { max: MAX_QUEUE_BYTES });
}

#[test]
fn so_many_reads_at_a_time_and_no_more() {
    let mut victim = Victim::accepting(model(60));
    victim.hear(&request(fingerprint(1))).unwrap();
    let probe = Message::Probe(log_name(&author(1), 0), SeqNum::FIRST).encode();
    for _ in 0..MAX_READS {
        assert!(victim.session.wants_input());
        victim.session.handle(&probe, 0).unwrap();
    }
    assert_eq!(victim.session.handle(&probe, 0), Err(Busy));
    victim.play();
    assert!(victim.session.wants_input());
}
