//! `baton replay`, as a user runs it. What comes of the records is the business of `crates/replay`.

#![cfg(test)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn story() -> String {
    std::fs::read_to_string(repository("crates/replay/cases/saas/S7.1/input.jsonl")).unwrap()
}

fn run(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.arg("replay").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that ends before it reads closes its end; its status then says why.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn replay(arguments: &[&str], input: &str) -> String {
    let policy = repository("deploy/policies/saas.yaml");
    let output = run(&[&["--policy", policy.to_str().unwrap()], arguments].concat(), input);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn topics(lines: &str) -> Vec<String> {
    let topic = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["topic"].as_str().unwrap().to_owned();
    lines.lines().map(topic).collect()
}

#[test]
fn handoffs_come_out_unless_other_topics_are_asked_for() {
    let handoffs = topics(&replay(&[], &story()));
    assert!(!handoffs.is_empty() && handoffs.iter().all(|topic| topic == "baton.handoffs"), "{handoffs:?}");
    let both = topics(&replay(&["--emit", "baton.decisions,baton.interactions"], &story()));
    for topic in ["baton.decisions", "baton.interactions"] {
        assert!(both.iter().any(|t| t == topic), "{topic} not in {both:?}");
    }
    assert!(!both.iter().any(|topic| topic == "baton.handoffs"));
}

#[test]
fn a_file_two_files_and_standard_input_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let whole = replay(&[], &story());
    let (first, second) = story().split_at(story().find('\n').unwrap() + 1).into();
    let paths = [("one", story().as_str()), ("a", first), ("b", second)].map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    assert_eq!(replay(&[&paths[0]], ""), whole);
    assert_eq!(replay(&["-"], &story()), whole);
    // Only source records name their file and line, and no handoff does.
    assert_eq!(replay(&[&paths[1], &paths[2]], ""), whole);
}

#[test]
fn nothing_after_until_is_read_and_time_goes_on_to_it() {
    assert_eq!(replay(&["--until", "2020-01-01T00:00:00Z"], &story()), "");
    let statuses = |until: &str| replay(&["--until", until], &story()).matches("\"status\":\"breached\"").count();
    assert_eq!(statuses("2026-03-03T10:00:30Z"), 0);
    assert!(statuses("2026-03-20T10:00:00Z") > 0);
}

#[test]
fn the_log_and_decisions_explain_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let out = replay(&["--emit", "baton.decisions,baton.interactions,baton.dead-letters"], &story());
    std::fs::write(&path, out).unwrap();
    let explain = |id: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
        let output = command.args(["explain", id, "--file"]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(explain("x-1").contains("value 25, threshold 15, margin +10"), "{}", explain("x-1"));
    assert!(explain("d-1").contains("event d-1"), "{}", explain("d-1"));
}

#[test]
fn exit_statuses_and_errors_name_what_is_wrong() {
    let failed = |arguments: &[&str], input: &str, words: &str| {
        let output = run(arguments, input);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(words), "{text}");
        output.status.code()
    };
    assert_eq!(failed(&[], "{}\n", "line 1"), Some(1));
    assert_eq!(failed(&[], &story(), "--policy"), Some(1));
    assert_eq!(failed(&["--emit", "baton.nothing"], "", "baton.nothing"), Some(1));
    assert_eq!(failed(&["no-such-file"], "", "no-such-file"), Some(1));
    assert_eq!(failed(&["--policy", "no-such-file"], "", "no-such-file"), Some(1));
    assert_eq!(failed(&["--until", "tomorrow"], "", "--until"), Some(2));
    assert_eq!(run(&["--help"], "").status.code(), Some(0));
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let policy = repository("deploy/policies/saas.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.args(["replay", "--policy"]).arg(policy).args(["--emit", "baton.interactions"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(story().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
