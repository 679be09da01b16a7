//! Walks the examples of `schemas/`: what is accepted is read and written again, also as Avro; what is rejected is
//! rejected for the reason and the field in its file's name, `<reason>@<field>[~<note>].json`.

#![cfg(test)]

use apache_avro::Schema;
use baton_records::{
    Account, Agent, Context, Decision, Entry, Event, Handoff, Lifecycle, PolicyText, Reason, Rejection, Signal,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// Types that several topics share, in the order in which they refer to each other.
const SHARED: [&str; 7] = ["ApprovalRequest", "Channel", "External", "Fact", "OverflowReason", "Priority", "Strategy"];

/// In the order in which they refer to each other.
const TOPICS: [&str; 10] = [
    "events",
    "accounts",
    "agents",
    "lifecycle",
    "policies",
    "interactions",
    "contexts",
    "signals",
    "handoffs",
    "decisions",
];

type Decode<T> = fn(&[u8]) -> Result<T, Rejection>;

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn examples(topic: &str, folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = schemas().join(topic).join(folder);
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} has no examples", folder.display());
    found
}

fn parsed() -> Vec<Schema> {
    let shared = SHARED.iter().map(|name| format!("types/{name}.avsc"));
    let topics = TOPICS.iter().map(|topic| format!("{topic}.avsc"));
    let files: Vec<_> = shared.chain(topics).map(|file| schemas().join(file)).collect();
    Schema::parse_list(files.iter().map(|file| std::fs::read_to_string(file).unwrap())).unwrap()
}

/// Writes Avro and reads it as the JSON that it stands for.
fn through_avro<T: Serialize + DeserializeOwned>(record: &T, schema: &Schema, all: &[Schema]) -> T {
    let schemata: Vec<&Schema> = all.iter().collect();
    let value = apache_avro::to_value(record).unwrap();
    let value = value.resolve_schemata(schema, schemata.clone()).unwrap();
    let bytes = apache_avro::to_avro_datum_schemata(schema, schemata.clone(), value).unwrap();
    let read = apache_avro::from_avro_datum_schemata(schema, schemata, &mut bytes.as_slice(), None).unwrap();
    serde_json::from_value(Value::try_from(read).unwrap()).unwrap()
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(topic: &str, decode: Decode<T>) {
    let all = parsed();
    let schema = &all[SHARED.len() + TOPICS.iter().position(|name| *name == topic).unwrap()];
    for (name, bytes) in examples(topic, "accepted") {
        let record = decode(&bytes).unwrap_or_else(|e| panic!("{topic}/accepted/{name}: {e}"));
        let json = serde_json::to_vec(&record).unwrap();
        assert_eq!(decode(&json).as_ref(), Ok(&record), "{topic}/accepted/{name} written as JSON");
        assert_eq!(through_avro(&record, schema, &all), record, "{topic}/accepted/{name} written as Avro");
    }
    for (name, bytes) in examples(topic, "rejected") {
        let (reason, rest) = name.split_once('@').unwrap();
        let field = rest.split_once('~').map_or(rest, |(field, _)| field);
        let rejection = decode(&bytes).expect_err(&name);
        assert_eq!((rejection.reason.name(), rejection.field.as_str()), (reason, field), "{topic}/rejected/{name}");
    }
}

/// Reads what Baton itself writes.
fn own<T: DeserializeOwned>(json: &[u8]) -> Result<T, Rejection> {
    serde_json::from_slice(json).map_err(|_| Rejection::new(Reason::Unreadable, "value"))
}

#[test]
fn events() {
    check("events", Event::decode);
}

#[test]
fn accounts() {
    check("accounts", Account::decode);
}

#[test]
fn agents() {
    check("agents", Agent::decode);
}

#[test]
fn lifecycle() {
    check("lifecycle", Lifecycle::decode);
}

#[test]
fn policies() {
    check("policies", PolicyText::decode);
}

#[test]
fn interactions() {
    check("interactions", own::<Entry>);
}

#[test]
fn contexts() {
    check("contexts", own::<Context>);
}

#[test]
fn signals() {
    check("signals", own::<Signal>);
}

#[test]
fn handoffs() {
    check("handoffs", own::<Handoff>);
}

#[test]
fn decisions() {
    check("decisions", own::<Decision>);
}

/// What Baton writes has the very fields of the example: a consumer that was written against it keeps working.
#[test]
fn what_baton_writes_is_written_as_the_examples_say() {
    fn same<T: Serialize + DeserializeOwned>(topic: &str) {
        for (name, bytes) in examples(topic, "accepted") {
            let record: T = serde_json::from_slice(&bytes).unwrap();
            let example: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(serde_json::to_value(&record).unwrap(), example, "{topic}/accepted/{name}");
        }
    }
    same::<Context>("contexts");
    same::<Signal>("signals");
    same::<Handoff>("handoffs");
    same::<Decision>("decisions");
}

#[test]
fn a_value_over_one_mebibyte_is_too_large_whatever_it_says() {
    let (_, event) = examples("events", "accepted").into_iter().find(|(name, _)| name == "whole").unwrap();
    let padded = |length: usize| {
        let mut bytes = event.clone();
        bytes.resize(length, b' ');
        Event::decode(&bytes).map_err(|rejection| rejection.reason)
    };
    assert!(padded(1 << 20).is_ok());
    assert_eq!(padded((1 << 20) + 1), Err(Reason::TooLarge));
}
