//! Entries go from store to store in bundles.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::io::Empty;
use std::sync::Arc;

use pandan_admission::Door;
use pandan_bundle::{
    BundleHeader, BundleReader, Export, ExportError, ImportError, Item, Origin, ReadError, Report,
    SelectError, Selection, StateReader, check, write_state,
};
use pandan_operations::{DocumentId, SchemaId, SystemSchema};
use pandan_schema::FieldType;
use pandan_store::conformance::{Contents, contents};
use pandan_store::query::Selection as Fields;
use pandan_store::{Fork, MemoryStore, Options, SqliteStore, Store};
use pandan_sync::Intake;
use pandan_testkit::{
    Author, Delivery, History, Random, Signed, deliveries, fields, forked_histories, histories,
    publish, relation_list, text,
};
use proptest::prelude::*;

fn export(
    store: &dyn Store,
    selection: &Selection,
    state: Option<&[u8]>,
) -> (BundleHeader, Vec<u8>) {
    let snapshot = store.snapshot().unwrap();
    let mut state = state.map(|state| StateReader::open(state).unwrap());
    let export = Export::prepare(&*snapshot, selection, state.as_mut()).unwrap();
    let header = export.header(Origin::new("test 1.0"));
    let mut told = 0;
    let written = export
        .write(&*snapshot, Vec::new(), Origin::new("test 1.0"), &mut |done| told = done)
        .unwrap();
    assert_eq!((told, written.bytes), (header.entries, written.out.len() as u64));
    (header, written.out)
}

fn export_all(store: &dyn Store) -> Vec<u8> {
    export(store, &Selection::everything(), None).1
}

fn state_of(store: &dyn Store) -> Vec<u8> {
    let snapshot = store.snapshot().unwrap();
    write_state(&*snapshot, Vec::new(), Origin::new("test 1.0")).unwrap().1.out
}

/// Takes a file into a store.
fn import(file: &[u8], store: &Arc<dyn Store>) -> (Report, Result<(), ImportError>) {
    let mut bundle = BundleReader::open(file).unwrap();
    pandan_bundle::import(&mut bundle, &mut Intake::new(Arc::clone(store)), &mut |_| {})
}

fn new_store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

fn take(store: &Arc<dyn Store>, file: &[u8]) -> Report {
    let (report, result) = import(file, store);
    result.unwrap();
    let Report { stored, known, waiting, refused, without_operation, .. } = report;
    let proofs = report.reasons.get("FORK_PROOF_INVALID").copied().unwrap_or_default();
    assert_eq!(report.entries + proofs, stored + known + waiting + refused + without_operation);
    report
}

fn take_in_order(store: &Arc<dyn Store>, file: &[u8]) -> Report {
    let report = take(store, file);
    assert_eq!((report.waiting, report.refused), (0, 0), "{report:?}");
    report
}

/// What a store has, without the schemas of which there is no document: which states of a
/// definition become known on their own depends on what arrived when.
fn all(store: &dyn Store) -> Contents {
    let mut contents = contents(&*store.snapshot().unwrap());
    let used: BTreeSet<_> = contents.documents.values().map(|it| it.schema.clone()).collect();
    let mut number = 0;
    let mut numbers = Vec::new();
    for schema in contents.schemas.keys() {
        numbers.push(number);
        number += usize::from(used.contains(schema));
    }
    contents.heads.iter_mut().for_each(|head| head.range = numbers[head.range]);
    contents.schemas.retain(|schema, _| used.contains(schema));
    contents.counts.schemas = used.len() as u64;
    contents
}

fn brought(history: &History, delivery: &Delivery) -> Arc<dyn Store> {
    let store = new_store();
    delivery.bring(history, &*store);
    store
}

