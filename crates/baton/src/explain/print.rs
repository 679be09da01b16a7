//! Prints decisions and fates, for people or as JSON Lines.

use super::search::{Fate, What};
use crate::card;
use crate::terminal::{Paint, number, plain};
use baton_records::{Decision, Gate, Handoff, Outcome, RuleResult, Why};
use std::io::Write;

/// Prints to one output.
pub struct Printer<'a, W> {
    out: &'a mut W,
    json: bool,
}

impl<'a, W: Write> Printer<'a, W> {
    /// Prints to `out`.
    pub fn new(out: &'a mut W, json: bool) -> Self {
        Self { out, json }
    }

    /// Prints a decision.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn decision(&mut self, decision: &Decision) -> anyhow::Result<()> {
        if self.json {
            return self.line(decision);
        }
        let about = match (&decision.event_id, &decision.conversation_id) {
            (Some(event), Some(conversation)) => format!("event {} of {}", plain(event), plain(conversation)),
            (Some(event), None) => format!("event {}", plain(event)),
            (None, Some(conversation)) => format!("a report or a deadline of {}", plain(conversation)),
            (None, None) => "a report or a deadline".to_owned(),
        };
        writeln!(self.out, "{}  {}  {about}", decision.at, plain(&decision.account_id))?;
        let handoff = decision.handoff_id.as_deref().map_or_else(String::new, |id| format!(" {}", plain(id)));
        let (outcome, why) = (outcome(decision.outcome), why(decision.why));
        writeln!(self.out, "  {outcome}{handoff}, because {why}  (policy {})", plain(&decision.policy_version))?;
        for rule in &decision.rules {
            self.rule(rule)?;
        }
        if let Some(approval) = &decision.approval {
            writeln!(self.out, "  request {}: {}", plain(&approval.action), plain(&approval.clause))?;
            writeln!(self.out, "    digest {}", plain(&approval.digest))?;
        }
        if let Some(gate) = decision.gate {
            let gate = if gate == Gate::Send { "may be sent" } else { "is held" };
            writeln!(self.out, "  the draft {gate}")?;
        }
        writeln!(self.out)?;
        Ok(())
    }

    fn rule(&mut self, rule: &RuleResult) -> anyhow::Result<()> {
        let mark = if rule.fired { "fired" } else { "quiet" };
        let sign = if rule.margin > 0.0 { "+" } else { "" };
        writeln!(
            self.out,
            "    {mark}  {}  {}: value {}, threshold {}, margin {sign}{}",
            rule.strategy.name(),
            plain(&rule.rule),
            number(rule.value),
            number(rule.threshold),
            number(rule.margin)
        )?;
        if !rule.evidence.is_empty() {
            let evidence: Vec<_> = rule.evidence.iter().map(|id| plain(id)).collect();
            writeln!(self.out, "           evidence {}", evidence.join(", "))?;
        }
        Ok(())
    }

    /// Prints what became of an event without decision.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn fate(&mut self, fate: &Fate) -> anyhow::Result<()> {
        if self.json {
            return self.line(fate);
        }
        let text = match &fate.what {
            What::Duplicate { account_id, at } => {
                format!("a repeat, ignored at {at}: {} had this event before", plain(account_id))
            }
            What::Ignored { reason, account_id, at } => {
                format!("ignored at {at} for {}: {}", plain(account_id), plain(reason))
            }
            What::History { account_id, at } => format!(
                "history of {}, arrived at {at}: too old for rules; it feeds facts, baselines and skills",
                plain(account_id)
            ),
            What::Applied { account_id, at } => format!(
                "taken for {} at {at}: no rule or detector looks at such an event; it feeds facts and baselines",
                plain(account_id)
            ),
            What::DeadLetter { reason, field, topic, partition, offset } => {
                let field = field.as_deref().map_or_else(String::new, |field| format!(", field {}", plain(field)));
                let (topic, partition, offset) = (plain(topic), plain(partition), plain(offset));
                format!(
                    "a dead letter: {}{field}  (from {topic}, partition {partition}, offset {offset})",
                    plain(reason)
                )
            }
            What::Waiting { topic } => format!(
                "stands in {} only: it waits for an account record that resolves it, or is not read yet",
                plain(topic)
            ),
        };
        writeln!(self.out, "event {}: {text}", plain(&fate.event_id))?;
        Ok(())
    }

    /// Prints a handoff.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn handoff(&mut self, handoff: &Handoff) -> anyhow::Result<()> {
        if self.json {
            return self.line(handoff);
        }
        card::write(handoff, Paint::of_output(), self.out)?;
        Ok(())
    }

    fn line<T: serde::Serialize>(&mut self, value: &T) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        writeln!(self.out, "{text}")?;
        Ok(())
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Opened => "opened",
        Outcome::Updated => "updated",
        Outcome::None => "no handoff",
        Outcome::Approved => "approved",
    }
}

const fn why(why: Why) -> &'static str {
    match why {
        Why::Fired => "a rule fired",
        Why::BelowThreshold => "no rule reached its threshold",
        Why::WarmingUp => "the baseline is too young",
        Why::QuietPeriod => "the account announced a quiet period",
        Why::Dismissed => "a human dismissed this before",
        Why::CoolDown => "the same rule closed a handoff of this conversation just before",
        Why::WithinAuthority => "the request is within authority",
        Why::WrongDigest => "the answer was to another request",
        Why::NotAnApprover => "the answer came from nobody who may give it",
        Why::Late => "it came too late for what was decided",
        Why::History => "it is too old to be judged",
        Why::Shadow => "the rule is in shadow mode",
        Why::RateCapped => "the rule opened too many",
        Why::NoRule => "no rule looks at it",
    }
}
