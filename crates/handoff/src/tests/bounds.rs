//! What an account leaves behind has a bound, however long it goes on.

use super::{Driver, Line};
use baton_records::Timestamp;
use serde_json::{Value, json};

const START_MS: i64 = 1_772_445_600_000;

fn at(minutes: i64) -> String {
    Timestamp::from_millis(START_MS + minutes * 60_000).to_string()
}

fn line(value: Value) -> Line {
    serde_json::from_value(value).unwrap()
}

fn said(minutes: i64, conversation: &str, cues: &[&str]) -> Line {
    line(json!({"cues": cues, "event": {
        "event_id": format!("{conversation}-{minutes}"), "occurred_at": at(minutes), "channel": "chat",
        "type": "message", "actor": "customer", "conversation_id": conversation}}))
}

#[test]
fn rules_that_were_quiet_for_conversations_long_forgotten_are_forgotten() {
    let mut driver = Driver::new();
    for day in 0..100 {
        let start = day * 1_440;
        driver.feed(&line(json!({"at": at(start), "deadline": {
            "signal_id": "s", "account_id": "acme", "kind": "absence", "name": "order_gap", "score": 0.999, "value": 2,
            "expected": 0.1, "threshold": 0.99, "subject": "R-12", "at": at(start)}})));
        driver.feed(&said(start + 1, &format!("joins-{day}"), &["asks_human@0"]));
        for n in 0..20 {
            driver.feed(&said(start + 2 + n, &format!("other-{day}-{n}"), &[]));
        }
        driver.feed(&line(json!({"at": at(start + 60), "lifecycle": {
            "type": "abandoned", "account_id": "acme", "at": at(start + 60)}})));
    }
    assert_eq!(driver.handoffs().iter().filter(|h| h.close_reason.is_some()).count(), 100);
    let quiet = driver.decide.state.quiet.len();
    assert!(quiet <= 8, "{quiet} are quiet");
}
