//! When to dial whom: a state machine without I/O. Time is an argument, chance comes from a seed.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{addresses::Addresses, peers_file::KnownPeer};
use crate::{Address, Backoff, PeerId, limits::KNOWN_PEERS_MAX};

/// Who is to be connected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// Whoever is at this address.
    Fixed(Address),
    /// Somebody who was met or found.
    Peer(PeerId),
}

/// An attempt to make now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) target: Target,
    pub(super) addresses: Vec<Address>,
    pub(super) expected: Option<PeerId>,
}

#[derive(Debug)]
struct State {
    expected: Option<PeerId>,
    addresses: Addresses,
    /// When the peer was connected last, in seconds since 1970.
    seen: Option<u64>,
    failures: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting { until: Instant },
    Dialling,
    Connected { peer: PeerId, since: Instant },
}

/// All targets.
#[derive(Debug)]
pub(super) struct Redial {
    me: PeerId,
    backoff: Backoff,
    /// How many of those who were met or found are dialled at the same time. Many of them may never
    /// answer again, and whoever is at a fixed address does not wait for them.
    peers_dialled_max: usize,
    seed: [u8; 32],
    draws: u64,
    targets: HashMap<Target, State>,
}

impl Redial {
    /// With so many attempts at the same time.
    pub(super) fn new(me: PeerId, backoff: Backoff, dials_max: usize, seed: [u8; 32]) -> Self {
        let peers_dialled_max = (dials_max / 2).max(1);
        Self { me, backoff, peers_dialled_max, seed, draws: 0, targets: HashMap::new() }
    }

    /// Keeps a connection with whoever is at an address, beginning now.
    pub(super) fn keep(&mut self, address: Address, expected: Option<PeerId>, now: Instant) {
        let mut state = State::new(expected, now);
        state.addresses.prove(address.clone());
        self.targets.entry(Target::Fixed(address)).or_insert(state);
    }

    pub(super) fn forget(&mut self, address: Address) {
        self.targets.remove(&Target::Fixed(address));
    }

    /// Takes over what the peers file remembers. Nobody was met in the future: clocks may go wrong,
    /// and who was met last is forgotten last.
    pub(super) fn remember(&mut self, known: KnownPeer, unix_now: u64, now: Instant) {
        let Some(state) = self.peer(known.peer, now) else { return };
        known.addresses.into_iter().rev().for_each(|address| state.addresses.prove(address));
        state.seen = Some(known.seen.min(unix_now));
    }

    /// Hears where a peer is. A new address is tried at once, one that is known soon: the peer may
    /// have come back.
    pub(super) fn learn(&mut self, peer: PeerId, addresses: Vec<Address>, now: Instant) {
        let soon = delay(self.backoff, 1, self.draw());
        let Some(state) = self.peer(peer, now) else { return };
        let news = addresses.iter().any(|address| !state.addresses.contains(address));
        state.addresses.hear(addresses);
        if let Phase::Waiting { until } = &mut state.phase {
            if news {
                *until = now;
                state.failures = 0;
            } else {
                *until = now.checked_add(soon).unwrap_or(now).min(*until);
            }
        }
    }

    /// A peer is connected, whoever dialled.
    pub(super) fn connected(&mut self, peer: PeerId, at: Address, seen: u64, now: Instant) {
        let Some(state) = self.peer(peer, now) else { return };
        state.addresses.prove(at);
        state.seen = Some(seen);
        state.phase = Phase::Connected { peer, since: now };
    }

    /// A peer that is connected is here now.
    pub(super) fn moved(&mut self, peer: PeerId, to: Address) {
        if let Some(state) = self.targets.get_mut(&Target::Peer(peer)) {
            state.addresses.prove(to);
        }
    }

    /// An attempt has led to a peer.
    pub(super) fn succeeded(&mut self, target: &Target, peer: PeerId, now: Instant) {
        if let Some(state) = self.targets.get_mut(target) {
            state.phase = Phase::Connected { peer, since: now };
        }
    }

    /// An attempt has failed.
    pub(super) fn failed(&mut self, target: &Target, now: Instant) {
        let chance = self.draw();
        let backoff = self.backoff;
        let Some(state) = self.targets.get_mut(target) else { return };
        if state.phase == Phase::Dialling {
            state.failures = state.failures.saturating_add(1);
            state.wait(backoff, chance, now);
        }
    }

