//! Reports that a contact center sends twice.

use super::{Driver, Line};
use baton_records::{IgnoredReason, Timestamp};
use baton_stream::Counted;
use serde_json::{Value, json};

fn ask() -> Line {
    let event = json!({"event_id": "e1", "occurred_at": "2026-03-02T10:00:00Z", "channel": "chat", "type": "message",
        "actor": "customer", "conversation_id": "conv-9", "text": "A person, please."});
    serde_json::from_value(json!({"event": event, "cues": ["asks_human@0"]})).unwrap()
}

fn report(at: &str, kind: &str, more: &Value) -> Line {
    let mut lifecycle =
        json!({"type": kind, "account_id": "acme", "at": format!("2026-03-02T10:{at}Z"), "agent_id": "a"});
    lifecycle.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(json!({"at": lifecycle["at"], "teams": ["tier1"], "lifecycle": lifecycle})).unwrap()
}

/// A handoff's whole way; `repeats` says how often each report comes again at once, and whether once more behind all.
fn way(repeats: usize, again: bool) -> Driver {
    let mut driver = Driver::new();
    driver.feed(&ask());
    let reports = [
        report("01:00", "accepted", &json!({})),
        report("02:00", "transferred", &json!({"team": "tier3", "agent_id": null})),
        report("03:00", "accepted", &json!({})),
        report("04:00", "returned", &json!({})),
        report("05:00", "linked", &json!({"external": {"system": "desk", "id": "1"}})),
        report("06:00", "confirmed", &json!({})),
    ];
    for line in &reports {
        (0..=repeats).for_each(|_| driver.feed(line));
        driver.restart();
    }
    if again {
        reports
            .iter()
            .for_each(|line| driver.feed(&Line { at: Timestamp::parse("2026-03-02T10:07:00Z"), ..line.clone() }));
    }
    driver
}

#[test]
fn a_repeated_report_changes_nothing_and_is_counted() {
    let once = way(0, false);
    assert_eq!(once.handoffs().len(), 5, "opened, accepted, transferred, accepted, returned");
    for (repeats, again, extra) in [(1, false, 6), (2, false, 12), (0, true, 6), (1, true, 12)] {
        let twice = way(repeats, again);
        assert_eq!(twice.out.records, once.out.records, "{repeats} {again}");
        let ignored = Counted::Ignored(IgnoredReason::Duplicate);
        assert_eq!(twice.out.counted.iter().filter(|c| **c == ignored).count(), extra);
    }
}
