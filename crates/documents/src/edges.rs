//! Adjacency lists in two arrays: where each node's list begins, and all lists one after the other.
//!
//! Nodes are numbered by the rank of their operation id, so "ascending by id" is "ascending by
//! number", and the hot loops touch neither hashes nor maps.

use alloc::vec::Vec;

/// For each node the nodes that it points to, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edges {
    /// `starts[n]..starts[n + 1]` are the places of node n's list in `targets`.
    starts: Vec<usize>,
    targets: Vec<usize>,
}

impl Edges {
    pub(crate) fn with_capacity(nodes: usize) -> Self {
        let mut starts = Vec::with_capacity(nodes.saturating_add(1));
        starts.push(0);
        Self { starts, targets: Vec::with_capacity(nodes) }
    }

    /// Adds the list of the next node.
    pub(crate) fn push<E>(
        &mut self,
        list: impl IntoIterator<Item = Result<usize, E>>,
    ) -> Result<(), E> {
        for target in list {
            self.targets.push(target?);
        }
        self.starts.push(self.targets.len());
        Ok(())
    }

    pub(crate) fn nodes(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The list of a node; empty for a node that does not exist.
    pub(crate) fn of(&self, node: usize) -> &[usize] {
        let bounds = self.starts.get(node).zip(self.starts.get(node.saturating_add(1)));
        bounds.and_then(|(&start, &end)| self.targets.get(start..end)).unwrap_or(&[])
    }

    /// The same edges seen from their other ends.
    pub(crate) fn reversed(&self) -> Self {
        let nodes = self.nodes();
        let mut starts = self.counted_starts();
        let mut targets = alloc::vec![0; self.targets.len()];
        // Sources are gone through in ascending order, so every list comes out ascending. After
        // this loop each start has moved to the end of its list.
        for source in 0..nodes {
            for &target in self.of(source) {
                if let Some(place) = starts.get_mut(target) {
                    if let Some(slot) = targets.get_mut(*place) {
                        *slot = source;
                    }
                    *place = place.saturating_add(1);
                }
            }
        }
        starts.rotate_right(1);
        if let Some(first) = starts.first_mut() {
            *first = 0;
        }
        Self { starts, targets }
    }

    /// Where the lists of the reversed edges begin, with one place more at the end.
    fn counted_starts(&self) -> Vec<usize> {
        let mut starts = alloc::vec![0_usize; self.nodes().saturating_add(1)];
        for &target in &self.targets {
            if let Some(count) = starts.get_mut(target) {
                *count = count.saturating_add(1);
            }
        }
        let mut sum = 0_usize;
        for start in &mut starts {
            let count = core::mem::replace(start, sum);
            sum = sum.saturating_add(count);
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use super::*;

    #[test]
    fn reversing_lists_every_edge_from_its_other_end() {
        let mut edges = Edges::with_capacity(4);
        for list in [&[1_usize, 3][..], &[3], &[0, 1, 3], &[]] {
            let Ok(()) = edges.push(list.iter().copied().map(Ok::<_, Infallible>));
        }
        let reversed = edges.reversed();
        assert_eq!(reversed.of(0), [2]);
        assert_eq!(reversed.of(1), [0, 2]);
        assert_eq!(reversed.of(2), [0_usize; 0]);
        assert_eq!(reversed.of(3), [0, 1, 2]);
        assert_eq!(reversed.of(4), [0_usize; 0]);
        assert_eq!(reversed.reversed(), edges);
    }
}
