//! A policy that changes in the middle of the log.

use crate::Decide;
use baton_records::{Body, Decision, Entry, Event, Handoff, Id, Interaction, LogRecord, Source, Status, Timestamp};
use baton_stream::{Outbox, Topic};
use serde_json::json;

const SAAS: &str = include_str!("../../../../deploy/policies/saas.yaml");
const START_MS: i64 = 1_772_445_600_000;

fn feed(decide: &mut Decide, out: &mut Outbox, seq: u64, entry: Entry) {
    let time = Timestamp::from_millis(START_MS + seq.cast_signed() * 1_000);
    decide.record(&LogRecord { seq, time, entry }, Vec::new(), Vec::new(), out).unwrap();
}

fn policy(number: u32, resolution: &str) -> Entry {
    let tier = "standard:   {first_response: 8h, resolution: 40h";
    let text = SAAS.replacen(tier, &format!("standard:   {{first_response: 8h, resolution: {resolution}"), 1);
    assert!(text.contains(&format!("resolution: {resolution}")));
    let line = SAAS.lines().find(|l| l.starts_with("version:")).unwrap();
    let text = text.replacen(line, &format!("version: saas@{number}"), 1);
    Entry::Policy { version: format!("saas@{number}").into(), text: text.into() }
}

/// An AI's answer that is too unsure, in a conversation of its own.
fn unsure(seq: u64) -> Entry {
    let at = Timestamp::from_millis(START_MS + seq.cast_signed() * 1_000);
    let event: Event = serde_json::from_value(json!({"event_id": format!("e{seq}"), "occurred_at": at.to_string(),
        "channel": "chat", "type": "message", "actor": "ai_agent", "conversation_id": format!("conv-{seq}"),
        "ai": {"confidence": 0.1, "domain": "custom_api"}}))
    .unwrap();
    Entry::Interaction(Box::new(Interaction {
        account_id: "acme".into(),
        arrival: at,
        history: false,
        source: Source { topic: "chat".into(), partition: 0, offset: seq.cast_signed() },
        traceparent: None,
        body: Body::Event { conversation: event.conversation_id.clone(), event: Box::new(event) },
    }))
}

fn read<T: serde::de::DeserializeOwned>(out: &Outbox, topic: &Topic) -> Vec<T> {
    let all = out.records.iter().filter(|r| r.topic == *topic);
    all.map(|r| serde_json::from_slice(r.value.as_ref().unwrap()).unwrap()).collect()
}

#[test]
fn from_a_policy_record_on_it_decides_and_what_is_open_keeps_its_deadlines() {
    let (mut decide, mut out) = (Decide::new(), Outbox::default());
    feed(&mut decide, &mut out, 1, policy(1, "40h"));
    feed(&mut decide, &mut out, 2, unsure(2));
    feed(&mut decide, &mut out, 3, policy(2, "20h"));
    feed(&mut decide, &mut out, 4, unsure(4));
    // The first one's conversation goes on under the new policy.
    feed(&mut decide, &mut out, 5, unsure(2));
    let handoffs: Vec<Handoff> = read(&out, &Topic::Handoffs);
    let versions: Vec<Id> = handoffs.iter().map(|h| h.policy_version.clone()).collect();
    assert_eq!(versions[..2], ["saas@1", "saas@2"]);
    let [first, second] = [0, 1].map(|n: usize| &handoffs[n]);
    assert_eq!((first.status, second.status), (Status::Opened, Status::Opened));
    assert!(first.sla.resolution_due > second.sla.resolution_due, "{:?} {:?}", first.sla, second.sla);
    for later in handoffs.iter().filter(|h| h.handoff_id == first.handoff_id) {
        assert_eq!(later.sla, first.sla, "deadlines that are set stay");
    }
    let decisions: Vec<Decision> = read(&out, &Topic::Decisions);
    let versions: Vec<Id> = decisions.into_iter().map(|d| d.policy_version).collect();
    assert_eq!(versions, ["saas@1", "saas@2", "saas@2"]);
}

#[test]
fn a_log_that_begins_without_a_policy_says_how_to_mend_it() {
    let record = LogRecord { seq: 1, time: Timestamp::from_millis(START_MS), entry: unsure(1) };
    let broken = Decide::new().record(&record, Vec::new(), Vec::new(), &mut Outbox::default()).unwrap_err();
    assert!(broken.to_string().contains("baton policy activate"), "{broken}");
}
