//! Events that must stand in the log behind the account record that resolved them, and that came before it.

use super::Place;
use baton_records::{AccountVersion, Id, Passed, Payload, Source, Timestamp};
use baton_stream::{Range, Store, Table};
use serde::{Deserialize, Serialize};

/// How many events of an account are set aside; beyond that the oldest goes into the log at once.
const MAX_ASIDE: usize = 1_000;
/// How many versions of an account's record are remembered.
const MAX_VERSIONS: usize = 4;

/// A version of an account's record that stands in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen(i32, i64, i64);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SetAside {
    #[serde(rename = "p")]
    passed: Passed,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Id>,
}

/// Which account records stand in the log, and the events that wait for one.
#[derive(Debug)]
pub(crate) struct Aside {
    accounts: Table<Id, Vec<Seen>>,
    waiting: Table<(Id, u64), SetAside>,
}

impl Aside {
    pub(crate) const fn new() -> Self {
        Self { accounts: Table::new("sequence.accounts"), waiting: Table::new("sequence.aside") }
    }

    /// Tells whether this version of the account's record, or a later one, stands in the log.
    pub(crate) fn has(&self, account: &Id, version: &AccountVersion) -> bool {
        self.accounts.get(account).is_some_and(|all| {
            all.iter().any(|Seen(partition, offset, _)| *partition == version.partition && *offset >= version.offset)
        })
    }

    /// Returns the arrival of this version of the account's record, when it is among the newest.
    pub(crate) fn arrival_of(&self, account: &Id, version: &AccountVersion) -> Option<Timestamp> {
        self.accounts
            .get(account)?
            .iter()
            .find(|Seen(partition, offset, _)| *partition == version.partition && *offset == version.offset)
            .map(|Seen(.., arrival)| Timestamp::from_millis(*arrival))
    }

    /// Remembers an account record that goes into the log.
    pub(crate) fn seen(&mut self, account: &Id, source: &Source, arrival: Timestamp) {
        self.accounts.update_or_default(account, |all| {
            all.push(Seen(source.partition, source.offset, arrival.millis()));
            // Of each partition the newest stays, so that no event waits for a record that came long ago.
            let superseded = |i: usize| {
                let Some(Seen(partition, ..)) = all.get(i) else { return false };
                all.iter().skip(i + 1).any(|Seen(other, ..)| other == partition)
            };
            if all.len() > MAX_VERSIONS
                && let Some(i) = (0..all.len()).find(|i| superseded(*i))
            {
                all.remove(i);
            }
        });
    }

    /// Sets an event aside until `needs` stands in the log; returns the oldest one of the account when there are too
    /// many.
    pub(crate) fn put(&mut self, mut passed: Passed, needs: AccountVersion) -> Option<Passed> {
        let account = passed.account_id.clone();
        let last = self.of_account(&account).next_back().map_or(0, |((_, n), _)| n + 1);
        passed.needs = Some(needs);
        let traceparent = passed.traceparent.take();
        self.waiting.put((account.clone(), last), SetAside { passed, traceparent });
        if self.of_account(&account).count() <= MAX_ASIDE {
            return None;
        }
        let oldest = self.of_account(&account).next().map(|(key, _)| key.clone())?;
        self.take(&oldest)
    }

    fn of_account(&self, account: &Id) -> Range<'_, (Id, u64), SetAside> {
        self.waiting.range((account.clone(), 0)..=(account.clone(), u64::MAX))
    }

    fn take(&mut self, key: &(Id, u64)) -> Option<Passed> {
        self.waiting.remove(key).map(|SetAside { mut passed, traceparent }| {
            passed.traceparent = traceparent;
            passed
        })
    }

    /// Returns the events that wait no longer, in the order in which they came.
    pub(crate) fn release(&mut self, account: &Id) -> Vec<Passed> {
        let ready: Vec<_> = self
            .of_account(account)
            .filter(|(_, w)| w.passed.needs.as_ref().is_none_or(|version| self.has(account, version)))
            .map(|(key, _)| key.clone())
            .collect();
        ready.iter().filter_map(|key| self.take(key)).collect()
    }

    /// Drops the events of an account, or of one contact of it, that happened up to `until`, the arrival of the
    /// erasure; what is left of them arrives no later.
    pub(crate) fn erase(&mut self, account: &Id, contact: Option<&Id>, until: Timestamp) -> Vec<(Place, Id)> {
        let meant = |passed: &Passed| match &passed.payload {
            Payload::Event { event } => {
                event.occurred_at <= until && (contact.is_none() || event.contact_id.as_ref() == contact)
            }
            _ => false,
        };
        let gone: Vec<_> =
            self.of_account(account).filter(|(_, w)| meant(&w.passed)).map(|(key, _)| key.clone()).collect();
        let mut dropped = Vec::new();
        for key in gone {
            if let Some(Passed { account_id, source, timestamp, history, traceparent, payload, .. }) = self.take(&key)
                && let Payload::Event { event } = payload
            {
                let place = Place { account_id, source, arrival: timestamp.min(until), history, traceparent };
                dropped.push((place, event.event_id));
            }
        }
        dropped
    }

    pub(crate) fn stores(&mut self) -> [&mut dyn Store; 2] {
        [&mut self.accounts, &mut self.waiting]
    }
}
