//! Whom an event belongs to: `cases/resolution.json`.

use crate::support::{Raw, apply, at, chat, shared};
use baton_records::Event;
use baton_stream::Topic;
use context_unifier::{Lookup, Resolution};
use serde_json::{Value, json};

#[test]
fn cases() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../cases/resolution.json")).unwrap();
    assert!(cases.len() > 15);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let directory = shared();
        for (offset, account) in case["accounts"].as_array().unwrap().iter().enumerate() {
            let (id, value) = match account.as_str() {
                Some(gone) => (gone.to_owned(), Value::Null),
                None => (account["account_id"].as_str().unwrap().to_owned(), account.clone()),
            };
            apply(&directory, &Raw::new(Topic::Accounts, offset.try_into().unwrap(), 0, &id, &value));
        }
        for tie in case["ties"].as_array().into_iter().flatten() {
            let key = format!("{}\n\n{}", tie[0].as_str().unwrap(), tie[1].as_str().unwrap());
            apply(&directory, &Raw::new(Topic::Ties, 0, 0, &key, &json!({"account_id": tie[2]})));
        }
        let mut event = json!({"event_id": "e", "occurred_at": at(0), "channel": "chat", "type": "message"});
        for (field, value) in case["event"].as_object().unwrap() {
            event[field] = value.clone();
        }
        let event: Event = serde_json::from_value(event).unwrap();
        let found = match directory.read().unwrap().resolve(&event) {
            Resolution::Account { account_id, needs } => json!([account_id, needs.map(|v| v.offset)]),
            Resolution::Ambiguous { field } => json!({"ambiguous": field}),
            Resolution::Unknown => Value::Null,
        };
        assert_eq!(found, case["found"], "{name}");
    }
}

#[test]
fn what_changed_is_told_and_nothing_else() {
    let directory = shared();
    let account = |offset, emails: &[&str]| {
        let identities: Vec<_> = emails.iter().map(|e| json!({"type": "email", "value": e})).collect();
        Raw::new(Topic::Accounts, offset, 0, "a", &json!({"account_id": "a", "identities": identities}))
    };
    apply(&directory, &account(0, &["x@a.example"]));
    let before = directory.read().unwrap().changes();
    apply(&directory, &account(1, &["x@a.example"]));
    assert_eq!(directory.read().unwrap().changes(), before, "a record that says the same resolves nothing new");
    apply(&directory, &account(2, &["x@a.example", "Y@a.example"]));
    let directory = directory.read().unwrap();
    let changed: Vec<_> = directory.changed_since(before).unwrap().cloned().collect();
    assert_eq!(changed, [Lookup::identity("email", "y@a.example")]);
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let directory = shared();
    for topic in [Topic::Accounts, Topic::Agents, Topic::Policies, Topic::Ties, chat()] {
        apply(&directory, &Raw::new(topic, 0, 0, "\u{0}", &json!("{broken")));
    }
    assert_eq!(directory.read().unwrap().changes(), 0);
    assert!(directory.read().unwrap().policy().is_none());
}
