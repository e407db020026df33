//! A festival, told by the people who make it: what a node does, shown on real data.

pub(crate) mod audit;
pub(crate) mod drama;
pub(crate) mod festival;
pub(crate) mod mesh;
pub(crate) mod people;
pub(crate) mod programme;
pub(crate) mod tour;
