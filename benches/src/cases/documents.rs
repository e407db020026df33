//! From many operations to a document.

use std::time::Duration;

use p2panda_rs::document::DocumentBuilder;
use p2panda_rs::document::traits::AsDocument;
use p2panda_rs::operation::EncodedOperation;
use pandan_documents::{Document, DocumentOperation, History};
use pandan_operations::{DocumentViewId, OperationId};

use crate::cases::{PANDAN, PEER};
use crate::document_shapes::Shape;
use crate::{Contestant, Group, Limit, peer};

/// Operations of a long document.
const LENGTH: usize = 5_000;

/// Operations that are added at the tip in one run.
const EXTENSIONS: usize = 100;

pub(crate) fn groups() -> Vec<Group> {
    vec![
        build("document: 1,000 operations, one chain", &Shape::chain(LENGTH / 5)),
        build("document: 5,000 operations, one chain", &Shape::chain(LENGTH)),
        build("document: 5,000 operations, 4 branches", &Shape::branches(LENGTH, 4)),
        build("document: 5,000 operations, every fifth merges", &Shape::merges(LENGTH, 2)),
        earlier_view_with_peer("document: state behind 10 merges in a row", 10),
        earlier_view_with_peer("document: state behind 12 merges in a row", 12),
        earlier_view(),
        extend("document: extend a chain of 100", 100),
        extend("document: extend a chain of 1,000", 1_000),
        extend("document: extend a chain of 10,000", 10_000),
    ]
}

fn build(name: &'static str, shape: &Shape) -> Group {
    let operations = shape.checked();
    let builder = peer::document_builder(&shape.encoded());
    check_same(operations.clone(), &builder);
    let ours = Contestant::consuming(
        PANDAN,
        move || operations.clone(),
        |operations| Document::build(operations).expect("the document is a good one"),
    );
    let peer = Contestant::new(PEER, move || builder.build().expect("the document is a good one"));
    Group { name, contestants: vec![ours, peer], limits: vec![Limit::FasterBy(40.0, PEER)] }
}

/// Both come to the same state.
fn check_same(operations: Vec<DocumentOperation>, builder: &DocumentBuilder) {
    let ours = Document::build(operations).expect("the document is a good one");
    let (theirs, _) = builder.build().expect("the document is a good one");
    assert_eq!(&peer::view_id(&ours.view().id), theirs.view_id(), "the documents are the same");
}

/// So few merges that the peer, which takes about twice as long for each, can be waited for.
fn earlier_view_with_peer(name: &'static str, merges: usize) -> Group {
    let shape = merges_in_a_row(merges);
    let view = DocumentViewId::from(shape.last());
    let builder = peer::document_builder(&shape.encoded());
    let peer_view = peer::view_id(&view);
    let peer = Contestant::new(PEER, move || {
        builder.build_to_view_id(peer_view.clone()).expect("the view is a good one")
    });
    Group {
        name,
        contestants: vec![view_of(shape, view), peer],
        limits: vec![Limit::FasterBy(40.0, PEER)],
    }
}

fn earlier_view() -> Group {
    let shape = merges_in_a_row(25);
    let view = DocumentViewId::from(shape.last());
    Group {
        name: "document: state behind 25 merges in a row",
        contestants: vec![view_of(shape, view)],
        limits: vec![Limit::Within(Duration::from_micros(100))],
    }
}

fn merges_in_a_row(count: usize) -> Shape {
    Shape::merges(1 + 3 * count, 1)
}

/// From the operations, not from a graph that is there already.
fn view_of(shape: Shape, view: DocumentViewId) -> Contestant {
    let operations = shape.checked();
    Contestant::consuming(
        PANDAN,
        move || operations.clone(),
        move |operations| {
            let history = History::new(operations).expect("the operations are good ones");
            history.document_at(&view).expect("the view is a good one")
        },
    )
}

/// One operation on top of the latest state.
fn extend(name: &'static str, length: usize) -> Group {
    let shape = Shape::chain(length + 1 + EXTENSIONS);
    let mut operations = shape.checked();
    let extensions = operations.split_off(length + 1);
    let document = Document::build(operations).expect("the document is a good one");
    // Adding one makes room for many, as in a document that has grown.
    let first = extensions[0].clone();
    let rest = extensions[1..].to_vec();
    let units = u32::try_from(rest.len()).expect("there are few");
    let ours = Contestant::consuming(
        PANDAN,
        move || {
            let mut document = document.clone();
            document.extend(first.clone()).expect("it extends the document");
            (document, rest.clone())
        },
        |(mut document, rest)| {
            for operation in rest {
                document.extend(operation).expect("it extends the document");
            }
            document
        },
    );
    Group {
        name,
        contestants: vec![ours.of_units(units), peer_extend(&shape, length)],
        limits: vec![Limit::Within(Duration::from_micros(1))],
    }
}

fn peer_extend(shape: &Shape, length: usize) -> Contestant {
    let mut encoded = shape.encoded();
    let extensions = encoded.split_off(length + 1);
    let (document, _) =
        peer::document_builder(&encoded).build().expect("the document is a good one");
    let schema = peer::schema();
    let decode = |(id, bytes): &(OperationId, Vec<u8>)| {
        let operation = peer::decode_and_check(&EncodedOperation::from_bytes(bytes), &schema);
        (peer::operation_id(*id), operation)
    };
    let extensions: Vec<_> = extensions.iter().map(decode).collect();
    let units = u32::try_from(extensions.len()).expect("there are few");
    let extend = Contestant::consuming(
        PEER,
        move || document.clone(),
        move |mut document| {
            for (id, operation) in &extensions {
                document.commit(id, operation).expect("it extends the document");
            }
            document
        },
    );
    extend.of_units(units)
}
