//! Where nodes of the local network are: addresses as libp2p tells them, and those of sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use libp2p_core::{Multiaddr, multiaddr::Protocol as Part};

use crate::{PeerId, limits::ADDRESSES_PER_PEER_MAX};

/// Whether a socket that is bound like this receives what is sent to an address of an interface,
/// and others can name that address.
pub(super) fn is_reachable_at(listening: SocketAddr, interface: IpAddr) -> bool {
    let link_local = match interface {
        IpAddr::V6(address) => address.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    let bound = if listening.ip().is_unspecified() {
        listening.is_ipv6() || interface.is_ipv4()
    } else {
        listening.ip() == interface
    };
    bound && !link_local && !interface.is_loopback()
}

/// The address as libp2p writes it.
pub(super) fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Part::Udp(address.port())).with(Part::QuicV1)
}

/// The address of a node, if it is one of QUIC.
pub(super) fn socket_addr(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Part::Ip4(ip) => IpAddr::V4(ip),
        Part::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match (parts.next()?, parts.next()?) {
        (Part::Udp(port), Part::QuicV1) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

/// The nodes whose kind of key and address this node can do something with.
pub(super) fn sort(
    nodes: Vec<(libp2p_core::PeerId, Multiaddr)>,
) -> BTreeMap<PeerId, Vec<SocketAddr>> {
    let mut sorted = BTreeMap::<_, Vec<_>>::new();
    for (peer, address) in nodes {
        let Ok(peer) = PeerId::from_bytes(&peer.to_bytes()) else { continue };
        let Some(address) = socket_addr(&address) else { continue };
        let addresses = sorted.entry(peer).or_default();
        if addresses.len() < ADDRESSES_PER_PEER_MAX {
            addresses.push(address);
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_quic() {
        let address: SocketAddr = "192.0.2.1:2022".parse().unwrap();
        assert_eq!(socket_addr(&multiaddr(address)), Some(address));
        for other in ["/ip4/192.0.2.1/tcp/1", "/dns/a/udp/1/quic-v1", "/ip4/192.0.2.1"] {
            assert_eq!(socket_addr(&other.parse().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn only_addresses_that_others_can_use_are_announced() {
        for (listening, interface, expected) in [
            ("0.0.0.0:1", "192.0.2.1", true),
            ("0.0.0.0:1", "2001:db8::1", false),
            ("[::]:1", "192.0.2.1", true),
            ("[::]:1", "2001:db8::1", true),
            ("[::]:1", "fe80::1", false),
            ("0.0.0.0:1", "127.0.0.1", false),
            ("192.0.2.1:1", "192.0.2.1", true),
            ("192.0.2.1:1", "192.0.2.2", false),
        ] {
            let listening = listening.parse().unwrap();
            let found = is_reachable_at(listening, interface.parse().unwrap());
            assert_eq!(found, expected, "{listening} {interface}");
        }
    }
}
