//! Drives tasks by hand: records in, outputs out, stores drained into a changelog and restored from it.

use baton_records::{Context, Id, LogRecord, LowWater, Passed, Payload, Source, Timestamp};
use baton_stream::{Counted, Input, Outbox, Output, Store, Task, Topic, wire};
use context_unifier::Directory;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

pub const SAAS: &str = include_str!("../../../../../deploy/policies/saas.yaml");

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A record of a source topic.
#[derive(Debug, Clone)]
pub struct Raw {
    pub topic: Topic,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: i64,
    pub key: Option<String>,
    pub value: Option<Vec<u8>>,
}

impl Raw {
    pub fn new(topic: Topic, offset: i64, timestamp: i64, key: &str, value: &Value) -> Self {
        let value = (!value.is_null()).then(|| match value {
            Value::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        });
        Self { topic, partition: 0, offset, timestamp, key: Some(key.to_owned()), value }
    }

    pub fn input(&self) -> Input<'_> {
        Input {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp: at(self.timestamp),
            key: self.key.as_deref().map(str::as_bytes),
            value: self.value.as_deref(),
            headers: &[],
        }
    }
}

pub fn chat() -> Topic {
    Topic::Source(Id::new_static("chat"))
}

pub fn shared() -> Arc<RwLock<Directory>> {
    Arc::default()
}

pub fn apply(directory: &RwLock<Directory>, raw: &Raw) {
    directory.write().unwrap().apply(raw.input());
}

/// Gives the ties that a task wrote to the directory, as the runtime does after a commit.
pub fn apply_ties(directory: &RwLock<Directory>, outputs: &[Output]) {
    for tie in outputs.iter().filter(|o| o.topic == Topic::Ties) {
        directory.write().unwrap().apply(Input {
            topic: &Topic::Ties,
            partition: 0,
            offset: 0,
            timestamp: at(0),
            key: tie.key.as_deref(),
            value: tie.value.as_deref(),
            headers: &[],
        });
    }
}

/// Reads an output again as the next stage would.
pub fn input_of(output: &Output) -> Input<'_> {
    Input {
        topic: &output.topic,
        partition: output.partition.unwrap_or(0),
        offset: 0,
        timestamp: output.timestamp.unwrap_or(at(0)),
        key: output.key.as_deref(),
        value: output.value.as_deref(),
        headers: &output.headers,
    }
}

pub fn passed_on(out: &Outbox) -> Vec<Passed> {
    out.records
        .iter()
        .filter(|o| o.topic == Topic::AccountRepartition)
        .filter_map(|o| match wire::read_account_repartition(input_of(o)).unwrap() {
            wire::FromIntake::Passed(passed) => Some(passed),
            wire::FromIntake::LowWater(_) => None,
        })
        .collect()
}

/// Reasons and fields of the dead letters, with their values.
pub fn dead_letters(out: &Outbox) -> Vec<(String, String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    out.records
        .iter()
        .filter(|o| o.topic == Topic::DeadLetters)
        .map(|o| {
            let input = input_of(o);
            let header = |name| input.header(name).map(text).unwrap_or_default();
            (header("reason"), header("field"), input.value.map(text).unwrap_or_default())
        })
        .collect()
}

pub fn contexts(out: &Outbox) -> Vec<(String, Option<Context>)> {
    out.records
        .iter()
        .filter(|o| o.topic == Topic::Contexts)
        .map(|o| {
            let key = String::from_utf8(o.key.clone().unwrap()).unwrap();
            (key, o.value.as_ref().map(|v| serde_json::from_slice(v).unwrap()))
        })
        .collect()
}

pub fn counted(out: &Outbox, what: Counted) -> usize {
    out.counted.iter().filter(|c| **c == what).count()
}

/// What a task leaves on Kafka.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Changelog(BTreeMap<(String, Vec<u8>), Vec<u8>>);

impl Changelog {
    pub fn drain(&mut self, stores: Vec<&mut dyn Store>) {
        for store in stores {
            let name = store.name().to_owned();
            store.drain(&mut |key, value| {
                let key = (name.clone(), key.to_vec());
                match value {
                    Some(value) => self.0.insert(key, value.to_vec()),
                    None => self.0.remove(&key),
                };
            });
        }
    }

    pub fn restore(&self, stores: Vec<&mut dyn Store>) {
        for store in stores {
            let name = store.name().to_owned();
            for ((_, key), value) in self.0.iter().filter(|((store, _), _)| *store == name) {
                store.restore(key, Some(value)).unwrap();
            }
        }
    }

    pub fn bytes(&self) -> usize {
        self.0.iter().map(|((_, key), value)| key.len() + value.len()).sum()
    }
}

pub fn process(task: &mut dyn Task, raw: &Raw, clock: i64) -> Outbox {
    let mut out = Outbox::default();
    task.process(raw.input(), at(clock), &mut out).unwrap();
    out
}

/// An event that a source knows the account of.
pub fn passed_event(account: &str, offset: i64, timestamp: i64, fields: &Value) -> Passed {
    let mut event = json!({
        "event_id": format!("e{offset}"), "occurred_at": at(timestamp), "channel": "chat", "type": "message"
    });
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    Passed {
        account_id: account.into(),
        source: Source { topic: "chat".into(), partition: 0, offset },
        timestamp: at(timestamp),
        history: false,
        needs: None,
        traceparent: None,
        payload: Payload::Event { event: Box::new(serde_json::from_value(event).unwrap()) },
    }
}

pub fn passed_account(account: &str, offset: i64, timestamp: i64, record: Option<Value>) -> Passed {
    Passed {
        source: Source { topic: "baton.accounts".into(), partition: 0, offset },
        payload: Payload::Account { account: record.map(|r| Box::new(serde_json::from_value(r).unwrap())) },
        ..passed_event(account, offset, timestamp, &json!({}))
    }
}

pub fn low_water(epoch: i64, sources: Option<&[&str]>, marks: &[(&str, i64)]) -> LowWater {
    LowWater {
        epoch,
        sources: sources.map(|all| all.iter().map(|s| Id::from(*s)).collect()),
        marks: marks.iter().map(|(s, at)| (Id::from(*s), *at)).collect(),
    }
}

pub fn times(log: &[LogRecord]) -> Vec<(u64, i64)> {
    log.iter().map(|r| (r.seq, r.time.millis())).collect()
}
