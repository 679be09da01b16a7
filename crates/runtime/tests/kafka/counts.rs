//! A task that counts what it sees of each key: a lost or repeated record shows.

use baton_records::Timestamp;
use baton_runtime::topics::{TopicPlan, create};
use baton_runtime::{Config, Instance, Shared, Stage, Topology};
use baton_stream::{Broken, Input, Outbox, Output, Progress, Store, Table, Task, Topic};
use baton_telemetry::{Health, Metrics, Stage as StageName};
use baton_test_support::{Isolation, KafkaBroker, TestClient, TestRecord, wait_until};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Writes `key=nth` for every record, so that a lost or repeated record shows.
struct Count {
    seen: Table<baton_records::Id, u64>,
}

impl Task for Count {
    fn process(&mut self, input: Input<'_>, _clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        let key = String::from_utf8_lossy(input.key.unwrap_or_default()).into_owned();
        let nth = self.seen.update_or_default(&key.as_str().into(), |n| {
            *n += 1;
            *n
        });
        out.write(Output {
            topic: Topic::Interactions,
            partition: Some(input.partition),
            key: Some(key.clone().into_bytes()),
            value: Some(format!("{key}={nth}").into_bytes()),
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
        vec![&mut self.seen]
    }
}

fn topology() -> Topology {
    let stage = Stage {
        name: "context-unifier.sequence",
        metrics: StageName::Sequence,
        leads: vec![Topic::AccountRepartition],
        companions: Vec::new(),
        left_behind: Vec::new(),
        low_water: None,
        make: Arc::new(|_, _| Box::new(Count { seen: Table::new("sequence.seen") })),
    };
    Topology { layout: "four", stages: vec![stage], table: None }
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared::new(Metrics::new().unwrap(), Health::new()))
}

fn start(broker: &KafkaBroker, prefix: &str) -> Instance {
    let config = Config::new(broker.bootstrap(), prefix);
    create(&config, &TopicPlan { partitions: 3, ..TopicPlan::default() }).unwrap();
    Instance::start(config, topology(), shared()).unwrap()
}

fn expected(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let mut all: Vec<String> = counts.iter().flat_map(|(key, n)| (1..=*n).map(move |i| format!("{key}={i}"))).collect();
    all.sort();
    all
}

fn outputs(client: &TestClient, prefix: &str) -> Vec<String> {
    let records = client.read_all(&format!("{prefix}.interactions"), Isolation::ReadCommitted).unwrap();
    let mut all: Vec<String> = records.iter().map(TestRecord::text).collect();
    all.sort();
    all
}

#[test]
fn counts_go_on_after_a_stop_and_beside_a_second_instance() {
    let broker = KafkaBroker::shared().unwrap();
    let client = TestClient::new(broker.bootstrap());
    let prefix = "counted";
    let mut counts = BTreeMap::new();
    let first = start(broker, prefix);
    let mut second = None;
    for round in 0..4 {
        let batch: Vec<TestRecord> = (0..500)
            .map(|i| {
                let key = format!("k{}", (i * 7 + round) % 23);
                *counts.entry(key.clone()).or_insert(0) += 1;
                TestRecord::new(&key, "x")
            })
            .collect();
        client.produce(&format!("{prefix}.context-unifier.account.repartition"), &batch).unwrap();
        if round == 1 {
            second = Some(start(broker, prefix));
        }
        if round == 2 {
            second.take().unwrap().stop().unwrap();
        }
        let want = expected(&counts);
        wait_until("all records counted", LIMIT, || (outputs(&client, prefix).len() >= want.len()).then_some(()))
            .unwrap();
        assert_eq!(outputs(&client, prefix), want);
    }
    let entries =
        || first.shared().metrics().text().unwrap().contains("baton_state_entries{store=\"sequence.seen\"} 23");
    wait_until("all keys in the metrics", LIMIT, || entries().then_some(())).unwrap();
    first.stop().unwrap();
    let again = start(broker, prefix);
    *counts.entry("k1".into()).or_insert(0) += 1;
    client.produce(&format!("{prefix}.context-unifier.account.repartition"), &[TestRecord::new("k1", "x")]).unwrap();
    let want = expected(&counts);
    wait_until("state was restored", LIMIT, || (outputs(&client, prefix) == want).then_some(())).unwrap();
    again.stop().unwrap();
}

#[test]
fn two_layouts_at_once_are_refused() {
    let broker = KafkaBroker::shared().unwrap();
    let first = start(broker, "layouts");
    wait_until("the first is ready", LIMIT, || first.is_ready().then_some(())).unwrap();
    let mut other = topology();
    other.layout = "one";
    let refused = Instance::start(Config::new(broker.bootstrap(), "layouts"), other, shared());
    let message = refused.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(message.contains("runs already"), "{message}");
    first.stop().unwrap();
}

/// Makes the brokers forget the offsets of a group, as they do on their own after `offsets.retention.minutes`.
fn expire_offsets(broker: &KafkaBroker, group: &str) {
    let admin: AdminClient<DefaultClientContext> = Config::new(broker.bootstrap(), "admin").client().create().unwrap();
    wait_until("the offsets to be gone", LIMIT, || {
        let deleted = pollster::block_on(admin.delete_groups(&[group], &AdminOptions::new())).unwrap();
        deleted.iter().all(Result::is_ok).then_some(())
    })
    .unwrap();
}

#[test]
fn offsets_that_expired_are_not_taken_for_none() {
    let broker = KafkaBroker::shared().unwrap();
    let client = TestClient::new(broker.bootstrap());
    let first = start(broker, "expired");
    client.produce("expired.context-unifier.account.repartition", &[TestRecord::new("k1", "x")]).unwrap();
    wait_until("the record counted", LIMIT, || (outputs(&client, "expired") == ["k1=1"]).then_some(())).unwrap();
    first.stop().unwrap();
    expire_offsets(broker, "expired.context-unifier.sequence");
    let again = start(broker, "expired");
    wait_until("the stop", LIMIT, || again.shared().broken().is_some().then_some(())).unwrap_or_else(|e| {
        panic!("{e}: {:?}", outputs(&client, "expired"));
    });
    let why = again.stop().unwrap_err();
    assert!(why.contains("offsets.retention.minutes"), "{why}");
    assert_eq!(outputs(&client, "expired"), ["k1=1"]);
}
