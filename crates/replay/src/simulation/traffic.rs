//! Producers, and a contact center that answers what is offered to its agents.

use super::cluster::partition_for;
use super::profile::Profile;
use super::world::{Committed, LIVE, START, World};
use baton_records::{Handoff, Id, Status, Timestamp};
use baton_stream::{Output, Topic};
use rand::Rng;
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: i64 = 3_600_000;
const YEARS: i64 = 5 * 365 * 24 * HOUR;

/// Accounts of a run; the last one has no record at first.
pub const ACCOUNTS: [&str; 4] = ["ada", "bo", "cy", "dee"];

/// What customers say; some of it calls for a human.
const WORDS: [&str; 6] = [
    "Can I talk to a real person, please?",
    "Where do I find the export?",
    "The system is down for all our users",
    "Your competitor does this out of the box.",
    "This is too complicated for us.",
    "Thanks, that helps.",
];

/// A record of a source on its way.
pub struct Produced {
    /// The record.
    pub output: Output,
}

/// A record, and when it is sent.
struct Send<'a> {
    topic: Topic,
    key: &'a str,
    /// The producer's clock.
    timestamp: i64,
    /// The true time.
    at: i64,
    value: Value,
}

/// Plans all that producers send by themselves.
pub fn plan(world: &mut World, policy: &str) {
    let start = START.millis();
    let version = policy_version(policy);
    send_text(world, Topic::Policies, &version, start + 1, policy);
    for (index, account) in ACCOUNTS.iter().enumerate() {
        let at = if index < 3 { start + 500 } else { start + world.rng.random_range(10_000..LIVE.as_millis() as i64) };
        account_record(world, account, at);
    }
    for agent in ["x", "y"] {
        agent_record(world, agent, "available", start + 600);
        let at = start + world.rng.random_range(10_000..LIVE.as_millis() as i64);
        let status = if world.rng.random_bool(0.5) { "away" } else { "available" };
        agent_record(world, agent, status, at);
    }
    let mut at = start + 1_000;
    let mut number = 0;
    while at < start + LIVE.as_millis() as i64 {
        at += world.rng.random_range(500..4_000);
        number += 1;
        event(world, number, at);
    }
    if world.profile.history {
        history(world, start + 60_000);
    }
    if let Some(outage) = world.profile.outage {
        for _ in 0..10 {
            let at = start + (LIVE + outage).as_millis() as i64;
            let at = world.rng.random_range(start + 60_000..at);
            number += 1;
            event(world, number, at);
        }
    }
}

fn policy_version(policy: &str) -> String {
    let line = policy.lines().find_map(|l| l.strip_prefix("version:")).unwrap_or_default();
    line.trim().trim_matches('"').to_owned()
}

fn send(world: &mut World, mut send: Send<'_>) {
    let (topic, key) = (send.topic, send.key.as_bytes().to_vec());
    let chat = topic == Topic::Source(Id::new_static("chat"));
    let partition = if chat { partition_for(&key, 2) } else { 0 };
    let mut output = Output {
        topic,
        partition: Some(partition),
        key: Some(key),
        value: Some(send.value.to_string().into_bytes()),
        timestamp: Some(Timestamp::from_millis(send.timestamp)),
        headers: Vec::new(),
    };
    if world.profile.orderly {
        send.at = in_turn(&output.topic, send.at);
        output.timestamp = Some(Timestamp::from_millis(send.at));
    }
    let delay = delay(&world.profile, world.rng.random_range(0.0..1.0), world.rng.random_range(0.0..1.0));
    world.produce_at(Timestamp::from_millis(send.at).plus(delay), Produced { output });
}

/// Returns the next moment at which records of a topic are sent when all have their turns.
fn in_turn(topic: &Topic, at: i64) -> i64 {
    let turn = match topic {
        Topic::Source(_) => 0,
        Topic::Lifecycle => 350,
        _ => 700,
    };
    (at - turn).div_euclid(1_000) * 1_000 + 1_000 + turn
}

fn send_text(world: &mut World, topic: Topic, key: &str, at: i64, text: &str) {
    let output = Output {
        topic,
        partition: Some(0),
        key: Some(key.into()),
        value: Some(text.into()),
        timestamp: Some(Timestamp::from_millis(at)),
        headers: Vec::new(),
    };
    world.produce_at(Timestamp::from_millis(at), Produced { output });
}

/// How long a record takes from its producer's clock to its partition.
fn delay(profile: &Profile, kind: f64, share: f64) -> Duration {
    let (least, most) = match (profile.disordered, kind < 0.1) {
        (false, _) => (0.0, 40.0),
        (true, false) => (0.0, 300.0),
        (true, true) => (1_000.0, 20_000.0),
    };
    Duration::from_millis((least + share * (most - least)) as u64)
}

fn account_record(world: &mut World, account: &str, at: i64) {
    let tier = if world.rng.random_bool(0.5) { "enterprise" } else { "standard" };
    let value = json!({"account_id": account, "tier": tier,
        "identities": [{"type": "email", "value": format!("pat@{account}.example")}]});
    send(world, Send { topic: Topic::Accounts, key: account, timestamp: at, at, value });
}

