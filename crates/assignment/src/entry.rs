//! One handoff as *assign* knows it.

use crate::clock::Timer;
use crate::need::{Needs, steps};
use baton_records::{Id, Priority, Request, SlaState, Timestamp};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Where a handoff stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub(crate) enum Place {
    /// In the queue of its team.
    Waiting,
    /// In its last team, where everyone who was there let it lapse or nobody was: whoever comes back is asked.
    Resting,
    /// Offered to an agent.
    Offered { agent_id: Id },
    /// An agent has it and keeps it; none when *decide* does not name them.
    Accepted { agent_id: Option<Id> },
    /// On its way to another team: *decide* has yet to ask for that one.
    Left,
}

/// That an agent was offered the handoff in this step, and since when they had been back then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub agent_id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_at: Option<Timestamp>,
}

/// One handoff: the newest request, and how far its queueing has got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub request: Request,
    /// How many answers it has had.
    pub number: u32,
    pub place: Place,
    /// `decided_at` of the revision that queued it in this team.
    pub queued_at: Timestamp,
    /// The step of its ladder, from 0.
    pub step: usize,
    /// Who was offered it in this step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
    /// Everyone of its last team had it once: only who came back since is offered it.
    pub rested: bool,
    /// *decide* was told of an agent and not yet that they lost it.
    pub shown: bool,
    /// From when its steps count.
    pub base: Timer,
    /// When the next step comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<Timer>,
    /// When its offer lapses or its team is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timer>,
}

impl Entry {
    /// Makes the entry of a request that is queued now.
    pub fn new(request: Request, base: Timer) -> Self {
        let next_step = steps(&request).first().map(|after| base.plus(*after));
        Self {
            number: 0,
            place: Place::Waiting,
            queued_at: request.at,
            step: 0,
            tried: Vec::new(),
            rested: false,
            shown: false,
            base,
            next_step,
            end: None,
            request,
        }
    }

    pub fn id(&self) -> &Id {
        &self.request.handoff_id
    }

    /// Returns what its step asks for.
    pub fn needs(&self) -> Needs {
        Needs::of(&self.request, self.step)
    }

    /// Goes one step down its ladder, where everyone may be offered it again but who holds it now; false on the floor.
    pub fn relax(&mut self) -> bool {
        let steps = steps(&self.request);
        if self.step >= steps.len() {
            return false;
        }
        self.step += 1;
        self.next_step = steps.get(self.step).map(|after| self.base.plus(*after));
        let holder = self.holder().cloned();
        self.tried.retain(|tried| Some(&tried.agent_id) == holder.as_ref());
        true
    }

    /// Returns who holds it, by an offer or by having accepted.
    pub fn holder(&self) -> Option<&Id> {
        match &self.place {
            Place::Offered { agent_id } => Some(agent_id),
            Place::Accepted { agent_id } => agent_id.as_ref(),
            Place::Waiting | Place::Resting | Place::Left => None,
        }
    }

    /// Tells whether an agent must not be offered it in this step.
    pub fn excludes(&self, agent_id: &Id, back_at: Option<Timestamp>) -> bool {
        let tried = |tried: &Tried| tried.agent_id == *agent_id && (!self.rested || tried.back_at == back_at);
        self.request.declined.contains(agent_id) || self.tried.iter().any(tried)
    }

    /// Returns its place in the queue.
    pub fn turn(&self) -> Turn {
        Turn {
            rank: Reverse(rank(self.request.priority, self.request.sla)),
            due: self.request.first_response_due.unwrap_or(Timestamp::MAX),
            queued_at: self.queued_at,
            handoff_id: self.id().clone(),
        }
    }
}

/// The order of a queue: priority, then the earliest due time (none: last), then when it was decided, then the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    rank: Reverse<Priority>,
    due: Timestamp,
    queued_at: Timestamp,
    pub handoff_id: Id,
}

/// At risk counts one higher, breached as critical: nobody waits for ever.
fn rank(priority: Priority, sla: SlaState) -> Priority {
    match (sla, priority) {
        (SlaState::Met, priority) => priority,
        (SlaState::AtRisk, Priority::Low) => Priority::Normal,
        (SlaState::AtRisk, Priority::Normal) => Priority::High,
        (SlaState::AtRisk, Priority::High | Priority::Critical) | (SlaState::Breached, _) => Priority::Critical,
    }
}
