//! What a contact center reports back of a handoff.

use crate::decode::{FromOutside, decode};
use crate::shape::{Shape, is_id, is_id_or_none, optional, required};
use crate::{Id, Reason, Rejection, Timestamp};
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
    #[serde(default, deserialize_with = "crate::object::option", skip_serializing_if = "Option::is_none")]
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

impl LifecycleType {
    const NAMES: &[&str] = &[
        "offered",
        "accepted",
        "declined",
        "first_response",
        "resolved",
        "linked",
        "transferred",
        "returned",
        "abandoned",
        "confirmed",
        "dismissed",
        "approval_granted",
        "approval_denied",
        "rated",
        "judged",
    ];
}

impl Lifecycle {
    /// Reads a report.
    ///
    /// # Errors
    /// A [`Rejection`] with the reason and the field.
    pub fn decode(json: &[u8]) -> Result<Self, Rejection> {
        decode(json)
    }

    /// Returns the field without which its type says nothing.
    fn lacks(&self) -> Option<&'static str> {
        let lacking = |is_there: bool, field| (!is_there).then_some(field);
        match self.lifecycle_type {
            LifecycleType::Linked => lacking(self.external.is_some(), "external"),
            LifecycleType::Transferred => lacking(self.team.is_some() || self.agent_id.is_some(), "team"),
            LifecycleType::Rated => lacking(self.csat.is_some() || self.context.is_some(), "csat"),
            LifecycleType::Judged => lacking(self.verdict.is_some(), "verdict"),
            _ => None,
        }
    }
}

impl FromOutside for Lifecycle {
    const SHAPE: Shape = Shape::Record(&[
        required("type", Shape::OneOf(LifecycleType::NAMES)),
        required("at", Shape::Time),
        optional("handoff_id", Shape::Id),
        optional("account_id", Shape::Id),
        optional("external", Shape::Record(&[required("system", Shape::Id), required("id", Shape::Id)])),
        optional("agent_id", Shape::Id),
        optional("team", Shape::Id),
        optional("revision", Shape::Whole(0, u32::MAX)),
        optional("digest", Shape::Id),
        optional("resolved", Shape::Flag),
        optional("csat", Shape::Whole(1, 5)),
        optional("context", Shape::Whole(1, 5)),
        optional("verdict", Shape::OneOf(&["useful", "needless", "wrong_team", "late", "missed"])),
        optional("note", Shape::Text),
    ]);

    fn is_sound(&self) -> bool {
        let ids = [&self.handoff_id, &self.account_id, &self.agent_id, &self.team, &self.digest];
        let in_range = |mark: Option<u8>| mark.is_none_or(|mark| (1..=5).contains(&mark));
        self.at.is_civil()
            && ids.into_iter().all(|id| is_id_or_none(id.as_ref()))
            && self.external.as_ref().is_none_or(|external| is_id(&external.system) && is_id(&external.id))
            && in_range(self.csat)
            && in_range(self.context)
    }

    fn combination(&self) -> Result<(), Rejection> {
        let missing = |field| Err(Rejection::new(Reason::MissingField, field));
        // What `linked` carries is the new name of the handoff, not yet one to find it by.
        let is_named_elsewhere = self.external.is_some() && self.lifecycle_type != LifecycleType::Linked;
        if self.verdict == Some(Verdict::Missed) && self.lifecycle_type == LifecycleType::Judged {
            return if self.account_id.is_some() { Ok(()) } else { missing("account_id") };
        }
        if self.handoff_id.is_none() && self.account_id.is_none() && !is_named_elsewhere {
            return missing("handoff_id");
        }
        self.lacks().map_or(Ok(()), missing)
    }
}
