//! A task with what the runtime keeps of it: where it reads, and how far it is restored.

use crate::client::{Fetched, TopicPartition};
use crate::config::Config;
use crate::ends::End;
use crate::error::{Failure, KafkaFailure};
use crate::reader::Reader;
use crate::stage::{Partitions, Stage, TaskId, owner_of_store};
use crate::thread::Rest;
use baton_records::Timestamp;
use baton_stream::{BatchSink, Changelog, Progress, Store, Task, Topic, Unread};
use baton_telemetry::RestoreProgress;
use rdkafka::error::RDKafkaErrorCode;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Ends of a source partition that the position may still reach.
const PENDING_ENDS: usize = 64;

/// A partition of which nothing was heard for so long cannot be read; usually its end is asked for four times a second.
const UNHEARD: Duration = Duration::from_secs(5);

/// What was read of changelogs so far.
#[derive(Clone, Copy)]
struct Restored {
    entries: u64,
    bytes: u64,
    began: Instant,
}

/// A changelog and where it stands.
struct Placed {
    at: TopicPartition,
    log: Changelog,
}

/// A task of this thread.
pub struct Slot {
    /// Which one.
    pub id: TaskId,
    /// The task.
    pub task: Box<dyn Task>,
    /// Its changelogs by the stage that owns them.
    changelogs: BTreeMap<&'static str, Placed>,
    /// What stands in front of its keys where a changelog's partition is shared.
    scope: String,
    /// The next offset to take, by input.
    pub next: BTreeMap<Topic, i64>,
    /// Inputs of which records were taken since the last commit.
    pub moved: BTreeSet<Topic>,
    /// Whether an offset of its lead is committed: its stores and their place then stand and fall together.
    pub anchored: bool,
    /// Whether its stores may have changed since the last commit.
    pub touched: bool,
    /// What another layout left, until the task has taken it.
    pub rest: Option<Rest>,
    restore: Option<Reader>,
    restored: Restored,
    /// The offset behind everything that was read of the lead partition, control records included.
    position: i64,
    newest: Timestamp,
    ends: VecDeque<End>,
    reached: Option<Timestamp>,
    heard: Timestamp,
}

impl Slot {
    /// Makes the task of a lead partition and begins to restore it.
    pub fn open(
        config: &Config,
        stage: &Stage,
        id: TaskId,
        partitions: &Partitions,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut task = (stage.make)(&id, partitions);
        let shared = stage.low_water.is_some();
        let lead = config.topic(&id.topic);
        let scope = if shared { format!("{lead}/{}", id.partition) } else { String::new() };
        let partition = if shared { spread(&scope, partitions.account) } else { id.partition };
        let mut changelogs = BTreeMap::new();
        for store in task.stores() {
            let owner = owner_of_store(store.name()).ok_or_else(|| {
                Failure::Stop(format!("store {} belongs to no stage: its name must start with one", store.name()))
            })?;
            changelogs.insert(owner, Placed { at: (config.changelog(owner), partition), log: Changelog::default() });
        }
        let from: Vec<(TopicPartition, i64)> = changelogs.values().map(|c| (c.at.clone(), 0)).collect();
        let restore = Some(Reader::open(config, &from)?);
        Ok(Self {
            id,
            task,
            changelogs,
            scope,
            next: BTreeMap::new(),
            moved: BTreeSet::new(),
            anchored: false,
            touched: false,
            rest: None,
            restore,
            restored: Restored { entries: 0, bytes: 0, began: Instant::now() },
            position: 0,
            newest: now,
            ends: VecDeque::new(),
            reached: None,
            heard: now,
        })
    }

    /// Tells whether its stores are still being restored.
    pub fn is_restoring(&self) -> bool {
        self.restore.is_some()
    }

    /// Returns how many offsets remain to be restored, or to be taken of what another layout left; none when it runs.
    pub fn remaining(&self) -> Option<u64> {
        let restore = self.restore.as_ref().map(|reader| reader.progress().1);
        restore.or_else(|| self.rest.as_ref().map(Rest::remaining))
    }

