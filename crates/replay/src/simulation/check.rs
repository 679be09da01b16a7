//! The invariants of the protocol, over what a run has left behind.

use super::answers::{answered_in_time, offers_are_visible};
use super::cluster::TopicPartition;
use super::roles::Layout;
use super::world::{Committed, World};
use baton_pipeline::{Said, Stages};
use baton_records::{Body, Entry, Handoff, Id, LogRecord, Sla, Status, Timestamp};
use baton_stream::{Input, Outbox, Topic, wire};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Clocks of processes differ by this much at most.
const SKEW: Duration = Duration::from_millis(200);
/// After a disturbance everything has caught up within this.
const SETTLED: Duration = Duration::from_secs(60);

/// One invariant that fell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallen {
    /// Which, as the model names it.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// Checks a run that has ended.
pub fn check(world: &World) -> Vec<Fallen> {
    let mut fallen = Vec::new();
    let mut fall = |invariant: &'static str, what: String| fallen.push(Fallen { invariant, what });
    for broken in &world.broken {
        fall("broken", broken.clone());
    }
    for role in world.undrained() {
        fall("I8", format!("{role} has not read all"));
    }
    let logs = match logs(world) {
        Ok(logs) => logs,
        Err(what) => {
            fall("log", what);
            return fallen;
        }
    };
    order_of_log(&logs, &mut fall);
    every_record_once(world, &logs, &mut fall);
    behind_their_account(&logs, &mut fall);
    fold_equals_live(world, &logs, &mut fall);
    let handoffs = handoffs(world, &mut fall);
    revisions(&handoffs, &mut fall);
    nothing_early(&handoffs, &mut fall);
    deadlines_in_time(world, &handoffs, &mut fall);
    answered_in_time(world, &handoffs, &mut fall);
    offers_are_visible(world, &handoffs, &mut fall);
    fallen
}

