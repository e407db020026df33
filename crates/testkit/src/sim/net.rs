//! What is between the nodes: the clock, chance, connections and streams, and what is remembered
//! of all that happened.

use std::collections::VecDeque;
use std::fmt;

use pandan_bamboo::ForkProof;
use pandan_replication::{Answer, IngestId, Query, ReadId, Received, StreamId, Verdict};
use pandan_sync::News;

use super::agenda::Agenda;
use super::wires::{Connection, Piece, Side, Stream, end_of, stream_id};
use crate::Random;

/// How many of the last events a failure shows.
const TRACE_LENGTH: usize = 80;

/// How many frames hostile nodes can replay.
const RECORDED_MAX: usize = 64;

/// Something that happens at a time.
#[derive(Debug)]
pub(super) enum Event {
    /// A node looks for what there is to do.
    Wake(usize),
    /// The nodes of a link try to connect.
    Dial(usize),
    Connected(usize, Side),
    /// A side finds out that its connection is gone.
    Lost(usize, Side),
    Announced(usize, Side, Vec<u8>),
    /// A stream is open that was asked for on a connection, unless that is gone.
    Opened(usize, Side),
    /// The first frame of a stream has come.
    Begun(usize),
    /// An end of a stream may be read.
    Read(usize, Side),
    /// Something that a node does beside its sessions.
    Task(Life, Task),
    /// A client hands in an entry.
    Publish {
        entry: usize,
    },
    /// Something goes wrong, or goes well again.
    Fault(Fault),
}

/// A node from its start to its crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) node: usize,
    pub(super) number: u32,
}

#[derive(Debug)]
pub(super) enum Task {
    Read(StreamId, ReadId, Query),
    Answer(StreamId, ReadId, Answer),
    Ingest(StreamId, IngestId, Vec<Received>),
    Ingested(StreamId, IngestId, Option<Vec<Verdict>>),
    Keep(StreamId, Box<ForkProof>),
    Kept(StreamId),
    Stored(Vec<News>),
    Fork(Box<ForkProof>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// A connection is lost.
    Break(usize),
    /// A link carries nothing for a while.
    Cut(usize),
    Mend(usize),
    /// Some nodes are parted from the others: bits say on which side a node is.
    Part(u64),
    Meet(u64),
    /// A node crashes after it has done so many things more.
    Crash(usize, u32),
    /// A node crashes when it has written to its disk so many times more.
    CrashWriting(usize, u32),
    Start(usize),
    DiskFull(usize, bool),
    DiskUnreadable(usize, bool),
    /// A node takes long to read what has come.
    Slow(usize, bool),
    /// The next news of a node are lost.
    Deaf(usize),
}

/// What was done, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// Nodes, hostile ones included.
    pub nodes: u64,
    /// Hostile nodes.
    pub hostile: u64,
    /// Events.
    pub events: u64,
    /// Entries that the nodes had in the end, of all nodes together.
    pub entries: u64,
    /// Forks that each node knew in the end.
    pub forks: u64,
    /// Frames that were sent.
    pub frames: u64,
    /// Bytes of these frames.
    pub bytes: u64,
    /// Faults of the network, the disks and the nodes.
    pub faults: u64,
    /// Crashes among them.
    pub crashes: u64,
    /// Frames that hostile nodes made up, left out or changed.
    pub lies: u64,
    /// Sessions that were begun.
    pub sessions: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
    /// The most virtual milliseconds that nodes took to agree after the last fault.
    pub slowest_ms: u64,
}

pub(super) struct Net {
    pub(super) agenda: Agenda<Event>,
    pub(super) random: Random,
    pub(super) connections: Vec<Connection>,
    pub(super) streams: Vec<Stream>,
    pub(super) totals: Totals,
    /// Frames of honest nodes.
    pub(super) recorded: VecDeque<Vec<u8>>,
    trace: VecDeque<String>,
}

impl Net {
    pub(super) fn new(random: Random) -> Self {
        Self {
            agenda: Agenda::new(),
            random,
            connections: Vec::new(),
            streams: Vec::new(),
            totals: Totals::default(),
            recorded: VecDeque::new(),
            trace: VecDeque::new(),
        }
    }

    pub(super) const fn now(&self) -> u64 {
        self.agenda.now()
    }

    /// Puts down an event for some time from now, up to a limit.
    pub(super) fn soon(&mut self, within_ms: usize, event: Event) {
        let at = self.now() + self.random.below(within_ms + 1) as u64;
        self.agenda.put(at, event);
    }

    /// Remembers what happens, for those who have to find out why.
    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        if self.trace.len() == TRACE_LENGTH {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{:>9} {what}", self.now()));
    }

    pub(super) fn trace(&self) -> Vec<String> {
        self.trace.iter().cloned().collect()
    }

