//! What a node does when something has happened: the effects of its sessions, frames, and what has
//! to be tidied up.

use pandan_replication::{Effect, PeerId, PeersEffect, StreamId};

use super::{Alive, Node, REPORT_MS};
use crate::sim::hostile::Mangler;
use crate::sim::net::{Event, Net, Task};
use crate::sim::wires::end_of;

/// How long a question to the store takes at most, in milliseconds.
const READ_MS: usize = 20;

/// How long a node that is slow takes to read a frame at most, in milliseconds.
const SLOW_MS: usize = 2_000;

impl Node {
    /// Carries out all that is to be done. Gives the peers that it keeps out from now on, or none
    /// when the node crashes.
    pub(in crate::sim) fn act(&mut self, net: &mut Net) -> Option<Vec<PeerId>> {
        let (now, mut blocked) = (net.now(), Vec::new());
        let alive = self.alive.as_mut()?;
        if std::mem::take(&mut alive.has_missed) {
            alive.peers.compare_again();
            alive.know_schemas();
        }
        alive.peers.timeout(now);
        self.prank(net);
        let alive = self.alive.as_mut()?;
        alive.blocked.retain(|_, until| *until > now);
        // Sending makes room, which can make a session go on.
        loop {
            while let Some(effect) = self.alive.as_mut()?.peers.poll(now) {
                if self.is_doomed() {
                    return None;
                }
                blocked.extend(self.effect(effect, net));
            }
            if !self.send(net) {
                break;
            }
        }
        self.tidy(net);
        Some(blocked)
    }

    /// Lets a hostile node say something of its own accord, on some stream.
    fn prank(&mut self, net: &mut Net) {
        let (Some(alive), Some(mangler)) = (&self.alive, &mut self.mangler) else { return };
        let Some((frames, next)) = mangler.prank(net.now(), &net.recorded) else { return };
        net.agenda.put(next, Event::Wake(self.index));
        let place = net.random.below(alive.ends.len());
        let Some(&stream) = alive.ends.keys().nth(place) else { return };
        net.totals.lies += frames.len() as u64;
        frames.into_iter().for_each(|frame| net.send(stream, frame));
    }

    fn effect(&mut self, effect: PeersEffect, net: &mut Net) -> Option<PeerId> {
        let now = net.now();
        let alive = self.alive.as_mut()?;
        match effect {
            PeersEffect::Announce(peer, frame) => {
                if let Some(&line) = alive.lines.get(&peer) {
                    let side = net.connections[line].side_of(self.index);
                    let frames = match &mut self.mangler {
                        Some(mangler) => mangler.announce(frame),
                        None => vec![frame],
                    };
                    frames.into_iter().for_each(|frame| net.announce(line, side, frame));
                }
            }
            PeersEffect::Open(peer) => {
                alive.know_schemas();
                match alive.lines.get(&peer) {
                    Some(&line) => {
                        let side = net.connections[line].side_of(self.index);
                        net.soon(REPORT_MS, Event::Opened(line, side));
                    }
                    None => alive.peers.not_opened(peer, now),
                }
            }
            PeersEffect::Session(stream, effect) => self.session_effect(stream, effect, net),
            PeersEffect::Block(peer, until) => {
                if let Some(&line) = alive.lines.get(&peer) {
                    alive.blocked.insert(peer, until);
                    net.lose(line, 100);
                }
                return Some(peer);
            }
            other => panic!("unknown effect {other:?}"),
        }
        None
    }

    fn session_effect(&mut self, stream: StreamId, effect: Effect, net: &mut Net) {
        let life = self.life();
        let Some(alive) = &mut self.alive else { return };
        let Some(end) = alive.ends.get_mut(&stream) else { return };
        match effect {
            Effect::Read(id, query) => {
                net.soon(READ_MS, Event::Task(life, Task::Read(stream, id, query)));
            }
            Effect::Ingest(id, received) => {
                alive.write(Event::Task(life, Task::Ingest(stream, id, received)), net);
            }
            Effect::Proof(proof) => {
                alive.write(Event::Task(life, Task::Keep(stream, proof)), net);
            }
            Effect::Unasked(schema) => {
                net.note(format_args!("node {}: nobody asked for {schema}", self.index));
            }
            Effect::Close => end.is_closing = true,
            Effect::Finished(how) => {
                net.note(format_args!("node {}: {stream:?} ended: {how:?}", self.index));
            }
            other => panic!("unknown effect {other:?}"),
        }
    }

    /// Hands frames to the streams that have room; gives whether there were any.
    fn send(&mut self, net: &mut Net) -> bool {
        let now = net.now();
        let Some(alive) = &mut self.alive else { return false };
        let mut has_sent = false;
        for (&stream, end) in &mut alive.ends {
            let mut is_empty = false;
            while !is_empty && (end.is_broken || end.is_finished || net.has_room(stream)) {
                match alive.peers.poll_frame(stream, now) {
                    Some(_) if end.is_broken || end.is_finished => {}
                    Some(_) if net.is_stopped(stream) => {
                        end.is_broken = true;
                        has_sent = true;
                        alive.peers.closed(stream);
                    }
                    Some(frame) => {
                        has_sent = true;
                        hand_over(self.mangler.as_mut(), stream, frame, net);
                    }
                    None => is_empty = true,
                }
            }
            if is_empty && end.is_closing && !end.is_finished {
                end.is_finished = true;
                net.finish(stream);
            }
        }
        has_sent
    }

    /// Lets sessions read on, gives up the streams of those that ended, and sets the timer.
    fn tidy(&mut self, net: &mut Net) {
        let (now, is_slow) = (net.now(), self.is_slow);
        let Some(alive) = &mut self.alive else { return };
        let Alive { peers, ends, .. } = alive;
        ends.retain(|&id, end| {
            let Some(session) = peers.session(id) else {
                net.give_up(id);
                return false;
            };
            if session.wants_input() && !end.is_reading {
                end.is_reading = true;
                if is_slow {
                    let (stream, side) = end_of(id);
                    net.soon(SLOW_MS, Event::Read(stream, side));
                } else {
                    net.wake_reader(end_of(id).0, end_of(id).1);
                }
            }
            true
        });
        alive.is_listening = !alive.ends.is_empty();
        if let Some(due) = alive.peers.poll_timeout()
            && alive.timer.is_none_or(|timer| timer <= now || timer > due)
        {
            alive.timer = Some(due);
            net.agenda.put(due, Event::Wake(self.index));
        }
    }
}

fn hand_over(mangler: Option<&mut Mangler>, id: StreamId, frame: Vec<u8>, net: &mut Net) {
    let Some(mangler) = mangler else {
        net.record(&frame);
        net.send(id, frame);
        return;
    };
    let honest = frame.clone();
    let frames = mangler.mangle(frame, &net.recorded);
    net.totals.lies += u64::from(frames != [honest]);
    frames.into_iter().for_each(|frame| net.send(id, frame));
}
