//! What both sides say that they are interested in.

use super::SchemaSet;
use super::limits::TICK_MS;
use super::message::{Message, VERSION};

/// The announcements of both sides.
#[derive(Debug)]
pub(super) struct Announcements {
    own: Announcement,
    theirs: Option<Announcement>,
    /// What both announced, in our order.
    shared: SchemaSet,
    /// Whether the peer has our latest.
    is_sent: bool,
    /// When the next may be sent.
    tick: u64,
}

#[derive(Debug)]
struct Announcement {
    timestamp: u64,
    schemas: SchemaSet,
}

/// What an announcement of the peer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing new.
    None,
    /// Its schemas, which we did not know.
    First,
    /// That they are others than before.
    Others,
}

impl Announcements {
    pub(super) fn new(schemas: SchemaSet, timestamp: u64) -> Self {
        let shared = schemas.part(|_| false);
        let own = Announcement { timestamp, schemas };
        Self { own, theirs: None, shared, is_sent: false, tick: 0 }
    }

    pub(super) const fn own(&self) -> &SchemaSet {
        &self.own.schemas
    }

    /// What sessions can be about; empty while the peer has announced nothing.
    pub(super) const fn shared(&self) -> &SchemaSet {
        &self.shared
    }

    /// Takes our schemas; whether they are others than before.
    pub(super) fn set_own(&mut self, schemas: SchemaSet, timestamp: u64) -> bool {
        if schemas == self.own.schemas {
            return false;
        }
        // The peer keeps the later one, so a clock that was set back must not hold us up.
        let timestamp = timestamp.max(self.own.timestamp.saturating_add(1));
        self.own = Announcement { timestamp, schemas };
        self.is_sent = false;
        self.update_shared();
        true
    }

    /// Takes what the peer announced, if it is later than what it announced before.
    pub(super) fn set_theirs(&mut self, version: u64, timestamp: u64, schemas: SchemaSet) -> News {
        let is_later = self.theirs.as_ref().is_none_or(|known| timestamp > known.timestamp);
        if version != VERSION || !is_later {
            return News::None;
        }
        let known = self.theirs.replace(Announcement { timestamp, schemas: schemas.clone() });
        self.update_shared();
        match known {
            Some(known) if known.schemas == schemas => News::None,
            Some(_) => News::Others,
            None => News::First,
        }
    }

    fn update_shared(&mut self) {
        if let Some(theirs) = &self.theirs {
            self.shared = self.own.schemas.intersection(&theirs.schemas);
        }
    }

    /// When ours has to be sent, if it has to.
    pub(super) fn due(&self) -> Option<u64> {
        (!self.is_sent).then_some(self.tick)
    }

    /// Ours, if it is time to send it.
    pub(super) fn take_due(&mut self, now: u64) -> Option<Message> {
        self.due().filter(|due| *due <= now)?;
        self.is_sent = true;
        self.tick = now.saturating_add(TICK_MS);
        let Announcement { timestamp, schemas } = &self.own;
        let (timestamp, schemas) = (*timestamp, schemas.clone());
        Some(Message::Announce { version: VERSION, timestamp, schemas })
    }
}
