//! What must hold of what processes leave behind.

use super::{Site, patience};
use baton_test_support::{Isolation, TestRecord, wait_until};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::process::Command;

/// Topic (by its name under the prefix `baton`), partition and offset of an input.
type Place = (String, i64, i64);

/// Everything that one account was told, in order, by topic: time, bytes, trace context (empty for what a deadline caused).
type Told = BTreeMap<(String, String), Vec<(i64, String, String)>>;

/// Proves things of a site.
pub struct Proof<'a>(pub &'a Site);

/// Inputs whose fate was looked up.
#[derive(Debug, Default)]
pub struct Accounted {
    /// How many there are.
    pub inputs: usize,
    /// Those that are in the log.
    pub applied: usize,
    /// Those that are in the log as ignored.
    pub ignored: usize,
    /// Those in dead letters.
    pub dead_letters: usize,
    /// Changes of agents.
    pub agents: usize,
    /// Events that waited for their account when an erasure of their contact came: nothing is to be found of them.
    pub erased: usize,
    /// Those that are nowhere, and those that are there more than once.
    pub wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Line<'a> {
    topic: &'a str,
    key: String,
    timestamp: i64,
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Proof<'_> {
    /// Waits until every input has had its fate, each exactly one.
    pub fn every_input_once(&self) -> Accounted {
        let mut last = Accounted::default();
        let all = wait_until("every input to be accounted for", patience(), || {
            last = self.account();
            last.wrong.is_empty().then_some(())
        });
        assert!(
            all.is_ok(),
            "{} of {} inputs: {:#?}",
            last.wrong.len(),
            last.inputs,
            &last.wrong[..last.wrong.len().min(20)]
        );
        last
    }

    /// Looks up the fate of every input.
    fn account(&self) -> Accounted {
        let site = self.0;
        let mut found = Accounted::default();
        let mut fates: BTreeMap<Place, Vec<&'static str>> = BTreeMap::new();
        for record in site.read("interactions") {
            let Some(value) = record.value.as_deref().filter(|_| record.key.is_some()) else { continue };
            let value: serde_json::Value = serde_json::from_slice(value).unwrap();
            let source = &value["source"];
            let ignored = value["kind"] == "ignored";
            if value["kind"] != "assign" && source["topic"] != "baton.router.pool.repartition" {
                *(if ignored { &mut found.ignored } else { &mut found.applied }) += 1;
                let number = |name: &str| source[name].as_i64().unwrap();
                let place = (source["topic"].as_str().unwrap().to_owned(), number("partition"), number("offset"));
                fates.entry(place).or_default().push("log");
            }
        }
        for record in site.read("dead-letters") {
            // What *decide* refuses stands in the log already.
            if header(&record, "processor") != "router" {
                found.dead_letters += 1;
                let number = |name: &str| header(&record, name).parse().unwrap();
                let place = (header(&record, "topic"), number("partition"), number("offset"));
                fates.entry(place).or_default().push("dead letter");
            }
        }
        let mut agents = self.agent_changes();
        let erasures = self.erasures();
        for topic in ["chat", "desk", "accounts", "lifecycle", "agents"] {
            let (name, called) = match topic {
                "chat" | "desk" => (site.source(topic), site.source(topic)),
                _ => (site.topic(topic), format!("baton.{topic}")),
            };
            for record in site.client.read_all(&name, Isolation::ReadCommitted).unwrap() {
                found.inputs += 1;
                let place = (called.clone(), i64::from(record.partition.unwrap()), record.offset);
                let mut fate = fates.get(&place).cloned().unwrap_or_default();
                if topic == "agents" {
                    let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
                    // Several changes of one agent may have one millisecond: each takes one away.
                    if let Some(changes) = agents.get_mut(&(key, record.timestamp.unwrap())).filter(|n| **n > 0) {
                        *changes -= 1;
                        found.agents += 1;
                        fate.push("pool");
                    }
                }
                if fate.is_empty() && is_erased(&record, &erasures) {
                    found.erased += 1;
                    fate.push("erased");
                }
                if fate.len() != 1 {
                    found.wrong.push(format!("{place:?}: {fate:?}: {}", record.text()));
                }
            }
        }
        let doubled = agents.iter().filter(|(_, left)| **left > 0);
        found.wrong.extend(doubled.map(|(change, left)| format!("{change:?}: {left} times too often in the pool")));
        found
    }

