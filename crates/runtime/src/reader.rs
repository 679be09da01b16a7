//! Reads partitions from a known offset up to their end, as `read_committed`: changelogs, global tables, what another
//! layout left.

use crate::client::{Fetched, Polled, Queue, TopicPartition, poll};
use crate::config::{Config, REQUEST};
use crate::context::Context;
use crate::error::{Failure, KafkaFailure};
use crate::pulse::Pulse;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long nothing may come of what there is before that is said.
const PATIENCE: Duration = Duration::from_secs(30);
/// What an operator can do when a transaction does not end. A single broker that is stopped can leave one that never
/// does (KAFKA-20734).
pub const MEND: &str =
    "a transaction is still open; when it stays so, look for it with kafka-transactions.sh find-hanging";

/// A reader of partitions that are assigned by hand.
pub struct Reader {
    queue: Queue,
    consumer: BaseConsumer<Context>,
    /// Where each partition is, and where it ended when the reader was made.
    at: BTreeMap<TopicPartition, Position>,
    read: u64,
    pulse: Pulse,
    /// When something came, or it was said that nothing does.
    heard: Instant,
}

struct Position {
    next: i64,
    end: i64,
}

impl Reader {
    /// Opens a reader; an offset below zero is the beginning.
    ///
    /// The end is the high watermark, not the last stable offset: what an open transaction of a dead writer hides is
    /// waited for.
    ///
    /// # Errors
    /// When the brokers do not answer.
    pub fn open(config: &Config, from: &[(TopicPartition, i64)]) -> Result<Self, KafkaFailure> {
        let consumer: BaseConsumer<Context> =
            config.reader().create_with_context(Context).map_err(|e| KafkaFailure::of("make a reader", &e))?;
        let queue =
            Queue::of(&consumer).ok_or_else(|| KafkaFailure::new("make a reader", RDKafkaErrorCode::Fail, true))?;
        let (at, pulse) = (BTreeMap::new(), Pulse::new());
        let mut reader = Self { queue, consumer, at, read: 0, pulse, heard: Instant::now() };
        reader.extend(config, from)?;
        Ok(reader)
    }

    /// Goes on to further partitions.
    ///
    /// # Errors
    /// When the brokers do not answer.
    pub fn extend(&mut self, config: &Config, from: &[(TopicPartition, i64)]) -> Result<(), KafkaFailure> {
        // A reader of committed records would be told the last stable offset.
        let asker: BaseConsumer<Context> = config
            .client()
            .set("isolation.level", "read_uncommitted")
            .create_with_context(Context)
            .map_err(|e| KafkaFailure::of("make a client", &e))?;
        let mut list = TopicPartitionList::with_capacity(from.len());
        let mut at = BTreeMap::new();
        for ((topic, partition), offset) in from {
            let (low, high) = ends(&asker, topic, *partition)?;
            let next = (*offset).max(low);
            list.add_partition_offset(topic, *partition, Offset::Offset(next))
                .map_err(|e| KafkaFailure::of("assign", &e))?;
            at.insert((topic.clone(), *partition), Position { next, end: high });
        }
        self.consumer.incremental_assign(&list).map_err(|e| KafkaFailure::of("assign", &e))?;
        self.at.extend(at);
        Ok(())
    }

    /// Tells whether every partition has been read up to where it ended when the reader was opened.
    pub fn is_caught_up(&self) -> bool {
        self.at.values().all(|p| p.next >= p.end)
    }

    /// Returns how many records have been read, and how many offsets remain.
    pub fn progress(&self) -> (u64, u64) {
        let left = self.at.values().map(|p| u64::try_from(p.end - p.next).unwrap_or(0)).sum();
        (self.read, left)
    }

    /// Gives no more of a partition until it is resumed.
    ///
    /// # Errors
    /// When the client is broken.
    pub fn pause(&self, at: &TopicPartition) -> Result<(), KafkaFailure> {
        self.consumer.pause(&only(at)).map_err(|e| KafkaFailure::of("pause", &e))
    }

    /// Goes on with a partition where it was paused.
    ///
    /// # Errors
    /// When the client is broken.
    pub fn resume(&self, at: &TopicPartition) -> Result<(), KafkaFailure> {
        self.consumer.resume(&only(at)).map_err(|e| KafkaFailure::of("resume", &e))
    }

    /// Returns the next record, or none when there was none for `timeout`.
    ///
    /// # Errors
    /// When the partition cannot be read: what was to be read is gone, or the client is broken or without brokers.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Fetched>, Failure> {
        if let Some((topic, _)) = self.at.keys().next() {
            self.pulse.feel(&self.consumer, topic)?;
        }
        match poll(&self.consumer, &self.queue, timeout) {
            Polled::Record(record) => {
                self.read += 1;
                self.heard = Instant::now();
                if let Some(at) = self.at.get_mut(&(record.topic().to_owned(), record.partition())) {
                    at.next = record.offset() + 1;
                }
                Ok(Some(record))
            }
            Polled::End(partition, offset) => {
                if let Some(at) = self.at.get_mut(&partition) {
                    at.next = at.next.max(offset);
                }
                Ok(None)
            }
            Polled::Failed(failure) if failure.fatal => Err(failure.into()),
            Polled::Failed(failure) if crate::thread::below_retention(&failure) => Err(Failure::Stop(format!(
                "a record that was still to be read is gone ({failure}): retention of the topic is too short, or its data was deleted"
            ))),
            _ => {
                self.say_what_is_awaited();
                Ok(None)
            }
        }
    }

    fn say_what_is_awaited(&mut self) {
        if self.heard.elapsed() < PATIENCE {
            return;
        }
        self.heard = Instant::now();
        for ((topic, partition), at) in self.at.iter().filter(|(_, at)| at.next < at.end) {
            let Position { next, end } = at;
            tracing::warn!(topic, partition, offset = next, end, "nothing comes of what there is: {MEND}");
        }
    }
}

fn only(at: &TopicPartition) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(&at.0, at.1);
    list
}

/// Returns the first offset of a partition and its end: the high watermark for a client that reads uncommitted records,
/// else the last stable offset. A topic that was just made, or whose leader moves, is
/// asked again for a while.
///
/// # Errors
/// When it cannot be had.
pub fn ends<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), KafkaFailure> {
    let started = Instant::now();
    loop {
        match client.fetch_watermarks(topic, partition, REQUEST) {
            Ok(ends) => return Ok(ends),
            Err(error) if is_passing(&error) && started.elapsed() < REQUEST => std::thread::sleep(ASK_AGAIN),
            Err(error) => return Err(KafkaFailure::of("ask for an end", &error)),
        }
    }
}

fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
        )
    )
}
