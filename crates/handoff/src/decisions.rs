//! A decision in the making: what the rules saw, what they found, and what came of it.

use crate::episode::Finding;
use crate::step::Step;
use baton_records::{ApprovalNote, Decision, Gate, Id, Outcome, RuleResult, Strategy, Timestamp, Why, ids};
use baton_stream::{Counted, wire};

/// What is seen of one record or deadline.
#[derive(Debug)]
pub(crate) struct Judgement<'r> {
    pub conversation: Option<Id>,
    pub rules: Vec<RuleResult>,
    pub findings: Vec<Finding<'r>>,
    pub handoff_id: Option<Id>,
    pub approval: Option<ApprovalNote>,
    pub turn: Option<u32>,
    pub gate: Option<Gate>,
    pub customer_notice: Option<Id>,
    /// Whether there must be a decision though no rule looked.
    pub matters: bool,
    /// Whether a detector's baseline is too young to say anything.
    pub warming: bool,
    outcome: Outcome,
    said: Option<Why>,
    silenced: Option<Why>,
}

impl<'r> Judgement<'r> {
    pub(crate) fn new(conversation: Id) -> Self {
        Self {
            conversation: Some(conversation).filter(|c| !c.is_empty()),
            rules: Vec::new(),
            findings: Vec::new(),
            handoff_id: None,
            approval: None,
            turn: None,
            gate: None,
            customer_notice: None,
            matters: false,
            warming: false,
            outcome: Outcome::None,
            said: None,
            silenced: None,
        }
    }

    /// Says what came of it; an opening outweighs an update.
    pub(crate) fn say(&mut self, outcome: Outcome, why: Why) {
        if self.said.is_none() || outcome == Outcome::Opened || self.outcome == Outcome::None {
            (self.outcome, self.said) = (outcome, Some(why));
        }
    }

    /// Says why something that would have fired did not; the first to say so stands.
    pub(crate) fn silence(&mut self, why: Why) {
        self.silenced.get_or_insert(why);
    }

    /// Notes what a rule saw.
    pub(crate) fn saw(&mut self, strategy: Strategy, rule: &Id, seen: Seen, evidence: Vec<Id>) {
        let margin = if seen.below { seen.threshold - seen.value } else { seen.value - seen.threshold };
        self.rules.push(RuleResult {
            strategy,
            rule: rule.clone(),
            value: seen.value,
            threshold: seen.threshold,
            margin: if seen.fired { margin.max(0.0) } else { margin },
            fired: seen.fired,
            evidence,
        });
    }

    fn why(&self) -> Why {
        if let Some(why) = self.said {
            return why;
        }
        match self.silenced {
            Some(why) => why,
            None if self.warming => Why::WarmingUp,
            None if self.rules.is_empty() => Why::NoRule,
            None => Why::BelowThreshold,
        }
    }
}

/// What a rule compares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub value: f64,
    pub threshold: f64,
    pub fired: bool,
    /// It fires below the threshold rather than from it on.
    pub below: bool,
}

impl Step<'_> {
    /// Writes a decision. Its id derives from the account and the cause.
    pub(crate) fn decide(&mut self, judgement: Judgement<'_>, event_id: Option<&Id>, at: i64, cause: &str) {
        let decision = Decision {
            decision_id: ids::derived(&["decision", &self.account, cause]),
            account_id: self.account.clone(),
            event_id: event_id.cloned(),
            at: Timestamp::from_millis(at),
            outcome: judgement.outcome,
            why: judgement.why(),
            conversation_id: judgement.conversation,
            handoff_id: judgement.handoff_id,
            rules: judgement.rules,
            approval: judgement.approval,
            turn: judgement.turn,
            gate: judgement.gate,
            customer_notice: judgement.customer_notice,
            policy_version: self.rules.version.clone(),
        };
        self.out.write(wire::decision(&decision, self.trace.as_ref()));
        self.out.count(Counted::Decided(decision.outcome, decision.why));
    }
}
