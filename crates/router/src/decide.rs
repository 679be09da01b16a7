//! *decide* as a task of its own.

use crate::merge::{Gap, Merge};
use baton_handoff::Decide;
use baton_records::{PoolRecord, Timestamp};
use baton_stream::{Broken, Input, Outbox, Progress, Store, Task, Topic, wire};
use std::time::Duration;

/// How often a task tells the pools how far it has got, at most.
pub const CLOCK_EVERY: Duration = Duration::from_millis(500);

/// Where a [`DecideTask`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecideConfig {
    /// Its account partition.
    pub partition: i32,
    /// How many account partitions there are.
    pub account_partitions: i32,
    /// How many partitions `pool.repartition` has.
    pub pool_partitions: i32,
}

/// Decides about the handoffs of one account partition.
#[derive(Debug)]
pub struct DecideTask {
    config: DecideConfig,
    decide: Decide,
    /// Made once the stores are restored.
    merge: Option<Merge>,
    told: Option<Told>,
    wake_at: Option<Timestamp>,
}

/// What the pools were told last: the log time, and when by the wall clock.
#[derive(Debug, Clone, Copy)]
struct Told {
    time: Timestamp,
    at: Timestamp,
}

impl DecideTask {
    /// Makes a task without state.
    pub fn new(config: DecideConfig) -> Self {
        Self { config, decide: Decide::new(), merge: None, told: None, wake_at: None }
    }

    fn merge(&mut self) -> &mut Merge {
        let position = self.decide.position();
        self.merge.get_or_insert_with(|| Merge::behind(position))
    }

    fn take(&mut self, input: Input<'_>) -> Result<(), Broken> {
        let broken = |what: String| Broken {
            what: format!("{} partition {} offset {}: {what}", input.topic.suffix(), input.partition, input.offset),
        };
        match input.topic {
            Topic::Interactions => {
                let record = wire::read_log_record(input).map_err(|rejection| broken(rejection.to_string()))?;
                let gap = |Gap { wanted, came }| {
                    broken(format!(
                        "record {came} of the log stands where {wanted} must; records are lost or were deleted"
                    ))
                };
                self.merge().record(record, input.offset).map_err(gap)
            }
            Topic::Signals => {
                let record = wire::read_signal(input).map_err(|rejection| broken(rejection.to_string()))?;
                self.merge().signal(record, input.offset);
                Ok(())
            }
            _ => Err(broken("decide reads no such topic".to_owned())),
        }
    }

    /// Tells the pools how far it has got, when that has moved and the last time is long enough ago.
    fn tell(&mut self, clock: Timestamp, out: &mut Outbox) {
        let time = self.decide.decided_up_to();
        if self.decide.position() == 0 || self.told.is_some_and(|told| told.time >= time) {
            self.wake_at = None;
            return;
        }
        let next = self.told.map(|told| told.at.plus(CLOCK_EVERY));
        if let Some(next) = next.filter(|next| *next > clock && next.since(clock) <= CLOCK_EVERY) {
            self.wake_at = Some(next);
            return;
        }
        let record = PoolRecord::Clock { partition: self.config.partition, of: self.config.account_partitions, time };
        for partition in 0..self.config.pool_partitions {
            out.write(wire::pool_clock(&record, partition));
        }
        self.told = Some(Told { time, at: clock });
        self.wake_at = None;
    }
}

impl Task for DecideTask {
    fn process(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        self.take(input)?;
        while let Some(merged) = self.merge().next() {
            self.decide.record(&merged.record, merged.deadlines, merged.signals, out)?;
        }
        self.tell(clock, out);
        Ok(())
    }

    fn punctuate(&mut self, progress: Progress, out: &mut Outbox) -> Result<(), Broken> {
        self.tell(progress.clock, out);
        Ok(())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn needed_from(&self, topic: &Topic) -> Option<i64> {
        let merge = self.merge.as_ref()?;
        match topic {
            Topic::Interactions => merge.records_from(),
            Topic::Signals => merge.signals_from(),
            _ => None,
        }
    }

    fn is_full(&self, topic: &Topic) -> bool {
        self.merge.as_ref().is_some_and(|merge| match topic {
            Topic::Interactions => merge.is_full_of_records(),
            Topic::Signals => merge.is_full_of_signals(),
            _ => false,
        })
    }

    fn decided_up_to(&self) -> Option<Timestamp> {
        (self.decide.position() > 0).then(|| self.decide.decided_up_to())
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        self.decide.stores()
    }
}
