//! Silence: the series of what is counted apart, with their deadlines.

use baton_baseline::Rhythm;
use baton_policy::{Detector, DetectorKind};
use baton_records::{Id, Timestamp};
use baton_stream::{CorruptEntry, Key as _, Sink, Store, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Account, detector, subject.
pub(crate) type SeriesKey = (Id, Id, Id);

/// What is known of one subject's rhythm.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Series {
    #[serde(rename = "r")]
    pub(crate) rhythm: Rhythm,
    /// How many events were counted.
    #[serde(rename = "n")]
    pub(crate) count: u32,
    /// The newest event: when, and its id (none after an erasure).
    #[serde(rename = "l")]
    pub(crate) last: i64,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<Id>,
    /// From when on the silence counts: the newest event, or the end of a quiet period.
    #[serde(rename = "b")]
    pub(crate) base: i64,
    /// How long the silence may last, and what is usual, both in milliseconds.
    #[serde(rename = "g", default)]
    pub(crate) allowed: i64,
    #[serde(rename = "u", default)]
    pub(crate) usual: i64,
    /// How abnormal it is then.
    #[serde(rename = "s", default)]
    pub(crate) score: f64,
    /// When it has lasted too long; none: it is not watched, or has been told.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<i64>,
    /// It has been told.
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) told: bool,
}

impl Series {
    /// Takes an event that happened at `at`.
    pub(crate) fn see(&mut self, at: i64, event: &Id) {
        let newest = self.count == 0 || (at, Some(event)) > (self.last, self.event.as_ref());
        self.rhythm.add(at);
        self.count = self.count.saturating_add(1);
        if newest {
            // A second event of the same moment is no new sign of life.
            if self.count == 1 || at > self.last {
                self.base = at;
                self.told = false;
                self.deadline = None;
            }
            self.last = at;
            self.event = Some(event.clone());
        }
    }

    /// Sets the deadline, if the rhythm is known well enough and the deadline lies after `not_before`.
    pub(crate) fn watch(&mut self, detector: &Detector, not_before: i64) {
        let DetectorKind::Absence { min_events, min_gaps, max_gaps } = detector.kind else { return };
        let Some(silence) = self.rhythm.silence(max_gaps).filter(|_| self.count >= min_events) else { return };
        let (least, most) = (silence.usual_s * min_gaps, silence.usual_s * max_gaps.max(min_gaps));
        let allowed = silence.reaches(detector.threshold).clamp(least, most).ceil();
        self.usual = (silence.usual_s * 1000.0) as i64;
        self.allowed = (allowed * 1000.0) as i64;
        // However irregular the rhythm is, so many gaps are too many: the score says so.
        self.score = silence.score(allowed).max(detector.threshold);
        let deadline = self.base.saturating_add(self.allowed);
        if !self.told && deadline > not_before {
            self.deadline = Some(deadline);
        }
    }
}

/// Of more subjects of one account and detector the one that was seen longest ago is forgotten.
const SUBJECTS: usize = 256;

/// Returns which subject must be forgotten for a new one, if any.
pub(crate) fn one_too_many<V: baton_stream::Value>(
    table: &Table<SeriesKey, V>,
    new: &SeriesKey,
    last_seen: impl Fn(&V) -> i64,
) -> Option<SeriesKey> {
    let from = (new.0.clone(), new.1.clone(), Id::default());
    let same = table.range(from..).take_while(|(key, _)| key.0 == new.0 && key.1 == new.1);
    let (mut count, mut oldest) = (0, None);
    for (key, series) in same {
        count += 1;
        let last = last_seen(series);
        if oldest.is_none_or(|(earliest, _)| last < earliest) {
            oldest = Some((last, key));
        }
    }
    oldest.filter(|_| count >= SUBJECTS).map(|(_, key)| key.clone())
}

/// All series, and their deadlines in order.
pub(crate) struct SeriesStore {
    table: Table<SeriesKey, Series>,
    /// Derived from the table.
    deadlines: BTreeSet<(i64, SeriesKey)>,
}

impl SeriesStore {
    pub(crate) const fn new() -> Self {
        Self { table: Table::new("detector.silence"), deadlines: BTreeSet::new() }
    }

    pub(crate) fn get(&self, key: &SeriesKey) -> Option<&Series> {
        self.table.get(key)
    }

    /// Changes a series, which is new when there is none; tells whether another one had to be forgotten for it.
    pub(crate) fn change<R>(&mut self, key: &SeriesKey, change: impl FnOnce(&mut Series) -> R) -> (R, bool) {
        let old = self.table.get(key).map(|s| s.deadline);
        let gone = if old.is_none() { one_too_many(&self.table, key, |series| series.last) } else { None };
        let full = gone.inspect(|gone| self.remove(gone)).is_some();
        let (result, new) = self.table.update_or_default(key, |series| (change(series), series.deadline));
        self.move_deadline(key, old.flatten(), new);
        (result, full)
    }

    pub(crate) fn next_deadline(&self) -> Option<(Timestamp, &SeriesKey)> {
        self.deadlines.first().map(|(at, key)| (Timestamp::from_millis(*at), key))
    }

    /// Returns the keys of an account's series.
    pub(crate) fn of_account(&self, account: &Id) -> Vec<SeriesKey> {
        let from = (account.clone(), Id::default(), Id::default());
        self.table.range(from..).map(|(key, _)| key).take_while(|key| key.0 == *account).cloned().collect()
    }

    pub(crate) fn remove(&mut self, key: &SeriesKey) {
        if let Some(series) = self.table.remove(key) {
            self.move_deadline(key, series.deadline, None);
        }
    }

    fn move_deadline(&mut self, key: &SeriesKey, old: Option<i64>, new: Option<i64>) {
        if old != new {
            if let Some(at) = old {
                self.deadlines.remove(&(at, key.clone()));
            }
            if let Some(at) = new {
                self.deadlines.insert((at, key.clone()));
            }
        }
    }
}

impl Store for SeriesStore {
    fn name(&self) -> &'static str {
        self.table.name()
    }

    fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), CorruptEntry> {
        let mut rest = key;
        let decoded = SeriesKey::decode(&mut rest);
        let deadline = |table: &Table<SeriesKey, Series>| decoded.as_ref().and_then(|k| table.get(k)?.deadline);
        let old = deadline(&self.table);
        self.table.restore(key, value)?;
        let new = deadline(&self.table);
        if let Some(key) = decoded {
            self.move_deadline(&key, old, new);
        }
        Ok(())
    }

    fn drain(&mut self, sink: &mut dyn FnMut(&[u8], Option<&[u8]>)) {
        self.table.drain(sink);
    }

    fn sweep<'a>(&self, after: &[u8], budget: usize, sink: &'a mut Sink<'a>) -> Option<Vec<u8>> {
        self.table.sweep(after, budget, sink)
    }

    fn entries(&self) -> usize {
        self.table.entries()
    }
}
