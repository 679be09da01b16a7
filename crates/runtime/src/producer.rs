//! One transactional producer a task thread.

use crate::client;
use crate::config::{Config, MAX_RECORD_BYTES, REQUEST};
use crate::error::KafkaFailure;
use baton_stream::{Output, Topic};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header as KafkaHeader, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long one step of an end of a transaction may take before reports are looked at.
const SLICE: Duration = Duration::from_millis(100);
/// How long an abort may take; the next producer with this id aborts otherwise.
const ABORT: Duration = Duration::from_secs(5);

/// Remembers which input's outputs the broker refused, with their topics.
#[derive(Default)]
pub struct Refusals(Mutex<Vec<(usize, String)>>);

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, Vec<(usize, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Refusals {}

impl ProducerContext for Refusals {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, input: usize) {
        if let Err((error, message)) = result
            && refused_for_good(error)
        {
            self.lock().push((input, message.topic().to_owned()));
        }
    }
}

fn refused_for_good(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidTimestamp
                | RDKafkaErrorCode::InvalidRecord
        )
    )
}

/// Why a record could not be sent.
pub enum SendError {
    /// This record will never be taken.
    Refused,
    /// The transaction is lost.
    Failed(KafkaFailure),
}

/// A transactional producer.
pub struct Producer {
    inner: BaseProducer<Refusals>,
    names: BTreeMap<Topic, String>,
    open: bool,
}

impl Producer {
    /// Makes the producer and ends whatever an earlier one with this id left open.
    ///
    /// # Errors
    /// When the brokers do not answer.
    pub fn open(config: &Config, transactional_id: &str) -> Result<Self, KafkaFailure> {
        let inner: BaseProducer<Refusals> = config
            .producer(transactional_id)
            .create_with_context(Refusals::default())
            .map_err(|e| KafkaFailure::of("make a producer", &e))?;
        inner.init_transactions(REQUEST).map_err(|e| KafkaFailure::of("init transactions", &e))?;
        Ok(Self { inner, names: BTreeMap::new(), open: false })
    }

    /// Tells whether a transaction is open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Opens a transaction unless one is.
    ///
    /// # Errors
    /// When the producer is fenced or broken.
    pub fn begin(&mut self) -> Result<(), KafkaFailure> {
        if !self.open {
            self.inner.begin_transaction().map_err(|e| KafkaFailure::of("begin a transaction", &e))?;
            self.open = true;
        }
        Ok(())
    }

    /// Sends one output of the input with the number `input`.
    ///
    /// # Errors
    /// [`SendError`]; the transaction is to be given up in both cases.
    pub fn send(&mut self, config: &Config, output: &Output, input: usize) -> Result<(), SendError> {
        let name = self.names.entry(output.topic.clone()).or_insert_with_key(|topic| config.topic(topic));
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(name, input);
        record.partition = output.partition;
        record.key = output.key.as_deref();
        record.payload = output.value.as_deref();
        record.timestamp = output.timestamp.map(|t| t.millis());
        if !output.headers.is_empty() {
            record.headers = Some(
                output.headers.iter().fold(OwnedHeaders::new_with_capacity(output.headers.len()), |headers, h| {
                    headers.insert(KafkaHeader { key: &h.name, value: Some(&h.value) })
                }),
            );
        }
        send(&self.inner, record)
    }

    /// Sends one entry of a changelog.
    ///
    /// # Errors
    /// As [`Producer::send`].
    pub fn send_change(
        &mut self,
        topic: &str,
        partition: i32,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), SendError> {
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, usize::MAX);
        record.partition = Some(partition);
        record.key = Some(key);
        record.payload = value;
        send(&self.inner, record)
    }

    /// Adds offsets to the transaction: of the consumer's own group, or of another that has no members.
    ///
    /// # Errors
    /// When the broker refuses them, as it does for a zombie.
    pub fn send_offsets<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        group: Option<&str>,
        offsets: &BTreeMap<(String, i32), i64>,
    ) -> Result<(), KafkaFailure> {
        if offsets.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for ((topic, partition), offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(|e| KafkaFailure::of("send offsets", &e))?;
        }
        client::send_offsets(&self.inner, consumer, group, &list, REQUEST)
    }

    /// Commits.
    ///
    /// # Errors
    /// When it did not commit, or nobody knows: the producer is to be thrown away.
    pub fn commit(&mut self) -> Result<(), KafkaFailure> {
        let started = Instant::now();
        loop {
            // A commit waits for all records, and those that failed for their reports to be taken.
            self.inner.poll(Duration::ZERO);
            match client::commit(&self.inner, SLICE) {
                Ok(()) => break,
                Err(failure)
                    if failure.code == RDKafkaErrorCode::OperationTimedOut
                        && started.elapsed() < REQUEST
                        && self.inner.context().lock().is_empty() => {}
                Err(failure) => return Err(failure),
            }
        }
        self.open = false;
        Ok(())
    }

    /// Aborts, as far as that is possible; a new producer with the same id does it otherwise.
    pub fn abort(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let started = Instant::now();
        while started.elapsed() < ABORT {
            self.inner.poll(Duration::ZERO);
            let ended = self.inner.abort_transaction(SLICE);
            if !ended.is_err_and(|e| e.rdkafka_error_code() == Some(RDKafkaErrorCode::OperationTimedOut)) {
                return;
            }
        }
    }

    /// Takes the numbers of the inputs whose outputs the broker refused, with the topics of these.
    pub fn refused(&self) -> Vec<(usize, String)> {
        self.inner.poll(Duration::ZERO);
        std::mem::take(&mut self.inner.context().lock())
    }
}

fn send(producer: &BaseProducer<Refusals>, record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), SendError> {
    let size = record.key.map_or(0, <[u8]>::len) + record.payload.map_or(0, <[u8]>::len);
    if size + 1024 > MAX_RECORD_BYTES {
        return Err(SendError::Refused);
    }
    let mut record = record;
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((error, again)) => {
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) {
                    producer.poll(Duration::from_millis(1));
                    record = again;
                } else if refused_for_good(&error) {
                    return Err(SendError::Refused);
                } else {
                    return Err(SendError::Failed(KafkaFailure::of("produce", &error)));
                }
            }
        }
    }
}
