//! Gaps between events.

use crate::rounded;
use serde::{Deserialize, Serialize};

/// Gaps smaller than this share of a large gap belong to one visit.
const ONE_VISIT: i64 = 8;

/// Below this spread (of the logarithm) a rhythm is as regular as clocks and calendars are.
const SMALLEST_SPREAD: f64 = 0.02;

/// A gap that at least this share of the gaps exceeds is part of the rhythm, not a lapse.
const RECURS: f64 = 0.15;

/// The newest times of one kind of event, in whole seconds; at most [`Rhythm::KEPT`], about 200 bytes as JSON.
///
/// The times are kept in order, whatever order they come in; which ones are kept depends on their set alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<i64>", into = "Vec<i64>")]
pub struct Rhythm {
    times: Vec<i64>,
}

/// How long a silence is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Silence {
    /// The usual gap, in seconds.
    pub usual_s: f64,
    /// How much gaps scatter around it (standard deviation of the logarithm).
    pub spread: f64,
}

impl From<Vec<i64>> for Rhythm {
    /// Reads the first time and the gaps that follow it.
    fn from(gaps: Vec<i64>) -> Self {
        let sum = |sum: &mut i64, gap: i64| {
            *sum = sum.saturating_add(gap);
            Some(*sum)
        };
        Self { times: gaps.into_iter().scan(0, sum).collect() }
    }
}

impl From<Rhythm> for Vec<i64> {
    fn from(rhythm: Rhythm) -> Self {
        let mut before = 0;
        rhythm.times.iter().map(|time| time - std::mem::replace(&mut before, *time)).collect()
    }
}

impl Rhythm {
    /// How many times are kept.
    pub const KEPT: usize = 25;

    /// Adds an event.
    pub fn add(&mut self, time_ms: i64) {
        let time = time_ms.div_euclid(1000);
        let at = self.times.partition_point(|t| *t <= time);
        if self.times.len() >= Self::KEPT {
            if at == 0 {
                return;
            }
            self.times.remove(0);
            self.times.insert(at - 1, time);
        } else {
            self.times.insert(at, time);
        }
    }

    /// Returns how long a silence is usual; none with fewer than three visits.
    ///
    /// Events close together are one visit. The usual gap is the median of that group of gaps which recurs and is the
    /// longest: for orders on working days the weekend, not the night. A gap is long when it exceeds the median
    /// `long`-fold.
    pub fn silence(&self, long: f64) -> Option<Silence> {
        let mut gaps = self.visits();
        gaps.sort_unstable();
        if gaps.len() < 2 {
            return None;
        }
        let recurs = ((gaps.len() as f64 * RECURS).ceil() as usize).max(2);
        let mut group = gaps.as_slice();
        loop {
            let limit = median(group) * long.max(1.1);
            let longer = group.partition_point(|g| *g as f64 <= limit);
            if group.len() - longer < recurs {
                break;
            }
            group = group.get(longer..)?;
        }
        Some(Silence { usual_s: median(group), spread: spread(group) })
    }

    /// Returns the gaps between visits.
    fn visits(&self) -> Vec<i64> {
        let mut gaps: Vec<i64> = self.times.iter().zip(self.times.iter().skip(1)).map(|(a, b)| b - a).collect();
        gaps.sort_unstable();
        let large = gaps.get(gaps.len() * 9 / 10).copied().unwrap_or(0);
        let smallest = (large / ONE_VISIT).max(1);
        let mut visits = Vec::with_capacity(self.times.len());
        let mut start: Option<i64> = None;
        for time in &self.times {
            match start {
                Some(s) if time - s < smallest => {}
                Some(s) => {
                    visits.push(time - s);
                    start = Some(*time);
                }
                None => start = Some(*time),
            }
        }
        visits
    }
}

impl Silence {
    /// Returns how abnormal a silence is: the log-logistic distribution with this median and spread, whose tails are
    /// heavier than the log-normal one's and which needs no special function.
    pub fn score(&self, silence_s: f64) -> f64 {
        if silence_s <= 0.0 || self.usual_s <= 0.0 {
            return 0.0;
        }
        rounded(1.0 / (1.0 + (silence_s / self.usual_s).powf(-self.shape())))
    }

