//! Whose turn it is to say what, and when a session is over.

use pandan_bamboo::SeqNum;
use pandan_replication::limits::IDLE_TIMEOUT_MS;
use pandan_replication::{
    Acceptance, Busy, Content, End, Fault, Interest, Message, Ranges, Refusal, RefusalCode, Session,
};

use crate::common::lone::{Lone, all};
use crate::common::model::{author, log_name};
use crate::common::schemas;
use crate::messages::{fingerprint, invented_heads, model, request};

#[test]
fn messages_at_the_wrong_time_end_the_session() {
    let heads = || Message::Have(invented_heads(1));
    let want = || Message::Want(vec![(log_name(&author(1), 0), SeqNum::FIRST)]);
    let empty = || Message::Ranges(Ranges::default());
    let entries = || Message::Entries(vec![model(1).entries[0].received()]);
    let equal = || request(all(Content::Heads(Vec::new())));
    for (messages, name) in [
        (vec![Message::Done], "done before the request"),
        (vec![empty()], "ranges before the request"),
        (vec![equal(), equal()], "two requests"),
        (vec![equal(), empty()], "ranges when comparing is over"),
        (vec![equal(), want()], "wishes when comparing is over"),
        (vec![equal(), Message::Done, entries()], "entries after done"),
        (vec![equal(), Message::Done, Message::Done], "done twice"),
        (vec![equal(), heads()], "news before done"),
        (vec![equal(), Message::Prune], "prune before done"),
        (vec![equal(), Message::Probed(None)], "an answer to nothing"),
        (vec![request(fingerprint(1)), Message::Done], "done while comparing"),
    ] {
        let mut lone = Lone::accepting(model(0));
        let last = messages.len() - 1;
        for (index, message) in messages.iter().enumerate() {
            assert_eq!(lone.end, None, "{name}");
            let message = match message {
                Message::Done if index < last => {
                    lone.said.clear();
                    &Message::Done
                }
                message => message,
            };
            lone.try_say(message).unwrap();
        }
        assert!(matches!(lone.blames(), Fault::Unexpected { .. }), "{name}");
    }
}

#[test]
fn frames_that_are_no_messages_end_the_session() {
    let mut lone = Lone::accepting(model(1));
    lone.try_say_frame(&[0x77, 1, 2]).unwrap();
    assert!(matches!(lone.blames(), Fault::Malformed(_)));
    assert_eq!(lone.try_say_frame(&[0x09]), Err(Busy), "nothing is heard after the end");
}

#[test]
fn other_schemas_are_refused_without_blame() {
    let interest = Interest::Schemas(schemas()[..2].to_vec());
    let session = Session::accept(Acceptance { interest, is_live: false }, 0);
    let mut lone = Lone::new(session, model(0));
    lone.try_say(&request(Ranges::default())).unwrap();
    assert_eq!((lone.fault(), lone.fault().points()), (&Fault::Schemas, 0));
    let Some(Message::Refuse(refusal)) = lone.said.last() else { panic!("it says why") };
    assert_eq!(refusal.code, RefusalCode::SCHEMAS);
}

#[test]
fn silence_ends_the_session() {
    let mut lone = Lone::accepting(model(60));
    assert_eq!(lone.session.poll_timeout(), Some(IDLE_TIMEOUT_MS));
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.session.timeout(IDLE_TIMEOUT_MS - 1);
    lone.play();
    assert_eq!(lone.end, None);
    lone.session.timeout(IDLE_TIMEOUT_MS);
    lone.play();
    assert_eq!(lone.blames(), &Fault::Idle { ms: IDLE_TIMEOUT_MS });
}

#[test]
fn a_stream_that_breaks_ends_the_session() {
    let mut lone = Lone::accepting(model(60));
    lone.try_say(&request(fingerprint(1))).unwrap();
    lone.session.closed();
    lone.play();
    assert_eq!(lone.fault(), &Fault::ClosedEarly);
}

#[test]
fn a_refusal_ends_the_session() {
    let mut lone = Lone::accepting(model(60));
    lone.try_say(&request(fingerprint(1))).unwrap();
    let refusal = Refusal::new(RefusalCode::BUSY, "come later");
    lone.try_say(&Message::Refuse(refusal.clone())).unwrap();
    assert_eq!(lone.end, Some(End::Refused(refusal)));
    assert_eq!(lone.session.status().points, 0);
}
