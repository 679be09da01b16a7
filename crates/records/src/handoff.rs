//! The handoff: what contact centers consume.

use crate::{ApprovalRequest, Channel, Dossier, External, Id, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How urgent; ordered from `Low` to `Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Low.
    Low,
    /// Normal.
    Normal,
    /// High.
    High,
    /// Critical.
    Critical,
}

/// How far a human steps in; ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reads along, invisible to the customer.
    Observe,
    /// Joins the conversation.
    Join,
    /// Owns the conversation.
    Own,
}

/// The strategies that give reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// S7.
    Approval,
    /// S5.
    Anomaly,
    /// S3.
    Priority,
    /// S8.
    Skill,
    /// S1.
    Sentiment,
    /// S2.
    Knowledge,
    /// S4.
    Gradual,
}

impl Strategy {
    /// Returns the name that records and metric labels carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Anomaly => "anomaly",
            Self::Priority => "priority",
            Self::Skill => "skill",
            Self::Sentiment => "sentiment",
            Self::Knowledge => "knowledge",
            Self::Gradual => "gradual",
        }
    }
}

/// What a revision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Revision 1.
    Opened,
    /// The agent changes.
    Assigned,
    /// A new reason, evidence, priority, team, stage, notify or approval step.
    Updated,
    /// 80 % of a deadline is gone.
    AtRisk,
    /// Nobody could take it.
    Overflowed,
    /// A deadline is missed.
    Breached,
    /// The request is granted.
    Approved,
    /// The request is denied.
    Denied,
    /// It is over.
    Closed,
}

impl Status {
    /// Returns the name that records and metric labels carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Assigned => "assigned",
            Self::Updated => "updated",
            Self::AtRisk => "at_risk",
            Self::Overflowed => "overflowed",
            Self::Breached => "breached",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Closed => "closed",
        }
    }
}

/// Why a handoff closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// Done.
    Resolved,
    /// A false alarm.
    Dismissed,
    /// The customer left.
    Abandoned,
    /// The request was denied.
    Denied,
    /// Nothing happened for 30 days.
    Expired,
    /// The request was amended to be within authority.
    WithinAuthority,
}

/// Why a handoff overflowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowReason {
    /// No agent holds a certificate that counts.
    NoCertified,
    /// Nobody is free.
    NoFreeAgent,
    /// No agent is allowed to take it.
    NobodyEligible,
}

/// An overflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflow {
    /// Why.
    pub reason: OverflowReason,
    /// From which team.
    pub from: Id,
}

/// Something that the agent must have; complete enough to route by without the policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Requirement {
    /// A skill.
    Skill {
        /// Which.
        skill: Id,
        /// The least level.
        min_level: u32,
        /// The least level after a while; the floor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relax_to: Option<u32>,
        /// Seconds until it relaxes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relax_after_s: Option<u32>,
    },
    /// A language.
    Language {
        /// BCP 47.
        language: Id,
    },
    /// Knowledge of an industry.
    Industry {
        /// Which.
        industry: Id,
    },
    /// The agent is dedicated to the account.
    Dedicated {
        /// Always true.
        dedicated: bool,
        /// What suffices when they are not there, such as `industry`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relax_to: Option<Id>,
    },
}

/// Who was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentChoice {
    /// Who.
    pub agent_id: Id,
    /// Why, for people.
    pub why: Vec<Id>,
}

/// Deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sla {
    /// The account's tier.
    pub tier: Id,
    /// When a human must have answered; none in `observe`.
    pub first_response_due: Option<Timestamp>,
    /// When it must be done.
    pub resolution_due: Option<Timestamp>,
}

/// One reason of a handoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReasonForHandoff {
    /// The strategy.
    pub strategy: Strategy,
    /// The policy's rule.
    pub rule: Id,
    /// The team that this reason asks for.
    pub team: Id,
    /// Its priority.
    pub priority: Priority,
    /// For people.
    pub summary: Id,
    /// What was seen.
    #[serde(with = "crate::number")]
    pub value: f64,
    /// From which value on the rule fires.
    #[serde(with = "crate::number")]
    pub threshold: f64,
    /// The newest 50 events that are the evidence, oldest first.
    pub evidence: Vec<Id>,
}

/// How many approvers must grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// One of them.
    Any,
    /// Each of them.
    All,
}

/// A request that waits for approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// What is asked for.
    pub action: Id,
    /// The request.
    pub request: ApprovalRequest,
    /// SHA-256 of the canonical JSON of `{"account_id", "request"}`, in hexadecimal.
    pub digest: Id,
    /// Teams.
    pub approvers: Vec<Id>,
    /// How many of them.
    pub quorum: Quorum,
    /// Until when.
    pub due: Timestamp,
    /// The policy's clause, for people.
    pub clause: Id,
}

/// One revision of a handoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handoff {
    /// `h-<account_id in base64url>-<hash>`.
    pub handoff_id: Id,
    /// From 1, by 1.
    pub revision: u32,
    /// Grows whenever the owner of the conversation changes.
    pub epoch: u32,
    /// What this revision is about.
    pub status: Status,
    /// The account.
    pub account_id: Id,
    /// The conversation; none when it is about the account.
    pub conversation_id: Option<Id>,
    /// The person.
    pub contact_id: Option<Id>,
    /// That of the newest customer message.
    pub channel: Option<Channel>,
    /// That of the customer's words, else of the account's locale.
    pub language: Id,
    /// The contact's.
    pub identities: BTreeMap<Id, Id>,
    /// Its id in another system.
    pub external: Option<External>,
    /// Why it closed.
    pub close_reason: Option<CloseReason>,
    /// How far a human steps in.
    pub stage: Stage,
    /// How urgent.
    pub priority: Priority,
    /// The team.
    pub team: Id,
    /// Teams that it did not go to.
    pub bypassed: Vec<Id>,
    /// Who was chosen.
    pub agent: Option<AgentChoice>,
    /// Who is told.
    pub notify: Vec<Id>,
    /// What the agent must have.
    pub requirements: Vec<Requirement>,
    /// That it overflowed.
    pub overflow: Option<Overflow>,
    /// Deadlines.
    pub sla: Sla,
    /// Reasons; the first decides the team.
    pub reasons: Vec<ReasonForHandoff>,
    /// What to do.
    pub workflow: Vec<Id>,
    /// What waits for approval.
    pub approval: Option<Approval>,
    /// What is known.
    pub dossier: Dossier,
    /// `name@number`.
    pub policy_version: Id,
    /// When this was decided.
    pub decided_at: Timestamp,
}
