//! The humans of the demo: agents who accept what is assigned to them, answer, approve or deny, and close.

use super::company::Company;
use super::story::Planned;
use baton_records::{Approval, Handoff, Id, Quorum, Stage as Involvement, Status, Strategy, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A waiver above this is denied; everything else is granted.
const GENEROSITY: f64 = 200.0;

/// The agents of a company.
pub struct Desk {
    company: &'static Company,
    agents: BTreeMap<Id, Id>,
    accepted: BTreeSet<Id>,
}

impl Desk {
    /// Makes the desk of a company; `agents` says who works in which team.
    pub fn new(company: &'static Company, agents: BTreeMap<Id, Id>) -> Self {
        Self { company, agents, accepted: BTreeSet::new() }
    }

    /// Returns what the agents do about a revision, a while after `now`; `beat` is their pace.
    pub fn work(&mut self, handoff: &Handoff, now: Timestamp, beat: Duration) -> Vec<Planned> {
        let Some(agent) = handoff.agent.as_ref().filter(|_| handoff.status == Status::Assigned) else {
            return Vec::new();
        };
        if !self.accepted.insert(handoff.handoff_id.clone()) {
            return Vec::new();
        }
        let agent = &agent.agent_id;
        let after = |beats: f64| now.plus(beat.mul_f64(beats));
        let mut work = vec![self.report(handoff, after(1.0), "accepted", agent, None)];
        if let Some(approval) = &handoff.approval {
            return self.decide(handoff, approval, agent, work, after);
        }
        // Who reads along stays invisible to the customer.
        let spoken = handoff.conversation_id.as_ref().filter(|_| handoff.stage != Involvement::Observe);
        if let Some(conversation) = spoken {
            work.push(self.answer(handoff, conversation, agent, after(3.5)));
        } else if handoff.reasons.iter().any(|reason| reason.strategy == Strategy::Anomaly) {
            work.push(self.report(handoff, after(3.0), "confirmed", agent, None));
        }
        work.push(self.report(handoff, after(6.0), "resolved", agent, None));
        work
    }

    fn decide(
        &self,
        handoff: &Handoff,
        approval: &Approval,
        agent: &Id,
        mut work: Vec<Planned>,
        after: impl Fn(f64) -> Timestamp,
    ) -> Vec<Planned> {
        let amount = serde_json::to_value(&approval.request).unwrap_or_default();
        let amount = amount.get("amount").and_then(Value::as_str).and_then(|amount| amount.parse().ok());
        if amount.is_some_and(|amount: f64| amount > GENEROSITY) {
            work.push(self.report(handoff, after(3.0), "approval_denied", agent, Some(approval)));
            return work;
        }
        let asked = match approval.quorum {
            Quorum::Any => 1,
            Quorum::All => approval.approvers.len(),
        };
        let mut at = 3.0;
        for approver in approval.approvers.iter().take(asked).filter_map(|team| self.agents.get(team)) {
            work.push(self.report(handoff, after(at), "approval_granted", approver, Some(approval)));
            at += 1.0;
        }
        work.push(self.report(handoff, after(at + 1.0), "resolved", agent, None));
        work
    }

    fn report(
        &self,
        handoff: &Handoff,
        due: Timestamp,
        kind: &str,
        agent: &Id,
        approval: Option<&Approval>,
    ) -> Planned {
        let mut value = json!({"handoff_id": handoff.handoff_id, "type": kind, "agent_id": agent, "at": due});
        if let Some(approval) = approval {
            value["digest"] = json!(approval.digest);
        }
        Planned {
            due,
            history_of: None,
            topic: self.company.topic("lifecycle"),
            key: handoff.handoff_id.clone(),
            event_id: None,
            value: value.to_string(),
        }
    }

    fn answer(&self, handoff: &Handoff, conversation: &Id, agent: &Id, due: Timestamp) -> Planned {
        let event_id: Id = format!("answer-{}", handoff.handoff_id).into();
        let words = match handoff.language.as_str() {
            "de" => "Ich habe Ihren Fall gelesen und übernehme ihn selbst.",
            _ => "I have read what you wrote so far, and I take this over myself.",
        };
        let value = json!({
            "event_id": event_id, "occurred_at": due, "channel": "chat", "type": "message",
            "account_id": handoff.account_id, "conversation_id": conversation, "actor": "human_agent",
            "attributes": {"agent": agent}, "text": words,
        });
        Planned {
            due,
            history_of: None,
            topic: self.company.topic("chat"),
            key: handoff.account_id.clone(),
            event_id: Some(event_id),
            value: value.to_string(),
        }
    }
}
