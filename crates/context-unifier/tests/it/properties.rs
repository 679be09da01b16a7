//! A restart at any commit changes nothing, and it does not matter how records are cut into commits.

use crate::support::*;
use baton_records::{AccountVersion, LogRecord, Passed};
use baton_stream::{Counted, Outbox, Output, Progress, Task, Topic};
use context_unifier::{IntakeConfig, IntakeTask, Pace, Sequence};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: i64 = 1_000_000_000;

#[derive(Debug, Clone)]
enum Step {
    Event { account: u8, id: u8, lag: i64, contact: u8, channel: u8, needs: Option<u8>, kind: u8 },
    Account { account: u8, exists: bool },
    Low { lag: i64 },
    Mark,
    Commit,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let event = (0..3_u8, 0..40_u8, 0..9_000_i64, 0..3_u8, 0..3_u8, prop::option::weighted(0.3, 0..12_u8), 0..12_u8);
    prop_oneof![
        8 => event.prop_map(|(account, id, lag, contact, channel, needs, kind)|
            Step::Event { account, id, lag, contact, channel, needs, kind }),
        2 => (0..3_u8, prop::bool::weighted(0.9)).prop_map(|(account, exists)| Step::Account { account, exists }),
        2 => (0..5_000_i64).prop_map(|lag| Step::Low { lag }),
        1 => Just(Step::Mark),
        1 => Just(Step::Commit),
        1 => Just(Step::Restart),
    ]
}

fn event(offset: i64, clock: i64, step: &Step) -> Option<Passed> {
    let Step::Event { account, id, lag, contact, channel, needs, kind } = step else { return None };
    let fields = json!({
        "event_id": format!("e{id}"), "occurred_at": at(clock - lag), "actor": "customer",
        "channel": (["chat", "email", "phone"][usize::from(*channel)]),
        "type": if *kind == 0 { "erasure" } else { "message" },
        "contact_id": (*contact > 0).then(|| format!("contact {contact}")),
        "conversation_id": (kind % 3 > 0).then(|| format!("conversation {}", kind / 3)),
        "text": format!("said {id}")
    });
    let passed = passed_event(&format!("a{account}"), offset, clock - lag / 2, &fields);
    Some(Passed { needs: needs.map(|n| AccountVersion { partition: 0, offset: n.into() }), ..passed })
}

type Outcome = (Vec<LogRecord>, Vec<Output>, Vec<Counted>);

fn sequence(steps: &[Step], restarts: bool) -> Outcome {
    let directory = shared();
    apply(&directory, &Raw::new(Topic::Policies, 0, 0, "saas@1", &json!(SAAS)));
    let mut sequence = Sequence::new(Pace::Alone, Arc::clone(&directory));
    let (mut log, mut out, mut changelog) = (Vec::new(), Outbox::default(), Changelog::default());
    sequence.low_water(low_water(1, Some(&["chat/0"]), &[("chat/0", NOW)]));
    let mut records = 0;
    for (n, step) in (0_i64..).zip(steps) {
        let clock = NOW + n * 700;
        match step {
            Step::Account { account, exists } => {
                let name = format!("a{account}");
                let record = exists.then(|| json!({"account_id": name}));
                sequence.take(passed_account(&name, records, clock, record), at(clock), &mut log, &mut out).unwrap();
                records += 1;
            }
            Step::Low { lag } => sequence.low_water(low_water(1, None, &[("chat/0", clock - lag)])),
            Step::Mark => sequence.mark(at(clock), None, &mut log, &mut out).unwrap(),
            Step::Commit if restarts => changelog.drain(sequence.stores()),
            Step::Restart if restarts => {
                changelog.drain(sequence.stores());
                sequence = Sequence::new(Pace::Alone, Arc::clone(&directory));
                changelog.restore(sequence.stores());
            }
            _ => {}
        }
        if let Some(passed) = event(n, clock, step) {
            sequence.take(passed, at(clock), &mut log, &mut out).unwrap();
        }
    }
    sequence.finish(&mut out);
    (log, out.records, out.counted)
}

