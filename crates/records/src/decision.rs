//! A decision: why, and why not.

use crate::{Id, Strategy, Timestamp};
use serde::{Deserialize, Serialize};

/// What came of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A handoff opened.
    Opened,
    /// A handoff got a revision.
    Updated,
    /// Nothing.
    None,
    /// A request within authority.
    Approved,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [Self::Opened, Self::Updated, Self::None, Self::Approved];

    /// Returns the name that records and metric labels carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::None => "none",
            Self::Approved => "approved",
        }
    }
}

/// Why; a bounded set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A rule fired.
    Fired,
    /// No rule reached its threshold.
    BelowThreshold,
    /// A baseline is too young.
    WarmingUp,
    /// The account said that it would be silent.
    QuietPeriod,
    /// A human dismissed this before.
    Dismissed,
    /// The same rule closed a handoff of this conversation just before.
    CoolDown,
    /// The request needs nobody.
    WithinAuthority,
    /// A grant of another request.
    WrongDigest,
    /// A grant by somebody who may not.
    NotAnApprover,
    /// Too late for what was decided.
    Late,
    /// Older than what is judged.
    History,
    /// The rule is in shadow mode.
    Shadow,
    /// The rule opened too many.
    RateCapped,
    /// No rule looks at this.
    NoRule,
}

impl Why {
    /// All reasons.
    pub const ALL: [Self; 14] = [
        Self::Fired,
        Self::BelowThreshold,
        Self::WarmingUp,
        Self::QuietPeriod,
        Self::Dismissed,
        Self::CoolDown,
        Self::WithinAuthority,
        Self::WrongDigest,
        Self::NotAnApprover,
        Self::Late,
        Self::History,
        Self::Shadow,
        Self::RateCapped,
        Self::NoRule,
    ];

    /// Returns the name that records and metric labels carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::BelowThreshold => "below_threshold",
            Self::WarmingUp => "warming_up",
            Self::QuietPeriod => "quiet_period",
            Self::Dismissed => "dismissed",
            Self::CoolDown => "cool_down",
            Self::WithinAuthority => "within_authority",
            Self::WrongDigest => "wrong_digest",
            Self::NotAnApprover => "not_an_approver",
            Self::Late => "late",
            Self::History => "history",
            Self::Shadow => "shadow",
            Self::RateCapped => "rate_capped",
            Self::NoRule => "no_rule",
        }
    }
}

/// Whether an AI's draft may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Send it.
    Send,
    /// Hold it.
    Hold,
}

/// What one rule saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleResult {
    /// Its strategy.
    pub strategy: Strategy,
    /// Its name.
    pub rule: Id,
    /// What was seen.
    #[serde(with = "crate::number")]
    pub value: f64,
    /// From which value on it fires.
    #[serde(with = "crate::number")]
    pub threshold: f64,
    /// How far above; never negative when it fires.
    #[serde(with = "crate::number")]
    pub margin: f64,
    /// Whether it fired.
    pub fired: bool,
    /// The events that are the evidence.
    pub evidence: Vec<Id>,
}

/// The request of a decision about approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalNote {
    /// What is asked for.
    pub action: Id,
    /// The request's digest.
    pub digest: Id,
    /// The policy's clause.
    pub clause: Id,
}

/// One evaluation that mattered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Derived from its cause.
    pub decision_id: Id,
    /// The account.
    pub account_id: Id,
    /// The conversation.
    pub conversation_id: Option<Id>,
    /// The event; none for a lifecycle record or a deadline.
    pub event_id: Option<Id>,
    /// The event's arrival, the lifecycle record's `at`, or the deadline.
    pub at: Timestamp,
    /// The handoff that it opened or touched.
    pub handoff_id: Option<Id>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why.
    pub why: Why,
    /// What the rules saw.
    pub rules: Vec<RuleResult>,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalNote>,
    /// Turn of the conversation: how many customer messages it has, this one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// Whether a draft may be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// The policy's words for the customer, with `hold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_notice: Option<Id>,
    /// `name@number`.
    pub policy_version: Id,
}
