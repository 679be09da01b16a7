//! Log time: the clock of timers. It follows the records, and never runs away from the slowest source.

use baton_records::{Id, LowWater, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The lowest log time. It is a Kafka timestamp, and librdkafka takes 0 for "none: now".
pub(crate) const EPOCH: Timestamp = Timestamp::from_millis(1);

/// How many source partitions' marks are kept at most.
const MAX_SOURCES: usize = 10_000;

/// The low-water marks of all source partitions, as their intakes told them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LowWaters {
    #[serde(rename = "e")]
    epoch: i64,
    /// None until the first list came.
    #[serde(rename = "s", default)]
    sources: Option<Vec<Id>>,
    #[serde(rename = "m")]
    marks: BTreeMap<Id, i64>,
}

impl Default for LowWaters {
    fn default() -> Self {
        Self { epoch: i64::MIN, sources: None, marks: BTreeMap::new() }
    }
}

impl LowWaters {
    /// Takes the marks of one intake thread; a partition's mark never falls, the newest list of partitions counts.
    pub(crate) fn take(&mut self, told: LowWater) {
        if let Some(list) = told.sources.filter(|_| told.epoch >= self.epoch) {
            self.epoch = told.epoch;
            self.marks.retain(|name, _| list.contains(name));
            self.sources = Some(list);
        }
        for (source, low) in told.marks {
            if let Some(mark) = self.marks.get_mut(&source) {
                *mark = low.max(*mark);
            } else if self.marks.len() < MAX_SOURCES {
                self.marks.insert(source, low);
            }
        }
    }

    /// Returns the lowest mark over the list; none while the list or the mark of one of its partitions is unknown.
    pub(crate) fn minimum(&self) -> Option<Timestamp> {
        let list = self.sources.as_ref()?;
        let mut lowest = None;
        for source in list {
            let mark = *self.marks.get(source)?;
            lowest = Some(lowest.map_or(mark, |low: i64| low.min(mark)));
        }
        lowest.map(Timestamp::from_millis)
    }
}

/// Returns the log time of a record: its arrival, no more than `lateness` above the minimum of low waters (as low
/// as can be while that is unknown), and never below the log time so far.
pub(crate) fn log_time(
    so_far: Timestamp,
    arrival: Timestamp,
    minimum: Option<Timestamp>,
    lateness: Duration,
) -> Timestamp {
    let cap = minimum.map_or(EPOCH, |low| low.plus(lateness));
    so_far.max(arrival.min(cap)).max(EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(epoch: i64, sources: Option<&[&str]>, marks: &[(&str, i64)]) -> LowWater {
        LowWater {
            epoch,
            sources: sources.map(|list| list.iter().map(|s| Id::from(*s)).collect()),
            marks: marks.iter().map(|(s, m)| (Id::from(*s), *m)).collect(),
        }
    }

    #[test]
    fn the_slowest_source_of_the_newest_list_holds_time() {
        let mut low = LowWaters::default();
        let minimum = |low: &LowWaters| low.minimum().map(Timestamp::millis);
        low.take(told(0, None, &[("a/0", 5)]));
        assert_eq!(minimum(&low), None, "no list yet");
        low.take(told(1, Some(&["a/0", "b/0"]), &[("a/0", 50)]));
        assert_eq!(minimum(&low), None, "b/0 is not heard of");
        low.take(told(1, None, &[("b/0", 20)]));
        assert_eq!(minimum(&low), Some(20));
        low.take(told(1, None, &[("b/0", 10)]));
        assert_eq!(minimum(&low), Some(20), "a mark never falls");
        low.take(told(0, Some(&["a/0"]), &[]));
        assert_eq!(minimum(&low), Some(20), "an older list is void");
        low.take(told(2, Some(&["a/0"]), &[]));
        assert_eq!(minimum(&low), Some(50), "a dropped partition holds nothing");
    }

    #[test]
    fn log_time_is_capped_and_never_falls() {
        let at = Timestamp::from_millis;
        let bound = Duration::from_millis(2_000);
        for (so_far, arrival, minimum, wanted) in [
            (0, 100_000, None, 1),
            (0, 0, Some(99_000), 1),
            (0, 100_000, Some(99_500), 100_000),
            (0, 100_000, Some(50_000), 52_000),
            (60_000, 100_000, Some(50_000), 60_000),
            (100_000, 5, Some(99_000), 100_000),
        ] {
            assert_eq!(log_time(at(so_far), at(arrival), minimum.map(at), bound), at(wanted));
        }
    }
}
