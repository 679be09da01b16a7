//! S3: rules by tier and value, at the customer's message or when the account's record comes later.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Evidence, Finding};
use crate::facts::is_customer_message;
use crate::rules::{Facts, in_scope};
use crate::state::{At, Hit, Question, ordered};
use crate::step::Step;
use baton_policy::PriorityRule;
use baton_records::{Actor, Event, Id, Strategy};

/// Questions of an account that wait for its record.
const QUESTIONS: usize = 8;

/// Tells whether a customer asks or demands something with an event.
pub(crate) fn is_demand(event: &Event) -> bool {
    is_customer_message(event) || (event.event_type == "request" && matches!(event.actor, None | Some(Actor::Customer)))
}

fn looks_at(rule: &PriorityRule, event: &Event) -> bool {
    if rule.types.is_empty() { is_demand(event) } else { rule.types.contains(&event.event_type) }
}

impl<'a> Step<'a> {
    /// Judges an event by the rules of priority. `late_record`: the account's record came after it.
    pub(crate) fn judge_priority(
        &self,
        conversation: &Id,
        at: &At,
        hits: &[Hit],
        facts: Facts<'_>,
        late_record: bool,
        judgement: &mut Judgement<'a>,
    ) -> bool {
        let rules = self.rules;
        let Some(event) = facts.event else { return false };
        let mut waits = false;
        for rule in &rules.policy.priority {
            if !looks_at(rule, event) || !in_scope(&rule.rule, &self.account) {
                continue;
            }
            let cue = hits.iter().filter(|h| rule.cues.contains(&h.cue)).max_by(|a, b| a.score.total_cmp(&b.score));
            let cued = rule.cues.is_empty() || cue.is_some();
            let holds = cued && rules.holds(rule.rule.when.as_ref(), facts);
            waits |= cued && !holds;
            let threshold = cue.and_then(|h| rules.policy.sentiment.cues.get(&h.cue)).map_or(1.0, |c| c.threshold);
            let value = if holds { cue.map_or(1.0, |h| h.score) } else { 0.0 };
            let seen = Seen { value, threshold, fired: holds, below: false };
            let evidence = if holds { vec![at.1.clone()] } else { Vec::new() };
            judgement.saw(Strategy::Priority, &rule.rule.name, seen, evidence);
            if holds {
                let finding = Finding {
                    strategy: Strategy::Priority,
                    rule: &rule.rule,
                    name: rule.rule.name.clone(),
                    value,
                    threshold: threshold.min(value),
                    evidence: vec![Evidence { at: at.clone(), customer: is_customer_message(event) }],
                    since: at.clone(),
                    approval: None,
                    about_account: late_record,
                    subject: None,
                    cause: None,
                    summary: rule.rule.summary.clone(),
                };
                self.found(conversation, finding, judgement);
            }
        }
        waits
    }

    /// Keeps an event for which the account's record may still come.
    pub(crate) fn keep_question(&mut self, conversation: &Id, at: &At, hits: &[Hit], event: &Event) {
        let key = (self.account.clone(), ordered(at.0), at.1.clone());
        let event = Box::new(Event { text: None, ..event.clone() });
        let question =
            Question { arrival: self.arrival, conversation: conversation.clone(), hits: hits.to_vec(), event };
        self.state.questions.put(key, question);
        self.drop_questions();
    }

    fn drop_questions(&mut self) {
        let since = self.arrival.saturating_sub_unsigned(millis(self.rules.policy.limits.account_late));
        let open = self.open_places().next().is_some();
        let from = (self.account.clone(), 0, Id::default());
        let all: Vec<_> = self.state.questions.range(from..).take_while(|(k, _)| k.0 == self.account).collect();
        let over = all.len().saturating_sub(QUESTIONS);
        let gone: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(place, (_, q))| *place < over || (q.arrival < since && !open))
            .map(|(_, (key, _))| (*key).clone())
            .collect();
        for key in &gone {
            self.state.questions.remove(key);
        }
    }

    /// Forgets questions of the account: they are answered, or erased.
    pub(crate) fn forget_questions(&mut self, is_over: impl Fn(&Question) -> bool) {
        let from = (self.account.clone(), 0, Id::default());
        let all = self.state.questions.range(from..).take_while(|(k, _)| k.0 == self.account);
        let gone: Vec<_> = all.filter(|(_, q)| is_over(q)).map(|(k, _)| k.clone()).collect();
        for key in &gone {
            self.state.questions.remove(key);
        }
    }

    /// Judges anew what came before the account's record: it joins an open handoff, or opens one soon after.
    pub(crate) fn judge_record(&mut self) {
        self.drop_questions();
        let since = self.arrival.saturating_sub_unsigned(millis(self.rules.policy.limits.account_late));
        let from = (self.account.clone(), 0, Id::default());
        let all: Vec<_> = self
            .state
            .questions
            .range(from..)
            .take_while(|(k, _)| k.0 == self.account)
            .map(|(k, q)| (k.clone(), q.clone()))
            .collect();
        for (key, question) in all {
            if question.arrival < since && self.place_for(None).is_none() {
                continue;
            }
            let at: At = (crate::state::unordered(key.1), key.2.clone());
            let mut judgement = Judgement::new(question.conversation.clone());
            let record = self.record();
            let seen = self.seen(&question.conversation, &at);
            let facts = seen.facts(&record, &question.event);
            let waits = self.judge_priority(&question.conversation, &at, &question.hits, facts, true, &mut judgement);
            if !waits {
                self.state.questions.remove(&key);
            }
            if judgement.findings.is_empty() {
                continue;
            }
            self.apply(None, self.arrival, &mut judgement);
            let cause = format!("account@{}/{}", self.arrival, at.1);
            self.decide(judgement, Some(&at.1), self.arrival, &cause);
        }
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
