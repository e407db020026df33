//! Proofs of forks, and answers to those who look for them.

use pandan_bamboo::{LogId, NextArgs, SaltedState, SeqNum};
use pandan_replication::limits::{IDLE_TIMEOUT_MS, MAX_PROOFS};
use pandan_replication::{Busy, Content, Message, TheirHead, Tip};

use crate::common::model::{Model, author, log_name};
use crate::common::schemas;
use crate::victim::{Victim, all, fingerprint, model, proof, request};

/// An honest peer may know of many forks; a hostile one gets no further than the store does.
#[test]
fn proofs_come_no_faster_than_the_store_takes_them() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    victim.keeps = false;
    for log in 0..MAX_PROOFS {
        assert!(victim.session.wants_input(), "proof {log}");
        victim.hear(&proof(log as u64)).unwrap();
    }
    assert_eq!(victim.hear(&proof(0)), Err(Busy));
    assert_eq!((victim.waiting_proofs, &victim.end), (MAX_PROOFS, &None));
    // The store works, so the silence is nobody's fault.
    victim.session.timeout(IDLE_TIMEOUT_MS);
    assert_eq!(victim.session.poll(), None);
    victim.session.kept(IDLE_TIMEOUT_MS);
    assert_eq!(victim.hear(&proof(MAX_PROOFS as u64)), Ok(()));
    assert_eq!(victim.hear(&proof(0)), Err(Busy));
}

#[test]
fn any_number_of_proofs_is_taken() {
    let mut victim = Victim::accepting(model(0));
    victim.hear(&request(fingerprint(1))).unwrap();
    for log in 0..20 * MAX_PROOFS {
        victim.hear(&proof(log as u64)).unwrap();
    }
    assert_eq!((victim.model.forks.len(), &victim.end), (20 * MAX_PROOFS, &None));
    assert_eq!(victim.session.status().points, 0);
}

/// Claims another state for a log that the victim has, so that it looks for a fork.
fn probing() -> Victim {
    let mut victim = Victim::accepting(model(1));
    let head = TheirHead {
        log: log_name(&author(1), 0),
        tip: Tip::Line(SeqNum::FIRST),
        state: SaltedState::from_bytes([9; 8]),
    };
    victim.hear(&request(all(Content::Heads(vec![head])))).unwrap();
    let probe = Message::Probe(head.log, SeqNum::FIRST);
    assert!(victim.said.contains(&probe));
    victim
}

#[test]
fn re9_answers_to_probes_are_evidence_or_a_fault() {
    let own = model(1).entries[0].received().entry;
    let mut forged = own.clone();
    *forged.last_mut().unwrap() ^= 1;
    let elsewhere = Model::new(&schemas()).write(&author(1), 8, 0, "text").received().entry;
    for (entry, fault) in [(forged, "NotAuthentic"), (elsewhere, "OtherEntry")] {
        let mut victim = probing();
        victim.hear(&Message::Probed(Some(entry))).unwrap();
        assert!(format!("{:?}", victim.blames()).starts_with(fault));
    }
    // It lied about the state, or has nothing to show: no harm was done.
    for entry in [Some(own), None] {
        let mut victim = probing();
        victim.hear(&Message::Probed(entry)).unwrap();
        victim.hear(&Message::Done).unwrap();
        assert_eq!((&victim.end, victim.model.forks.len()), (&None, 0));
        assert_eq!(victim.said.last(), Some(&Message::Done));
    }
    let other = NextArgs::first(LogId::new(0)).forge(&author(1), b"other");
    let mut victim = probing();
    victim.hear(&Message::Probed(Some(other.as_bytes().to_vec()))).unwrap();
    assert_eq!(victim.model.forks.len(), 1);
    assert!(victim.said.iter().any(|said| matches!(said, Message::Proof(_))));
}
