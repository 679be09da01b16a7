//! Rates and bursts by the shipped policies.

use crate::support::*;
use anomaly_detector::Detect;
use baton_records::{Body, Id, Signal};
use std::collections::BTreeMap;

const SAAS: &str = include_str!("../../../../deploy/policies/saas.yaml");
const BANK: &str = include_str!("../../../../deploy/policies/bank.yaml");
const HOUR: i64 = 3_600_000;

fn ticket(number: i64, at: i64) -> Arrival {
    event("acme", "ticket.opened", &format!("t-{number}"), at, at, BTreeMap::new(), None)
}

fn debit(id: &str, at: i64, amount: &str, party: Option<&str>) -> Arrival {
    let attributes = party.map(|p| (Id::from("counterparty"), serde_json::json!(p))).into_iter().collect();
    event("firm", "debit", id, at, at, attributes, Some(amount))
}

fn alarms(policy: &str, arrivals: &[Arrival], until: i64) -> Vec<Signal> {
    let mut signals = run(&mut Detect::new(), &log(policy, arrivals, until));
    signals.retain(|s| s.score >= s.threshold);
    signals
}

fn six_months_of_tickets() -> Vec<Arrival> {
    (0..60).map(|i| ticket(i, i * 3 * DAY + i * 7 % 11 * HOUR)).collect()
}

#[test]
fn thirty_tickets_in_two_days_are_told_early() {
    let mut arrivals = six_months_of_tickets();
    arrivals.extend((0..30).map(|i| ticket(100 + i, 183 * DAY + i * 96 * 60_000)));
    let alarms = alarms(SAAS, &arrivals, 190 * DAY);
    let first = alarms.first().and_then(|s| s.event_id.clone()).unwrap();
    assert!(["t-102", "t-103", "t-104", "t-105", "t-106", "t-107", "t-108"].contains(&first.as_str()), "{first}");
    assert!(alarms.iter().all(|s| s.evidence.contains(s.event_id.as_ref().unwrap()) && s.evidence.len() <= 50));
}

#[test]
fn thirty_tickets_over_two_months_are_nothing() {
    let mut arrivals = six_months_of_tickets();
    arrivals.extend((0..30).map(|i| ticket(100 + i, 183 * DAY + i * 2 * DAY)));
    assert_eq!(alarms(SAAS, &arrivals, 250 * DAY), []);
}

fn books() -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    for month in 0..8_i64 {
        let payday = month * 30 * DAY + 28 * DAY;
        for person in 0..40_i64 {
            let amount = format!("{}.50", 2_200 + person * 45 + month);
            let party = format!("person-{person}");
            arrivals.push(debit(&format!("pay-{month}-{person}"), payday + person * 500, &amount, Some(&party)));
        }
        arrivals.push(debit(&format!("steel-{month}"), month * 30 * DAY + 5 * DAY, "18250.00", Some("steel")));
        arrivals.push(debit(&format!("rent-{month}"), month * 30 * DAY + DAY, "4100.00", Some("landlord")));
    }
    arrivals
}

#[test]
fn nine_small_debits_in_six_minutes_are_told_with_all_nine() {
    let mut arrivals = books();
    let start = 248 * DAY;
    for i in 0..9_i64 {
        let amount = format!("{}.00", 8 + i * 4);
        arrivals.push(debit(&format!("odd-{i}"), start + i * 40_000, &amount, Some(&format!("shop-{i}"))));
    }
    arrivals.push(debit("rent-again", start + 100_000, "4100.00", Some("landlord")));
    let alarms = alarms(BANK, &arrivals, 250 * DAY);
    let last = alarms.last().unwrap();
    let nine: Vec<String> = (0..9).map(|i| format!("odd-{i}")).collect();
    assert_eq!(last.evidence.iter().map(|id| id.to_string()).collect::<Vec<_>>(), nine);
    assert!(alarms.iter().all(|s| s.event_id.as_ref().unwrap().starts_with("odd-")));
}

