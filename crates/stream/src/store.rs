//! State stores: tables in memory whose changes go to a changelog.
//!
//! The changelog is the write-ahead log: [`Store::drain`] gives every entry that changed since the last commit, once, and
//! [`Store::restore`] takes them back. Restoring all of these, in order, gives the table that wrote them.
//! [`crate::Changelog`] makes batches of them.

use crate::key::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::{Bound, RangeBounds};

/// An entry of a changelog cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "store {store}: the changelog holds an entry that cannot be read ({what}); another release may have written it"
)]
pub struct CorruptEntry {
    /// The store.
    pub store: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Takes changed entries: key and value, none when it was removed.
pub type Sink<'a> = dyn FnMut(&[u8], Option<&[u8]>) + 'a;

/// A store as whoever drives a task sees it.
pub trait Store {
    /// Returns its name; the task's changelog names the store of its entries by it, so it never changes.
    fn name(&self) -> &'static str;

    /// Takes one entry of the changelog; no value removes it.
    ///
    /// # Errors
    /// [`CorruptEntry`] when the entry cannot be read.
    fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CorruptEntry>;

    /// Gives all entries that changed since the last call, and forgets that they did.
    fn drain<'a>(&mut self, sink: &'a mut Sink<'a>);

    /// Gives the entries behind the key `after` (all, when that is empty), in the order of keys, until they have `budget`
    /// bytes; returns the key of the last one when there are more.
    fn sweep<'a>(&self, after: &[u8], budget: usize, sink: &'a mut Sink<'a>) -> Option<Vec<u8>>;

    /// Returns how many entries it holds.
    fn entries(&self) -> usize;
}

/// A value of a table.
pub trait Value: Send + Sized {
    /// Appends the byte form.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads the byte form.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

impl<T: Serialize + DeserializeOwned + Send> Value for T {
    fn encode(&self, out: &mut Vec<u8>) {
        // Writing JSON into memory fails only for maps without string keys, which no value has (tests restore each).
        let _ = serde_json::to_writer(out, self);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What the changelog knows of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logged {
    /// It has it as it is.
    Newest,
    /// It has an older one.
    Older,
    /// It has none: an entry that comes and goes between two commits leaves no trace.
    Nothing,
}

impl Logged {
    /// Says that the entry changes; tells whether it was logged as it was.
    pub(crate) fn change(&mut self) -> bool {
        let newest = *self == Self::Newest;
        if newest {
            *self = Self::Older;
        }
        newest
    }

    /// Says that the entry is logged as it is; tells whether it was not.
    pub(crate) fn log(&mut self) -> bool {
        std::mem::replace(self, Self::Newest) != Self::Newest
    }
}

/// Gives entries in their byte forms, with one allocation for all.
#[derive(Debug, Default)]
pub(crate) struct Giver {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Giver {
    /// Gives an entry, none when it was removed; returns its size.
    pub(crate) fn give(&mut self, key: &impl Key, value: Option<&impl Value>, sink: &mut Sink<'_>) -> usize {
        self.key.clear();
        key.encode(&mut self.key);
        self.value.clear();
        if let Some(value) = value {
            value.encode(&mut self.value);
        }
        sink(&self.key, value.map(|_| self.value.as_slice()));
        self.key.len() + self.value.len()
    }

    /// Returns the key that was given last.
    pub(crate) fn into_key(self) -> Vec<u8> {
        self.key
    }
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    logged: Logged,
}

/// A table in memory.
#[derive(Debug)]
pub struct Table<K, V> {
    name: &'static str,
    entries: BTreeMap<K, Held<V>>,
    /// Keys of entries that are not logged as they are, in the order in which they changed; some are gone again.
    changed: Vec<K>,
    /// Keys of which the changelog has an entry and the table none.
    removed: BTreeSet<K>,
}

impl<K: Key, V: Value> Table<K, V> {
    /// Makes an empty table.
    pub const fn new(name: &'static str) -> Self {
        Self { name, entries: BTreeMap::new(), changed: Vec::new(), removed: BTreeSet::new() }
    }

    /// Returns an entry.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|held| &held.value)
    }

    /// Sets an entry.
    pub fn put(&mut self, key: K, value: V) {
        match self.entries.entry(key) {
            btree_map::Entry::Occupied(mut entry) => {
                entry.get_mut().value = value;
                if entry.get_mut().logged.change() {
                    self.changed.push(entry.key().clone());
                }
            }
            btree_map::Entry::Vacant(entry) => {
                let logged = unlogged(&mut self.removed, entry.key());
                self.changed.push(entry.key().clone());
                entry.insert(Held { value, logged });
            }
        }
    }

    /// Changes an entry in place, if there is one.
    pub fn update<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let held = self.entries.get_mut(key)?;
        if held.logged.change() {
            self.changed.push(key.clone());
        }
        Some(change(&mut held.value))
    }

    /// Changes an entry in place; starts with the default when there is none.
    pub fn update_or_default<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        // Most are there, and a key that is not is the only one that is cloned twice.
        if let Some(held) = self.entries.get_mut(key) {
            if held.logged.change() {
                self.changed.push(key.clone());
            }
            return change(&mut held.value);
        }
        let mut value = V::default();
        let result = change(&mut value);
        self.put(key.clone(), value);
        result
    }

