//! Walks the scenario cases: input records, the shipped policy, and the revisions and decisions that must come out.
//!
//! A folder is `cases/<policy>/<scenario>/` with `input.jsonl` and `expect.json`. In what is expected an object names some
//! fields, a list is whole, `{"$has": [..]}` names some elements, `{"$text": ".."}` a part of a text, `{"$from", "$to"}` the
//! bounds of a time. A decision is named by its event, or by `at` and `outcome` when
//! it has none.

#![cfg(test)]

use baton_records::Timestamp;
use baton_replay::{Options, Place, Reader, Replay, ReplayLine};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

struct Case {
    name: String,
    policy: String,
    lines: Vec<ReplayLine>,
    expect: Value,
}

struct Outcome {
    handoffs: Vec<Value>,
    decisions: Vec<Value>,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut folders: Vec<PathBuf> = Vec::new();
    for policy in fs::read_dir(&root).unwrap() {
        folders.extend(fs::read_dir(policy.unwrap().path()).unwrap().map(|f| f.unwrap().path()));
    }
    folders.sort();
    folders.into_iter().map(|folder| load(&folder)).collect()
}

fn load(folder: &Path) -> Case {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let policy = name(folder.parent().unwrap());
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../deploy/policies/{policy}.yaml"));
    let input = fs::File::open(folder.join("input.jsonl")).unwrap();
    Case {
        name: format!("{policy}/{}", name(folder)),
        policy: fs::read_to_string(shipped).unwrap(),
        lines: Reader::new(std::io::BufReader::new(input)).map(|line| line.unwrap().1).collect(),
        expect: serde_json::from_str(&fs::read_to_string(folder.join("expect.json")).unwrap()).unwrap(),
    }
}

fn run(case: &Case) -> Outcome {
    let options = Options {
        policy: Some(case.policy.as_str().into()),
        emit: vec!["baton.handoffs".into(), "baton.decisions".into()],
        until: Timestamp::parse(case.expect["until"].as_str().unwrap()),
        ..Options::default()
    };
    let mut replay = Replay::new(options).unwrap();
    let mut outcome = Outcome { handoffs: Vec::new(), decisions: Vec::new() };
    let mut sink = |line: ReplayLine| {
        let value: Value = serde_json::from_slice(line.value.as_deref().unwrap()).unwrap();
        match line.topic.as_str() {
            "baton.handoffs" => outcome.handoffs.push(value),
            _ => outcome.decisions.push(value),
        }
    };
    for (index, line) in case.lines.iter().enumerate() {
        replay.push(Place { file: 0, line: index as i64 + 1 }, line, &mut sink).unwrap();
    }
    replay.finish(&mut sink).unwrap();
    number_episodes(&mut outcome.handoffs);
    outcome
}

/// Adds `episode`: which handoff it is, from 1, in the order in which they opened.
fn number_episodes(handoffs: &mut [Value]) {
    let mut episodes = BTreeMap::new();
    for handoff in handoffs {
        let next = episodes.len() + 1;
        let episode = *episodes.entry(handoff["handoff_id"].as_str().unwrap().to_owned()).or_insert(next);
        handoff["episode"] = episode.into();
    }
}

