//! Asks for the ends of source partitions, so that "caught up" is known with the moment for which it holds.

use crate::client::TopicPartition;
use crate::clock;
use crate::config::Config;
use crate::error::KafkaFailure;
use baton_records::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(5);

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

    /// Asks until told to stop.
    pub fn run(self: &Arc<Self>, config: &Config, stop: &AtomicBool) -> Result<(), KafkaFailure> {
        // Read uncommitted: the end for readers of committed records hides what a source's open transaction holds.
        let client: BaseConsumer = config
            .client()
            .set("isolation.level", "read_uncommitted")
            .create()
            .map_err(|e| KafkaFailure::of("make a client", &e))?;
        while !stop.load(Ordering::Relaxed) {
            let asked = clock::now();
            let wanted: BTreeSet<TopicPartition> =
                self.wanted.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect();
            let mut list = TopicPartitionList::with_capacity(wanted.len());
            for (topic, partition) in &wanted {
                // As a "time", the end is what comes after all times.
                let _ = list.add_partition_offset(topic, *partition, Offset::End);
            }
            if !wanted.is_empty() {
                match client.offsets_for_times(list, LIMIT) {
                    Ok(answer) => self.learn(asked, &answer),
                    Err(error) => tracing::warn!(error = %error, "the ends of source partitions cannot be read"),
                }
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
