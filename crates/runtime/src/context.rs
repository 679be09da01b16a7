//! What librdkafka tells besides records goes to the log, but for ends of partitions, which are no errors.

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};
use std::time::{Duration, Instant};

/// A consumer that closes and waits for no answer is mostly closed before this.
const CLOSES: Duration = Duration::from_millis(100);
const MOMENT: Duration = Duration::from_millis(5);

/// The context of every consumer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context;

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        // A consumer that closes hears of the ends of its partitions here.
        if !matches!(error, KafkaError::PartitionEOF(_))
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF)
        {
            tracing::warn!(error = %error, reason, "kafka client");
        }
    }
}

impl ConsumerContext for Context {
    /// Answers the rebalance of a consumer that is being dropped; while it lives, its thread takes them off the queue itself.
    ///
    /// One that was answered before may still stand in the queue when the consumer has closed, and from then on librdkafka
    /// 2.12 drops calls without an answer, so that they never return (`rd_kafka_cgrp_op_serve`). It does not close before
    /// it has the answer that it waits for: what closes needs none. A member without a name that leaves its group waits for
    /// the broker, too, perhaps for longer, and could close in the moment of the call: then the thread's limit holds.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, _: RDKafkaRespErr, _: &mut TopicPartitionList) {
        let came = Instant::now();
        while came.elapsed() < CLOSES {
            if consumer.closed() {
                return;
            }
            std::thread::sleep(MOMENT);
        }
        // Whatever a consumer that closes is told to hold, it gives up everything.
        if let Err(error) = consumer.unassign() {
            tracing::warn!(error = %error, "a consumer that closes does not give its partitions up");
        }
    }
}