fn agent_record(world: &mut World, agent: &str, status: &str, at: i64) {
    let teams = ["tier1", "tier3", "senior_sales_engineer", "regional_sales_director"];
    let value = json!({"agent_id": agent, "teams": teams, "status": status, "capacity": 2});
    send(world, Send { topic: Topic::Agents, key: agent, timestamp: at, at, value });
}

fn event(world: &mut World, number: u32, at: i64) {
    let account = ACCOUNTS[world.rng.random_range(0..ACCOUNTS.len())];
    let conversation = format!("{account}-{}", world.rng.random_range(0..2));
    let mut value = json!({"event_id": format!("e{number}"), "occurred_at": Timestamp::from_millis(at),
        "channel": "chat", "conversation_id": conversation});
    let (topic, what) = content(world);
    extend(&mut value, what);
    match world.rng.random_range(0..20) {
        0..12 => extend(&mut value, json!({"account_id": account})),
        12..18 => extend(&mut value, json!({"identities": {"email": format!("Pat@{account}.example")}})),
        _ => {}
    }
    let wrong = world.profile.wrong_clocks && world.rng.random_bool(0.06);
    let ahead = if wrong { [20_000, HOUR / 2, YEARS][world.rng.random_range(0..3)] } else { 0 };
    let timestamp = at + ahead;
    if world.rng.random_bool(0.04) {
        let value = json!({"event_id": number});
        send(world, Send { topic: topic.clone(), key: account, timestamp: at, at, value });
    }
    if world.rng.random_bool(0.08) {
        let (value, again) = (value.clone(), at + world.rng.random_range(1..3_000));
        send(world, Send { topic: topic.clone(), key: account, timestamp, at: again, value });
    }
    send(world, Send { topic, key: account, timestamp, at, value });
}

fn content(world: &mut World) -> (Topic, Value) {
    let chat = Topic::Source(Id::new_static("chat"));
    let desk = Topic::Source(Id::new_static("desk"));
    let rng = &mut world.rng;
    match rng.random_range(0..20) {
        0..10 => {
            let text = WORDS[rng.random_range(0..WORDS.len())];
            (chat, json!({"type": "message", "actor": "customer", "contact_id": "c-1", "text": text}))
        }
        10..13 => {
            let confidence = f64::from(rng.random_range(0..100_u32)) / 100.0;
            let ai = json!({"confidence": confidence, "domain": "custom_api"});
            (chat, json!({"type": "message", "actor": "ai_agent", "text": "Please try this.", "ai": ai}))
        }
        13..16 => (desk, json!({"type": "message", "actor": "human_agent", "text": "I am looking into it."})),
        16 | 17 => {
            let request = json!({"action": "discount", "percent": rng.random_range(5..30)});
            (desk, json!({"type": "request", "actor": "customer", "request": request}))
        }
        18 => (desk, json!({"type": "order", "attributes": {"sku": "R-1"}})),
        _ => (desk, json!({"type": "ticket.opened", "actor": "customer", "text": "The export is slow."})),
    }
}

fn extend(value: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
        fields.extend(more);
    }
}

/// Years of old messages, all at once.
fn history(world: &mut World, at: i64) {
    for number in 0..500_i64 {
        let old = at - 3 * 365 * 24 * HOUR + number * 60_000;
        let account = ACCOUNTS[number as usize % 3];
        let value = json!({"event_id": format!("h{number}"), "occurred_at": Timestamp::from_millis(old), "channel": "chat",
            "type": "message", "actor": "customer", "account_id": account, "conversation_id": "old", "text": WORDS[0]});
        send(world, Send { topic: Topic::Source(Id::new_static("desk")), key: account, timestamp: old, at, value });
    }
}

/// What the contact center does about a revision.
pub fn answer(world: &mut World, committed: &Committed) {
    if committed.output.topic != Topic::Handoffs || world.now > world.offers_until {
        return;
    }
    let Some(handoff) = committed.output.value.as_deref().and_then(|v| serde_json::from_slice::<Handoff>(v).ok())
    else {
        return;
    };
    let Some(agent) = handoff.agent.as_ref().filter(|_| handoff.status == Status::Assigned) else { return };
    let agent = agent.agent_id.clone();
    let now = world.now.millis();
    let mut at = now + world.rng.random_range(1_000..50_000);
    match world.rng.random_range(0..20) {
        0 | 1 => return report(world, &handoff, "declined", &agent, at),
        2..5 => return,
        // An acceptance after the offer has lapsed.
        5 => at += 65_000,
        _ => {}
    }
    report(world, &handoff, "accepted", &agent, at);
    if handoff.approval.is_some() && world.rng.random_bool(0.6) {
        report(world, &handoff, "approval_granted", &agent, at + 2_000);
    }
    at += world.rng.random_range(1_000..30_000);
    report(world, &handoff, "first_response", &agent, at);
    at += world.rng.random_range(5_000..60_000);
    report(world, &handoff, "resolved", &agent, at);
}

fn report(world: &mut World, handoff: &Handoff, what: &str, agent: &str, at: i64) {
    let mut value =
        json!({"handoff_id": handoff.handoff_id, "type": what, "agent_id": agent, "at": Timestamp::from_millis(at)});
    if let Some(approval) = &handoff.approval {
        extend(&mut value, json!({"digest": approval.digest}));
    }
    send(world, Send { topic: Topic::Lifecycle, key: &handoff.handoff_id, timestamp: at, at, value });
}
