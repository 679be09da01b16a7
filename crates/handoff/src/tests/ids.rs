//! What handoffs are called.

use super::{Driver, Line};
use serde_json::{Value, json};

fn message(id: &str, occurred: &str, arrived: &str, more: &Value) -> Line {
    let mut event = json!({"event_id": id, "occurred_at": format!("2026-03-02T10:{occurred}Z"), "channel": "chat",
        "type": "message", "conversation_id": "conv-9", "text": "Words."});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(json!({"at": format!("2026-03-02T10:{arrived}Z"), "event": event})).unwrap()
}

fn report(kind: &str, at: &str) -> Line {
    let at = format!("2026-03-02T10:{at}Z");
    let lifecycle = json!({"type": kind, "account_id": "acme", "at": at, "agent_id": "a"});
    serde_json::from_value(json!({"at": at, "teams": ["tier1"], "lifecycle": lifecycle})).unwrap()
}

#[test]
fn a_handoff_with_the_evidence_of_a_closed_one_has_a_name_of_its_own() {
    let mut driver = Driver::new();
    let answer = json!({"actor": "ai_agent", "ai": {"confidence": 0.2, "domain": "custom_api"}});
    driver.feed(&message("e2", "00:02", "00:02", &answer));
    driver.feed(&report("dismissed", "00:03"));
    // The question comes late, and names the machine that the answer was about: another rule looks at the answer.
    let question = json!({"actor": "customer", "subject": "xr-9"});
    driver.feed(&message("e1", "00:01", "00:04", &question));
    driver.restart();
    driver.feed(&report("dismissed", "00:05"));
    let handoffs = driver.handoffs();
    let told: Vec<_> = handoffs.iter().map(|h| (h.reasons[0].rule.as_str(), h.revision)).collect();
    let [knowledge, skill] = ["knowledge.custom_api", "skill.machines"];
    assert_eq!(told, [(knowledge, 1), (knowledge, 2), (skill, 1), (skill, 2)]);
    let evidence = |place: usize| &handoffs[place].reasons[0].evidence;
    assert_eq!(evidence(0), evidence(2), "both are about the answer");
    assert_ne!(handoffs[1].handoff_id, handoffs[2].handoff_id);
    assert_eq!(handoffs[2].handoff_id, handoffs[3].handoff_id);
}
