//! What humans answer counts, and nobody's offer lapses that nobody could see.

use super::check::Fall;
use super::cluster::TopicPartition;
use super::partition::Stored;
use super::world::{Committed, World};
use baton_records::{AssignResult, Handoff, Id, Payload, PoolRecord, RequestState, Status, Timestamp};
use baton_stream::wire::{self, FromIntake};
use baton_stream::{Input, Topic};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What came so long before a deadline has reached every stage that its low water must wait for.
const ON_THE_WAY: Duration = Duration::from_millis(1_500);
/// How long an offer stands, by the policy of the simulation.
const OFFER: Duration = Duration::from_secs(60);
/// The longest time from what a task saw to its commit.
const SLOW: Duration = Duration::from_secs(15);
/// The longest time that a source cannot be read, and for which it may be passed over.
const STALLED: Duration = Duration::from_secs(60);

/// A record of a source, with what it says.
struct Said<'a> {
    at: &'a TopicPartition,
    offset: i64,
    record: &'a Stored,
    value: Value,
}

fn read<'a>(world: &'a World, topic: &'a Topic) -> Vec<Said<'a>> {
    let partitions = world.cluster.partitions_of(topic);
    let partitions = partitions.filter(|(at, _)| world.dropped.as_ref() != Some(*at));
    let all = partitions.flat_map(|(at, partition)| {
        partition.records().iter().enumerate().filter_map(move |(offset, record)| {
            let value = serde_json::from_slice(record.value.as_deref()?).ok()?;
            Some(Said { at, offset: offset as i64, record, value })
        })
    });
    all.collect()
}

/// Tells whether a source may have been passed over when a record came into it.
fn passed_over(world: &World, said: &Said<'_>) -> bool {
    world.passed_over.iter().any(|(at, when)| at == said.at && when.plus(STALLED) >= said.record.written)
}

/// Offsets of the reports that *decide* refused.
fn refused(world: &World) -> BTreeSet<i64> {
    let letters = world.cluster.partitions_of(&Topic::DeadLetters).flat_map(|(_, partition)| partition.records());
    let header = |record: &Stored, name: &str| {
        let header = record.headers.iter().rev().find(|h| h.name == name);
        header.map(|h| String::from_utf8_lossy(&h.value).into_owned()).unwrap_or_default()
    };
    let reports = letters.filter(|record| header(record, "topic").ends_with("lifecycle"));
    reports.filter_map(|record| header(record, "offset").parse().ok()).collect()
}

/// I3: nobody breaches a first response that stood in a source in time.
pub(super) fn answered_in_time(world: &World, handoffs: &[(Handoff, &Committed)], fall: Fall<'_>) {
    let [chat, desk] = ["chat", "desk"].map(|name| Topic::Source(Id::new_static(name)));
    let (asked, answered, reports) = (read(world, &chat), read(world, &desk), read(world, &Topic::Lifecycle));
    let refused = refused(world);
    for (handoff, _) in handoffs {
        let due = handoff.decided_at;
        if handoff.status != Status::Breached || handoff.sla.first_response_due != Some(due) {
            continue;
        }
        let allowed = Duration::from_secs(if handoff.sla.tier == "enterprise" { 40 } else { 90 });
        let since = due.minus(allowed);
        let here = |s: &&Said<'_>| {
            s.value["account_id"] == *handoff.account_id
                && s.value["conversation_id"].as_str() == handoff.conversation_id.as_deref()
        };
        // A message that came late, or whose clock was wrong, may move the deadline into the past.
        let opened = asked.iter().filter(here).any(|s| {
            s.value["actor"] == "customer"
                && s.record.timestamp == since
                && s.value["occurred_at"] == since.to_string()
                && s.record.written.since(since) <= ON_THE_WAY
        });
        let human = answered.iter().filter(here).filter(|s| s.value["actor"] == "human_agent");
        let human = human.filter(|s| s.value["type"] == "message");
        let reported = reports.iter().filter(|s| s.value["handoff_id"] == *handoff.handoff_id);
        let reported = reported.filter(|s| s.value["type"] == "first_response" && !refused.contains(&s.offset));
        let in_time = |s: &&Said<'_>| {
            (since.millis() + 1..due.millis()).contains(&s.record.timestamp.millis())
                && s.record.written.plus(ON_THE_WAY) <= due
                && !passed_over(world, s)
        };
        if let Some(answer) = human.chain(reported).find(|s| opened && in_time(s)) {
            let (id, offset) = (&handoff.handoff_id, answer.offset);
            fall("I3", format!("{id} breached at {due}, but {} {offset} answered it", answer.at.0.suffix()));
        }
    }
}

/// An answer of *assign*, and when it was committed.
struct Answer {
    result: AssignResult,
    written: Timestamp,
}