pub(super) type Fall<'a> = &'a mut dyn FnMut(&'static str, String);

/// Reads the log of each partition.
pub(super) fn logs(world: &World) -> Result<BTreeMap<i32, Vec<LogRecord>>, String> {
    let mut logs = BTreeMap::new();
    for (at, partition) in world.cluster.partitions_of(&Topic::Interactions) {
        let mut log = Vec::new();
        for (offset, record) in partition.records().iter().enumerate() {
            let input = Input {
                topic: &at.0,
                partition: at.1,
                offset: offset as i64,
                timestamp: record.timestamp,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &record.headers,
            };
            log.push(wire::read_log_record(input).map_err(|r| format!("partition {} offset {offset}: {r}", at.1))?);
        }
        logs.insert(at.1, log);
    }
    Ok(logs)
}

/// I7: log time never falls; numbers have no gap.
fn order_of_log(logs: &BTreeMap<i32, Vec<LogRecord>>, fall: Fall<'_>) {
    for (partition, log) in logs {
        let mut time = Timestamp::MIN;
        for (index, record) in log.iter().enumerate() {
            if record.seq != index as u64 + 1 {
                fall("log", format!("partition {partition}: number {} stands at place {}", record.seq, index + 1));
                break;
            }
            if record.time < time {
                fall("I7", format!("partition {partition}: log time falls to {} at {}", record.time, record.seq));
            }
            time = time.max(record.time);
        }
    }
}

/// I1: each record of a source is exactly once in the log or in dead letters, unless nothing says whose it is.
fn every_record_once(world: &World, logs: &BTreeMap<i32, Vec<LogRecord>>, fall: Fall<'_>) {
    let mut seen: BTreeMap<(String, i32, i64), u32> = BTreeMap::new();
    for record in logs.values().flatten() {
        let Entry::Interaction(interaction) = &record.entry else { continue };
        if !matches!(interaction.body, Body::Assign { .. }) {
            let source = &interaction.source;
            *seen.entry((plain(&source.topic), source.partition, source.offset)).or_default() += 1;
        }
    }
    for (_, partition) in world.cluster.partitions_of(&Topic::DeadLetters) {
        for record in partition.records() {
            let header = |name: &str| {
                let header = record.headers.iter().rev().find(|h| h.name == name);
                header.map(|h| String::from_utf8_lossy(&h.value).into_owned()).unwrap_or_default()
            };
            // What *decide* refuses stands in the log already.
            if header("processor") != "router" {
                let number = |name: &str| header(name).parse::<i64>().unwrap_or(-1);
                *seen.entry((plain(&header("topic")), number("partition") as i32, number("offset"))).or_default() += 1;
            }
        }
    }
    for at in sources().into_iter().filter(|at| world.dropped.as_ref() != Some(at)) {
        let Some(partition) = world.cluster.partition(&at) else { continue };
        for (offset, record) in partition.records().iter().enumerate() {
            let count = seen.get(&(at.0.suffix().to_owned(), at.1, offset as i64)).copied().unwrap_or(0);
            let nobodys = !record.value.as_deref().is_some_and(|v| names_known_account(world, v));
            if count > 1 || (count == 0 && !nobodys) {
                fall("I1", format!("{} partition {} offset {offset}: {count} times", at.0.suffix(), at.1));
            }
        }
    }
}

/// X1: an event that an address resolved stands behind the record of the account that has the address.
fn behind_their_account(logs: &BTreeMap<i32, Vec<LogRecord>>, fall: Fall<'_>) {
    for log in logs.values() {
        let (mut known, mut tied) = (BTreeSet::new(), BTreeSet::new());
        for record in log {
            let Entry::Interaction(interaction) = &record.entry else { continue };
            match &interaction.body {
                Body::Account { .. } => {
                    known.insert(&interaction.account_id);
                }
                Body::Event { event, .. } => {
                    // A conversation that an earlier event tied to the account resolves it too.
                    let resolved = known.contains(&interaction.account_id) || !tied.insert(&event.conversation_id);
                    if event.identities.contains_key("email") && !resolved {
                        fall("X1", format!("{} stands before its account's record at {}", event.event_id, record.seq));
                    }
                }
                _ => {}
            }
        }
    }
}

fn plain(topic: &str) -> String {
    topic.strip_prefix("baton.").unwrap_or(topic).to_owned()
}

fn sources() -> Vec<TopicPartition> {
    let named = [Topic::Accounts, Topic::Lifecycle].map(|topic| (topic, 0));
    let chat = (0..2).map(|partition| (Topic::Source(Id::new_static("chat")), partition));
    named.into_iter().chain(chat).chain([(Topic::Source(Id::new_static("desk")), 0)]).collect()
}

/// Tells whether a record says whose it is: by an account, a handoff, an address of an account that has a record by now,
/// or because it cannot be read at all.
fn names_known_account(world: &World, value: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(value) else { return true };
    let Some(email) = value["identities"]["email"].as_str() else {
        return value.get("account_id").is_some()
            || value.get("handoff_id").is_some()
            || value.get("channel").is_none();
    };
    let account = email.split(['@', '.']).nth(1).unwrap_or_default().as_bytes();
    world
        .cluster
        .partition(&(Topic::Accounts, 0))
        .is_some_and(|p| p.records().iter().any(|r| r.key.as_deref() == Some(account)))
}

/// I2: a plain fold of the log gives what was written live, byte for byte.
fn fold_equals_live(world: &World, logs: &BTreeMap<i32, Vec<LogRecord>>, fall: Fall<'_>) {
    for (partition, log) in logs {
        let mut stages = Stages::new(*partition);
        let mut out = Outbox::default();
        for record in log {
            if let Err(broken) = stages.record(record, Said::default(), &mut out) {
                return fall("I2", format!("partition {partition}: the fold stops: {broken}"));
            }
        }
        for topic in [Topic::Handoffs, Topic::Decisions] {
            let folded: Vec<_> = out.records.iter().filter(|o| o.topic == topic).collect();
            let live: Vec<_> = (world.committed.iter())
                .filter(|c| c.output.topic == topic && c.partition == *partition)
                .map(|c| &c.output)
                .collect();
            let differs = (folded.iter().zip(&live)).position(|(a, b)| a != b);
            let place = differs.or_else(|| (folded.len() != live.len()).then(|| folded.len().min(live.len())));
            if let Some(place) = place {
                let text = |output: Option<&&baton_stream::Output>| {
                    output.and_then(|o| o.value.as_deref()).map(|v| String::from_utf8_lossy(v).into_owned())
                };
                fall(
                    "I2",
                    format!(
                        "partition {partition} {} {place}: fold {:?} live {:?}",
                        topic.suffix(),
                        text(folded.get(place)),
                        text(live.get(place))
                    ),
                );
            }
        }
    }
}

fn handoffs<'a>(world: &'a World, fall: Fall<'_>) -> Vec<(Handoff, &'a Committed)> {
    let mut handoffs = Vec::new();
    for committed in world.committed.iter().filter(|c| c.output.topic == Topic::Handoffs) {
        match committed.output.value.as_deref().map(serde_json::from_slice::<Handoff>) {
            Some(Ok(handoff)) => handoffs.push((handoff, committed)),
            other => fall("I6", format!("a handoff cannot be read: {other:?}")),
        }
    }
    handoffs
}