    /// A peer is not connected any more. A connection that held for long makes good for failures
    /// before it; one that did not is a failure itself.
    pub(super) fn lost(&mut self, peer: PeerId, seen: u64, now: Instant) {
        let chance = self.draw();
        let backoff = self.backoff;
        for (target, state) in &mut self.targets {
            let Phase::Connected { peer: connected, since } = state.phase else { continue };
            if connected != peer {
                continue;
            }
            let held = now.saturating_duration_since(since) >= HOLDS;
            state.failures = if held { 0 } else { state.failures.saturating_add(1) };
            if *target == Target::Peer(peer) {
                state.seen = Some(seen);
            }
            state.wait(backoff, chance, now);
        }
    }

    /// When the next attempt is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let has_room = self.peers_room() > 0;
        let waiting = self.targets.iter().filter_map(|(target, state)| {
            state.due().filter(|_| has_room || matches!(target, Target::Fixed(_)))
        });
        waiting.min()
    }

    /// The attempts that are due, at most so many, those to fixed addresses first; each has to be
    /// answered by [`Redial::succeeded`] or [`Redial::failed`].
    pub(super) fn take_due(&mut self, most: usize, now: Instant) -> Vec<Attempt> {
        let peers_most = self.peers_room();
        let due = self.targets.iter_mut().filter_map(|(target, state)| {
            let until = state.due().filter(|until| *until <= now)?;
            Some((matches!(target, Target::Peer(_)), until, target, state))
        });
        let (mut peers, mut due): (Vec<_>, Vec<_>) = due.partition(|(is_peer, ..)| *is_peer);
        for targets in [&mut due, &mut peers] {
            targets.sort_by_key(|(_, until, ..)| *until);
        }
        due.extend(peers.into_iter().take(peers_most));
        due.truncate(most);
        due.into_iter()
            .map(|(.., target, state)| {
                state.phase = Phase::Dialling;
                let (target, addresses) = (target.clone(), state.addresses.all());
                Attempt { target, addresses, expected: state.expected }
            })
            .collect()
    }

    /// How many more of those who were met or found may be dialled now.
    fn peers_room(&self) -> usize {
        let dialled = self.targets.iter().filter(|(target, state)| {
            matches!(target, Target::Peer(_)) && state.phase == Phase::Dialling
        });
        self.peers_dialled_max.saturating_sub(dialled.count())
    }

    /// Who was met, for the peers file; those seen last come first.
    pub(super) fn met(&self) -> Vec<KnownPeer> {
        let mut peers: Vec<_> = self
            .targets
            .iter()
            .filter_map(|(target, state)| match (target, state.seen) {
                (Target::Peer(peer), Some(seen)) => {
                    Some(KnownPeer { peer: *peer, addresses: state.addresses.proven(), seen })
                }
                _ => None,
            })
            .collect();
        peers.sort_by_key(|known| (std::cmp::Reverse(known.seen), known.peer));
        peers
    }

    /// The state of a peer, unless it is this node or there is no room for it.
    fn peer(&mut self, peer: PeerId, now: Instant) -> Option<&mut State> {
        if peer == self.me || !self.make_room(peer) {
            return None;
        }
        let new = || State::new(Some(peer), now);
        Some(self.targets.entry(Target::Peer(peer)).or_insert_with(new))
    }

    /// Whether there is room for a peer; one that is not connected and was seen longest ago, or
    /// never, makes it.
    fn make_room(&mut self, peer: PeerId) -> bool {
        let peers = self.targets.iter().filter(|(target, _)| matches!(target, Target::Peer(_)));
        if self.targets.contains_key(&Target::Peer(peer)) || peers.clone().count() < KNOWN_PEERS_MAX
        {
            return true;
        }
        let oldest = peers
            .filter(|(_, state)| matches!(state.phase, Phase::Waiting { .. }))
            .min_by_key(|(_, state)| state.seen)
            .map(|(target, _)| target.clone());
        oldest.is_some_and(|target| self.targets.remove(&target).is_some())
    }

    /// A number from 0 to 65535.
    fn draw(&mut self) -> u16 {
        self.draws = self.draws.wrapping_add(1);
        let hash = blake3::keyed_hash(&self.seed, &self.draws.to_be_bytes());
        let [first, second, ..] = *hash.as_bytes();
        u16::from_be_bytes([first, second])
    }
}

impl State {
    fn new(expected: Option<PeerId>, now: Instant) -> Self {
        let phase = Phase::Waiting { until: now };
        Self { expected, addresses: Addresses::default(), seen: None, failures: 0, phase }
    }

