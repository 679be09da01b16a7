//! What of Kafka the tasks need: partitions, changelogs, committed offsets. One commit changes all of them at once.

use super::partition::{Partition, Stored};
use baton_records::{Id, Timestamp};
use baton_stream::{Output, Topic};
use std::collections::BTreeMap;

/// A topic and the number of a partition.
pub type TopicPartition = (Topic, i32);

/// A change of a store: store, key, and the value unless it is removed.
pub type Change = (&'static str, Vec<u8>, Option<Vec<u8>>);

/// The entries of a compacted changelog.
pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// One transaction.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Records to write, in order.
    pub outputs: Vec<Output>,
    /// Changes of the stores of one scope.
    pub changes: Vec<Change>,
    /// Offsets to commit.
    pub offsets: Vec<(TopicPartition, usize)>,
}

/// The cluster, in memory.
#[derive(Debug, Default)]
pub struct Cluster {
    partitions: BTreeMap<TopicPartition, Partition>,
    counts: BTreeMap<Topic, i32>,
    changelogs: BTreeMap<(String, &'static str), Entries>,
    offsets: BTreeMap<(String, TopicPartition), usize>,
    unreadable: BTreeMap<TopicPartition, Timestamp>,
    sources: Vec<Id>,
    source_epoch: i64,
}

impl Cluster {
    /// Makes a topic.
    pub fn create(&mut self, topic: Topic, partitions: i32) {
        for partition in 0..partitions {
            self.partitions.insert((topic.clone(), partition), Partition::default());
        }
        self.counts.insert(topic, partitions);
    }

    /// Returns a partition that was made.
    pub fn partition(&self, at: &TopicPartition) -> Option<&Partition> {
        self.partitions.get(at)
    }

    /// Returns a partition that was made, to change it.
    pub fn partition_mut(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
        self.partitions.get_mut(at)
    }

    /// Returns the partitions of a topic.
    pub fn partitions_of<'a>(&'a self, topic: &'a Topic) -> impl Iterator<Item = (&'a TopicPartition, &'a Partition)> {
        self.partitions.iter().filter(move |((t, _), _)| t == topic)
    }

    /// Sets the names of the source partitions, which low-water marks carry.
    pub fn set_sources(&mut self, sources: Vec<Id>) {
        self.sources = sources;
    }

    /// Takes a name out of the list.
    pub fn drop_source(&mut self, name: &Id) {
        self.sources.retain(|known| known != name);
        self.source_epoch += 1;
    }

    /// Returns how often the list changed.
    pub const fn source_epoch(&self) -> i64 {
        self.source_epoch
    }

    /// Returns the names of the source partitions.
    pub fn sources(&self) -> &[Id] {
        &self.sources
    }

    /// Makes a partition unreadable until that time.
    pub fn stall(&mut self, at: TopicPartition, until: Timestamp) {
        self.unreadable.insert(at, until);
    }

    /// Tells whether a partition can be read.
    pub fn is_readable(&self, at: &TopicPartition, now: Timestamp) -> bool {
        self.unreadable.get(at).is_none_or(|until| now >= *until)
    }

    /// Returns the offset that a group committed, or the beginning.
    pub fn offset(&self, group: &str, at: &TopicPartition) -> usize {
        self.offsets.get(&(group.to_owned(), at.clone())).copied().unwrap_or(0)
    }

    /// Returns what a store must be restored from.
    pub fn changelog(&self, scope: &str, store: &'static str) -> Option<&Entries> {
        self.changelogs.get(&(scope.to_owned(), store))
    }

    /// Returns the partition that a record goes to: as told, else by its key as Java's default partitioner does.
    pub fn partition_of(&self, output: &Output) -> TopicPartition {
        let count = self.counts.get(&output.topic).copied().unwrap_or(1).max(1);
        let by_key = || output.key.as_deref().map_or(0, |key| partition_for(key, count));
        (output.topic.clone(), output.partition.unwrap_or_else(by_key))
    }

    /// Commits a transaction; returns the partitions that got records.
    pub fn commit(
        &mut self,
        group: &str,
        scope: &str,
        transaction: Transaction,
        now: Timestamp,
    ) -> Vec<TopicPartition> {
        let mut touched = Vec::new();
        for output in transaction.outputs {
            let at = self.partition_of(&output);
            let Output { key, value, timestamp, headers, .. } = output;
            let record = Stored { key, value, timestamp: timestamp.unwrap_or(now), headers, written: now };
            self.partitions.entry(at.clone()).or_default().append(record);
            if !touched.contains(&at) {
                touched.push(at);
            }
        }
        for (store, key, value) in transaction.changes {
            let log = self.changelogs.entry((scope.to_owned(), store)).or_default();
            match value {
                Some(value) => log.insert(key, value),
                None => log.remove(&key),
            };
        }
        for (at, offset) in transaction.offsets {
            self.offsets.insert((group.to_owned(), at), offset);
        }
        touched
    }
}

/// Returns the partition of a key as Java's default partitioner does.
pub fn partition_for(key: &[u8], count: i32) -> i32 {
    /// The seed of `org.apache.kafka.common.utils.Utils.murmur2`.
    const SEED: u32 = 0x9747_b28c;
    (murmur2::murmur2(key, SEED) & 0x7fff_ffff) as i32 % count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_where_java_sends_them() {
        // Values of Utils.murmur2 in Kafka's own UtilsTest, made positive.
        for (key, hash) in
            [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
        {
            assert_eq!(partition_for(key.as_bytes(), i32::MAX), (hash & 0x7fff_ffff) % i32::MAX);
        }
    }
}
