//! I9: a replay of the source records gives what live gave, when these arrived in the order of their timestamps, but for
//! what came of *assign*'s timers.

use super::check::{Fall, Fallen, logs};
use super::cluster::TopicPartition;
use super::partition::Stored;
use super::world::World;
use crate::{Options, Place, Replay, ReplayLine};
use baton_records::{Body, Entry, Handoff, Id, Interaction, LogRecord, Status, Timestamp};
use baton_stream::Topic;
use std::collections::BTreeMap;
use std::time::Duration;

/// A record that comes later than this, though nothing is done to anybody, waited for what says whose it is.
const TRANSIT: Duration = Duration::from_millis(300);

/// Revisions of an account, but for those that *assign*'s timers cause and what depends on how many these were.
type Core = Vec<(Id, Status, Timestamp, String)>;

/// Compares live with a replay of its sources; none when a record was clamped or came out of order, or a source was taken
/// out of the configuration.
pub fn check_sources(world: &World) -> Option<Vec<Fallen>> {
    let logs = logs(world).ok()?;
    let stored = sources(world);
    let in_order = logs.values().flatten().all(|record| came_in_order(record, &stored));
    if !in_order || world.dropped.is_some() {
        return None;
    }
    let mut fallen = Vec::new();
    let mut fall = |invariant: &'static str, what: String| fallen.push(Fallen { invariant, what });
    compare(world, &logs, &stored, &mut fall);
    Some(fallen)
}

type Sources<'w> = BTreeMap<TopicPartition, &'w [Stored]>;

fn sources(world: &World) -> Sources<'_> {
    let [chat, desk] = ["chat", "desk"].map(|name| Topic::Source(Id::new_static(name)));
    let topics = [Topic::Policies, Topic::Accounts, Topic::Agents, Topic::Lifecycle, chat, desk];
    let numbered = topics.into_iter().flat_map(|topic| (0..).map(move |number| (topic.clone(), number)).take(2));
    numbered.filter_map(|at| world.cluster.partition(&at).map(|p| (at, p.records()))).collect()
}

/// Tells whether a record of the log moved log time to the timestamp of its source record, or to what it waited for.
fn came_in_order(record: &LogRecord, sources: &Sources<'_>) -> bool {
    let Entry::Interaction(interaction) = &record.entry else { return true };
    let Some(timestamp) = timestamp_of(interaction, sources) else { return true };
    let may_wait = match &interaction.body {
        Body::Event { event, .. } => event.account_id.is_none(),
        Body::Ignored { .. } => true,
        _ => false,
    };
    let waited = may_wait && record.time > timestamp.plus(TRANSIT);
    waited || (record.time == interaction.arrival && record.time == timestamp)
}

/// Returns the timestamp of an interaction's source record; *assign*'s answers have none.
fn timestamp_of(interaction: &Interaction, sources: &Sources<'_>) -> Option<Timestamp> {
    if matches!(interaction.body, Body::Assign { .. }) {
        return None;
    }
    let source = &interaction.source;
    let at = sources.keys().find(|at| at.0.canonical() == source.topic && at.1 == source.partition)?;
    let offset = usize::try_from(source.offset).ok()?;
    sources.get(at)?.get(offset).map(|record| record.timestamp)
}

fn compare(world: &World, logs: &BTreeMap<i32, Vec<LogRecord>>, sources: &Sources<'_>, fall: Fall<'_>) {
    let live = world.committed.iter().filter(|c| c.output.topic == Topic::Handoffs);
    let mut live = cores(live.filter_map(|c| c.output.value.as_deref()));
    let replayed = match replay(logs, sources) {
        Ok(replayed) => replayed,
        Err(why) => return fall("I9", format!("the replay stops: {why}")),
    };
    let mut again = cores(replayed.iter().filter_map(|line| line.value.as_deref()));
    // A log that has ended fires nothing any more.
    let ends = ends(logs);
    for cores in [&mut live, &mut again] {
        for (account, core) in cores.iter_mut() {
            core.retain(|(_, _, at, _)| ends.get(account).is_some_and(|end| at <= end));
        }
        cores.retain(|_, core| !core.is_empty());
    }
    for account in live.keys().chain(again.keys()) {
        let (a, b) = (live.get(account), again.get(account));
        if a != b {
            let both = a.into_iter().flatten().zip(b.into_iter().flatten());
            let same = both.take_while(|(a, b)| a == b).count();
            let at = |core: Option<&Core>| core.and_then(|core| core.get(same)).cloned();
            return fall("I9", format!("{account}, after {same} alike: live {:?} replay {:?}", at(a), at(b)));
        }
    }
}

/// Returns the log time at which each account's log ends.
fn ends(logs: &BTreeMap<i32, Vec<LogRecord>>) -> BTreeMap<Id, Timestamp> {
    let mut ends = BTreeMap::new();
    for log in logs.values() {
        let Some(end) = log.last().map(|record| record.time) else { continue };
        for record in log {
            if let Entry::Interaction(interaction) = &record.entry {
                ends.insert(interaction.account_id.clone(), end);
            }
        }
    }
    ends
}

fn cores<'v>(values: impl Iterator<Item = &'v [u8]>) -> BTreeMap<Id, Core> {
    let mut cores = BTreeMap::<Id, Core>::new();
    for handoff in values.filter_map(|value| serde_json::from_slice::<Handoff>(value).ok()) {
        if matches!(handoff.status, Status::Assigned | Status::Overflowed) {
            continue;
        }
        let rest = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            handoff.priority, handoff.stage, handoff.sla, handoff.close_reason, handoff.reasons
        );
        cores.entry(handoff.account_id).or_default().push((
            handoff.handoff_id,
            handoff.status,
            handoff.decided_at,
            rest,
        ));
    }
    cores
}

/// Replays all records of the sources, in the order of their timestamps; those of one moment as they stand in the log.
fn replay(logs: &BTreeMap<i32, Vec<LogRecord>>, sources: &Sources<'_>) -> Result<Vec<ReplayLine>, String> {
    let mut places = BTreeMap::new();
    for (number, record) in logs.values().flat_map(|log| (0..).zip(log)) {
        if let Entry::Interaction(interaction) = &record.entry {
            let source = &interaction.source;
            places.insert((source.topic.clone(), source.partition, source.offset), number);
        }
    }
    let mut lines = Vec::new();
    for (at, records) in sources {
        for (offset, record) in (0_i64..).zip(records.iter()) {
            let place = places.get(&(at.0.canonical(), at.1, offset)).copied().unwrap_or(0_u64);
            let line = ReplayLine {
                topic: Id::from(at.0.name("baton")),
                partition: Some(at.1),
                key: record.key.clone(),
                timestamp: record.timestamp,
                value: record.value.clone(),
                headers: record.headers.clone(),
            };
            lines.push((record.timestamp, place, line));
        }
    }
    lines.sort_by_key(|(timestamp, place, _)| (*timestamp, *place));
    let until = logs.values().filter_map(|log| log.last()).map(|record| record.time).max();
    let options = Options { until, ..Options::default() };
    let mut replay = Replay::new(options).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    for (number, (_, _, line)) in (1..).zip(&lines) {
        replay.push(Place { file: 0, line: number }, line, &mut |line| out.push(line)).map_err(|e| e.to_string())?;
    }
    replay.finish(&mut |line| out.push(line)).map_err(|e| e.to_string())?;
    Ok(out)
}
