//! What goes wrong, and goes well again.

use super::{DIAL_MS, NOTICE_MS, World, any_id};
use crate::sim::net::{Event, Fault};
use crate::sim::plan::LASTS_MS;

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        self.net.note(format_args!("{fault:?}"));
        self.net.totals.faults += 1;
        match fault {
            Fault::Break(link) => self.lose(link),
            Fault::Cut(link) => {
                self.links[link].is_cut = true;
                self.lose(link);
            }
            Fault::Mend(link) => {
                self.links[link].is_cut = false;
                self.net.soon(DIAL_MS, Event::Dial(link));
            }
            Fault::Part(sides) => {
                for link in self.between(sides) {
                    self.fault(Fault::Cut(link));
                }
            }
            Fault::Meet(sides) => {
                for link in self.between(sides) {
                    self.fault(Fault::Mend(link));
                }
            }
            Fault::CrashWriting(node, writes) => self.nodes[node].faults.crash_after(writes),
            Fault::Crash(node, steps) => self.nodes[node].doom = Some(steps),
            Fault::Start(node) => self.start(node),
            Fault::DiskFull(node, is_full) => self.nodes[node].faults.set_full(is_full),
            Fault::DiskUnreadable(node, is_so) => self.nodes[node].faults.set_unreadable(is_so),
            Fault::Slow(node, is_slow) => self.nodes[node].is_slow = is_slow,
            Fault::Deaf(node) => {
                if let Some(alive) = &mut self.nodes[node].alive {
                    alive.is_deaf = true;
                }
                self.act(node);
            }
        }
    }

    /// The links from one side to the other.
    fn between(&self, sides: u64) -> Vec<usize> {
        let side = |node: usize| sides.rotate_right(u32::try_from(node).unwrap_or(0)) & 1;
        let links = self.links.iter().enumerate();
        links.filter(|(_, it)| side(it.nodes[0]) != side(it.nodes[1])).map(|it| it.0).collect()
    }

    fn lose(&mut self, link: usize) {
        if let Some(connection) = self.links[link].connection {
            self.net.lose(connection, NOTICE_MS);
            // Somebody may dial again before all have noticed.
            self.net.soon(DIAL_MS, Event::Dial(link));
        }
    }

    pub(super) fn crash(&mut self, node: usize) {
        self.net.note(format_args!("node {node} crashes"));
        self.net.totals.crashes += 1;
        self.nodes[node].crash();
        if self.nodes[node].is_hostile() {
            // Nobody knows it any more.
            self.nodes[node].id = any_id(&mut self.net.random);
        }
        for connection in 0..self.net.connections.len() {
            let it = &mut self.net.connections[connection];
            if it.nodes.contains(&node) {
                let side = it.side_of(node);
                it.is_known[side] = false;
                self.net.lose(connection, NOTICE_MS);
            }
        }
        self.net.soon(LASTS_MS, Event::Fault(Fault::Start(node)));
    }

    pub(super) fn start(&mut self, node: usize) {
        if self.nodes[node].alive.is_some() {
            return;
        }
        match self.nodes[node].start(&mut self.net) {
            Ok(()) => {}
            // Who runs it tries again when the disk can be read.
            Err(_) if self.nodes[node].faults.is_unreadable() => {
                self.net.soon(LASTS_MS, Event::Fault(Fault::Start(node)));
            }
            Err(error) => self.fail(format!("node {node} does not start again: {error}")),
        }
    }
}
