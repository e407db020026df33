//! What a run is like: who is there, who knows whom, who writes when, and what goes wrong.

use super::net::Fault;
use crate::Random;

/// How long things go wrong at least, and how much longer they may, in virtual milliseconds.
const TROUBLE_MS: (usize, usize) = (20_000, 120_000);

/// The longest time for which a disk is full, a link cut or a node down.
pub(super) const LASTS_MS: usize = 20_000;

/// How many nodes a run has at most, unless asked for more.
const NODES_MAX: usize = 10;

/// How many entries people write at least, and how many more they may write.
const ENTRIES: (usize, usize) = (20, 100);

/// What goes wrong in a run. Each kind is left out in some runs, so that the others can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Troubles {
    pub(super) network: bool,
    pub(super) crashes: bool,
    pub(super) disks: bool,
    pub(super) slowness: bool,
    pub(super) forks: bool,
    pub(super) hostile: bool,
    pub(super) plain_schemas: bool,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) troubles: Troubles,
    /// How many nodes there are, and how many of them, the last ones, are hostile.
    pub(super) nodes: usize,
    pub(super) hostile: usize,
    pub(super) links: Vec<[usize; 2]>,
    pub(super) entries: usize,
    /// When the last thing goes wrong.
    pub(super) trouble_ends: u64,
    pub(super) faults: Vec<(u64, Fault)>,
}

impl Plan {
    /// Draws a plan; for so many nodes, if asked for.
    pub(super) fn draw(random: &mut Random, troubles: Troubles, nodes: Option<usize>) -> Self {
        let honest = nodes.unwrap_or_else(|| 2 + random.below(NODES_MAX - 1)).max(2);
        let hostile = if troubles.hostile { 1 + random.below(honest.div_ceil(3)) } else { 0 };
        let trouble_ends = (TROUBLE_MS.0 + random.below(TROUBLE_MS.1)) as u64;
        let links = links(random, honest, hostile);
        let mut plan = Self {
            troubles,
            nodes: honest + hostile,
            hostile,
            links,
            entries: ENTRIES.0 + random.below(ENTRIES.1),
            trouble_ends,
            faults: Vec::new(),
        };
        plan.draw_faults(random);
        plan
    }

    fn draw_faults(&mut self, random: &mut Random) {
        let Troubles { network, crashes, disks, slowness, .. } = self.troubles;
        let kinds: Vec<_> = [(network, 0), (network, 1), (crashes, 2), (disks, 3), (disks, 4)]
            .into_iter()
            .chain([(slowness, 5), (slowness, 6), (network, 7), (crashes, 8)])
            .filter_map(|(is_on, kind)| is_on.then_some(kind))
            .collect();
        if kinds.is_empty() {
            return;
        }
        for _ in 0..random.below(4 * self.nodes) {
            let (node, link) = (random.below(self.nodes), random.below(self.links.len()));
            let steps = u32::try_from(random.below(60)).unwrap_or(0);
            let (fault, repair) = match random.pick(&kinds) {
                0 => (Fault::Break(link), None),
                1 => (Fault::Cut(link), Some(Fault::Mend(link))),
                2 => (Fault::Crash(node, steps), None),
                3 => (Fault::DiskFull(node, true), Some(Fault::DiskFull(node, false))),
                4 => (Fault::DiskUnreadable(node, true), Some(Fault::DiskUnreadable(node, false))),
                5 => (Fault::Slow(node, true), Some(Fault::Slow(node, false))),
                6 => (Fault::Deaf(node), None),
                7 => {
                    let sides = random.number();
                    (Fault::Part(sides), Some(Fault::Meet(sides)))
                }
                _ => (Fault::CrashWriting(node, steps / 8), None),
            };
            let at = random.below(usize::try_from(self.trouble_ends).unwrap_or(0)) as u64;
            let until = (at + random.below(LASTS_MS) as u64).min(self.trouble_ends);
            self.faults.push((at, fault));
            self.faults.extend(repair.map(|repair| (until, repair)));
        }
    }
}

impl Troubles {
    /// Whether sessions fail, so that nodes wait before they begin others.
    pub(super) const fn fail_sessions(&self) -> bool {
        self.network || self.crashes || self.disks || self.hostile
    }

    /// Everything that can go wrong, apart from what is left out by chance.
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut chance = || random.chance(70);
        Self {
            network: chance(),
            crashes: chance(),
            disks: chance(),
            slowness: chance(),
            forks: chance(),
            hostile: chance(),
            plain_schemas: false,
        }
    }
}

/// Links such that honest nodes reach each other without hostile ones.
fn links(random: &mut Random, honest: usize, hostile: usize) -> Vec<[usize; 2]> {
    let mut links: Vec<[usize; 2]> = (1..honest).map(|node| [random.below(node), node]).collect();
    let more = random.below(2 * honest);
    links.extend((0..more).map(|_| [random.below(honest), random.below(honest)]));
    for node in honest..honest + hostile {
        let known = 1 + random.below(honest.min(4));
        links.extend((0..known).map(|_| [random.below(node), node]));
    }
    links.retain(|[one, other]| one != other);
    links.iter_mut().for_each(|link| link.sort_unstable());
    links.sort_unstable();
    links.dedup();
    // Either may dial.
    links.iter_mut().filter(|_| random.chance(50)).for_each(|link| link.reverse());
    links
}