/// Says where `actual` is not what is expected.
fn mismatch(expected: &Value, actual: &Value, path: &str) -> Option<String> {
    let differs = || Some(format!("{path}: expected {expected}, got {actual}"));
    match expected {
        Value::Object(fields) => {
            if let Some(Value::Array(wanted)) = fields.get("$has") {
                let Value::Array(all) = actual else { return differs() };
                let missing = wanted.iter().find(|w| !all.iter().any(|a| mismatch(w, a, "").is_none()))?;
                return Some(format!("{path}: no element is {missing} in {actual}"));
            }
            if let Some(Value::String(part)) = fields.get("$text") {
                return if actual.as_str().is_some_and(|t| t.contains(part.as_str())) { None } else { differs() };
            }
            if let (Some(from), Some(to)) = (fields.get("$from"), fields.get("$to")) {
                let time = |value: &Value| value.as_str().and_then(Timestamp::parse);
                return if time(actual) >= time(from) && time(actual) <= time(to) { None } else { differs() };
            }
            fields.iter().find_map(|(name, value)| mismatch(value, &actual[name], &format!("{path}.{name}")))
        }
        Value::Array(wanted) => match actual {
            Value::Array(all) if all.len() == wanted.len() => {
                (wanted.iter().zip(all).enumerate()).find_map(|(i, (w, a))| mismatch(w, a, &format!("{path}[{i}]")))
            }
            _ => differs(),
        },
        Value::Number(number) => {
            if number.as_f64() == actual.as_f64() {
                None
            } else {
                differs()
            }
        }
        _ => {
            if expected == actual {
                None
            } else {
                differs()
            }
        }
    }
}

/// Leaves out what a case does not fix.
fn relevant(case: &Case, handoffs: &[Value]) -> Vec<Value> {
    let ignored = case.expect["ignore_statuses"].as_array().cloned().unwrap_or_default();
    handoffs.iter().filter(|h| !ignored.contains(&h["status"])).cloned().collect()
}

fn expected_handoffs(case: &Case) -> Vec<Value> {
    let mut handoffs = case.expect["handoffs"].as_array().unwrap().clone();
    for handoff in &mut handoffs {
        // Which number a revision has depends on what is ignored before it.
        if handoff["revision"].is_null() {
            handoff.as_object_mut().unwrap().remove("revision");
        }
    }
    handoffs
}

fn check_exactly(case: &Case, variation: &str) -> Vec<String> {
    let outcome = run(case);
    let (expected, actual) = (expected_handoffs(case), relevant(case, &outcome.handoffs));
    let mut problems = Vec::new();
    let mut problem = |text: String| problems.push(format!("{} ({variation}): {text}", case.name));
    if expected.len() != actual.len() {
        let statuses: Vec<String> =
            actual.iter().map(|h| format!("{} {} {}", h["status"], h["team"], h["decided_at"])).collect();
        problem(format!("expected {} revisions, got {}: {statuses:?}", expected.len(), actual.len()));
    }
    for (index, (expected, actual)) in expected.iter().zip(&actual).enumerate() {
        if let Some(text) = mismatch(expected, actual, &format!("handoffs[{index}]")) {
            problem(text);
        }
    }
    for expected in case.expect["decisions"].as_array().unwrap() {
        let named = |d: &&Value| {
            d["event_id"] == expected["event_id"]
                && (!expected["event_id"].is_null()
                    || (mismatch(&expected["at"], &d["at"], "").is_none() && d["outcome"] == expected["outcome"]))
        };
        let found: Vec<&Value> = outcome.decisions.iter().filter(named).collect();
        match found.as_slice() {
            [one] => {
                if let Some(text) = mismatch(expected, one, "decision") {
                    problem(text);
                }
            }
            _ => problem(format!("{} decisions instead of one for {expected}", found.len())),
        }
    }
    problems
}

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

fn is_source(line: &ReplayLine) -> bool {
    !line.topic.starts_with("baton.")
}

fn replace(case: &Case, pairs: &[(&str, &str)]) -> Case {
    let change = |text: &str| pairs.iter().fold(text.to_owned(), |t, (from, to)| t.replace(from, to));
    let bytes = |b: &Option<Vec<u8>>| b.as_ref().map(|b| change(std::str::from_utf8(b).unwrap()).into_bytes());
    let lines = case.lines.iter().map(|l| ReplayLine { key: bytes(&l.key), value: bytes(&l.value), ..l.clone() });
    Case {
        name: case.name.clone(),
        policy: case.policy.clone(),
        lines: lines.collect(),
        expect: serde_json::from_str(&change(&case.expect.to_string())).unwrap(),
    }
}

#[test]
fn cases_give_what_they_say() {
    let problems: Vec<String> = cases().iter().flat_map(|case| check_exactly(case, "as written")).collect();
    assert_none(&problems);
}