    /// When to try it, if there is a way.
    fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } if !self.addresses.is_empty() => Some(until),
            _ => None,
        }
    }

    fn wait(&mut self, backoff: Backoff, chance: u16, now: Instant) {
        let wait = delay(backoff, self.failures, chance);
        self.phase = Phase::Waiting { until: now.checked_add(wait).unwrap_or(now) };
    }
}

/// Twice as long after each failure, of which the second half is up to chance.
fn delay(Backoff { first, longest }: Backoff, failures: u32, chance: u16) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = first.saturating_mul(factor).min(longest);
    whole / 2 + whole / 2 * u32::from(chance) / u32::from(u16::MAX)
}

/// How long a connection has to last to count as one that holds.
const HOLDS: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use pandan_identity::KeyPair;

    use super::*;

    const BACKOFF: Backoff =
        Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

    fn peer(number: u32) -> PeerId {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        KeyPair::from_seed(&seed).public_key().into()
    }

    const DIALS_MAX: usize = 4;

    fn redial(seed: u8) -> Redial {
        Redial::new(peer(u32::MAX), BACKOFF, DIALS_MAX, [seed; 32])
    }

    fn address(port: u16) -> Address {
        format!("192.0.2.1:{port}").parse().unwrap()
    }

    /// The waits after each of so many failures.
    fn waits(seed: u8, failures: usize) -> Vec<Duration> {
        let mut now = Instant::now();
        let mut redial = redial(seed);
        redial.keep(address(1), None, now);
        let target = Target::Fixed(address(1));
        (0..failures)
            .map(|_| {
                assert_eq!(redial.take_due(1, now).len(), 1);
                assert_eq!(redial.next_due(), None);
                redial.failed(&target, now);
                let due = redial.next_due().unwrap();
                let wait = due - now;
                now = due;
                wait
            })
            .collect()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        for seed in 0..20 {
            let waits = waits(seed, 12);
            for (failure, wait) in waits.iter().enumerate() {
                let whole = Duration::from_secs(1 << failure).min(BACKOFF.longest);
                assert!(*wait >= whole / 2 && *wait <= whole, "{failure}: {wait:?}");
            }
        }
        assert_eq!(waits(1, 5), waits(1, 5));
        assert_ne!(waits(1, 5), waits(2, 5));
        assert!(delay(BACKOFF, u32::MAX, u16::MAX) <= BACKOFF.longest);
    }

    #[test]
    fn lost_peers_are_dialled_again() {
        let start = Instant::now();
        let mut redial = redial(0);
        redial.keep(address(1), Some(peer(1)), start);
        let attempt = redial.take_due(9, start).pop().unwrap();
        assert_eq!(attempt.expected, Some(peer(1)));
        redial.succeeded(&attempt.target, peer(1), start);
        redial.connected(peer(1), address(1), 7, start);
        assert_eq!(redial.next_due(), None);
        redial.lost(peer(2), 8, start);
        assert_eq!(redial.next_due(), None);
        let later = start + HOLDS;
        redial.lost(peer(1), 9, later);
        let due = redial.next_due().unwrap();
        assert!(due >= later + BACKOFF.first / 2 && due <= later + BACKOFF.first);
        // Both as a fixed address and as somebody who was met.
        assert_eq!(redial.take_due(9, due).len(), 2);
        let met = KnownPeer { peer: peer(1), addresses: vec![address(1)], seen: 9 };
        assert_eq!(redial.met(), [met]);
    }

    #[test]
    fn news_are_tried_at_once() {
        let now = Instant::now();
        let mut redial = redial(0);
        redial.learn(peer(1), vec![address(1)], now);
        let target = redial.take_due(1, now).pop().unwrap().target;
        redial.failed(&target, now);
        redial.learn(peer(1), vec![address(1)], now);
        assert!(redial.next_due().unwrap() > now);
        redial.learn(peer(1), vec![address(2)], now);
        assert_eq!(redial.next_due(), Some(now));
        let attempt = redial.take_due(1, now).pop().unwrap();
        assert_eq!(attempt.addresses, [address(2), address(1)]);
    }

    #[test]
    fn what_is_forgotten_is_not_dialled() {
        let now = Instant::now();
        let mut redial = redial(0);
        redial.keep(address(1), None, now);
        redial.keep(address(2), None, now);
        redial.forget(address(1));
        let due = redial.take_due(9, now);
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].target, Target::Fixed(address(2)));
        // While an attempt is on its way, too.
        redial.forget(address(2));
        redial.failed(&due[0].target, now);
        assert_eq!(redial.next_due(), None);
    }

    #[test]
    fn a_node_does_not_dial_itself() {
        let now = Instant::now();
        let mut redial = redial(0);
        redial.learn(peer(u32::MAX), vec![address(1)], now);
        assert_eq!(redial.next_due(), None);
    }

    /// A node that came back to the local network at its old address was dialled only when its
    /// time to wait was over.
    #[test]
    fn who_is_heard_of_again_is_tried_soon() {
        let mut now = Instant::now();
        let mut redial = redial(0);
        redial.learn(peer(1), vec![address(1)], now);
        for _ in 0..6 {
            now = redial.next_due().unwrap();
            let target = redial.take_due(1, now).pop().unwrap().target;
            redial.failed(&target, now);
        }
        assert!(redial.next_due().unwrap() >= now + 10 * BACKOFF.first);
        redial.learn(peer(1), vec![address(1)], now);
        let due = redial.next_due().unwrap();
        assert!(due > now && due <= now + BACKOFF.first, "{:?}", due - now);
        // In vain: it waits as long as before.
        let target = redial.take_due(1, due).pop().unwrap().target;
        redial.failed(&target, due);
        assert!(redial.next_due().unwrap() >= due + 10 * BACKOFF.first);
    }

    /// A file with many peers that were gone for good, or anybody who announced such in the local
    /// network, had all attempts for themselves, and fixed addresses waited for minutes.
    #[test]
    fn fixed_addresses_do_not_wait_for_peers_that_were_met() {
        let now = Instant::now();
        let mut redial = redial(0);
        for number in 1..100 {
            redial.learn(peer(number), vec![address(1)], now);
        }
        let peers = redial.take_due(DIALS_MAX, now);
        assert_eq!(peers.len(), DIALS_MAX / 2);
        // Nothing is due that may not be tried, or whoever waits for it would not rest.
        assert_eq!(redial.next_due(), None);
        for port in 1..=2 {
            redial.keep(address(port), None, now);
        }
        assert_eq!(redial.next_due(), Some(now));
        let fixed = redial.take_due(DIALS_MAX / 2, now);
        assert!(fixed.iter().all(|attempt| matches!(attempt.target, Target::Fixed(_))));
        assert_eq!(fixed.len(), 2);
        redial.failed(&peers[0].target, now);
        assert_eq!(redial.take_due(1, now).len(), 1);
        // A single place serves both.
        let mut redial = Redial::new(peer(u32::MAX), BACKOFF, 1, [0; 32]);
        redial.learn(peer(1), vec![address(1)], now);
        assert_eq!(redial.take_due(1, now).len(), 1);
    }

    #[test]
    fn only_where_a_peer_was_met_is_written_down() {
        let now = Instant::now();
        let mut redial = redial(0);
        redial.connected(peer(1), address(1), 7, now);
        redial.learn(peer(1), vec![address(2)], now);
        redial.learn(peer(2), vec![address(3)], now);
        redial.moved(peer(1), address(4));
        let met = KnownPeer { peer: peer(1), addresses: vec![address(4), address(1)], seen: 7 };
        assert_eq!(redial.met(), [met]);
    }

    /// Whoever was met at a time that is still to come was never forgotten.
    #[test]
    fn nobody_was_met_in_the_future() {
        let now = Instant::now();
        let mut redial = redial(0);
        redial.remember(KnownPeer { peer: peer(1), addresses: vec![], seen: u64::MAX }, 7, now);
        redial.remember(KnownPeer { peer: peer(2), addresses: vec![], seen: 6 }, 7, now);
        let seen: Vec<_> = redial.met().iter().map(|known| known.seen).collect();
        assert_eq!(seen, [7, 6]);
    }

    #[test]
    fn peers_are_bounded() {
        let now = Instant::now();
        let mut redial = redial(0);
        let count = u32::try_from(KNOWN_PEERS_MAX).unwrap();
        for number in 0..count {
            let known = KnownPeer { peer: peer(number), addresses: vec![], seen: number.into() };
            redial.remember(known, count.into(), now);
        }
        redial.connected(peer(0), address(1), 0, now);
        assert_eq!(redial.met().len(), KNOWN_PEERS_MAX);
        redial.connected(peer(count), address(1), count.into(), now);
        let met = redial.met();
        assert_eq!(met.len(), KNOWN_PEERS_MAX);
        // The one that was seen longest ago is connected, so the next one went.
        assert!(met.iter().any(|known| known.peer == peer(0)));
        assert!(met.iter().all(|known| known.peer != peer(1)));
    }
}
