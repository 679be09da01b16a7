//! Timers of queued handoffs, in the order in which they come.

use crate::clock::Timer;
use baton_records::{Id, Timestamp};
use std::collections::BTreeSet;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The ladder's next step.
    Step,
    /// The offer lapses, or the team is given up.
    End,
}

/// An index of timers. Those whose elapsed time is still to come stand in one set, those that only wait for the clock in
/// the other: the clock may lag behind for a partition that is slow.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    paced: BTreeSet<(Timer, Id, Due)>,
    ripe: BTreeSet<(Timestamp, Id, Due, u64)>,
}

impl Timers {
    pub fn add(&mut self, timer: Timer, handoff_id: &Id, due: Due) {
        self.paced.insert((timer, handoff_id.clone(), due));
    }

    pub fn remove(&mut self, timer: Timer, handoff_id: &Id, due: Due) {
        if !self.paced.remove(&(timer, handoff_id.clone(), due)) {
            self.ripe.remove(&(timer.not_before, handoff_id.clone(), due, timer.elapsed_ms));
        }
    }

    /// Returns the first timer that has come, and forgets it.
    pub fn pop(&mut self, elapsed_ms: u64, clock: Timestamp) -> Option<(Id, Due)> {
        while self.paced.first().is_some_and(|(timer, ..)| timer.elapsed_ms <= elapsed_ms) {
            let Some((timer, handoff_id, due)) = self.paced.pop_first() else { break };
            self.ripe.insert((timer.not_before, handoff_id, due, timer.elapsed_ms));
        }
        self.ripe.first().filter(|(not_before, ..)| *not_before <= clock)?;
        self.ripe.pop_first().map(|(_, handoff_id, due, _)| (handoff_id, due))
    }

    /// Returns the timers that come first, by elapsed time and by clock.
    pub fn first(&self) -> impl Iterator<Item = Timer> {
        let ripe = self
            .ripe
            .first()
            .map(|(not_before, _, _, elapsed_ms)| Timer { elapsed_ms: *elapsed_ms, not_before: *not_before });
        ripe.into_iter().chain(self.paced.first().map(|(timer, ..)| *timer))
    }
}
