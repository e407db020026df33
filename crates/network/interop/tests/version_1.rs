//! A node replicates with a peer on rust-libp2p that does what the deployed nodes do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p_core::{Multiaddr, multiaddr::Protocol as Part};
use libp2p_stream::Control;
use libp2p_swarm::{Stream, StreamProtocol};
use pandan_network_interop::{Libp2p, deployed::Deployed};
use pandan_node::{Node, Replication};
use pandan_operations::{RawValue, SchemaId, SystemSchema};
use pandan_schema::FieldType;
use pandan_store::conformance::{
    Author, Definition, Signed, fields, pinned_relation_list, relation, text,
};
use pandan_store::{DocumentRecord, query::Selection};

const P2PANDA: StreamProtocol = StreamProtocol::new("/p2p/p2panda/1.0.0");

const ANYWHERE: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// How often the peer does what it does every few seconds.
const TICK: Duration = Duration::from_secs(1);

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A node, and a peer with its connection.
struct Pair {
    node: Node,
    peer: Arc<Mutex<Deployed>>,
}

impl Pair {
    /// Both have these at first.
    async fn new(ours: &[&Signed], theirs: &[&Signed]) -> Self {
        let replication = Replication::at("127.0.0.1:0".parse().unwrap());
        let builder = Node::builder().in_memory().without_http().replication(replication);
        let node = builder.start().await.unwrap();
        for signed in ours {
            node.publish(signed.entry.as_bytes(), &signed.payload).await.unwrap();
        }
        let mut peer = Deployed::default();
        peer.store(theirs.iter().copied());
        Self { node, peer: Arc::new(Mutex::new(peer)) }
    }

    /// Connects both, again if need be; then each opens its stream.
    async fn connect(&self, (mut libp2p, address): (Libp2p, Multiaddr), node_dials: bool) {
        let theirs = *libp2p.swarm.local_peer_id();
        let name = self.node.peer_id().unwrap();
        let ours: libp2p_identity::PeerId = name.to_string().parse().unwrap();
        let mut incoming = libp2p.control.accept(P2PANDA).unwrap();
        if node_dials {
            let expected = theirs.to_string().parse().unwrap();
            self.node.keep_peer(socket_addr(&address), Some(expected)).await;
        } else {
            let address = self.node.quic_address().unwrap();
            let address =
                Multiaddr::from(address.ip()).with(Part::Udp(address.port())).with(Part::QuicV1);
            libp2p.swarm.dial(address.with(Part::P2p(ours))).unwrap();
        }
        let (control, peer) = (libp2p.run(), Arc::clone(&self.peer));
        tokio::spawn(async move {
            while let Some((from, stream)) = incoming.next().await {
                assert_eq!(from, ours);
                peer.lock().unwrap().connect(theirs < ours);
                tokio::spawn(write(control.clone(), ours, Arc::clone(&peer)));
                tokio::spawn(read(stream, Arc::clone(&peer)));
            }
        });
    }

    async fn has(&self, signed: &Signed) -> bool {
        let hash = signed.entry.hash();
        self.node.read(move |snapshot| snapshot.entry(&hash)).await.unwrap().is_some()
    }

    async fn document(&self, create: &Signed) -> DocumentRecord {
        let id = create.document();
        let found = self.node.read(move |snapshot| snapshot.documents(&[id], &Selection::All));
        found.await.unwrap().remove(0).unwrap()
    }

