//! A task thread: polls, gives records to tasks, and commits what came of them in one transaction.
//!
//! One life of a thread ends with a clean stop, or with a failure after which nothing of the open transaction counts:
//! then everything is thrown away, and the next life starts from what is committed. So there is one way back from every
//! doubt: a new producer with the same transactional id, stores restored from the changelog, offsets as committed.
//!
//! Reading order: this file has the loop, `assignment` what happens when partitions come and go, `catch_up` what another
//! layout left, `take` gives records to tasks and their outputs to the producer, `commit` ends a transaction, `time` tells
//! tasks that time passes, `report` tells health and metrics how the thread stands.

mod assignment;
mod catch_up;
mod commit;
mod report;
mod take;
#[cfg(test)]
mod tests;
mod time;

pub use catch_up::Rest;

use crate::client::{Fetched, Polled, Queue, TopicPartition, poll};
use crate::clock;
use crate::config::Config;
use crate::context::Context;
use crate::ends::Ends;
use crate::error::{Failure, KafkaFailure};
use crate::fail_point;
use crate::producer::Producer;
use crate::pulse::Pulse;
use crate::slot::Slot;
use crate::stage::{Partitions, Stage};
use crate::state::{Shared, ThreadState};
use baton_records::Timestamp;
use baton_stream::{Outbox, Topic};
use baton_telemetry::RecordCounters;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Records taken between two looks at the clock.
const BATCH: usize = 1000;
/// The least time between two commits while the input is drained.
const FLOOR: Duration = Duration::from_millis(10);
/// The least time between two commits of marks alone, and between two low-water marks.
const MARKS: Duration = Duration::from_millis(500);
/// How long to wait for the next record while nothing is open.
const IDLE: Duration = Duration::from_millis(100);
/// How long the clients of a life may take to close.
const CLOSE: Duration = Duration::from_secs(20);

/// A partition of one of the thread's topics, by the topic's place in its list.
type At = (usize, i32);

/// Inputs of which came what the broker refused for good.
pub type Poison = BTreeMap<(At, i64), Verdict>;

/// What is known of an input of whose outputs one was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The broker refuses whole batches, also what only stood beside: it is taken once more in a transaction of its own.
    Suspect,
    /// It was refused alone: it goes to dead letters.
    Guilty,
}

/// What a thread is made of.
#[derive(Clone)]
pub struct Setup {
    /// The instance's configuration.
    pub config: Arc<Config>,
    /// The stage.
    pub stage: Stage,
    /// `one` or `four`.
    pub layout: &'static str,
    /// The thread's number within the stage.
    pub number: usize,
    /// A number that no other thread of the process has.
    pub unique: usize,
    /// The transactional id.
    pub transactional_id: String,
    /// Partition counts.
    pub partitions: Partitions,
    /// Ends of source partitions.
    pub ends: Arc<Ends>,
    /// What all threads share.
    pub shared: Arc<Shared>,
    /// Partitions of the group are with nobody until its threads join as new members.
    pub orphaned: Arc<AtomicBool>,
}

impl Setup {
    /// Returns the thread's name, for health and logs.
    pub fn name(&self) -> String {
        format!("{}-{}", self.stage.name, self.number)
    }
}

/// One life of a thread.
pub struct Thread<'a> {
    setup: &'a Setup,
    poison: &'a mut Poison,
    name: String,
    // In this order they are dropped when a panic does it, and by `close`: a client waits for all of its records and queues.
    buffer: VecDeque<Buffered>,
    queue: Queue,
    consumer: BaseConsumer<Context>,
    pulse: Pulse,
    producer: Producer,
    /// Lead topics and companions, with their names on the cluster.
    topics: Vec<(String, Topic)>,
    slots: BTreeMap<At, Slot>,
    paused: BTreeSet<At>,
    /// Inputs of the open transaction, so that a refusal finds its cause.
    inputs: Vec<(At, i64)>,
    outbox: Outbox,
    /// When what caused the handoffs of the open transaction arrived.
    arrivals: Vec<Timestamp>,
    counters: RecordCounters,
    began: Instant,
    last_commit: Instant,
    last_commit_clock: Timestamp,
    last_low_water: Option<Instant>,
    last_report: Option<Instant>,
    /// The group has answered.
    assigned: bool,
    /// It joined under no name of its own, since partitions were with nobody.
    is_new_member: bool,
    /// More than marks stand in the open transaction.
    substantial: bool,
    /// The open transaction holds records of topics that another layout would read.
    wrote_companions: bool,
    /// Ends of the companions that another layout would begin at, told and to be told.
    hints: BTreeMap<TopicPartition, i64>,
    hints_told: BTreeMap<TopicPartition, i64>,
}

