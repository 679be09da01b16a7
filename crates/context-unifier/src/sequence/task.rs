//! *sequence* alone on Kafka: `account.repartition` in, the log and contexts out.

use super::{Pace, Sequence};
use crate::Directory;
use baton_records::LogRecord;
use baton_stream::{Broken, Input, Outbox, Progress, Store, Task, wire};
use std::sync::{Arc, RwLock};

/// The task of one account partition.
#[derive(Debug)]
pub struct SequenceTask {
    partition: i32,
    processor: &'static str,
    sequence: Sequence,
    log: Vec<LogRecord>,
}

impl SequenceTask {
    /// Makes the task of an account partition; `processor` is the name that dead letters carry.
    pub fn new(partition: i32, processor: &'static str, directory: Arc<RwLock<Directory>>) -> Self {
        Self { partition, processor, sequence: Sequence::new(Pace::Alone, directory), log: Vec::new() }
    }

    fn write(&mut self, out: &mut Outbox) {
        for record in self.log.drain(..) {
            out.write(wire::log_record(&record, self.partition));
        }
    }
}

impl Task for SequenceTask {
    fn process(&mut self, input: Input<'_>, clock: baton_records::Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        match wire::read_account_repartition(input) {
            Ok(wire::FromIntake::Passed(passed)) => self.sequence.take(passed, clock, &mut self.log, out)?,
            Ok(wire::FromIntake::LowWater(low)) => self.sequence.low_water(low),
            Err(rejection) => crate::reject(input, &rejection, self.processor, out),
        }
        self.write(out);
        Ok(())
    }

    fn punctuate(&mut self, progress: Progress, out: &mut Outbox) -> Result<(), Broken> {
        self.sequence.mark(progress.clock, None, &mut self.log, out)?;
        self.write(out);
        Ok(())
    }

    fn wake_at(&self) -> Option<baton_records::Timestamp> {
        self.sequence.wake_at(None)
    }

    fn finish(&mut self, out: &mut Outbox) -> Result<(), Broken> {
        self.sequence.finish(out);
        Ok(())
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        self.sequence.stores()
    }
}
