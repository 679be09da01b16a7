//! The test broker and its client, against the real thing.

#![cfg(test)]

use baton_test_support::{Isolation, KafkaBroker, TestClient, TestRecord, wait_until};
use rdkafka::config::FromClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn shared() -> (&'static KafkaBroker, TestClient) {
    let broker = KafkaBroker::shared().unwrap();
    (broker, TestClient::new(broker.bootstrap()))
}

/// Names a topic that no other run of these tests uses; a cluster of `BATON_TEST_BROKERS` outlives them.
fn topic(name: &str) -> String {
    let clock = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("support-{name}-{}-{clock}", std::process::id())
}

#[test]
fn records_come_back_as_they_were_written() {
    let (_, client) = shared();
    let topic = topic("round-trip");
    client.create_topic(&topic, 3, &[("max.message.bytes", "4194304")]).unwrap();
    let written = [
        TestRecord::new("acme", "{\"a\":1}").at(1_700_000_000_000).header("traceparent", "00-ab").header("empty", ""),
        TestRecord { key: Some(b"acme".to_vec()), timestamp: Some(1_700_000_000_001), ..TestRecord::default() },
        TestRecord { partition: Some(2), key: Some(vec![0xff]), value: Some(vec![0, 0xfe]), ..TestRecord::default() },
        TestRecord::new("large", &"x".repeat(3 << 20)),
    ];
    client.produce(&topic, &written).unwrap();
    let read = client.read_all(&topic, Isolation::ReadCommitted).unwrap();
    assert_eq!(read.len(), written.len());
    for record in &written {
        let found = read.iter().find(|r| (&r.key, &r.value) == (&record.key, &record.value)).unwrap();
        assert_eq!(found.headers, record.headers);
        assert!(record.timestamp.is_none() || record.timestamp == found.timestamp);
        assert!(record.partition.is_none() || record.partition == found.partition);
    }
    let acme: Vec<_> = read.iter().filter(|r| r.key.as_deref() == Some(b"acme")).collect();
    assert!(acme[0].partition == acme[1].partition && acme[0].offset + 1 == acme[1].offset);
    let ends = client.end_offsets(&topic, Isolation::ReadCommitted).unwrap();
    assert_eq!((ends.len(), ends.values().sum::<i64>()), (3, 4));
}

#[test]
fn a_refused_record_is_an_error_that_names_the_topic() {
    let (_, client) = shared();
    let topic = topic("refused");
    client.create_topic(&topic, 1, &[("max.message.bytes", "1000")]).unwrap();
    let large = TestRecord::new("k", &"x".repeat(2000));
    let error = client.produce(&topic, &[large]).unwrap_err();
    assert!(error.to_string().contains(&topic), "{error}");
}

#[test]
fn an_aborted_transaction_is_seen_only_uncommitted() {
    let (_, client) = shared();
    let topic = topic("transactions");
    client.create_topic(&topic, 1, &[]).unwrap();
    let mut config = client.config();
    config.set("transactional.id", &topic);
    let producer = BaseProducer::from_config(&config).unwrap();
    producer.init_transactions(LIMIT).unwrap();
    let write = |value: &str| {
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::<(), str>::to(&topic).payload(value)).map_err(|(e, _)| e).unwrap();
        producer.flush(LIMIT).unwrap();
    };
    let values =
        |isolation| client.read_all(&topic, isolation).unwrap().iter().map(TestRecord::text).collect::<Vec<_>>();
    write("aborted");
    producer.abort_transaction(LIMIT).unwrap();
    write("committed");
    producer.commit_transaction(LIMIT).unwrap();
    write("open");
    assert_eq!(values(Isolation::ReadCommitted), ["committed"]);
    assert_eq!(values(Isolation::ReadUncommitted), ["aborted", "committed", "open"]);
    producer.abort_transaction(LIMIT).unwrap();
    assert_eq!(values(Isolation::ReadCommitted), ["committed"]);
}

#[test]
fn an_unknown_topic_is_an_error() {
    let (_, client) = shared();
    let error = client.read_all(&topic("never-made"), Isolation::ReadCommitted).unwrap_err();
    assert!(error.to_string().contains("never-made"), "{error}");
}

#[test]
fn stopped_killed_and_started_again_it_keeps_its_data() {
    let mut broker = KafkaBroker::start().unwrap();
    // A cluster of BATON_TEST_BROKERS is not ours to stop.
    let Some(first) = broker.pid() else { return };
    let (bootstrap, client) = (broker.bootstrap().to_owned(), TestClient::new(broker.bootstrap()));
    let topic = topic("restart");
    client.create_topic(&topic, 1, &[]).unwrap();
    client.produce(&topic, &[TestRecord::new("k", "before")]).unwrap();

    broker.stop().unwrap();
    assert_eq!(broker.pid(), None);
    assert!(TcpStream::connect(&bootstrap).is_err());
    broker.restart().unwrap();
    assert_eq!(broker.bootstrap(), bootstrap);
    client.produce(&topic, &[TestRecord::new("k", "between")]).unwrap();

    broker.kill().unwrap();
    assert!(TcpStream::connect(&bootstrap).is_err());
    broker.restart().unwrap();
    assert_ne!(broker.pid(), Some(first));
    client.produce(&topic, &[TestRecord::new("k", "after")]).unwrap();
    let values = client.read_all(&topic, Isolation::ReadCommitted).unwrap();
    assert_eq!(values.iter().map(TestRecord::text).collect::<Vec<_>>(), ["before", "between", "after"]);

    let pid = broker.pid().unwrap();
    drop(broker);
    let gone = BTreeMap::from([(pid, std::path::Path::new("/proc").join(pid.to_string()))]);
    wait_until("the broker's end", LIMIT, || gone.values().all(|p| !p.exists()).then_some(())).unwrap();
}
