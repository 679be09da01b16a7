//! A table in memory whose entries stand in groups: those of one account, say, of which there are few, are found at once.

use crate::key::Key;
use crate::store::{CorruptEntry, Giver, Logged, Sink, Store, Value, unlogged};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
struct Held<K, V> {
    key: K,
    value: V,
    logged: Logged,
}

/// A table of groups. Its changelog is that of a [`crate::Table`] with keys of a group's and an entry's.
#[derive(Debug)]
pub struct Groups<G, K, V> {
    name: &'static str,
    /// Each in the order of keys; none is empty.
    groups: BTreeMap<G, Vec<Held<K, V>>>,
    entries: usize,
    /// Keys of entries that are not logged as they are, in the order in which they changed; some are gone again.
    changed: Vec<(G, K)>,
    /// Keys of which the changelog has an entry and the table none.
    removed: BTreeSet<(G, K)>,
}

impl<G: Key, K: Key, V: Value> Groups<G, K, V> {
    /// Makes an empty table.
    pub const fn new(name: &'static str) -> Self {
        Self { name, groups: BTreeMap::new(), entries: 0, changed: Vec::new(), removed: BTreeSet::new() }
    }

    /// Returns the entries of a group, in the order of keys.
    pub fn group(&self, group: &G) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator + use<'_, G, K, V> {
        let entries = self.groups.get(group).map_or(&[][..], Vec::as_slice);
        entries.iter().map(|held| (&held.key, &held.value))
    }

    /// Sets an entry.
    pub fn put(&mut self, group: &G, key: K, value: V) {
        let at = (group.clone(), key);
        let entries = self.groups.entry(group.clone()).or_default();
        match place(entries, &at.1) {
            Ok(place) => {
                let Some(held) = entries.get_mut(place) else { return };
                held.value = value;
                if held.logged.change() {
                    self.changed.push(at);
                }
            }
            Err(place) => {
                let logged = unlogged(&mut self.removed, &at);
                entries.insert(place, Held { key: at.1.clone(), value, logged });
                self.entries += 1;
                self.changed.push(at);
            }
        }
    }

    /// Removes an entry and returns it.
    pub fn remove(&mut self, group: &G, key: &K) -> Option<V> {
        let held = self.take(group, key)?;
        if held.logged != Logged::Nothing {
            self.removed.insert((group.clone(), held.key));
        }
        Some(held.value)
    }

    fn take(&mut self, group: &G, key: &K) -> Option<Held<K, V>> {
        let entries = self.groups.get_mut(group)?;
        let held = entries.remove(place(entries, key).ok()?);
        self.entries -= 1;
        if entries.is_empty() {
            self.groups.remove(group);
        }
        Some(held)
    }
}

fn place<K: Ord, V>(entries: &[Held<K, V>], key: &K) -> Result<usize, usize> {
    // What comes is mostly the newest.
    match entries.last() {
        Some(last) if last.key < *key => Err(entries.len()),
        _ => entries.binary_search_by(|held| held.key.cmp(key)),
    }
}

