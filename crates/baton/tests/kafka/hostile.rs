//! Records that nobody should send.

use crate::support::{LIMIT, Proof, Site, broker, header, now, rfc3339, turn};
use baton_test_support::{TestRecord, wait_until};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;
/// 2036-01-01.
const YEARS_AHEAD: i64 = 2_082_758_400_000;

fn message(id: &str, account: &str, at: i64) -> Value {
    json!({"event_id": id, "occurred_at": rfc3339(at), "channel": "chat", "type": "message", "actor": "customer",
        "account_id": account, "conversation_id": format!("of-{account}"), "text": "The system is down for all our users"})
}

fn with(mut value: Value, field: &str, new: Value) -> Vec<u8> {
    value[field] = new;
    value.to_string().into_bytes()
}

fn without(mut value: Value, field: &str) -> Vec<u8> {
    value.as_object_mut().unwrap().remove(field);
    value.to_string().into_bytes()
}

/// What is sent, with the reason and the field of its dead letter.
fn hostile() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let good = || message("bad", "victim", now());
    let nobodys = json!({"event_id": "bad", "occurred_at": rfc3339(now()), "channel": "chat", "type": "message"});
    let deep = format!("{{\"event_id\":\"bad\",\"attributes\":{}1{}}}", "[".repeat(33), "]".repeat(33));
    let mut not_utf8 = good().to_string().into_bytes();
    let text = not_utf8.windows(6).position(|w| w == b"system").unwrap();
    not_utf8[text] = 0xff;
    vec![
        (b"no JSON".to_vec(), "not_json", ""),
        (b"{\"event_id\": \"bad\"".to_vec(), "not_json", ""),
        (not_utf8, "not_utf8", ""),
        (deep.into_bytes(), "too_deep", "attributes"),
        (with(good(), "text", json!("x".repeat(1_258_291))), "too_large", ""),
        (with(good(), "quantity", json!("3")), "wrong_type", "quantity"),
        (with(good(), "channel", json!(7)), "wrong_type", "channel"),
        (with(good(), "channel", json!("pigeon")), "invalid_value", "channel"),
        (with(good(), "occurred_at", json!("yesterday")), "invalid_value", "occurred_at"),
        (without(good(), "event_id"), "missing_field", "event_id"),
        (without(good(), "occurred_at"), "missing_field", "occurred_at"),
        (nobodys.to_string().into_bytes(), "missing_field", "account_id"),
    ]
}

#[test]
fn hostile_records_are_named_and_stop_nobody() {
    let _turn = turn();
    let mut site = Site::new(broker(), "hostile");
    let account = json!({"account_id": "calm", "tier": "enterprise"});
    site.client.produce(&site.topic("accounts"), &[TestRecord::new("calm", &account.to_string())]).unwrap();
    site.start("one");
    site.await_ready();
    let opened = now();
    let calm = TestRecord::new("k", &message("calm-1", "calm", opened).to_string());
    let mut records = vec![calm];
    let hostile = hostile();
    records.extend(hostile.iter().map(|(value, ..)| TestRecord {
        key: Some(b"k".to_vec()),
        value: Some(value.clone()),
        ..TestRecord::default()
    }));
    // Clocks that are wrong, of the producer and of the source, both ways. Brokers refuse timestamps far ahead.
    records.push(TestRecord::new("k", &message("old-clock", "victim", now()).to_string()).at(1));
    records.push(TestRecord::new("k", &message("old", "victim", 0).to_string()));
    records.push(TestRecord::new("k", &message("ahead", "victim", YEARS_AHEAD).to_string()));
    records.push(TestRecord::new("k", &message("ahead-clock", "victim", now()).to_string()).at(now() + HOUR / 2));
    records.push(TestRecord::new("k", &message("last", "victim", now()).to_string()));
    site.client.produce(&site.source("chat"), &records).unwrap();
    let found = Proof(&site).every_input_once();
    assert_eq!(found.dead_letters, hostile.len(), "{found:?}");
    let letters = site.read("dead-letters");
    let mut named: Vec<_> = letters
        .iter()
        .map(|r| (header(r, "offset").parse::<usize>().unwrap(), header(r, "reason"), header(r, "field")))
        .collect();
    named.sort();
    let wanted: Vec<_> = hostile
        .iter()
        .enumerate()
        .map(|(i, (_, reason, field))| (i + 1, (*reason).to_owned(), (*field).to_owned()))
        .collect();
    assert_eq!(named, wanted);
    // The calm account's deadlines come when they are due: at risk at 80 % of 15 s, breached after 15 s.
    let revision = |status: &str| {
        site.read("handoffs").iter().find_map(|record| {
            let handoff: Value = serde_json::from_slice(record.value.as_deref()?).ok()?;
            (handoff["account_id"] == "calm" && handoff["status"] == status).then(|| record.timestamp.unwrap())
        })
    };
    let breached =
        wait_until("the calm account's deadline", LIMIT, || revision("breached").map(|at| (at, now()))).unwrap();
    assert_eq!(revision("at_risk"), Some(opened + 12_000));
    assert_eq!(breached.0, opened + 15_000);
    assert!(breached.1 >= breached.0, "it was written before it was due");
    site.terminate();
    assert!(Proof(&site).same_as_replay() > 0);
}
