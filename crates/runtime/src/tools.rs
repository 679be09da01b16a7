//! What command-line tools need of a cluster: reading topics to their ends.

use crate::client::{Fetched, TopicPartition};
use crate::config::{Config, REQUEST};
use crate::error::{Failure, StartError};
use crate::reader::Reader;
use crate::topics;
use baton_records::Timestamp;
use baton_stream::{Header, Topic};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// A record of a topic, copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its topic's name.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<Header>,
}

impl StoredRecord {
    /// Copies a record.
    pub(crate) fn of(record: &Fetched) -> Self {
        Self {
            topic: record.topic().to_owned(),
            partition: record.partition(),
            offset: record.offset(),
            timestamp: Timestamp::from_millis(record.timestamp()),
            key: record.key().map(<[u8]>::to_vec),
            value: record.value().map(<[u8]>::to_vec),
            headers: record.headers.clone(),
        }
    }
}

/// Gives every committed record of a topic from `from` on (from the beginning when none is given) to `take`, partition by
/// partition in order, up to the ends at the time of the call. `take` returns false to end early.
///
/// # Errors
/// When the topic does not exist or cannot be read.
pub fn read(
    config: &Config,
    topic: &Topic,
    from: Option<Timestamp>,
    take: &mut dyn FnMut(StoredRecord) -> bool,
) -> Result<(), StartError> {
    let name = config.topic(topic);
    let count = topics::counts(config)?.get(&name).copied();
    let Some(count) = count else {
        return Err(StartError::Refused(format!("topic {name} does not exist; make it with: baton topics create")));
    };
    let starts = starts(config, &name, count, from)?;
    let mut reader = Reader::open(config, &starts).map_err(|f| refuse(&name, &f.into()))?;
    while !reader.is_caught_up() {
        let Some(r) = reader.next(Duration::from_millis(100)).map_err(|f| refuse(&name, &f))? else { continue };
        if !take(StoredRecord::of(&r)) {
            return Ok(());
        }
    }
    Ok(())
}

fn starts(
    config: &Config,
    name: &str,
    count: i32,
    from: Option<Timestamp>,
) -> Result<Vec<(TopicPartition, i64)>, StartError> {
    let Some(from) = from else { return Ok((0..count).map(|p| ((name.to_owned(), p), 0)).collect()) };
    let to_error = |source| StartError::Brokers {
        what: "cannot look up offsets by time",
        brokers: config.brokers.clone(),
        source,
    };
    let client: BaseConsumer = config.reader().create().map_err(to_error)?;
    let mut list = TopicPartitionList::new();
    for partition in 0..count {
        list.add_partition_offset(name, partition, Offset::Offset(from.millis())).map_err(to_error)?;
    }
    let found = client.offsets_for_times(list, REQUEST).map_err(to_error)?;
    Ok(found
        .elements()
        .iter()
        .map(|e| {
            // Nothing is as young as that: begin behind the end.
            let offset = if let Offset::Offset(offset) = e.offset() { offset } else { i64::MAX };
            ((name.to_owned(), e.partition()), offset)
        })
        .collect())
}

fn refuse(topic: &str, failure: &Failure) -> StartError {
    StartError::Refused(format!("topic {topic} cannot be read: {failure}"))
}

/// Returns how many offsets a stage's group is behind the ends of what it has committed; none when it never committed.
///
/// # Errors
/// When the brokers do not answer.
pub fn lag(config: &Config, stage: &str) -> Result<Option<i64>, StartError> {
    let to_error =
        |source| StartError::Brokers { what: "cannot read committed offsets", brokers: config.brokers.clone(), source };
    let client: BaseConsumer = config.reader().set("group.id", config.group(stage)).create().map_err(to_error)?;
    let mut list = TopicPartitionList::new();
    for (name, count) in topics::counts(config)? {
        if !name.starts_with("__") {
            (0..count).for_each(|partition| {
                list.add_partition(&name, partition);
            });
        }
    }
    let committed = client.committed_offsets(list, REQUEST).map_err(to_error)?;
    let mut lag = None;
    for element in committed.elements() {
        let Offset::Offset(offset) = element.offset() else { continue };
        let (_, high) = crate::reader::ends(&client, element.topic(), element.partition())
            .map_err(|f| refuse(element.topic(), &f.into()))?;
        *lag.get_or_insert(0) += (high - offset).max(0);
    }
    Ok(lag)
}

/// Returns the timestamp of the newest record of each partition that has one.
///
/// # Errors
/// When the topic cannot be read.
pub fn newest_times(config: &Config, topic: &Topic) -> Result<std::collections::BTreeMap<i32, Timestamp>, StartError> {
    let name = config.topic(topic);
    let to_error = |source| StartError::Brokers { what: "cannot read ends", brokers: config.brokers.clone(), source };
    let client: BaseConsumer = config.reader().create().map_err(to_error)?;
    let count = topics::counts(config)?.get(&name).copied().unwrap_or(0);
    let mut from = Vec::new();
    for partition in 0..count {
        let (low, high) = crate::reader::ends(&client, &name, partition).map_err(|f| refuse(&name, &f.into()))?;
        // Transaction markers take offsets too: the last few offsets hold a record in any log that is not empty.
        from.push(((name.clone(), partition), (high - 64).max(low)));
    }
    let mut reader = Reader::open(config, &from).map_err(|f| refuse(&name, &f.into()))?;
    let mut newest = std::collections::BTreeMap::new();
    while !reader.is_caught_up() {
        if let Some(record) = reader.next(Duration::from_millis(100)).map_err(|f| refuse(&name, &f))? {
            newest.insert(record.partition(), Timestamp::from_millis(record.timestamp()));
        }
    }
    Ok(newest)
}
