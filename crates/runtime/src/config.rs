//! How an instance is set up, and the client settings that follow from it.

use baton_records::{Id, Timestamp};
use baton_stream::Topic;
use rdkafka::ClientConfig;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long one request to the brokers may take.
pub const REQUEST: Duration = Duration::from_secs(30);

/// The largest record that is written: an envelope around an event of 1 MiB.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// Whether other instances may run beside this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peers {
    /// They may: the members of the groups are asked for their layout before the start.
    Possible,
    /// The brokers live in this process, and nobody else knows of them; the embedded broker cannot list groups.
    Impossible,
}

/// Which cluster, which names on it, and who this instance is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Bootstrap servers.
    pub brokers: String,
    /// What stands before topic names, groups and transactional ids.
    pub prefix: String,
    /// Topics with events.
    pub sources: Vec<Id>,
    /// The topic with accounts; `<prefix>.accounts` unless given.
    pub accounts_topic: Option<String>,
    /// What is older than this is history; by default 24 h before a source was first read.
    pub live_from: Option<Timestamp>,
    /// A name that stays the same over restarts and that no other instance has: static membership.
    pub instance: Option<String>,
    /// Task threads a stage.
    pub threads: usize,
    /// The longest time between two commits under load.
    pub commit_interval: Duration,
    /// Whether others may run beside this instance.
    pub peers: Peers,
    /// Further client settings, such as those for TLS; they go to every client.
    pub kafka: BTreeMap<String, String>,
}

impl Config {
    /// Makes the configuration of one instance with everything else at its default.
    pub fn new(brokers: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: prefix.into(),
            sources: Vec::new(),
            accounts_topic: None,
            live_from: None,
            instance: None,
            threads: 1,
            commit_interval: Duration::from_millis(100),
            peers: Peers::Possible,
            kafka: BTreeMap::new(),
        }
    }

    /// Returns a topic's name on the cluster.
    pub fn topic(&self, topic: &Topic) -> String {
        match (topic, &self.accounts_topic) {
            (Topic::Accounts, Some(name)) => name.clone(),
            _ => topic.name(&self.prefix),
        }
    }

    /// Returns the name of a consumer group or a changelog's owner: `<prefix>.<stage>`.
    pub fn group(&self, stage: &str) -> String {
        format!("{}.{stage}", self.prefix)
    }

    /// Returns the changelog of a stage.
    pub fn changelog(&self, stage: &str) -> String {
        format!("{}.{stage}.changelog", self.prefix)
    }

    /// Returns the settings that every client has.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config.set("client.id", &self.prefix);
        config.set("log.connection.close", "false");
        for (name, value) in &self.kafka {
            config.set(name, value);
        }
        config
    }

    /// Returns the settings of a `read_committed` reader without a group.
    pub fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", format!("{}.readers", self.prefix))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            // A full local queue stops fetching for a whole second by default.
            .set("fetch.queue.backoff.ms", "2")
            // The defaults (100,000 records a partition, 64 MiB) look like leaks.
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.message.max.bytes", "1048576")
            .set("receive.message.max.bytes", "104857600");
        config
    }

    /// Returns the settings of a member of a stage's group.
    pub fn member(&self, stage: &str, layout: &str, thread: usize) -> ClientConfig {
        let mut config = self.reader();
        config
            .set("client.id", format!("{layout}:{}", self.group(stage)))
            .set("group.id", self.group(stage))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "2000")
            .set("max.poll.interval.ms", "300000")
            // For all partitions of the thread together, some hundred milliseconds' work; who restores reads further ahead.
            .set("queued.min.messages", "5000")
            .set("queued.max.messages.kbytes", "2048");
        if let Some(instance) = &self.instance {
            config.set("group.instance.id", format!("{instance}-{thread}"));
        }
        config
    }

    /// Returns the settings of a transactional producer.
    pub fn producer(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", transactional_id)
            // Java's default partitioner; librdkafka's own default is another.
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            // A commit sends at once whatever waits; until then larger batches cost less.
            .set("linger.ms", "50")
            .set("batch.size", "262144")
            .set("message.max.bytes", MAX_RECORD_BYTES.to_string())
            // A failed record fails the commit, so reports of success are of no use.
            .set("delivery.report.only.error", "true")
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "65536")
            // AddOffsetsToTxn is tried again after this, right after every commit: 100 by default.
            .set("retry.backoff.ms", "2")
            .set("retry.backoff.max.ms", "100")
            // What a killed process leaves open hides all later records from readers for so long.
            .set("transaction.timeout.ms", "10000");
        config
    }
}
