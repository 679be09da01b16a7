//! Both tasks together, over topics in memory and by the shipped policy: from a message in the log to a handoff with an
//! agent, with and without a restart of both tasks at every step.

use crate::{AssignConfig, AssignTask, DecideConfig, DecideTask, Pace};
use baton_records::{
    AssignResult, Entry, Handoff, Id, Interaction, LogRecord, Payload, PoolRecord, Signal, Status, Timestamp,
};
use baton_stream::wire::{self, FromIntake};
use baton_stream::{Input, Outbox, Output, Progress, Task, Topic};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

const POLICY: &str = include_str!("../../../../deploy/policies/saas.yaml");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restarts {
    Never,
    /// In the middle of what is read, and at its end.
    Always,
}

/// A task with the topics that it reads, how far it has got, and its changelog.
struct Station<T> {
    task: T,
    make: fn() -> T,
    inputs: Vec<(Topic, Vec<Output>, usize)>,
    changelog: BTreeMap<(&'static str, Vec<u8>), Option<Vec<u8>>>,
}

impl<T: Task> Station<T> {
    fn new(make: fn() -> T, topics: &[Topic]) -> Self {
        let inputs = topics.iter().map(|topic| (topic.clone(), Vec::new(), 0)).collect();
        Self { task: make(), make, inputs, changelog: BTreeMap::new() }
    }

    fn put(&mut self, record: Output) {
        let (_, records, _) = self.inputs.iter_mut().find(|(topic, ..)| *topic == record.topic).unwrap();
        records.push(record);
    }

    /// Takes all that was not read yet.
    fn run(&mut self, clock: Timestamp, restarts: Restarts, out: &mut Outbox) {
        let mut restarted = restarts == Restarts::Never;
        loop {
            let mut idle = true;
            for index in 0..self.inputs.len() {
                let (topic, records, next) = &mut self.inputs[index];
                let Some(record) = records.get(*next) else { continue };
                assert!(!self.task.is_full(topic));
                let input = Input {
                    topic,
                    partition: 0,
                    offset: *next as i64,
                    timestamp: record.timestamp.unwrap_or(clock),
                    key: record.key.as_deref(),
                    value: record.value.as_deref(),
                    headers: &record.headers,
                };
                self.task.process(input, clock, out).unwrap();
                *next += 1;
                idle = false;
                if !std::mem::replace(&mut restarted, true) {
                    self.restart();
                }
            }
            if idle {
                break;
            }
        }
        let reached = Some(clock);
        self.task.punctuate(Progress { clock, unread: None, reached, heard: clock }, out).unwrap();
        if restarts == Restarts::Always {
            self.restart();
        }
    }

    /// Commits, throws the task away and makes it anew of its changelog.
    fn restart(&mut self) {
        for store in self.task.stores() {
            let name = store.name();
            store.drain(&mut |key, value| {
                self.changelog.insert((name, key.to_vec()), value.map(<[u8]>::to_vec));
            });
        }
        for (topic, _, next) in &mut self.inputs {
            *next = self.task.needed_from(topic).map_or(*next, |offset| offset as usize);
        }
        self.task = (self.make)();
        for store in self.task.stores() {
            for ((name, key), value) in &self.changelog {
                if *name == store.name() {
                    store.restore(key, value.as_deref()).unwrap();
                }
            }
        }
    }
}

fn decide() -> DecideTask {
    DecideTask::new(DecideConfig { partition: 0, account_partitions: 1, pool_partitions: 1 })
}

fn assign() -> AssignTask {
    AssignTask::new(AssignConfig { partition: 0, pace: Pace::Records })
}

struct Way {
    decide: Station<DecideTask>,
    assign: Station<AssignTask>,
    restarts: Restarts,
    now: Timestamp,
    seq: u64,
    answers: VecDeque<(Timestamp, AssignResult)>,
    handoffs: Vec<Handoff>,
}

impl Way {
    fn new(restarts: Restarts) -> Self {
        let mut way = Self {
            decide: Station::new(decide, &[Topic::Interactions, Topic::Signals]),
            assign: Station::new(assign, &[Topic::PoolRepartition]),
            restarts,
            now: Timestamp::parse("2026-03-02T10:00:00Z").unwrap(),
            seq: 0,
            answers: VecDeque::new(),
            handoffs: Vec::new(),
        };
        let (version, text) = (Id::new_static("saas@1"), Id::from(POLICY));
        way.assign.put(wire::pool_policy(version.clone(), text.clone(), 0));
        way.log(Entry::Policy { version, text }, &[]);
        way.record("account", json!({"account": {"account_id": "acme", "tier": "enterprise"}}), &[]);
        way
    }