/// What was polled and not yet taken, in order.
enum Buffered {
    Record(At, Fetched),
    /// The position passes this offset once everything before it was taken.
    End(At, i64),
}

impl Buffered {
    fn at(&self) -> At {
        match self {
            Self::Record(at, _) | Self::End(at, _) => *at,
        }
    }
}

/// Runs one life.
///
/// # Errors
/// [`Failure::Restart`] when the next life mends it, [`Failure::Stop`] when the process must end.
pub fn live(setup: &Setup, poison: &mut Poison) -> Result<(), Failure> {
    let mut thread = Thread::open(setup, poison)?;
    let ended = thread.run();
    thread.setup.ends.want(thread.setup.unique, BTreeSet::new());
    thread.forget_metrics();
    let Err(failure) = ended else {
        if thread.close().is_err() {
            // All is committed, and the process ends.
            tracing::warn!(stage = setup.stage.name, "{STUCK}; the end of the process closes them");
        }
        return Ok(());
    };
    // To give up and to begin anew may take a while, in which nothing is done.
    setup.shared.set(&setup.name(), ThreadState::starting(setup.stage.metrics));
    let refused = thread.note_refusals();
    thread.producer.abort();
    assignment::let_go(&thread.consumer);
    match (thread.close(), refused.unwrap_or(failure)) {
        // Their partitions stay with a consumer that is not closed: only the end of the process gives them up.
        (Err(Stuck), Failure::Restart(cause)) => {
            Err(Failure::Stop(format!("{}: {STUCK}, after {cause}; start the process anew", setup.stage.name)))
        }
        (_, failure) => Err(failure),
    }
}

/// Clients that have not closed within [`CLOSE`].
struct Stuck;

/// Drops what closes when it is dropped, which takes a moment; librdkafka sets no limit to it.
fn drop_within<T: Send + 'static>(limit: Duration, what: T) -> Result<(), Stuck> {
    let (done, dropped) = mpsc::channel();
    let dropping = std::thread::Builder::new().name("close".to_owned()).spawn(move || {
        drop(what);
        let _ = done.send(());
    });
    // Without a thread it was dropped here, with what the thread was to do.
    dropping.map_or(Ok(()), |_| dropped.recv_timeout(limit).map_err(|_| Stuck))
}

const STUCK: &str = "the Kafka clients do not close";

