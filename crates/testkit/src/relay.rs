//! A bad way between two sockets: datagrams are lost, come late, come twice, and overtake each other.
//!
//! A thread stands between a client, which sends to the relay instead of its server, and that
//! server. Which datagrams are lost and how late the others are follows from a seed, as far as both
//! sides send the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Random;

/// No datagram is longer.
const DATAGRAM_MAX: usize = 65_536;

/// How often the sockets are looked at.
const LOOK: Duration = Duration::from_millis(1);

/// What a way is like, in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// How many of a hundred datagrams are lost.
    pub loss_percent: usize,
    /// How many of a hundred of the others come twice.
    pub double_percent: usize,
    /// How late the others come at least.
    pub delay: Duration,
    /// How much later they may come: those that were sent later overtake them.
    pub jitter: Duration,
}

/// A relay on loopback, which ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What became of the datagrams so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Handed on.
    pub delivered: u64,
    /// Lost.
    pub lost: u64,
    /// Handed on twice.
    pub doubled: u64,
    /// Of those that were handed on, how many came after one that was sent later.
    pub overtaken: u64,
    /// How often the relay went on from another port.
    pub moves: u64,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    moves_wanted: AtomicU64,
    moves: AtomicU64,
    delivered: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    overtaken: AtomicU64,
}

impl Relay {
    /// Begins to carry datagrams between whoever sends to the relay and a server.
    pub fn start(server: SocketAddr, weather: Weather, seed: u64) -> io::Result<Self> {
        let front = socket()?;
        let address = front.local_addr()?;
        let shared = Arc::new(Shared::default());
        let way = Way {
            front,
            back: socket()?,
            server,
            client: None,
            weather,
            random: Random::new(seed),
            sent: 0,
            order: BinaryHeap::new(),
            under_way: BTreeMap::new(),
            latest: [0; 2],
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new().name(String::from("relay")).spawn(|| way.run())?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Where clients send to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Goes on from another port, as it is when a client comes to another network: what the server
    /// sends to the old one is lost.
    pub fn move_on(&self) {
        self.shared.moves_wanted.fetch_add(1, Ordering::SeqCst);
    }

    /// What became of the datagrams so far.
    #[must_use]
    pub fn carried(&self) -> Carried {
        let Shared { delivered, lost, doubled, overtaken, moves, .. } = &*self.shared;
        let [delivered, lost, doubled, overtaken, moves] =
            [delivered, lost, doubled, overtaken, moves].map(|it| it.load(Ordering::SeqCst));
        Carried { delivered, lost, doubled, overtaken, moves }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // It has told of its panic already.
            let _ = thread.join();
        }
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Whom a datagram goes to.
#[derive(Clone, Copy, Debug)]
enum Toward {
    Server,
    Client,
}

/// What the thread owns.
struct Way {
    front: UdpSocket,
    back: UdpSocket,
    server: SocketAddr,
    /// Who has sent last.
    client: Option<SocketAddr>,
    weather: Weather,
    random: Random,
    sent: u64,
    /// When which datagram comes.
    order: BinaryHeap<Reverse<(Instant, u64)>>,
    under_way: BTreeMap<u64, (Toward, Vec<u8>)>,
    /// The highest number that has come, each way.
    latest: [u64; 2],
    shared: Arc<Shared>,
}

impl Way {
    fn run(mut self) {
        let mut buffer = vec![0; DATAGRAM_MAX];
        while !self.shared.is_over.load(Ordering::SeqCst) {
            self.move_on();
            // An error says that there is nothing, or that nobody listens to what was sent before:
            // with UDP both are no end.
            while let Ok((length, from)) = self.front.recv_from(&mut buffer) {
                self.client = Some(from);
                self.take(Toward::Server, buffer.get(..length).unwrap_or_default());
            }
            while let Ok((length, _)) = self.back.recv_from(&mut buffer) {
                self.take(Toward::Client, buffer.get(..length).unwrap_or_default());
            }
            self.deliver(Instant::now());
            thread::sleep(LOOK);
        }
    }

    fn move_on(&mut self) {
        let wanted = self.shared.moves_wanted.load(Ordering::SeqCst);
        if wanted > self.shared.moves.load(Ordering::SeqCst)
            && let Ok(socket) = socket()
        {
            self.back = socket;
            self.shared.moves.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn take(&mut self, toward: Toward, datagram: &[u8]) {
        if self.random.chance(self.weather.loss_percent) {
            self.shared.lost.fetch_add(1, Ordering::SeqCst);
            return;
        }
        self.send_late(toward, datagram);
        if self.random.chance(self.weather.double_percent) {
            self.shared.doubled.fetch_add(1, Ordering::SeqCst);
            self.send_late(toward, datagram);
        }
    }

    fn send_late(&mut self, toward: Toward, datagram: &[u8]) {
        let Weather { delay, jitter, .. } = self.weather;
        let jitter = usize::try_from(jitter.as_micros()).unwrap_or(usize::MAX);
        let late = delay + Duration::from_micros(self.random.below(jitter) as u64);
        self.sent += 1;
        self.order.push(Reverse((Instant::now() + late, self.sent)));
        self.under_way.insert(self.sent, (toward, datagram.to_vec()));
    }

    fn deliver(&mut self, now: Instant) {
        while let Some(Reverse((_, number))) = self.order.peek().copied().filter(|it| it.0.0 <= now)
        {
            self.order.pop();
            let Some((toward, datagram)) = self.under_way.remove(&number) else { continue };
            let latest = &mut self.latest[toward as usize];
            self.shared.overtaken.fetch_add(u64::from(number < *latest), Ordering::SeqCst);
            *latest = number.max(*latest);
            self.shared.delivered.fetch_add(1, Ordering::SeqCst);
            // What cannot be sent is lost, as any datagram may be.
            let _ = match (toward, self.client) {
                (Toward::Server, _) => self.back.send_to(&datagram, self.server),
                (Toward::Client, Some(client)) => self.front.send_to(&datagram, client),
                (Toward::Client, None) => Ok(0),
            };
        }
    }
}
