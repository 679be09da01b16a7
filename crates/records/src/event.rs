//! An input event in the canonical shape.

use crate::{Id, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A chat.
    Chat,
    /// E-mail.
    Email,
    /// A phone call.
    Phone,
    /// A social network.
    Social,
    /// A web site.
    Web,
    /// The CRM.
    Crm,
    /// Billing.
    Billing,
    /// Usage of the product.
    Usage,
}

impl Channel {
    /// Returns the name that records carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Social => "social",
            Self::Web => "web",
            Self::Crm => "crm",
            Self::Billing => "billing",
            Self::Usage => "usage",
        }
    }
}

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person of the account.
    Customer,
    /// An AI agent of the company.
    AiAgent,
    /// A human of the company.
    HumanAgent,
    /// A system.
    System,
}

/// What an AI agent says of its own answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ai {
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::number::option")]
    pub confidence: Option<f64>,
    /// The knowledge domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Id>,
    /// Tags; some are human-only by policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Id>,
}

/// Something that needs authority.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// What is asked for, such as `discount`.
    pub action: Id,
    /// A percentage.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::number::option")]
    pub percent: Option<f64>,
    /// An amount of money, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::money::option")]
    pub amount: Option<Decimal>,
    /// The currency of `amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Id>,
    /// What would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Id>,
}

/// One thing that happened, in the canonical JSON shape. Unknown fields are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Unique within its source topic.
    pub event_id: Id,
    /// When it happened, by the source's clock.
    pub occurred_at: Timestamp,
    /// Where it happened.
    pub channel: Channel,
    /// What happened; an open set.
    #[serde(rename = "type")]
    pub event_type: Id,
    /// The account, when the source knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Id>,
    /// Identities by type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identities: BTreeMap<Id, Id>,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<Id>,
    /// The conversation, as the source names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<Id>,
    /// Who acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Id>,
    /// What an AI agent says of its own answer; counts only with actor `ai_agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai: Option<Ai>,
    /// What needs authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ApprovalRequest>,
    /// An amount of money, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::money::option")]
    pub amount: Option<Decimal>,
    /// The currency of `amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Id>,
    /// A count.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::number::option")]
    pub quantity: Option<f64>,
    /// A gauge reading.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::number::option")]
    pub value: Option<f64>,
    /// What it is about, such as a part or a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Id>,
    /// Everything else that rules may look at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Id, Value>,
}
