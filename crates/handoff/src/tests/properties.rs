//! What must hold of any log.

use super::{Driver, Line, policy};
use baton_policy::Policy;
use baton_records::{Actor, Handoff, Id, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const START_MS: i64 = 1_772_445_600_000;

/// One event by small numbers, so that failing cases shrink well.
#[derive(Debug, Clone)]
struct Small {
    kind: u8,
    conversation: u8,
    cues: Vec<u8>,
    /// Milliseconds after the event before it.
    gap: i64,
    /// Milliseconds until it arrives.
    delay: i64,
}

fn small(delay: i64) -> impl Strategy<Value = Small> {
    let cues = prop::collection::vec(0..12_u8, 0..3);
    (0..17_u8, 0..3_u8, cues, 0..4_000_i64, 0..=delay).prop_map(|(kind, conversation, cues, gap, delay)| Small {
        kind,
        conversation,
        cues,
        gap,
        delay,
    })
}

const CUES: [&str; 8] =
    ["frustration", "competitor", "urgency", "distress", "outage", "asks_human", "integration", "partner"];

fn line(i: usize, small: &Small, occurred: i64) -> Line {
    let (actor, event_type, extra) = match small.kind {
        0..=6 => ("customer", "message", json!({})),
        7 => ("customer", "message", json!({"subject": "xr-9"})),
        8 => ("human_agent", "message", json!({})),
        9 => ("ai_agent", "message", json!({"ai": {"confidence": 0.2, "domain": "custom_api"}})),
        10 => ("ai_agent", "message", json!({"ai": {"confidence": 0.9, "domain": "billing"}})),
        11 => ("human_agent", "request", json!({"request": {"action": "discount", "percent": 20 + i % 3}})),
        12 => ("human_agent", "request", json!({"request": {"action": "order_change", "changes": ["material"]}})),
        13 => ("system", "order", json!({"channel": "crm", "quantity": 3})),
        14 => ("system", "feature.used", json!({"channel": "usage", "attributes": {"feature": "advanced_analytics"}})),
        15 => ("ai_agent", "message", json!({"ai": {"confidence": 0.3}})),
        _ => ("customer", "call", json!({"channel": "phone", "contact_id": "c-2"})),
    };
    let mut event = json!({
        "event_id": format!("e{i:03}"), "occurred_at": Timestamp::from_millis(occurred).to_string(), "channel": "chat",
        "type": event_type, "actor": actor, "text": format!("Words of event {i}."), "contact_id": "c-1",
    });
    for (name, value) in extra.as_object().unwrap() {
        event[name] = value.clone();
    }
    // Sources without conversation would join whichever handoff opened last, which is not a matter of this property.
    event["conversation_id"] = json!(format!("conv-{}", small.conversation));
    let cues: Vec<String> = match event["actor"].as_str() {
        Some("customer") => {
            small.cues.iter().enumerate().filter_map(|(s, c)| Some(format!("{}@{s}", CUES.get(*c as usize)?))).collect()
        }
        _ => Vec::new(),
    };
    serde_json::from_value(json!({
        "at": Timestamp::from_millis(occurred + small.delay).to_string(), "event": event, "cues": cues,
    }))
    .unwrap()
}

fn lines(smalls: &[Small]) -> Vec<Line> {
    let mut occurred = START_MS;
    let each = smalls.iter().enumerate().map(|(i, s)| {
        occurred += s.gap;
        line(i, s, occurred)
    });
    let mut all: Vec<Line> = each.collect();
    all.sort_by_key(|l| l.at);
    all
}

/// Without the delay of messages that part two cues of a rule with a window: what fired stays, so that such a message does
/// so only when it came before the second.
fn plain_at_once(smalls: &[Small]) -> Vec<Line> {
    let policy = policy::policy();
    let windows: Vec<_> = policy.sentiment.rules.iter().filter(|rule| rule.within_turns > 1).collect();
    let mut all = lines(smalls);
    for line in &mut all {
        let cues: Vec<&str> = line.cues.iter().filter_map(|cue| cue.split('@').next()).collect();
        let counts =
            |rule: &&baton_policy::CueRule| rule.groups.iter().flatten().any(|cue| cues.contains(&cue.as_str()));
        let parts = line.event.as_ref().filter(|e| e.actor == Some(Actor::Customer) && !windows.iter().all(counts));
        line.at = parts.map(|e| e.occurred_at).or(line.at);
    }
    all.sort_by_key(|l| l.at);
    all
}

/// The policy, but that its windows hold whole conversations.
fn without_windows() -> Policy {
    let mut policy = policy::policy();
    policy.sentiment.rules.iter_mut().filter(|r| r.within_turns > 1).for_each(|r| r.within_turns = 64);
    policy
}

/// The last revision of each handoff, without what may differ between two orders of arrival.
fn last(driver: &Driver) -> BTreeMap<Option<Id>, Value> {
    let mut last = BTreeMap::new();
    for handoff in driver.handoffs() {
        let conversation = handoff.conversation_id.clone();
        let mut value = serde_json::to_value(&handoff).unwrap();
        let fields = value.as_object_mut().unwrap();
        for free in ["handoff_id", "revision", "decided_at", "status"] {
            fields.remove(free);
        }
        last.insert(conversation, value);
    }
    last
}

fn run(lines: &[Line]) -> Driver {
    drive(Driver::new(), lines)
}

fn drive(mut driver: Driver, lines: &[Line]) -> Driver {
    for line in lines {
        driver.feed(line);
    }
    driver
}

/// A report about the account's only open handoff, if there is one.
fn report(kind: u8, at: Timestamp) -> Line {
    let kinds = ["accepted", "declined", "offered", "returned", "transferred", "resolved", "dismissed", "confirmed"];
    let kind = kinds.get(kind as usize % kinds.len()).unwrap();
    serde_json::from_value(json!({"at": at.to_string(), "teams": ["tier1"], "lifecycle": {
        "type": kind, "account_id": "acme", "agent_id": "a-1", "at": at.to_string()}}))
    .unwrap()
}

fn with_reports(smalls: &[Small]) -> Vec<Line> {
    let mut all = Vec::new();
    for (small, line) in smalls.iter().zip(lines(smalls)) {
        let at = line.at.unwrap();
        all.push(line);
        if small.gap % 5 == 0 {
            all.push(report(small.kind, at));
        }
        if small.gap % 11 == 0 {
            let later = Timestamp::from_millis(at.millis() + small.gap * 60_000 / 10);
            all.push(serde_json::from_value(json!({"at": later.to_string()})).unwrap());
        }
    }
    all
}

fn invariants(handoffs: &[Handoff]) {
    let mut newest: BTreeMap<&Id, &Handoff> = BTreeMap::new();
    for handoff in handoffs {
        let before = newest.insert(&handoff.handoff_id, handoff);
        assert_eq!(handoff.revision, before.map_or(1, |b| b.revision + 1));
        assert!(handoff.dossier.summary.chars().count() <= 1_200 && handoff.dossier.brief.len() <= 1_024);
        assert!(handoff.dossier.facts.len() <= 100);
        for evidence in handoff.reasons.iter().flat_map(|r| &r.evidence) {
            assert!(handoff.dossier.facts.iter().any(|f| f.event_id == *evidence), "{evidence} is no fact");
        }
        let Some(before) = before else { continue };
        assert!(before.close_reason.is_none(), "a revision after closing");
        assert!(handoff.decided_at >= before.decided_at && handoff.priority >= before.priority);
        assert!(handoff.epoch >= before.epoch);
        assert!(before.notify.iter().all(|n| handoff.notify.contains(n)));
    }
    let mut open: BTreeMap<&Option<Id>, &Id> = BTreeMap::new();
    for handoff in handoffs {
        if handoff.close_reason.is_some() {
            open.remove(&handoff.conversation_id);
        } else {
            let other = open.insert(&handoff.conversation_id, &handoff.handoff_id);
            assert!(other.is_none_or(|id| *id == handoff.handoff_id), "two open handoffs of one conversation");
        }
    }
}

proptest! {
    #[test]
    fn order_within_the_bound_changes_no_last_revision(
        smalls in prop::collection::vec(small(2_400), 1..24), delays in prop::collection::vec(0..2_400_i64, 24),
    ) {
        let other: Vec<Small> =
            smalls.iter().zip(&delays).map(|(s, d)| Small { delay: *d, ..s.clone() }).collect();
        let windows = [&smalls, &other].map(|s| last(&run(&plain_at_once(s))));
        let none = [&smalls, &other].map(|s| last(&drive(Driver::with(without_windows), &lines(s))));
        for [one, two] in [windows, none] {
            for (conversation, handoff) in &one {
                if let Some(same) = two.get(conversation) {
                    prop_assert_eq!(handoff, same, "{:?}", conversation);
                }
            }
        }
    }

    #[test]
    fn restored_stores_go_on_as_if_nothing_had_happened(
        smalls in prop::collection::vec(small(20_000), 1..24), crashes in prop::collection::vec(any::<bool>(), 80),
    ) {
        let lines = with_reports(&smalls);
        let once = run(&lines);
        let mut crashed = Driver::new();
        for (line, crash) in lines.iter().zip(crashes.iter().cycle()) {
            crashed.feed(line);
            if *crash {
                crashed.restart();
            }
        }
        prop_assert_eq!(&once.out.records, &crashed.out.records);
        prop_assert_eq!(once.decide.next_deadline(), crashed.decide.next_deadline());
        invariants(&once.handoffs());
    }
}
