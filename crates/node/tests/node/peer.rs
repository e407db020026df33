//! A peer that speaks version 1 of the replication protocol only: a link on a store of its own, over
//! the network as nodes of libp2p use it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pandan_admission::Door;
use pandan_network::{Bytes, Config, Connection, Event, Network, Protocol, Sender, Stream};
use pandan_replication::legacy::{
    self, Effect, Link, Memory, Precedence, Received, SchemaSet, Serves, Verdict,
};
use pandan_store::heads::{Head, HeadRange};
use pandan_store::{MemoryStore, Store};
use pandan_sync::Intake;

use crate::support::{Author, World};

/// How often it looks whether somebody has written to its store.
const LOOK_TIME: Duration = Duration::from_millis(20);

/// The peer. What it does it does on the runtime of the node that it talks to.
pub(crate) struct Peer {
    author: Author,
    store: MemoryStore,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    pub(crate) fn new(number: u8) -> Self {
        Self { author: Author::new(number), store: MemoryStore::new(), faults: Arc::default() }
    }

    /// Its store, for others to write to.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    /// All heads of logs, as those of a node.
    pub(crate) fn heads(&self) -> Vec<Head> {
        let snapshot = self.store.snapshot().unwrap();
        let schemas = snapshot.schemas().unwrap();
        let ranges: Vec<_> =
            schemas.iter().map(|known| HeadRange::all(known.schema.id().clone())).collect();
        let mut heads: Vec<_> =
            snapshot.heads(&ranges, usize::MAX).unwrap().into_iter().map(|it| it.head).collect();
        heads.sort_by_key(Head::place);
        heads
    }

    /// What it had to complain about.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    fn bind(&self) -> Network {
        let mut config = Config::new("127.0.0.1:0".parse().unwrap());
        config.greets = false;
        config.protocols = vec![protocol()];
        Network::bind(config, &self.author.key_pair).unwrap()
    }

    /// Dials a node and talks to it.
    pub(crate) fn dial(&self, world: &World) {
        let address = world.node().quic_address().unwrap();
        world.runtime.block_on(async {
            let network = self.bind();
            let connection = network.handle().dial(address, None).await.unwrap();
            tokio::spawn(self.talk().run(network, connection));
        });
    }

    /// Lets a node dial, and talks to it.
    pub(crate) fn listen_for(&self, world: &World) {
        world.runtime.block_on(async {
            let mut network = self.bind();
            let address = network.handle().local_address().unwrap();
            world.node().keep_peer(address, Some(network.handle().peer())).await;
            let connection = loop {
                if let Event::PeerConnected(connection) = network.next_event().await {
                    break connection;
                }
            };
            tokio::spawn(self.talk().run(network, connection));
        });
    }

    /// Opens a stream, sends these bytes on it, and waits until the node has ended the connection.
    pub(crate) fn send(&self, world: &World, bytes: &'static [u8]) -> Result<(), String> {
        let address = world.node().quic_address().unwrap();
        let protocol = protocol();
        world.runtime.block_on(async {
            let network = self.bind();
            let dialled = network.handle().dial(address, None).await;
            let connection = dialled.map_err(|error| error.to_string())?;
            let opened = connection.open(&protocol).await;
            let mut stream = opened.map_err(|error| error.to_string())?;
            stream.sender.send(bytes).await.map_err(|error| error.to_string())?;
            connection.closed().await;
            Ok(())
        })
    }

    fn talk(&self) -> Talk {
        Talk {
            store: self.store.clone(),
            intake: Intake::new(self.store()),
            faults: Arc::clone(&self.faults),
            started: Instant::now(),
        }
    }
}

fn protocol() -> Protocol {
    Protocol::chunks(Protocol::P2PANDA).unwrap()
}

struct Talk {
    store: MemoryStore,
    intake: Intake,
    faults: Arc<Mutex<Vec<String>>>,
    started: Instant,
}

impl Talk {
    fn now(&self) -> u64 {
        self.started.elapsed().as_millis().try_into().unwrap()
    }

    fn schemas(&self) -> SchemaSet {
        let known = self.store.snapshot().unwrap().schemas().unwrap();
        SchemaSet::new(known.iter().map(|known| known.schema.id().clone())).unwrap()
    }

    fn entries(&self) -> u64 {
        self.store.snapshot().unwrap().counts().unwrap().entries
    }

    async fn run(mut self, network: Network, connection: Connection) {
        let Stream { mut sender, receiver: _held, .. } =
            connection.open(&protocol()).await.unwrap();
        let me = *network.handle().peer().public_key().as_bytes();
        let other = *connection.peer().public_key().as_bytes();
        let config = legacy::Config {
            precedence: Precedence::of_peer_ids(&me, &other),
            serves: Serves::Everything,
            schemas: self.schemas(),
            timestamp: 1,
        };
        let mut link = Link::new(config, Memory::new(), self.now());
        let Some(Stream { mut receiver, sender: _held, .. }) = connection.accept().await else {
            return;
        };
        let (mut unread, mut seen) = (Bytes::new(), self.entries());
        loop {
            self.work(&mut link, &mut unread, &mut sender).await;
            tokio::select! {
                received = receiver.receive(), if unread.is_empty() && link.wants_input() => {
                    let Ok(Some(chunk)) = received else { return };
                    unread = chunk;
                }
                () = tokio::time::sleep(LOOK_TIME) => {}
            }
            if self.entries() != std::mem::replace(&mut seen, self.entries()) {
                let schemas = self.schemas();
                schemas.as_slice().iter().for_each(|it| link.store_changed(it, self.now()));
                link.announce(schemas, 1, self.now());
            }
        }
    }

    /// Hands over what came and does what the link asks for, until it wants nothing more.
    async fn work(&mut self, link: &mut Link, unread: &mut Bytes, sender: &mut Sender) {
        link.timeout(self.now());
        loop {
            while let Some(effect) = link.poll() {
                match effect {
                    // When the node is gone, so is everything else.
                    Effect::Send(bytes) => drop(sender.send(bytes).await),
                    Effect::Read(id, query) => {
                        let snapshot = self.store.snapshot().unwrap();
                        let answer = pandan_sync::legacy::answer(&*snapshot, &query).unwrap();
                        link.answer(id, answer, self.now());
                    }
                    Effect::Ingest(id, received) => {
                        let verdicts: Vec<_> = received.iter().map(|it| self.take(it)).collect();
                        link.ingested(id, &verdicts, self.now());
                    }
                    Effect::Misbehaved(fault) => {
                        self.faults.lock().unwrap().push(fault.to_string());
                    }
                    Effect::Finished(_) => {}
                }
            }
            if unread.is_empty() || !link.wants_input() {
                return;
            }
            let taken = link.handle(unread, self.now());
            drop(unread.split_to(taken));
        }
    }

    fn take(&mut self, received: &Received) -> Verdict {
        match pandan_sync::legacy::examine(received) {
            Err(refusal) => pandan_sync::legacy::verdict_of_refusal(&refusal),
            Ok(candidate) => {
                let taken = self.intake.take(vec![(candidate, Door::Peer)]).unwrap();
                pandan_sync::legacy::verdict(&taken.judged[0].verdict())
            }
        }
    }
}
