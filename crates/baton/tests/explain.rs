//! `baton explain`, as a user runs it.

#![cfg(test)]

use baton_test_support::{KafkaBroker, TestClient, TestRecord};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

const NONE: &str = r#"{"decision_id":"d1","account_id":"acme","conversation_id":"conv-9","event_id":"e1","at":"2026-03-02T10:00:00Z","handoff_id":null,"outcome":"none","why":"below_threshold","rules":[{"strategy":"sentiment","rule":"sentiment.frustration","value":0.67,"threshold":0.7,"margin":-0.03,"fired":false,"evidence":["e0","e1"]}],"policy_version":"saas@7"}"#;
const OPENED: &str = r#"{"decision_id":"d2","account_id":"acme","conversation_id":"conv-9","event_id":"e2","at":"2026-03-02T10:05:00Z","handoff_id":"h-YWNtZQ-0123456789abcdef","outcome":"opened","why":"fired","rules":[{"strategy":"approval","rule":"approval.discount","value":25,"threshold":15,"margin":10,"fired":true,"evidence":["e2"]}],"approval":{"action":"discount","digest":"ab12","clause":"up to 15 percent"},"policy_version":"saas@7"}"#;
const OTHER: &str = r#"{"decision_id":"d3","account_id":"globex","conversation_id":null,"event_id":null,"at":"2026-03-02T10:06:00Z","handoff_id":null,"outcome":"none","why":"quiet_period","rules":[],"policy_version":"saas@7"}"#;

