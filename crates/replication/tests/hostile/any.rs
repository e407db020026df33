//! Any messages in any order.

use pandan_bamboo::{HeadState, SeqNum};
use pandan_replication::{Amount, Content, End, Message, Ranges, Session, TheirHead, Tip};
use pandan_testkit::Random;
use proptest::prelude::*;

use crate::common::lone::{Lone, SALT, all};
use crate::common::model::{Model, author, log_name};
use crate::common::{schemas, terms};
use crate::messages::{fingerprint, live_request, model, request};

fn any_message(random: &mut Random, model: &Model) -> Message {
    let entry = random.pick(&model.entries).clone();
    let head = |random: &mut Random| TheirHead {
        log: log_name(&author(1), u64::try_from(random.below(8)).unwrap()),
        tip: Tip::Line(SeqNum::new(1 + random.number() % 4).unwrap()),
        state: HeadState::from_bytes([random.number() as u8; 32]).salted(&SALT),
    };
    match random.below(15) {
        0 => request(fingerprint(random.number() as u8)),
        1 => live_request(all(Content::Heads(vec![head(random)]))),
        2 | 3 => Message::Ranges(fingerprint(random.number() as u8)),
        4 => Message::Ranges(all(Content::Heads(vec![head(random)]))),
        5 => Message::Ranges(Ranges::default()),
        6 => Message::Want(vec![(head(random).log, SeqNum::FIRST)]),
        7 | 8 => Message::Entries(vec![entry.received(); 1 + random.below(3)]),
        9 => Message::Probe(head(random).log, entry.seq_num),
        10 => Message::Probed(random.chance(50).then(|| entry.received().entry)),
        11 => Message::Have(vec![head(random)]),
        12 => Message::Prune,
        13 => Message::Offer(Amount { entries: random.number(), bytes: 1 }),
        _ => Message::Done,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_messages_end_in_a_reason_or_go_on(seed: u64, initiates: bool) {
        let mut random = Random::new(seed);
        let other = {
            let mut other = Model::new(&schemas());
            for log in 0..8 {
                for place in 0..3 {
                    other.write(&author(1), log, 0, &format!("{seed} {place}"));
                }
            }
            other
        };
        let mut lone = if initiates {
            Lone::new(Session::initiate(terms().live(), SALT, 0), model(30))
        } else {
            Lone::accepting(model(30))
        };
        if !initiates {
            lone.try_say(&live_request(fingerprint(1))).unwrap();
        }
        for _ in 0..60 {
            let message = any_message(&mut random, &other);
            if lone.try_say(&message).is_err() {
                break;
            }
        }
        if let Some(End::Failed(fault)) = &lone.end {
            prop_assert!(fault.points() > 0);
            prop_assert!(lone.session.status().points >= fault.points());
        } else {
            prop_assert!(!matches!(lone.end, Some(End::Complete)));
        }
    }
}
