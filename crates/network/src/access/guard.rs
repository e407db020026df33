//! The door: what becomes of a connection attempt, before anything is spent on it.
//!
//! An attempt is one packet until it is let in. The guard answers with one of four:
//!
//! * *ignore*: not even a packet goes back; for those who knock too often, and when all places for
//!   handshakes are taken;
//! * *retry*: one small packet, nothing is remembered; the address has to prove that it can hear
//!   us. Asked for when half of the places for handshakes or connections are taken, or when an
//!   address has used half of what it may: whoever forges addresses, for instance that of somebody
//!   else, can use up that half, never the other;
//! * *refuse*: one small packet says that there is no place;
//! * *enter*: a handshake begins, and counts until the connection is gone.
//!
//! An address takes no more places than it leaves to others, however many it may have: the fuller it
//! gets, the more addresses it takes to lock everybody else out, in the end as many as there are
//! places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::bucket::Bucket;
use crate::{Limits, event::RefusalReason, limits::COUNTED_ADDRESSES_MAX};

/// What to do with an attempt.
#[derive(Debug)]
pub(crate) enum Answer {
    Enter(Slot),
    Retry,
    Refuse(RefusalReason),
    Ignore(RefusalReason),
}

/// Counts connections and handshakes.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    incoming: usize,
    handshakes: usize,
    dials: usize,
    per_address: HashMap<IpAddr, Places>,
    buckets: HashMap<IpAddr, (Bucket, Instant)>,
}

/// The places that an address has.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    connections: usize,
    /// How many of them are handshakes.
    handshakes: usize,
}

impl Guard {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Somebody knocks. `validated` says that the address is theirs.
    pub(crate) fn knock(self: &Arc<Self>, from: IpAddr, validated: bool, now: Instant) -> Answer {
        let address = network_of(from);
        let mut counts = self.counts();
        if counts.handshakes >= self.limits.handshakes {
            return Answer::Ignore(RefusalReason::TooManyHandshakes);
        }
        if !validated && counts.half_full_for(address, &self.limits) {
            return Answer::Retry;
        }
        let reserve = if validated { 0 } else { self.limits.handshakes_per_address / 2 };
        let left = self.limits.handshakes.saturating_sub(counts.handshakes);
        if counts.of(address).handshakes >= left
            || !counts.take_handshake(address, &self.limits, reserve, now)
        {
            let reason = RefusalReason::TooManyHandshakesFromAddress;
            return if validated { Answer::Ignore(reason) } else { Answer::Retry };
        }
        if let Some(reason) = counts.full_for(address, &self.limits) {
            return Answer::Refuse(reason);
        }
        counts.total += 1;
        counts.incoming += 1;
        counts.handshakes += 1;
        let places = counts.per_address.entry(address).or_default();
        places.connections += 1;
        places.handshakes += 1;
        let (guard, address) = (self.clone(), Some(address));
        Answer::Enter(Slot { guard, address, pending: true })
    }

    /// A place for a connection that this node opens.
    pub(crate) fn dial(self: &Arc<Self>) -> Option<Slot> {
        let mut counts = self.counts();
        if counts.total >= self.limits.connections || counts.dials >= self.limits.dials {
            return None;
        }
        counts.total += 1;
        counts.dials += 1;
        Some(Slot { guard: self.clone(), address: None, pending: true })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn take_handshake(
        &mut self,
        address: IpAddr,
        limits: &Limits,
        reserve: u64,
        now: Instant,
    ) -> bool {
        if !self.buckets.contains_key(&address) && self.buckets.len() >= COUNTED_ADDRESSES_MAX {
            self.forget_oldest();
        }
        let (bucket, used) = self.buckets.entry(address).or_insert_with(|| {
            let burst = limits.handshakes_per_address;
            (Bucket::new(burst, limits.handshakes_per_address_second, now), now)
        });
        *used = now;
        bucket.take(reserve, now)
    }

    /// Forgets the quarter of addresses that knocked longest ago, so that this happens rarely.
    fn forget_oldest(&mut self) {
        let mut times: Vec<_> = self.buckets.values().map(|(_, used)| *used).collect();
        let middle = times.len() / 4;
        let (_, border, _) = times.select_nth_unstable(middle);
        let border = *border;
        self.buckets.retain(|_, (_, used)| *used > border);
    }

    fn half_full_for(&self, address: IpAddr, limits: &Limits) -> bool {
        self.handshakes >= limits.handshakes / 2
            || self.incoming >= limits.connections_incoming / 2
            || self.of(address).connections >= limits.connections_per_address / 2
    }

    fn full_for(&self, address: IpAddr, limits: &Limits) -> Option<RefusalReason> {
        let left = limits.connections_incoming.saturating_sub(self.incoming);
        let left = limits.connections.saturating_sub(self.total).min(left);
        if left == 0 {
            return Some(RefusalReason::TooManyConnections);
        }
        let is_full = self.of(address).connections >= limits.connections_per_address.min(left);
        is_full.then_some(RefusalReason::TooManyConnectionsFromAddress)
    }

    fn of(&self, address: IpAddr) -> Places {
        self.per_address.get(&address).copied().unwrap_or_default()
    }
}

/// A place that is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    guard: Arc<Guard>,
    /// Where it comes from, if it comes in.
    address: Option<IpAddr>,
    /// Whether it is not established yet.
    pending: bool,
}