    /// Returns the newest erasure of each contact.
    fn erasures(&self) -> BTreeMap<String, i64> {
        let records = self.0.client.read_all(&self.0.source("desk"), Isolation::ReadCommitted).unwrap();
        let erasures = records.iter().filter_map(|record| {
            let event = event_of(record).filter(|event| event["type"] == "erasure")?;
            Some((event["contact_id"].as_str()?.to_owned(), record.timestamp?))
        });
        erasures.collect()
    }

    fn agent_changes(&self) -> BTreeMap<(String, i64), usize> {
        let mut changes = BTreeMap::new();
        for record in self.0.read("router.pool.repartition") {
            let value: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap_or(b"null")).unwrap();
            if value["kind"] == "agent" {
                let at = baton_records::Timestamp::parse(value["at"].as_str().unwrap()).unwrap().millis();
                *changes.entry((value["agent_id"].as_str().unwrap().to_owned(), at)).or_default() += 1;
            }
        }
        changes
    }

    /// Captures the log, replays it, and waits until the handoffs and decisions on Kafka are the replay's, byte for byte.
    /// Whoever writes the log must have stopped. Returns how many records were compared.
    pub fn same_as_replay(&self) -> usize {
        let site = self.0;
        let log = site.path("log.jsonl");
        site.tool(&["capture"], &["--out", log.to_str().unwrap()]);
        let mut replay = Command::new(env!("CARGO_BIN_EXE_baton"));
        replay.args(["replay", "--emit", "baton.handoffs,baton.decisions"]).arg(&log);
        let output = replay.output().unwrap();
        assert!(output.status.success(), "replay: {}", String::from_utf8_lossy(&output.stderr));
        let replayed = told_by_replay(&String::from_utf8(output.stdout).unwrap());
        let mut live = Told::new();
        let same = wait_until("the replay's handoffs and decisions", patience(), || {
            live = self.told_live();
            (live == replayed).then_some(())
        });
        assert!(same.is_ok(), "live and replay differ: {}", first_difference(&live, &replayed));
        let traced = live.values().flatten().filter(|(.., trace)| !trace.is_empty()).count();
        assert!(traced > 0, "nothing carries the trace of the record that caused it");
        replayed.values().map(Vec::len).sum()
    }

    fn told_live(&self) -> Told {
        let mut told = Told::new();
        for topic in ["handoffs", "decisions"] {
            for record in self.0.read(topic) {
                let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
                let entry = told.entry((format!("baton.{topic}"), key)).or_default();
                entry.push((record.timestamp.unwrap(), record.text(), header(&record, "traceparent")));
            }
        }
        told
    }
}

fn event_of(record: &TestRecord) -> Option<serde_json::Value> {
    serde_json::from_slice(record.value.as_deref()?).ok()
}

/// Tells whether an event that names no account came before an erasure of its contact.
fn is_erased(record: &TestRecord, erasures: &BTreeMap<String, i64>) -> bool {
    let Some(event) = event_of(record).filter(|event| event["account_id"].is_null()) else { return false };
    event["contact_id"]
        .as_str()
        .and_then(|contact| erasures.get(contact))
        .is_some_and(|at| record.timestamp <= Some(*at))
}

fn told_by_replay(lines: &str) -> Told {
    let mut told = Told::new();
    for line in lines.lines() {
        let line: Line<'_> = serde_json::from_str(line).unwrap();
        let entry = told.entry((line.topic.to_owned(), line.key)).or_default();
        let trace = line.headers.get("traceparent").cloned().unwrap_or_default();
        entry.push((line.timestamp, line.value.get().to_owned(), trace));
    }
    told
}

fn first_difference(live: &Told, replayed: &Told) -> String {
    let empty = Vec::new();
    for place in live.keys().chain(replayed.keys()) {
        let (a, b) = (live.get(place).unwrap_or(&empty), replayed.get(place).unwrap_or(&empty));
        if let Some(at) = (0..a.len().max(b.len())).find(|i| a.get(*i) != b.get(*i)) {
            return format!("{place:?} record {at}:\nlive   {:?}\nreplay {:?}", a.get(at), b.get(at));
        }
    }
    "they do not differ any more".to_owned()
}

/// Returns a header as text, empty when there is none.
pub fn header(record: &TestRecord, name: &str) -> String {
    let found = record.headers.iter().rev().find(|(n, _)| n == name);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}
