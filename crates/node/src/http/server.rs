//! Listens, and serves connections until told to stop.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::patient::Patient;
use super::slots::{Slot, Slots};
use super::watched::{Arriving, Leaving};
use crate::config::DEFAULT_HTTP_ADDRESS;
use crate::node::Core;
use crate::{StartError, files};

/// How much memory the head of a request may take.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long a client may take to read the next part of an answer.
const STALL_MAX: Duration = Duration::from_secs(60);

/// How long to wait when the system has no more sockets to give and no connection can be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection that is told to leave may take.
const LEAVE_PAUSE: Duration = Duration::from_millis(1);

/// The listening side of a node.
#[derive(Debug)]
pub(crate) struct Server {
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Server {
    pub(crate) async fn start(address: SocketAddr, core: Arc<Core>) -> Result<Self, StartError> {
        let listeners = listen(address).await?;
        let addresses =
            listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>();
        let addresses = addresses.map_err(|source| StartError::Listen { address, source })?;
        let (stop, stopped) = watch::channel(false);
        let slots = Slots::new(files::connections(&core.limits));
        let header_time = core.limits.header_time;
        let router = super::router(core);
        let serve = |listener| {
            let door = Door {
                router: router.clone(),
                slots: Arc::clone(&slots),
                header_time,
                stopped: stopped.clone(),
                is_told: false,
            };
            tokio::spawn(door.serve(listener))
        };
        let tasks = listeners.into_iter().map(serve).collect();
        Ok(Self { addresses, stop, tasks: Mutex::new(tasks) })
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more connections, and waits for those that are open to finish what they began.
    pub(crate) async fn stop(&self, time: Duration) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let deadline = tokio::time::Instant::now() + time;
        for mut task in tasks {
            if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
                tracing::warn!("connections were cut: they did not end in time");
                task.abort();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Binds the address, and its counterpart on IPv6 for the default one.
async fn listen(address: SocketAddr) -> Result<Vec<TcpListener>, StartError> {
    let first = bind(address).await?;
    let mut listeners = vec![first];
    if address == DEFAULT_HTTP_ADDRESS {
        let second = SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()));
        match bind(second).await {
            Ok(listener) => listeners.push(listener),
            Err(error @ StartError::PortTaken { .. }) => return Err(error),
            Err(error) => tracing::debug!(%error, "not listening on IPv6"),
        }
    }
    Ok(listeners)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => StartError::PortTaken { address },
        _ => StartError::Listen { address, source },
    })
}

struct Door {
    router: Router,
    slots: Arc<Slots>,
    header_time: Duration,
    stopped: watch::Receiver<bool>,
    /// Whether it was said that connections are not accepted.
    is_told: bool,
}

impl Door {
    async fn serve(mut self, listener: TcpListener) {
        let connections = GracefulShutdown::new();
        // Dropped with this task, and all connections with it, when they are cut.
        let mut tasks = JoinSet::new();
        while let Some((stream, slot)) = self.next(&listener).await {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(self.connection(stream, slot, &connections));
        }
        drop(listener);
        connections.shutdown().await;
    }

    /// The next connection, when there is room for it; none when it is time to stop. Room is made
    /// when somebody comes, not before.
    async fn next(&mut self, listener: &TcpListener) -> Option<(TcpStream, Slot)> {
        let slots = Arc::clone(&self.slots);
        let accept = async {
            let stream = accept(listener, &slots, &mut self.is_told).await;
            (stream, slots.take().await)
        };
        tokio::select! {
            _ = self.stopped.wait_for(|stopped| *stopped) => None,
            accepted = accept => Some(accepted),
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        slot: Slot,
        connections: &GracefulShutdown,
    ) -> impl Future<Output = ()> + use<> {
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let slot = Arc::new(slot);
        let patient = Patient::new(stream, STALL_MAX, Arc::clone(&slot));
        let service = service(self.router.clone(), Arc::clone(&slot));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_time)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(patient), service);
        let connection = connections.watch(connection);
        async move {
            let connection = pin!(connection);
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke off");
                },
                () = slot.left() => tracing::debug!("a connection made room for another"),
            }
        }
    }
}

/// Waits for somebody to come. When the system has no more sockets, those who keep the node waiting
/// are sent away one by one.
async fn accept(listener: &TcpListener, slots: &Slots, is_told: &mut bool) -> TcpStream {
    loop {
        let error = match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => error,
        };
        // Told once: others can make it happen as often as they like.
        if !std::mem::replace(is_told, true) {
            tracing::warn!(%error, "a connection was not accepted");
        }
        let pause = if slots.make_room() { LEAVE_PAUSE } else { ACCEPT_PAUSE };
        tokio::time::sleep(pause).await;
    }
}

/// Answers requests, and notes whether the client or the node is to move.
fn service(
    router: Router,
    slot: Arc<Slot>,
) -> impl Service<Request<Incoming>, Response = Response<Leaving<Body>>, Error = Infallible, Future: Send>
{
    let router = TowerToHyperService::new(router);
    service_fn(move |request: Request<Incoming>| {
        slot.works();
        let request = request.map(|body| Arriving { body, slot: Arc::clone(&slot) });
        let (answering, slot) = (router.call(request), Arc::clone(&slot));
        async move { answering.await.map(|answer| answer.map(|body| Leaving { body, slot })) }
    })
}
