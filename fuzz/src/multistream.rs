//! The choice of a protocol for a stream, from both sides.

use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::limits::{PROPOSALS_MAX, PROTOCOL_NAME_LENGTH_MAX};
use crate::multistream_select::{NegotiationError, answer, confirm, opening};

/// What the side that is asked speaks.
const KNOWN: [&str; 2] = ["/pandan/2", "/a"];

/// Hears bytes as the side that answers, and as the one that asked.
pub fn check(bytes: &[u8]) {
    check_answer(bytes);
    check_confirm(bytes);
}

fn check_answer(bytes: &[u8]) {
    let (mut rest, mut written) = (bytes, Vec::new());
    let asked = RefCell::new(Vec::new());
    let find = |name: &str| {
        asked.borrow_mut().push(name.to_owned());
        KNOWN.iter().position(|known| *known == name)
    };
    let result = at_once(answer(find, &mut written, &mut rest));
    let asked = asked.into_inner();
    assert!(asked.len() <= PROPOSALS_MAX, "proposals are bounded");
    assert!(asked.iter().all(|name| name.len() <= PROTOCOL_NAME_LENGTH_MAX), "so are names");
    let replies = asked.iter().map(|name| match KNOWN.contains(&name.as_str()) {
        true => message(name),
        false => message("na"),
    });
    let mut expected: Vec<u8> = replies.flatten().collect();
    if !asked.is_empty() {
        expected = [header(), expected].concat();
    }
    assert_eq!(written, expected, "each proposal is answered, behind the header");
    match result {
        Ok(found) => {
            assert_eq!(asked.last().map(String::as_str), KNOWN.get(found).copied());
            let said: Vec<u8> = asked.iter().flat_map(|name| message(name)).collect();
            let read = bytes.len() - rest.len();
            assert_eq!([header(), said].concat(), bytes[..read], "one encoding");
        }
        Err(NegotiationError::TooManyProposals { .. }) => assert_eq!(asked.len(), PROPOSALS_MAX),
        Err(_) => {}
    }
}

fn check_confirm(bytes: &[u8]) {
    let mut rest = bytes;
    if at_once(confirm(KNOWN[0], &mut rest)).is_ok() {
        let read = bytes.len() - rest.len();
        assert_eq!(opening(KNOWN[0]), bytes[..read], "nothing else is an answer");
    }
}

/// The message with which both sides begin.
fn header() -> Vec<u8> {
    let mut bytes = opening("");
    // The empty name is a length and a newline.
    bytes.truncate(bytes.len() - 2);
    bytes
}

fn message(text: &str) -> Vec<u8> {
    opening(text).split_off(header().len())
}

/// Nothing waits: all that comes is there.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("there is nothing to wait for"),
    }
}
