//! How many events are usual.

use crate::rounded;
use serde::{Deserialize, Serialize};

/// How fast the past is forgotten (time constant).
const MEMORY_MS: f64 = 90.0 * 86_400_000.0;

/// The long-run rate of one kind of event: counts and time, both fading; about 60 bytes as JSON.
///
/// Events are folded in once they are older than the window that they are compared with, in order.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rate {
    /// Faded count, as of `at`.
    #[serde(rename = "c")]
    count: f64,
    /// Since when, in milliseconds since the epoch.
    #[serde(rename = "s")]
    since: Option<i64>,
    /// The newest event that was folded in.
    #[serde(rename = "t")]
    at: i64,
}

impl Rate {
    /// Adds an event; one that is older than the newest counts as much as it would have, had it come in order.
    pub fn add(&mut self, time_ms: i64) {
        match self.since {
            None => {
                self.since = Some(time_ms);
                self.at = time_ms;
                self.count = 1.0;
            }
            Some(since) => {
                let newest = self.at.max(time_ms);
                self.count = self.count * fade(newest - self.at) + fade(newest - time_ms);
                self.at = newest;
                self.since = Some(since.min(time_ms));
            }
        }
    }

    /// Returns how many events a window that ends at `now` and is not folded in yet would usually hold; none without
    /// any past before that window.
    pub fn expected(&self, now_ms: i64, window_ms: i64) -> Option<f64> {
        let before = now_ms.saturating_sub(window_ms).max(self.at);
        let span = (before - self.since?) as f64;
        if span <= 0.0 || window_ms <= 0 {
            return None;
        }
        let exposure = MEMORY_MS * (1.0 - (-span / MEMORY_MS).exp());
        let count = self.count * fade(before - self.at);
        Some((count + 0.5) / exposure * window_ms as f64)
    }

    /// Returns how abnormal it is to see `seen` events where `expected` are usual: the probability of fewer, when they
    /// come independently of each other (Poisson).
    pub fn score(seen: u32, expected: f64) -> f64 {
        const LARGE: f64 = 500.0;
        if expected > LARGE {
            let distance = (f64::from(seen) - 0.5 - expected) / expected.sqrt();
            return rounded(1.0 / (1.0 + (-1.702 * distance).exp()));
        }
        let mut term = (-expected).exp();
        let mut fewer = 0.0;
        for k in 0..seen {
            fewer += term;
            term *= expected / f64::from(k + 1);
        }
        rounded(fewer)
    }
}

fn fade(ms: i64) -> f64 {
    (-(ms as f64) / MEMORY_MS).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn ten_a_month_make_the_fourth_in_two_days_strange() {
        let mut rate = Rate::default();
        (0..60).for_each(|i| rate.add(i * 3 * DAY));
        let expected = rate.expected(182 * DAY, 2 * DAY).unwrap();
        assert!((0.6..0.75).contains(&expected), "{expected}");
        assert!(Rate::score(2, expected) < 0.95);
        assert!(Rate::score(5, expected) > 0.99);
        assert!(Rate::score(9, expected) > 0.999);
        assert_eq!(Rate::score(0, expected), 0.0);
    }

    #[test]
    fn many_events_are_judged_by_the_normal_approximation() {
        assert!((Rate::score(1000, 1000.0) - 0.5).abs() < 0.02);
        assert!(Rate::score(1200, 1000.0) > 0.999);
        assert!(Rate::score(900, 1000.0) < 0.01);
    }

    #[test]
    fn without_a_past_nothing_is_expected() {
        assert_eq!(Rate::default().expected(DAY, DAY), None);
        let mut rate = Rate::default();
        rate.add(DAY);
        assert_eq!(rate.expected(DAY, DAY), None);
    }
}
