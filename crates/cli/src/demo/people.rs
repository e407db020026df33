//! Those who publish: each with a key, writing at the same time.

use std::thread;

use pandan_bamboo::{Hash, LogId, NextArgs};
use pandan_identity::KeyPair;
use pandan_operations::{DocumentId, Operation};

use crate::client::{Client, ClientError};
use crate::publisher::{Published, Publisher};

/// Somebody with a key.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) key_pair: KeyPair,
    /// The log for the next document, once the node was asked.
    next_log: Option<LogId>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct People {
    client: Client,
    people: Vec<Person>,
}

const NAMES: [&str; 6] = ["Ada", "Bao", "Carla", "Dimitri", "Esi", "Farid"];

impl People {
    /// People whose keys are no secret: this is a demonstration, and the same in every run.
    pub(crate) fn new(client: &Client) -> Self {
        let people = NAMES.iter().map(|name| {
            let seed = Hash::of(format!("pandan demo {name}").as_bytes());
            Person { name, key_pair: KeyPair::from_seed(seed.digest()), next_log: None }
        });
        Self { client: client.clone(), people: people.collect() }
    }

    /// The person at a place, going around.
    pub(crate) fn at(&self, index: usize) -> &Person {
        &self.people[index % self.people.len()]
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.people.len()
    }

    /// The name that belongs to a key.
    pub(crate) fn name_of(&self, key: &str) -> &'static str {
        let is_theirs = |person: &&Person| person.key_pair.public_key().to_string() == key;
        self.people.iter().find(is_theirs).map_or("somebody", |person| person.name)
    }

    /// One person publishes, asking the node for the log to continue.
    pub(crate) fn publish(
        &self,
        who: usize,
        operation: &Operation,
    ) -> Result<Published, ClientError> {
        Publisher::new(&self.client, &self.at(who).key_pair).publish(operation)
    }

    /// New documents, shared out to all, who publish at the same time. The ids are in the order
    /// of the operations.
    pub(crate) fn create_all(
        &mut self,
        operations: &[Operation],
    ) -> Result<Vec<DocumentId>, ClientError> {
        let client = &self.client;
        let share = operations.len().div_ceil(self.people.len()).max(1);
        let results: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = operations
                .chunks(share)
                .zip(&mut self.people)
                .map(|(share, person)| scope.spawn(move || person.create(client, share)))
                .collect();
            let joined = threads.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            joined.collect()
        });
        let ids: Vec<Vec<_>> = results.into_iter().collect::<Result<_, _>>()?;
        Ok(ids.concat())
    }
}

impl Person {
    /// Publishes documents, each in a log of its own. The node is asked for the first log id only;
    /// from there on the person counts.
    fn create(
        &mut self,
        client: &Client,
        operations: &[Operation],
    ) -> Result<Vec<DocumentId>, ClientError> {
        let mut log_id = match self.next_log {
            Some(log_id) => log_id,
            None => client.next_args(&self.key_pair.public_key(), None)?.log_id(),
        };
        let publisher = Publisher::new(client, &self.key_pair);
        let mut ids = Vec::with_capacity(operations.len());
        for operation in operations {
            let published = publisher.publish_with(&NextArgs::first(log_id), operation)?;
            ids.push(published.document());
            log_id = log_id.next().unwrap_or(log_id);
        }
        self.next_log = Some(log_id);
        Ok(ids)
    }
}
