//! What a replay promises beside what the stages decide: order, clock, policies, and errors that name the line.

#![cfg(test)]

use baton_records::Timestamp;
use baton_replay::{Options, Place, Pushed, Replay, ReplayError, ReplayLine};
use serde_json::Value;

const START: i64 = 1_772_532_000_000; // 2026-03-03T10:00:00Z

fn policy() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation.yaml");
    std::fs::read_to_string(path).unwrap()
}

fn line(topic: &str, seconds: i64, value: &str) -> ReplayLine {
    ReplayLine {
        topic: topic.into(),
        partition: None,
        key: None,
        timestamp: Timestamp::from_millis(START + seconds * 1_000),
        value: Some(value.into()),
        headers: Vec::new(),
    }
}

fn message(seconds: i64, id: &str, account: &str) -> ReplayLine {
    let at = Timestamp::from_millis(START + seconds * 1_000);
    let event = format!(
        r#"{{"event_id":"{id}","occurred_at":"{at}","channel":"chat","type":"message","actor":"customer",{account},
        "conversation_id":"c","text":"Can I talk to a real person, please?"}}"#
    );
    line("chat", seconds, &event)
}

fn options(emit: &[&str]) -> Options {
    Options { policy: Some(policy().into()), emit: emit.iter().map(|e| (*e).into()).collect(), ..Options::default() }
}

fn run(options: Options, lines: &[ReplayLine]) -> Result<Vec<ReplayLine>, ReplayError> {
    let mut replay = Replay::new(options)?;
    let mut out = Vec::new();
    for (number, line) in (1..).zip(lines) {
        replay.push(Place { file: 0, line: number }, line, &mut |line| out.push(line))?;
    }
    replay.finish(&mut |line| out.push(line))?;
    Ok(out)
}

fn field(lines: &[ReplayLine], name: &str) -> Vec<String> {
    let value = |l: &ReplayLine| serde_json::from_slice::<Value>(l.value.as_deref().unwrap()).unwrap();
    lines.iter().map(|l| value(l)[name].as_str().unwrap_or_default().to_owned()).collect()
}

fn error(options: Options, lines: &[ReplayLine]) -> String {
    run(options, lines).unwrap_err().to_string()
}

#[test]
fn without_until_the_clock_stops_at_the_last_record() {
    let lines = [message(0, "m", r#""account_id":"acme""#)];
    let out = run(options(&["baton.handoffs"]), &lines).unwrap();
    assert_eq!(field(&out, "status"), ["opened"]);
    assert_eq!(out[0].timestamp, lines[0].timestamp);
}

#[test]
fn deadlines_at_until_fire_and_records_after_it_are_not_read() {
    let due = Timestamp::from_millis(START + 90_000);
    let lines = [message(0, "m", r#""account_id":"acme""#), message(91, "n", r#""account_id":"zeta""#)];
    let mut replay = Replay::new(Options { until: Some(due), ..options(&["baton.handoffs"]) }).unwrap();
    let mut out = Vec::new();
    let pushed = [0, 1]
        .map(|i| replay.push(Place { file: 0, line: i as i64 + 1 }, &lines[i], &mut |line| out.push(line)).unwrap());
    assert_eq!(pushed, [Pushed::Taken, Pushed::AfterUntil]);
    replay.finish(&mut |line| out.push(line)).unwrap();
    assert_eq!(field(&out, "status"), ["opened", "at_risk", "breached"]);
    assert_eq!(out[2].timestamp, due);
}

#[test]
fn a_lower_timestamp_counts_as_the_highest_so_far() {
    let lines = [message(60, "m", r#""account_id":"acme""#), message(10, "n", r#""account_id":"zeta""#)];
    let out = run(options(&["baton.handoffs"]), &lines).unwrap();
    assert_eq!(field(&out, "decided_at"), ["2026-03-03T10:01:00Z"; 2]);
}

#[test]
fn an_event_waits_for_the_account_that_it_names() {
    let account = r#"{"account_id":"acme","identities":[{"type":"email","value":"Pat@acme.example"}]}"#;
    let lines = [message(0, "m", r#""identities":{"email":"pat@ACME.example"}"#), line("baton.accounts", 30, account)];
    let out = run(options(&["baton.handoffs"]), &lines).unwrap();
    assert_eq!(field(&out, "account_id"), ["acme"]);
    assert_eq!(field(&out, "decided_at"), ["2026-03-03T10:00:30Z"]);
}

#[test]
fn dead_letters_name_the_line() {
    let lines = [line("chat", 0, "plain text"), line("chat", 0, r#"{"event_id":"x"}"#)];
    let out = run(options(&["baton.dead-letters"]), &lines).unwrap();
    let header = |l: &ReplayLine, name: &str| {
        let header = l.headers.iter().find(|h| h.name == name).unwrap();
        String::from_utf8(header.value.clone()).unwrap()
    };
    assert_eq!(out.iter().map(|l| header(l, "offset")).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(out.iter().map(|l| header(l, "reason")).collect::<Vec<_>>(), ["not_json", "missing_field"]);
    assert_eq!(out[0].value.as_deref(), Some(&b"plain text"[..]));
}

#[test]
fn a_policy_may_come_as_a_record_and_is_needed() {
    let event = message(1, "m", r#""account_id":"acme""#);
    let none = Options { policy: None, ..options(&["baton.handoffs"]) };
    assert!(error(none.clone(), std::slice::from_ref(&event)).starts_with("line 1: no policy is in force"));
    let record = ReplayLine { key: Some(b"simulation@1".to_vec()), ..line("baton.policies", 0, &policy()) };
    assert_eq!(field(&run(none, &[record, event]).unwrap(), "status"), ["opened"]);
}

#[test]
fn contexts_are_written_in_the_end() {
    let lines = [message(0, "m", r#""account_id":"acme""#), message(0, "n", r#""account_id":"acme""#)];
    let out = run(options(&["baton.contexts"]), &lines).unwrap();
    let newest: Value = serde_json::from_slice(out.last().unwrap().value.as_deref().unwrap()).unwrap();
    assert_eq!(newest["facts"].as_array().unwrap().len(), 2);
}

#[test]
fn wrong_uses_say_how_to_mend_them() {
    let event = message(0, "m", r#""account_id":"acme""#);
    assert!(error(options(&["baton.accounts"]), &[]).contains("a replay does not write it"));
    let broken = Options { policy: Some("version: x".into()), ..Options::default() };
    assert!(error(broken, &[]).contains("baton policy check"));
    let output = line("baton.handoffs", 0, "{}");
    assert!(
        error(options(&[]), &[event.clone(), output]).starts_with("line 2: topic baton.handoffs is written by Baton")
    );
    let log = line("baton.interactions", 0, "{}");
    assert!(error(options(&[]), &[event, log.clone()]).starts_with("line 2: the log and records of sources"));
    assert!(error(options(&[]), &[log]).starts_with("line 1: not a record of the log"));
}
