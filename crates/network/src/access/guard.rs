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
    per_address: HashMap<IpAddr, usize>,
    buckets: HashMap<IpAddr, (Bucket, Instant)>,
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
        if !counts.take_handshake(address, &self.limits, reserve, now) {
            let reason = RefusalReason::TooManyHandshakesFromAddress;
            return if validated { Answer::Ignore(reason) } else { Answer::Retry };
        }
        if let Some(reason) = counts.full_for(address, &self.limits) {
            return Answer::Refuse(reason);
        }
        counts.total += 1;
        counts.incoming += 1;
        counts.handshakes += 1;
        *counts.per_address.entry(address).or_default() += 1;
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
            || self.of(address) >= limits.connections_per_address / 2
    }

    fn of(&self, address: IpAddr) -> usize {
        self.per_address.get(&address).copied().unwrap_or_default()
    }

    fn full_for(&self, address: IpAddr, limits: &Limits) -> Option<RefusalReason> {
        if self.of(address) >= limits.connections_per_address {
            return Some(RefusalReason::TooManyConnectionsFromAddress);
        }
        let full = self.total >= limits.connections || self.incoming >= limits.connections_incoming;
        full.then_some(RefusalReason::TooManyConnections)
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
        if std::mem::take(&mut self.pending) {
            let mut counts = self.guard.counts();
            let pending = match self.address {
                Some(_) => &mut counts.handshakes,
                None => &mut counts.dials,
            };
            *pending = pending.saturating_sub(1);
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
        if let Some(count) = counts.per_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
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
            connections: 6,
            connections_incoming: 5,
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
        slots.push(enter(&guard, address(1)).unwrap());
        // The place that is left is one for dialling.
        let reason = RefusalReason::TooManyConnections;
        assert_eq!(enter(&guard, address(2)).unwrap_err(), reason);
        let dialled = guard.dial().unwrap();
        assert!(guard.dial().is_none());
        slots.pop();
        drop(dialled);
        assert!(enter(&guard, address(2)).is_ok());
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
        for validated in [false, false, true, true] {
            let Answer::Enter(slot) = guard.knock(HERE, validated, now) else { panic!() };
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
        // Half of the four of the address, half of the five of all.
        assert_eq!(slots.len(), 2);
        for from in [HERE, address(1), address(2)] {
            slots.push(enter(&guard, from).unwrap());
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
