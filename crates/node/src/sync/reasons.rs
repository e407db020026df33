//! Short names of what goes wrong, by which it is counted. They do not change.

use pandan_network::RefusalReason;
use pandan_replication::{End, Fault, legacy};

/// Why a connection was not let in.
pub(super) const fn of_refusal(reason: &RefusalReason) -> &'static str {
    match reason {
        RefusalReason::TooManyConnections => "TOO_MANY_CONNECTIONS",
        RefusalReason::TooManyConnectionsFromAddress => "TOO_MANY_CONNECTIONS_FROM_ADDRESS",
        RefusalReason::TooManyHandshakes => "TOO_MANY_HANDSHAKES",
        RefusalReason::TooManyHandshakesFromAddress => "TOO_MANY_HANDSHAKES_FROM_ADDRESS",
        RefusalReason::NotAllowed(_) => "NOT_ALLOWED",
        RefusalReason::Itself => "ITSELF",
        RefusalReason::Certificate(_) => "CERTIFICATE",
        RefusalReason::WrongNetwork => "WRONG_NETWORK",
        RefusalReason::Misbehaved => "MISBEHAVED",
        RefusalReason::TimedOut => "TIMED_OUT",
        RefusalReason::Handshake(_) => "HANDSHAKE",
        _ => OTHER,
    }
}

/// Why a session failed, if it did.
pub(super) const fn of_end(end: &End) -> Option<&'static str> {
    match end {
        End::Refused(_) => Some("ENDED_BY_PEER"),
        End::Failed(fault) => Some(of_fault(fault)),
        _ => None,
    }
}

const fn of_fault(fault: &Fault) -> &'static str {
    match fault {
        Fault::Malformed(_) | Fault::Entry(_) => "MALFORMED",
        Fault::Unexpected { .. } | Fault::Bound { .. } | Fault::Schemas => "UNEXPECTED",
        Fault::NotReading { .. } => "NOT_READING",
        Fault::TooManyRefused { .. } => "TOO_MANY_REFUSED",
        Fault::TooManyRepeats { .. } => "TOO_MANY_REPEATS",
        Fault::TooManyRanges { .. }
        | Fault::TooManyWants { .. }
        | Fault::TooManyProofs { .. }
        | Fault::TooManyEntries { .. }
        | Fault::TooManyBytes { .. } => "TOO_MUCH",
        Fault::PayloadMissing | Fault::OtherEntry => "OTHER_ENTRY",
        Fault::Unasked { .. } => "NOT_ASKED_FOR",
        Fault::NotAuthentic(_) => "NOT_AUTHENTIC",
        Fault::Idle { .. } | Fault::TooSlow { .. } => IDLE,
        Fault::ClosedEarly => "CLOSED_EARLY",
        Fault::Unavailable | Fault::Misuse => STORE,
        _ => OTHER,
    }
}

/// Why a session of version 1 failed, if it did.
pub(super) const fn of_outcome(outcome: legacy::Outcome) -> Option<&'static str> {
    match outcome {
        legacy::Outcome::Complete => None,
        legacy::Outcome::TimedOut => Some(IDLE),
        legacy::Outcome::Replaced => Some("BEGUN_ANEW"),
        legacy::Outcome::StoreFailed => Some(STORE),
        legacy::Outcome::Broken => Some("MISBEHAVED"),
    }
}

const IDLE: &str = "IDLE";
const STORE: &str = "STORE";
const OTHER: &str = "OTHER";
