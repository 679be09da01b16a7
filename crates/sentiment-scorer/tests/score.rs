//! The scorer by the shipped policies.

#![cfg(test)]

use baton_records::{
    Actor, Body, Channel, Entry, Event, Id, Interaction, LogRecord, Signal, SignalKind, Source, Timestamp,
};
use baton_stream::{Input, Outbox, Progress, Store, Task, Topic, wire};
use proptest::prelude::*;
use sentiment_scorer::{Score, ScoreTask};
use std::collections::BTreeMap;

const SAAS: &str = include_str!("../../../deploy/policies/saas.yaml");
const BANK: &str = include_str!("../../../deploy/policies/bank.yaml");
const MANUFACTURING: &str = include_str!("../../../deploy/policies/manufacturing.yaml");

fn policy(seq: u64, text: &str) -> LogRecord {
    let entry = Entry::Policy { version: Id::from("test@1"), text: Id::from(text) };
    LogRecord { seq, time: Timestamp::from_millis(0), entry }
}

fn message(seq: u64, event_type: &str, actor: Option<Actor>, history: bool, text: &str) -> LogRecord {
    let event = Event {
        event_id: Id::from(format!("evt-{seq}")),
        occurred_at: Timestamp::from_millis(seq as i64),
        channel: Channel::Chat,
        event_type: Id::from(event_type),
        account_id: Some(Id::from("acme")),
        identities: BTreeMap::new(),
        contact_id: None,
        conversation_id: Some(Id::from("conv-1")),
        actor,
        text: Some(Id::from(text)),
        ai: None,
        request: None,
        amount: None,
        currency: None,
        quantity: None,
        value: None,
        subject: None,
        attributes: BTreeMap::new(),
    };
    let interaction = Interaction {
        account_id: Id::from("acme"),
        arrival: Timestamp::from_millis(seq as i64 + 5),
        history,
        source: Source { topic: Id::from("chat"), partition: 0, offset: seq as i64 },
        traceparent: None,
        body: Body::Event { event: Box::new(event), conversation: Some(Id::from("conv-1")) },
    };
    LogRecord { seq, time: Timestamp::from_millis(seq as i64 + 5), entry: Entry::Interaction(Box::new(interaction)) }
}

/// Returns the names of what counts, with their sentences.
fn counted(policy_text: &str, text: &str) -> Vec<(String, Option<u32>)> {
    let mut score = Score::new();
    score.record(&policy(1, policy_text)).unwrap();
    let signals = score.record(&message(2, "message", Some(Actor::Customer), false, text)).unwrap();
    let counts = |s: &&Signal| s.score >= s.threshold && s.sentence.is_some();
    signals.iter().filter(counts).map(|s| (s.name.to_string(), s.sentence)).collect()
}

