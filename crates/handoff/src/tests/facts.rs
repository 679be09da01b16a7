//! What may be evidence stays a fact until it is, however much an account does, within a bound.

use super::{Driver, Line};
use crate::facts::MOST;
use baton_records::{Id, Status, Timestamp};
use baton_stream::Store as _;
use serde_json::{Value, json};

const START_MS: i64 = 1_772_445_600_000;

fn at(seconds: i64) -> String {
    Timestamp::from_millis(START_MS + seconds * 1_000).to_string()
}

fn line(value: Value) -> Line {
    serde_json::from_value(value).unwrap()
}

/// A customer's message that happened, and arrives, at these seconds.
fn said(id: &str, happened: i64, arrives: i64, cues: &[&str]) -> Line {
    line(json!({"at": at(arrives), "cues": cues, "event": {
        "event_id": id, "occurred_at": at(happened), "channel": "chat", "type": "message", "actor": "customer",
        "conversation_id": "conv-1", "text": "words"}}))
}

/// What the company's systems say in the meantime.
fn meanwhile(driver: &mut Driver, from: i64, event_type: &str) {
    for n in 0..100 {
        driver.feed(&line(json!({"event": {
            "event_id": format!("m{from}-{n}"), "occurred_at": at(from + n), "channel": "email", "type": event_type,
            "actor": "system", "conversation_id": "conv-2", "text": "words"}})));
    }
}

/// The evidence of the newest revision; every event of it must be a fact of the dossier.
fn evidence(driver: &Driver) -> Vec<Id> {
    let newest = driver.handoffs().pop().unwrap();
    let evidence: Vec<Id> = newest.reasons.iter().flat_map(|r| r.evidence.clone()).collect();
    for id in &evidence {
        assert!(newest.dossier.facts.iter().any(|f| f.event_id == *id), "{id} is no fact");
    }
    evidence
}

#[test]
fn a_late_message_is_evidence_though_an_account_has_many_newer_ones() {
    let mut driver = Driver::new();
    meanwhile(&mut driver, 0, "message");
    driver.feed(&said("late-1", -60, 200, &["asks_human@0"]));
    assert_eq!(evidence(&driver), ["late-1"]);
    driver.feed(&line(json!({"at": at(210), "lifecycle": {
        "type": "abandoned", "account_id": "acme", "at": at(210)}})));
    meanwhile(&mut driver, 3_000, "message");
    driver.feed(&said("late-2", 2_000, 4_000, &["asks_human@0"]));
    assert_eq!(evidence(&driver), ["late-2"]);
    let opened: Vec<_> = driver.handoffs().into_iter().filter(|h| h.status == Status::Opened).collect();
    assert_eq!(opened.len(), 2);
    assert_ne!(opened[0].handoff_id, opened[1].handoff_id);
}

#[test]
fn a_cue_is_evidence_though_much_happened_before_the_second() {
    let mut driver = Driver::new();
    driver.feed(&said("one", 0, 0, &["frustration@0"]));
    meanwhile(&mut driver, 1, "message");
    driver.feed(&said("two", 200, 200, &["competitor@0"]));
    assert_eq!(evidence(&driver), ["one", "two"]);
}

#[test]
fn a_late_cue_is_evidence_for_the_next_though_both_classes_are_full_of_cues() {
    let mut driver = Driver::new();
    for n in 0..200 {
        let mut other = said(&format!("c{n}"), n, n, &["urgency@0"]);
        other.event.as_mut().unwrap().conversation_id = Some("conv-2".into());
        driver.feed(&other);
    }
    driver.feed(&said("one", -60, 200, &["frustration@0"]));
    driver.feed(&said("two", 201, 201, &["competitor@0"]));
    assert_eq!(evidence(&driver), ["one", "two"]);
}

