//! More events than usual within a window.

use baton_baseline::Rate;
use baton_records::Id;
use serde::{Deserialize, Serialize};

/// A signal names so many events, the newest.
pub(crate) const EVIDENCE: usize = 50;

/// The events of a window, and the rate before it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct RateSeries {
    #[serde(rename = "b")]
    rate: Rate,
    /// By time, then id.
    #[serde(rename = "r")]
    recent: Vec<(i64, Id)>,
}

/// What a window holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) score: f64,
    pub(crate) seen: u32,
    pub(crate) expected: Option<f64>,
    pub(crate) evidence: Vec<Id>,
}

impl RateSeries {
    /// A window with more events than this forgets its oldest: they count towards the usual rate early.
    const WINDOW: usize = 200;

    /// Adds an event.
    pub(crate) fn add(&mut self, at: i64, event: &Id, window_ms: i64) {
        insert(&mut self.recent, (at, event.clone()));
        let newest = self.recent.last().map_or(at, |(t, _)| *t);
        let old = self.recent.partition_point(|(t, _)| *t <= newest - window_ms);
        let old = old.max(self.recent.len().saturating_sub(Self::WINDOW));
        for (time, _) in self.recent.drain(..old) {
            self.rate.add(time);
        }
    }

    /// Reads the window that ends with its newest event, against what is usual for the account, or for others like it
    /// when that is given.
    pub(crate) fn read(&self, window_ms: i64, min_events: u32, for_others: Option<f64>) -> Reading {
        let newest = self.recent.last().map_or(0, |(t, _)| *t);
        let seen = self.recent.len() as u32;
        let expected = for_others.or_else(|| self.rate.expected(newest, window_ms));
        let score = expected.filter(|_| seen >= min_events).map_or(0.0, |e| Rate::score(seen, e));
        let evidence = self.recent.iter().skip(self.recent.len().saturating_sub(EVIDENCE));
        Reading { score, seen, expected, evidence: evidence.map(|(_, id)| id.clone()).collect() }
    }

    /// Returns when it was seen last; long ago when an erasure has emptied the window.
    pub(crate) fn last_seen(&self) -> i64 {
        self.recent.last().map_or(i64::MIN, |(at, _)| *at)
    }

    /// Forgets which events the window holds.
    pub(crate) fn forget_events(&mut self) {
        self.recent.clear();
    }
}

/// Inserts in order; what is there already stays.
pub(crate) fn insert<T: Ord>(sorted: &mut Vec<T>, item: T) {
    if let Err(at) = sorted.binary_search(&item) {
        sorted.insert(at, item);
    }
}
