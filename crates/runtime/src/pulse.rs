//! Tells whether a client still knows any broker.
//!
//! A broker that starts may answer a metadata request with no brokers at all. librdkafka 2.12 then forgets those that it
//! knows and never looks for one again (its issue 5301), and tells nobody: a consumer just gets no more records. A new
//! client is the only way back.

use crate::error::KafkaFailure;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(2);
/// A broker that is connected is asked at once, without waiting for its answer.
const MOMENT: Duration = Duration::from_millis(1);
/// So many times in a row mean that it does not just connect again, which takes librdkafka up to 10 s.
const MISSES: u32 = 10;

/// The pulse of one client.
pub struct Pulse {
    felt: Instant,
    misses: u32,
}

impl Pulse {
    /// Begins with a new client.
    pub fn new() -> Self {
        Self { felt: Instant::now(), misses: 0 }
    }

    /// Feels it from time to time; `topic` is one that the client knows.
    ///
    /// # Errors
    /// When the client has had no broker for long.
    pub fn feel<C: ConsumerContext>(&mut self, client: &BaseConsumer<C>, topic: &str) -> Result<(), KafkaFailure> {
        if self.felt.elapsed() < EVERY {
            return Ok(());
        }
        self.felt = Instant::now();
        self.note(&client.fetch_metadata(Some(topic), MOMENT))
    }

    fn note(&mut self, answer: &KafkaResult<Metadata>) -> Result<(), KafkaFailure> {
        let lost =
            |e: &rdkafka::error::KafkaError| e.rdkafka_error_code() == Some(RDKafkaErrorCode::BrokerTransportFailure);
        self.misses = if answer.as_ref().is_err_and(lost) { self.misses + 1 } else { 0 };
        if self.misses < MISSES {
            return Ok(());
        }
        Err(KafkaFailure::new("find a broker", RDKafkaErrorCode::AllBrokersDown, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::context::Context;
    use crate::embedded::EmbeddedBroker;
    use baton_test_support::wait_until;

    #[test]
    fn a_client_without_brokers_has_none_and_one_with_brokers_does() {
        let nowhere: BaseConsumer<Context> =
            Config::new("127.0.0.1:1", "none").reader().create_with_context(Context).unwrap();
        let mut pulse = Pulse::new();
        let mut ask = |client: &BaseConsumer<Context>| pulse.note(&client.fetch_metadata(Some("topic"), MOMENT));
        assert!((1..MISSES).all(|_| ask(&nowhere).is_ok()), "a short while is nothing");
        assert!(ask(&nowhere).is_err());
        let broker = EmbeddedBroker::start().unwrap();
        let alive: BaseConsumer<Context> =
            Config::new(broker.address().unwrap(), "some").reader().create_with_context(Context).unwrap();
        // It connects twice: to the address that it was given, and to the broker that is said to be there.
        let steady = || (0..2 * MISSES).all(|_| ask(&alive).is_ok()).then_some(());
        wait_until("a connection that lasts", Duration::from_secs(60), steady).unwrap();
    }
}
