//! The tasks at the ends of streams: they carry frames between the network and the driver.
//!
//! A task that reads hands over one frame and waits until the session wants the next one, so that
//! QUIC's flow control reaches the peer. A task that writes is given a few frames at a time.

use std::sync::Arc;
use std::time::Duration;

use pandan_network::{
    Bytes, Connection, Direction, NegotiationError, OpenError, Protocol, ProtocolError, Receiver,
    Sender, Stream,
};
use pandan_operations::SchemaId;
use pandan_replication::limits::{MAX_ASKS, MAX_FRAME_LENGTH};
use pandan_replication::{Message, PeerId, Session, StreamId};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::asking::Desk;
use super::demand::{Demand, Wanted};
use super::driver::{Input, Inputs};
use super::turns::Turns;

/// How long a stream may take to say what it is for.
const FIRST_FRAME_TIME: Duration = Duration::from_secs(30);

/// How many streams of a peer may be read for what they are for, or wait to ask, at the same time:
/// what is not read waits in the windows of QUIC.
const FIRST_FRAMES_MAX: usize = 8;

/// How many announcements wait to be sent to a peer.
const ANNOUNCEMENTS_MAX: usize = 8;

/// How many frames of a session wait for QUIC to take them.
const FRAMES_MAX: usize = 2;

/// The protocol between nodes.
pub(super) fn protocol() -> Result<Protocol, ProtocolError> {
    let length_max = u32::try_from(MAX_FRAME_LENGTH).unwrap_or(u32::MAX);
    Protocol::frames(Protocol::PANDAN, length_max)
}

/// The streams of a connection. Dropping it gives them up.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) connection: Connection,
    announcements: mpsc::Sender<Vec<u8>>,
    tasks: JoinSet<()>,
}

/// The stream for announcements: whoever takes it serves it.
type Control = Arc<Mutex<Option<mpsc::Receiver<Vec<u8>>>>>;

impl Line {
    pub(super) fn new(
        connection: Connection,
        peer: PeerId,
        protocol: Protocol,
        inputs: Inputs,
        desk: Arc<Desk>,
    ) -> Self {
        let (announcements, waiting) = mpsc::channel(ANNOUNCEMENTS_MAX);
        let control = Arc::new(Mutex::new(Some(waiting)));
        let mut tasks = JoinSet::new();
        if connection.direction() == Direction::Outgoing {
            let (connection, control) = (connection.clone(), Arc::clone(&control));
            tasks.spawn(begin_announcing(connection, peer, protocol, control, inputs.clone()));
        }
        tasks.spawn(accept(connection.clone(), peer, control, inputs, desk));
        Self { connection, announcements, tasks }
    }

    /// Sends an announcement. One that finds no room is left out: the peer takes nothing.
    pub(super) fn announce(&self, frame: Vec<u8>) {
        let _ = self.announcements.try_send(frame);
    }

    /// Opens a stream for a session.
    pub(super) fn open(&mut self, peer: PeerId, protocol: Protocol, inputs: Inputs) {
        let connection = self.connection.clone();
        self.tasks.spawn(async move {
            let stream = connection.open(&protocol).await;
            if let Err(error) = &stream {
                tracing::debug!(?peer, %error, "no stream could be opened");
            }
            inputs.send(Input::Opened(peer, stream.ok())).await;
        });
        // Those that have ended need no more room.
        while self.tasks.try_join_next().is_some() {}
    }
}

/// Opens the stream for announcements and serves it. Without one there are no sessions, so the
/// connection ends with it: who dials again may get further.
async fn begin_announcing(
    connection: Connection,
    peer: PeerId,
    protocol: Protocol,
    control: Control,
    inputs: Inputs,
) {
    match connection.open(&protocol).await {
        Ok(stream) => {
            let announcements = control.lock().await.take();
            if let Some(announcements) = announcements {
                announce(stream, announcements, peer, None, &inputs).await;
            }
        }
        // It has nothing to announce.
        Err(OpenError::Negotiation(NegotiationError::NotAvailable)) => return,
        Err(error) => tracing::debug!(?peer, %error, "no stream for announcements could be opened"),
    }
    connection.close();
}

/// Takes the streams that the peer opens.
async fn accept(
    connection: Connection,
    peer: PeerId,
    control: Control,
    inputs: Inputs,
    desk: Arc<Desk>,
) {
    let mut streams = JoinSet::new();
    let (firsts, asks) = (Semaphore::new(FIRST_FRAMES_MAX), Semaphore::new(MAX_ASKS));
    let (firsts, asks) = (Arc::new(firsts), Arc::new(asks));
    while let Some(stream) = connection.accept().await {
        let (control, inputs) = (Arc::clone(&control), inputs.clone());
        let may_announce = connection.direction() == Direction::Incoming;
        let (desk, asks, firsts) = (Arc::clone(&desk), Arc::clone(&asks), Arc::clone(&firsts));
        let control = may_announce.then(|| (control, connection.clone()));
        streams.spawn(async move {
            let Ok(place) = firsts.acquire().await else { return };
            let Some((stream, first)) = first_frame(stream).await else { return };
            if Message::is_ask(&first) {
                let Ok(_ask) = asks.acquire().await else { return };
                drop(place);
                desk.serve(stream, first, peer).await;
            } else {
                drop(place);
                begin(stream, first, peer, control, inputs).await;
            }
        });
        while streams.try_join_next().is_some() {}
    }
}

