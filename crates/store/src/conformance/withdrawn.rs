//! Logs that fork at their first entry: of these there is nothing to compare but the proofs.

use pandan_admission::Door;
use pandan_bamboo::{EncodedEntry, ForkProof, HeadState, LogId, NextArgs};
use pandan_operations::{Operation, SchemaId};
use pandan_schema::FieldType;

use super::author::{Author, Signed, fields, text};
use super::forks::{prove, seq_num};
use super::heads::consistent;
use super::world::World;
use crate::contract::Store;
use crate::heads::{
    Arrival, Budget, Head, HeadInRange, HeadRange, LogPlace, SCHEMA_OF_FORKED, WantedLog, Wants,
};

/// A world with a schema, and four authors who wrote the first entry of a log in as many ways.
struct Scene {
    world: World,
    schema: SchemaId,
    /// By their hashes.
    sides: [Signed; 4],
}

impl Scene {
    fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let mut world = World::new(new_store());
        let schema = world.define("note", &[("body", FieldType::Str)]).id().clone();
        let author = Author::new(7);
        let side = |data| author.clone().create(&schema, fields([("body", text(data))]));
        let mut sides = ["a", "b", "c", "d"].map(side);
        sides.sort_by_key(|side| side.entry.hash());
        Self { world, schema, sides }
    }

    fn place(&self) -> LogPlace {
        let header = self.sides[0].entry.header();
        LogPlace::of(&header.public_key(), header.log_id())
    }

    fn keep(&self, one: usize, other: usize) -> ForkProof {
        let proof = prove(&self.sides[one], &self.sides[other]);
        let frozen = self.world.store.ingest_proof(proof).expect("it can be written");
        frozen.expect("it is news").proof
    }

    /// The heads of logs of the schema, and of those among which forked logs are.
    fn heads(&self) -> [Vec<Head>; 2] {
        [self.schema.clone(), SCHEMA_OF_FORKED.into()].map(|schema| {
            let heads = consistent(&*self.world.snapshot(), &[HeadRange::all(schema)]);
            let heads = heads.into_iter().map(|HeadInRange { head, .. }| head);
            heads.filter(|head| head.place() == self.place()).collect()
        })
    }

    /// The proofs among what is wanted.
    fn proofs(&self, wants: &Wants) -> Vec<ForkProof> {
        let budget = Budget { entries: 1_000, bytes: 1_000_000 };
        let page = self.world.snapshot().wanted_entries(wants, Arrival::default(), budget);
        let page = page.expect("entries can be read");
        let of_log = |it: &EncodedEntry| {
            LogPlace::of(&it.header().public_key(), it.header().log_id()) == self.place()
        };
        assert!(!page.entries.iter().any(|it| of_log(&it.entry)), "void entries are not wanted");
        page.proofs
    }
}

fn head(proof: &ForkProof) -> Head {
    let hashes = proof.entries().map(|entry| entry.hash());
    Head {
        author: proof.public_key(),
        log_id: proof.log_id(),
        latest: None,
        fork: Some(seq_num(1)),
        state: HeadState::of_frozen(None, seq_num(1), hashes),
    }
}

/// Such a log has a head, and it changes with the proof: so two nodes with different proofs notice.
pub(super) fn check_heads(new_store: &dyn Fn() -> Box<dyn Store>) {
    for stored in [None, Some(0), Some(3)] {
        let scene = Scene::new(new_store);
        assert_eq!(scene.heads(), [vec![], vec![]]);
        if let Some(stored) = stored {
            scene.world.publish(&scene.sides[stored]);
            let [of_schema, of_forked] = scene.heads();
            assert_eq!((of_schema.len(), of_forked.len()), (1, 0));
        }
        for (one, other) in [(2, 3), (1, 2), (0, 3)] {
            if stored != Some(0) || other == 3 {
                let proof = scene.keep(one, other);
                assert_eq!(scene.heads(), [vec![], vec![head(&proof)]]);
                let found = scene.world.snapshot().heads_of(&[scene.place()]);
                let found = found.expect("heads can be read");
                assert_eq!(found, [Some((SCHEMA_OF_FORKED.into(), head(&proof)))]);
            }
            if stored == Some(0) {
                break;
            }
        }
    }
}

/// Two entries from peers fork a log in one batch, in which it had no head before.
pub(super) fn check_one_batch(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let sides: Vec<_> = scene.sides.iter().collect();
    scene.world.ingest(&sides, Door::Peer);
    let proof = prove(&scene.sides[0], &scene.sides[1]);
    assert_eq!(scene.heads(), [vec![], vec![head(&proof)]]);
}

/// A log that forked later, and then at its first entry, leaves the heads of its document's schema.
pub(super) fn check_lower_fork(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let mut author = Author::new(7);
    let first = author.create(&scene.schema, fields([("body", text("a"))]));
    let mut twin = author.clone();
    let update = |author: &mut Author, data| {
        let fields = fields([("body", text(data))]);
        author.update(first.document(), &scene.schema, &first.view(), fields)
    };
    let (second, other) = (update(&mut author, "x"), update(&mut twin, "y"));
    for signed in [&first, &second] {
        scene.world.publish(signed);
    }
    scene.world.store.ingest_proof(prove(&second, &other)).expect("it can be written");
    let [of_schema, of_forked] = scene.heads();
    assert_eq!((of_schema.len(), of_forked.len()), (1, 0));
    assert_eq!((of_schema[0].latest, of_schema[0].fork), (Some(seq_num(1)), Some(seq_num(2))));
    let proof = scene.keep(0, 1);
    assert_eq!(scene.heads(), [vec![], vec![head(&proof)]]);
}

/// Who wants such a log, or all among which it is, gets the proof.
pub(super) fn check_proofs(new_store: &dyn Fn() -> Box<dyn Store>) {
    for is_stored in [false, true] {
        let scene = Scene::new(new_store);
        if is_stored {
            scene.world.publish(&scene.sides[2]);
        }
        let proof = scene.keep(0, 1);
        let LogPlace { log_id, .. } = scene.place();
        let log = WantedLog { author: proof.public_key(), log_id, from: seq_num(1) };
        let of = |schema: SchemaId| Wants { logs: vec![], ranges: vec![HeadRange::all(schema)] };
        assert_eq!(scene.proofs(&Wants { logs: vec![log], ranges: vec![] }), [proof]);
        assert_eq!(scene.proofs(&of(SCHEMA_OF_FORKED.into())), [proof]);
        assert_eq!(scene.proofs(&of(scene.schema.clone())), []);
    }
}

/// All such proofs are kept, however many: nodes that compare what they have would else never
/// agree.
pub(super) fn check_many(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let author = Author::new(9);
    let count = crate::limits::MAX_PROOFS_ALONE as u64 + 10;
    for log_id in 0..count {
        let entry = |data: &str| {
            let fields = fields([("body", text(data))]);
            let operation = Operation::Create { schema: scene.schema.clone(), fields };
            author.sign(&NextArgs::first(LogId::new(log_id)), &operation)
        };
        let kept = scene.world.store.ingest_proof(prove(&entry("a"), &entry("b")));
        assert!(kept.expect("it can be written").is_some());
    }
    let ranges = [HeadRange::all(SCHEMA_OF_FORKED.into())];
    let heads = consistent(&*scene.world.snapshot(), &ranges);
    let forked = heads.iter().filter(|it| it.head.fork.is_some()).count();
    assert_eq!(forked as u64, count);
}
