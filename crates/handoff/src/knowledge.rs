//! S2: an AI's answer below its domain's floor, or on what only a human may answer.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Evidence, Finding};
use crate::rules::{Facts, in_scope};
use crate::state::At;
use crate::step::Step;
use baton_policy::{Mode, Rule};
use baton_records::{Actor, Event, Gate, Id, Signal, SignalKind, Strategy};

/// The rule's name when Baton's own model judged the question.
const OWN_MODEL: &str = "knowledge.own_model";

/// Tells whether an event is an AI's answer, given or about to be.
pub(crate) fn is_answer(event: &Event) -> bool {
    event.actor == Some(Actor::AiAgent) && matches!(event.event_type.as_str(), "message" | "message.draft")
}

/// Tells whether an event is an answer that the customer has not read yet.
pub(crate) fn is_draft(event: &Event) -> bool {
    event.event_type == "message.draft"
}

impl<'a> Step<'a> {
    /// Judges an AI's answer.
    pub(crate) fn judge_answer(
        &self,
        conversation: &Id,
        at: &At,
        event: &Event,
        signals: &[Signal],
        facts: Facts<'_>,
        judgement: &mut Judgement<'a>,
    ) {
        let rules = self.rules;
        let Some(ai) = &event.ai else { return self.judge_by_model(conversation, at, signals, facts, judgement) };
        let human_only = rules.policy.knowledge.human_only.iter().find(|h| {
            ai.tags.iter().any(|t| h.tags.contains(t))
                && in_scope(&h.rule, &self.account)
                && rules.holds(h.rule.when.as_ref(), facts)
        });
        if let Some(only) = human_only {
            let seen = Seen { value: 1.0, threshold: 1.0, fired: true, below: false };
            return self.knows_not(conversation, at, &only.rule, only.rule.name.clone(), seen, judgement);
        }
        match ai.confidence {
            Some(confidence) => {
                self.judge_confidence(conversation, at, ai.domain.as_ref(), confidence, facts, judgement)
            }
            None => self.judge_by_model(conversation, at, signals, facts, judgement),
        }
    }

    fn judge_confidence(
        &self,
        conversation: &Id,
        at: &At,
        domain: Option<&Id>,
        confidence: f64,
        facts: Facts<'_>,
        judgement: &mut Judgement<'a>,
    ) {
        let knowledge = &self.rules.policy.knowledge;
        let Some(domain) = domain.and_then(|d| knowledge.domains.get(d)).or(knowledge.default.as_ref()) else { return };
        let Some(owner) = self.owner(&domain.owners, facts) else { return };
        let seen = Seen { value: confidence, threshold: domain.floor, fired: confidence < domain.floor, below: true };
        self.knows_not(conversation, at, owner, owner.name.clone(), seen, judgement);
    }

    /// The scorer's own model says how sure an answer to the question could be.
    fn judge_by_model(
        &self,
        conversation: &Id,
        at: &At,
        signals: &[Signal],
        facts: Facts<'_>,
        judgement: &mut Judgement<'a>,
    ) {
        let Some(signal) = signals.iter().find(|s| s.kind == SignalKind::Knowledge) else { return };
        let knowledge = &self.rules.policy.knowledge;
        let Some(domain) = knowledge.domains.get(&signal.name).or(knowledge.default.as_ref()) else { return };
        let Some(owner) = self.owner(&domain.owners, facts) else { return };
        let seen =
            Seen { value: signal.score, threshold: domain.floor, fired: signal.score < domain.floor, below: true };
        self.knows_not(conversation, at, owner, Id::new_static(OWN_MODEL), seen, judgement);
    }

    fn owner(&self, owners: &'a [Rule], facts: Facts<'_>) -> Option<&'a Rule> {
        owners.iter().find(|o| in_scope(o, &self.account) && self.rules.holds(o.when.as_ref(), facts))
    }

    fn knows_not(
        &self,
        conversation: &Id,
        at: &At,
        rule: &'a Rule,
        name: Id,
        seen: Seen,
        judgement: &mut Judgement<'a>,
    ) {
        judgement.saw(Strategy::Knowledge, &name, seen, vec![at.1.clone()]);
        if !seen.fired {
            return;
        }
        if rule.mode == Mode::Live {
            judgement.gate = Some(Gate::Hold);
        }
        let summary = match name == OWN_MODEL {
            true => Id::from(format!("{} (estimated by Baton)", rule.summary)),
            false => rule.summary.clone(),
        };
        let finding = Finding {
            strategy: Strategy::Knowledge,
            rule,
            name,
            value: seen.value,
            threshold: seen.threshold,
            evidence: vec![Evidence { at: at.clone(), customer: false }],
            since: at.clone(),
            approval: None,
            about_account: false,
            subject: None,
            cause: None,
            summary,
        };
        self.found(conversation, finding, judgement);
    }

    /// The policy's words for the customer while an answer is held, in the customer's language.
    pub(crate) fn notice(&self, conversation: &Id, at: &At) -> Option<Id> {
        let notices = &self.rules.policy.notices;
        let said = self.conversation(conversation).and_then(|c| c.face(at).language.clone());
        let record = self.record();
        let locale = record.locale.as_deref().and_then(|l| l.split(['-', '_']).next());
        let language = said.as_deref().or(locale).unwrap_or("en");
        notices.get(language).or_else(|| notices.get("en")).cloned()
    }
}