    /// Restores for at most `budget` and tells `report` what was read; returns how long all of it took when this was the
    /// last of it.
    pub fn restore(&mut self, budget: Duration, report: impl Fn(RestoreProgress)) -> Result<Option<Duration>, Failure> {
        let started = Instant::now();
        let Some(mut reader) = self.restore.take() else { return Ok(None) };
        let (mut entries, mut bytes) = (0, 0);
        while !reader.is_caught_up() && started.elapsed() <= budget {
            if let Some(record) = reader.next(Duration::from_millis(10))? {
                bytes += (record.value().map_or(0, <[u8]>::len) + record.key().map_or(0, <[u8]>::len)) as u64;
                entries += self.restore_record(&record)?;
            }
        }
        self.restored.entries += entries;
        self.restored.bytes += bytes;
        report(RestoreProgress { records: entries, bytes, remaining: reader.progress().1 });
        if !reader.is_caught_up() {
            self.restore = Some(reader);
            return Ok(None);
        }
        if self.changelogs.values().any(|c| c.log.is_torn()) {
            return Err(KafkaFailure::new("read a changelog", RDKafkaErrorCode::Conflict, false).into());
        }
        let took = self.restored.began.elapsed();
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let Restored { entries, bytes, .. } = self.restored;
        tracing::info!(task = %self.name(), entries, bytes, millis, "task restored");
        Ok(Some(took))
    }

    fn restore_record(&mut self, record: &Fetched) -> Result<u64, Failure> {
        let Some((scope, number)) = record.key().and_then(split_key) else {
            return Err(Failure::Stop(format!(
                "{}/{} offset {}: no key of a changelog; something else writes to this topic",
                record.topic(),
                record.partition(),
                record.offset()
            )));
        };
        if scope != self.scope.as_bytes() {
            return Ok(0);
        }
        let Some((owner, placed)) = self.changelogs.iter_mut().find(|(_, c)| c.at.0 == record.topic()) else {
            return Ok(0);
        };
        Ok(placed.log.restore(number, record.value(), &mut stores_of(&mut *self.task, owner))?)
    }

    /// Gives `sink` what the changelogs take of this transaction: topic and partition, key, value.
    pub fn write_changes(&mut self, clock: Timestamp, sink: &mut ChangeSink<'_>) {
        for (owner, Placed { at, log }) in &mut self.changelogs {
            let scope = &self.scope;
            let to: &mut BatchSink<'_> = &mut |number, value| sink(at, &change_key(scope, number), value);
            log.write(&mut stores_of(&mut *self.task, owner), clock, to);
        }
    }

    /// Tells whether its stores were made by records that are about to be read once more.
    pub fn has_lost_its_place(&mut self) -> bool {
        !self.anchored && self.task.stores().iter().any(|store| store.entries() > 0)
    }

    /// Returns a name for logs.
    pub fn name(&self) -> String {
        format!("{}/{}", self.id.topic.suffix(), self.id.partition)
    }

    /// Says that a record was taken; `next` is the offset behind it.
    pub fn took(&mut self, topic: &Topic, next: i64, timestamp: Timestamp, now: Timestamp) {
        match self.next.get_mut(topic) {
            Some(known) => *known = next,
            None => {
                self.next.insert(topic.clone(), next);
            }
        }
        if !self.moved.contains(topic) {
            self.moved.insert(topic.clone());
        }
        if *topic == self.id.topic {
            self.newest = timestamp;
            self.moved_to(next, now);
        }
    }

    /// Returns the offset behind everything that was read of the lead partition.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Returns the timestamp of the record of the lead partition that was taken last.
    pub fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Says that the lead partition was read up to this offset.
    pub fn moved_to(&mut self, position: i64, now: Timestamp) {
        self.position = self.position.max(position);
        self.heard = self.heard.max(now);
        self.reach();
    }

    /// Takes a fresh end of the lead partition.
    pub fn learn_end(&mut self, end: End) {
        if self.ends.back().map_or(self.reached.is_none_or(|r| r < end.asked), |last| last.asked < end.asked) {
            if self.ends.len() == PENDING_ENDS {
                // The oldest is the first to be reached; one in between tells the least.
                self.ends.remove(PENDING_ENDS / 2);
            }
            self.ends.push_back(end);
            self.heard = self.heard.max(end.asked);
            self.reach();
        }
    }