/// Lines of a file with decisions, the log, dead letters and a source.
fn lines() -> String {
    let record = |topic: &str, value: &str, rest: &str| {
        format!(r#"{{"topic":"{topic}","key":"k","timestamp":1,"value":{value}{rest}}}"#)
    };
    let event = |id: &str, rest: &str| {
        format!(
            r#"{{"kind":"event","account_id":"acme","arrival":"2026-03-02T10:00:00Z"{rest},"event":{{"event_id":"{id}","text":"secret words"}}}}"#
        )
    };
    let ignored = r#"{"kind":"ignored","account_id":"acme","arrival":"2026-03-02T10:01:00Z","event_id":"e1","reason":"duplicate"}"#;
    let headers =
        r#","headers":{"reason":"wrong_type","field":"ai.confidence","topic":"chat","partition":"3","offset":"17"}"#;
    [
        NONE.to_owned(),
        String::new(),
        record("baton.decisions", OPENED, ""),
        record("baton.decisions", OTHER, ""),
        record("baton.interactions", "null", r#","headers":{"baton-mark":"time"}"#),
        record("baton.interactions", r#"{"version":"saas@7","text":"x"}"#, ""),
        record("baton.interactions", &event("e1", ""), ""),
        record("baton.interactions", ignored, ""),
        record("baton.interactions", &event("old", r#","history":true"#), ""),
        record("baton.interactions", &event("plain", ""), ""),
        record("baton.dead-letters", r#"{"event_id":"bad","text":"secret words"}"#, headers),
        record("chat", r#"{"event_id":"wait"}"#, ""),
        record("chat", r#"{"event_id":"plain"}"#, ""),
        record("chat", r#""not json""#, ""),
    ]
    .join("\n")
}

fn run(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.arg("explain").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that ends before it reads closes its end; its status then says why.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn explain(arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--file", "-"]].concat(), &lines());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn check(arguments: &[&str], expected: &[&str]) {
    let text = explain(arguments);
    for words in expected {
        assert!(text.contains(words), "{words:?} not in\n{text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_decision_not_to_hand_off_shows_the_margin_and_the_repeats() {
    let margin = "quiet  sentiment  sentiment.frustration: value 0.67, threshold 0.7, margin -0.03";
    check(
        &["e1"],
        &[
            "no handoff, because no rule reached its threshold",
            margin,
            "evidence e0, e1",
            "a repeat, ignored at 2026-03-02T10:01:00Z",
        ],
    );
    assert!(!explain(&["e1"]).contains("taken for"));
}

#[test]
fn a_handoff_shows_rule_clause_and_policy() {
    let rule = "fired  approval  approval.discount: value 25, threshold 15, margin +10";
    check(
        &["h-YWNtZQ-0123456789abcdef"],
        &[
            "opened h-YWNtZQ-0123456789abcdef, because a rule fired  (policy saas@7)",
            rule,
            "request discount: up to 15 percent",
        ],
    );
}

#[test]
fn an_event_without_decision_has_a_fate() {
    check(&["old"], &["event old: history of acme"]);
    check(&["plain"], &["event plain: taken for acme"]);
    check(
        &["bad"],
        &["event bad: a dead letter: wrong_type, field ai.confidence  (from chat, partition 3, offset 17)"],
    );
    check(&["wait"], &["event wait: stands in chat only: it waits"]);
}

#[test]
fn an_account_is_narrowed_by_conversation_and_time() {
    let count = |arguments: &[&str]| explain(&[arguments, &["--json"]].concat()).lines().count();
    assert_eq!(count(&["--account", "acme"]), 2);
    assert_eq!(count(&["--account", "globex"]), 1);
    assert_eq!(count(&["--account", "acme", "--conversation", "conv-9", "--from", "2026-03-02T10:00:01Z"]), 1);
    assert_eq!(count(&["--account", "acme", "--to", "2026-03-02T10:00:00Z"]), 1);
}

#[test]
fn json_is_one_object_a_line() {
    assert_eq!(explain(&["e1", "--json"]).lines().next(), Some(NONE));
    let fate = explain(&["bad", "--json"]);
    let expected = r#"{"event_id":"bad","fate":"dead_letter","reason":"wrong_type","field":"ai.confidence","topic":"chat","partition":"3","offset":"17"}"#;
    assert_eq!(fate.trim(), expected);
}

#[test]
fn another_prefix_names_other_topics() {
    let input = lines().replace("baton.", "test.");
    let output = run(&["old", "--prefix", "test", "--file", "-"], &input);
    assert!(String::from_utf8_lossy(&output.stdout).contains("history of acme"));
}

#[test]
fn exit_statuses_tell_failures_from_wrong_usage() {
    let status = |arguments: &[&str], input: &str| run(arguments, input).status.code();
    assert_eq!(status(&["gone", "--file", "-"], &lines()), Some(1));
    assert_eq!(status(&["e1", "--file", "-"], "{\"topic\":1}\n"), Some(1));
    assert_eq!(status(&["e1", "--file", "no-such-file"], ""), Some(1));
    assert_eq!(status(&["e1"], ""), Some(2));
    assert_eq!(status(&["--file", "-"], ""), Some(2));
    assert_eq!(status(&["e1", "--account", "acme", "--file", "-"], ""), Some(2));
    assert_eq!(status(&["--account", "acme", "--from", "yesterday", "--file", "-"], ""), Some(2));
    assert_eq!(status(&["--help"], ""), Some(0));
}

#[test]
fn an_error_names_file_and_line() {
    let output = run(&["e1", "--file", "-"], "\n{\"topic\":\"chat\"}\n");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.starts_with("baton: -: line 2: neither a decision nor a record"), "{text}");
}

/// Writes the lines into the topics that they name, made with one partition.
fn to_kafka(client: &TestClient, lines: &str) {
    let mut made = std::collections::BTreeSet::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if line.get("decision_id").is_some() {
            line = serde_json::json!({"topic": "explained.decisions", "value": line});
        }
        let topic = line["topic"].as_str().unwrap();
        if made.insert(topic.to_owned()) {
            client.create_topic(topic, 1, &[]).unwrap();
        }
        let value = line["value"].as_str().map_or_else(|| line["value"].to_string(), str::to_owned);
        let mut record = TestRecord::new("k", &value);
        for (name, value) in line["headers"].as_object().into_iter().flatten() {
            record = record.header(name, value.as_str().unwrap());
        }
        client.produce(topic, &[record]).unwrap();
    }
}

#[test]
fn brokers_tell_the_same_as_a_file() {
    let broker = KafkaBroker::shared().unwrap();
    // No other test may see the source's topic, whose name has no prefix.
    let lines = lines().replace("baton.", "explained.").replace("\"chat\"", "\"explained-chat\"");
    let handoff = r#"{"topic":"explained.handoffs","value":{"handoff_id":"h-YWNtZQ-0123456789abcdef","revision":1,"epoch":1,"status":"opened","account_id":"acme","conversation_id":null,"contact_id":null,"channel":null,"language":"en","identities":{},"external":null,"close_reason":null,"stage":"own","priority":"high","team":"sales","bypassed":[],"agent":null,"notify":[],"requirements":[],"overflow":null,"sla":{"tier":"gold","first_response_due":null,"resolution_due":null},"reasons":[],"workflow":[],"approval":null,"dossier":{"brief":"","summary":"","missing_sources":[],"stale":[],"facts":[]},"policy_version":"saas@7","decided_at":"2026-03-02T10:05:00Z"}}"#;
    to_kafka(&TestClient::new(broker.bootstrap()), &format!("{lines}\n{handoff}"));
    let handoff = handoff.replace("\"value\"", "\"key\":\"k\",\"timestamp\":1,\"value\"");
    let lines = format!("{lines}\n{handoff}\n");
    for question in [
        &["e1"] as &[&str],
        &["h-YWNtZQ-0123456789abcdef"],
        &["old", "--json"],
        &["bad"],
        &["wait"],
        &["--account", "acme"],
        &["--account", "acme", "--conversation", "conv-9", "--to", "2026-03-02T10:00:00Z", "--json"],
        &["gone"],
    ] {
        let arguments = [question, &["--prefix", "explained"]].concat();
        let file = run(&[&arguments, &["--file", "-"] as &[&str]].concat(), &lines);
        let live = ["--brokers", broker.bootstrap(), "--sources", "explained-chat"];
        let brokers = run(&[&arguments, &live as &[&str]].concat(), "");
        let text =
            |output: &Output| String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
        assert_eq!(text(&brokers), text(&file), "{question:?}");
        assert_eq!(brokers.status.code(), file.status.code(), "{question:?}");
        assert!(!text(&file).is_empty());
    }
}
