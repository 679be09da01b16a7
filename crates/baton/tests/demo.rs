//! `baton demo`, as a user runs it: three companies on an embedded broker.

#![cfg(test)]

use baton_records::{Handoff, Status, Strategy};
use baton_test_support::{Signal, send_signal, wait_until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.arg("demo").args(arguments).stdin(Stdio::null()).env_remove("BATON_LOG");
    command
}

#[test]
fn handoffs_of_all_companies_and_a_summary_come_as_json() {
    let output = demo(&["--seconds", "8", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().collect();
    let [first, handoffs @ .., last] = lines.as_slice() else { panic!("{text}") };
    assert!(first.starts_with(r#"{"notice":"#) && first.contains("aborted records"), "{first}");
    let handoffs: Vec<Handoff> = handoffs.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let opened: Vec<&Handoff> = handoffs.iter().filter(|handoff| handoff.status == Status::Opened).collect();
    let companies: BTreeSet<_> = opened.iter().filter_map(|h| h.policy_version.split('@').next()).collect();
    assert_eq!(companies.into_iter().collect::<Vec<_>>(), ["bank", "manufacturing", "saas"]);
    let about = |account: &str, strategy| {
        opened.iter().any(|h| h.account_id == account && h.reasons.iter().any(|r| r.strategy == strategy))
    };
    for (account, strategy) in [
        ("brightfold", Strategy::Sentiment),
        ("riverbank", Strategy::Knowledge),
        ("meridian", Strategy::Priority),
        ("hydroworks", Strategy::Anomaly),
        ("quarryline", Strategy::Approval),
    ] {
        assert!(about(account, strategy), "{account} has no handoff\n{text}");
    }
    // Those to which almost the same happens.
    for quiet in ["kilnforge", "cust-4412"] {
        assert!(!opened.iter().any(|h| h.account_id == quiet), "{quiet} has a handoff\n{text}");
    }
    assert!(handoffs.iter().any(|h| h.status == Status::Assigned && h.agent.is_some()));
    assert!(handoffs.iter().any(|h| h.status == Status::Closed));
    let summary: Value = serde_json::from_str(last).unwrap();
    let summary = &summary["summary"];
    assert_eq!(summary["handoffs"], opened.len());
    assert_eq!(summary["handoffs_by_company"].as_object().unwrap().len(), 3);
    assert_eq!(summary["why_not"]["quiet_period"], 1);
    assert_eq!(summary["dead_letters"], serde_json::json!({"missing_field": 1}));
    assert!(summary["median_ms_from_event_to_handoff"].as_u64().is_some());
}

#[test]
fn a_signal_ends_it_with_the_summary() {
    let mut child = demo(&["--seconds", "600"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("proves nothing about exactly-once"), "{line}");
    wait_until("a handoff", LIMIT, || {
        line.clear();
        out.read_line(&mut line).unwrap();
        line.starts_with("---").then_some(())
    })
    .unwrap();
    send_signal(child.id(), Signal::Term).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(rest.contains("from an event's sending to its handoff"), "{rest}");
    assert!(!rest.contains('\u{1b}'), "{rest}");
}
