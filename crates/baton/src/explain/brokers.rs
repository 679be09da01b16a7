//! Reads decisions, and what else tells of an event's fate, from the topics of a cluster.

use super::Args;
use super::file::{Record, of_topic};
use baton_replay::ReplayLine;
use baton_runtime::tools::{self, StoredRecord};
use baton_service::ClusterArgs;
use baton_stream::Topic;

/// Gives all records that may answer to `take`, decisions first.
///
/// # Errors
/// When a topic cannot be read or holds what it must not, or `take` fails.
pub fn read(args: &Args, brokers: &str, take: &mut dyn FnMut(Record) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let cluster = ClusterArgs {
        brokers: brokers.to_owned(),
        prefix: args.prefix.to_string(),
        accounts_topic: None,
        kafka_config: args.kafka_config.clone(),
    };
    let config = cluster.config()?;
    // A question about an account is answered by decisions alone; one about an id also by what became of it.
    let mut topics = vec![Topic::Decisions];
    if args.id.is_some() {
        topics.extend([Topic::Handoffs, Topic::Interactions, Topic::DeadLetters]);
        topics.extend(args.sources.iter().cloned().map(Topic::Source));
    }
    for topic in topics {
        let mut failed = None;
        // A decision's timestamp is its `at`.
        tools::read(&config, &topic, args.from, &mut |stored| {
            failed = one(stored, &args.prefix, take).err();
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
    }
    Ok(())
}

fn one(stored: StoredRecord, prefix: &str, take: &mut dyn FnMut(Record) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let place = format!("{}, partition {}, offset {}", stored.topic, stored.partition, stored.offset);
    let line = ReplayLine {
        topic: stored.topic.into(),
        partition: Some(stored.partition),
        key: stored.key,
        timestamp: stored.timestamp,
        value: stored.value,
        headers: stored.headers,
    };
    take(of_topic(line, prefix).map_err(|what| anyhow::anyhow!("{place}: {what}"))?)
}
