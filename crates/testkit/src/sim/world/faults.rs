//! What goes wrong, and goes well again.

use super::{DIAL_MS, NOTICE_MS, World};
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
            Fault::Crash(node, steps) => self.nodes[node].doom = Some(steps),
            Fault::Start(node) => self.start(node),
            Fault::DiskFull(node, is_full) => self.nodes[node].faults.set_full(is_full),
            Fault::DiskUnreadable(node, is_so) => self.nodes[node].faults.set_unreadable(is_so),
            Fault::Slow(node, is_slow) => self.nodes[node].is_slow = is_slow,
            Fault::Deaf(node) => {
                if let Some(alive) = &mut self.nodes[node].alive {
                    alive.has_missed = true;
                }
                self.act(node);
            }
        }
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
