//! S4: humans step in by degrees, as a conversation gives more cues.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Evidence, Finding};
use crate::rules::{Facts, in_scope};
use crate::state::{At, Conversation, Hit};
use crate::step::Step;
use baton_policy::GradualRule;
use baton_records::{Event, Id, Strategy};
use std::collections::BTreeSet;

/// Messages with cues that are kept of a conversation.
const MESSAGES: usize = 32;

impl Conversation {
    /// Keeps which cues of gradual rules a message has.
    pub(crate) fn take_gradual(&mut self, at: &At, hits: &[Hit], wanted: &BTreeSet<Id>) {
        let mut cues: Vec<Id> = hits.iter().filter(|h| wanted.contains(&h.cue)).map(|h| h.cue.clone()).collect();
        if cues.is_empty() {
            return;
        }
        cues.sort();
        cues.dedup();
        if let Err(place) = self.gradual.binary_search_by(|(a, _)| a.cmp(at)) {
            self.gradual.insert(place, (at.clone(), cues));
        }
        let over = self.gradual.len().saturating_sub(MESSAGES);
        self.gradual.drain(..over);
    }
}

impl<'a> Step<'a> {
    /// Judges an event by the gradual rules: all cues must have stood in the conversation, in enough messages.
    pub(crate) fn judge_gradual(
        &self,
        conversation: &Id,
        at: &At,
        customer: bool,
        facts: Facts<'_>,
        judgement: &mut Judgement<'a>,
    ) {
        let rules = self.rules;
        let Some(event) = facts.event else { return };
        for rule in &rules.policy.gradual {
            if !looks_at(rule, event, customer) || !in_scope(&rule.rule, &self.account) {
                continue;
            }
            let used = self.used(conversation, &rule.rule.name);
            let seen_in = self.conversation(conversation).map_or(&[][..], |c| c.gradual.as_slice());
            let counts = |(a, cues): &&(At, Vec<Id>)| {
                used.as_ref().is_none_or(|u| a > u) && cues.iter().any(|c| rule.cues.contains(c))
            };
            let messages: Vec<_> = seen_in.iter().filter(counts).collect();
            let all = rule.cues.iter().all(|c| messages.iter().any(|(_, cues)| cues.contains(c)));
            let now = rule.cues.is_empty() || !customer || messages.iter().any(|(a, _)| a == at);
            let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
            let fired = all && now && count >= rule.messages && rules.holds(rule.rule.when.as_ref(), facts);
            let value = if all || !fired { f64::from(count) } else { 0.0 };
            let seen = Seen { value, threshold: f64::from(rule.messages), fired, below: false };
            let mut evidence: Vec<Evidence> =
                messages.iter().map(|(a, _)| Evidence { at: a.clone(), customer: true }).collect();
            if fired && evidence.iter().all(|e| e.at != *at) {
                evidence.push(Evidence { at: at.clone(), customer });
            }
            let ids = if fired { evidence.iter().map(|e| e.at.1.clone()).collect() } else { Vec::new() };
            judgement.saw(Strategy::Gradual, &rule.rule.name, seen, ids);
            if fired {
                let since = evidence.last().map_or_else(|| at.clone(), |e| e.at.clone());
                let finding = Finding {
                    strategy: Strategy::Gradual,
                    rule: &rule.rule,
                    name: rule.rule.name.clone(),
                    value,
                    threshold: f64::from(rule.messages),
                    evidence,
                    since,
                    approval: None,
                    about_account: false,
                    subject: None,
                    cause: None,
                    summary: rule.rule.summary.clone(),
                };
                self.found(conversation, finding, judgement);
            }
        }
    }
}

fn looks_at(rule: &GradualRule, event: &Event, customer: bool) -> bool {
    if rule.types.is_empty() { customer } else { rule.types.contains(&event.event_type) }
}
