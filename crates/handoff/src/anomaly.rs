//! S5: what detectors say, with what humans said of their alarms before.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Episode, Evidence, Finding};
use crate::facts;
use crate::priority::millis;
use crate::state::{Feedback, ordered};
use crate::step::Step;
use baton_policy::Detector;
use baton_records::{Account, Event, Id, Signal, SignalKind, Strategy, Why};

/// A verdict moves the threshold by this share of the distance to 1.
const STEP: f64 = 0.2;
const HIGHEST: f64 = 0.999;
const LOWEST: f64 = 0.95;

/// Tells whether a detector looks at accounts like this one.
fn concerns(detector: &Detector, account: &Account) -> bool {
    detector.segment == "*" || account.segment.as_ref() == Some(&detector.segment)
}

impl<'a> Step<'a> {
    /// Tells whether a detector of the account counts an event.
    pub(crate) fn is_counted(&self, event: &Event) -> bool {
        let account = self.record();
        self.rules.policy.anomaly.iter().any(|d| d.event_type == event.event_type && concerns(d, &account))
    }

    fn detector(&self, name: &str) -> Option<&'a Detector> {
        let account = self.record();
        let named = || self.rules.policy.anomaly.iter().filter(|d| d.rule.name == name);
        named().find(|d| concerns(d, &account)).or_else(|| named().next())
    }

    /// Judges what a detector says of an event of this topic, or of a deadline.
    pub(crate) fn judge_anomaly(&self, signal: &Signal, topic: Option<&str>, judgement: &mut Judgement<'a>) {
        let Some(detector) = self.detector(&signal.name) else { return };
        if !crate::rules::in_scope(&detector.rule, &self.account) {
            return;
        }
        let name = &detector.rule.name;
        let feedback = self.state.feedback.get(&(self.account.clone(), name.clone()));
        let threshold = feedback.map_or(signal.threshold, |f| f.threshold);
        let back = signal.kind == SignalKind::Absence && signal.event_id.is_some();
        let fired = signal.score >= threshold && !signal.quiet && !back;
        let seen = Seen { value: signal.score, threshold, fired, below: false };
        judgement.saw(Strategy::Anomaly, name, seen, signal.evidence.clone());
        if signal.quiet {
            return judgement.silence(Why::QuietPeriod);
        }
        judgement.warming |= !fired && signal.expected.is_none();
        // Life after an absence is news for the handoff that the absence is a reason of, and for nobody else.
        let same = |s: &Id| Some(s) == signal.subject.as_ref();
        let known = |(_, e): (_, &Episode)| {
            e.reasons.iter().any(|r| r.rule == *name && (r.subjects.is_empty() || r.subjects.iter().any(same)))
        };
        let follows = back && self.open_places().any(known);
        if !fired && !follows {
            return;
        }
        if feedback.is_some_and(|f| f.quiet_until > signal.at.millis()) {
            return judgement.silence(Why::Dismissed);
        }
        let mut evidence: Vec<Evidence> = signal
            .evidence
            .iter()
            .chain(signal.event_id.as_ref())
            .filter_map(|id| facts::counted(self.state, &self.account, &detector.event_type, id, topic))
            .map(|(at, fact)| Evidence { at, customer: fact.customer })
            .collect();
        evidence.sort_by(|a, b| a.at.cmp(&b.at));
        evidence.dedup_by(|a, b| a.at == b.at);
        let deadline = signal.event_id.is_none();
        let since = (signal.at.millis(), Id::default());
        let newest = evidence.last().map(|e| e.at.clone());
        let finding = Finding {
            strategy: Strategy::Anomaly,
            rule: &detector.rule,
            name: name.clone(),
            value: signal.score,
            threshold: threshold.min(signal.score),
            evidence,
            since: if deadline { since } else { newest.unwrap_or(since) },
            approval: None,
            about_account: true,
            subject: signal.subject.clone(),
            cause: deadline.then(|| Id::from(format!("deadline@{}/{name}", signal.at.millis()))),
            summary: detector.rule.summary.clone(),
        };
        self.found(&Id::default(), finding, judgement);
    }

    /// Judges a detector's deadline, and writes the decision.
    pub(crate) fn judge_deadline(&mut self, signal: &Signal) {
        let at = signal.at.millis();
        let mut judgement = Judgement::new(Id::default());
        self.judge_anomaly(signal, None, &mut judgement);
        self.apply(None, at, &mut judgement);
        let subject = signal.subject.as_deref().unwrap_or("");
        let cause = format!("{}@{at}/{subject}", signal.name);
        self.decide(judgement, None, at, &cause);
    }

    /// Learns from a human's verdict on the alarms of a handoff. Tells whether it had any.
    pub(crate) fn learn(&mut self, episode: &Episode, dismissed: bool) -> bool {
        let mut any = false;
        for reason in episode.reasons.iter().filter(|r| r.strategy == Strategy::Anomaly) {
            any = true;
            let Some(detector) = self.detector(&reason.rule) else { continue };
            let key = (self.account.clone(), reason.rule.clone());
            let old = self.state.feedback.get(&key).copied();
            let old = old.unwrap_or(Feedback { threshold: detector.threshold, quiet_until: i64::MIN });
            let step = STEP * (1.0 - old.threshold);
            let feedback = if dismissed {
                let quiet_until = self.arrival.saturating_add_unsigned(millis(detector.dismissed_for));
                Feedback { threshold: (old.threshold + step).min(HIGHEST).max(old.threshold), quiet_until }
            } else {
                Feedback { threshold: (old.threshold - step).max(LOWEST).min(old.threshold), ..old }
            };
            self.state.feedback.put(key, feedback);
        }
        any
    }

    /// Forgets closed handoffs whose time is over.
    pub(crate) fn forget(&mut self) {
        while let Some(key) = self.state.forget.iter().next().map(|(k, ())| k.clone()) {
            if key.0 > ordered(self.time) {
                return;
            }
            self.state.closed.remove(&(key.1.clone(), key.2.clone()));
            self.state.forget.remove(&key);
        }
    }
}
