//! A process: its clock's error, and its copy of the global tables, which it reads as it gets to it.

use super::cluster::{Cluster, TopicPartition};
use baton_records::Timestamp;
use baton_stream::{Input, Topic};
use context_unifier::Directory;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A process.
pub struct Instance {
    /// How far its clock is ahead, in milliseconds.
    skew_ms: i64,
    lag: Duration,
    directory: Arc<RwLock<Directory>>,
    read: BTreeMap<TopicPartition, usize>,
}

impl Instance {
    /// Makes a process with a clock that is up to 50 ms wrong, behind by `behind` of them at most.
    pub fn new(rng: &mut StdRng, behind: i64) -> Self {
        let lag = Duration::from_millis(rng.random_range(5..400));
        Self { skew_ms: rng.random_range(-50..50).max(-behind), lag, directory: Arc::default(), read: BTreeMap::new() }
    }

    /// Returns what its clock shows.
    pub const fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.millis().saturating_add(self.skew_ms))
    }

    /// Returns the true time at which its clock shows this.
    pub const fn true_time(&self, clock: Timestamp) -> Timestamp {
        Timestamp::from_millis(clock.millis().saturating_sub(self.skew_ms))
    }

    /// Returns its global tables.
    pub const fn directory(&self) -> &Arc<RwLock<Directory>> {
        &self.directory
    }

    /// Sets how far its tables lag behind; returns what it was.
    pub const fn set_lag(&mut self, lag: Duration) -> Duration {
        std::mem::replace(&mut self.lag, lag)
    }

    /// Loses its tables: the process died.
    pub fn forget(&mut self) {
        self.directory = Arc::default();
        self.read.clear();
    }

    /// Reads its tables as far as it has got by now.
    pub fn refresh(&mut self, cluster: &Cluster, now: Timestamp) {
        let seen = now.minus(self.lag);
        let mut directory = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        for topic in [Topic::Policies, Topic::Accounts, Topic::Agents, Topic::Ties] {
            for (at, partition) in cluster.partitions_of(&topic) {
                let read = self.read.entry(at.clone()).or_default();
                let end = partition.stable_end(now);
                for record in partition.records().iter().take(end).skip(*read) {
                    if record.written > seen {
                        break;
                    }
                    directory.apply(Input {
                        topic: &topic,
                        partition: at.1,
                        offset: *read as i64,
                        timestamp: record.timestamp,
                        key: record.key.as_deref(),
                        value: record.value.as_deref(),
                        headers: &record.headers,
                    });
                    *read += 1;
                }
            }
        }
    }
}
