//! Peers that are gone before it was known what became of what they sent last.

use std::collections::BTreeMap;

use pandan_replication::PeerId;
use pandan_replication::legacy::{FORGED_POINTS, Verdict};

use super::LinkId;

/// By their links, each of which has handed over entries that the store was not through with.
#[derive(Debug, Default)]
pub(super) struct Leaving(BTreeMap<LinkId, PeerId>);

impl Leaving {
    pub(super) fn begin(&mut self, link: LinkId, peer: PeerId) {
        self.0.insert(link, peer);
    }

    /// What became of these entries; gives what the peer has done wrong, in points.
    pub(super) fn end(&mut self, link: LinkId, verdicts: &[Verdict]) -> Option<(PeerId, u32)> {
        let peer = self.0.remove(&link)?;
        verdicts.contains(&Verdict::Forged).then_some((peer, FORGED_POINTS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_forged_entries_and_leaves_is_blamed_once() {
        let (mut leaving, peer, link) = (Leaving::default(), PeerId([1; 32]), LinkId(7));
        leaving.begin(link, peer);
        assert_eq!(leaving.end(LinkId(8), &[Verdict::Forged]), None);
        let verdicts = [Verdict::Stored, Verdict::Forged, Verdict::Forged];
        assert_eq!(leaving.end(link, &verdicts), Some((peer, FORGED_POINTS)));
        assert_eq!(leaving.end(link, &verdicts), None);
        leaving.begin(link, peer);
        assert_eq!(leaving.end(link, &[Verdict::Refused]), None);
    }
}