#[test]
fn payday_is_nothing() {
    assert_eq!(alarms(BANK, &books(), 250 * DAY), []);
}

#[test]
fn a_young_account_warms_up() {
    let arrivals: Vec<Arrival> = (0..30).map(|i| ticket(i, i * HOUR)).collect();
    let signals = run(&mut Detect::new(), &log(SAAS, &arrivals, 5 * DAY));
    assert_eq!(signals.iter().filter(|s| s.expected.is_none() && s.score == 0.0).count(), 30);
}

#[test]
fn what_is_usual_in_the_segment_stands_in_for_a_young_account() {
    let policy = SAAS.replace("events: 20}", "events: 20, usual: {events: 10, in: 30d}}");
    let rush: Vec<Arrival> = (0..30).map(|i| ticket(i, DAY + i * HOUR)).collect();
    let fired = alarms(&policy, &rush, 5 * DAY);
    assert_eq!(fired.first().and_then(|s| s.event_id.as_deref()), Some("t-3"));
    assert_eq!(fired.first().and_then(|s| s.expected), Some(0.666667));
    let calm: Vec<Arrival> = (0..15).map(|i| ticket(i, i * 3 * DAY)).collect();
    assert_eq!(alarms(&policy, &calm, 50 * DAY), []);
    // An account that is known goes by itself.
    let mut busy: Vec<Arrival> = (0..400).map(|i| ticket(i, i * 6 * HOUR)).collect();
    let known = alarms(&policy, &busy, 110 * DAY).iter().filter(|s| s.at.millis() > 65 * DAY).count();
    assert_eq!(known, 0);
    busy.truncate(40);
    assert!(!alarms(&policy, &busy, 15 * DAY).is_empty());
}

/// Lets a policy's detector count by an attribute.
fn by_shop(policy: &str, counts: &str) -> String {
    assert!(policy.contains(counts));
    policy.replace(counts, &format!("{counts}\n    by: attributes.shop"))
}

fn in_shop(mut arrival: Arrival, shop: &str) -> Arrival {
    if let Body::Event { event, .. } = &mut arrival.body {
        event.attributes.insert(Id::from("shop"), serde_json::json!(shop));
    }
    arrival
}

#[test]
fn an_account_has_so_many_subjects_of_rates_and_bursts_and_keeps_those_seen_last() {
    let tickets = (0..2_000).map(|n| ticket(n, n * HOUR / 4));
    let debits = (0..2_000).map(|n| debit(&format!("d-{n}"), n * HOUR / 4, "12.00", None));
    for (policy, arrivals, store, least) in [
        (by_shop(SAAS, "counts: ticket.opened"), tickets.collect::<Vec<_>>(), "detector.rates", 90.0),
        (by_shop(BANK, "counts: debit"), debits.collect(), "detector.bursts", 0.0),
    ] {
        // Every other event is one of the busiest shop, which must not be forgotten for all the others.
        let shop = |n: usize| if n.is_multiple_of(2) { "busiest".to_owned() } else { format!("shop-{n}") };
        let arrivals: Vec<_> = arrivals.into_iter().enumerate().map(|(n, a)| in_shop(a, &shop(n))).collect();
        let mut detect = Detect::new();
        let signals = run(&mut detect, &log(&policy, &arrivals, 600 * HOUR));
        assert_eq!(signals.len(), arrivals.len());
        let entries = |detect: &mut Detect| detect.stores().iter().find(|s| s.name() == store).unwrap().entries();
        assert_eq!(entries(&mut detect), 256, "{store}");
        assert_eq!(detect.take_counted().len(), 1_001 - 256, "{store}");
        let mut busiest = signals.iter().filter(|s| s.subject.as_deref() == Some("busiest"));
        assert!(busiest.next_back().unwrap().value >= least);
    }
}
