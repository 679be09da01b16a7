//! State stores: tables in memory whose changes go to a changelog.
//!
//! The changelog is the write-ahead log: [`Store::drain`] gives every entry that changed since the last commit, in the
//! order of keys, and [`Store::restore`] takes them back. Restoring all entries of a changelog, in order, gives the
//! table that wrote them.

use baton_records::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

/// An entry of a changelog cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "store {store}: the changelog holds an entry that cannot be read ({what}); a newer release may have written it"
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
    /// Returns its name; it stands in front of every key of the task's changelog, so it never changes.
    fn name(&self) -> &'static str;

    /// Takes one entry of the changelog; no value removes it.
    ///
    /// # Errors
    /// [`CorruptEntry`] when the entry cannot be read.
    fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CorruptEntry>;

    /// Gives all entries that changed since the last call, and forgets that they did.
    fn drain<'a>(&mut self, sink: &'a mut Sink<'a>);

    /// Returns how many entries it holds.
    fn entries(&self) -> usize;
}

/// A key of a table: its byte form is unique for each key.
pub trait Key: Ord + Clone + Send {
    /// Appends the byte form.
    fn encode(&self, out: &mut Vec<u8>);
    /// Takes the byte form off the front of `bytes`.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
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

impl Key for Id {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len() as u32).to_be_bytes());
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        *bytes = rest;
        std::str::from_utf8(text).ok().map(Id::from)
    }
}

impl Key for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        Some(Self::from_be_bytes(*number))
    }
}

impl<const N: usize> Key for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (array, rest) = bytes.split_first_chunk::<N>()?;
        *bytes = rest;
        Some(*array)
    }
}

impl Key for () {
    fn encode(&self, _out: &mut Vec<u8>) {}

    fn decode(_bytes: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
        self.2.encode(out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?, C::decode(bytes)?))
    }
}

/// A table in memory.
#[derive(Debug)]
pub struct Table<K, V> {
    name: &'static str,
    entries: BTreeMap<K, V>,
    changed: BTreeSet<K>,
}

impl<K: Key, V: Value> Table<K, V> {
    /// Makes an empty table.
    pub const fn new(name: &'static str) -> Self {
        Self { name, entries: BTreeMap::new(), changed: BTreeSet::new() }
    }

    /// Returns an entry.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Sets an entry.
    pub fn put(&mut self, key: K, value: V) {
        self.changed.insert(key.clone());
        self.entries.insert(key, value);
    }

    /// Changes an entry in place, if there is one.
    pub fn update<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let entry = self.entries.get_mut(key)?;
        self.changed.insert(key.clone());
        Some(change(entry))
    }

    /// Changes an entry in place; starts with the default when there is none.
    pub fn update_or_default<R>(&mut self, key: &K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        self.changed.insert(key.clone());
        change(self.entries.entry(key.clone()).or_default())
    }

    /// Removes an entry and returns it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let old = self.entries.remove(key)?;
        self.changed.insert(key.clone());
        Some(old)
    }

    /// Returns the entries of a range of keys, in order.
    pub fn range<R: RangeBounds<K>>(&self, range: R) -> std::collections::btree_map::Range<'_, K, V> {
        self.entries.range(range)
    }

    /// Returns all entries, in the order of keys.
    pub fn iter(&self) -> std::collections::btree_map::Iter<'_, K, V> {
        self.entries.iter()
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
                self.entries.insert(key, value);
            }
        }
        Ok(())
    }

    fn drain<'a>(&mut self, sink: &'a mut Sink<'a>) {
        let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
        for key in std::mem::take(&mut self.changed) {
            key_bytes.clear();
            key.encode(&mut key_bytes);
            match self.entries.get(&key) {
                None => sink(&key_bytes, None),
                Some(value) => {
                    value_bytes.clear();
                    value.encode(&mut value_bytes);
                    sink(&key_bytes, Some(&value_bytes));
                }
            }
        }
    }

    fn entries(&self) -> usize {
        self.entries.len()
    }
}
