//! S8: subjects that need skills, at an AI's answer below the floor or at the question already.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Evidence, Finding};
use crate::knowledge::is_answer;
use crate::priority::is_demand;
use crate::rules::{Facts, in_scope};
use crate::state::{At, Conversation};
use crate::step::Step;
use baton_policy::SkillRule;
use baton_records::{Account, Event, Id, Strategy};

/// Subjects within the lateness bound, and answers that wait for one, that are kept of a conversation.
const KEPT: usize = 8;

impl Conversation {
    /// Takes what an event says of subjects; what is older than `settled` has its place for good.
    pub(crate) fn take_subject(&mut self, at: &At, event: &Event, settled: i64, floor: f64) {
        self.unsure.retain(|(a, _)| a.0 >= settled);
        if let Some(subject) = &event.subject {
            let place = self.subjects.partition_point(|(a, _)| a <= at);
            self.subjects.insert(place, (at.clone(), subject.clone()));
            let old =
                self.subjects.partition_point(|(a, _)| a.0 < settled).max(self.subjects.len().saturating_sub(KEPT));
            if let Some((_, newest)) = self.subjects.drain(..old).next_back() {
                self.subject = Some(newest);
            }
        } else if at.0 >= settled && confidence(event).is_some_and(|c| c < floor) {
            self.unsure.push((at.clone(), Box::new(Event { text: None, ..event.clone() })));
            let over = self.unsure.len().saturating_sub(KEPT);
            self.unsure.drain(..over);
        }
    }

    /// Returns the last subject up to a moment.
    pub(crate) fn subject_at(&self, at: &At) -> Option<&Id> {
        let recent = self.subjects.iter().rev().find(|(a, _)| a <= at).map(|(_, subject)| subject);
        recent.or(self.subject.as_ref())
    }

    /// Returns the last subject.
    pub(crate) fn newest_subject(&self) -> Option<&Id> {
        self.subjects.last().map(|(_, subject)| subject).or(self.subject.as_ref())
    }
}

/// What the rules of skill look at.
#[derive(Debug, Clone, Copy)]
struct Asked<'e> {
    at: &'e At,
    /// Its own subject, else the conversation's.
    subject: Option<&'e Id>,
    /// Of an AI's answer.
    domain: Option<&'e Id>,
    /// Of an AI's answer.
    confidence: Option<f64>,
    /// Whether a customer asks or demands something.
    demand: bool,
}

impl<'a> Step<'a> {
    /// Judges an AI's answer, or a question about what only humans may answer.
    pub(crate) fn judge_skill(&self, conversation: &Id, at: &At, facts: Facts<'_>, judgement: &mut Judgement<'a>) {
        let Some(event) = facts.event else { return };
        let last = self.conversation(conversation).and_then(|c| c.subject_at(at));
        let asked = Asked {
            at,
            subject: event.subject.as_ref().or(last),
            domain: event.ai.as_ref().and_then(|ai| ai.domain.as_ref()),
            confidence: confidence(event),
            demand: is_demand(event),
        };
        self.judge_asked(conversation, asked, facts, judgement);
    }

    /// Judges again what came before the event with its subject though it happened after it.
    pub(crate) fn judge_overtaken(&self, conversation: &Id, at: &At, account: &Account, judgement: &mut Judgement<'a>) {
        let Some(known) = self.conversation(conversation) else { return };
        let next = known.subjects.iter().map(|(a, _)| a).find(|a| *a > at);
        let is_overtaken = |other: &At| other > at && next.is_none_or(|next| other < next);
        for (answer, event) in known.unsure.iter().filter(|(a, _)| is_overtaken(a)) {
            self.judge_skill(conversation, answer, self.seen(conversation, answer).facts(account, event), judgement);
        }
        for turn in known.recent.iter().filter(|turn| is_overtaken(&turn.at)) {
            let subject = known.subject_at(at);
            let asked = Asked { at: &turn.at, subject, domain: None, confidence: None, demand: true };
            let seen = self.seen(conversation, &turn.at);
            self.judge_asked(conversation, asked, seen.facts_without_event(account), judgement);
        }
    }

    fn judge_asked(&self, conversation: &Id, asked: Asked<'_>, facts: Facts<'_>, judgement: &mut Judgement<'a>) {
        let rules = self.rules;
        for rule in &rules.policy.skill {
            let Some(seen) = seen(rule, asked) else { continue };
            if !concerns(rule, asked) || !in_scope(&rule.rule, &self.account) {
                continue;
            }
            let fired = seen.fired && rules.holds(rule.rule.when.as_ref(), facts);
            let seen = Seen { fired, ..seen };
            judgement.saw(Strategy::Skill, &rule.rule.name, seen, vec![asked.at.1.clone()]);
            if fired {
                let finding = Finding {
                    strategy: Strategy::Skill,
                    rule: &rule.rule,
                    name: rule.rule.name.clone(),
                    value: seen.value,
                    threshold: seen.threshold,
                    evidence: vec![Evidence { at: asked.at.clone(), customer: asked.demand }],
                    since: asked.at.clone(),
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

/// How sure the AI is of an answer.
fn confidence(event: &Event) -> Option<f64> {
    event.ai.as_ref().and_then(|ai| ai.confidence).filter(|_| is_answer(event))
}

fn seen(rule: &SkillRule, asked: Asked<'_>) -> Option<Seen> {
    if rule.human_only {
        return asked.demand.then_some(Seen { value: 1.0, threshold: 1.0, fired: true, below: false });
    }
    let confidence = asked.confidence?;
    Some(Seen { value: confidence, threshold: rule.floor, fired: confidence < rule.floor, below: true })
}

fn concerns(rule: &SkillRule, asked: Asked<'_>) -> bool {
    asked.subject.is_some_and(|s| rule.family(s).is_some()) || asked.domain.is_some_and(|d| rule.domains.contains(d))
}
