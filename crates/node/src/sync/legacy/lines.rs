//! Both streams of a link: ours, on which we send, and that of the peer, from which we read.
//!
//! A chunk is handed over and the next one awaited only when the link wants it, so that QUIC's flow
//! control reaches the peer.

use pandan_network::{Connection, NegotiationError, OpenError, Protocol, Sender, Stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{LinkId, LinkInput};
use crate::sync::demand::{Demand, Wanted};
use crate::sync::driver::{Input, Inputs};

/// How many messages wait for QUIC to take them.
const MESSAGES_MAX: usize = 2;

/// The streams of a link. Dropping it gives them up.
#[derive(Debug)]
pub(super) struct Line {
    messages: mpsc::Sender<Vec<u8>>,
    /// For the next chunk.
    pub(super) demand: Demand,
    tasks: JoinSet<()>,
}

impl Line {
    pub(super) fn new(
        id: LinkId,
        connection: Connection,
        protocol: Protocol,
        inputs: Inputs,
    ) -> Self {
        let (messages, waiting) = mpsc::channel(MESSAGES_MAX);
        let (demand, wanted) = Demand::new();
        let mut tasks = JoinSet::new();
        let talk = Talk { connection, protocol, waiting, wanted };
        tasks.spawn(async move {
            let end = talk.run(id, &inputs).await;
            inputs.send(Input::Link(id, end)).await;
        });
        Self { messages, demand, tasks }
    }

    /// A place for the next message; none when the stream takes none now.
    pub(super) fn room(&self) -> Option<mpsc::Permit<'_, Vec<u8>>> {
        self.messages.try_reserve().ok()
    }

    /// Runs something that is given up with the streams.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(task);
    }
}

struct Talk {
    connection: Connection,
    protocol: Protocol,
    waiting: mpsc::Receiver<Vec<u8>>,
    wanted: Wanted,
}

impl Talk {
    /// Goes on until one of both streams ends.
    async fn run(self, id: LinkId, inputs: &Inputs) -> LinkInput {
        let Self { connection, protocol, waiting, wanted } = self;
        // The half that receives is held: without it the peer would be told to stop.
        let Stream { sender, receiver: _held, .. } = match connection.open(&protocol).await {
            Ok(stream) => stream,
            Err(OpenError::Negotiation(NegotiationError::NotAvailable)) => {
                return LinkInput::NotSpoken;
            }
            Err(error) => {
                tracing::debug!(peer = %connection.peer(), %error, "no stream could be opened");
                return LinkInput::Ended;
            }
        };
        tokio::select! {
            () = write(sender, waiting, inputs) => {}
            () = read(id, &connection, &protocol, &wanted, inputs) => {}
        }
        LinkInput::Ended
    }
}

async fn write(mut sender: Sender, mut waiting: mpsc::Receiver<Vec<u8>>, inputs: &Inputs) {
    while let Some(message) = waiting.recv().await {
        if sender.send(message).await.is_err() {
            return;
        }
        inputs.send(Input::Sent).await;
    }
}

async fn read(
    id: LinkId,
    connection: &Connection,
    protocol: &Protocol,
    wanted: &Wanted,
    inputs: &Inputs,
) {
    let Some(stream) = incoming(connection, protocol).await else { return };
    // The half that sends is held as well: deployed nodes do not expect it to end.
    let Stream { sender: _held, mut receiver, .. } = stream;
    loop {
        wanted.come().await;
        let Ok(Some(chunk)) = receiver.receive().await else { return };
        inputs.send(Input::Link(id, LinkInput::Chunk(chunk))).await;
    }
}

/// The stream on which the peer sends. It has no other.
async fn incoming(connection: &Connection, protocol: &Protocol) -> Option<Stream> {
    loop {
        let stream = connection.accept().await?;
        if stream.protocol == *protocol {
            return Some(stream);
        }
    }
}