impl Slot {
    /// The connection is established; it is no handshake or dial any more.
    pub(crate) fn established(&mut self) {
        if !std::mem::take(&mut self.pending) {
            return;
        }
        let mut counts = self.guard.counts();
        match self.address {
            Some(address) => {
                counts.handshakes = counts.handshakes.saturating_sub(1);
                if let Some(places) = counts.per_address.get_mut(&address) {
                    places.handshakes = places.handshakes.saturating_sub(1);
                }
            }
            None => counts.dials = counts.dials.saturating_sub(1),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.established();
        let mut counts = self.guard.counts();
        counts.total = counts.total.saturating_sub(1);
        let Some(address) = self.address else { return };
        counts.incoming = counts.incoming.saturating_sub(1);
        if let Some(places) = counts.per_address.get_mut(&address) {
            places.connections = places.connections.saturating_sub(1);
            if places.connections == 0 {
                counts.per_address.remove(&address);
            }
        }
    }
}

/// What is counted together: an IPv4 address, or the /64 of an IPv6 address, all of which usually
/// belongs to one customer.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn limits() -> Limits {
        Limits {
            connections: 9,
            connections_incoming: 8,
            connections_per_address: 4,
            handshakes: 100,
            handshakes_per_address: 100,
            dials: 2,
            ..Limits::default()
        }
    }

    fn enter(guard: &Arc<Guard>, from: IpAddr) -> Result<Slot, RefusalReason> {
        match guard.knock(from, true, Instant::now()) {
            Answer::Enter(mut slot) => {
                slot.established();
                Ok(slot)
            }
            Answer::Refuse(reason) | Answer::Ignore(reason) => Err(reason),
            Answer::Retry => panic!("validated addresses are not asked again"),
        }
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let guard = Guard::new(limits());
        let mut slots: Vec<_> = (0..4).map(|_| enter(&guard, HERE).unwrap()).collect();
        let reason = RefusalReason::TooManyConnectionsFromAddress;
        assert_eq!(enter(&guard, HERE).unwrap_err(), reason);
        slots.extend((1..=4).map(|last| enter(&guard, address(last)).unwrap()));
        // The place that is left is one for dialling.
        let reason = RefusalReason::TooManyConnections;
        assert_eq!(enter(&guard, address(5)).unwrap_err(), reason);
        let dialled = guard.dial().unwrap();
        assert!(guard.dial().is_none());
        slots.pop();
        drop(dialled);
        assert!(enter(&guard, address(5)).is_ok());
        drop(slots);
        let counts = guard.counts();
        assert_eq!((counts.total, counts.incoming, counts.per_address.len()), (0, 0, 0));
    }

    #[test]
    fn pending_dials_are_bounded() {
        let guard = Guard::new(limits());
        let mut first = guard.dial().unwrap();
        let _second = guard.dial().unwrap();
        assert!(guard.dial().is_none());
        first.established();
        assert!(guard.dial().is_some());
    }

    #[test]
    fn handshakes_are_bounded() {
        let guard = Guard::new(Limits { handshakes: 4, ..Limits::default() });
        let now = Instant::now();
        let mut slots = Vec::new();
        for (from, validated) in [(1, false), (2, false), (3, true), (4, true)] {
            let Answer::Enter(slot) = guard.knock(address(from), validated, now) else { panic!() };
            slots.push(slot);
            if slots.len() >= 2 && slots.len() < 4 {
                assert!(matches!(guard.knock(HERE, false, now), Answer::Retry));
            }
        }
        for validated in [false, true] {
            let answer = guard.knock(HERE, validated, now);
            assert!(matches!(answer, Answer::Ignore(RefusalReason::TooManyHandshakes)));
        }
    }

    #[test]
    fn each_address_has_its_share_of_handshakes() {
        let guard = Guard::new(Limits {
            handshakes_per_address: 4,
            handshakes_per_address_second: 1,
            ..Limits::default()
        });
        let now = Instant::now();
        let knock = |validated, now| match guard.knock(HERE, validated, now) {
            Answer::Enter(_) => "enter",
            Answer::Retry => "retry",
            Answer::Refuse(_) => "refuse",
            Answer::Ignore(_) => "ignore",
        };
        let answers = [false, false, false, true, true, true].map(|v| knock(v, now));
        assert_eq!(answers, ["enter", "enter", "retry", "enter", "enter", "ignore"]);
        assert_eq!(knock(true, now + Duration::from_secs(1)), "enter");
        assert_eq!(knock(true, now + Duration::from_secs(1)), "ignore");
    }

    /// Handshakes with forged addresses took all places that an address has, or even the node, and
    /// the true owner was refused although it had proven that the address is its own.
    #[test]
    fn forged_addresses_take_half_of_the_places() {
        let guard = Guard::new(limits());
        let now = Instant::now();
        let mut slots = Vec::new();
        for from in [HERE, address(1)] {
            for _ in 0..10 {
                match guard.knock(from, false, now) {
                    Answer::Enter(slot) => slots.push(slot),
                    Answer::Retry => {}
                    answer => panic!("{answer:?}"),
                }
            }
        }
        // Half of the four of each address, which are half of all.
        assert_eq!(slots.len(), 4);
        for from in [HERE, address(1), address(2)] {
            slots.push(enter(&guard, from).unwrap());
        }
    }

    /// Seven addresses that began handshakes and ended none kept everybody out, and twelve that were
    /// connected.
    #[test]
    fn few_addresses_do_not_lock_others_out() {
        let now = Instant::now();
        for is_established in [false, true] {
            let guard = Guard::new(Limits { handshakes_per_address: 100, ..Limits::default() });
            let mut slots = Vec::new();
            for from in (1..=50).cycle().take(5000) {
                if let Answer::Enter(mut slot) = guard.knock(address(from), true, now) {
                    if is_established {
                        slot.established();
                    }
                    slots.push(slot);
                }
            }
            let answer = guard.knock(HERE, true, now);
            assert!(matches!(answer, Answer::Enter(_)), "{answer:?}, {is_established}");
            // Who comes first leaves as much as it takes.
            drop((answer, slots));
            let count = (0..5000)
                .filter_map(|_| match guard.knock(HERE, true, now) {
                    Answer::Enter(slot) => Some(slot),
                    _ => None,
                })
                .collect::<Vec<_>>()
                .len();
            assert_eq!(count, guard.limits.connections_per_address);
        }
    }

    #[test]
    fn addresses_that_are_counted_are_bounded() {
        let guard = Guard::new(Limits { handshakes: usize::MAX, ..Limits::default() });
        let start = Instant::now();
        for number in 0..=u32::try_from(COUNTED_ADDRESSES_MAX).unwrap() {
            let from = IpAddr::from(std::net::Ipv4Addr::from_bits(number));
            let now = start + Duration::from_millis(number.into());
            drop(guard.knock(from, true, now));
            assert!(guard.counts().buckets.len() <= COUNTED_ADDRESSES_MAX);
        }
        assert!(guard.counts().buckets.len() > COUNTED_ADDRESSES_MAX / 2);
    }

    #[test]
    fn ipv6_networks_count_as_one() {
        let [first, second, other] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|a| a.parse().unwrap());
        assert_eq!(network_of(first), network_of(second));
        assert_ne!(network_of(first), network_of(other));
        assert_eq!(network_of("::ffff:10.0.0.1".parse().unwrap()), address(1));
    }
}
