//! A simulator: whole networks of nodes on one thread, a virtual clock, and one seed.
//!
//! ```text
//! seed ─▶ plan ─▶ world ── events ──▶ nodes: sessions, intake, store (the real ones)
//!                   ▲                    │ frames
//!                   └─ clock, wires ◀────┘
//!                        ▼ faults end
//!                      judge: all agree, come to rest, lost nothing
//! ```
//!
//! A node is the code that real nodes run, driven as `pandan-node` drives it: sessions
//! (`pandan-replication`), what they ask and the door for entries (`pandan-sync`), and stores, in
//! memory or in files. Everything that happens follows from the seed, so a failure can be played
//! again.

mod agenda;
mod bounds;
mod disk;
mod hostile;
mod judge;
mod net;
mod node;
mod plan;
mod usage;
mod wires;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use net::Totals;

use crate::Random;
use plan::{Plan, Troubles};
use world::World;

/// What to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Everything follows from it.
    pub seed: u64,
    /// How many honest nodes there are, 2 at least; without it, the seed says.
    pub nodes: Option<usize>,
    /// What goes wrong.
    pub trouble: Trouble,
    /// Whether no schema that people write in is several states of a definition at a time.
    pub has_plain_schemas: bool,
}

/// What goes wrong in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Nodes are slow, and news are lost. No session fails, so nodes have to agree soon.
    Slowness,
    /// Whatever the seed draws.
    Any,
}

/// Something that must not happen, and how to see it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}: {problem}\nthe last events, with virtual milliseconds:\n{}", trace.join("\n"))]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What happened.
    pub problem: String,
    /// The last events before it.
    pub trace: Vec<String>,
}

impl Simulation {
    /// A network with all troubles that the seed draws.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self { seed, nodes: None, trouble: Trouble::Any, has_plain_schemas: false }
    }

    /// Plays it to the end.
    pub fn run(self) -> Result<Totals, Box<Failure>> {
        let Self { seed, nodes, trouble, has_plain_schemas: plain_schemas } = self;
        let mut random = Random::new(seed);
        let troubles = match trouble {
            Trouble::None => Troubles::default(),
            Trouble::Slowness => Troubles { slowness: true, forks: true, ..Troubles::default() },
            Trouble::Any => Troubles::draw(&mut random),
        };
        let troubles = Troubles { plain_schemas, ..troubles };
        let plan = Plan::draw(&mut random, troubles, nodes);
        let mut world = World::new(&plan, random);
        let played = catch_unwind(AssertUnwindSafe(|| {
            world.run(plan.trouble_ends);
            world.repair();
            judge::judge(&mut world);
        }));
        if let Err(panic) = played {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            world.fail(format!("panic: {}", text.unwrap_or("without a text")));
        }
        let totals = Totals {
            runs: 1,
            nodes: plan.nodes as u64,
            hostile: plan.hostile as u64,
            virtual_ms: world.net.now(),
            ..world.net.totals
        };
        match world.problem.take() {
            None => Ok(totals),
            Some(problem) => Err(Box::new(Failure { seed, problem, trace: world.net.trace() })),
        }
    }
}

impl Totals {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.nodes += other.nodes;
        self.hostile += other.hostile;
        self.events += other.events;
        self.entries += other.entries;
        self.forks += other.forks;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.faults += other.faults;
        self.crashes += other.crashes;
        self.lies += other.lies;
        self.sessions += other.sessions;
        self.virtual_ms += other.virtual_ms;
        self.slowest_ms = self.slowest_ms.max(other.slowest_ms);
    }
}
