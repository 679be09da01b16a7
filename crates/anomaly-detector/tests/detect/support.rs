//! Builds logs for the tests of this folder.

use anomaly_detector::Detect;
use baton_records::{
    Account, Body, Channel, Entry, Event, Id, Interaction, LogRecord, QuietPeriod, Signal, Source, Timestamp,
};
use baton_stream::Store;
use std::collections::BTreeMap;

pub const DAY: i64 = 86_400_000;

/// Something that arrives.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    pub at: i64,
    pub account: String,
    pub history: bool,
    pub body: Body,
}

pub fn order(account: &str, sku: &str, id: &str, occurred_at: i64, arrival: i64) -> Arrival {
    let attributes = BTreeMap::from([(Id::from("sku"), serde_json::json!(sku))]);
    event(account, "order", id, occurred_at, arrival, attributes, None)
}

pub fn event(
    account: &str,
    event_type: &str,
    id: &str,
    occurred_at: i64,
    arrival: i64,
    attributes: BTreeMap<Id, serde_json::Value>,
    amount: Option<&str>,
) -> Arrival {
    let event = Event {
        event_id: Id::from(id),
        occurred_at: Timestamp::from_millis(occurred_at),
        channel: Channel::Crm,
        event_type: Id::from(event_type),
        account_id: Some(Id::from(account)),
        identities: BTreeMap::new(),
        contact_id: None,
        conversation_id: None,
        actor: None,
        text: None,
        ai: None,
        request: None,
        amount: amount.map(|a| a.parse().unwrap()),
        currency: None,
        quantity: None,
        value: None,
        subject: None,
        attributes,
    };
    let body = Body::Event { event: Box::new(event), conversation: None };
    let history = arrival - occurred_at > DAY;
    Arrival { at: arrival, account: account.to_owned(), history, body }
}

pub fn account(account: &str, zone: &str, from: &str, to: &str, at: i64) -> Arrival {
    let quiet_periods = vec![QuietPeriod { from: Id::from(from), to: Id::from(to), why: None }];
    let record = Account { time_zone: Some(Id::from(zone)), quiet_periods, ..Account::unknown(Id::from(account)) };
    let body = Body::Account { account: Some(Box::new(record)) };
    Arrival { at, account: account.to_owned(), history: false, body }
}

/// Makes a log: the policy, the arrivals in order of arrival, and marks every 6 hours up to `until`.
pub fn log(policy: &str, arrivals: &[Arrival], until: i64) -> Vec<LogRecord> {
    let mut arrivals = arrivals.to_vec();
    arrivals.sort_by_key(|a| a.at);
    let start = arrivals.first().map_or(0, |a| a.at);
    let text = Id::from(policy);
    let mut entries = vec![(start, Entry::Policy { version: Id::from("test@1"), text })];
    for arrival in arrivals {
        let mut last = entries.last().map_or(start, |(t, _)| *t);
        while arrival.at - last > DAY / 4 {
            last += DAY / 4;
            entries.push((last, Entry::Mark));
        }
        let interaction = Interaction {
            account_id: Id::from(arrival.account.as_str()),
            arrival: Timestamp::from_millis(arrival.at),
            history: arrival.history,
            source: Source { topic: Id::from("orders"), partition: 0, offset: entries.len() as i64 },
            traceparent: None,
            body: arrival.body,
        };
        entries.push((arrival.at, Entry::Interaction(Box::new(interaction))));
    }
    let mut last = entries.last().map_or(start, |(t, _)| *t);
    while last < until {
        last = (last + DAY / 4).min(until);
        entries.push((last, Entry::Mark));
    }
    let record = |(i, (time, entry)): (usize, (i64, Entry))| LogRecord {
        seq: i as u64 + 1,
        time: Timestamp::from_millis(time),
        entry,
    };
    entries.into_iter().enumerate().map(record).collect()
}

pub fn run(detect: &mut Detect, log: &[LogRecord]) -> Vec<Signal> {
    let mut signals = Vec::new();
    for record in log {
        signals.extend(detect.due(record.time).unwrap());
        signals.extend(detect.record(record).unwrap());
    }
    signals
}

/// Runs a log, and after each record at which `restarts` says so, goes on with stores restored from the changelog.
pub fn run_restarting(log: &[LogRecord], restarts: &[bool]) -> Vec<Signal> {
    let mut changelog: Vec<(usize, Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let mut detect = Detect::new();
    let mut signals = Vec::new();
    for (record, restart) in log.iter().zip(restarts.iter().cycle()) {
        signals.extend(detect.due(record.time).unwrap());
        signals.extend(detect.record(record).unwrap());
        if *restart {
            for (number, store) in detect.stores().into_iter().enumerate() {
                store.drain(&mut |key, value| changelog.push((number, key.to_vec(), value.map(<[u8]>::to_vec))));
            }
            let due = detect.next_deadline();
            detect = Detect::new();
            let mut stores: Vec<&mut dyn Store> = detect.stores();
            for (number, key, value) in &changelog {
                stores[*number].restore(key, value.as_deref()).unwrap();
            }
            assert_eq!(detect.next_deadline(), due);
        }
    }
    signals
}

pub const MANUFACTURING: &str = include_str!("../../../../deploy/policies/manufacturing.yaml");