/// Tells whether a consumer error says that the committed offset no longer exists.
pub fn below_retention(failure: &KafkaFailure) -> bool {
    matches!(failure.code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
}

impl<'a> Thread<'a> {
    fn open(setup: &'a Setup, poison: &'a mut Poison) -> Result<Self, Failure> {
        let config = &setup.config;
        setup.shared.set(&setup.name(), ThreadState::starting(setup.stage.metrics));
        let producer = Producer::open(config, &setup.transactional_id)?;
        let mut member = config.member(setup.stage.name, setup.layout, setup.number);
        let is_new_member = setup.orphaned.load(Ordering::Relaxed);
        if is_new_member {
            member.remove("group.instance.id");
        }
        let consumer: BaseConsumer<Context> =
            member.create_with_context(Context).map_err(|e| KafkaFailure::of("make a consumer", &e))?;
        let queue = Queue::of(&consumer).ok_or_else(|| Failure::Stop("the consumer has no queue".into()))?;
        let names: Vec<String> = setup.stage.leads.iter().map(|t| config.topic(t)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(|e| KafkaFailure::of("subscribe", &e))?;
        let all = setup.stage.leads.iter().chain(&setup.stage.companions);
        Ok(Self {
            setup,
            poison,
            name: setup.name(),
            consumer,
            pulse: Pulse::new(),
            queue,
            producer,
            topics: all.map(|t| (config.topic(t), t.clone())).collect(),
            slots: BTreeMap::new(),
            paused: BTreeSet::new(),
            buffer: VecDeque::new(),
            inputs: Vec::new(),
            outbox: Outbox::default(),
            arrivals: Vec::new(),
            counters: setup.shared.metrics().record_counters(setup.stage.metrics),
            began: Instant::now(),
            last_commit: Instant::now(),
            last_commit_clock: clock::now(),
            last_low_water: None,
            last_report: None,
            assigned: false,
            is_new_member,
            substantial: false,
            wrote_companions: false,
            hints: BTreeMap::new(),
            hints_told: BTreeMap::new(),
        })
    }

    /// Closes the clients.
    fn close(self) -> Result<(), Stuck> {
        let Self { buffer, slots, queue, consumer, producer, .. } = self;
        drop(buffer);
        drop_within(CLOSE, (slots, queue, consumer, producer))
    }

    fn run(&mut self) -> Result<(), Failure> {
        loop {
            if self.setup.shared.stop.load(Ordering::Relaxed) {
                self.punctuate(true)?;
                return self.commit();
            }
            if !self.is_new_member && self.setup.orphaned.load(Ordering::Relaxed) {
                self.commit()?;
                return Err(KafkaFailure::new("join anew", RDKafkaErrorCode::RebalanceInProgress, false).into());
            }
            let drained = self.fill()?;
            fail_point::hit("after_poll");
            self.restore()?;
            self.catch_up()?;
            self.learn_ends();
            self.punctuate(false)?;
            self.low_water()?;
            self.take_all()?;
            if self.is_due(drained) {
                self.punctuate(true)?;
                self.commit()?;
            }
            self.pause_and_resume()?;
            if let Some((topic, _)) = self.topics.first() {
                self.pulse.feel(&self.consumer, topic)?;
            }
            self.report();
        }
    }

    /// Returns a topic's place in the list.
    fn place(&self, name: &str) -> Option<usize> {
        self.topics.iter().position(|(known, _)| known == name)
    }

    fn topic_name(&self, at: At) -> &str {
        self.topics.get(at.0).map_or("", |(name, _)| name)
    }

    /// Polls until the batch is full or nothing comes; tells whether nothing more came.
    fn fill(&mut self) -> Result<bool, Failure> {
        let mut timeout = self.patience();
        while self.buffer.len() < BATCH {
            match poll(&self.consumer, &self.queue, timeout) {
                Polled::Record(record) => {
                    if let Some(topic) = self.place(record.topic()) {
                        self.buffer.push_back(Buffered::Record((topic, record.partition()), record));
                    }
                }
                Polled::Nothing => return Ok(true),
                Polled::End((name, partition), offset) => {
                    if let Some(topic) = self.place(&name) {
                        self.buffer.push_back(Buffered::End((topic, partition), offset));
                    }
                }
                Polled::Assigned(partitions) => self.assigned(&partitions)?,
                Polled::Revoked(partitions) => self.revoked(&partitions)?,
                Polled::Failed(failure) => self.failed(failure)?,
            }
            timeout = Duration::ZERO;
        }
        Ok(false)
    }

    /// Returns how long the first poll may wait.
    fn patience(&self) -> Duration {
        if !self.buffer.is_empty() || self.slots.values().any(|slot| slot.remaining().is_some()) {
            return Duration::ZERO;
        }
        let mut longest = if self.producer.is_open() {
            self.commit_at().saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
        } else {
            IDLE
        };
        let now = clock::now();
        if let Some(wake) = self.slots.values().filter_map(|s| s.task.wake_at()).min() {
            longest = longest.min(wake.since(now).max(Duration::from_millis(1)));
        }
        longest
    }

    fn commit_at(&self) -> Instant {
        if self.substantial {
            (self.last_commit + FLOOR).min(self.began + self.setup.config.commit_interval)
        } else {
            self.last_commit + MARKS
        }
    }

    fn is_due(&self, drained: bool) -> bool {
        if !self.producer.is_open() {
            return false;
        }
        let now = Instant::now();
        if !self.substantial {
            return now >= self.last_commit + MARKS;
        }
        now >= self.began + self.setup.config.commit_interval || (drained && now >= self.last_commit + FLOOR)
    }

    fn failed(&mut self, failure: KafkaFailure) -> Result<(), Failure> {
        let stage = self.setup.stage.name;
        if below_retention(&failure) {
            return Err(Failure::Stop(format!(
                "{stage}: a committed offset lies below what the topic still holds, so records were lost unread \
                 ({failure}); reset the group's offsets knowingly, or start over with a new prefix and a replay"
            )));
        }
        if failure.fatal {
            return Err(failure.into());
        }
        // The client goes on by itself: brokers that are down, partitions without a leader.
        tracing::warn!(stage, error = %failure, "the consumer met an error and goes on");
        Ok(())
    }
}