/// Brings what can be stored of some entries.
fn bring_some(store: &dyn Store, entries: &[&Signed]) {
    for signed in entries {
        store.ingest(vec![(signed.candidate(), Door::Peer)]).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn bu7_whatever_is_exported_can_be_stored_at_once(
        history in prop_oneof![histories(60), forked_histories(60)],
        delivery in deliveries(),
    ) {
        let store = brought(&history, &delivery);
        let file = export_all(&*store);
        // Each item is stored before the next one is looked at, without a room to wait in.
        let other = new_store();
        for item in support::read(&file).0 {
            match item {
                Item::Proof(proof) => {
                    other.ingest_proof(pandan_bamboo::ForkProof::decode(&proof).unwrap()).unwrap();
                }
                Item::Entry { entry, operation } => {
                    let examined = pandan_admission::Candidate::examine(&entry, &operation.unwrap());
                    let outcome = other.ingest(vec![(examined.unwrap(), Door::Peer)]).unwrap();
                    let is_stored = matches!(outcome[0].entry(), pandan_store::Outcome::Committed(_));
                    prop_assert!(is_stored, "{:?}", outcome);
                }
            }
        }
        prop_assert_eq!(all(&*other), all(&*store));
        // Nothing of it is new the second time.
        let again = take_in_order(&other, &file);
        prop_assert_eq!((again.stored, again.forks), (0, 0));
        prop_assert_eq!(all(&*other), all(&*store));
    }

    #[test]
    fn bu8_the_same_content_makes_the_same_bundle(
        history in prop_oneof![histories(40), forked_histories(40)],
        delivery in deliveries(),
    ) {
        let store = brought(&history, &delivery);
        let (file, state) = (export_all(&*store), state_of(&*store));
        prop_assert_eq!(&export_all(&*store), &file);
        prop_assert_eq!(&state_of(&*store), &state);
        let copy = new_store();
        take_in_order(&copy, &file);
        prop_assert_eq!(state_of(&*copy), state);
        // Without forks, a copy has its entries in the same order.
        prop_assert!(!history.proofs().is_empty() || export_all(&*copy) == file);
    }

    #[test]
    fn bu10_what_a_node_lacks_and_no_more(
        history in histories(60),
        delivery in deliveries(),
        part in 0_usize..=60,
    ) {
        let store = brought(&history, &delivery);
        let other = new_store();
        let some: Vec<_> = history.signed.iter().take(part).collect();
        bring_some(&*other, &some);
        let before = all(&*other).counts.entries;
        let (header, file) = export(&*store, &Selection::everything(), Some(&state_of(&*other)));
        prop_assert!(header.scope.is_difference);
        prop_assert_eq!(header.entries, all(&*store).counts.entries - before);
        let report = take_in_order(&other, &file);
        prop_assert_eq!(report.stored, header.entries);
        prop_assert_eq!(all(&*other), all(&*store));
        let (header, _) = export(&*store, &Selection::everything(), Some(&state_of(&*other)));
        prop_assert_eq!((header.entries, header.proofs), (0, 0));
    }

    #[test]
    fn bu10_two_nodes_with_forks_end_alike(history in forked_histories(60), seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let stores = [(); 2].map(|()| {
            let store = new_store();
            let count = history.signed.len();
            let mut some: Vec<_> = history.signed.iter().collect();
            some.retain(|_| random.below(count) > count / 4);
            bring_some(&*store, &some);
            store
        });
        for turn in 0..6 {
            let [from, to] = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
            let (_, file) = export(&*stores[from], &Selection::everything(), Some(&state_of(&*stores[to])));
            take(&stores[to], &file);
        }
        let [one, other] = stores.map(|store| all(&*store));
        // A schema of which all documents are void is known to one of them only, perhaps.
        let heads = |contents: &Contents| -> Vec<_> {
            contents.heads.iter().map(|found| found.head).collect()
        };
        prop_assert_eq!(heads(&one), heads(&other));
        let proofs = |contents: &Contents| -> Vec<_> {
            contents.forks.iter().map(|fork| fork.proof).collect()
        };
        prop_assert_eq!(proofs(&one), proofs(&other));
    }

    #[test]
    fn bu7_every_schema_and_document_travels_alone(
        history in prop_oneof![histories(60), forked_histories(60)],
        delivery in deliveries(),
        pick in any::<u64>(),
    ) {
        let store = brought(&history, &delivery);
        let whole = all(&*store);
        let mut random = Random::new(pick);
        let schemas: Vec<_> = whole.schemas.keys().cloned().collect();
        let documents: Vec<_> = whole.documents.keys().copied().collect();
        let selection = Selection {
            schemas: random.some(&schemas, 2).into_iter().collect(),
            documents: random.some(&documents, 2).into_iter().collect(),
            with_dependencies: random.chance(50),
        };
        let (header, file) = export(&*store, &selection, None);
        let other = new_store();
        let report = take_in_order(&other, &file);
        prop_assert_eq!(report.stored, header.entries, "nothing comes twice");
        let found = all(&*other);
        for (id, record) in &whole.documents {
            if selection.is_everything()
                || selection.documents.contains(id)
                || selection.schemas.contains(&record.schema)
            {
                prop_assert_eq!(found.documents.get(id), Some(record));
            }
        }
        for schema in &selection.schemas {
            prop_assert_eq!(found.schemas.get(schema), whole.schemas.get(schema));
        }
        let is_known = |fork: &Fork| whole.forks.iter().any(|other| other.proof == fork.proof);
        prop_assert!(found.forks.iter().all(is_known));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn sqlite_and_the_model_write_the_same_bundles(
        history in forked_histories(50),
        delivery in deliveries(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| -> Arc<dyn Store> {
            let path = folder.path().join(name);
            Arc::new(SqliteStore::open(path, Options::default()).unwrap())
        };
        let model = new_store();
        delivery.bring(&history, &*model);
        let sqlite = open("one");
        delivery.bring(&history, &*sqlite);
        prop_assert_eq!(export_all(&*sqlite), export_all(&*model));
        prop_assert_eq!(state_of(&*sqlite), state_of(&*model));
        let other = open("other");
        take_in_order(&other, &export_all(&*sqlite));
        prop_assert_eq!(all(&*other), all(&*model));
    }
}

/// People with pets, and people that nobody has.
struct Zoo {
    store: Arc<dyn Store>,
    author: Author,
    person: SchemaId,
    pet: SchemaId,
    people: Vec<DocumentId>,
    pets: Vec<DocumentId>,
}

impl Zoo {
    fn new() -> Self {
        let store = new_store();
        let mut author = Author::new(1);
        let pet = author.define("pet", &[("name", FieldType::Str)]);
        let pets_field = FieldType::RelationList(pet.schema.clone());
        let person = author.define("person", &[("pets", pets_field)]);
        for signed in pet.signed.iter().chain(&person.signed) {
            publish(&*store, signed);
        }
        let (person, pet) = (person.schema, pet.schema);
        let mut zoo = Self { store, author, person, pet, people: vec![], pets: vec![] };
        for name in ["Ape", "Bee", "Cat"] {
            let signed = zoo.author.create(&zoo.pet, fields([("name", text(name))]));
            zoo.pets.push(publish(&*zoo.store, &signed).document);
        }
        for pets in [vec![zoo.pets[0], zoo.pets[1]], vec![]] {
            let signed = zoo.author.create(&zoo.person, fields([("pets", relation_list(&pets))]));
            zoo.people.push(publish(&*zoo.store, &signed).document);
        }
        zoo
    }

    /// The documents of both schemas in a bundle.
    fn exported(&self, selection: &Selection) -> (Vec<DocumentId>, Report) {
        let (_, file) = export(&*self.store, selection, None);
        let other = new_store();
        let report = take_in_order(&other, &file);
        let ids: Vec<_> = self.people.iter().chain(&self.pets).copied().collect();
        let records = other.snapshot().unwrap().documents(&ids, &Fields::All).unwrap();
        let found = ids.into_iter().zip(records).filter_map(|(id, record)| record.map(|_| id));
        (found.collect(), report)
    }
}

#[test]
fn chosen_documents_bring_their_schemas_and_dependencies_if_asked() {
    let zoo = Zoo::new();
    let mut selection = Selection { documents: [zoo.people[0]].into(), ..Selection::default() };
    let (found, report) = zoo.exported(&selection);
    // Two definitions, and a document.
    assert_eq!((found, report.stored), (vec![zoo.people[0]], 3));
    selection.with_dependencies = true;
    let (found, report) = zoo.exported(&selection);
    assert_eq!((found, report.stored), (vec![zoo.people[0], zoo.pets[0], zoo.pets[1]], 7));
}

#[test]
fn chosen_schemas_bring_their_definitions_and_dependencies_if_asked() {
    let zoo = Zoo::new();
    let mut selection = Selection { schemas: [zoo.person.clone()].into(), ..Selection::default() };
    let (found, report) = zoo.exported(&selection);
    assert_eq!((found, report.stored), (zoo.people.clone(), 4));
    selection.with_dependencies = true;
    let (found, _) = zoo.exported(&selection);
    assert_eq!(found, [zoo.people[0], zoo.people[1], zoo.pets[0], zoo.pets[1]]);
    selection.schemas.insert(zoo.pet.clone());
    assert_eq!(zoo.exported(&selection).0.len(), 5);
    let everything = zoo.exported(&Selection::everything());
    assert_eq!((everything.0.len(), everything.1.stored), (5, 9));
}

#[test]
fn bu5_headers_count_what_is_exported() {
    let zoo = Zoo::new();
    let (header, file) = export(&*zoo.store, &Selection::everything(), None);
    let counts: Vec<_> =
        header.schemas.listed().iter().map(|(id, count)| (id.name(), *count)).collect();
    let expected =
        [("schema_definition", 2), ("schema_field_definition", 2), ("person", 2), ("pet", 3)];
    assert_eq!(counts, expected);
    assert_eq!((header.entries, header.proofs), (9, 0));
    let mut bundle = BundleReader::open(&file[..]).unwrap();
    assert_eq!(bundle.header(), &header);
    let (report, result) = check(&mut bundle, &mut |_| {});
    result.unwrap();
    assert_eq!((report.entries, report.refused, report.stored), (9, 0, 0));
}

#[test]
fn what_is_not_there_cannot_be_exported() {
    let zoo = Zoo::new();
    let snapshot = zoo.store.snapshot().unwrap();
    let prepare = |selection: &Selection| Export::prepare::<Empty>(&*snapshot, selection, None);
    let nobody = DocumentId::from_hash(pandan_bamboo::Hash::of(b"nobody"));
    let selection = Selection { documents: [nobody].into(), ..Selection::default() };
    let error = prepare(&selection).unwrap_err();
    let ExportError::Select(SelectError::DocumentNotFound { document }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(document, nobody);
    let schema: SchemaId = format!("x_y_{nobody}").parse().unwrap();
    let selection = Selection { schemas: [schema.clone()].into(), ..Selection::default() };
    let error = prepare(&selection).unwrap_err();
    assert!(
        matches!(error, ExportError::Select(SelectError::SchemaNotFound { schema: it }) if it == schema)
    );
}

#[test]
fn bu9_entries_are_judged_as_those_of_a_peer() {
    let mut zoo = Zoo::new();
    // A peer may bring what a client may not: an entry of a schema that is not in use any more.
    let definition = *zoo.pet.view_id().unwrap().iter().next().unwrap();
    let system = SystemSchema::SchemaDefinition.into();
    let delete = zoo.author.delete(definition.into(), &system, &definition.into());
    publish(&*zoo.store, &delete);
    let other = new_store();
    take_in_order(&other, &export_all(&*zoo.store));
    let late = zoo.author.create(&zoo.pet, fields([("name", text("Dog"))]));
    let entry = |signed: &Signed| Item::Entry {
        entry: signed.entry.as_bytes().to_vec(),
        operation: Some(signed.payload.clone()),
    };
    // Forged, of a schema that does not fit, without its operation, and waiting for another one.
    let mut forged = entry(&late);
    let Item::Entry { entry: bytes, .. } = &mut forged else { unreachable!() };
    *bytes.last_mut().unwrap() ^= 1;
    let wrong = Author::new(2).create(&zoo.pet, fields([("size", text("big"))]));
    let mut third = Author::new(3);
    let first = third.create(&zoo.pet, fields([("name", text("Elk"))]));
    let second = third.update(first.document(), &zoo.pet, &first.view(), fields([]));
    let Item::Entry { entry: bytes, .. } = entry(&late) else { unreachable!() };
    let bare = Item::Entry { entry: bytes, operation: None };
    let proof = Item::Proof(vec![7; 300]);
    let file = support::write(&[forged, entry(&late), entry(&wrong), bare, entry(&second), proof]);
    let report = take(&other, &file[..]);
    assert_eq!((report.stored, report.waiting, report.without_operation), (1, 1, 1));
    let reasons: Vec<_> = report.reasons.iter().map(|(code, count)| (*code, *count)).collect();
    let [missing] =
        reasons.iter().filter(|(code, _)| code.starts_with("FIELD")).collect::<Vec<_>>()[..]
    else {
        panic!("{reasons:?}")
    };
    assert_eq!(missing.1, 1);
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(report.reasons.contains_key("SIGNATURE_INVALID"));
    assert!(report.reasons.contains_key("FORK_PROOF_INVALID"));
    assert_eq!(report.refusals.len(), 3);
    let refused = report.refusals.iter().find_map(|refused| refused.operation);
    assert_eq!(refused, Some(wrong.id()));
    // With what it waits for, in any order, it is stored.
    let report = take(&other, &support::write(&[entry(&second), entry(&first)]));
    assert_eq!((report.stored, report.waiting), (2, 0));
}

#[test]
fn bu11_what_was_stored_stays_and_importing_goes_on() {
    let items = support::entries(40);
    let mut raw = support::Raw::bundle().plain(support::HEADER, &support::header(40));
    let whole = {
        let mut blocks = vec![];
        for block in items.chunks(10) {
            let content: Vec<u8> = block.iter().flat_map(support::encode).collect();
            raw = raw.plain(support::ITEMS, &content);
            blocks.push(raw.bytes.len());
        }
        blocks
    };
    let file = raw.end();
    let store = new_store();
    for (cut, stored, known) in [(whole[0], 10, 0), (whole[2] + 50, 20, 10), (whole[1] - 1, 0, 10)]
    {
        let (report, result) = import(&file[..cut], &store);
        let error = result.unwrap_err();
        assert!(matches!(error, ImportError::Read(ReadError::Truncated { .. })), "{error:?}");
        assert_eq!((report.stored, report.known), (stored, known));
    }
    let report = take_in_order(&store, &file);
    assert_eq!((report.stored, report.known), (10, 30));
    let other = new_store();
    take_in_order(&other, &file);
    assert_eq!(all(&*store), all(&*other));
}

#[test]
fn bu11_what_is_damaged_changes_nothing() {
    let items = support::entries(4);
    let file = support::write(&items);
    let expected = new_store();
    take_in_order(&expected, &file);
    let expected = all(&*expected);
    let store = new_store();
    take_in_order(&store, &file);
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        if BundleReader::open(&damaged[..]).is_ok() {
            let (report, result) = import(&damaged, &store);
            assert!(matches!(result, Err(ImportError::Read(_))), "byte {at}");
            assert_eq!((report.stored, report.refused), (0, 0), "byte {at}");
        }
    }
    assert_eq!(all(&*store), expected);
}

#[test]
fn bu10_states_are_in_order() {
    use support::{END, HEADER, HEADS, Raw};
    let header = |logs: u8| vec![0, 0, logs, 0, 0];
    let log = |author: u8, latest: u8, fork: u8| {
        [&[author; 32][..], &[0, latest, fork], &[9; 32]].concat()
    };
    let of = |schema: &str, logs: &[Vec<u8>]| {
        let length = u8::try_from(schema.len()).unwrap();
        [&[length], schema.as_bytes(), &logs.concat()].concat()
    };
    let read = |logs: u8, blocks: &[Vec<u8>]| {
        let mut raw = Raw::state().plain(HEADER, &header(logs));
        for block in blocks {
            raw = raw.plain(HEADS, block);
        }
        let file = raw.plain(END, &[]).bytes;
        let mut state = StateReader::open(&file[..]).unwrap();
        loop {
            match state.next_logs() {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    };
    let (blob, piece) = ("blob_v1", "blob_piece_v1");
    let good = [
        of("", &[log(1, 0, 1)]),
        of(blob, &[log(1, 1, 0), log(2, 3, 4)]),
        of(piece, &[log(1, 1, 0)]),
    ];
    assert!(read(4, &good).is_none());
    assert!(matches!(read(3, &good), Some(ReadError::Count { expected: 3, found: 4, .. })));
    assert!(matches!(read(5, &good), Some(ReadError::Count { expected: 5, found: 4, .. })));
    let [none, blobs, pieces] = good;
    for (blocks, what) in [
        (vec![pieces, blobs.clone()], "schemas are in order"),
        (vec![blobs.clone(), none], "logs without a schema come first"),
        (vec![blobs.clone(), blobs], "each log comes once"),
        (vec![of(blob, &[log(2, 1, 0), log(1, 1, 0)])], "logs are in order"),
        (vec![of(blob, &[log(1, 0, 0)])], "a log has an entry"),
        (vec![of(blob, &[log(1, 3, 3)])], "a line ends before its fork"),
        (vec![of("", &[log(1, 0, 0)])], "without a line there is a fork"),
        (vec![of("", &[log(1, 1, 2)])], "without a schema there is no line"),
        (vec![of(blob, &[])], "a block has logs"),
        (vec![of("blob_v2", &[log(1, 1, 0)])], "schemas have ids"),
    ] {
        assert!(matches!(read(9, &blocks), Some(ReadError::Content { .. })), "{what}");
    }
    // A bundle is no state, and the other way round.
    let state = state_of(&*new_store());
    assert!(matches!(BundleReader::open(&state[..]), Err(ReadError::Kind { found: 2, .. })));
    let bundle = export_all(&*new_store());
    assert!(matches!(StateReader::open(&bundle[..]), Err(ReadError::Kind { found: 1, .. })));
}
