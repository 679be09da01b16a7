//! Cases as data, and properties.

mod bounds;
mod cases;
mod facts;
mod ids;
mod modes;
mod policy;
mod properties;
mod repeats;
mod switch;

use crate::Decide;
use crate::rules::Rules;
use baton_policy::Policy;
use baton_records::{
    Account, AssignResult, Body, Decision, Entry, Event, Handoff, Id, Interaction, Lifecycle, LogRecord, Received,
    Signal, SignalKind, Source, Timestamp,
};
use baton_stream::{Outbox, Topic};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One line of a case: what stands in the log, with the signals about it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// Arrival; an event's `occurred_at` unless given. Log time is the highest arrival so far.
    pub at: Option<Timestamp>,
    #[serde(default)]
    pub account_id: Option<Id>,
    #[serde(default)]
    pub history: bool,
    /// The conversation that the event joined; its own unless given.
    #[serde(default)]
    pub joined: Option<Id>,
    /// The topic that the record stood in; `source` unless given.
    #[serde(default)]
    pub topic: Option<Id>,
    #[serde(default)]
    pub event: Option<Event>,
    /// `cue@sentence` with score 0.9, or `cue@sentence=score`.
    #[serde(default)]
    pub cues: Vec<String>,
    /// An account record, or `tombstone`.
    #[serde(default)]
    pub account: Option<Value>,
    #[serde(default)]
    pub lifecycle: Option<Lifecycle>,
    #[serde(default)]
    pub teams: Vec<Id>,
    #[serde(default)]
    pub assign: Option<AssignResult>,
    /// A detector's deadline that fires before this line.
    #[serde(default)]
    pub deadline: Option<Signal>,
    /// A detector's signal about this line's event.
    #[serde(default)]
    pub signal: Option<Signal>,
}

/// Drives [`Decide`] with lines.
pub(super) struct Driver {
    pub decide: Decide,
    policy: fn() -> Policy,
    seq: u64,
    time: Timestamp,
    pub out: Outbox,
    /// One for each store.
    changelogs: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
}

fn rules(policy: fn() -> Policy) -> Rules {
    Rules::new("test@1".into(), policy())
}

impl Driver {
    pub fn new() -> Self {
        Self::with(policy::policy)
    }

    pub fn with(policy: fn() -> Policy) -> Self {
        let mut decide = Decide::new();
        decide.rules = Some(rules(policy));
        Self { decide, policy, seq: 0, time: Timestamp::MIN, out: Outbox::default(), changelogs: Vec::new() }
    }

    /// Throws the process away and makes it anew from its stores.
    pub fn restart(&mut self) {
        let mut fresh = Decide::new();
        fresh.rules = Some(rules(self.policy));
        let (old, new) = (self.decide.stores(), fresh.stores());
        self.changelogs.resize(old.len(), BTreeMap::new());
        for ((old, new), changelog) in old.into_iter().zip(new).zip(&mut self.changelogs) {
            old.drain(&mut |key, value| match value {
                Some(value) => drop(changelog.insert(key.to_vec(), value.to_vec())),
                None => drop(changelog.remove(key)),
            });
            for (key, value) in changelog {
                new.restore(key, Some(value)).unwrap();
            }
        }
        self.decide = fresh;
    }

    pub fn feed(&mut self, line: &Line) {
        let event_time = line.event.as_ref().map(|e| e.occurred_at);
        let arrival = line.at.or(event_time).unwrap_or(self.time);
        self.time = self.time.max(arrival);
        self.seq += 1;
        let account = line.account_id.clone().unwrap_or_else(|| "acme".into());
        let entry = match body(line) {
            Some(body) => Entry::Interaction(Box::new(Interaction {
                account_id: account.clone(),
                arrival,
                history: line.history,
                source: Source {
                    topic: line.topic.clone().unwrap_or_else(|| "source".into()),
                    partition: 0,
                    offset: self.seq.cast_signed(),
                },
                traceparent: None,
                body,
            })),
            None => Entry::Mark,
        };
        let record = LogRecord { seq: self.seq, time: self.time, entry };
        let mut signals = cues(line, &account, arrival);
        signals.extend(line.signal.clone());
        let deadlines = line.deadline.iter().cloned().collect();
        self.decide.record(&record, deadlines, signals, &mut self.out).unwrap();
    }

    pub fn handoffs(&self) -> Vec<Handoff> {
        let all = self.out.records.iter().filter(|r| r.topic == Topic::Handoffs);
        all.map(|r| serde_json::from_slice(r.value.as_ref().unwrap()).unwrap()).collect()
    }

    pub fn decisions(&self) -> Vec<Decision> {
        let all = self.out.records.iter().filter(|r| r.topic == Topic::Decisions);
        all.map(|r| serde_json::from_slice(r.value.as_ref().unwrap()).unwrap()).collect()
    }
}

fn body(line: &Line) -> Option<Body> {
    if let Some(event) = &line.event {
        let conversation = line.joined.clone().or_else(|| event.conversation_id.clone());
        return Some(Body::Event { event: Box::new(event.clone()), conversation });
    }
    if let Some(value) = &line.account {
        let gone = value == "tombstone";
        let account: Option<Account> = (!gone).then(|| serde_json::from_value(value.clone()).unwrap());
        return Some(Body::Account { account: account.map(Box::new) });
    }
    if let Some(lifecycle) = &line.lifecycle {
        let value = Id::from(serde_json::to_string(lifecycle).unwrap());
        let received = Received { key: None, value };
        return Some(Body::Lifecycle {
            lifecycle: Box::new(lifecycle.clone()),
            agent_teams: line.teams.clone(),
            received,
        });
    }
    line.assign.clone().map(|result| Body::Assign { result })
}

fn cues(line: &Line, account: &Id, at: Timestamp) -> Vec<Signal> {
    let signal = |text: &String| {
        let (cue, rest) = text.split_once('@').unwrap();
        let (sentence, score) = rest.split_once('=').unwrap_or((rest, "0.9"));
        Signal {
            signal_id: text.into(),
            account_id: account.clone(),
            kind: SignalKind::Sentiment,
            name: cue.into(),
            score: score.parse().unwrap(),
            value: 0.0,
            expected: None,
            threshold: 0.7,
            sentence: Some(sentence.parse().unwrap()),
            subject: None,
            quiet: false,
            event_id: line.event.as_ref().map(|e| e.event_id.clone()),
            evidence: Vec::new(),
            at,
        }
    };
    line.cues.iter().map(signal).collect()
}