    /// Writes a record of the log with its signals and both progress marks, and lets both tasks run.
    fn log(&mut self, entry: Entry, signals: &[Signal]) {
        self.seq += 1;
        self.decide.put(wire::log_record(&LogRecord { seq: self.seq, time: self.now, entry }, 0));
        for signal in signals {
            self.decide.put(wire::signal(signal, self.seq, None, 0));
        }
        self.decide.put(wire::progress_mark("detector", self.seq, 0));
        self.decide.put(wire::progress_mark("scorer", self.seq, 0));
        self.run();
    }

    fn run(&mut self) {
        let mut out = Outbox::default();
        self.decide.run(self.now, self.restarts, &mut out);
        for record in out.records {
            match record.topic {
                Topic::PoolRepartition => self.assign.put(record),
                Topic::Handoffs => self.handoffs.push(serde_json::from_slice(&record.value.unwrap()).unwrap()),
                Topic::Decisions => {}
                other => panic!("nothing goes to {other:?}"),
            }
        }
        let mut out = Outbox::default();
        self.assign.run(self.now, self.restarts, &mut out);
        for record in &out.records {
            let topic = &Topic::AccountRepartition;
            let (key, value, headers) = (record.key.as_deref(), record.value.as_deref(), &record.headers[..]);
            let input = Input { topic, partition: 0, offset: 0, timestamp: self.now, key, value, headers };
            let FromIntake::Passed(passed) = wire::read_account_repartition(input).unwrap() else { panic!("no mark") };
            assert_eq!(passed.account_id, "acme");
            let Payload::Assign { result } = passed.payload else { panic!("an answer") };
            self.answers.push_back((passed.timestamp, result));
        }
    }

    fn record(&mut self, kind: &str, body: Value, signals: &[Signal]) {
        let mut value = json!({
            "account_id": "acme", "arrival": self.now, "kind": kind,
            "source": {"topic": "chat", "partition": 0, "offset": self.seq},
        });
        value.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let interaction: Interaction = serde_json::from_value(value).unwrap();
        self.log(Entry::Interaction(Box::new(interaction)), signals);
    }

    /// A customer says something with this cue in it.
    fn says(&mut self, event_id: &str, cue: &str, kind: &str, sentence: u32) {
        let event = json!({
            "event_id": event_id, "occurred_at": self.now, "channel": "chat", "type": "message", "account_id": "acme",
            "conversation_id": "conv-1", "actor": "customer", "text": "nothing that is looked at here",
        });
        let signal = json!({
            "signal_id": format!("{event_id}-{cue}"), "account_id": "acme", "kind": kind, "name": cue, "score": 0.9,
            "value": 0.9, "threshold": 0.7, "sentence": sentence, "event_id": event_id, "evidence": [event_id],
            "at": self.now,
        });
        let signal = serde_json::from_value(signal).unwrap();
        self.record("event", json!({"event": event, "conversation": "conv-1"}), &[signal]);
    }

    fn reports(&mut self, what: &str, agent_id: &str) {
        let handoff_id = &self.handoffs.last().unwrap().handoff_id;
        let lifecycle = json!({"handoff_id": handoff_id, "type": what, "agent_id": agent_id, "at": self.now});
        let received = json!({"value": lifecycle.to_string()});
        self.record("lifecycle", json!({"lifecycle": lifecycle, "received": received}), &[]);
    }

    fn agent(&mut self, agent_id: &str, team: &str, status: &str) {
        let agent = json!({"agent_id": agent_id, "teams": [team], "status": status});
        let agent = serde_json::from_value(agent).unwrap();
        let record = PoolRecord::Agent { agent_id: agent_id.into(), agent: Some(agent), at: self.now };
        self.assign.put(wire::pool_record(&record, "all"));
        self.run();
    }

    /// What *assign* answered reaches the log.
    fn deliver(&mut self) {
        while let Some((at, result)) = self.answers.pop_front() {
            let body = json!({"result": result, "arrival": at});
            self.record("assign", body, &[]);
        }
    }

    /// Time passes, one mark of the log a second.
    fn pass(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.now = Timestamp::from_millis(self.now.millis() + 1_000);
            self.log(Entry::Mark, &[]);
            self.deliver();
        }
    }

    fn told(&self) -> Vec<String> {
        self.handoffs.iter().map(told).collect()
    }
}

