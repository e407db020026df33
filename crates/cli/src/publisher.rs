//! Signing operations and handing them to a node.

use pandan_bamboo::NextArgs;
use pandan_identity::KeyPair;
use pandan_operations::{DocumentId, Operation, OperationId};

use crate::client::{Client, ClientError};

/// A key and the node that takes what it signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publisher<'a> {
    client: &'a Client,
    key_pair: &'a KeyPair,
}

/// An operation that the node took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    pub(crate) operation: OperationId,
    /// The arguments for the next entry of the same log.
    pub(crate) next: NextArgs,
}

impl Published {
    /// The document that the operation created.
    pub(crate) fn document(&self) -> DocumentId {
        DocumentId::from(self.operation)
    }
}

impl<'a> Publisher<'a> {
    pub(crate) const fn new(client: &'a Client, key_pair: &'a KeyPair) -> Self {
        Self { client, key_pair }
    }

    /// Publishes in the log that the node names.
    pub(crate) fn publish(&self, operation: &Operation) -> Result<Published, ClientError> {
        let args = self.client.next_args(&self.key_pair.public_key(), operation.previous())?;
        self.publish_with(&args, operation)
    }

    /// Publishes with arguments that are known from before: no question needs to be asked.
    pub(crate) fn publish_with(
        &self,
        args: &NextArgs,
        operation: &Operation,
    ) -> Result<Published, ClientError> {
        let payload = operation.encode();
        let entry = args.forge(self.key_pair, &payload);
        let next = self.client.publish(entry.as_bytes(), &payload)?;
        Ok(Published { operation: OperationId::from(*entry.header().hash().as_hash()), next })
    }
}
