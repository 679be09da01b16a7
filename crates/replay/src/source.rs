//! Replays records of sources: *intake* for each topic, one account partition, one partition of pools, one clock.
//!
//! The clock is the records' time. Between two records it goes from one deadline or timer to the next. Because nothing
//! hides what a file holds, low water is the clock itself, and the driver writes it in place of *intake*'s marks.

use crate::ReplayLine;
use crate::log::versioned;
use crate::replay::{Options, Place, Pushed, ReplayError};
use baton_pipeline::{AccountConfig, AccountTask};
use baton_records::{Id, LowWater, Timestamp};
use baton_stream::{Broken, Input, Outbox, Output, Progress, Task, Topic, wire};
use context_unifier::{Directory, IntakeConfig, IntakeTask};
use router::{AssignConfig, AssignTask, Pace};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The resolution of all times.
const MILLISECOND: Duration = Duration::from_millis(1);

/// The partition that the driver's low-water marks speak for.
const SELF: &str = "replay/0";

type Emit<'a> = &'a mut dyn FnMut(Output, Timestamp);

/// A replay of sources.
pub(crate) struct SourceReplay {
    directory: Arc<RwLock<Directory>>,
    intakes: BTreeMap<(Topic, i32), IntakeTask>,
    account: AccountTask,
    assign: AssignTask,
    /// How many records each internal topic has had.
    offsets: BTreeMap<Topic, i64>,
    clock: Option<Timestamp>,
    policy: Option<(Id, Id)>,
    until: Option<Timestamp>,
    live_from: Timestamp,
    prefix: Id,
}

impl SourceReplay {
    pub(crate) fn new(options: &Options) -> Result<Self, ReplayError> {
        let policy = options.policy.as_ref().map(versioned).transpose()?;
        let directory = Arc::new(RwLock::new(Directory::default()));
        let config =
            AccountConfig { partition: 0, account_partitions: 1, pool_partitions: 1, clock_every: Duration::ZERO };
        Ok(Self {
            account: AccountTask::new(config, Arc::clone(&directory)),
            assign: AssignTask::new(AssignConfig { partition: 0, pace: Pace::Records }),
            directory,
            intakes: BTreeMap::new(),
            offsets: BTreeMap::new(),
            clock: None,
            policy,
            until: options.until,
            live_from: options.live_from.unwrap_or(Timestamp::MIN),
            prefix: options.prefix.clone(),
        })
    }

    pub(crate) fn push(
        &mut self,
        place: Place,
        topic: Topic,
        line: &ReplayLine,
        emit: Emit<'_>,
    ) -> Result<Pushed, ReplayError> {
        let time = self.clock.map_or(line.timestamp, |clock| clock.max(line.timestamp));
        if self.until.is_some_and(|until| time > until) {
            return Ok(Pushed::AfterUntil);
        }
        self.start(time, emit)?;
        self.advance(time, emit)?;
        // A policy that was given is in force throughout.
        if topic == Topic::Policies && self.policy.is_some() {
            return Ok(Pushed::Taken);
        }
        if topic != Topic::Policies && !self.has_policy() {
            return Err(ReplayError::NoPolicy { place, prefix: self.prefix.clone() });
        }
        let input = Input {
            topic: &topic,
            partition: place.file,
            offset: place.line,
            timestamp: time,
            key: line.key.as_deref(),
            value: line.value.as_deref(),
            headers: &line.headers,
        };
        self.take(input, emit)?;
        Ok(Pushed::Taken)
    }

    pub(crate) fn finish(&mut self, emit: Emit<'_>) -> Result<(), ReplayError> {
        let Some(clock) = self.clock else { return Ok(()) };
        self.advance(self.until.map_or(clock, |until| until.max(clock)), emit)?;
        let mut out = Outbox::default();
        self.account.finish(&mut out)?;
        Ok(self.settle(out, emit)?)
    }

    fn has_policy(&self) -> bool {
        self.directory.read().unwrap_or_else(PoisonError::into_inner).policy().is_some()
    }

    /// Puts the given policy in force, before the first record.
    fn start(&mut self, time: Timestamp, emit: Emit<'_>) -> Result<(), ReplayError> {
        if self.clock.is_some() {
            return Ok(());
        }
        self.clock = Some(time);
        self.tick(time, emit)?;
        let Some((version, text)) = self.policy.clone() else { return Ok(()) };
        let input = Input {
            topic: &Topic::Policies,
            partition: 0,
            offset: 0,
            timestamp: time,
            key: Some(version.as_bytes()),
            value: Some(text.as_bytes()),
            headers: &[],
        };
        Ok(self.take(input, emit)?)
    }

