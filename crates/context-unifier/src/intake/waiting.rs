//! Events that nothing resolves yet.

use crate::directory::{Lookup, LookupKind, lookups_of};
use baton_records::{Event, Id, Received, Timestamp};
use baton_stream::{Store, Table};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long an event waits.
pub(crate) const WAIT: Duration = Duration::from_secs(24 * 3_600);
/// How many events wait for one identity, conversation, ticket or order …
const MAX_OF_KEY: usize = 1_000;
/// … and in all, for one source partition …
const MAX_EVENTS: usize = 100_000;
/// … and how many bytes they may have.
const MAX_BYTES: usize = 64 << 20;

/// An event that waits, as it was received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Parked {
    #[serde(rename = "r")]
    pub(crate) received: Received,
    /// The record's timestamp.
    #[serde(rename = "t")]
    pub(crate) timestamp: Timestamp,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<Id>,
    /// When it began to wait.
    #[serde(rename = "s")]
    pub(crate) since: Timestamp,
}

impl Parked {
    /// Reads the event again; it could be read when it came.
    pub(crate) fn event(&self) -> Option<Event> {
        Event::decode(self.received.value.as_bytes()).ok()
    }

    fn bytes(&self) -> usize {
        self.received.value.len() + self.received.key.as_ref().map_or(0, Id::len)
    }
}

/// The events of one source partition that wait, by offset.
#[derive(Debug)]
pub(crate) struct Waiting {
    parked: Table<u64, Parked>,
    /// The rest is made of `parked`.
    by_key: BTreeMap<Lookup, BTreeSet<u64>>,
    by_time: BTreeSet<(Timestamp, u64)>,
    bytes: usize,
    indexed: bool,
}

impl Waiting {
    pub(crate) const fn new() -> Self {
        Self {
            parked: Table::new("intake.waiting"),
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
            bytes: 0,
            indexed: false,
        }
    }

    /// Makes the indices, once, after the store is restored.
    pub(crate) fn prepare(&mut self) {
        if self.indexed {
            return;
        }
        self.indexed = true;
        let all: Vec<_> = self.parked.iter().map(|(n, p)| (*n, p.since, p.bytes(), p.event())).collect();
        for (offset, since, bytes, event) in all {
            self.index(offset, since, bytes, event.as_ref());
        }
    }

    fn index(&mut self, offset: u64, since: Timestamp, bytes: usize, event: Option<&Event>) {
        self.by_time.insert((since, offset));
        self.bytes += bytes;
        for lookup in event.map(keys_of).unwrap_or_default() {
            self.by_key.entry(lookup).or_default().insert(offset);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    /// Keeps an event, or tells that a bound is reached.
    pub(crate) fn park(&mut self, offset: u64, parked: Parked, event: &Event) -> bool {
        let full = |lookup: &Lookup| self.by_key.get(lookup).is_some_and(|waiting| waiting.len() >= MAX_OF_KEY);
        if self.parked.len() >= MAX_EVENTS
            || self.bytes + parked.bytes() > MAX_BYTES
            || lookups_of(event).iter().any(full)
        {
            return false;
        }
        self.index(offset, parked.since, parked.bytes(), Some(event));
        self.parked.put(offset, parked);
        true
    }

    /// Returns the offsets of events that one of these keys may concern, all of them for none.
    pub(crate) fn concerned<'a>(&self, keys: Option<impl Iterator<Item = &'a Lookup>>) -> Vec<u64> {
        let Some(keys) = keys else { return self.parked.iter().map(|(offset, _)| *offset).collect() };
        let found: BTreeSet<u64> = keys.filter_map(|key| self.by_key.get(key)).flatten().copied().collect();
        found.into_iter().collect()
    }

    pub(crate) fn get(&self, offset: u64) -> Option<&Parked> {
        self.parked.get(&offset)
    }

    /// Takes an event out.
    pub(crate) fn take(&mut self, offset: u64) -> Option<Parked> {
        let parked = self.parked.remove(&offset)?;
        self.by_time.remove(&(parked.since, offset));
        self.bytes = self.bytes.saturating_sub(parked.bytes());
        for lookup in parked.event().as_ref().map(keys_of).unwrap_or_default() {
            if let Some(offsets) = self.by_key.get_mut(&lookup) {
                offsets.remove(&offset);
                if offsets.is_empty() {
                    self.by_key.remove(&lookup);
                }
            }
        }
        Some(parked)
    }

    /// Returns when the event that waits for longest has waited for too long.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(since, _)| since.plus(WAIT))
    }

    /// Takes the next event out that has waited for too long.
    pub(crate) fn expired(&mut self, clock: Timestamp) -> Option<(u64, Parked)> {
        let (since, offset) = *self.by_time.first()?;
        if since.plus(WAIT) > clock {
            return None;
        }
        self.take(offset).map(|parked| (offset, parked))
    }

    pub(crate) fn store(&mut self) -> &mut dyn Store {
        &mut self.parked
    }
}

/// What may concern a waiting event: what may resolve it, and its person, whom an erasure may name.
pub(crate) fn keys_of(event: &Event) -> Vec<Lookup> {
    let mut all = lookups_of(event);
    all.extend(event.contact_id.clone().map(|contact| Lookup::new(LookupKind::Contact, contact)));
    all
}

/// Returns the keys under which an erasure drops what waits.
pub(crate) fn erased_keys(erasure: &Event) -> Vec<Lookup> {
    let mut all: Vec<_> = erasure.identities.iter().map(|(t, v)| Lookup::identity(t, v)).collect();
    all.extend(erasure.contact_id.clone().map(|contact| Lookup::new(LookupKind::Contact, contact)));
    all
}
