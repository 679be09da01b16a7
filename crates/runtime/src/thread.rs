//! A task thread: polls, gives records to tasks, and commits what came of them in one transaction.
//!
//! One life of a thread ends with a clean stop, or with a failure after which nothing of the open transaction counts:
//! then everything is thrown away, and the next life starts from what is committed. So there is one way back from every
//! doubt: a new producer with the same transactional id, stores restored from the changelog, offsets as committed.

use crate::client::{Fetched, Polled, Queue, TopicPartition, poll};
use crate::clock;
use crate::config::{Config, REQUEST};
use crate::context::Context;
use crate::ends::Ends;
use crate::error::{Failure, KafkaFailure};
use crate::fail_point;
use crate::producer::{Producer, SendError};
use crate::reader::ends;
use crate::slot::{Slot, change_key, left_behind};
use crate::stage::{LowWaterMarks, Partitions, Stage, TaskId};
use crate::state::{Shared, ThreadState};
use baton_records::{Reason, Rejection, Timestamp};
use baton_stream::{Input, Outbox, Topic, wire};
use baton_telemetry::RecordCounters;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Records taken between two looks at the clock.
const BATCH: usize = 1000;
/// The least time between two commits while the input is drained.
const FLOOR: Duration = Duration::from_millis(10);
/// The least time between two commits of marks alone, and between two low-water marks.
const MARKS: Duration = Duration::from_millis(500);
/// How long to wait for the next record while nothing is open.
const IDLE: Duration = Duration::from_millis(100);
/// How long to restore before the group is served again.
const RESTORE_SLICE: Duration = Duration::from_millis(200);

/// Inputs whose outputs the broker refuses for good, by topic, partition and offset: they go to dead letters.
pub type Poison = BTreeSet<(String, i32, i64)>;

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
    consumer: BaseConsumer<Context>,
    queue: Queue,
    producer: Producer,
    topics: BTreeMap<String, Topic>,
    slots: BTreeMap<(String, i32), Slot>,
    paused: BTreeSet<TopicPartition>,
    buffer: VecDeque<Buffered>,
    /// Inputs of the open transaction, so that a refusal finds its cause.
    inputs: Vec<(String, i32, i64)>,
    outbox: Outbox,
    counters: RecordCounters,
    began: Instant,
    last_commit: Instant,
    last_commit_clock: Timestamp,
    last_low_water: Option<Instant>,
    /// The group has answered.
    assigned: bool,
    /// The brokers answer, as far as the client knows.
    connected: bool,
    /// More than marks stand in the open transaction.
    substantial: bool,
    /// Ends of the companions that another layout would begin at, told and to be told.
    hints: BTreeMap<TopicPartition, i64>,
    hints_told: BTreeMap<TopicPartition, i64>,
}

/// What was polled and not yet taken, in order.
enum Buffered {
    Record(Fetched),
    /// The position passes this offset once everything before it was taken.
    End(TopicPartition, i64),
}

