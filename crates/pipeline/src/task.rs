//! The task of one account partition in one process.

use crate::{CatchUp, Said, Stages};
use baton_records::{LogRecord, PoolRecord, Timestamp};
use baton_stream::wire::{self, FromIntake, SignalRecord};
use baton_stream::{Broken, Input, Outbox, Progress, Store, Task, Topic};
use context_unifier::{Directory, Pace, Sequence};
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// What an account task must know of its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountConfig {
    /// Its partition.
    pub partition: i32,
    /// How many account partitions there are.
    pub account_partitions: i32,
    /// How many partitions `pool.repartition` has.
    pub pool_partitions: i32,
    /// How often at most *assign* hears of its log time; 500 ms but in a replay.
    pub clock_every: Duration,
}

/// Sequence, score, detect and decide of one account partition.
///
/// While [`AccountTask::catching_up`] it wants records of `baton.interactions` and `baton.signals` from their committed
/// offsets (or any earlier ones) and none of its lead topic; afterwards the reverse. [`Task::is_full`] says which.
pub struct AccountTask {
    config: AccountConfig,
    sequence: Sequence,
    stages: Stages,
    /// Log records on their way from *sequence* to the stages; empty between calls.
    log: Vec<LogRecord>,
    catch_up: CatchUp,
    /// What *assign* was told, and when by the wall clock.
    told: Option<(Timestamp, Timestamp)>,
    /// The newest wall clock that the task has heard of.
    clock: Timestamp,
}

impl AccountTask {
    /// Makes the task; its stores must be restored before it is used.
    pub fn new(config: AccountConfig, directory: Arc<RwLock<Directory>>) -> Self {
        let sequence = Sequence::new(Pace::OneProcess, directory);
        let stages = Stages::new(config.partition);
        let (log, catch_up) = (Vec::new(), CatchUp::default());
        Self { config, sequence, stages, log, catch_up, told: None, clock: Timestamp::MIN }
    }

    /// Tells whether the log holds records that not every stage has taken: the layout changed.
    pub fn catching_up(&self) -> bool {
        self.stages.position() < self.sequence.seq()
    }

    /// Returns the log time at which the next deadline of the partition fires.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.stages.next_deadline()
    }

    fn publish_log(&mut self, out: &mut Outbox) -> Result<(), Broken> {
        let mut log = std::mem::take(&mut self.log);
        for record in &log {
            out.write(wire::log_record(record, self.config.partition));
            self.stages.record(record, Said::default(), out)?;
        }
        log.clear();
        self.log = log;
        Ok(())
    }

    fn take(&mut self, input: Input<'_>, out: &mut Outbox) -> Result<(), Broken> {
        match wire::read_account_repartition(input) {
            Ok(FromIntake::Passed(passed)) => self.sequence.take(passed, self.clock, &mut self.log, out)?,
            Ok(FromIntake::LowWater(marks)) => self.sequence.low_water(marks),
            Err(rejection) => {
                return Err(unreadable(input, &rejection.to_string()));
            }
        }
        self.publish_log(out)
    }

    fn take_companion(&mut self, input: Input<'_>, out: &mut Outbox) -> Result<(), Broken> {
        if *input.topic == Topic::Interactions {
            let record = wire::read_log_record(input).map_err(|r| unreadable(input, &r.to_string()))?;
            if record.seq > self.stages.position() {
                self.catch_up.log(input.offset, record);
            }
        } else {
            self.catch_up.signals_from(input.offset);
            match wire::read_signal(input).map_err(|r| unreadable(input, &r.to_string()))? {
                SignalRecord::Signal { signal, seq, deadline } if seq > self.stages.position() => {
                    self.catch_up.signal(seq, *signal, deadline);
                }
                SignalRecord::Signal { .. } => {}
                SignalRecord::Progress { who: "scorer", seq } => self.catch_up.scored(seq),
                SignalRecord::Progress { seq, .. } => self.catch_up.detected(seq),
            }
        }
        loop {
            let [score, detect, _] = self.stages.positions();
            let Some((record, said)) = self.catch_up.next([score, detect]) else { return Ok(()) };
            self.stages.record(&record, said, out)?;
        }
    }

    /// Returns the log time up to which nothing is left to decide: that of the low-water marks when no deadline lies
    /// before it, though an idle log need not say so.
    fn decided_time(&self) -> Timestamp {
        let decided = self.stages.decided_up_to();
        let low = self.sequence.minimum().unwrap_or(Timestamp::MIN).min(self.clock);
        if self.next_deadline().is_some_and(|deadline| deadline <= low) { decided } else { decided.max(low) }
    }

    fn clock_to_tell(&self) -> Option<(Timestamp, Timestamp)> {
        let time = self.decided_time();
        match self.told {
            None => (time > Timestamp::MIN).then_some((time, self.clock)),
            Some((told, at)) => (time > told).then(|| (time, at.plus(self.config.clock_every))),
        }
    }

    fn tell_clock(&mut self, out: &mut Outbox) {
        let Some((time, _)) = self.clock_to_tell().filter(|(_, from)| *from <= self.clock) else { return };
        let record = PoolRecord::Clock { partition: self.config.partition, of: self.config.account_partitions, time };
        for partition in 0..self.config.pool_partitions {
            out.write(wire::pool_clock(&record, partition));
        }
        self.told = Some((time, self.clock));
    }
}

