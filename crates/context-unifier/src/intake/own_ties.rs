//! Ties that this task has learnt and that the directory may not have read yet.

use crate::directory::{Lookup, Tie};
use std::collections::{BTreeMap, VecDeque};

/// How many are kept; by then the directory has read the oldest.
const MAX_OWN: usize = 10_000;

/// In memory only: after a restart the directory has read all that was committed.
#[derive(Debug, Default)]
pub(crate) struct OwnTies {
    by_key: BTreeMap<Lookup, Tie>,
    oldest: VecDeque<Lookup>,
}

impl OwnTies {
    pub(crate) fn get(&self, lookup: &Lookup) -> Option<&Tie> {
        self.by_key.get(lookup)
    }

    pub(crate) fn put(&mut self, lookup: Lookup, tie: Tie) {
        if self.by_key.insert(lookup.clone(), tie).is_none() {
            self.oldest.push_back(lookup);
        }
        while self.oldest.len() > MAX_OWN {
            if let Some(oldest) = self.oldest.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }
}
