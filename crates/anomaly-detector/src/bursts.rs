//! Many payments unlike the usual ones in a short time.

use crate::rates::{EVIDENCE, Reading, insert};
use baton_baseline::{Amounts, Rate};
use baton_records::Id;
use serde::{Deserialize, Serialize};

/// The payments of a window, what was usual before it, and how often one was odd.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct BurstSeries {
    #[serde(rename = "a")]
    amounts: Amounts,
    #[serde(rename = "o")]
    odd: Rate,
    /// By time, then id.
    #[serde(rename = "r")]
    recent: Vec<Payment>,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Payment {
    #[serde(rename = "t")]
    pub(crate) at: i64,
    #[serde(rename = "e")]
    pub(crate) event: Id,
    /// In hundredths.
    #[serde(rename = "a")]
    pub(crate) hundredths: i64,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) party: Option<Id>,
}

impl BurstSeries {
    /// A window with more payments than this forgets its oldest.
    const WINDOW: usize = 200;

    /// Adds a payment; what has left the window becomes part of what is usual.
    pub(crate) fn add(&mut self, payment: Payment, window_ms: i64) {
        insert(&mut self.recent, payment);
        let newest = self.recent.last().map_or(0, |p| p.at);
        let old = self.recent.partition_point(|p| p.at <= newest - window_ms);
        let old = old.max(self.recent.len().saturating_sub(Self::WINDOW));
        for payment in self.recent.drain(..old) {
            let (amount, party) = (payment.hundredths as f64 / 100.0, payment.party.as_deref());
            if self.amounts.is_odd(amount, party) {
                self.odd.add(payment.at);
            }
            self.amounts.add(amount, party);
        }
    }

    /// Reads the odd payments of the window that ends with its newest one.
    pub(crate) fn read(&self, window_ms: i64, min_events: u32) -> Reading {
        let newest = self.recent.last().map_or(0, |p| p.at);
        let is_odd = |p: &&Payment| self.amounts.is_odd(p.hundredths as f64 / 100.0, p.party.as_deref());
        let odd: Vec<Id> = self.recent.iter().filter(is_odd).map(|p| p.event.clone()).collect();
        let seen = odd.len() as u32;
        let expected = self.odd.expected(newest, window_ms).unwrap_or(0.0).max(1e-3);
        let score = if seen >= min_events.max(1) { Rate::score(seen, expected) } else { 0.0 };
        let evidence = odd.iter().skip(odd.len().saturating_sub(EVIDENCE)).cloned().collect();
        Reading { score, seen, expected: Some(expected), evidence }
    }

    /// Tells whether the window's reading is about this payment.
    pub(crate) fn is_odd(&self, payment: &Payment) -> bool {
        self.amounts.is_odd(payment.hundredths as f64 / 100.0, payment.party.as_deref())
    }

    /// Returns when it was seen last; long ago when an erasure has emptied the window.
    pub(crate) fn last_seen(&self) -> i64 {
        self.recent.last().map_or(i64::MIN, |payment| payment.at)
    }

    /// Forgets which payments the window holds.
    pub(crate) fn forget_events(&mut self) {
        self.recent.clear();
    }
}
