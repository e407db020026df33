//! News in live sessions.

use pandan_bamboo::SeqNum;
use pandan_replication::Message;

use crate::victim::{invented_heads, live_victim, names};

#[test]
fn news_of_nothing_are_waited_for_and_asked_for_once() {
    let mut victim = live_victim();
    victim.hear(&Message::Have(invented_heads(5000))).unwrap();
    assert!(victim.end.is_some(), "more than it waits for: it compares anew");
    let mut victim = live_victim();
    victim.hear(&Message::Have(invented_heads(3))).unwrap();
    victim.said.clear();
    victim.session.timeout(pandan_replication::limits::GRAFT_DELAY_MS);
    victim.play();
    let wants: Vec<_> = names(3).map(|log| (log, SeqNum::FIRST)).collect();
    assert_eq!(victim.said, [Message::Want(wants)]);
    assert_eq!(victim.session.poll_timeout(), None);
}
