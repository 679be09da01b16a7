//! Asks for the ends of source partitions, so that "caught up" is known with the moment for which it holds.

use crate::client::TopicPartition;
use crate::clock;
use crate::config::Config;
use crate::error::KafkaFailure;
use crate::state::Shared;
use baton_records::Timestamp;
use baton_stream::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(5);
/// How often the brokers are looked for when no end is wanted.
const LOOK: Duration = Duration::from_secs(1);

fn client(config: &Config) -> Result<BaseConsumer, KafkaFailure> {
    // Read uncommitted: the end for readers of committed records hides what a source's open transaction holds.
    let made = config.client().set("isolation.level", "read_uncommitted").create();
    made.map_err(|e| KafkaFailure::of("make a client", &e))
}

/// The newest end of a partition that is known, with the moment at which it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// When it was asked for.
    pub asked: Timestamp,
    /// The high watermark: also what open transactions hide lies below it.
    pub offset: i64,
}

/// Ends of partitions, kept fresh by a thread of its own.
#[derive(Default)]
pub struct Ends {
    wanted: Mutex<BTreeMap<usize, BTreeSet<TopicPartition>>>,
    known: Mutex<BTreeMap<String, BTreeMap<i32, End>>>,
}

impl Ends {
    /// Says which partitions a thread wants to know of.
    pub fn want(&self, thread: usize, partitions: BTreeSet<TopicPartition>) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(thread, partitions);
    }

    /// Returns the newest known end.
    pub fn of(&self, topic: &str, partition: i32) -> Option<End> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(topic).and_then(|partitions| partitions.get(&partition)).copied()
    }

    /// Asks until told to stop, and tells health whether the brokers answer: a consumer that waits for records hears
    /// nothing when they go.
    pub fn run(self: &Arc<Self>, config: &Config, shared: &Shared) -> Result<(), KafkaFailure> {
        let mut client = client(config)?;
        let policies = config.topic(&Topic::Policies);
        let mut heard = Instant::now();
        while !shared.stop.load(Ordering::Relaxed) {
            let asked = clock::now();
            let wanted: BTreeSet<TopicPartition> =
                self.wanted.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect();
            let mut list = TopicPartitionList::with_capacity(wanted.len());
            for (topic, partition) in &wanted {
                // As a "time", the end is what comes after all times.
                let _ = list.add_partition_offset(topic, *partition, Offset::End);
            }
            let answered = if !wanted.is_empty() {
                client.offsets_for_times(list, LIMIT).map(|answer| self.learn(asked, &answer))
            } else if heard.elapsed() >= LOOK {
                client.fetch_metadata(Some(&policies), LIMIT).map(drop)
            } else {
                std::thread::park_timeout(EVERY);
                continue;
            };
            heard = Instant::now();
            shared.set_reachable(answered.is_ok());
            if let Err(error) = answered {
                tracing::warn!(error = %error, "the brokers do not answer");
                // See the pulse of other clients: this one may have forgotten them.
                client = self::client(config)?;
            }
            std::thread::park_timeout(EVERY);
        }
        Ok(())
    }

    fn learn(&self, asked: Timestamp, answer: &TopicPartitionList) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for element in answer.elements() {
            if let (Ok(()), Offset::Offset(offset)) = (element.error(), element.offset()) {
                known.entry(element.topic().to_owned()).or_default().insert(element.partition(), End { asked, offset });
            }
        }
    }
}
