//! What *decide* and *assign* tell each other.

use crate::{Agent, Id, OverflowReason, Priority, Requirement, Timestamp};
use serde::{Deserialize, Serialize};

/// How a handoff stands towards its next deadline; raises it in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlaState {
    /// In time.
    Met,
    /// 80 % gone.
    AtRisk,
    /// Missed.
    Breached,
}

/// What *decide* wants of *assign*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// Find an agent.
    Queued,
    /// `agent_id` has it and keeps it.
    Accepted,
    /// It is over.
    Closed,
}

/// A snapshot of what *assign* must know of a handoff; the newest counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The handoff.
    pub handoff_id: Id,
    /// Its account.
    pub account_id: Id,
    /// The revision that caused this request.
    pub revision: u32,
    /// That revision's `decided_at`.
    pub at: Timestamp,
    /// What is wanted.
    pub state: RequestState,
    /// The team.
    pub team: Id,
    /// The priority.
    pub priority: Priority,
    /// How it stands towards its deadlines.
    pub sla: SlaState,
    /// When a human must have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_response_due: Option<Timestamp>,
    /// When the handoff opened.
    pub opened_at: Timestamp,
    /// Who holds it: the accepting agent, or whom the newest offer went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Id>,
    /// Who refused it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<Id>,
    /// What the agent must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<Requirement>,
    /// The account's industry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<Id>,
    /// The subject, for agents who resolved such before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Id>,
    /// Who solved the customer's matter, when that closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<Id>,
    /// The policy in force, `name@number`.
    pub policy_version: Id,
}

/// One record of `pool.repartition`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PoolRecord {
    /// From *decide*.
    Request {
        /// It.
        request: Box<Request>,
    },
    /// From *intake*; `None` is a tombstone.
    Agent {
        /// Whom it is about.
        agent_id: Id,
        /// The new record.
        agent: Option<Box<Agent>>,
        /// The source record's timestamp, never above intake's clock.
        at: Timestamp,
    },
    /// From *intake*: a policy's text, so that *assign* knows teams, ladders and overflow.
    Policy {
        /// `name@number`.
        version: Id,
        /// Its whole text.
        text: Id,
    },
    /// From a *decide* thread: log time of one of its partitions.
    Clock {
        /// Account partition.
        partition: i32,
        /// How many account partitions there are.
        of: i32,
        /// Log time up to which it has decided.
        time: Timestamp,
    },
}

/// What *assign* answers, by way of the account's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum AssignResult {
    /// An agent was offered the handoff.
    Offered {
        /// The handoff.
        handoff_id: Id,
        /// The revision whose request this answers.
        revision: u32,
        /// Number of this answer for this handoff, from 1.
        number: u32,
        /// To whom.
        agent_id: Id,
        /// Why them.
        why: Vec<Id>,
        /// The request's `decided_at`, a deadline, or the time of an agent's change.
        at: Timestamp,
    },
    /// An offer lapsed or its agent went offline, and nobody else is free.
    Withdrawn {
        /// The handoff.
        handoff_id: Id,
        /// The revision whose request this answers.
        revision: u32,
        /// Number of this answer for this handoff, from 1.
        number: u32,
        /// When.
        at: Timestamp,
    },
    /// Nobody could take it in time: it goes to another team.
    Overflowed {
        /// The handoff.
        handoff_id: Id,
        /// The revision whose request this answers.
        revision: u32,
        /// Number of this answer for this handoff, from 1.
        number: u32,
        /// Why.
        reason: OverflowReason,
        /// Where it was.
        from: Id,
        /// Where it goes; the same team when there is no other.
        to: Id,
        /// Who is told.
        notify: Vec<Id>,
        /// When.
        at: Timestamp,
    },
}