    /// Waits until each has what is new to it.
    async fn exchanged(&self, to_node: &[&Signed], to_peer: &[&Signed]) {
        let limit = Instant::now() + PATIENCE;
        loop {
            let mut missing = Vec::new();
            for (index, signed) in to_node.iter().enumerate() {
                if !self.has(signed).await {
                    missing.push(format!("{index} of the peer"));
                }
            }
            {
                let peer = self.peer.lock().unwrap();
                let of_node = to_peer.iter().enumerate().filter(|(_, signed)| !peer.has(signed));
                missing.extend(of_node.map(|(index, _)| format!("{index} of the node")));
            }
            if missing.is_empty() {
                return;
            }
            let status = self.node.sync_status();
            assert!(Instant::now() < limit, "{missing:?} did not come: {status:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn failures(&self) -> Vec<String> {
        self.peer.lock().unwrap().failures.clone()
    }
}

fn socket_addr(address: &Multiaddr) -> SocketAddr {
    let mut parts = address.iter();
    match (parts.next(), parts.next()) {
        (Some(Part::Ip4(ip)), Some(Part::Udp(port))) => SocketAddr::from((ip, port)),
        _ => panic!("{address}"),
    }
}

/// Reads from the stream that the node has opened.
async fn read(mut stream: Stream, peer: Arc<Mutex<Deployed>>) {
    let mut buffer = vec![0; 1000];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        peer.lock().unwrap().read(&buffer[..length]);
    }
}

/// Opens a stream, since there is something to say, and only sends on it.
async fn write(mut control: Control, node: libp2p_identity::PeerId, peer: Arc<Mutex<Deployed>>) {
    let Ok(mut stream) = control.open_stream(node, P2PANDA).await else { return };
    let mut ticked = Instant::now();
    loop {
        if ticked.elapsed() >= TICK {
            peer.lock().unwrap().tick();
            ticked = Instant::now();
        }
        let output = peer.lock().unwrap().take_output();
        if stream.write_all(&output).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn band(author: &mut Author) -> Definition {
    author.define("band", &[("name", FieldType::Str)])
}

fn named(name: &str) -> pandan_operations::Fields {
    fields([("name", text(name))])
}

async fn both_end_alike(libp2p: (Libp2p, Multiaddr), node_dials: bool) {
    let [mut ada, mut bob, mut eve] = [1, 2, 3].map(Author::new);
    let band = band(&mut ada);
    let can = ada.create(&band.schema, named("Can"));
    let neu = ada.create(&band.schema, named("Neu"));
    let update = bob.update(neu.document(), &band.schema, &neu.view(), named("Neu!"));
    let gone = ada.create(&band.schema, named("gone"));
    let delete = ada.delete(gone.document(), &band.schema, &gone.view());
    let theirs: Vec<_> = band.signed.iter().chain([&can, &neu, &update, &gone, &delete]).collect();
    let song = eve.define("song", &[("title", FieldType::Str)]);
    let title = |title| fields([("title", text(title))]);
    let one = eve.create(&song.schema, title("Hallogallo"));
    let two = eve.update(one.document(), &song.schema, &one.view(), title("Negativland"));
    let ours: Vec<_> = song.signed.iter().chain([&one, &two]).collect();
    let pair = Pair::new(&ours, &theirs).await;
    pair.connect(libp2p, node_dials).await;
    pair.exchanged(&theirs, &ours).await;

    let document = pair.document(&neu).await;
    assert_eq!(document.field("name"), Some(&pandan_schema::Value::Str("Neu!".into())));
    assert!(pair.document(&gone).await.is_deleted());
    assert!(!pair.document(&can).await.is_deleted());
    // What comes later goes over the same streams.
    let faust = eve.create(&band.schema, named("Faust"));
    pair.node.publish(faust.entry.as_bytes(), &faust.payload).await.unwrap();
    let cluster = ada.create(&band.schema, named("Cluster"));
    pair.peer.lock().unwrap().store([&cluster]);
    pair.exchanged(&[&cluster], &[&faust]).await;
    let status = pair.node.sync_status();
    assert_eq!((status.peers.len(), status.peers[0].version), (1, 1), "{status:#?}");
    assert_eq!(pair.failures(), Vec::<String>::new());
    pair.node.shutdown().await;
}

#[tokio::test]
async fn a_node_and_a_peer_that_dials_it_end_alike() {
    both_end_alike(Libp2p::listen(ANYWHERE).await, false).await;
}

#[tokio::test]
async fn a_node_and_a_peer_that_it_dials_end_alike() {
    both_end_alike(Libp2p::listen(ANYWHERE).await, true).await;
}

/// It closes connections without streams at once; that of the node is there before it knows who
/// the node is.
#[tokio::test]
async fn a_node_holds_the_connection_with_an_impatient_relay() {
    both_end_alike(Libp2p::impatient_relay(ANYWHERE).await, true).await;
}

/// A piece and a blob of it.
fn blob(author: &mut Author, data: &[u8]) -> [Signed; 2] {
    let piece = fields([("data", RawValue::Bytes(data.into()))]);
    let piece = author.create(&SchemaId::from(SystemSchema::BlobPiece), piece);
    let content = [
        ("length", RawValue::Int(i64::try_from(data.len()).unwrap())),
        ("mime_type", text("text/plain")),
        ("pieces", pinned_relation_list(&[piece.view()])),
    ];
    let blob = author.create(&SchemaId::from(SystemSchema::Blob), fields(content));
    [piece, blob]
}

#[tokio::test]
async fn blobs_go_both_ways_when_something_relates_to_them() {
    let [mut ada, mut bob, mut eve] = [1, 2, 3].map(Author::new);
    let album = ada.define("album", &[("cover", FieldType::Relation(SystemSchema::Blob.into()))]);
    let of = |author: &mut Author, data: &[u8]| {
        let [piece, blob] = blob(author, data);
        let cover = fields([("cover", relation(blob.document()))]);
        [piece, blob, author.create(&album.schema, cover)]
    };
    let theirs = of(&mut ada, b"theirs");
    let unrelated = [blob(&mut bob, b"nobody's"), blob(&mut eve, b"nobody's either")];
    let ours = of(&mut eve, b"ours");
    let pair = Pair::new(
        &album.signed.iter().chain(&unrelated[1]).chain(&ours).collect::<Vec<_>>(),
        &album.signed.iter().chain(&unrelated[0]).chain(&theirs).collect::<Vec<_>>(),
    )
    .await;
    pair.connect(Libp2p::listen(ANYWHERE).await, true).await;
    pair.exchanged(&theirs.iter().collect::<Vec<_>>(), &ours.iter().collect::<Vec<_>>()).await;
    // What came later came in a session of its own.
    let last = ada.create(&album.schema, fields([("cover", relation(theirs[1].document()))]));
    pair.peer.lock().unwrap().store([&last]);
    pair.exchanged(&[&last], &[]).await;
    assert!(!pair.has(&unrelated[0][0]).await && !pair.has(&unrelated[0][1]).await);
    let peer = pair.peer.lock().unwrap();
    assert!(!peer.has(&unrelated[1][0]) && !peer.has(&unrelated[1][1]));
    assert_eq!(peer.failures, Vec::<String>::new());
}

#[tokio::test]
async fn an_entry_that_the_peer_refuses_stops_nothing_for_long() {
    let [mut ada, mut bob, mut eve] = [1, 2, 3].map(Author::new);
    let band = band(&mut ada);
    let can = ada.create(&band.schema, named("Can"));
    let delete = ada.delete(can.document(), &band.schema, &can.view());
    // Of this the peer hears after the document is deleted there, and ends the session each time.
    let update = bob.update(can.document(), &band.schema, &can.view(), named("CAN"));
    let [neu, faust] = ["Neu!", "Faust"].map(|name| eve.create(&band.schema, named(name)));
    let definition: Vec<_> = band.signed.iter().collect();
    let pair = Pair::new(
        &[&definition[..], &[&can, &update, &neu, &faust]].concat(),
        &[&definition[..], &[&can, &delete]].concat(),
    )
    .await;
    pair.connect(Libp2p::listen(ANYWHERE).await, false).await;
    pair.exchanged(&[&delete], &[&neu, &faust]).await;
    assert!(pair.document(&can).await.is_deleted());
    assert!(pair.failures().contains(&String::from("its document is deleted")));
    assert!(!pair.peer.lock().unwrap().has(&update));
}

#[tokio::test]
async fn a_forked_log_stops_nothing_else() {
    let [mut ada, mut eve] = [1, 3].map(Author::new);
    let band = band(&mut ada);
    let can = ada.create(&band.schema, named("Can"));
    let mut twin = ada.clone();
    let [line, branch] = [(&mut ada, "CAN"), (&mut twin, "can")].map(|(author, name)| {
        author.update(can.document(), &band.schema, &can.view(), named(name))
    });
    let further = twin.update(can.document(), &band.schema, &branch.view(), named("can!"));
    let theirs = twin.create(&band.schema, named("Neu!"));
    let ours = eve.create(&band.schema, named("Faust"));
    let definition: Vec<_> = band.signed.iter().collect();
    let pair = Pair::new(
        &[&definition[..], &[&can, &line, &ours]].concat(),
        &[&definition[..], &[&can, &branch, &further, &theirs]].concat(),
    )
    .await;
    pair.connect(Libp2p::listen(ANYWHERE).await, false).await;
    pair.exchanged(&[&theirs], &[&ours]).await;
    let status = pair.node.sync_status();
    assert!(status.peers.iter().all(|peer| peer.is_connected), "{status:#?}");
}