impl<G: Key, K: Key, V: Value> Store for Groups<G, K, V> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn restore(&mut self, mut key: &[u8], value: Option<&[u8]>) -> Result<(), CorruptEntry> {
        let corrupt = |what: &str| CorruptEntry { store: self.name, what: what.to_owned() };
        let decoded = <(G, K)>::decode(&mut key).filter(|_| key.is_empty());
        let (group, key) = decoded.ok_or_else(|| corrupt("its key"))?;
        let Some(bytes) = value else {
            self.take(&group, &key);
            return Ok(());
        };
        let value = V::decode(bytes).ok_or_else(|| corrupt("its value"))?;
        let entries = self.groups.entry(group).or_default();
        let held = Held { key, value, logged: Logged::Newest };
        match place(entries, &held.key) {
            Ok(place) => {
                if let Some(known) = entries.get_mut(place) {
                    *known = held;
                }
            }
            Err(place) => {
                entries.insert(place, held);
                self.entries += 1;
            }
        }
        Ok(())
    }

    fn drain<'a>(&mut self, sink: &'a mut Sink<'a>) {
        let mut giver = Giver::default();
        for at in self.changed.drain(..) {
            let entries = self.groups.get_mut(&at.0);
            let held = entries.and_then(|entries| place(entries, &at.1).ok().and_then(|place| entries.get_mut(place)));
            if let Some(held) = held
                && held.logged.log()
            {
                giver.give(&at, Some(&held.value), sink);
            }
        }
        while let Some(at) = self.removed.pop_first() {
            giver.give(&at, None::<&V>, sink);
        }
    }

    fn sweep<'a>(&self, mut after: &[u8], budget: usize, sink: &'a mut Sink<'a>) -> Option<Vec<u8>> {
        let from = if after.is_empty() { None } else { <(G, K)>::decode(&mut after) };
        let groups = match &from {
            Some((group, _)) => self.groups.range(group..),
            None => self.groups.range::<G, _>(..),
        };
        let behind = |group: &G, key: &K| from.as_ref().is_none_or(|(g, k)| (group, key) > (g, k));
        let entries = groups.flat_map(|(group, entries)| entries.iter().map(move |held| (group, held)));
        let (mut giver, mut given) = (Giver::default(), 0);
        for (group, held) in entries.filter(|(group, held)| behind(group, &held.key)) {
            if given >= budget {
                return Some(giver.into_key());
            }
            given += giver.give(&(group.clone(), held.key.clone()), Some(&held.value), sink);
        }
        None
    }

    fn entries(&self) -> usize {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;
    use proptest::prelude::*;

    type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    fn drained(store: &mut dyn Store) -> Changes {
        let mut changes = Changes::new();
        store.drain(&mut |key, value| changes.push((key.to_vec(), value.map(<[u8]>::to_vec))));
        changes.sort();
        changes
    }

    fn swept(store: &dyn Store, budget: usize) -> Changes {
        let (mut all, mut after) = (Changes::new(), Some(Vec::new()));
        while let Some(from) = after {
            after = store.sweep(&from, budget, &mut |key, value| all.push((key.to_vec(), value.map(<[u8]>::to_vec))));
        }
        all
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put(u8, u64, u32),
        Remove(u8, u64),
        Drain,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let (group, key) = (0_u8..3, 0_u64..5);
        let step = prop_oneof![
            4 => (group.clone(), key.clone(), any::<u32>()).prop_map(|(g, k, v)| Step::Put(g, k, v)),
            2 => (group, key).prop_map(|(g, k)| Step::Remove(g, k)),
            1 => Just(Step::Drain),
        ];
        proptest::collection::vec(step, 0..80)
    }

    proptest! {
        #[test]
        fn they_are_a_table_with_keys_of_two_parts(steps in steps(), budget in 1_usize..60) {
            let mut groups = Groups::<u8, u64, u32>::new("t");
            let mut table = Table::<(u8, u64), u32>::new("t");
            let mut restored = Groups::<u8, u64, u32>::new("t");
            for step in steps.into_iter().chain([Step::Drain]) {
                match step {
                    Step::Put(g, k, v) => {
                        groups.put(&g, k, v);
                        table.put((g, k), v);
                    }
                    Step::Remove(g, k) => prop_assert_eq!(groups.remove(&g, &k), table.remove(&(g, k))),
                    Step::Drain => {
                        let changes = drained(&mut groups);
                        prop_assert_eq!(&changes, &drained(&mut table));
                        for (key, value) in &changes {
                            restored.restore(key, value.as_deref()).unwrap();
                        }
                        prop_assert_eq!(swept(&restored, budget), swept(&table, budget));
                    }
                }
                for group in 0..3 {
                    prop_assert!(groups.group(&group).eq(table.range((group, 0)..(group + 1, 0)).map(|((_, k), v)| (k, v))));
                }
                prop_assert_eq!(groups.entries(), table.len());
            }
        }
    }
}
