//! De-duplication: which event ids an account has had.
//!
//! An entry is 16 bytes (6 of the account's hash, 10 of topic and event id) and the log time at which the id came, so
//! that the ids of one account stand side by side. An id is forgotten when it is older than the window, or when its
//! account has more than the policy allows: the oldest goes first.

use baton_records::{Timestamp, ids};
use baton_stream::{Store, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

type Entry = [u8; 16];
type AccountPart = [u8; 6];

/// After so many new ids …
const SWEEP_EVERY: u32 = 64;
/// … so many entries are looked at, and dropped when they are too old.
const SWEEP_ENTRIES: usize = 128;

/// The ids that were seen.
#[derive(Debug)]
pub(crate) struct Duplicates {
    seen: Table<Entry, i64>,
    /// How many ids each account has; made of `seen`.
    counts: Option<BTreeMap<AccountPart, u32>>,
    /// Ids by age, for accounts that have as many as they may; made of `seen`.
    full: BTreeMap<AccountPart, BTreeSet<(i64, Entry)>>,
    since_sweep: u32,
    cursor: Entry,
}

impl Duplicates {
    pub(crate) fn new() -> Self {
        Self { seen: Table::new("sequence.ids"), counts: None, full: BTreeMap::new(), since_sweep: 0, cursor: [0; 16] }
    }

    /// Remembers an id, and tells whether it was known within the window before its arrival. An id's time is its arrival
    /// or, when that is later, the log time: a log that has just begun has no time yet, a record of years ago comes now.
    pub(crate) fn is_repeat(&mut self, id: &EventKey<'_>, window: Duration, most: usize) -> bool {
        self.count_all();
        let entry = id.entry();
        let now = id.arrival.max(id.log_time);
        let oldest = now.minus(window).millis();
        let known = self.seen.get(&entry).copied();
        if known.is_some_and(|at| at >= id.arrival.minus(window).millis()) {
            return true;
        }
        if known.is_some() {
            self.forget(&entry);
        }
        self.remember(entry, now.millis(), most.max(1));
        self.since_sweep += 1;
        if self.since_sweep >= SWEEP_EVERY {
            self.since_sweep = 0;
            self.sweep(oldest);
        }
        false
    }

    fn count_all(&mut self) {
        if self.counts.is_none() {
            let mut counts = BTreeMap::new();
            for (entry, _) in self.seen.iter() {
                *counts.entry(account_part(entry)).or_insert(0) += 1;
            }
            self.counts = Some(counts);
        }
    }

    fn remember(&mut self, entry: Entry, now: i64, most: usize) {
        let account = account_part(&entry);
        self.seen.put(entry, now);
        let Some(counts) = &mut self.counts else { return };
        let count = counts.entry(account).or_insert(0);
        *count += 1;
        if let Some(by_age) = self.full.get_mut(&account) {
            by_age.insert((now, entry));
        }
        if *count as usize <= most {
            return;
        }
        if !self.full.contains_key(&account) {
            let (first, last) = range_of(account);
            self.full.insert(account, self.seen.range(first..=last).map(|(e, at)| (*at, *e)).collect());
        }
        while self.counts.as_ref().and_then(|c| c.get(&account)).is_some_and(|c| *c as usize > most) {
            let Some((_, oldest)) = self.full.get(&account).and_then(BTreeSet::first).copied() else { return };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, entry: &Entry) {
        let Some(at) = self.seen.remove(entry) else { return };
        let account = account_part(entry);
        if let Some(by_age) = self.full.get_mut(&account) {
            by_age.remove(&(at, *entry));
        }
        let Some(counts) = &mut self.counts else { return };
        if let Some(count) = counts.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&account);
                self.full.remove(&account);
            }
        }
    }

    /// Walks on through the table by some entries, and drops those older than the window.
    fn sweep(&mut self, oldest: i64) {
        let from = (Bound::Excluded(self.cursor), Bound::Unbounded);
        let mut last = None;
        let mut old = Vec::new();
        for (looked, (entry, at)) in self.seen.range(from).enumerate() {
            if looked >= SWEEP_ENTRIES {
                break;
            }
            last = Some(*entry);
            if *at < oldest {
                old.push(*entry);
            }
        }
        self.cursor = last.unwrap_or([0; 16]);
        for entry in old {
            self.forget(&entry);
        }
    }

    pub(crate) fn store(&mut self) -> &mut dyn Store {
        &mut self.seen
    }
}