fn config() -> IntakeConfig {
    IntakeConfig {
        topic: chat(),
        partition: 0,
        account_partitions: 1,
        pool_partitions: 1,
        live_from: None,
        processor: "context-unifier",
    }
}

/// Events that name nobody, known handles, unknown ones, conversations; account records in between.
fn intake(steps: &[Step], restarts: bool) -> Outcome {
    let directory = shared();
    let mut task = IntakeTask::new(config(), Arc::clone(&directory));
    let (mut all, mut out, mut changelog) = (Outbox::default(), Outbox::default(), Changelog::default());
    for (n, step) in (0_i64..).zip(steps) {
        let clock = NOW + n * 3_600_000;
        match step {
            Step::Event { account, id, contact, kind, lag, .. } => {
                let value = json!({
                    "event_id": format!("e{n}"), "occurred_at": at(clock - lag), "channel": "chat",
                    "type": if *kind == 0 { "erasure" } else { "message" },
                    "account_id": (*kind == 1).then(|| format!("a{account}")),
                    "identities": if *contact > 0 { json!({"handle": format!("@{}", id % 8)}) } else { json!({}) },
                    "conversation_id": format!("c{}", id % 10),
                });
                task.process(Raw::new(chat(), n, clock - lag, "k", &value).input(), at(clock), &mut out).unwrap();
            }
            Step::Account { account, exists } => {
                let handles: Vec<_> =
                    (0..3).map(|i| json!({"type": "handle", "value": format!("@{}", account * 3 + i)})).collect();
                let name = format!("a{account}");
                let value = if *exists { json!({"account_id": name, "identities": handles}) } else { Value::Null };
                apply(&directory, &Raw::new(Topic::Accounts, n, clock, &name, &value));
            }
            Step::Low { .. } | Step::Mark => {
                let progress = Progress { clock: at(clock), unread: None, reached: Some(at(clock)), heard: at(clock) };
                task.punctuate(progress, &mut out).unwrap();
            }
            Step::Commit | Step::Restart => {
                apply_ties(&directory, &out.records);
                all.records.append(&mut out.records);
                all.counted.append(&mut out.counted);
                changelog.drain(task.stores());
                if restarts && matches!(step, Step::Restart) {
                    task = IntakeTask::new(config(), Arc::clone(&directory));
                    changelog.restore(task.stores());
                }
            }
        }
    }
    all.records.append(&mut out.records);
    all.counted.append(&mut out.counted);
    (Vec::new(), all.records, all.counted)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restart_changes_nothing_in_the_log(steps in prop::collection::vec(step(), 1..160)) {
        let straight = sequence(&steps, false);
        prop_assert_eq!(&straight, &sequence(&steps, true));
        let mut last = 0;
        for (n, record) in (1..).zip(&straight.0) {
            prop_assert_eq!(record.seq, n);
            prop_assert!(record.time.millis() >= last, "log time falls");
            last = record.time.millis();
        }
    }

    #[test]
    fn a_restart_changes_nothing_of_what_waits(steps in prop::collection::vec(step(), 1..160)) {
        prop_assert_eq!(intake(&steps, false), intake(&steps, true));
    }

    #[test]
    fn every_record_has_one_fate(steps in prop::collection::vec(step(), 1..160)) {
        let (_, outputs, counted) = intake(&steps, true);
        let events = steps.iter().filter(|s| matches!(s, Step::Event { .. })).count();
        let passed = outputs.iter().filter(|o| o.topic == Topic::AccountRepartition).count();
        let dead = outputs.iter().filter(|o| o.topic == Topic::DeadLetters).count();
        let is = |wanted: fn(&Counted) -> bool| counted.iter().filter(|c| wanted(c)).count();
        let erased = is(|c| matches!(c, Counted::Ignored(_)));
        prop_assert_eq!(dead, is(|c| matches!(c, Counted::DeadLetter(_))));
        prop_assert!(passed + dead + erased <= events);
        prop_assert!(passed + dead + erased + is(|c| matches!(c, Counted::Waiting)) >= events);
    }
}
