//! The global table follows its topics, also where they grow.

use baton_runtime::topics::{TopicPlan, create};
use baton_runtime::{Config, GlobalTable, Instance, Shared, Topology};
use baton_stream::Topic;
use baton_telemetry::{Health, Metrics};
use baton_test_support::{KafkaBroker, TestClient, TestRecord, wait_until};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn a_table_reads_partitions_that_came_later() {
    let broker = KafkaBroker::shared().unwrap();
    let client = TestClient::new(broker.bootstrap());
    let config = Config::new(broker.bootstrap(), "grows");
    client.create_topic("grows.accounts", 1, &[]).unwrap();
    create(&config, &TopicPlan { partitions: 1, ..TopicPlan::default() }).unwrap();
    let read = Arc::new(Mutex::new(BTreeSet::new()));
    let fed = read.clone();
    let feed = Arc::new(move |input: baton_stream::Input<'_>| {
        fed.lock().unwrap().insert(String::from_utf8(input.key.unwrap().to_vec()).unwrap());
    });
    let table = GlobalTable { topics: vec![Topic::Accounts], feed };
    let topology = Topology { layout: "four", stages: Vec::new(), table: Some(table) };
    let shared = Arc::new(Shared::new(Metrics::new().unwrap(), Health::new()));
    let admin: AdminClient<DefaultClientContext> = config.client().create().unwrap();
    let instance = Instance::start(config, topology, shared).unwrap();
    let (four, options) = ([NewPartitions::new("grows.accounts", 4)], AdminOptions::new());
    assert!(pollster::block_on(admin.create_partitions(&four, &options)).unwrap().iter().all(Result::is_ok));
    let records: Vec<TestRecord> = (0..20).map(|n| TestRecord::new(&format!("a{n}"), "{}")).collect();
    client.produce("grows.accounts", &records).unwrap();
    wait_until("all accounts", LIMIT, || (read.lock().unwrap().len() == 20).then_some(())).unwrap();
    assert_eq!(instance.stop(), Ok(()));
}
