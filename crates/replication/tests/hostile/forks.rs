//! Proofs of forks, and answers to those who look for them.

use pandan_bamboo::{LogId, NextArgs, SaltedState, SeqNum};
use pandan_replication::limits::{IDLE_TIMEOUT_MS, MAX_PROOFS};
use pandan_replication::{Busy, Content, Message, TheirHead, Tip};

use crate::common::lone::{Lone, all};
use crate::common::model::{Model, author, log_name};
use crate::common::schemas;
use crate::messages::{fingerprint, model, proof, request};

/// An honest peer may know of many forks; a hostile one gets no further than the store does.
#[test]
fn proofs_come_no_faster_than_the_store_takes_them() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.keeps = false;
    for log in 0..MAX_PROOFS {
        assert!(lone.session.wants_input(), "proof {log}");
        lone.try_say(&proof(log as u64)).unwrap();
    }
    assert_eq!(lone.try_say(&proof(0)), Err(Busy));
    assert_eq!((lone.waiting_proofs, &lone.end), (MAX_PROOFS, &None));
    // The store works, so the silence is nobody's fault.
    lone.session.timeout(IDLE_TIMEOUT_MS);
    assert_eq!(lone.session.poll(), None);
    lone.session.kept(IDLE_TIMEOUT_MS);
    assert_eq!(lone.try_say(&proof(MAX_PROOFS as u64)), Ok(()));
    assert_eq!(lone.try_say(&proof(0)), Err(Busy));
}

#[test]
fn any_number_of_proofs_is_taken() {
    let mut lone = Lone::accepting(model(0));
    lone.try_say(&request(fingerprint(1))).unwrap();
    for log in 0..20 * MAX_PROOFS {
        lone.try_say(&proof(log as u64)).unwrap();
    }
    assert_eq!((lone.model.forks.len(), &lone.end), (20 * MAX_PROOFS, &None));
    assert_eq!(lone.session.status().points, 0);
}

/// Claims another state for a log that the lone has, so that it looks for a fork.
fn probing() -> Lone {
    let mut lone = Lone::accepting(model(1));
    let head = TheirHead {
        log: log_name(&author(1), 0),
        tip: Tip::Line(SeqNum::FIRST),
        state: SaltedState::from_bytes([9; 8]),
    };
    lone.try_say(&request(all(Content::Heads(vec![head])))).unwrap();
    let probe = Message::Probe(head.log, SeqNum::FIRST);
    assert!(lone.said.contains(&probe));
    lone
}

#[test]
fn re9_answers_to_probes_are_evidence_or_a_fault() {
    let own = model(1).entries[0].received().entry;
    let mut forged = own.clone();
    *forged.last_mut().unwrap() ^= 1;
    let elsewhere = Model::new(&schemas()).write(&author(1), 8, 0, "text").received().entry;
    for (entry, fault) in [(forged, "NotAuthentic"), (elsewhere, "OtherEntry")] {
        let mut lone = probing();
        lone.try_say(&Message::Probed(Some(entry))).unwrap();
        assert!(format!("{:?}", lone.blames()).starts_with(fault));
    }
    // It lied about the state, or has nothing to show: no harm was done.
    for entry in [Some(own), None] {
        let mut lone = probing();
        lone.try_say(&Message::Probed(entry)).unwrap();
        lone.try_say(&Message::Done).unwrap();
        assert_eq!((&lone.end, lone.model.forks.len()), (&None, 0));
        assert_eq!(lone.said.last(), Some(&Message::Done));
    }
    let other = NextArgs::first(LogId::new(0)).forge(&author(1), b"other");
    let mut lone = probing();
    lone.try_say(&Message::Probed(Some(other.as_bytes().to_vec()))).unwrap();
    assert_eq!(lone.model.forks.len(), 1);
    assert!(lone.said.iter().any(|said| matches!(said, Message::Proof(_))));
}