fn inputs<'a>(at: &'a TopicPartition, records: &'a [Stored]) -> impl Iterator<Item = (Input<'a>, Timestamp)> {
    records.iter().enumerate().map(|(offset, record)| {
        let input = Input {
            topic: &at.0,
            partition: at.1,
            offset: offset as i64,
            timestamp: record.timestamp,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &record.headers,
        };
        (input, record.written)
    })
}

/// The answers about each handoff, in order.
fn answers(world: &World) -> BTreeMap<Id, Vec<Answer>> {
    let mut answers: BTreeMap<Id, Vec<Answer>> = BTreeMap::new();
    for (at, partition) in world.cluster.partitions_of(&Topic::AccountRepartition) {
        for (input, written) in inputs(at, partition.records()) {
            let Ok(FromIntake::Passed(passed)) = wire::read_account_repartition(input) else { continue };
            let Payload::Assign { result } = passed.payload else { continue };
            let (AssignResult::Offered { handoff_id, .. }
            | AssignResult::Withdrawn { handoff_id, .. }
            | AssignResult::Overflowed { handoff_id, .. }) = &result;
            answers.entry(handoff_id.clone()).or_default().push(Answer { result, written });
        }
    }
    answers
}

/// Tells whether something other than its time ended an offer: what *decide* wants, or its agent, changed. Both may have
/// been read in the transaction that wrote the offer.
fn ended_otherwise(pool: &[(PoolRecord, Timestamp)], offer: &Answer, to: Timestamp) -> bool {
    let AssignResult::Offered { handoff_id, revision, agent_id, .. } = &offer.result else { return true };
    let about = |record: &PoolRecord| match record {
        PoolRecord::Request { request } if request.handoff_id == *handoff_id => Some(request.clone()),
        _ => None,
    };
    let asked = pool.iter().filter_map(|(record, _)| about(record)).rfind(|r| r.revision <= *revision);
    let near = |written: Timestamp| written.plus(SLOW) >= offer.written && written <= to;
    pool.iter().filter(|(_, written)| near(*written)).any(|(record, _)| match (record, about(record), &asked) {
        (PoolRecord::Agent { agent_id: changed, .. }, ..) => changed == agent_id,
        (_, Some(now), Some(asked)) => {
            now.state != RequestState::Queued
                || now.declined.contains(agent_id)
                || (now.revision > *revision && (&now.team, &now.requirements) != (&asked.team, &asked.requirements))
        }
        _ => false,
    })
}

/// I5: an offer lapses only after *assign* was up for its time while everybody could see it, and not when it had been
/// accepted by then.
pub(super) fn offers_are_visible(world: &World, handoffs: &[(Handoff, &Committed)], fall: Fall<'_>) {
    let reports = read(world, &Topic::Lifecycle);
    let refused = refused(world);
    let pools = world.cluster.partitions_of(&Topic::PoolRepartition);
    let pool = pools.flat_map(|(at, partition)| inputs(at, partition.records()));
    let pool: Vec<_> = pool.filter_map(|(i, written)| Some((wire::read_pool_record(i).ok()?, written))).collect();
    for (handoff, answers) in answers(world) {
        for pair in answers.windows(2) {
            let [offer, next] = pair else { continue };
            let AssignResult::Offered { agent_id: agent, number, .. } = &offer.result else { continue };
            let from = offer.written;
            let to = next.written;
            let ends = !matches!(next.result, AssignResult::Overflowed { .. });
            if !ends || ended_otherwise(&pool, offer, to) {
                continue;
            }
            let shows = |(h, c): &&(Handoff, &Committed)| {
                h.handoff_id == handoff
                    && c.written >= from
                    && c.written <= to
                    && h.agent.as_ref().is_some_and(|a| a.agent_id == *agent)
            };
            let Some(shown) = handoffs.iter().find(shows).map(|(_, c)| c.written) else {
                fall("I5", format!("offer {number} of {handoff} lapsed at {to} and was never visible"));
                continue;
            };
            let spans = world.assign_up.iter();
            let up: Duration = spans.map(|(a, b)| b.unwrap_or(to).min(to).since((*a).max(shown))).sum();
            if up + Duration::from_secs(4) < OFFER {
                fall("I5", format!("offer {number} of {handoff} lapsed at {to}, visible for {} ms", up.as_millis()));
            }
            let accepted =
                reports.iter().filter(|s| s.value["handoff_id"] == *handoff && s.value["type"] == "accepted");
            let accepted = accepted.filter(|s| s.value["agent_id"] == **agent && !refused.contains(&s.offset));
            let in_time = |s: &&Said<'_>| {
                let at = s.record.written;
                at > shown && at.plus(SLOW) < to && at.plus(Duration::from_secs(3)) < shown.plus(OFFER)
            };
            if let Some(report) = accepted.filter(|s| !passed_over(world, s)).find(in_time) {
                fall("I5", format!("offer {number} of {handoff} lapsed at {to}, but report {} took it", report.offset));
            }
        }
    }
}
