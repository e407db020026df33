//! What is heard by multicast DNS: packets, the addresses in their texts, and what a node makes of
//! these.
//!
//! The crate that reads packets keeps its reader to itself, so the same reader of DNS that it uses is
//! called here, and texts of all records are taken, whatever their names.
//!
//! ```text
//! 0 · texts, each on a line
//! other bytes: a packet
//! ```

use hickory_proto::op::Message;
use hickory_proto::rr::RData;
use libp2p_core::multiaddr::{Multiaddr, Protocol};

use crate::found::{multiaddr, socket_addr, sort};
use crate::limits::ADDRESSES_PER_PEER_MAX;

/// What precedes an address in a text.
const PREFIX: &str = "dnsaddr=";

/// Reads a packet, or texts as they are in one, and sorts what they tell.
pub fn check(bytes: &[u8]) {
    let texts = match bytes.split_first() {
        Some((0, texts)) => texts.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
        _ => texts(bytes),
    };
    let nodes: Vec<_> = texts.iter().filter_map(|text| node(text)).collect();
    let sorted = sort(nodes.clone());
    for (peer, addresses) in &sorted {
        assert!((1..=ADDRESSES_PER_PEER_MAX).contains(&addresses.len()), "addresses are bounded");
        let of_peer = |id: &libp2p_core::PeerId| id.to_bytes() == peer.to_bytes();
        for address in addresses {
            let is_told = |(id, told): &(_, _)| of_peer(id) && socket_addr(told) == Some(*address);
            assert!(nodes.iter().any(is_told), "nothing is made up");
            assert_eq!(socket_addr(&multiaddr(*address)), Some(*address));
        }
    }
}

/// The texts of a packet.
fn texts(packet: &[u8]) -> Vec<Vec<u8>> {
    let Ok(message) = Message::from_vec(packet) else { return Vec::new() };
    let records = message.answers.iter().chain(&message.additionals);
    let texts = records.filter_map(|record| match &record.data {
        RData::TXT(text) => Some(&text.txt_data),
        _ => None,
    });
    texts.flatten().map(|text| text.to_vec()).collect()
}

/// The node that a text tells of.
fn node(text: &[u8]) -> Option<(libp2p_core::PeerId, Multiaddr)> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix(PREFIX)?;
    let mut address: Multiaddr = text.parse().ok()?;
    match address.pop() {
        Some(Protocol::P2p(peer)) => Some((peer, address)),
        _ => None,
    }
}