    /// Gives a record of a source to its intake, and lets all that comes of it happen.
    fn take(&mut self, input: Input<'_>, emit: Emit<'_>) -> Result<(), Broken> {
        let table = matches!(input.topic, Topic::Accounts | Topic::Agents | Topic::Policies);
        if table {
            self.directory.write().unwrap_or_else(PoisonError::into_inner).apply(input);
        }
        let time = input.timestamp;
        let key = (input.topic.clone(), input.partition);
        let intake = self.intakes.entry(key).or_insert_with(|| {
            let config = IntakeConfig {
                topic: input.topic.clone(),
                partition: input.partition,
                account_partitions: 1,
                pool_partitions: 1,
                live_from: Some(self.live_from),
                processor: "context-unifier",
            };
            IntakeTask::new(config, Arc::clone(&self.directory))
        });
        let mut out = Outbox::default();
        intake.process(input, time, &mut out)?;
        self.settle(out, emit)?;
        self.wake_intakes(time, emit)
    }

    /// Lets the clock pass, from deadline to deadline.
    fn advance(&mut self, to: Timestamp, emit: Emit<'_>) -> Result<(), Broken> {
        let Some(mut clock) = self.clock.filter(|clock| *clock < to) else { return Ok(()) };
        while clock < to {
            let deadline = self.account.next_deadline().unwrap_or(Timestamp::MAX);
            let timer = self.assign.wake_at().unwrap_or(Timestamp::MAX);
            // A deadline that did not fire when its time came must not stop the clock.
            clock = deadline.min(timer).max(clock.plus(MILLISECOND)).min(to);
            self.clock = Some(clock);
            self.tick(clock, emit)?;
        }
        Ok(())
    }

    /// Tells everybody what time it is.
    fn tick(&mut self, clock: Timestamp, emit: Emit<'_>) -> Result<(), Broken> {
        self.wake_intakes(clock, emit)?;
        let marks = LowWater {
            epoch: 1,
            sources: Some(vec![Id::new_static(SELF)]),
            marks: BTreeMap::from([(Id::new_static(SELF), clock.millis())]),
        };
        let mark = wire::low_water(&marks, 0);
        let mut out = Outbox::default();
        self.feed(&mark, clock, &mut out)?;
        self.settle(out, emit)?;
        let progress = progress(clock);
        let mut out = Outbox::default();
        self.account.punctuate(progress, &mut out)?;
        self.settle(out, emit)?;
        let mut out = Outbox::default();
        self.assign.punctuate(progress, &mut out)?;
        self.settle(out, emit)
    }

    /// Lets waiting events go whose account is known now, or whose time is over.
    fn wake_intakes(&mut self, clock: Timestamp, emit: Emit<'_>) -> Result<(), Broken> {
        let mut out = Outbox::default();
        for intake in self.intakes.values_mut() {
            if intake.wake_at().is_some_and(|at| at <= clock) {
                intake.punctuate(progress(clock), &mut out)?;
            }
        }
        self.settle(out, emit)
    }
}

impl SourceReplay {
    /// Lets all that was written reach whoever reads it, until nothing moves any more.
    fn settle(&mut self, out: Outbox, emit: Emit<'_>) -> Result<(), Broken> {
        let clock = self.clock.unwrap_or(Timestamp::MIN);
        let mut moving = VecDeque::from(out.records);
        let mut next = Outbox::default();
        while let Some(output) = moving.pop_front() {
            match output.topic {
                Topic::AccountRepartition | Topic::PoolRepartition | Topic::Ties => {
                    self.feed(&output, clock, &mut next)?;
                    moving.extend(next.records.drain(..));
                    next.counted.clear();
                }
                _ => emit(output, clock),
            }
        }
        Ok(())
    }

    /// Gives a record of an internal topic to its reader.
    fn feed(&mut self, output: &Output, clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        let offset = self.offsets.entry(output.topic.clone()).or_default();
        let input = Input {
            topic: &output.topic,
            partition: 0,
            offset: *offset,
            timestamp: output.timestamp.unwrap_or(clock),
            key: output.key.as_deref(),
            value: output.value.as_deref(),
            headers: &output.headers,
        };
        *offset += 1;
        match output.topic {
            Topic::AccountRepartition => self.account.process(input, clock, out),
            Topic::PoolRepartition => self.assign.process(input, clock, out),
            _ => {
                self.directory.write().unwrap_or_else(PoisonError::into_inner).apply(input);
                Ok(())
            }
        }
    }
}

const fn progress(clock: Timestamp) -> Progress {
    Progress { clock, unread: None, reached: Some(clock), heard: clock }
}