/// What makes an event unique, and when it came.
pub(crate) struct EventKey<'a> {
    pub(crate) account_id: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) event_id: &'a str,
    pub(crate) arrival: Timestamp,
    pub(crate) log_time: Timestamp,
}

impl EventKey<'_> {
    fn entry(&self) -> Entry {
        let mut entry = ids::hash128(&[self.topic, self.event_id]);
        let account = ids::hash128(&[self.account_id]);
        entry.rotate_right(6);
        for (to, from) in entry.iter_mut().zip(account.iter().take(6)) {
            *to = *from;
        }
        entry
    }
}

fn account_part(entry: &Entry) -> AccountPart {
    let [a, b, c, d, e, f, ..] = *entry;
    [a, b, c, d, e, f]
}

fn range_of(account: AccountPart) -> (Entry, Entry) {
    let (mut first, mut last) = ([0; 16], [0xff; 16]);
    for (i, byte) in account.iter().enumerate() {
        if let (Some(f), Some(l)) = (first.get_mut(i), last.get_mut(i)) {
            (*f, *l) = (*byte, *byte);
        }
    }
    (first, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(100);

    fn repeat(seen: &mut Duplicates, account: &str, id: &str, at: i64) -> bool {
        let now = Timestamp::from_millis(at * 1_000);
        let key = EventKey { account_id: account, topic: "chat", event_id: id, arrival: now, log_time: now };
        seen.is_repeat(&key, WINDOW, 4)
    }

    #[test]
    fn the_first_wins_within_the_window() {
        let mut seen = Duplicates::new();
        assert!(!repeat(&mut seen, "a", "1", 0));
        assert!(repeat(&mut seen, "a", "1", 100));
        assert!(!repeat(&mut seen, "a", "1", 101), "the window counts from the first");
        assert!(!repeat(&mut seen, "b", "1", 101));
        let now = Timestamp::from_millis(101_000);
        let other = EventKey { account_id: "a", topic: "mail", event_id: "1", arrival: now, log_time: now };
        assert!(!seen.is_repeat(&other, WINDOW, 4), "another topic's id");
    }

    #[test]
    fn a_log_without_time_yet_remembers_by_arrival() {
        let mut seen = Duplicates::new();
        let mut came = |arrival: i64, log_time: i64| {
            let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
            let (arrival, log_time) = (at(arrival), at(log_time));
            let key = EventKey { account_id: "a", topic: "chat", event_id: "1", arrival, log_time };
            seen.is_repeat(&key, WINDOW, 4)
        };
        assert!(!came(5_000, 0));
        assert!(came(5_001, 5_001));
        assert!(came(4_000, 9_000), "sent again as of then");
        assert!(!came(9_000, 9_000));
    }

    #[test]
    fn an_account_keeps_its_newest_ids() {
        let mut seen = Duplicates::new();
        for (n, id) in ["1", "2", "3", "4", "5"].into_iter().enumerate() {
            assert!(!repeat(&mut seen, "a", id, i64::try_from(n).unwrap()));
        }
        assert!(repeat(&mut seen, "a", "2", 10) && repeat(&mut seen, "a", "5", 10));
        assert!(!repeat(&mut seen, "a", "1", 10), "the oldest was forgotten");
        assert!(!repeat(&mut seen, "a", "2", 11), "and 1 took the place of 2");
        assert_eq!(seen.seen.len(), 4);
    }

    #[test]
    fn old_ids_are_swept_away() {
        let mut seen = Duplicates::new();
        for n in 0..10_000 {
            repeat(&mut seen, &format!("a{n}"), "x", n);
        }
        assert!(seen.seen.len() < 600, "{} entries", seen.seen.len());
        assert_eq!(seen.counts.as_ref().unwrap().len(), seen.seen.len());
    }
}