    /// Returns from which silence on (in seconds) the score is at least `score`.
    pub fn reaches(&self, score: f64) -> f64 {
        let score = score.clamp(0.5, 1.0 - 1e-6);
        self.usual_s * (score / (1.0 - score)).powf(1.0 / self.shape())
    }

    fn shape(&self) -> f64 {
        std::f64::consts::PI / (3.0_f64.sqrt() * self.spread.max(SMALLEST_SPREAD))
    }
}

fn median(sorted: &[i64]) -> f64 {
    let at = |i: usize| sorted.get(i).copied().unwrap_or(0) as f64;
    let n = sorted.len();
    if n == 0 { 0.0 } else { (at((n - 1) / 2) + at(n / 2)) / 2.0 }
}

/// Scatter of the logarithm by the median deviation, or by the upper tail where that is wider.
fn spread(sorted: &[i64]) -> f64 {
    let middle = median(sorted).max(1.0);
    let logarithm = |gap: i64| (gap.max(1) as f64 / middle).ln();
    let mut deviations: Vec<f64> = sorted.iter().map(|g| logarithm(*g).abs()).collect();
    deviations.sort_unstable_by(f64::total_cmp);
    let deviation = deviations.get(deviations.len() / 2).copied().unwrap_or(0.0) * 1.4826;
    let upper = sorted.get(sorted.len() * 9 / 10).map_or(0.0, |g| logarithm(*g)) / 1.2816;
    deviation.max(upper).max(SMALLEST_SPREAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 86_400_000;

    fn rhythm(days: impl IntoIterator<Item = f64>) -> Rhythm {
        let mut rhythm = Rhythm::default();
        days.into_iter().for_each(|d| rhythm.add((d * DAY as f64) as i64));
        rhythm
    }

    fn usual_days(rhythm: &Rhythm) -> f64 {
        rhythm.silence(1.4).unwrap().usual_s / 86_400.0
    }

    #[test]
    fn the_usual_gap_is_found_in_many_rhythms() {
        let weekly = rhythm((0..52).map(|w| f64::from(w) * 7.0));
        assert_eq!(usual_days(&weekly), 7.0);
        let twice_a_monday = rhythm((0..30).map(|i| f64::from(i / 2 * 7) + if i % 2 == 0 { 0.4 } else { 0.6 }));
        assert!((usual_days(&twice_a_monday) - 7.0).abs() < 0.1);
        let working_days = rhythm((0..60).filter(|d| d % 7 < 5).map(f64::from));
        assert_eq!(usual_days(&working_days), 3.0);
        let one_lapse = rhythm((0..40).filter(|w| *w != 33).map(|w| f64::from(w) * 7.0));
        assert_eq!(usual_days(&one_lapse), 7.0);
        let monthly = rhythm([0.0, 31.0, 59.0, 90.0, 120.0, 151.0, 181.0, 212.0, 243.0, 273.0, 304.0, 334.0]);
        assert!((30.0..=31.0).contains(&usual_days(&monthly)));
        assert_eq!(rhythm([1.0, 2.0]).silence(1.4), None);
        assert_eq!(rhythm([3.0; 40]).silence(1.4), None);
    }

    #[test]
    fn a_regular_rhythm_notices_silence_sooner() {
        let regular = rhythm((0..30).map(|w| f64::from(w) * 7.0)).silence(1.4).unwrap();
        let scattered =
            rhythm((0..30).map(|w| f64::from(w) * 7.0 + f64::from(w * 37 % 11) * 0.3)).silence(1.4).unwrap();
        assert!(regular.reaches(0.99) < scattered.reaches(0.99));
        assert!(regular.score(1.1 * regular.usual_s) > 0.99);
        assert!((scattered.score(scattered.reaches(0.95)) - 0.95).abs() < 1e-5);
        assert_eq!(regular.score(0.0), 0.0);
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_json_keeps_all(mut times in proptest::collection::vec(0_i64..4_000_000_000, 0..60)) {
            let mut forward = Rhythm::default();
            times.iter().for_each(|t| forward.add(*t));
            times.reverse();
            let mut backward = Rhythm::default();
            times.iter().for_each(|t| backward.add(*t));
            prop_assert_eq!(&forward, &backward);
            let json = serde_json::to_string(&forward).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rhythm>(&json).unwrap(), forward);
        }
    }
}