    /// When something arrives that is sent now.
    fn arrival(&mut self, connection: usize) -> u64 {
        let (least, spread) = self.connections[connection].latency;
        self.now() + least + self.random.below(usize::try_from(spread).unwrap_or(0) + 1) as u64
    }

    pub(super) fn announce(&mut self, connection: usize, from: Side, frame: Vec<u8>) {
        let at = self.arrival(connection);
        let to = 1 - from;
        let last = &mut self.connections[connection].announced_at[to];
        *last = at.max(*last);
        let at = *last;
        self.agenda.put(at, Event::Announced(connection, to, frame));
    }

    /// Opens a stream; the other side hears of it with the first frame.
    pub(super) fn open(&mut self, connection: usize, side: Side) -> StreamId {
        let nodes = self.connections[connection].nodes;
        let nodes = [nodes[side], nodes[1 - side]];
        self.streams.push(Stream { connection, nodes, pipes: Default::default() });
        self.totals.sessions += 1;
        stream_id(self.streams.len() - 1, 0)
    }

    /// Whether the stream takes another frame, or says that it takes none any more.
    pub(super) fn has_room(&self, id: StreamId) -> bool {
        if self.is_stopped(id) {
            return true;
        }
        let (stream, side) = end_of(id);
        let Stream { connection, pipes, .. } = &self.streams[stream];
        pipes[1 - side].has_room(self.connections[*connection].window)
    }

    /// Whether the other side takes nothing more.
    pub(super) fn is_stopped(&self, id: StreamId) -> bool {
        let (stream, side) = end_of(id);
        let pipe = &self.streams[stream].pipes[1 - side];
        pipe.is_stopped && !pipe.is_dead
    }

    pub(super) fn send(&mut self, id: StreamId, frame: Vec<u8>) {
        let (stream, side) = end_of(id);
        self.totals.frames += 1;
        self.totals.bytes += frame.len() as u64;
        let at = self.arrival(self.streams[stream].connection);
        let pipe = &mut self.streams[stream].pipes[1 - side];
        pipe.push(frame, at);
        let is_first = !pipe.is_begun && side == 0 && !pipe.is_dead;
        pipe.is_begun |= is_first;
        match pipe.next_at() {
            Some(at) if is_first => self.agenda.put(at, Event::Begun(stream)),
            _ => self.wake_reader(stream, 1 - side),
        }
    }

    /// Ends the half that sends.
    pub(super) fn finish(&mut self, id: StreamId) {
        let (stream, side) = end_of(id);
        let at = self.arrival(self.streams[stream].connection);
        self.streams[stream].pipes[1 - side].end(at);
        self.wake_reader(stream, 1 - side);
    }

    /// Gives both halves up; what was sent still arrives.
    pub(super) fn give_up(&mut self, id: StreamId) {
        let (stream, side) = end_of(id);
        self.finish(id);
        let at = self.arrival(self.streams[stream].connection);
        self.streams[stream].pipes[side].stop();
        let other = self.streams[stream].nodes[1 - side];
        self.agenda.put(at, Event::Wake(other));
    }

    /// Lets an end be read when there is something to read.
    pub(super) fn wake_reader(&mut self, stream: usize, side: Side) {
        let now = self.now();
        let pipe = &mut self.streams[stream].pipes[side];
        if let Some(at) = pipe.next_at().filter(|_| !pipe.is_due) {
            pipe.is_due = true;
            self.agenda.put(at.max(now), Event::Read(stream, side));
        }
    }

    /// Takes what has arrived; the sender may go on.
    pub(super) fn read(&mut self, id: StreamId) -> Option<Piece> {
        let (stream, side) = end_of(id);
        let now = self.now();
        let piece = self.streams[stream].pipes[side].read(now)?;
        let at = self.arrival(self.streams[stream].connection);
        let sender = self.streams[stream].nodes[1 - side];
        self.agenda.put(at, Event::Wake(sender));
        Some(piece)
    }

    /// Loses a connection with all that is under way. The sides find out on their own.
    pub(super) fn lose(&mut self, connection: usize, within_ms: usize) {
        if !std::mem::replace(&mut self.connections[connection].is_up, false) {
            return;
        }
        let streams = self.streams.iter_mut().filter(|stream| stream.connection == connection);
        streams.for_each(|stream| stream.pipes.iter_mut().for_each(|pipe| pipe.die()));
        for side in 0..2 {
            self.soon(within_ms, Event::Lost(connection, side));
        }
    }

    /// Keeps a frame for those who replay.
    pub(super) fn record(&mut self, frame: &[u8]) {
        if self.random.chance(10) {
            if self.recorded.len() == RECORDED_MAX {
                self.recorded.pop_front();
            }
            self.recorded.push_back(frame.to_vec());
        }
    }
}
