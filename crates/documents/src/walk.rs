//! The deterministic walk over a graph.
//!
//! ```text
//! put the root on the stack
//! while something is on the stack:
//!     take x off the stack
//!     skip x if it was visited already or has a parent that was not
//!     visit x
//!     put the children of x on the stack: the second lowest first, the greatest after
//!     it, and the lowest on top of all
//! ```
//!
//! So the CREATE comes first (DO6) and its children follow it (DO7); a branch is followed to its end
//! (DO9), beginning with the child of the lowest operation id (DO8) and then from the greatest down,
//! and a merge comes after all its parents: the last of them puts it on the stack once more, and so
//! `previous` may hold ancestors (PN21). Every operation is visited exactly once (D10). The order is
//! that of the deployed network wherever that one puts parents before children.

use alloc::vec::Vec;

use crate::edges::Edges;

/// All nodes that can be reached from `root` in their order. Nodes on a cycle are left out.
pub(crate) fn walk(root: usize, parents: &Edges, children: &Edges) -> Vec<usize> {
    let nodes = parents.nodes();
    let mut open: Vec<usize> = (0..nodes).map(|node| parents.of(node).len()).collect();
    let mut visited = alloc::vec![false; nodes];
    let mut order = Vec::with_capacity(nodes);
    let mut stack = alloc::vec![root];
    while let Some(node) = stack.pop() {
        if open.get(node) != Some(&0) {
            continue;
        }
        match visited.get_mut(node) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        order.push(node);
        let list = children.of(node);
        for &child in list {
            if let Some(count) = open.get_mut(child) {
                *count = count.saturating_sub(1);
            }
        }
        if let Some((&lowest, others)) = list.split_first() {
            stack.extend_from_slice(others);
            stack.push(lowest);
        }
    }
    order
}