fn told(handoff: &Handoff) -> String {
    let status = match handoff.status {
        Status::Opened => "opened",
        Status::Assigned => "assigned",
        Status::Updated => "updated",
        Status::Overflowed => "overflowed",
        Status::AtRisk => "at_risk",
        _ => "other",
    };
    let agent = handoff.agent.as_ref().map_or("nobody", |agent| agent.agent_id.as_str());
    let seconds = handoff.decided_at.millis() / 1_000 % 3_600;
    format!("{} {status} {} {agent} @{seconds}", handoff.revision, handoff.team)
}

fn check(story: impl Fn(&mut Way), expected: &[&str]) {
    for restarts in [Restarts::Never, Restarts::Always] {
        let mut way = Way::new(restarts);
        story(&mut way);
        assert_eq!(way.told(), expected, "{restarts:?}");
    }
}

#[test]
fn with_an_agent_free_it_is_assigned_at_once() {
    check(
        |way| {
            way.agent("a-7", "tier3", "available");
            way.says("e1", "outage", "urgency", 0);
            way.deliver();
            way.reports("accepted", "a-7");
            way.pass(70);
        },
        &["1 opened tier3 nobody @0", "2 assigned tier3 a-7 @0", "3 updated tier3 a-7 @0"],
    );
}

#[test]
fn an_offer_lapses_to_the_next_and_then_to_the_secondary_team() {
    check(
        |way| {
            way.agent("a-1", "tier3", "available");
            way.agent("a-2", "tier3", "available");
            way.says("e1", "outage", "urgency", 0);
            way.deliver();
            way.pass(130);
            way.agent("a-3", "tier3_secondary", "available");
            way.deliver();
            assert!(
                way.handoffs
                    .iter()
                    .all(|handoff| handoff.revision < 4 || handoff.notify.contains(&"support_management".into()))
            );
        },
        &[
            "1 opened tier3 nobody @0",
            "2 assigned tier3 a-1 @0",
            "3 assigned tier3 a-2 @60",
            "4 overflowed tier3_secondary nobody @120",
            "5 assigned tier3_secondary a-3 @130",
        ],
    );
}

#[test]
fn nobody_free_for_a_minute_overflows_at_its_end() {
    check(
        |way| {
            way.agent("a-1", "tier3", "away");
            way.says("e1", "outage", "urgency", 0);
            way.deliver();
            way.pass(59);
            assert_eq!(way.handoffs.len(), 1);
            way.pass(1);
        },
        &["1 opened tier3 nobody @0", "2 overflowed tier3_secondary nobody @60"],
    );
}

#[test]
fn an_offer_on_its_way_survives_a_new_reason() {
    check(
        |way| {
            way.agent("a-1", "tier3", "available");
            way.says("e1", "outage", "urgency", 0);
            way.says("e2", "asks_human", "intent", 0);
            way.deliver();
        },
        &["1 opened tier3 nobody @0", "2 updated tier3 nobody @0", "3 assigned tier3 a-1 @0"],
    );
}

#[test]
fn an_overflow_on_its_way_gives_way_to_an_acceptance() {
    check(
        |way| {
            way.agent("a-1", "tier3", "available");
            way.says("e1", "outage", "urgency", 0);
            way.deliver();
            way.pass(59);
            way.now = way.now.plus(std::time::Duration::from_secs(1));
            way.log(Entry::Mark, &[]);
            assert_eq!(way.answers.len(), 1);
            way.reports("accepted", "a-1");
            way.deliver();
            way.pass(61);
        },
        &["1 opened tier3 nobody @0", "2 assigned tier3 a-1 @0", "3 updated tier3 a-1 @60"],
    );
}

#[test]
fn who_declines_is_passed_over_and_a_later_round_is_counted_anew() {
    check(
        |way| {
            way.agent("a-1", "tier3", "available");
            way.says("e1", "outage", "urgency", 0);
            way.deliver();
            way.agent("a-2", "tier3", "available");
            way.reports("declined", "a-1");
            way.deliver();
            way.reports("accepted", "a-2");
            way.reports("returned", "a-2");
            way.pass(1);
            // The AI has it again, until a new reason comes.
            way.says("e2", "asks_human", "intent", 0);
            way.deliver();
        },
        &[
            "1 opened tier3 nobody @0",
            "2 assigned tier3 a-1 @0",
            "3 assigned tier3 a-2 @0",
            "4 updated tier3 a-2 @0",
            "5 updated tier3 nobody @0",
            "6 updated tier3 nobody @1",
            "7 assigned tier3 a-2 @1",
        ],
    );
}
