//! The virtual network: connections, and streams of frames that arrive late, in order, or never.
//!
//! A stream is what QUIC makes of it: reliable and ordered while its connection lasts, with a
//! window that stops the sender when the reader is slow. Different streams overtake each other.

use std::collections::VecDeque;

use pandan_replication::{PeerId, StreamId};

/// One end of a connection or a stream: 0 is who opened it.
pub(super) type Side = usize;

/// A connection of two nodes.
#[derive(Debug)]
pub(super) struct Connection {
    /// The link that it is on.
    pub(super) link: usize,
    pub(super) nodes: [usize; 2],
    /// The names under which they are known on it.
    pub(super) ids: [PeerId; 2],
    /// Frames still arrive.
    pub(super) is_up: bool,
    /// What each side believes.
    pub(super) is_known: [bool; 2],
    /// How long a frame is under way, at least, and by how much that varies.
    pub(super) latency: (u64, u64),
    /// How many bytes of a stream may be under way or wait to be read.
    pub(super) window: usize,
    /// When the last announcement arrives at each side.
    pub(super) announced_at: [u64; 2],
}

/// A stream of a connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) connection: usize,
    /// The node at each side.
    pub(super) nodes: [usize; 2],
    /// What is on its way to each side.
    pub(super) pipes: [Pipe; 2],
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    frames: VecDeque<(u64, Vec<u8>)>,
    /// Bytes that the reader has not taken.
    bytes: usize,
    /// When the last frame arrives.
    last_at: u64,
    /// When the end arrives.
    end_at: Option<u64>,
    /// The reader wants no more.
    pub(super) is_stopped: bool,
    /// Nothing arrives any more.
    pub(super) is_dead: bool,
    /// The first frame was told.
    pub(super) is_begun: bool,
    /// Reading is on the agenda.
    pub(super) is_due: bool,
}

/// What there is to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Frame(Vec<u8>),
    End,
}

impl Connection {
    /// The side of a node.
    pub(super) fn side_of(&self, node: usize) -> Side {
        usize::from(self.nodes[0] != node)
    }

    /// The node at a side, and the name of the other one.
    pub(super) const fn seen_from(&self, side: Side) -> (usize, PeerId) {
        (self.nodes[side], self.ids[1 - side])
    }
}

impl Pipe {
    /// Puts a frame on its way.
    pub(super) fn push(&mut self, frame: Vec<u8>, at: u64) {
        self.bytes += frame.len();
        if self.is_dead || self.is_stopped {
            return;
        }
        self.last_at = self.last_at.max(at);
        self.frames.push_back((self.last_at, frame));
    }

    /// Puts the end on its way.
    pub(super) fn end(&mut self, at: u64) {
        if self.end_at.is_none() {
            self.last_at = self.last_at.max(at);
            self.end_at = Some(self.last_at);
        }
    }

    pub(super) const fn has_room(&self, window: usize) -> bool {
        self.bytes < window
    }

    /// When there is something to read, if it is on its way.
    pub(super) fn next_at(&self) -> Option<u64> {
        if self.is_dead || self.is_stopped {
            return None;
        }
        self.frames.front().map(|(at, _)| *at).or(self.end_at)
    }

    /// Reads what has arrived.
    pub(super) fn read(&mut self, now: u64) -> Option<Piece> {
        if self.next_at().is_none_or(|at| at > now) {
            return None;
        }
        let Some((_, frame)) = self.frames.pop_front() else { return Some(Piece::End) };
        self.bytes -= frame.len();
        Some(Piece::Frame(frame))
    }

    /// The reader is gone.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
        self.frames.clear();
    }

    /// The connection is gone.
    pub(super) fn die(&mut self) {
        self.is_dead = true;
        self.frames.clear();
    }
}

/// The name under which a node knows its end of a stream.
pub(super) fn stream_id(stream: usize, side: Side) -> StreamId {
    StreamId((stream * 2 + side) as u64)
}

/// The stream and the side of a name.
pub(super) fn end_of(id: StreamId) -> (usize, Side) {
    let number = usize::try_from(id.0).expect("it was made from one");
    (number / 2, number % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_a_stream_stay_in_order_and_its_end_comes_last() {
        let mut pipe = Pipe::default();
        pipe.push(vec![1], 50);
        pipe.push(vec![2], 20);
        pipe.end(10);
        assert_eq!((pipe.next_at(), pipe.read(49)), (Some(50), None));
        assert_eq!(pipe.read(50), Some(Piece::Frame(vec![1])));
        assert_eq!(pipe.read(50), Some(Piece::Frame(vec![2])));
        assert_eq!(pipe.read(50), Some(Piece::End));
    }

    #[test]
    fn a_slow_reader_leaves_no_room() {
        let mut pipe = Pipe::default();
        pipe.push(vec![0; 10], 0);
        assert!(!pipe.has_room(10) && pipe.has_room(11));
        assert!(pipe.read(0).is_some() && pipe.has_room(10));
    }

    #[test]
    fn what_is_under_way_is_lost_with_the_connection() {
        let mut pipe = Pipe::default();
        pipe.push(vec![1], 5);
        pipe.die();
        pipe.push(vec![2; 9], 6);
        assert_eq!((pipe.read(9), pipe.bytes), (None, 10));
    }

    #[test]
    fn names_of_ends_are_unique() {
        for stream in 0..3 {
            for side in 0..2 {
                assert_eq!(end_of(stream_id(stream, side)), (stream, side));
            }
        }
    }
}