fn names(policy_text: &str, text: &str) -> Vec<String> {
    counted(policy_text, text).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn the_scenarios_words_are_heard_and_their_twins_are_not() {
    let two = "Your competitor does this out of the box. This is too complicated for us.";
    assert_eq!(counted(SAAS, two), [("competitor".to_owned(), Some(0)), ("frustration".to_owned(), Some(1))]);
    assert_eq!(names(SAAS, "It is not complicated at all, thanks."), [""; 0]);
    assert_eq!(names(SAAS, "Your competitor cannot do this."), [""; 0]);
    let stop = names(MANUFACTURING, "Line down, production halt at plant 2, need parts ASAP");
    assert!(stop.contains(&"urgency".to_owned()) && stop.contains(&"distress".to_owned()), "{stop:?}");
    assert_eq!(names(MANUFACTURING, "Please send the quote ASAP."), ["urgency"]);
    assert_eq!(names(SAAS, "The system is down for all our users"), ["outage"]);
    assert_eq!(names(SAAS, "Can I talk to a real person, please?"), ["asks_human"]);
    assert_eq!(names(SAAS, "Does your human resources module support this?"), [""; 0]);
    assert!(names(SAAS, "We are ready to sign, where do we send the order?").contains(&"purchase".to_owned()));
    assert_eq!(names(SAAS, "What would the premium plan cost?"), [""; 0]);
    assert!(!names(BANK, "We are in financial hardship after the flood").is_empty());
    assert!(!names(BANK, "I can't avoid a late payment").is_empty());
    assert_eq!(names(BANK, "Can I set up late payment reminders for my tenants?"), [""; 0]);
}

#[test]
fn only_new_words_of_customers_are_scored() {
    let text = "This is too complicated for us.";
    let mut score = Score::new();
    score.record(&policy(1, SAAS)).unwrap();
    let silent = [
        message(2, "message", Some(Actor::AiAgent), false, text),
        message(3, "message", Some(Actor::HumanAgent), false, text),
        message(4, "message.auto", Some(Actor::Customer), false, text),
        message(5, "note", None, false, text),
        message(6, "message", Some(Actor::Customer), true, text),
        message(7, "message", Some(Actor::System), false, text),
    ];
    for record in &silent {
        assert_eq!(score.record(record).unwrap(), []);
    }
    for (seq, event_type) in [(8, "message"), (9, "call"), (10, "ticket.opened"), (11, "request")] {
        let signals = score.record(&message(seq, event_type, None, false, text)).unwrap();
        assert_eq!(signals.first().map(|s| s.name.as_str()), Some("frustration"), "{event_type}");
        assert_eq!(signals.first().and_then(|s| s.event_id.clone()), Some(Id::from(format!("evt-{seq}"))));
    }
    assert_eq!(score.record(&message(11, "message", None, false, text)).unwrap(), [], "a number that was taken");
}

#[test]
fn a_mood_is_a_signal_without_a_sentence() {
    let mut score = Score::new();
    score.record(&policy(1, SAAS)).unwrap();
    let text = "This is horrible, I hate it, everything is broken and useless!";
    let signals = score.record(&message(2, "message", None, false, text)).unwrap();
    let mood = signals.iter().find(|s| s.name == "negative").unwrap();
    assert_eq!((mood.kind, mood.sentence), (SignalKind::Sentiment, None));
    assert!(mood.score > 0.8);
}

#[test]
fn before_any_policy_nothing_is_said_and_a_broken_one_stops() {
    let mut score = Score::new();
    assert_eq!(score.record(&message(1, "message", None, false, "too complicated")).unwrap(), []);
    let broken = score.record(&policy(2, "version: [")).unwrap_err();
    assert!(broken.what.contains("test@1"), "{broken}");
}

#[test]
fn a_drained_batch_gets_one_mark() {
    let mut task = ScoreTask::new();
    let mut out = Outbox::default();
    let log = [policy(1, SAAS), message(2, "message", None, false, "This is too complicated.")];
    let clock = Timestamp::from_millis(1_000);
    for record in &log {
        let written = wire::log_record(record, 3);
        let input = Input {
            topic: &Topic::Interactions,
            partition: 3,
            offset: record.seq as i64,
            timestamp: record.time,
            key: written.key.as_deref(),
            value: written.value.as_deref(),
            headers: &written.headers,
        };
        task.process(input, clock, &mut out).unwrap();
    }
    assert_eq!(task.wake_at(), Some(clock));
    let progress = Progress { clock, unread: None, reached: None, heard: clock };
    task.punctuate(progress, &mut out).unwrap();
    assert_eq!(task.wake_at(), None);
    let last = out.records.last().unwrap();
    assert_eq!((last, last.partition), (&wire::progress_mark("scorer", 2, 3), Some(3)));
    assert!(out.records.len() > 1);
    assert!(out.records.iter().all(|r| r.topic == Topic::Signals && r.partition == Some(3)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn restore_equals_replay(cut in 1..8_usize) {
        let mut log = vec![policy(1, SAAS)];
        let texts = ["too complicated", "thanks", "your competitor offers that", "I want a human", "ok", "urgent!", "bye"];
        log.extend(texts.iter().enumerate().map(|(i, t)| message(i as u64 + 2, "message", None, false, t)));
        let mut straight = Score::new();
        let expected: Vec<_> = log.iter().flat_map(|r| straight.record(r).unwrap()).collect();
        let mut first = Score::new();
        let mut signals: Vec<_> = log[..cut].iter().flat_map(|r| first.record(r).unwrap()).collect();
        let mut second = Score::new();
        for (old, new) in first.stores().into_iter().zip(second.stores()) {
            let new: &mut dyn Store = new;
            old.drain(&mut |key, value| new.restore(key, value).unwrap());
        }
        // What was taken before comes again.
        signals.extend(log.iter().flat_map(|r| second.record(r).unwrap()));
        prop_assert_eq!(signals, expected);
    }
}
