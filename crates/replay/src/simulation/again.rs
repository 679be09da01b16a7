//! A replay of the sources gives what was decided live, when they arrived in the order of their timestamps.

use super::check::{Fall, sources};
use super::world::{Committed, World};
use crate::{Options, Place, Replay, ReplayLine};
use baton_records::{Body, Entry, Handoff, Id, LogRecord, Sla, Status, Timestamp};
use baton_stream::Topic;
use std::collections::BTreeMap;

/// What does not depend on when *assign*'s timers ran out.
type Core = (Id, Status, Timestamp, Sla, Vec<Id>);

/// I9: in a calm run.
pub(super) fn sources_give_the_same(
    world: &World,
    logs: &BTreeMap<i32, Vec<LogRecord>>,
    handoffs: &[(Handoff, &Committed)],
    fall: Fall<'_>,
) {
    let profile = &world.profile;
    let calm = profile.faults.is_empty() && profile.outage.is_none() && profile.layouts == 0 && !profile.history;
    if !calm || !in_order(world, logs) {
        return;
    }
    let live = by_account(handoffs.iter().map(|(handoff, _)| handoff));
    match replayed(world) {
        Err(what) => fall("I9", format!("the replay stops: {what}")),
        Ok(handoffs) => {
            let again = by_account(handoffs.iter());
            for (account, live) in &live {
                let again = again.get(account).map_or(&[][..], Vec::as_slice);
                if live != again {
                    let place = live.iter().zip(again).position(|(a, b)| a != b).unwrap_or(live.len().min(again.len()));
                    fall("I9", format!("{account} {place}: live {:?} replay {:?}", live.get(place), again.get(place)));
                }
            }
            if let Some(more) = again.keys().find(|account| !live.contains_key(*account)) {
                fall("I9", format!("the replay alone has handoffs of {more}"));
            }
        }
    }
}

/// Tells whether everything stands in the log with its source's own timestamp, or with that of the account's record that
/// it waited for.
fn in_order(world: &World, logs: &BTreeMap<i32, Vec<LogRecord>>) -> bool {
    logs.values().all(|log| {
        let mut claimed: BTreeMap<&Id, Timestamp> = BTreeMap::new();
        log.iter().all(|record| {
            let Entry::Interaction(interaction) = &record.entry else { return true };
            let source = &interaction.source;
            let at =
                sources().into_iter().find(|(topic, p)| topic.canonical() == source.topic && *p == source.partition);
            let stored =
                at.and_then(|at| world.cluster.partition(&at)?.records().get(usize::try_from(source.offset).ok()?));
            match &interaction.body {
                Body::Assign { .. } => true,
                Body::Account { .. } => {
                    claimed.insert(&interaction.account_id, record.time);
                    stored.is_some_and(|s| s.timestamp == record.time)
                }
                _ => stored.is_some_and(|s| {
                    s.timestamp == record.time || claimed.get(&interaction.account_id) == Some(&record.time)
                }),
            }
        })
    })
}

fn replayed(world: &World) -> Result<Vec<Handoff>, String> {
    let mut lines = Vec::new();
    for at in [Topic::Policies, Topic::Agents].map(|topic| (topic, 0)).into_iter().chain(sources()) {
        let records = world.cluster.partition(&at).map_or(&[][..], |p| p.records());
        lines.extend(records.iter().map(|record| {
            let line = ReplayLine {
                topic: Id::from(at.0.name("baton")),
                partition: Some(at.1),
                key: record.key.clone(),
                timestamp: record.timestamp,
                value: record.value.clone(),
                headers: record.headers.clone(),
            };
            (record.timestamp, record.written, line)
        }));
    }
    lines.sort_by_key(|(timestamp, written, _)| (*timestamp, *written));
    let until = Some(world.now);
    let mut replay = Replay::new(Options { until, ..Options::default() }).map_err(|e| e.to_string())?;
    let mut handoffs = Vec::new();
    let mut unreadable = None;
    let mut sink = |line: ReplayLine| match line.value.as_deref().map(serde_json::from_slice) {
        Some(Ok(handoff)) => handoffs.push(handoff),
        other => unreadable = Some(format!("{other:?}")),
    };
    for (number, (_, _, line)) in (1..).zip(&lines) {
        replay.push(Place { file: 0, line: number }, line, &mut sink).map_err(|e| e.to_string())?;
    }
    replay.finish(&mut sink).map_err(|e| e.to_string())?;
    unreadable.map_or(Ok(handoffs), Err)
}

fn by_account<'a>(handoffs: impl Iterator<Item = &'a Handoff>) -> BTreeMap<Id, Vec<Core>> {
    let mut all: BTreeMap<Id, Vec<Core>> = BTreeMap::new();
    for handoff in handoffs.filter(|h| !matches!(h.status, Status::Assigned | Status::Overflowed)) {
        let rules = handoff.reasons.iter().map(|r| r.rule.clone()).collect();
        let core = (handoff.handoff_id.clone(), handoff.status, handoff.decided_at, handoff.sla.clone(), rules);
        all.entry(handoff.account_id.clone()).or_default().push(core);
    }
    all
}