fn unreadable(input: Input<'_>, why: &str) -> Broken {
    let Input { topic, partition, offset, .. } = input;
    Broken { what: format!("{} partition {partition} offset {offset} cannot be read: {why}", topic.suffix()) }
}

impl Task for AccountTask {
    fn process(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        self.clock = self.clock.max(clock);
        match (input.topic, self.catching_up()) {
            (Topic::AccountRepartition, false) => self.take(input, out),
            (Topic::Interactions | Topic::Signals, true) => self.take_companion(input, out),
            // Its own output, read again after a restart.
            (Topic::Interactions | Topic::Signals, false) => Ok(()),
            (Topic::AccountRepartition, true) => {
                Err(unreadable(input, "the log behind it was not caught up with first"))
            }
            _ => Err(unreadable(input, "an account task does not take this topic")),
        }
    }

    fn punctuate(&mut self, progress: Progress, out: &mut Outbox) -> Result<(), Broken> {
        self.clock = self.clock.max(progress.clock);
        if self.catching_up() {
            return Ok(());
        }
        self.sequence.mark(self.clock, self.stages.next_deadline(), &mut self.log, out)?;
        self.publish_log(out)?;
        self.tell_clock(out);
        Ok(())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        if self.catching_up() {
            return None;
        }
        let tell = self.clock_to_tell().map(|(_, from)| from);
        let mark = self.sequence.wake_at(self.stages.next_deadline());
        match (tell, mark) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn needed_from(&self, topic: &Topic) -> Option<i64> {
        match topic {
            Topic::Interactions => self.catch_up.log_needed_from(),
            Topic::Signals if self.catching_up() => self.catch_up.signals_needed_from(),
            _ => None,
        }
    }

    fn is_full(&self, topic: &Topic) -> bool {
        let catching_up = self.catching_up();
        match topic {
            Topic::Interactions => !catching_up || self.catch_up.is_log_full(),
            Topic::Signals => !catching_up || self.catch_up.is_signals_full(),
            _ => catching_up,
        }
    }

    fn decided_up_to(&self) -> Option<Timestamp> {
        Some(self.decided_time())
    }

    fn finish(&mut self, out: &mut Outbox) -> Result<(), Broken> {
        self.sequence.finish(out);
        Ok(())
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        let mut stores = self.sequence.stores();
        stores.append(&mut self.stages.stores());
        stores
    }
}
