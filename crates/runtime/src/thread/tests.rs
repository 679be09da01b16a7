//! Lives that end in the middle of a rebalance, on the embedded broker, which refuses what it is told to.

use super::assignment::let_go;
use super::drop_within;
use crate::client::{Polled, Queue, poll};
use crate::config::{Config, Peers};
use crate::context::Context;
use crate::embedded::EmbeddedBroker;
use crate::instance::Instance;
use crate::stage::{Stage, Topology};
use crate::state::Shared;
use crate::topics::TopicPlan;
use crate::writer::Writer;
use baton_records::Timestamp;
use baton_stream::{Broken, Input, Outbox, Progress, Store, Task, Topic};
use baton_telemetry::{Health, Metrics, Stage as StageName};
use baton_test_support::wait_until;
use rdkafka::bindings::rd_kafka_resp_err_t as Refusal;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaApiKey;
use rdkafka::{Offset, TopicPartitionList};
use std::sync::{Arc, mpsc};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// A task that does nothing.
struct Idle;

impl Task for Idle {
    fn process(&mut self, _input: Input<'_>, _clock: Timestamp, _out: &mut Outbox) -> Result<(), Broken> {
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

/// A task that is behind until it has seen all of the log, and that holds few records of it before signals come.
struct Behind {
    left: usize,
    held: usize,
}

impl Task for Behind {
    fn process(&mut self, input: Input<'_>, _clock: Timestamp, _out: &mut Outbox) -> Result<(), Broken> {
        if self.is_full(input.topic) {
            return Err(Broken { what: format!("offset {} of {} came unasked", input.offset, input.topic.suffix()) });
        }
        match input.topic {
            Topic::Interactions => self.held += 1,
            Topic::Signals => (self.left, self.held) = (self.left - self.held, 0),
            _ => {}
        }
        Ok(())
    }

    fn punctuate(&mut self, _progress: Progress, _out: &mut Outbox) -> Result<(), Broken> {
        Ok(())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn is_full(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Interactions => self.left == 0 || self.held == 3,
            Topic::Signals => self.held < 3,
            _ => self.left > 0,
        }
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        Vec::new()
    }
}

#[test]
fn a_task_takes_what_another_layout_left_as_it_wants_it() {
    let (_broker, config) = broker("rest", 1);
    let writer = Writer::open(&config).unwrap();
    for n in 0..12 {
        writer.send(&config.topic(&Topic::Interactions), &format!("record {n}"), b"x", None).unwrap();
    }
    for n in 0..4 {
        writer.send(&config.topic(&Topic::Signals), &format!("signal {n}"), b"x", None).unwrap();
    }
    writer.flush().unwrap();
    let stage = Stage {
        name: "context-unifier.sequence",
        metrics: StageName::Account,
        leads: vec![Topic::AccountRepartition],
        companions: Vec::new(),
        left_behind: vec![(Topic::Interactions, vec!["router"]), (Topic::Signals, vec!["router"])],
        low_water: None,
        make: Arc::new(|_, _| Box::new(Behind { left: 12, held: 0 })),
    };
    let topology = Topology { layout: "one", stages: vec![stage], table: None };
    let instance = Instance::start(config, topology, shared()).unwrap();
    let over = || (instance.is_ready() || instance.shared().broken().is_some()).then_some(());
    wait_until("the rest to be taken", LIMIT, over).unwrap();
    assert_eq!(instance.stop(), Ok(()));
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared::new(Metrics::new().unwrap(), Health::new()))
}

fn topology() -> Topology {
    let stage = Stage {
        name: "sentiment-scorer",
        metrics: StageName::Score,
        leads: vec![Topic::Interactions],
        companions: Vec::new(),
        left_behind: Vec::new(),
        low_water: None,
        make: Arc::new(|_, _| Box::new(Idle)),
    };
    Topology { layout: "four", stages: vec![stage], table: None }
}

/// Starts a broker with the topics of `prefix`; its members are named, as those of a static instance are.
fn broker(prefix: &str, partitions: i32) -> (EmbeddedBroker, Config) {
    let broker = EmbeddedBroker::start().unwrap();
    let mut config = Config::new(broker.address().unwrap(), prefix);
    config.peers = Peers::Impossible;
    config.instance = Some("a".into());
    broker.create_topics(&config, &TopicPlan { partitions, ..TopicPlan::default() }).unwrap();
    (broker, config)
}

fn refuse(broker: &EmbeddedBroker, request: RDKafkaApiKey, refusal: Refusal) {
    broker.cluster().unwrap().request_errors(request, &[refusal]);
}

#[test]
fn a_consumer_closes_that_was_given_nothing_and_did_not_answer() {
    let (_broker, config) = broker("nothing", 1);
    let instance = Instance::start(config.clone(), topology(), shared()).unwrap();
    wait_until("the only partition to be taken", LIMIT, || instance.is_ready().then_some(())).unwrap();
    let second = Config { instance: Some("b".into()), ..config };
    let consumer: BaseConsumer<Context> =
        second.member("sentiment-scorer", "four", 0).create_with_context(Context).unwrap();
    let queue = Queue::of(&consumer).unwrap();
    consumer.subscribe(&[&second.topic(&Topic::Interactions)]).unwrap();
    let given = || match poll(&consumer, &queue, Duration::from_millis(10)) {
        Polled::Assigned(partitions) => Some(partitions.len()),
        _ => None,
    };
    assert_eq!(wait_until("an answer of the group", LIMIT, given), Ok(0));
    drop(queue);
    let closing = std::thread::spawn(move || {
        let_go(&consumer);
        drop(consumer);
    });
    wait_until("the consumer to close", LIMIT, || closing.is_finished().then_some(())).unwrap();
    instance.stop().unwrap();
}

#[test]
fn a_consumer_closes_whose_rebalance_was_answered_and_still_stands_in_its_queue() {
    let (_broker, config) = broker("answered", 1);
    let topic = config.topic(&Topic::Interactions);
    let closing = (0..8).map(|group| {
        let consumer: BaseConsumer<Context> =
            config.member(&format!("stage-{group}"), "four", 0).create_with_context(Context).unwrap();
        let queue = Queue::of(&consumer).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        let at_the_end = || match poll(&consumer, &queue, Duration::from_millis(10)) {
            Polled::Assigned(_) => {
                let mut partitions = TopicPartitionList::new();
                partitions.add_partition_offset(&topic, 0, Offset::Beginning).unwrap();
                consumer.incremental_assign(&partitions).unwrap();
                None
            }
            Polled::End(..) => Some(()),
            _ => None,
        };
        wait_until("the end of the partition", LIMIT, at_the_end).unwrap();
        consumer.unsubscribe();
        wait_until("a rebalance", LIMIT, || (!queue.is_empty()).then_some(())).unwrap();
        drop(queue);
        std::thread::spawn(move || {
            let_go(&consumer);
            drop(consumer);
        })
    });
    for closing in closing {
        wait_until("the consumer to close", LIMIT, || closing.is_finished().then_some(())).unwrap();
    }
}

#[test]
fn what_does_not_close_is_left_behind_and_said() {
    /// Closes once its other end is gone.
    struct Client(mpsc::Receiver<()>);
    impl Drop for Client {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    let (open, client) = mpsc::channel();
    assert!(drop_within(Duration::from_millis(20), Client(client)).is_err());
    drop(open);
    let (open, client) = mpsc::channel();
    drop(open);
    assert!(drop_within(LIMIT, Client(client)).is_ok());
}

#[test]
fn a_life_that_ends_while_partitions_are_given_makes_room_for_the_next() {
    let (broker, config) = broker("refused", 2);
    refuse(&broker, RDKafkaApiKey::OffsetFetch, Refusal::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    let instance = Instance::start(config, topology(), shared()).unwrap();
    wait_until("the second life to be ready", LIMIT, || instance.is_ready().then_some(())).unwrap();
    instance.stop().unwrap();
}

#[test]
fn a_thread_that_is_fenced_once_comes_back() {
    let (broker, config) = broker("fenced", 2);
    let instance = Instance::start(config, topology(), shared()).unwrap();
    wait_until("the first life to be ready", LIMIT, || instance.is_ready().then_some(())).unwrap();
    refuse(&broker, RDKafkaApiKey::Heartbeat, Refusal::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    wait_until("the end of the first life", LIMIT, || (!instance.is_ready()).then_some(())).unwrap();
    let back = || (instance.is_ready() || instance.shared().broken().is_some()).then_some(());
    wait_until("the second life to be ready", LIMIT, back).unwrap();
    assert_eq!(instance.stop(), Ok(()));
}

#[test]
fn a_thread_that_is_fenced_again_and_again_stops() {
    let (broker, config) = broker("fenced-off", 2);
    let instance = Instance::start(config, topology(), shared()).unwrap();
    let refusals = [Refusal::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID; 20];
    broker.cluster().unwrap().request_errors(RDKafkaApiKey::Heartbeat, &refusals);
    wait_until("the stop", LIMIT, || instance.shared().broken().is_some().then_some(())).unwrap();
    let why = instance.stop().unwrap_err();
    assert!(why.contains("another process runs with the same --instance"), "{why}");
}
