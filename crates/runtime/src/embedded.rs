//! An embedded broker for demonstrations: librdkafka's mock cluster, in this process.
//!
//! It speaks enough of Kafka's protocol for transactions and consumer groups, but shows aborted records to
//! `read_committed` readers, keeps 5 MiB a partition and never compacts. So it proves nothing about exactly-once.

use crate::config::Config;
use crate::error::StartError;
use crate::topics::{TopicPlan, wanted};
use rdkafka::ClientConfig;
use rdkafka::bindings as sys;
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};

/// How long the first member of a group waits for others, in milliseconds; three seconds by default.
const GATHER_MS: i32 = 100;

/// A broker that lives as long as this.
pub struct EmbeddedBroker {
    /// librdkafka keeps the cluster in the client that made it.
    owner: BaseProducer,
}

impl EmbeddedBroker {
    /// Starts it on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> Result<Self, StartError> {
        let owner: BaseProducer =
            ClientConfig::new().set("test.mock.num.brokers", "1").create().map_err(|e| failed("start", e))?;
        // SAFETY: the client is alive, and the cluster with it; the call only sets a number.
        unsafe {
            let cluster = sys::rd_kafka_handle_mock_cluster(owner.client().native_ptr());
            if !cluster.is_null() {
                sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, GATHER_MS);
            }
        }
        Ok(Self { owner })
    }

    /// Returns its address, for [`Config::brokers`].
    ///
    /// # Errors
    /// When there is no cluster in the client.
    pub fn address(&self) -> Result<String, StartError> {
        Ok(self.cluster()?.bootstrap_servers())
    }

    /// Makes the sources of a configuration and all topics that Baton owns; their settings mean nothing here.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn create_topics(&self, config: &Config, plan: &TopicPlan) -> Result<(), StartError> {
        let cluster = self.cluster()?;
        let own = wanted(config, plan).into_iter().map(|topic| (topic.name, topic.partitions));
        let sources = config.sources.iter().map(|name| (name.to_string(), plan.partitions));
        for (name, partitions) in own.chain(sources) {
            cluster.create_topic(&name, partitions, 1).map_err(|e| failed("make topics", e))?;
        }
        Ok(())
    }

    pub(crate) fn cluster(&self) -> Result<MockCluster<'_, DefaultProducerContext>, StartError> {
        self.owner
            .client()
            .mock_cluster()
            .ok_or_else(|| StartError::Refused("the embedded broker did not start; look for a limit on ports".into()))
    }
}

fn failed(what: &'static str, source: KafkaError) -> StartError {
    StartError::Embedded { what, source }
}
