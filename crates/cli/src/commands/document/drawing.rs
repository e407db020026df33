//! Draws a graph of operations in lanes, oldest first.
//!
//! ```text
//! ●     a
//! ├─╮   a was built upon twice
//! ● │   b
//! │ ●   c
//! ├─╯   and both were merged
//! ●     d
//! ```

use std::collections::BTreeMap;

use pandan_operations::OperationId;

use crate::style::{DIM, PALETTE, paint};

/// The lanes of the graph: what is still to be built upon.
#[derive(Debug)]
pub(super) struct Drawing {
    lanes: Vec<Option<Lane>>,
    children: BTreeMap<OperationId, usize>,
}

/// The latest operation drawn in a lane, and how many that build upon it are still to come.
#[derive(Clone, Copy, Debug)]
struct Lane {
    operation: OperationId,
    open: usize,
}

/// The lines for one operation: connections before it, and the one that it stands in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) connections: Vec<String>,
    pub(super) node: String,
}

impl Drawing {
    /// Takes the edges: each operation with those it was made on top of.
    pub(super) fn new<'a>(edges: impl Iterator<Item = (OperationId, &'a [OperationId])>) -> Self {
        let mut children = BTreeMap::new();
        for (_, previous) in edges {
            for parent in previous {
                *children.entry(*parent).or_default() += 1;
            }
        }
        Self { lanes: Vec::new(), children }
    }

    /// Draws the next operation; those it was made on top of were drawn before.
    pub(super) fn next(&mut self, id: OperationId, previous: &[OperationId], mark: &str) -> Lines {
        let mut connections = Vec::new();
        let mut parents: Vec<usize> = (0..self.lanes.len())
            .filter(|&index| {
                self.lane(index).is_some_and(|lane| previous.contains(&lane.operation))
            })
            .collect();
        let own = if parents.is_empty() {
            self.free()
        } else {
            self.leave(parents.remove(0), &mut connections)
        };
        for parent in parents {
            connections.push(self.join(parent, own));
        }
        let open = self.children.get(&id).copied().unwrap_or_default();
        let node = self.row(|index| (index == own).then(|| mark.to_owned()));
        self.lanes[own] = (open > 0).then_some(Lane { operation: id, open });
        while self.lanes.last().is_some_and(Option::is_none) {
            self.lanes.pop();
        }
        Lines { connections, node }
    }

    fn lane(&self, index: usize) -> Option<Lane> {
        self.lanes.get(index).copied().flatten()
    }

    /// A lane that nothing stands in.
    fn free(&mut self) -> usize {
        match self.lanes.iter().position(Option::is_none) {
            Some(index) => index,
            None => {
                self.lanes.push(None);
                self.lanes.len() - 1
            }
        }
    }

    /// Continues a lane, or branches off when more is to build upon its operation.
    fn leave(&mut self, parent: usize, connections: &mut Vec<String>) -> usize {
        if self.count_down(parent) == 0 {
            return parent;
        }
        let own = self.free();
        connections.push(self.connection(parent, own, '╮', '╭'));
        own
    }

    /// Leads a lane into another one, and ends it when nothing else builds upon it.
    fn join(&mut self, parent: usize, own: usize) -> String {
        let open = self.count_down(parent);
        let (right, left) = if open == 0 { ('╯', '╰') } else { ('┤', '├') };
        let line = self.connection(own, parent, right, left);
        if open == 0 {
            self.lanes[parent] = None;
        }
        line
    }

    fn count_down(&mut self, index: usize) -> usize {
        match self.lanes.get_mut(index) {
            Some(Some(lane)) => {
                lane.open = lane.open.saturating_sub(1);
                lane.open
            }
            _ => 0,
        }
    }

    /// A line from the lane that goes on to another, which bends as the characters say when it
    /// is to the right or to the left.
    fn connection(&self, trunk: usize, branch: usize, right: char, left: char) -> String {
        let (start, end) = (trunk.min(branch), trunk.max(branch));
        let mut line = String::new();
        for index in 0..self.lanes.len() {
            let has_lane = self.lane(index).is_some();
            let char = match index {
                _ if index == branch => {
                    if branch > trunk {
                        right
                    } else {
                        left
                    }
                }
                _ if index == trunk => {
                    if branch > trunk {
                        '├'
                    } else {
                        '┤'
                    }
                }
                _ if index > start && index < end => {
                    if has_lane {
                        '┼'
                    } else {
                        '─'
                    }
                }
                _ => {
                    if has_lane {
                        '│'
                    } else {
                        ' '
                    }
                }
            };
            line.push(char);
            line.push(if index >= start && index < end { '─' } else { ' ' });
        }
        paint(DIM, line.trim_end())
    }

    fn row(&self, special: impl Fn(usize) -> Option<String>) -> String {
        let cells = (0..self.lanes.len()).map(|index| {
            let cell = special(index);
            let lane = || self.lane(index).map(|_| paint(DIM, '│'));
            cell.or_else(lane).unwrap_or_else(|| String::from(" ")) + " "
        });
        cells.collect()
    }
}