/// I6: revisions 1, 2, 3 …, `decided_at` never falls, one open handoff for a conversation.
fn revisions(handoffs: &[(Handoff, &Committed)], fall: Fall<'_>) {
    let mut last: BTreeMap<&Id, (u32, Timestamp)> = BTreeMap::new();
    let mut open: BTreeMap<(&Id, &Option<Id>), &Id> = BTreeMap::new();
    for (handoff, _) in handoffs {
        let (revision, at) = last.get(&handoff.handoff_id).copied().unwrap_or((0, Timestamp::MIN));
        if handoff.revision != revision + 1 || handoff.decided_at < at {
            let (id, is, when) = (&handoff.handoff_id, handoff.revision, handoff.decided_at);
            fall("I6", format!("{id}: revision {is} of {when} after revision {revision} of {at}"));
        }
        last.insert(&handoff.handoff_id, (handoff.revision, handoff.decided_at));
        let conversation = (&handoff.account_id, &handoff.conversation_id);
        let other =
            (handoff.status == Status::Opened).then(|| open.insert(conversation, &handoff.handoff_id)).flatten();
        if let Some(other) = other {
            fall("I6", format!("{} opened while {other} is open", handoff.handoff_id));
        }
        if handoff.close_reason.is_some() {
            open.remove(&conversation);
        }
    }
}

/// I7: nothing fires before its time.
fn nothing_early(handoffs: &[(Handoff, &Committed)], fall: Fall<'_>) {
    for (handoff, committed) in handoffs {
        if handoff.decided_at > committed.written.plus(SKEW) {
            let Handoff { handoff_id, revision, decided_at, .. } = handoff;
            fall(
                "I7",
                format!("{handoff_id} revision {revision}: decided at {decided_at}, written {}", committed.written),
            );
        }
    }
}

/// I4, I10: deadlines fire in time, unless something was done to the tasks just before.
fn deadlines_in_time(world: &World, handoffs: &[(Handoff, &Committed)], fall: Fall<'_>) {
    // Since when the deadlines of a handoff are what they are: a message that comes late may move them into the past.
    let mut since: BTreeMap<&Id, (&Sla, Timestamp)> = BTreeMap::new();
    let sla = BTreeSet::from([Status::AtRisk, Status::Breached]);
    for (handoff, committed) in handoffs {
        let (terms, known) = *since.entry(&handoff.handoff_id).or_insert((&handoff.sla, committed.written));
        if *terms != handoff.sla {
            since.insert(&handoff.handoff_id, (&handoff.sla, committed.written));
        }
        if !sla.contains(&handoff.status) {
            continue;
        }
        let due = handoff.decided_at;
        let late = committed.written.since(due);
        let bound = if committed.layout == Layout::One { 2_000 } else { 4_000 };
        let known = *terms == handoff.sla && known.plus(Duration::from_secs(1)) < due;
        let quiet = world.disturbed.iter().all(|(from, to)| to.plus(SETTLED) < due || *from > committed.written);
        if known && quiet && late > Duration::from_millis(bound) {
            let (id, status) = (&handoff.handoff_id, handoff.status);
            let invariant = if world.profile.history { "I10" } else { "I4" };
            fall(
                invariant,
                format!("{id} {status:?} of {due} came {} ms late in {:?}", late.as_millis(), committed.layout),
            );
        }
    }
}
