//! Tells health and metrics how a thread stands.

use super::Thread;
use crate::clock;
use crate::slot::Slot;
use crate::state::{Holdings, ThreadState};
use baton_records::Timestamp;
use std::time::{Duration, Instant};

/// The least time between two reports of state and metrics.
const REPORT: Duration = Duration::from_millis(250);

impl Thread<'_> {
    /// Reports, but not too often.
    pub(super) fn report(&mut self) {
        let state = ThreadState {
            stage: self.setup.stage.metrics,
            assigned: self.assigned,
            tasks: self.slots.len(),
            restoring: self.slots.values().filter_map(Slot::remaining).map(|left| left.max(1)).sum(),
        };
        if self.last_report.is_some_and(|last| last.elapsed() < REPORT) {
            return;
        }
        self.last_report = Some(Instant::now());
        let metrics = self.setup.shared.metrics();
        let now = clock::now();
        for (at, slot) in &self.slots {
            let name = self.topic_name(*at);
            let end = crate::client::cached_end(&self.consumer, name, at.1).unwrap_or(0);
            let lag = (end - slot.position()).max(0);
            let age = if lag > 0 { now.since(slot.newest()) } else { Duration::ZERO };
            metrics.set_lag(name, at.1, lag, age);
            if let Some(low) = slot.task.low_water() {
                metrics.set_low_water_age(name, at.1, now.since(low));
            }
            if let Some(decided) = slot.task.decided_up_to() {
                metrics.set_log_time_age(at.1, now.since(decided));
            }
        }
        let holdings = self.holdings(now);
        self.setup.shared.hold(self.setup.stage.metrics, &self.name, holdings);
        self.setup.shared.set(&self.name, state);
    }

    fn holdings(&mut self, now: Timestamp) -> Holdings {
        let reads_sources = self.setup.stage.low_water.is_some();
        let mut holdings = Holdings::default();
        for slot in self.slots.values_mut() {
            *(if slot.remaining().is_some() { &mut holdings.restoring } else { &mut holdings.running }) += 1;
            holdings.waited_for += usize::from(reads_sources && slot.is_waited_for(now));
            for store in slot.task.stores() {
                *holdings.entries.entry(store.name()).or_default() += store.entries();
            }
        }
        holdings
    }

    pub(super) fn forget_metrics(&self) {
        self.setup.shared.hold(self.setup.stage.metrics, &self.name, Holdings::default());
        for at in self.slots.keys() {
            self.setup.shared.metrics().forget_partition(self.topic_name(*at), at.1);
            self.setup.shared.metrics().forget_log_time(at.1);
        }
    }
}
