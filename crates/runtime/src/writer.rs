//! Writes records outside of transactions, one by one: policies, and the traffic of the demo.

use crate::config::{Config, MAX_RECORD_BYTES, REQUEST};
use crate::error::StartError;
use baton_records::Timestamp;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Keeps the first record's failure: a flush says only that nothing waits any more.
#[derive(Default)]
struct FirstFailure(Mutex<Option<KafkaError>>);

impl ClientContext for FirstFailure {}

impl ProducerContext for FirstFailure {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

/// An idempotent producer, without transactions.
pub struct Writer {
    producer: BaseProducer<FirstFailure>,
    brokers: String,
}

impl Writer {
    /// Opens it.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn open(config: &Config) -> Result<Self, StartError> {
        let brokers = config.brokers.clone();
        let made = config
            .client()
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .set("message.max.bytes", MAX_RECORD_BYTES.to_string())
            .create_with_context(FirstFailure::default());
        match made {
            Ok(producer) => Ok(Self { producer, brokers }),
            Err(source) => Err(StartError::Brokers { what: "cannot write", brokers, source }),
        }
    }

    /// Hands a record over to be sent at once; records of one key keep their order. Without a timestamp it is now.
    ///
    /// # Errors
    /// When it is refused, or the brokers have taken nothing for 30 s.
    pub fn send(&self, topic: &str, key: &str, value: &[u8], timestamp: Option<Timestamp>) -> Result<(), StartError> {
        let mut record = BaseRecord::to(topic).key(key).payload(value);
        record.timestamp = timestamp.map(Timestamp::millis);
        for _ in 0..REQUEST.as_secs() {
            match self.producer.send(record) {
                Ok(()) => {
                    self.producer.poll(Duration::ZERO);
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    self.producer.poll(Duration::from_secs(1));
                    record = again;
                }
                Err((source, _)) => return Err(self.failed(source)),
            }
        }
        Err(self.failed(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)))
    }

    /// Waits until the brokers have all records.
    ///
    /// # Errors
    /// When they do not take them in 30 s, or have refused one.
    pub fn flush(&self) -> Result<(), StartError> {
        self.producer.flush(REQUEST).map_err(|source| self.failed(source))?;
        let first = self.producer.context().0.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or(Ok(()), |source| Err(self.failed(source)))
    }

    fn failed(&self, source: KafkaError) -> StartError {
        StartError::Brokers { what: "cannot write", brokers: self.brokers.clone(), source }
    }
}