    /// Removes an entry and returns it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (key, held) = self.entries.remove_entry(key)?;
        if held.logged != Logged::Nothing {
            self.removed.insert(key);
        }
        Some(held.value)
    }

    /// Returns the entries of a range of keys, in order.
    pub fn range<R: RangeBounds<K>>(&self, range: R) -> Range<'_, K, V> {
        Range(self.entries.range(range))
    }

    /// Returns all entries, in the order of keys.
    pub fn iter(&self) -> Range<'_, K, V> {
        self.range(..)
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Entries in the order of keys.
#[derive(Debug)]
pub struct Range<'t, K, V>(btree_map::Range<'t, K, Held<V>>);

impl<'t, K, V> Iterator for Range<'t, K, V> {
    type Item = (&'t K, &'t V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, held)| (key, &held.value))
    }
}

impl<K, V> DoubleEndedIterator for Range<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, held)| (key, &held.value))
    }
}

/// Says what the changelog knows of a key that the table gets.
pub(crate) fn unlogged<K: Ord>(removed: &mut BTreeSet<K>, key: &K) -> Logged {
    if !removed.is_empty() && removed.remove(key) { Logged::Older } else { Logged::Nothing }
}

impl<K: Key, V: Value> Store for Table<K, V> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CorruptEntry> {
        let corrupt = |what: &str| CorruptEntry { store: self.name, what: what.to_owned() };
        let mut rest = key;
        let key = K::decode(&mut rest).filter(|_| rest.is_empty()).ok_or_else(|| corrupt("its key"))?;
        match value {
            None => {
                self.entries.remove(&key);
            }
            Some(bytes) => {
                let value = V::decode(bytes).ok_or_else(|| corrupt("its value"))?;
                self.entries.insert(key, Held { value, logged: Logged::Newest });
            }
        }
        Ok(())
    }

    fn drain<'a>(&mut self, sink: &'a mut Sink<'a>) {
        let mut giver = Giver::default();
        for key in self.changed.drain(..) {
            if let Some(held) = self.entries.get_mut(&key)
                && held.logged.log()
            {
                giver.give(&key, Some(&held.value), sink);
            }
        }
        while let Some(key) = self.removed.pop_first() {
            giver.give(&key, None::<&V>, sink);
        }
    }

    fn sweep<'a>(&self, mut after: &[u8], budget: usize, sink: &'a mut Sink<'a>) -> Option<Vec<u8>> {
        let from = if after.is_empty() { None } else { K::decode(&mut after) };
        let mut entries = self.entries.range((from.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        let (mut giver, mut given) = (Giver::default(), 0);
        while given < budget {
            let (key, held) = entries.next()?;
            given += giver.give(key, Some(&held.value), sink);
        }
        entries.next().map(|_| giver.into_key())
    }

    fn entries(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_records::Id;
    use proptest::prelude::*;

    type Entries = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    fn drained(table: &mut impl Store) -> Entries {
        let mut log = Entries::new();
        table.drain(&mut |key, value| log.push((key.to_vec(), value.map(<[u8]>::to_vec))));
        log
    }

    fn restored<K: Key, V: Value>(log: &Entries) -> Table<K, V> {
        let mut table = Table::new("t");
        for (key, value) in log {
            table.restore(key, value.as_deref()).unwrap();
        }
        table
    }

    #[test]
    fn a_drain_says_each_change_once_and_the_newest_only() {
        let mut table = Table::<u64, u32>::new("t");
        table.put(2, 1);
        table.put(1, 5);
        table.put(2, 9);
        let key = |number: u64| number.to_be_bytes().to_vec();
        assert_eq!(drained(&mut table), [(key(2), Some(b"9".to_vec())), (key(1), Some(b"5".to_vec()))]);
        assert_eq!(drained(&mut table), []);
        assert_eq!(table.update(&1, |value| *value += 1), Some(()));
        assert_eq!(table.update(&7, |value| *value += 1), None);
        assert_eq!(table.remove(&2), Some(9));
        assert_eq!(table.remove(&8), None);
        assert_eq!(drained(&mut table), [(key(1), Some(b"6".to_vec())), (key(2), None)]);
    }

    #[test]
    fn what_comes_and_goes_between_two_drains_leaves_no_tombstone() {
        let mut table = Table::<u64, u32>::new("t");
        table.put(1, 1);
        table.update_or_default(&2, |value| *value = 4);
        table.remove(&1);
        table.remove(&2);
        assert_eq!(drained(&mut table), []);
        table.put(1, 1);
        assert_eq!(drained(&mut table).len(), 1);
        table.remove(&1);
        table.put(1, 2);
        table.remove(&1);
        assert_eq!(drained(&mut table), [(1_u64.to_be_bytes().to_vec(), None)]);
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_named() {
        let mut table = Table::<u64, u32>::new("offers");
        let (short, whole, long) = ([0; 7], [0; 8], [0; 9]);
        for (key, value) in [(&short[..], None), (&long[..], None), (&whole[..], Some(&b"x"[..]))] {
            assert_eq!(table.restore(key, value).unwrap_err().store, "offers");
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put(u8, u32),
        Add(u8, u32),
        Update(u8, u32),
        Remove(u8),
        Drain,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = 0_u8..6;
        let step = prop_oneof![
            (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Put(k, v)),
            (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Add(k, v)),
            (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Update(k, v)),
            key.prop_map(Step::Remove),
            Just(Step::Drain),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn restoring_what_was_drained_gives_the_table(steps in steps()) {
            let mut table = Table::<(u8, Id), u32>::new("t");
            let mut log = Entries::new();
            let key = |k: u8| (k, Id::from(format!("key {k}")));
            for step in steps {
                match step {
                    Step::Put(k, v) => table.put(key(k), v),
                    Step::Add(k, v) => table.update_or_default(&key(k), |old| *old = old.wrapping_add(v)),
                    Step::Update(k, v) => table.update(&key(k), |old| *old = v).unwrap_or(()),
                    Step::Remove(k) => {
                        table.remove(&key(k));
                    }
                    Step::Drain => {
                        log.extend(drained(&mut table));
                        let back = restored::<(u8, Id), u32>(&log);
                        prop_assert!(back.iter().eq(table.iter()));
                    }
                }
            }
            log.extend(drained(&mut table));
            let back = restored::<(u8, Id), u32>(&log);
            prop_assert!(back.iter().eq(table.iter()));
            // A tombstone stands only behind an entry, so a compacted changelog holds no more keys than were written.
            let first = |key: &[u8]| log.iter().find(|(k, _)| k == key);
            prop_assert!(log.iter().all(|(key, _)| first(key).is_some_and(|(_, value)| value.is_some())));
        }
    }
}
