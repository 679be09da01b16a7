//! Keeps a global table: reads its topics from their beginnings, and on.

use crate::client::TopicPartition;
use crate::clock;
use crate::config::Config;
use crate::error::{Failure, KafkaFailure, StartError};
use crate::reader::Reader;
use crate::stage::GlobalTable;
use crate::state::Shared;
use crate::topics;
use baton_stream::Topic;
use rdkafka::error::RDKafkaErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often new partitions are looked for.
const LOOK: Duration = Duration::from_secs(30);

/// Fills the table, says so through `full`, and keeps it fresh until told to stop.
pub fn run(config: &Config, table: &GlobalTable, shared: &Shared, full: &AtomicBool) {
    let mut pause = Duration::from_millis(100);
    while !shared.stop.load(Ordering::Relaxed) {
        match follow(config, table, shared, full) {
            Ok(()) => return,
            Err(Failure::Stop(why)) => return shared.break_off(why),
            Err(Failure::Restart(failure)) => {
                tracing::warn!(error = %failure, "the global table is read anew");
                std::thread::park_timeout(pause);
                pause = (pause * 2).min(Duration::from_secs(5));
            }
        }
    }
}

fn follow(config: &Config, table: &GlobalTable, shared: &Shared, full: &AtomicBool) -> Result<(), Failure> {
    let names: BTreeMap<String, Topic> = table.topics.iter().map(|t| (config.topic(t), t.clone())).collect();
    let mut known = partitions(config, &names)?;
    let mut reader = Reader::open(config, &from_beginning(&known))?;
    let started = Instant::now();
    let mut looked = started;
    while !shared.stop.load(Ordering::Relaxed) {
        if let Some(record) = reader.next(Duration::from_millis(100))?
            && let Some(topic) = names.get(record.topic())
        {
            (table.feed)(record.input(topic));
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            known.extend(new_partitions(config, &names, &known, &mut reader));
        }
        if !full.load(Ordering::Relaxed) && reader.is_caught_up() {
            let (records, _) = reader.progress();
            tracing::info!(records, millis = started.elapsed().as_millis() as u64, at = %clock::now(), "global table is full");
            full.store(true, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn partitions(config: &Config, names: &BTreeMap<String, Topic>) -> Result<BTreeSet<TopicPartition>, Failure> {
    let counts = topics::counts(config).map_err(restart)?;
    let mut all = BTreeSet::new();
    for name in names.keys() {
        // A partition without a leader hides its topic: an empty table would be a wrong one.
        let missing = || KafkaFailure::new("read the global table", RDKafkaErrorCode::LeaderNotAvailable, false);
        let count = *counts.get(name).ok_or_else(missing)?;
        all.extend((0..count).map(|partition| (name.clone(), partition)));
    }
    Ok(all)
}

fn from_beginning(partitions: &BTreeSet<TopicPartition>) -> Vec<(TopicPartition, i64)> {
    partitions.iter().map(|partition| (partition.clone(), 0)).collect()
}

/// Goes on to partitions that topics have got since; returns those. What does not succeed is tried again later.
fn new_partitions(
    config: &Config,
    names: &BTreeMap<String, Topic>,
    known: &BTreeSet<TopicPartition>,
    reader: &mut Reader,
) -> BTreeSet<TopicPartition> {
    let added = partitions(config, names).and_then(|all| {
        let new: BTreeSet<TopicPartition> = all.difference(known).cloned().collect();
        if !new.is_empty() {
            reader.extend(config, &from_beginning(&new))?;
            tracing::info!(partitions = new.len(), "global table reads partitions that are new");
        }
        Ok(new)
    });
    added.unwrap_or_else(|failure| {
        tracing::warn!(error = %failure, "the topics of the global table cannot be looked at");
        BTreeSet::new()
    })
}

fn restart(error: StartError) -> Failure {
    match error {
        StartError::Brokers { what, source, .. } => KafkaFailure::of(what, &source).into(),
        StartError::Embedded { what, source } => crate::error::KafkaFailure::of(what, &source).into(),
        stopped @ (StartError::Refused(_) | StartError::Stopped) => Failure::Stop(stopped.to_string()),
    }
}
