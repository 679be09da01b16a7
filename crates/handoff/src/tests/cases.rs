//! Walks `cases/`: what goes into the log, and the fields that must come out, in order.

use super::{Driver, Line};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows.
    shows: String,
    log: Vec<Line>,
    /// Fields of each revision, in order; all revisions.
    #[serde(default)]
    handoffs: Vec<Value>,
    /// Fields of the last decisions, in order.
    #[serde(default)]
    decisions: Vec<Value>,
    /// Reasons of dead letters, in order.
    #[serde(default)]
    dead_letters: Vec<String>,
}

/// Tells whether everything that `expected` names stands in `seen`.
fn holds(expected: &Value, seen: &Value, path: &str, faults: &mut Vec<String>) {
    match (expected, seen) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                let seen = seen.get(name).unwrap_or(&Value::Null);
                holds(value, seen, &format!("{path}.{name}"), faults);
            }
        }
        (Value::Array(items), Value::Array(all)) => {
            if items.len() != all.len() {
                faults.push(format!("{path}: {} items expected, {} seen: {seen}", items.len(), all.len()));
            }
            for (i, (item, seen)) in items.iter().zip(all).enumerate() {
                holds(item, seen, &format!("{path}.{i}"), faults);
            }
        }
        (Value::String(e), Value::String(s)) if e.starts_with('~') => {
            if !s.contains(e.trim_start_matches('~')) {
                faults.push(format!("{path}: {e} expected, {s} seen"));
            }
        }
        (Value::Number(e), Value::Number(s)) if e.as_f64() == s.as_f64() => {}
        _ if expected == seen => {}
        _ => faults.push(format!("{path}: {expected} expected, {seen} seen")),
    }
}

fn check(name: &str, case: &Case, restarts: bool) -> Vec<String> {
    let mut driver = Driver::new();
    for line in &case.log {
        driver.feed(line);
        if restarts {
            driver.restart();
        }
    }
    let mut faults = Vec::new();
    let handoffs: Vec<Value> = driver.handoffs().iter().map(|h| serde_json::to_value(h).unwrap()).collect();
    holds(&Value::Array(case.handoffs.clone()), &Value::Array(handoffs), &format!("{name}: handoffs"), &mut faults);
    let decisions: Vec<Value> = driver.decisions().iter().map(|d| serde_json::to_value(d).unwrap()).collect();
    let newest = decisions.len().saturating_sub(case.decisions.len());
    let decisions = decisions.get(newest..).unwrap_or_default().to_vec();
    holds(&Value::Array(case.decisions.clone()), &Value::Array(decisions), &format!("{name}: decisions"), &mut faults);
    let letters: Vec<String> = driver
        .out
        .records
        .iter()
        .filter(|r| r.topic == baton_stream::Topic::DeadLetters)
        .filter_map(|r| r.headers.iter().find(|h| h.name == "reason"))
        .map(|h| String::from_utf8(h.value.clone()).unwrap())
        .collect();
    if letters != case.dead_letters {
        faults.push(format!("{name}: dead letters {letters:?}"));
    }
    if !faults.is_empty() {
        faults.insert(0, format!("-- {}", case.shows));
    }
    faults
}

#[test]
fn every_case_gives_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "only {} cases", files.len());
    let mut faults = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let case: Case = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        faults.extend(check(&name, &case, false));
        faults.extend(check(&format!("{name} (restarted)"), &case, true));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