#[test]
fn counted_events_are_evidence_though_much_happened_in_between() {
    let order = |id: &str, seconds: i64| {
        json!({"event_id": id, "occurred_at": at(seconds), "channel": "crm",
        "type": "order", "actor": "system", "attributes": {"sku": "R-12"}})
    };
    let mut driver = Driver::new();
    driver.feed(&line(json!({"event": order("o1", 0)})));
    meanwhile(&mut driver, 1, "invoice");
    driver.feed(&line(json!({"event": order("o2", 200), "signal": {
        "signal_id": "s", "account_id": "acme", "kind": "anomaly", "name": "order_gap", "score": 0.999, "value": 2,
        "expected": 0.1, "threshold": 0.99, "event_id": "o2", "evidence": ["o1", "o2"], "at": at(200)}})));
    assert_eq!(evidence(&driver), ["o1", "o2"]);
}

#[test]
fn a_question_is_evidence_when_the_record_comes_after_much_else() {
    let mut driver = Driver::new();
    driver.feed(&said("question", 0, 0, &[]));
    meanwhile(&mut driver, 1, "message");
    driver.feed(&line(json!({"at": at(300), "account": {"account_id": "acme", "annual_value": "1500000"}})));
    assert_eq!(evidence(&driver), ["question"]);
}

#[test]
fn facts_have_a_bound_whatever_comes_in_whichever_order() {
    let mut driver = Driver::new();
    for n in 0..2_000 {
        let back = (n * 7_919) % 2_003;
        let cues: &[&str] = if n % 3 == 0 { &["urgency@0"] } else { &[] };
        driver.feed(&said(&format!("e{n}"), 10_000 - back, 10_000 + n, cues));
        let mut old = said(&format!("h{n}"), -100_000 - back, 10_000 + n, &[]);
        old.history = true;
        driver.feed(&old);
    }
    meanwhile(&mut driver, 20_000, "order");
    assert!(driver.decide.state.facts.entries() <= MOST, "{} facts", driver.decide.state.facts.entries());
}

/// Lets an event come from another topic than the others.
fn from(topic: &str, mut line: Line) -> Line {
    line.topic = Some(topic.into());
    line
}

#[test]
fn two_topics_may_give_one_id() {
    let mut driver = Driver::new();
    driver.feed(&said("1", 0, 0, &["frustration@0"]));
    let mut elsewhere = from("mail", said("1", 10, 10, &["urgency@0"]));
    elsewhere.event.as_mut().unwrap().conversation_id = Some("conv-2".into());
    driver.feed(&elsewhere);
    driver.feed(&said("2", 20, 20, &["competitor@0"]));
    assert_eq!(evidence(&driver), ["1", "2"]);
    let due = driver.handoffs()[0].sla.first_response_due;
    assert_eq!(due, Some(Timestamp::from_millis(START_MS + 8 * 3_600_000)), "counts from the other topic's event");
}

#[test]
fn two_topics_may_give_one_id_at_one_moment() {
    let mut driver = Driver::new();
    for topic in ["orders", "invoices"] {
        driver.feed(&from(
            topic,
            line(json!({"event": {
            "event_id": "1", "occurred_at": at(0), "channel": "crm", "type": "note", "text": topic}})),
        ));
    }
    driver.feed(&said("2", 20, 20, &["asks_human@0"]));
    let texts: Vec<_> = driver.handoffs()[0].dossier.facts.iter().map(|f| f.text.to_string()).collect();
    assert!(texts.iter().any(|t| t.contains("orders")) && texts.iter().any(|t| t.contains("invoices")), "{texts:?}");
}

#[test]
fn a_detector_means_no_event_but_what_it_counted() {
    let mut driver = Driver::new();
    driver.feed(&line(json!({"event": {
        "event_id": "1", "occurred_at": at(0), "channel": "crm", "type": "order", "attributes": {"sku": "R-12"}}})));
    driver.feed(&from("chat", said("1", 10, 10, &[])));
    meanwhile(&mut driver, 20, "order");
    driver.feed(&line(json!({"at": at(200), "deadline": {
        "signal_id": "s", "account_id": "acme", "kind": "absence", "name": "order_gap", "score": 0.999, "value": 2,
        "expected": 0.1, "threshold": 0.99, "subject": "R-12", "evidence": ["1"], "at": at(150)}})));
    assert_eq!(evidence(&driver), Vec::<Id>::new(), "the message of this id was never counted");
}