#[test]
fn repeated_events_change_nothing() {
    let mut problems = Vec::new();
    for mut case in cases() {
        let twice = case.lines.iter().flat_map(|l| std::iter::repeat_n(l.clone(), 1 + usize::from(is_source(l))));
        case.lines = twice.collect();
        problems.extend(check_exactly(&case, "each event twice"));
    }
    assert_none(&problems);
}

#[test]
fn names_of_accounts_do_not_matter() {
    let mut problems = Vec::new();
    for case in cases() {
        let account = case.expect["handoffs"][0]["account_id"].as_str().map(str::to_owned);
        let input = String::from_utf8_lossy(case.lines[0].key.as_deref().unwrap()).into_owned();
        assert!(account.is_none_or(|a| a == input), "{}: the first line is the account's record", case.name);
        // A digest is a function of the account.
        if case.lines.iter().any(|l| String::from_utf8_lossy(l.value.as_deref().unwrap()).contains("\"digest\"")) {
            continue;
        }
        for name in ["0", "zebra-9.example", "Ünïcode & co"] {
            let mut case = replace(&case, &[(input.as_str(), name)]);
            forget(&mut case.expect, "digest");
            problems.extend(check_exactly(&case, &format!("account {name}")));
        }
    }
    assert_none(&problems);
}

#[test]
fn channels_do_not_matter() {
    let mut problems = Vec::new();
    for case in cases() {
        for channel in ["email", "phone", "social", "web"] {
            let to = |name: &str| format!("\"{name}\":\"{channel}\"");
            let (channel_is, source_is) = (to("channel"), to("source"));
            let case = replace(&case, &[("\"channel\":\"chat\"", &channel_is), ("\"source\":\"chat\"", &source_is)]);
            problems.extend(check_exactly(&case, &format!("channel {channel}")));
        }
    }
    assert_none(&problems);
}

#[test]
fn order_within_the_lateness_bound_does_not_matter() {
    let mut problems = Vec::new();
    let mut swapped = 0;
    for mut case in cases() {
        let mut index = 0;
        while index + 1 < case.lines.len() {
            let (a, b) = (&case.lines[index], &case.lines[index + 1]);
            let apart = b.timestamp.since(a.timestamp);
            if is_source(a) && is_source(b) && apart <= std::time::Duration::from_secs(5) {
                // The first one arrives with the second, just behind it.
                let (at, value) = (b.timestamp, a.clone());
                case.lines[index] = b.clone();
                case.lines[index + 1] = ReplayLine { timestamp: at, ..value };
                swapped += 1;
                index += 1;
            }
            index += 1;
        }
        problems.extend(check_last(&case));
    }
    assert!(swapped > 5, "{swapped} pairs were swapped");
    assert_none(&problems);
}

/// The last revision of each handoff, but for its number, its status and its time.
fn check_last(case: &Case) -> Vec<String> {
    let last = |handoffs: &[Value]| -> BTreeMap<String, Value> {
        handoffs.iter().map(|h| (h["episode"].to_string(), h.clone())).collect()
    };
    let mut expected = last(&expected_handoffs(case));
    let actual = last(&relevant(case, &run(case).handoffs));
    let mut problems = Vec::new();
    if expected.len() != actual.len() {
        problems.push(format!("{} (reordered): {} handoffs instead of {}", case.name, actual.len(), expected.len()));
    }
    for (episode, expected) in &mut expected {
        for field in ["revision", "status", "decided_at"] {
            expected.as_object_mut().unwrap().remove(field);
        }
        let actual = actual.get(episode).unwrap_or(&Value::Null);
        problems.extend(mismatch(expected, actual, "last").map(|text| format!("{} (reordered): {text}", case.name)));
    }
    problems
}

fn forget(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(name);
            fields.values_mut().for_each(|v| forget(v, name));
        }
        Value::Array(all) => all.iter_mut().for_each(|v| forget(v, name)),
        _ => {}
    }
}
