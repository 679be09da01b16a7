//! What tests do with topics: make them, write records, read them back.

use crate::{Error, wait_until};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
const MAX_BYTES: &str = "8388608";

/// One record, as written or as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestRecord {
    /// Its partition; when written, none means by the key, as Java's default partitioner does.
    pub partition: Option<i32>,
    /// Its offset; ignored when written.
    pub offset: i64,
    /// Its timestamp in milliseconds; when written, none means the moment of writing.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl TestRecord {
    /// Makes a record of texts.
    pub fn new(key: &str, value: &str) -> Self {
        Self { key: Some(key.into()), value: Some(value.into()), ..Self::default() }
    }

    /// Sets the timestamp, in milliseconds.
    pub fn at(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the value as text, broken bytes replaced; a tombstone is empty.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

/// What a reader sees of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Only what is committed.
    ReadCommitted,
    /// All that was written, also what was aborted.
    ReadUncommitted,
}

/// A client of one cluster. Cloning is cheap and shares its connections.
#[derive(Clone)]
pub struct TestClient {
    bootstrap: String,
    /// Kept, since a new one waits a second for its producer id.
    producer: Arc<Mutex<Option<BaseProducer<Deliveries>>>>,
}

impl TestClient {
    /// Makes a client of the cluster at `host:port[,host:port…]`.
    pub fn new(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), producer: Arc::default() }
    }

    /// Returns a client configuration for this cluster, for tests that want a consumer or producer of their own.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("message.max.bytes", MAX_BYTES);
        config
    }

    /// Makes a topic with one replica, and waits until it can be used.
    ///
    /// # Errors
    /// [`Error::Client`] when the broker refuses, also when the topic is there already.
    pub fn create_topic(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<(), Error> {
        let admin: AdminClient<DefaultClientContext> = self.config().create().map_err(of(topic))?;
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (name, value) in settings {
            new = new.set(name, value);
        }
        let made = pollster::block_on(admin.create_topics([&new], &AdminOptions::new().operation_timeout(Some(LIMIT))));
        for result in made.map_err(of(topic))? {
            result.map_err(|(_, code)| KafkaError::AdminOp(code)).map_err(of(topic))?;
        }
        let consumer: BaseConsumer = self.config().create().map_err(of(topic))?;
        wait_until(&format!("topic {topic}"), LIMIT, || {
            let found = partitions_of(&consumer, topic).ok()?;
            (found.len() == usize::try_from(partitions).ok()?).then_some(())
        })?;
        Ok(())
    }

    /// Writes records in order, and waits until the broker has them, each once.
    ///
    /// # Errors
    /// [`Error::Client`] when one of them is refused.
    pub fn produce(&self, topic: &str, records: &[TestRecord]) -> Result<(), Error> {
        let mut kept = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let producer = match kept.take() {
            Some(producer) => producer,
            None => self.idempotent_producer().map_err(of(topic))?,
        };
        // One that failed is not kept: an idempotent producer does not go on after a loss.
        write(&producer, topic, records).map_err(of(topic))?;
        *kept = Some(producer);
        Ok(())
    }

    fn idempotent_producer(&self) -> Result<BaseProducer<Deliveries>, KafkaError> {
        let mut config = self.config();
        config.set("enable.idempotence", "true").set("partitioner", "murmur2_random");
        config.create_with_context(Deliveries::default())
    }

    /// Reads all records that stand in the topic now, in the order of partitions, then of offsets.
    ///
    /// With [`Isolation::ReadCommitted`] the end is the last stable offset: what follows an open transaction is not read.
    ///
    /// # Errors
    /// [`Error::Client`] when the topic cannot be read, [`Error::Waited`] when its end is not reached in 30 s of silence.
    pub fn read_all(&self, topic: &str, isolation: Isolation) -> Result<Vec<TestRecord>, Error> {
        let consumer = self.reader(isolation).map_err(of(topic))?;
        let mut open = BTreeMap::new();
        let mut assignment = TopicPartitionList::new();
        for partition in partitions_of(&consumer, topic).map_err(of(topic))? {
            let (low, high) = consumer.fetch_watermarks(topic, partition, LIMIT).map_err(of(topic))?;
            if low < high {
                open.insert(partition, high);
                assignment.add_partition_offset(topic, partition, Offset::Offset(low)).map_err(of(topic))?;
            }
        }
        consumer.assign(&assignment).map_err(of(topic))?;
        let mut records = Vec::new();
        let mut at_end = BTreeSet::new();
        while at_end.len() < open.len() {
            let polled =
                wait_until(&format!("the end of {topic}"), LIMIT, || consumer.poll(Duration::from_millis(100)))?;
            match polled {
                Ok(message) if open.get(&message.partition()).is_some_and(|high| message.offset() < *high) => {
                    records.push(from_message(&message));
                }
                // Written after the end was asked for.
                Ok(message) => {
                    at_end.insert(message.partition());
                }
                // The consumer stands behind the last record, past all control records.
                Err(KafkaError::PartitionEOF(partition)) => {
                    at_end.insert(partition);
                }
                Err(error) => return Err(of(topic)(error)),
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    /// Returns the end offset of each partition: where the next record would stand.
    ///
    /// # Errors
    /// [`Error::Client`] when the topic cannot be read.
    pub fn end_offsets(&self, topic: &str, isolation: Isolation) -> Result<BTreeMap<i32, i64>, Error> {
        let consumer = self.reader(isolation).map_err(of(topic))?;
        let mut ends = BTreeMap::new();
        for partition in partitions_of(&consumer, topic).map_err(of(topic))? {
            ends.insert(partition, consumer.fetch_watermarks(topic, partition, LIMIT).map_err(of(topic))?.1);
        }
        Ok(ends)
    }

    fn reader(&self, isolation: Isolation) -> Result<BaseConsumer, KafkaError> {
        let level = match isolation {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        };
        // A consumer must have a group; this one never commits to it.
        self.config()
            .set("group.id", "baton-test-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.message.max.bytes", MAX_BYTES)
            .set("fetch.queue.backoff.ms", "5")
            .set("isolation.level", level)
            .create()
    }
}

/// Keeps the first refusal of a record.
#[derive(Debug, Default)]
struct Deliveries {
    refused: Mutex<Option<KafkaError>>,
}

impl rdkafka::ClientContext for Deliveries {}

impl rdkafka::producer::ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &rdkafka::producer::DeliveryResult<'_>, (): ()) {
        if let (Err((error, _)), Ok(mut refused)) = (result, self.refused.lock()) {
            refused.get_or_insert_with(|| error.clone());
        }
    }
}

fn write(producer: &BaseProducer<Deliveries>, topic: &str, records: &[TestRecord]) -> Result<(), KafkaError> {
    for record in records {
        let mut next = Some(to_base(topic, record));
        while let Some(base) = next.take() {
            match producer.send(base) {
                Ok(()) => {}
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), base)) => {
                    producer.poll(Duration::from_millis(50));
                    next = Some(base);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
    producer.flush(LIMIT)?;
    let refused = producer.context().refused.lock().map_or(None, |mut refused| refused.take());
    refused.map_or(Ok(()), Err)
}

fn to_base<'a>(topic: &'a str, record: &'a TestRecord) -> BaseRecord<'a, Vec<u8>, Vec<u8>> {
    let mut base = BaseRecord::to(topic);
    base.key = record.key.as_ref();
    base.payload = record.value.as_ref();
    base.partition = record.partition;
    base.timestamp = record.timestamp;
    if !record.headers.is_empty() {
        base.headers = Some(record.headers.iter().fold(OwnedHeaders::new(), |headers, (name, value)| {
            headers.insert(Header { key: name, value: Some(value) })
        }));
    }
    base
}

fn from_message(message: &BorrowedMessage<'_>) -> TestRecord {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    TestRecord {
        partition: Some(message.partition()),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect(),
    }
}

fn partitions_of(consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let found = metadata.topics().first();
    if let Some(code) = found.and_then(rdkafka::metadata::MetadataTopic::error) {
        return Err(KafkaError::MetadataFetch(code.into()));
    }
    Ok(found.map(|t| t.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect()).unwrap_or_default())
}

fn of(topic: &str) -> impl FnOnce(KafkaError) -> Error + '_ {
    move |source| Error::Client { topic: topic.to_owned(), source }
}
