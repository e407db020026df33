//! Messages of replication from bytes.

use pandan_replication::Message;

/// Decodes bytes as a message; those that are one are its only encoding.
pub fn check(bytes: &[u8]) {
    match Message::decode(bytes) {
        Ok(message) => assert_eq!(message.encode(), bytes, "one encoding"),
        Err(error) => assert!(error.offset <= bytes.len(), "errors are within the message"),
    }
}