/// What a stream is for. One that does not say so is given up.
async fn first_frame(mut stream: Stream) -> Option<(Stream, Bytes)> {
    let first = timeout(FIRST_FRAME_TIME, stream.receiver.receive()).await;
    Some((stream, first.ok()?.ok()??))
}

/// Begins with a stream for a session or for announcements.
async fn begin(
    stream: Stream,
    first: Bytes,
    peer: PeerId,
    control: Option<(Control, Connection)>,
    inputs: Inputs,
) {
    if !Message::is_announcement(&first) {
        inputs.send(Input::Incoming(peer, Box::new(stream), first)).await;
        return;
    }
    let Some((control, connection)) = control else { return };
    let announcements = control.lock().await.take();
    if let Some(announcements) = announcements {
        announce(stream, announcements, peer, Some(first), &inputs).await;
        connection.close();
    }
}

/// Carries announcements both ways, until either side ends the stream.
async fn announce(
    stream: Stream,
    mut announcements: mpsc::Receiver<Vec<u8>>,
    peer: PeerId,
    first: Option<Bytes>,
    inputs: &Inputs,
) {
    let Stream { mut sender, mut receiver, .. } = stream;
    if let Some(frame) = first {
        inputs.send(Input::Announced(peer, frame)).await;
    }
    loop {
        tokio::select! {
            Some(frame) = announcements.recv() => {
                if sender.send(frame).await.is_err() {
                    return;
                }
            }
            received = receiver.receive() => match received {
                Ok(Some(frame)) => inputs.send(Input::Announced(peer, frame)).await,
                Ok(None) | Err(_) => return,
            },
        }
    }
}

/// Both ends of the stream of a session. Dropping it gives the stream up.
#[derive(Debug)]
pub(super) struct Ends {
    frames: Option<mpsc::Sender<Vec<u8>>>,
    /// For the next frame.
    pub(super) demand: Demand,
    /// Nothing more is sent than what waits.
    is_closing: bool,
    /// The schemas that the session is about, once they are known.
    schemas: Arc<[SchemaId]>,
    /// In which order entries get to the writer.
    pub(super) turns: Turns,
    tasks: JoinSet<()>,
}

impl Ends {
    /// Takes over a stream of which the first frame may have been read.
    pub(super) fn new(id: StreamId, stream: Stream, first: Option<Bytes>, inputs: Inputs) -> Self {
        let Stream { sender, receiver, .. } = stream;
        let (frames, waiting) = mpsc::channel(FRAMES_MAX);
        let (demand, wanted) = Demand::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(read(id, receiver, first, wanted, inputs.clone()));
        // Goes on when the rest is dropped: what was handed over is still sent.
        tokio::spawn(write(id, sender, waiting, inputs));
        Self {
            frames: Some(frames),
            demand,
            is_closing: false,
            schemas: Arc::default(),
            turns: Turns::default(),
            tasks,
        }
    }

    /// A place for the next frame to send; none when the stream takes none now.
    pub(super) fn room(&self) -> Option<mpsc::Permit<'_, Vec<u8>>> {
        self.frames.as_ref()?.try_reserve().ok()
    }

    /// Whether frames go nowhere.
    pub(super) fn is_broken(&self) -> bool {
        self.frames.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    /// Ends the half that sends as soon as [`Ends::finish_if_closing`] is called.
    pub(super) const fn close(&mut self) {
        self.is_closing = true;
    }

    /// Ends the half that sends, after what was handed over.
    pub(super) fn finish_if_closing(&mut self) {
        if self.is_closing {
            self.frames = None;
        }
    }

    /// Remembers the schemas that the session is about: it forgets them when it ends.
    pub(super) fn note_schemas(&mut self, session: &Session) {
        if self.schemas.is_empty() {
            self.schemas = session.shared_schemas();
        }
    }

    pub(super) fn schemas(&self) -> &[SchemaId] {
        &self.schemas
    }

    /// Runs something that is given up with the stream.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(task);
    }
}

async fn read(
    id: StreamId,
    mut receiver: Receiver,
    mut first: Option<Bytes>,
    wanted: Wanted,
    inputs: Inputs,
) {
    loop {
        let frame = match first.take() {
            Some(frame) => Ok(Some(frame)),
            None => receiver.receive().await,
        };
        wanted.come().await;
        if let Ok(Some(frame)) = frame {
            inputs.send(Input::Frame(id, frame)).await;
        } else {
            inputs.send(Input::Ended(id)).await;
            return;
        }
    }
}

async fn write(
    id: StreamId,
    mut sender: Sender,
    mut frames: mpsc::Receiver<Vec<u8>>,
    inputs: Inputs,
) {
    while let Some(frame) = frames.recv().await {
        if sender.send(frame).await.is_err() {
            inputs.send(Input::Ended(id)).await;
            return;
        }
        inputs.send(Input::Sent).await;
    }
    // Fails when the peer is gone.
    let _ = sender.finish().await;
}
