//! S8: subjects that need skills, at an AI's answer below the floor or at the question already.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Evidence, Finding};
use crate::knowledge::is_answer;
use crate::priority::is_demand;
use crate::rules::{Facts, in_scope};
use crate::state::At;
use crate::step::Step;
use baton_policy::SkillRule;
use baton_records::{Event, Id, Strategy};

impl<'a> Step<'a> {
    /// Judges an AI's answer, or a question about what only humans may answer.
    pub(crate) fn judge_skill(&self, conversation: &Id, at: &At, facts: Facts<'_>, judgement: &mut Judgement<'a>) {
        let rules = self.rules;
        let Some(event) = facts.event else { return };
        let last = self.conversation(conversation).and_then(|c| c.subject.as_ref());
        let subject = event.subject.as_ref().or(last);
        for rule in &rules.policy.skill {
            let Some(seen) = seen(rule, event) else { continue };
            if !concerns(rule, subject, event) || !in_scope(&rule.rule, &self.account) {
                continue;
            }
            let fired = seen.fired && rules.holds(rule.rule.when.as_ref(), facts);
            let seen = Seen { fired, ..seen };
            judgement.saw(Strategy::Skill, &rule.rule.name, seen, vec![at.1.clone()]);
            if fired {
                let finding = Finding {
                    strategy: Strategy::Skill,
                    rule: &rule.rule,
                    name: rule.rule.name.clone(),
                    value: seen.value,
                    threshold: seen.threshold,
                    evidence: vec![Evidence { at: at.clone(), customer: is_demand(event) }],
                    since: at.clone(),
                    approval: None,
                    about_account: false,
                    subject: None,
                    cause: None,
                    summary: rule.rule.summary.clone(),
                };
                self.found(conversation, finding, judgement);
                return;
            }
        }
    }
}

fn seen(rule: &SkillRule, event: &Event) -> Option<Seen> {
    if rule.human_only {
        return is_demand(event).then_some(Seen { value: 1.0, threshold: 1.0, fired: true, below: false });
    }
    let confidence = event.ai.as_ref().and_then(|ai| ai.confidence).filter(|_| is_answer(event))?;
    Some(Seen { value: confidence, threshold: rule.floor, fired: confidence < rule.floor, below: true })
}

fn concerns(rule: &SkillRule, subject: Option<&Id>, event: &Event) -> bool {
    let named = |pattern: &Id, subject: &Id| match pattern.strip_suffix('*') {
        Some(prefix) => subject.starts_with(prefix),
        None => pattern == subject,
    };
    let domain = event.ai.as_ref().and_then(|ai| ai.domain.as_ref());
    subject.is_some_and(|s| rule.subjects.iter().any(|p| named(p, s)))
        || domain.is_some_and(|d| rule.domains.contains(d))
}
