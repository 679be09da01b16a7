//! Outputs that the broker refuses for good.

use baton_records::Timestamp;
use baton_runtime::topics::{TopicPlan, create};
use baton_runtime::{Config, Instance, Shared, Stage, Topology};
use baton_stream::{Broken, Input, Outbox, Output, Progress, Store, Task, Topic};
use baton_telemetry::{Health, Metrics, Stage as StageName};
use baton_test_support::{Isolation, KafkaBroker, TestClient, TestRecord, wait_until};
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Writes what it reads; of a record with the key `big`, more than the topic takes.
struct Echo;

impl Task for Echo {
    fn process(&mut self, input: Input<'_>, _clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        let value = if input.key == Some(b"big") { noise() } else { b"small".to_vec() };
        out.write(Output {
            topic: Topic::Interactions,
            partition: Some(input.partition),
            key: input.key.map(<[u8]>::to_vec),
            value: Some(value),
            timestamp: Some(input.timestamp),
            headers: Vec::new(),
        });
        Ok(())
    }

    fn punctuate(&mut self, _progress: Progress, _out: &mut Outbox) -> Result<(), Broken> {
        Ok(())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        Vec::new()
    }
}

/// Returns bytes that no compression makes small.
fn noise() -> Vec<u8> {
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Some((*state >> 56) as u8)
    };
    std::iter::successors(Some(1), |_| Some(1)).scan(7, |state, _: i32| step(state)).take(20_000).collect()
}

fn start(broker: &KafkaBroker, prefix: &str) -> Instance {
    let config = Config::new(broker.bootstrap(), prefix);
    let client = TestClient::new(broker.bootstrap());
    client.create_topic(&config.topic(&Topic::Interactions), 1, &[("max.message.bytes", "2000")]).unwrap();
    create(&config, &TopicPlan { partitions: 1, ..TopicPlan::default() }).unwrap();
    let stage = Stage {
        name: "context-unifier.sequence",
        metrics: StageName::Sequence,
        leads: vec![Topic::AccountRepartition],
        companions: vec![Topic::Signals],
        left_behind: Vec::new(),
        low_water: None,
        make: Arc::new(|_, _| Box::new(Echo)),
    };
    let topology = Topology { layout: "four", stages: vec![stage], table: None };
    Instance::start(config, topology, Arc::new(Shared::new(Metrics::new().unwrap(), Health::new()))).unwrap()
}

fn keys(client: &TestClient, topic: &str) -> Vec<String> {
    let records = client.read_all(topic, Isolation::ReadCommitted).unwrap();
    records.iter().map(|r| String::from_utf8(r.key.clone().unwrap_or_default()).unwrap()).collect()
}

#[test]
fn a_record_of_which_too_much_comes_goes_to_dead_letters() {
    let broker = KafkaBroker::shared().unwrap();
    let client = TestClient::new(broker.bootstrap());
    let instance = start(broker, "too-much");
    let records = ["a", "big", "b"].map(|key| TestRecord::new(key, "x"));
    client.produce("too-much.context-unifier.account.repartition", &records).unwrap();
    let all = || (keys(&client, "too-much.interactions") == ["a", "b"]).then_some(());
    wait_until("the other records", LIMIT, all).unwrap();
    assert_eq!(keys(&client, "too-much.dead-letters"), ["big"]);
    assert_eq!(instance.stop(), Ok(()));
}

#[test]
fn what_is_refused_of_a_companion_stops_the_process() {
    let broker = KafkaBroker::shared().unwrap();
    let client = TestClient::new(broker.bootstrap());
    let instance = start(broker, "companion");
    client.produce("companion.signals", &[TestRecord::new("big", "x")]).unwrap();
    let over =
        || (instance.shared().broken().is_some() || !keys(&client, "companion.dead-letters").is_empty()).then_some(());
    wait_until("the stop", LIMIT, over).unwrap();
    let why = instance.stop().unwrap_err();
    assert!(why.contains("companion.interactions") && why.contains("max.message.bytes"), "{why}");
    assert!(keys(&client, "companion.dead-letters").is_empty());
}
