//! News in live sessions.

use pandan_bamboo::SeqNum;
use pandan_replication::Message;

use crate::messages::{invented_heads, live_lone, names};

#[test]
fn news_of_nothing_are_waited_for_and_asked_for_once() {
    let mut lone = live_lone();
    lone.try_say(&Message::Have(invented_heads(5000))).unwrap();
    assert!(lone.end.is_some(), "more than it waits for: it compares anew");
    let mut lone = live_lone();
    lone.try_say(&Message::Have(invented_heads(3))).unwrap();
    lone.said.clear();
    lone.session.timeout(pandan_replication::limits::GRAFT_DELAY_MS);
    lone.play();
    let wants: Vec<_> = names(3).map(|log| (log, SeqNum::FIRST)).collect();
    assert_eq!(lone.said, [Message::Want(wants)]);
    assert_eq!(lone.session.poll_timeout(), None);
}
