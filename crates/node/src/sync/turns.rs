//! Batches of one session: examined side by side, handed to the writer one after the other.

use tokio::sync::oneshot;

/// Gives turns to the batches of a session, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<oneshot::Receiver<()>>,
}

/// The turn of a batch. It is over when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    /// Dropping it tells the next one.
    _over: oneshot::Sender<()>,
}

impl Turns {
    pub(super) fn next(&mut self) -> Turn {
        let (over, next) = oneshot::channel();
        Turn { before: self.last.replace(next), _over: over }
    }
}

impl Turn {
    /// The turn of a batch beside which there are no others.
    pub(super) fn alone() -> Self {
        Turns::default().next()
    }

    /// Waits until the turns before this one are over.
    pub(super) async fn come(&mut self) {
        if let Some(before) = self.before.take() {
            // Always fails, since nothing is sent.
            let _ = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[tokio::test]
    async fn turns_come_in_order_whoever_asks_first() {
        let mut turns = Turns::default();
        let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
        let all: Vec<_> = (0..5).map(|number| (number, turns.next())).collect();
        for (number, mut turn) in all.into_iter().rev() {
            let sender = sender.clone();
            tokio::spawn(async move {
                turn.come().await;
                sender.send(number).unwrap();
            });
            tokio::task::yield_now().await;
        }
        drop(sender);
        for number in 0..5 {
            assert_eq!(order.recv().await, Some(number));
        }
    }

    #[tokio::test]
    async fn who_gives_up_keeps_nobody_waiting() {
        let mut turns = Turns::default();
        let (first, mut second) = (turns.next(), turns.next());
        drop(first);
        second.come().await;
    }
}