impl Buffered {
    fn is_of(&self, topic: &str, partition: i32) -> bool {
        match self {
            Self::Record(record) => record.topic() == topic && record.partition() == partition,
            Self::End(at, _) => at.0 == topic && at.1 == partition,
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
    if ended.is_err() {
        thread.note_refusals();
        thread.producer.abort();
    }
    ended
}

/// Tells whether a consumer error says that the committed offset no longer exists.
pub fn below_retention(failure: &KafkaFailure) -> bool {
    matches!(failure.code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
}

impl<'a> Thread<'a> {
    fn open(setup: &'a Setup, poison: &'a mut Poison) -> Result<Self, Failure> {
        let config = &setup.config;
        setup.shared.set(&setup.name(), ThreadState::starting(setup.stage.metrics));
        let producer = Producer::open(config, &setup.transactional_id)?;
        let consumer: BaseConsumer<Context> = config
            .member(setup.stage.name, setup.layout, setup.number)
            .create_with_context(Context)
            .map_err(|e| KafkaFailure::of("make a consumer", &e))?;
        let queue = Queue::of(&consumer).ok_or_else(|| Failure::Stop("the consumer has no queue".into()))?;
        let names: Vec<String> = setup.stage.leads.iter().map(|t| config.topic(t)).collect();
        let all = setup.stage.leads.iter().chain(&setup.stage.companions);
        let topics = all.map(|t| (config.topic(t), t.clone())).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(|e| KafkaFailure::of("subscribe", &e))?;
        Ok(Self {
            setup,
            poison,
            consumer,
            queue,
            producer,
            topics,
            slots: BTreeMap::new(),
            paused: BTreeSet::new(),
            buffer: VecDeque::new(),
            inputs: Vec::new(),
            outbox: Outbox::default(),
            counters: setup.shared.metrics().record_counters(setup.stage.metrics),
            began: Instant::now(),
            last_commit: Instant::now(),
            last_commit_clock: clock::now(),
            last_low_water: None,
            assigned: false,
            connected: true,
            substantial: false,
            hints: BTreeMap::new(),
            hints_told: BTreeMap::new(),
        })
    }

    fn run(&mut self) -> Result<(), Failure> {
        loop {
            if self.setup.shared.stop.load(Ordering::Relaxed) {
                self.commit()?;
                return Ok(());
            }
            let drained = self.fill()?;
            fail_point::hit("after_poll");
            self.restore()?;
            self.learn_ends();
            self.punctuate(false)?;
            self.low_water()?;
            self.take_all()?;
            if self.is_due(drained) {
                self.punctuate(true)?;
                self.commit()?;
            }
            self.pause_and_resume()?;
            self.report();
        }
    }

    /// Polls until the batch is full or nothing comes; tells whether nothing more came.
    fn fill(&mut self) -> Result<bool, Failure> {
        let mut timeout = self.patience();
        while self.buffer.len() < BATCH {
            match poll(&self.consumer, &self.queue, timeout) {
                Polled::Record(record) => {
                    self.connected = true;
                    self.buffer.push_back(Buffered::Record(record));
                }
                Polled::Nothing => return Ok(true),
                Polled::End(at, offset) => {
                    self.connected = true;
                    self.buffer.push_back(Buffered::End(at, offset));
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
        if !self.buffer.is_empty() || self.slots.values().any(Slot::is_restoring) {
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
        if below_retention(&failure) {
            return Err(Failure::Stop(format!(
                "{}: a committed offset lies below what the topic still holds, so records were lost unread ({failure}); \
                 reset the group's offsets knowingly, or start over with a new prefix and a replay",
                self.setup.stage.name
            )));
        }
        if failure.code == RDKafkaErrorCode::FencedInstanceId {
            return Err(Failure::Stop(format!(
                "{}: another process runs with the same --instance; give each its own",
                self.setup.stage.name
            )));
        }
        if failure.fatal {
            return Err(failure.into());
        }
        // The client goes on by itself: brokers that are down, partitions without a leader.
        tracing::warn!(stage = self.setup.stage.name, error = %failure, "the consumer met an error and goes on");
        self.connected = false;
        Ok(())
    }

    fn assigned(&mut self, partitions: &[TopicPartition]) -> Result<(), Failure> {
        let config = &self.setup.config;
        let now = clock::now();
        let mut wanted = TopicPartitionList::new();
        for (name, partition) in partitions {
            let Some(topic) = self.topics.get(name).cloned() else { continue };
            let id = TaskId { topic, partition: *partition };
            let slot = Slot::open(config, &self.setup.stage, id, &self.setup.partitions, now)?;
            self.slots.insert((name.clone(), *partition), slot);
            wanted.add_partition(name, *partition);
            for companion in &self.setup.stage.companions {
                wanted.add_partition(&config.topic(companion), *partition);
            }
        }
        let begin = if wanted.count() == 0 {
            wanted
        } else {
            self.consumer
                .committed_offsets(wanted, REQUEST)
                .map_err(|e| KafkaFailure::of("ask for committed offsets", &e))?
        };
        for mut element in begin.elements() {
            if !matches!(element.offset(), Offset::Offset(_)) {
                element.set_offset(Offset::Beginning).map_err(|e| KafkaFailure::of("assign", &e))?;
            }
            let at = (element.topic().to_owned(), element.partition());
            let Some(slot) = self.slots.get_mut(&at) else { continue };
            let next = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => ends(&self.consumer, &at.0, at.1)?.0,
            };
            slot.next.insert(slot.id.topic.clone(), next);
        }
        self.consumer.incremental_assign(&begin).map_err(|e| KafkaFailure::of("assign", &e))?;
        self.pause_and_resume()?;
        self.assigned = true;
        self.want_ends();
        tracing::info!(stage = self.setup.stage.name, partitions = partitions.len(), "partitions assigned");
        Ok(())
    }

    fn revoked(&mut self, partitions: &[TopicPartition]) -> Result<(), Failure> {
        if self.consumer.assignment_lost() {
            // Somebody else has them already; the rest of this life would only be refused.
            let _ = self.consumer.unassign();
            return Err(KafkaFailure::new("keep the assignment", RDKafkaErrorCode::AssignmentLost, false).into());
        }
        // Everything that was polled is given back unread, and what was taken is committed before anybody else starts.
        self.buffer.retain(|b| !partitions.iter().any(|(topic, p)| b.is_of(topic, *p)));
        self.commit()?;
        let mut gone = TopicPartitionList::new();
        for at in partitions {
            self.slots.remove(at);
            self.paused.remove(at);
            gone.add_partition(&at.0, at.1);
            for companion in &self.setup.stage.companions {
                let name = self.setup.config.topic(companion);
                self.buffer.retain(|b| !b.is_of(&name, at.1));
                self.paused.remove(&(name.clone(), at.1));
                gone.add_partition(&name, at.1);
            }
        }
        self.consumer.incremental_unassign(&gone).map_err(|e| KafkaFailure::of("unassign", &e))?;
        self.want_ends();
        tracing::info!(stage = self.setup.stage.name, partitions = partitions.len(), "partitions given back");
        Ok(())
    }

    fn want_ends(&self) {
        let mut wanted: BTreeSet<TopicPartition> = BTreeSet::new();
        if self.setup.stage.low_water.is_some() {
            wanted.extend(self.slots.keys().cloned());
        }
        for (topic, _) in &self.setup.stage.left_behind {
            wanted.extend(self.slots.values().map(|s| (self.setup.config.topic(topic), s.id.partition)));
        }
        self.setup.ends.want(self.setup.unique, wanted);
    }

    fn restore(&mut self) -> Result<(), Failure> {
        let keys: Vec<_> = self.slots.iter().filter(|(_, s)| s.is_restoring()).map(|(k, _)| k.clone()).collect();
        for key in keys {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            if slot.restore(RESTORE_SLICE)? && slot.task.is_full(&slot.id.topic) {
                self.catch_up(&key)?;
            }
        }
        Ok(())
    }

    /// Gives a task what another layout left unfinished.
    fn catch_up(&mut self, key: &(String, i32)) -> Result<(), Failure> {
        let setup = self.setup;
        let Some(mut reader) = left_behind(&setup.config, &setup.stage, key.1)? else { return Ok(()) };
        let names: BTreeMap<String, Topic> =
            setup.stage.left_behind.iter().map(|(t, _)| (setup.config.topic(t), t.clone())).collect();
        while !reader.is_caught_up() {
            let Some(record) = reader.next(Duration::from_millis(10))? else { continue };
            let Some(topic) = names.get(record.topic()) else { continue };
            self.producer.begin()?;
            if let Some(slot) = self.slots.get_mut(key) {
                slot.touched = true;
                slot.task.process(input_of(&record, topic), clock::now(), &mut self.outbox)?;
            }
            self.substantial = true;
            self.flush(usize::MAX)?;
            if self.began.elapsed() > setup.config.commit_interval {
                self.commit()?;
            }
        }
        if let Some(slot) = self.slots.get_mut(key) {
            let progress = slot.progress(clock::now(), None);
            slot.touched = true;
            slot.task.punctuate(progress, &mut self.outbox)?;
            tracing::info!(task = %slot.name(), records = reader.progress().0, "task caught up with the other layout");
        }
        self.flush(usize::MAX)?;
        self.commit()
    }

    fn learn_ends(&mut self) {
        let ends = &self.setup.ends;
        if self.setup.stage.low_water.is_some() {
            for (at, slot) in &mut self.slots {
                if let Some(end) = ends.of(at) {
                    slot.learn_end(end);
                }
            }
        }
        if self.producer.is_open() {
            return;
        }
        // All that is below an end that was asked for since the last commit is ours and committed.
        for (topic, _) in &self.setup.stage.left_behind {
            for slot in self.slots.values().filter(|s| !s.is_restoring()) {
                let at = (self.setup.config.topic(topic), slot.id.partition);
                if let Some(end) = ends.of(&at).filter(|e| e.asked > self.last_commit_clock) {
                    self.hints.insert(at, end.offset);
                }
            }
        }
    }

    fn lowest_unread(&self) -> BTreeMap<(String, i32), Timestamp> {
        let mut lowest = BTreeMap::new();
        for buffered in &self.buffer {
            let Buffered::Record(record) = buffered else { continue };
            let time = Timestamp::from_millis(record.timestamp());
            lowest
                .entry((record.topic().to_owned(), record.partition()))
                .and_modify(|t: &mut Timestamp| *t = time.min(*t))
                .or_insert(time);
        }
        lowest
    }

    /// Punctuates the tasks whose time has come; before a commit those that wait for it.
    fn punctuate(&mut self, before_commit: bool) -> Result<(), Failure> {
        let now = clock::now();
        let low_water_due = !before_commit && self.low_water_due();
        let due = |slot: &Slot| {
            !slot.is_restoring() && (low_water_due || slot.task.wake_at().is_some_and(|wake| wake <= now))
        };
        let keys: Vec<_> = self.slots.iter().filter(|(_, s)| due(s)).map(|(k, _)| k.clone()).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let unread = if self.setup.stage.low_water.is_some() { self.lowest_unread() } else { BTreeMap::new() };
        for key in keys {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            let progress = slot.progress(now, unread.get(&key).copied());
            slot.task.punctuate(progress, &mut self.outbox)?;
            slot.touched = true;
            self.flush(usize::MAX)?;
        }
        Ok(())
    }

    fn low_water_due(&self) -> bool {
        self.setup.stage.low_water.is_some()
            && !self.slots.is_empty()
            && self.last_low_water.is_none_or(|last| last.elapsed() >= MARKS)
    }

    /// Writes this thread's low-water marks.
    fn low_water(&mut self) -> Result<(), Failure> {
        let Some(make) = self.setup.stage.low_water.clone().filter(|_| self.low_water_due()) else { return Ok(()) };
        self.last_low_water = Some(Instant::now());
        let sources = self.setup.shared.sources();
        let marks = LowWaterMarks {
            epoch: sources.0,
            sources: sources.1,
            marks: self
                .slots
                .iter()
                .filter(|(_, slot)| !slot.is_restoring())
                .filter_map(|((topic, partition), slot)| Some((format!("{topic}/{partition}"), slot.task.low_water()?)))
                .collect(),
        };
        self.outbox.records.extend(make(&marks, &self.setup.partitions));
        self.flush(usize::MAX)
    }

    fn take_all(&mut self) -> Result<(), Failure> {
        while let Some(buffered) = self.buffer.pop_front() {
            match buffered {
                Buffered::Record(record) => self.take(&record)?,
                Buffered::End(at, offset) => {
                    if let Some(slot) = self.slots.get_mut(&at) {
                        slot.moved_to(offset, clock::now());
                    }
                }
            }
            if self.began.elapsed() > self.setup.config.commit_interval && self.producer.is_open() {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, record: &Fetched) -> Result<(), Failure> {
        let Some(topic) = self.topics.get(record.topic()).cloned() else { return Ok(()) };
        let at = (record.topic().to_owned(), record.partition());
        let key = match self.setup.stage.companions.contains(&topic) {
            // A companion's partition belongs to the task of the lead's partition of that number.
            true => self.slots.keys().find(|(_, p)| *p == record.partition()).cloned(),
            false => Some(at.clone()),
        };
        let Some(slot) = key.and_then(|k| self.slots.get_mut(&k)) else { return Ok(()) };
        if !self.producer.is_open() {
            self.began = Instant::now();
            self.producer.begin()?;
        }
        let now = clock::now();
        let input = input_of(record, &topic);
        self.substantial |= input.header("baton-mark").is_none();
        slot.touched = true;
        let place = (at.0, at.1, record.offset());
        if self.poison.contains(&place) {
            let rejection = Rejection::new(Reason::ProcessingFailed, "");
            self.outbox.write(wire::dead_letter(&input, &rejection, self.setup.stage.name));
        } else {
            slot.task.process(input, now, &mut self.outbox)?;
        }
        slot.next.insert(topic.clone(), record.offset() + 1);
        if topic == slot.id.topic {
            slot.moved_to(record.offset() + 1, now);
        }
        slot.moved.insert(topic);
        self.inputs.push(place);
        self.flush(self.inputs.len() - 1)
    }

    /// Sends what the tasks gave out; `input` is the number of the input that caused it.
    fn flush(&mut self, input: usize) -> Result<(), Failure> {
        for counted in self.outbox.counted.drain(..) {
            self.counters.count(counted);
        }
        if self.outbox.records.is_empty() {
            return Ok(());
        }
        if !self.producer.is_open() {
            self.began = Instant::now();
            self.producer.begin()?;
        }
        for output in std::mem::take(&mut self.outbox.records) {
            self.substantial |= !output.headers.iter().any(|h| h.name == "baton-mark");
            match self.producer.send(&self.setup.config, &output, input) {
                Ok(()) => {}
                Err(SendError::Failed(failure)) => return Err(failure.into()),
                Err(SendError::Refused) => return Err(self.refused(input)),
            }
        }
        fail_point::hit("after_produce");
        Ok(())
    }

    fn refused(&mut self, input: usize) -> Failure {
        match self.inputs.get(input) {
            Some(place) => {
                tracing::error!(topic = %place.0, partition = place.1, offset = place.2, "the broker refuses what comes of this record; it goes to dead letters");
                self.poison.insert(place.clone());
                KafkaFailure::new("produce", RDKafkaErrorCode::MessageSizeTooLarge, false).into()
            }
            None => Failure::Stop(
                "the broker refuses a record that no input caused; look at message.max.bytes of brokers and topics"
                    .into(),
            ),
        }
    }

    fn note_refusals(&mut self) {
        for input in self.producer.refused() {
            let _ = self.refused(input);
        }
    }

    /// Commits outputs, changelog and offsets together.
    fn commit(&mut self) -> Result<(), Failure> {
        if !self.producer.is_open() {
            return Ok(());
        }
        let started = Instant::now();
        // Brokers look whether we are still in the group when they are given an offset, and only then: what timers alone
        // wrote needs one too, or a process that was away for too long would write beside whoever took over.
        if self.slots.values().all(|s| s.moved.is_empty())
            && let Some(slot) = self.slots.values_mut().next()
        {
            slot.moved.insert(slot.id.topic.clone());
        }
        for slot in self.slots.values_mut() {
            if !std::mem::take(&mut slot.touched) {
                continue;
            }
            drain_stores(slot, &mut self.producer)?;
        }
        let offsets: BTreeMap<TopicPartition, i64> =
            self.slots.values().flat_map(|s| s.offsets(&self.setup.config)).collect();
        self.producer.send_offsets(&self.consumer, None, &offsets)?;
        self.send_hints()?;
        fail_point::hit("after_send_offsets");
        fail_point::hit("before_commit");
        self.producer.commit()?;
        fail_point::hit("after_commit");
        for slot in self.slots.values_mut() {
            slot.moved.clear();
        }
        self.inputs.clear();
        self.substantial = false;
        self.last_commit = Instant::now();
        self.last_commit_clock = clock::now();
        self.setup.shared.metrics().committed(self.setup.stage.metrics, started.elapsed());
        Ok(())
    }

    /// Tells the groups of the other layout where they would begin.
    fn send_hints(&mut self) -> Result<(), Failure> {
        for (topic, owners) in &self.setup.stage.left_behind {
            let name = self.setup.config.topic(topic);
            let fresh: BTreeMap<TopicPartition, i64> = self
                .hints
                .iter()
                .filter(|(at, offset)| at.0 == name && self.hints_told.get(*at) != Some(offset))
                .map(|(at, offset)| (at.clone(), *offset))
                .collect();
            for owner in owners {
                self.producer.send_offsets(&self.consumer, Some(&self.setup.config.group(owner)), &fresh)?;
            }
            self.hints_told.extend(fresh);
        }
        Ok(())
    }

    /// Pauses what is restoring or full, and resumes what no longer is.
    fn pause_and_resume(&mut self) -> Result<(), Failure> {
        let mut wanted: BTreeSet<TopicPartition> = BTreeSet::new();
        for (at, slot) in &self.slots {
            let inputs = std::iter::once(&slot.id.topic).chain(&self.setup.stage.companions);
            for topic in inputs.filter(|topic| slot.is_restoring() || slot.task.is_full(topic)) {
                wanted.insert((self.setup.config.topic(topic), at.1));
            }
        }
        if wanted == self.paused {
            return Ok(());
        }
        let list = |partitions: Vec<&TopicPartition>| {
            let mut list = TopicPartitionList::new();
            for (topic, partition) in partitions {
                list.add_partition(topic, *partition);
            }
            list
        };
        let pause = list(wanted.difference(&self.paused).collect());
        let resume = list(self.paused.difference(&wanted).collect());
        self.consumer.pause(&pause).map_err(|e| KafkaFailure::of("pause", &e))?;
        self.consumer.resume(&resume).map_err(|e| KafkaFailure::of("resume", &e))?;
        self.paused = wanted;
        Ok(())
    }

    fn report(&self) {
        let restoring: u64 = self.slots.values().filter_map(Slot::restore_progress).map(|(_, left)| left.max(1)).sum();
        let decided = self.slots.values().filter_map(|s| s.task.decided_up_to()).min();
        self.setup.shared.set(
            &self.setup.name(),
            ThreadState {
                stage: self.setup.stage.metrics,
                assigned: self.assigned,
                connected: self.connected,
                tasks: self.slots.len(),
                restoring,
                decided,
            },
        );
    }
}

/// Makes a task's input of a record.
fn input_of<'r>(record: &'r Fetched, topic: &'r Topic) -> Input<'r> {
    Input {
        topic,
        partition: record.partition(),
        offset: record.offset(),
        timestamp: Timestamp::from_millis(record.timestamp()),
        key: record.key(),
        value: record.value(),
        headers: &record.headers,
    }
}

fn drain_stores(slot: &mut Slot, producer: &mut Producer) -> Result<(), Failure> {
    let mut failed = None;
    let Slot { task, changelogs, scope, .. } = slot;
    for store in task.stores() {
        let name = store.name();
        let Some(at) = crate::stage::owner_of_store(name).and_then(|owner| changelogs.get(owner)) else { continue };
        store.drain(&mut |key, value| {
            if failed.is_none() {
                failed = producer.send_change(&at.0, at.1, &change_key(scope, name, key), value).err();
            }
        });
    }
    match failed {
        None => Ok(()),
        Some(SendError::Failed(failure)) => Err(failure.into()),
        Some(SendError::Refused) => Err(Failure::Stop("an entry of a store is larger than 4 MiB".into())),
    }
}