/// The same colour for the same author, as long as there are few of them. Ids have the first one.
pub(super) fn colour(index: usize) -> anstyle::Style {
    PALETTE[1 + index % (PALETTE.len() - 1)]
}

#[cfg(test)]
mod tests {
    use pandan_bamboo::Hash;
    use pandan_operations::OperationId;

    use super::Drawing;

    fn draw(edges: &[(&str, &[&str])]) -> String {
        let id = |name: &str| OperationId::from_hash(Hash::of(name.as_bytes()));
        let edges: Vec<_> = edges
            .iter()
            .map(|(name, previous)| (id(name), previous.iter().map(|name| id(name)).collect()))
            .collect();
        let mut drawing =
            Drawing::new(edges.iter().map(|(id, list): &(_, Vec<_>)| (*id, &list[..])));
        let mut text = String::from("\n");
        for (id, previous) in &edges {
            let lines = drawing.next(*id, previous, "o");
            for line in lines.connections.iter().chain([&lines.node]) {
                text += &format!("{}\n", anstream::adapter::strip_str(line).to_string().trim_end());
            }
        }
        text
    }

    #[test]
    fn branches_leave_and_come_back() {
        assert_eq!(
            draw(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"]), ("e", &["d"])]),
            "
o
├─╮
│ o
o │
├─╯
o
o
"
        );
    }

    #[test]
    fn three_branches_and_a_partial_merge() {
        assert_eq!(
            draw(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["a"]), ("e", &["b", "d"])]),
            "
o
├─╮
│ o
├─┼─╮
│ │ o
o │
├─╯
o
"
        );
    }

    /// Numbers by chance, the same in every run.
    fn chance(state: &mut u64, below: usize) -> usize {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(*state >> 33).unwrap_or_default() % below
    }

    #[test]
    fn every_graph_is_drawn_with_one_mark_for_each_operation() {
        let names: Vec<_> = (0..40).map(|index: usize| index.to_string()).collect();
        for seed in 0..200 {
            let mut state = seed;
            let mut edges: Vec<(&str, Vec<&str>)> = Vec::new();
            for (index, name) in names.iter().enumerate() {
                let count = if index == 0 { 0 } else { 1 + chance(&mut state, index.min(3)) };
                let mut previous: Vec<_> =
                    (0..count).map(|_| names[chance(&mut state, index)].as_str()).collect();
                previous.sort_unstable();
                previous.dedup();
                edges.push((name, previous));
            }
            let borrowed: Vec<_> = edges.iter().map(|(name, list)| (*name, &list[..])).collect();
            let text = draw(&borrowed);
            assert_eq!(text.matches('o').count(), names.len(), "{text}");
            assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        }
    }
}
