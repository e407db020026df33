//! The stream of a peer that speaks version 1 of replication: cut wherever it is, it gives the same
//! messages, each of which has one encoding; and whatever it says, our side goes on.

use pandan_operations::SystemSchema;
use pandan_replication::legacy::{
    Answer, Config, DecodeMessageError, Effect, Frames, Link, Memory, Message, Precedence,
    SchemaSet, Serves, Verdict,
};

/// Reads a stream; the first byte says how it is cut and who gives way.
pub fn check(bytes: &[u8]) {
    let Some((&first, stream)) = bytes.split_first() else { return };
    let chunk = usize::from(first % 32) + 1;
    let messages = read(stream, chunk);
    assert_eq!(messages, read(stream, usize::MAX), "chunks make no difference");
    for message in messages.0 {
        check_message(&message);
    }
    talk(stream, chunk, first);
}

/// The messages of a stream, and what ended it.
fn read(stream: &[u8], chunk: usize) -> (Vec<Vec<u8>>, Option<DecodeMessageError>) {
    let (mut frames, mut messages) = (Frames::new(), Vec::new());
    for mut input in stream.chunks(chunk) {
        loop {
            match frames.take(&mut input) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fn check_message(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else { return };
    let encoded = message.encode();
    // What is left out has two forms, of which we write the one with null.
    match message {
        Message::Entry { operation: None, .. } if bytes.first() == Some(&0x83) => {
            assert_eq!(Message::decode(&encoded), Ok(message));
        }
        _ => assert_eq!(encoded, bytes, "one encoding"),
    }
}

/// A link that hears the stream, with a store that is empty and takes or refuses by the size of
/// operations.
fn talk(stream: &[u8], chunk: usize, first: u8) {
    let schemas = SchemaSet::new(SystemSchema::ALL.map(Into::into)).expect("there are four");
    let insists = first & 0x80 != 0;
    let precedence = if insists { Precedence::Insists } else { Precedence::Yields };
    let config = Config { precedence, serves: Serves::Everything, schemas, timestamp: 1 };
    let mut link = Link::new(config, Memory::new(), 0);
    let (mut rest, mut now) = (stream, 0);
    while !rest.is_empty() {
        let (part, _) = rest.split_at(chunk.min(rest.len()));
        let taken = link.handle(part, now);
        rest = &rest[taken..];
        work(&mut link, now);
        assert!(link.wants_input(), "everything was answered");
        assert!(link.poll_timeout().is_none_or(|next| next > now), "what is due was done");
        now += 997 * u64::from(first % 7);
    }
}

fn work(link: &mut Link, now: u64) {
    while let Some(effect) = link.poll() {
        match effect {
            Effect::Send(bytes) => drop(Message::decode(&bytes).expect("we write messages")),
            Effect::Read(id, _) => link.answer(id, Answer::Heights(Vec::new()), now),
            Effect::Ingest(id, entries) => {
                let verdict = |length: usize| match length % 6 {
                    0 => Verdict::Stored,
                    1 => Verdict::Known,
                    2 => Verdict::Waiting,
                    3 => Verdict::UnknownSchema,
                    4 => Verdict::Refused,
                    _ => Verdict::Forged,
                };
                let verdicts: Vec<_> =
                    entries.iter().map(|entry| verdict(entry.operation.len())).collect();
                link.ingested(id, &verdicts, now);
            }
            _ => {}
        }
    }
}
