//! When to dial whom: a state machine without I/O. Time is an argument, chance comes from a seed.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::peers_file::KnownPeer;
use crate::{
    Address, Backoff, PeerId,
    limits::{ADDRESSES_PER_PEER_MAX, KNOWN_PEERS_MAX},
};

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
    /// The ones that worked or were heard of last come first.
    addresses: Vec<Address>,
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
    seed: [u8; 32],
    draws: u64,
    targets: HashMap<Target, State>,
}

impl Redial {
    pub(super) fn new(me: PeerId, backoff: Backoff, seed: [u8; 32]) -> Self {
        Self { me, backoff, seed, draws: 0, targets: HashMap::new() }
    }

    /// Keeps a connection with whoever is at an address, beginning now.
    pub(super) fn keep(&mut self, address: Address, expected: Option<PeerId>, now: Instant) {
        let state = State::new(expected, vec![address.clone()], now);
        self.targets.entry(Target::Fixed(address)).or_insert(state);
    }

    pub(super) fn forget(&mut self, address: Address) {
        self.targets.remove(&Target::Fixed(address));
    }

    /// Takes over what the peers file remembers.
    pub(super) fn remember(&mut self, known: KnownPeer, now: Instant) {
        self.learn(known.peer, known.addresses, now);
        if let Some(state) = self.targets.get_mut(&Target::Peer(known.peer)) {
            state.seen = Some(known.seen);
        }
    }

    /// Hears where a peer is. A new address is tried at once.
    pub(super) fn learn(&mut self, peer: PeerId, addresses: Vec<Address>, now: Instant) {
        if peer == self.me || !self.make_room(peer) {
            return;
        }
        let state = self
            .targets
            .entry(Target::Peer(peer))
            .or_insert_with(|| State::new(Some(peer), Vec::new(), now));
        let news = addresses.iter().any(|address| !state.addresses.contains(address));
        state.add(addresses);
        if news && let Phase::Waiting { until } = &mut state.phase {
            *until = now;
            state.failures = 0;
        }
    }

    /// A peer is connected, whoever dialled.
    pub(super) fn connected(&mut self, peer: PeerId, at: Address, seen: u64, now: Instant) {
        self.learn(peer, vec![at], now);
        if let Some(state) = self.targets.get_mut(&Target::Peer(peer)) {
            state.seen = Some(seen);
            state.phase = Phase::Connected { peer, since: now };
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
        let waiting = self.targets.values().filter_map(|state| match state.phase {
            Phase::Waiting { until } if !state.addresses.is_empty() => Some(until),
            _ => None,
        });
        waiting.min()
    }

    /// The attempts that are due, at most so many; each has to be answered by
    /// [`Redial::succeeded`] or [`Redial::failed`].
    pub(super) fn take_due(&mut self, most: usize, now: Instant) -> Vec<Attempt> {
        let mut due: Vec<_> = self
            .targets
            .iter_mut()
            .filter_map(|(target, state)| match state.phase {
                Phase::Waiting { until } if until <= now && !state.addresses.is_empty() => {
                    Some((until, target, state))
                }
                _ => None,
            })
            .collect();
        due.sort_by_key(|(until, ..)| *until);
        due.truncate(most);
        due.into_iter()
            .map(|(_, target, state)| {
                state.phase = Phase::Dialling;
                let (target, addresses) = (target.clone(), state.addresses.clone());
                Attempt { target, addresses, expected: state.expected }
            })
            .collect()
    }

    /// Who was met, for the peers file; those seen last come first.
    pub(super) fn met(&self) -> Vec<KnownPeer> {
        let mut peers: Vec<_> = self
            .targets
            .iter()
            .filter_map(|(target, state)| match (target, state.seen) {
                (Target::Peer(peer), Some(seen)) => {
                    Some(KnownPeer { peer: *peer, addresses: state.addresses.clone(), seen })
                }
                _ => None,
            })
            .collect();
        peers.sort_by_key(|known| (std::cmp::Reverse(known.seen), known.peer));
        peers
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
    fn new(expected: Option<PeerId>, addresses: Vec<Address>, now: Instant) -> Self {
        let phase = Phase::Waiting { until: now };
        Self { expected, addresses, seen: None, failures: 0, phase }
    }

    fn add(&mut self, addresses: Vec<Address>) {
        for address in addresses.into_iter().rev() {
            self.addresses.retain(|known| *known != address);
            self.addresses.insert(0, address);
        }
        self.addresses.truncate(ADDRESSES_PER_PEER_MAX);
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

    fn redial(seed: u8) -> Redial {
        Redial::new(peer(u32::MAX), BACKOFF, [seed; 32])
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

    #[test]
    fn peers_and_addresses_are_bounded() {
        let now = Instant::now();
        let mut redial = redial(0);
        let count = u32::try_from(KNOWN_PEERS_MAX).unwrap();
        for number in 0..count {
            let known = KnownPeer { peer: peer(number), addresses: vec![], seen: number.into() };
            redial.remember(known, now);
        }
        redial.connected(peer(0), address(1), 0, now);
        assert_eq!(redial.met().len(), KNOWN_PEERS_MAX);
        redial.connected(peer(count), address(1), count.into(), now);
        let met = redial.met();
        assert_eq!(met.len(), KNOWN_PEERS_MAX);
        // The one that was seen longest ago is connected, so the next one went.
        assert!(met.iter().any(|known| known.peer == peer(0)));
        assert!(met.iter().all(|known| known.peer != peer(1)));
        for port in 0..=u16::try_from(ADDRESSES_PER_PEER_MAX).unwrap() {
            redial.learn(peer(2), vec![address(port)], now);
        }
        let known = redial.met().into_iter().find(|known| known.peer == peer(2)).unwrap();
        assert_eq!(known.addresses.len(), ADDRESSES_PER_PEER_MAX);
        assert!(!known.addresses.contains(&address(0)));
    }
}
