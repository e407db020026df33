//! Documents to which those of replicated schemas relate: which of them a node wants, finds and
//! hands out (RE16).
//!
//! ```text
//! a session is live ─▶ walk over the documents ─┐
//!                                               ├─▶ ids to ask for ─▶ one peer at a time
//! documents were stored ─▶ their relations ─────┘
//! ```

mod follower;
mod relations;
mod walk;

use pandan_operations::{SchemaId, SystemSchema};
use pandan_replication::Interest;

pub use follower::{Follower, Look, Looked};

/// Which documents a node replicates beside those of its schemas: some of those to which these
/// relate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Follow {
    /// None of them.
    None,
    /// Blobs and their pieces.
    #[default]
    Blobs,
    /// All of them, and those to which these relate themselves.
    All,
}

/// What a node hands out to those who ask for documents by their ids.
///
/// With [`Follow::All`] that is everything: whoever knows an id can make a document that relates to
/// it, and then it would have to be handed out anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    interest: Interest,
    follow: Follow,
}

impl Serving {
    /// What a node hands out that replicates and follows this.
    #[must_use]
    pub const fn new(interest: Interest, follow: Follow) -> Self {
        Self { interest, follow }
    }

    /// Everything.
    pub const ALL: Self = Self::new(Interest::All, Follow::All);

    /// Whether documents of all schemas are handed out, known or not.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.interest == Interest::All || self.follow == Follow::All
    }

    /// Whether documents of a schema are handed out.
    #[must_use]
    pub fn covers(&self, schema: &SchemaId) -> bool {
        match &self.interest {
            Interest::All => true,
            Interest::Schemas(schemas) => {
                schemas.binary_search(schema).is_ok() || self.follow.covers(schema)
            }
        }
    }
}

/// What a blob consists of.
const BLOBS: [SystemSchema; 2] = [SystemSchema::Blob, SystemSchema::BlobPiece];

impl Follow {
    /// The schemas of documents that are followed.
    fn interest(self) -> Interest {
        match self {
            Self::None => Interest::Schemas(Vec::new()),
            Self::Blobs => Interest::Schemas(BLOBS.map(SchemaId::from).into()),
            Self::All => Interest::All,
        }
    }

    /// Whether documents of a schema are followed when others relate to them.
    fn covers(self, schema: &SchemaId) -> bool {
        match self {
            Self::None => false,
            Self::Blobs => matches!(schema, SchemaId::System(schema) if BLOBS.contains(schema)),
            Self::All => true,
        }
    }
}

/// What a node with a list of schemas follows.
#[derive(Clone, Debug)]
struct Rule {
    /// In order.
    schemas: Vec<SchemaId>,
    follow: Follow,
}

impl Rule {
    /// Whether a relation to documents of a schema is followed: those that are replicated anyway
    /// need not be.
    fn follows(&self, schema: &SchemaId) -> bool {
        self.schemas.binary_search(schema).is_err() && self.follow.covers(schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_out_is_what_is_replicated_and_followed() {
        let blob = SchemaId::from(SystemSchema::Blob);
        let piece = SchemaId::from(SystemSchema::BlobPiece);
        let field = SchemaId::from(SystemSchema::SchemaFieldDefinition);
        let only = Interest::Schemas(vec![field.clone()]);
        let table = [
            (Interest::All, Follow::None, [true, true, true]),
            (only.clone(), Follow::None, [true, false, false]),
            (only, Follow::Blobs, [true, true, true]),
            (Interest::Schemas(vec![blob.clone()]), Follow::Blobs, [false, true, true]),
            (Interest::Schemas(vec![blob.clone()]), Follow::None, [false, true, false]),
            (Interest::Schemas(vec![piece.clone()]), Follow::All, [true, true, true]),
        ];
        for (interest, follow, expected) in table {
            let serving = Serving::new(interest, follow);
            let covered = [&field, &blob, &piece].map(|schema| serving.covers(schema));
            assert_eq!(covered, expected, "{serving:?}");
            assert_eq!(serving.is_everything(), expected == [true; 3] && follow != Follow::Blobs);
        }
        assert!(Serving::ALL.covers(&field));
    }

    #[test]
    fn what_is_asked_for_is_what_is_followed() {
        for follow in [Follow::None, Follow::Blobs, Follow::All] {
            for schema in SystemSchema::ALL.map(SchemaId::from) {
                assert_eq!(follow.interest().includes(&schema), follow.covers(&schema));
            }
        }
    }

    #[test]
    fn relations_to_what_is_replicated_are_not_followed() {
        let schemas = vec![SystemSchema::Blob.into()];
        let rule = Rule { schemas, follow: Follow::All };
        assert!(!rule.follows(&SystemSchema::Blob.into()));
        assert!(rule.follows(&SystemSchema::BlobPiece.into()));
        let rule = Rule { follow: Follow::Blobs, ..rule };
        assert!(!rule.follows(&SystemSchema::SchemaDefinition.into()));
    }
}
