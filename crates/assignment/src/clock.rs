//! The pool's clock: how far *decide* has got, at the pace of the wall clock.
//!
//! Two things run apart. The *clock* is the minimum of the log times up to which the *decide* threads have got; it may
//! jump by hours after an outage. The *elapsed* time is the part of it that passed no faster than the wall clock, give or
//! take [`SLACK`]. A [`Timer`] wants both: the clock behind its moment, so that whatever its account's log held before it
//! has been read; and the elapsed time, so that people could see what it is about. A jump thereby lengthens every timer,
//! and costs one addition.

use baton_records::Timestamp;
use baton_stream::{Store, Table};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far the pool's clock may run ahead of the wall clock at most.
pub const SLACK: Duration = Duration::from_secs(2);

/// What moves the pool's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The marks of the *decide* threads, no faster than the wall clock.
    Decided,
    /// The clock that is passed in alone: a replay, whose clock is that of the records and knows no outage.
    Records,
}

/// A moment that has come once the pool's elapsed time and its clock have both reached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Timer {
    /// The elapsed time that it waits for, in milliseconds.
    pub elapsed_ms: u64,
    /// The clock that it waits for.
    pub not_before: Timestamp,
}

impl Timer {
    /// Returns the timer that comes `by` later.
    pub fn plus(self, by: Duration) -> Self {
        Self { elapsed_ms: self.elapsed_ms.saturating_add(millis(by)), not_before: self.not_before.plus(by) }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Time {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<Timestamp>,
    elapsed_ms: u64,
    partitions: u32,
}

/// The clock with its state.
#[derive(Debug)]
pub(crate) struct PoolClock {
    pace: Pace,
    marks: Table<u64, Timestamp>,
    time: Table<(), Time>,
    seen: Option<Timestamp>,
    credit_ms: u64,
}

impl PoolClock {
    pub fn new(pace: Pace) -> Self {
        Self { pace, marks: Table::new("assign.marks"), time: Table::new("assign.time"), seen: None, credit_ms: 0 }
    }

    pub fn stores(&mut self) -> [&mut dyn Store; 2] {
        [&mut self.marks, &mut self.time]
    }

    /// Takes the mark of a *decide* thread; it never takes its time back.
    pub fn mark(&mut self, partition: i32, of: i32, time: Timestamp) {
        let (Ok(partition), Ok(partitions)) = (u64::try_from(partition), u32::try_from(of)) else { return };
        if self.marks.get(&partition).is_none_or(|known| *known < time) {
            self.marks.put(partition, time);
        }
        if self.now().partitions != partitions {
            self.time.update_or_default(&(), |now| now.partitions = partitions);
        }
    }

    /// Moves the clock.
    pub fn advance(&mut self, wall: Timestamp) {
        let target = match self.pace {
            Pace::Records => Some(wall),
            Pace::Decided => self.minimum(),
        };
        let passed = self.seen.map_or(Duration::ZERO, |seen| wall.since(seen));
        self.seen = Some(wall);
        self.credit_ms = self.credit_ms.saturating_add(millis(passed)).min(millis(SLACK));
        let (Some(target), now) = (target, self.now()) else { return };
        if now.clock.is_some_and(|clock| clock >= target) {
            return;
        }
        let moved = now.clock.map_or(0, |clock| millis(target.since(clock)));
        let used = match self.pace {
            Pace::Records => moved,
            Pace::Decided => moved.min(self.credit_ms),
        };
        self.credit_ms = self.credit_ms.saturating_sub(used);
        self.time.update_or_default(&(), |now| {
            now.clock = Some(target);
            now.elapsed_ms = now.elapsed_ms.saturating_add(used);
        });
    }

    /// Returns the later of a cause's moment and the clock.
    pub fn at(&self, cause: Timestamp) -> Timestamp {
        self.now().clock.map_or(cause, |clock| clock.max(cause))
    }

    /// Returns the timer of a cause that comes now: it counts from the cause, or from the clock when that is later.
    pub fn timer(&self, cause: Timestamp) -> Timer {
        let now = self.now();
        let ahead = now.clock.map_or(Duration::ZERO, |clock| cause.since(clock)).min(SLACK);
        Timer { elapsed_ms: now.elapsed_ms.saturating_add(millis(ahead)), not_before: self.at(cause) }
    }

    /// Returns the elapsed time in milliseconds, and the clock once it runs.
    pub fn reached(&self) -> (u64, Option<Timestamp>) {
        let now = self.now();
        (now.elapsed_ms, now.clock)
    }

    /// Returns the moment of a timer that has come.
    pub fn moment(&self, timer: Timer) -> Timestamp {
        let now = self.now();
        let since = Duration::from_millis(now.elapsed_ms.saturating_sub(timer.elapsed_ms));
        now.clock.map_or(timer.not_before, |clock| timer.not_before.max(clock.minus(since)))
    }

    /// Returns how long a timer takes from now, if nothing jumps.
    pub fn left(&self, timer: Timer) -> Duration {
        let now = self.now();
        let elapsed = Duration::from_millis(timer.elapsed_ms.saturating_sub(now.elapsed_ms));
        now.clock.map_or(elapsed, |clock| elapsed.max(timer.not_before.since(clock)))
    }

    fn now(&self) -> Time {
        self.time.get(&()).copied().unwrap_or_default()
    }

    /// Returns the lowest mark, once every partition has one.
    fn minimum(&self) -> Option<Timestamp> {
        let partitions = u64::from(self.now().partitions);
        let marks = self.marks.range(..partitions);
        let (count, lowest) = marks.fold((0u64, None), |(count, lowest), (_, mark)| {
            (count + 1, Some(lowest.map_or(*mark, |low: Timestamp| low.min(*mark))))
        });
        lowest.filter(|_| count == partitions)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl PoolClock {
    /// Returns what the clock knows of the wall clock, which does not survive a restart.
    pub fn wall(&self) -> (u64, Option<Timestamp>) {
        (self.credit_ms, self.seen)
    }

    /// Sets it, so that a test can tell a restart from an outage.
    pub fn set_wall(&mut self, credit_ms: u64, seen: Option<Timestamp>) {
        (self.credit_ms, self.seen) = (credit_ms, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn marked(clock: &mut PoolClock, time: i64, wall: i64) {
        clock.mark(0, 1, at(time));
        clock.advance(at(wall));
    }

    #[test]
    fn waits_for_every_partition_and_follows_the_slowest() {
        let mut clock = PoolClock::new(Pace::Decided);
        clock.mark(1, 2, at(50));
        clock.advance(at(100));
        assert_eq!(clock.reached(), (0, None));
        clock.mark(0, 2, at(40));
        clock.advance(at(100));
        assert_eq!(clock.reached(), (0, Some(at(40))));
        clock.mark(0, 2, at(30));
        clock.mark(1, 2, at(60));
        clock.advance(at(101));
        assert_eq!(clock.reached(), (0, Some(at(40))));
    }

    #[test]
    fn a_jump_lengthens_timers_by_what_the_wall_clock_did_not_show() {
        let mut clock = PoolClock::new(Pace::Decided);
        marked(&mut clock, 0, 1_000);
        let timer = clock.timer(at(0)).plus(Duration::from_secs(60));
        for second in 1..=10 {
            marked(&mut clock, second, 1_000 + second);
        }
        assert_eq!(clock.left(timer), Duration::from_secs(50));
        marked(&mut clock, 3_610, 1_010);
        assert_eq!(clock.left(timer), Duration::from_secs(50));
        marked(&mut clock, 3_610 + 3_600, 1_010 + 3_600);
        assert_eq!(clock.left(timer), Duration::from_secs(48));
        assert_eq!(clock.moment(clock.timer(at(0))), at(7_210));
    }

    #[test]
    fn a_cause_far_ahead_of_the_clock_waits_for_the_clock_but_not_for_its_jump() {
        let mut clock = PoolClock::new(Pace::Decided);
        marked(&mut clock, 0, 1_000);
        let timer = clock.timer(at(3_600)).plus(Duration::from_secs(60));
        marked(&mut clock, 3_600, 1_002);
        assert_eq!(clock.left(timer), Duration::from_secs(60));
    }

    #[test]
    fn a_replay_runs_at_the_pace_of_its_records() {
        let mut clock = PoolClock::new(Pace::Records);
        clock.advance(at(0));
        let timer = clock.timer(at(0)).plus(Duration::from_secs(60));
        clock.advance(at(60));
        assert_eq!(clock.left(timer), Duration::ZERO);
        assert_eq!(clock.moment(timer), at(60));
    }
}