    fn reach(&mut self) {
        while let Some(end) = self.ends.front().filter(|e| e.offset <= self.position) {
            self.reached = Some(end.asked);
            self.ends.pop_front();
        }
    }

    /// Tells whether its source partition cannot be read, and holds log time back: it is not passed over yet.
    pub fn is_waited_for(&self, now: Timestamp) -> bool {
        self.is_restoring() || waited_for(now, self.heard, self.task.low_water())
    }

    /// Returns what the task is told of the lead partition.
    pub fn progress(&self, clock: Timestamp, unread: Option<Unread>) -> Progress {
        Progress { clock, unread, reached: self.reached, heard: self.heard }
    }

    /// Returns the offsets to commit for the inputs that moved.
    pub fn offsets(&self, config: &Config) -> Vec<(TopicPartition, i64)> {
        self.moved
            .iter()
            .filter_map(|topic| {
                let next = *self.next.get(topic)?;
                let needed = self.task.needed_from(topic).map_or(next, |needed| needed.min(next));
                Some(((config.topic(topic), self.id.partition), needed))
            })
            .collect()
    }
}

fn waited_for(now: Timestamp, heard: Timestamp, low_water: Option<Timestamp>) -> bool {
    let long_ago = now.minus(UNHEARD);
    heard < long_ago && low_water.is_none_or(|low| low < long_ago)
}

/// Spreads shared changelog partitions over the sources.
fn spread(scope: &str, partitions: i32) -> i32 {
    let hash = scope.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    i32::try_from(hash % u32::try_from(partitions.max(1)).unwrap_or(1)).unwrap_or(0)
}

/// Takes records of changelogs: topic and partition, key, value.
pub type ChangeSink<'a> = dyn FnMut(&TopicPartition, &[u8], Option<&[u8]>) + 'a;

fn stores_of<'t>(task: &'t mut dyn Task, owner: &str) -> Vec<&'t mut dyn Store> {
    let mut stores = task.stores();
    stores.retain(|store| owner_of_store(store.name()) == Some(owner));
    stores
}

/// Returns the key of a batch: the scope, preceded by its length, and the number.
fn change_key(scope: &str, number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + scope.len() + 8);
    out.extend_from_slice(&(scope.len() as u16).to_be_bytes());
    out.extend_from_slice(scope.as_bytes());
    out.extend_from_slice(&number.to_be_bytes());
    out
}

fn split_key(key: &[u8]) -> Option<(&[u8], u64)> {
    let (length, rest) = key.split_first_chunk::<2>()?;
    let (scope, number) = rest.split_at_checked(u16::from_be_bytes(*length) as usize)?;
    Some((scope, u64::from_be_bytes(number.try_into().ok()?)))
}

/// Returns the committed offset of a stage's group, 0 when it has none.
pub fn committed_of(config: &Config, stage: &str, at: &TopicPartition) -> Result<i64, KafkaFailure> {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let client: BaseConsumer = config
        .reader()
        .set("group.id", config.group(stage))
        .create()
        .map_err(|e| KafkaFailure::of("make a client", &e))?;
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition(&at.0, at.1);
    let answer = client
        .committed_offsets(list, crate::config::REQUEST)
        .map_err(|e| KafkaFailure::of("ask for committed offsets", &e))?;
    Ok(answer
        .elements()
        .first()
        .and_then(|e| match e.offset() {
            rdkafka::Offset::Offset(offset) => Some(offset),
            _ => None,
        })
        .unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_is_passed_over_is_no_longer_waited_for() {
        let at = |seconds: i64| Timestamp::from_millis(1000 * seconds);
        assert!(!waited_for(at(100), at(99), Some(at(20))), "it is behind, but it is read");
        assert!(waited_for(at(100), at(90), Some(at(89))));
        assert!(waited_for(at(100), at(90), None), "nothing is known of it yet");
        assert!(!waited_for(at(100), at(60), Some(at(99))), "its mark goes on without it");
    }
}
