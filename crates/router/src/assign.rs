//! *assign* as a task.

use baton_assignment::{Answers, Assign, Pace, SLACK};
use baton_records::{AssignResult, Id, Passed, Payload, Source, Timestamp};
use baton_stream::{Broken, Input, Outbox, Progress, Store, Task, Topic, wire};
use std::time::Duration;

/// How soon timers are looked at again that had come before all of the pool's log was taken.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Where an [`AssignTask`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssignConfig {
    /// Its partition of `pool.repartition`.
    pub partition: i32,
    /// What moves its clock: [`Pace::Records`] in a replay, else [`Pace::Decided`].
    pub pace: Pace,
}

/// Finds agents for the handoffs of the pools of one partition.
#[derive(Debug)]
pub struct AssignTask {
    config: AssignConfig,
    assign: Assign,
    answers: Answers,
    /// Offset of the record that was taken last.
    taken: i64,
    wake_at: Option<Timestamp>,
}

impl AssignTask {
    /// Makes a task without state.
    pub fn new(config: AssignConfig) -> Self {
        Self { config, assign: Assign::new(config.pace), answers: Vec::new(), taken: -1, wake_at: None }
    }

    fn pass_on(&mut self, out: &mut Outbox) {
        for (account_id, result) in self.answers.drain(..) {
            let topic = Id::from(Topic::PoolRepartition.suffix());
            out.write(wire::passed(&Passed {
                account_id,
                source: Source { topic, partition: self.config.partition, offset: self.taken },
                timestamp: moment(&result),
                history: false,
                needs: None,
                traceparent: None,
                payload: Payload::Assign { result },
            }));
        }
    }
}

fn moment(result: &AssignResult) -> Timestamp {
    match result {
        AssignResult::Offered { at, .. } | AssignResult::Withdrawn { at, .. } | AssignResult::Overflowed { at, .. } => {
            *at
        }
    }
}

impl Task for AssignTask {
    fn process(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        let record = wire::read_pool_record(input).map_err(|rejection| Broken {
            what: format!(
                "{} partition {} offset {}: {rejection}",
                input.topic.suffix(),
                input.partition,
                input.offset
            ),
        })?;
        self.taken = input.offset;
        self.assign.record(record, clock, &mut self.answers);
        // The clock moves now; timers fire once it is known that no answer to them stands unread.
        self.assign.advance(clock, false, &mut self.answers);
        self.pass_on(out);
        self.wake_at = self.assign.next_timer_in().map(|left| clock.plus(left));
        Ok(())
    }

    fn punctuate(&mut self, progress: Progress, out: &mut Outbox) -> Result<(), Broken> {
        let caught_up = progress.reached.is_some_and(|reached| reached.plus(SLACK) >= progress.clock);
        self.assign.advance(progress.clock, caught_up, &mut self.answers);
        self.pass_on(out);
        let left = self.assign.next_timer_in();
        self.wake_at = left.map(|left| progress.clock.plus(if left.is_zero() { LOOK_AGAIN } else { left }));
        Ok(())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        self.assign.stores()
    }
}
