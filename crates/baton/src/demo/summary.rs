//! Counts what the demo saw.

use crate::terminal::plain;
use baton_records::{Decision, Handoff, Id, Outcome, Status, Timestamp};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// What came to light until the end.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    seconds: f64,
    events: BTreeMap<&'static str, u64>,
    reports: u64,
    decisions: u64,
    handoffs: u64,
    handoffs_by_company: BTreeMap<&'static str, u64>,
    handoffs_by_strategy: BTreeMap<&'static str, u64>,
    handoffs_by_team: BTreeMap<Id, u64>,
    revisions_by_status: BTreeMap<String, u64>,
    why_not: BTreeMap<String, u64>,
    dead_letters: BTreeMap<String, u64>,
    median_ms_from_event_to_handoff: Option<u64>,
    #[serde(skip)]
    sent: BTreeMap<(&'static str, Id), Timestamp>,
    #[serde(skip)]
    took: Vec<Duration>,
}

impl Summary {
    /// Counts a record that was written.
    pub fn sent(&mut self, company: &'static str, event_id: Option<&Id>, now: Timestamp, is_history: bool) {
        let Some(event_id) = event_id else {
            self.reports += 1;
            return;
        };
        *self.events.entry(company).or_default() += 1;
        if !is_history {
            self.sent.entry((company, event_id.clone())).or_insert(now);
        }
    }

    /// Counts a revision; returns how long after the newest event of its evidence it came.
    pub fn handoff(&mut self, company: &'static str, handoff: &Handoff, now: Timestamp) -> Option<Duration> {
        *self.revisions_by_status.entry(name(&handoff.status)).or_default() += 1;
        if handoff.status != Status::Opened {
            return None;
        }
        self.handoffs += 1;
        *self.handoffs_by_company.entry(company).or_default() += 1;
        if let Some(first) = handoff.reasons.first() {
            *self.handoffs_by_strategy.entry(first.strategy.name()).or_default() += 1;
        }
        *self.handoffs_by_team.entry(handoff.team.clone()).or_default() += 1;
        let evidence = handoff.reasons.iter().flat_map(|reason| &reason.evidence);
        let newest = evidence.filter_map(|id| self.sent.get(&(company, id.clone()))).max();
        let took = newest.map(|sent| now.since(*sent));
        self.took.extend(took);
        took
    }

    /// Counts a decision.
    pub fn decision(&mut self, decision: &Decision) {
        self.decisions += 1;
        if matches!(decision.outcome, Outcome::None | Outcome::Approved) {
            *self.why_not.entry(name(&decision.why)).or_default() += 1;
        }
    }

    /// Counts a dead letter.
    pub fn dead_letter(&mut self, reason: &str) {
        *self.dead_letters.entry(reason.to_owned()).or_default() += 1;
    }

    /// Ends the counting, and takes the median.
    pub fn finish(mut self, lasted: Duration) -> Self {
        self.seconds = (lasted.as_secs_f64() * 10.0).round() / 10.0;
        self.took.sort_unstable();
        let median = self.took.get(self.took.len() / 2);
        self.median_ms_from_event_to_handoff = median.and_then(|took| u64::try_from(took.as_millis()).ok());
        self
    }

    /// Tells whether there was a handoff.
    pub const fn has_handoffs(&self) -> bool {
        self.handoffs > 0
    }

    /// Writes it for people.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let events: u64 = self.events.values().sum();
        let reports = self.reports;
        writeln!(
            out,
            "In {} s: {events} events and {reports} reports of agents in, {} decisions",
            self.seconds, self.decisions
        )?;
        row(out, "events", counts(&self.events))?;
        row(out, "handoffs", format!("{}  ({})", self.handoffs, counts(&self.handoffs_by_company)))?;
        row(out, "strategy", counts(&self.handoffs_by_strategy))?;
        row(out, "team", counts(&self.handoffs_by_team))?;
        row(out, "revisions", counts(&self.revisions_by_status))?;
        row(out, "why not", counts(&self.why_not))?;
        row(out, "refused", counts(&self.dead_letters))?;
        let median = self.median_ms_from_event_to_handoff.map(|ms| format!("{ms} ms"));
        row(out, "median", median.map(|ms| format!("{ms} from an event's sending to its handoff")).unwrap_or_default())
    }
}

fn row(out: &mut impl Write, label: &str, text: String) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { writeln!(out, "  {label:<10} {text}") }
}

/// Lists counts, the highest first.
fn counts(counted: &BTreeMap<impl AsRef<str>, u64>) -> String {
    let mut all: Vec<_> = counted.iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    all.iter().map(|(name, count)| format!("{} {count}", plain(name.as_ref()))).collect::<Vec<_>>().join(", ")
}

/// Returns the name that a value has in records.
fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_listed_from_the_highest() {
        let counted = BTreeMap::from([("a", 1), ("b", 7), ("c", 1)]);
        assert_eq!(counts(&counted), "b 7, a 1, c 1");
    }

    #[test]
    fn the_median_is_of_what_was_measured() {
        let mut summary = Summary::default().finish(Duration::from_secs(1));
        assert_eq!(summary.median_ms_from_event_to_handoff, None);
        summary.took = [90, 10, 40].map(Duration::from_millis).to_vec();
        summary = summary.finish(Duration::from_secs(1));
        assert_eq!(summary.median_ms_from_event_to_handoff, Some(40));
        assert!(!summary.has_handoffs());
    }
}
