//! What a contact center reports back of a handoff.

use crate::{Id, Timestamp};
use serde::{Deserialize, Serialize};

/// The kinds of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleType {
    /// It was shown to an agent.
    Offered,
    /// An agent took it.
    Accepted,
    /// An agent refused it.
    Declined,
    /// A human answered the customer.
    FirstResponse,
    /// It is done.
    Resolved,
    /// It has an id in another system.
    Linked,
    /// A human passes it on.
    Transferred,
    /// It goes back to the AI.
    Returned,
    /// The customer left.
    Abandoned,
    /// A human confirms an anomaly.
    Confirmed,
    /// A human dismisses an anomaly.
    Dismissed,
    /// An approver grants.
    ApprovalGranted,
    /// An approver denies.
    ApprovalDenied,
    /// The customer or the human rated it.
    Rated,
    /// Somebody judged the decision.
    Judged,
}

/// A judgement on a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It helped.
    Useful,
    /// No human was needed.
    Needless,
    /// Somebody else should have had it.
    WrongTeam,
    /// It came too late.
    Late,
    /// It should have come.
    Missed,
}

/// The id of a handoff in another system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct External {
    /// Which system.
    pub system: Id,
    /// Its id there.
    pub id: Id,
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// The handoff; `external` or `account_id` may stand in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff_id: Option<Id>,
    /// The account, when it has one open handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Id>,
    /// An id that `linked` told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// What happened.
    #[serde(rename = "type")]
    pub lifecycle_type: LifecycleType,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Id>,
    /// The team that it goes to (`transferred`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Id>,
    /// When, by the contact center's clock.
    pub at: Timestamp,
    /// The revision that was seen; informative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The digest of the request that is granted or denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Id>,
    /// Whether the customer's matter is solved (`resolved`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<bool>,
    /// 1 to 5 (`rated`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csat: Option<u8>,
    /// 1 to 5: how good the dossier was (`rated`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u8>,
    /// The verdict (`judged`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Id>,
}
