//! A map of limited size, in which what was put in longest ago is forgotten.

use alloc::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Recent<const MAX: usize, K, V> {
    // Invariant: `order` holds each key of `values` once, by the number that stands there.
    values: BTreeMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
    next: u64,
}

impl<const MAX: usize, K, V> Default for Recent<MAX, K, V> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), order: BTreeMap::new(), next: 0 }
    }
}

impl<const MAX: usize, K: Copy + Ord, V> Recent<MAX, K, V> {
    /// Puts something in, in place of what was there under its key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let number = self.next;
        // So many insertions do not come by.
        self.next = self.next.saturating_add(1);
        if let Some((before, _)) = self.values.insert(key, (number, value)) {
            self.order.remove(&before);
        }
        self.order.insert(number, key);
        if self.values.len() > MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.values.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key).map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.values.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn what_was_put_in_longest_ago_is_forgotten() {
        let mut recent = Recent::<3, u8, &str>::default();
        for key in 0..3 {
            recent.insert(key, "first");
        }
        recent.insert(0, "again");
        recent.insert(3, "first");
        assert_eq!([0, 1, 2, 3].map(|key| recent.contains(&key)), [true, false, true, true]);
        assert_eq!((recent.get(&0), recent.len()), (Some(&"again"), 3));
    }
}
