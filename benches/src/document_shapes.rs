//! Documents of many operations.

use pandan_documents::DocumentOperation;
use pandan_operations::{DocumentViewId, Operation, OperationId};

use crate::fixtures;

/// Operations with their ids, each behind those that it names.
pub(crate) struct Shape {
    operations: Vec<(OperationId, Operation)>,
}

impl Shape {
    fn new() -> Self {
        Self { operations: vec![(fixtures::operation_id(FIRST_ID), fixtures::create())] }
    }

    /// One after the other.
    pub(crate) fn chain(length: usize) -> Self {
        let mut shape = Self::new();
        let mut tip = shape.root();
        while shape.len() < length {
            tip = shape.add([tip]);
        }
        shape
    }

    /// The CREATE, and so many chains on top of it.
    pub(crate) fn branches(length: usize, count: usize) -> Self {
        let mut shape = Self::new();
        let mut tips = vec![shape.root(); count];
        while shape.len() < length {
            let branch = shape.len() % count;
            tips[branch] = shape.add([tips[branch]]);
        }
        shape
    }

    /// Again and again two branches of so many operations each, and one that merges them.
    pub(crate) fn merges(length: usize, branch_length: usize) -> Self {
        let mut shape = Self::new();
        let mut tip = shape.root();
        while shape.len() + 2 * branch_length < length {
            let mut tips = [tip; 2];
            for branch in &mut tips {
                for _ in 0..branch_length {
                    *branch = shape.add([*branch]);
                }
            }
            tip = shape.add(tips);
        }
        shape
    }

    pub(crate) fn len(&self) -> usize {
        self.operations.len()
    }

    /// The id of the last operation.
    pub(crate) fn last(&self) -> OperationId {
        self.operations.last().map_or_else(|| self.root(), |(id, _)| *id)
    }

    /// The operations as they are published.
    pub(crate) fn encoded(&self) -> Vec<(OperationId, Vec<u8>)> {
        self.operations.iter().map(|(id, operation)| (*id, operation.encode())).collect()
    }

    /// The operations as documents are made from them.
    pub(crate) fn checked(&self) -> Vec<DocumentOperation> {
        let (schema, author) = (fixtures::schema(), fixtures::key_pair().public_key());
        let check = |(id, operation): &(OperationId, Operation)| {
            let operation = schema.check(operation.clone()).expect("it follows the schema");
            DocumentOperation { id: *id, author, operation, is_void: false }
        };
        self.operations.iter().map(check).collect()
    }

    fn root(&self) -> OperationId {
        fixtures::operation_id(FIRST_ID)
    }

    fn add<const N: usize>(&mut self, previous: [OperationId; N]) -> OperationId {
        let number = self.len();
        let id = fixtures::operation_id(FIRST_ID + u64::try_from(number).expect("it is small"));
        let previous = DocumentViewId::from_tips(previous).expect("there is a tip");
        self.operations.push((id, fixtures::small_update(previous, number)));
        id
    }
}

/// Far from the numbers of other ids.
const FIRST_ID: u64 = 1_000_000;
