//! An input event in the canonical shape.

use crate::decode::{FromOutside, decode};
use crate::shape::{FINITE, Shape, is_id, is_id_or_none, optional, required};
use crate::{Id, Reason, Rejection, Timestamp};
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
    const NAMES: &[&str] = &["chat", "email", "phone", "social", "web", "crm", "billing", "usage"];

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

    /// By their places in bytes; new ones come last.
    const ALL: [Self; 8] =
        [Self::Chat, Self::Email, Self::Phone, Self::Social, Self::Web, Self::Crm, Self::Billing, Self::Usage];

    /// Returns the number by which bytes name it.
    pub const fn place(self) -> u8 {
        self as u8
    }

    /// Returns the one with this number.
    pub fn at(place: u8) -> Option<Self> {
        Self::ALL.get(usize::from(place)).copied()
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
    #[serde(default, deserialize_with = "crate::decode::null_is_default", skip_serializing_if = "Vec::is_empty")]
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
    #[serde(default, deserialize_with = "crate::decode::null_is_default", skip_serializing_if = "Vec::is_empty")]
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
    #[serde(default, deserialize_with = "crate::decode::null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
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
    #[serde(default, deserialize_with = "crate::object::option", skip_serializing_if = "Option::is_none")]
    pub ai: Option<Ai>,
    /// What needs authority.
    #[serde(default, deserialize_with = "crate::object::option", skip_serializing_if = "Option::is_none")]
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
    #[serde(default, deserialize_with = "crate::decode::null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Id, Value>,
}

impl ApprovalRequest {
    const SHAPE: Shape = Shape::Record(&[
        required("action", Shape::Id),
        optional("percent", FINITE),
        optional("amount", Shape::Money),
        optional("currency", Shape::Id),
        optional("changes", Shape::List(&Shape::Id)),
    ]);

    fn is_sound(&self) -> bool {
        is_id(&self.action) && is_id_or_none(self.currency.as_ref()) && self.changes.iter().all(|change| is_id(change))
    }

    /// Returns the digest that a grant must carry: SHA-256, in hexadecimal, of the canonical JSON (RFC 8785) of
    /// `{"account_id", "request"}`.
    pub fn digest(&self, account_id: &str) -> Id {
        #[derive(Serialize)]
        struct Digested<'a> {
            account_id: &'a str,
            request: &'a ApprovalRequest,
        }
        let digested = Digested { account_id, request: self };
        // Writing into memory fails only for numbers that are not finite, which no request has.
        let canonical = serde_json_canonicalizer::to_vec(&digested).unwrap_or_default();
        crate::ids::sha256(&canonical)
    }
}

impl Ai {
    const SHAPE: Shape = Shape::Record(&[
        optional("confidence", Shape::Number(0.0, 1.0)),
        optional("domain", Shape::Id),
        optional("tags", Shape::List(&Shape::Id)),
    ]);

    fn is_sound(&self) -> bool {
        self.confidence.is_none_or(|confidence| (0.0..=1.0).contains(&confidence))
            && is_id_or_none(self.domain.as_ref())
            && self.tags.iter().all(|tag| is_id(tag))
    }
}

impl FromOutside for Event {
    const SHAPE: Shape = Shape::Record(&[
        required("event_id", Shape::Id),
        required("occurred_at", Shape::Time),
        required("channel", Shape::OneOf(Channel::NAMES)),
        required("type", Shape::Id),
        optional("account_id", Shape::Id),
        optional("identities", Shape::Map(&Shape::Id)),
        optional("contact_id", Shape::Id),
        optional("conversation_id", Shape::Id),
        optional("actor", Shape::OneOf(&["customer", "ai_agent", "human_agent", "system"])),
        optional("text", Shape::Text),
        optional("ai", Ai::SHAPE),
        optional("request", ApprovalRequest::SHAPE),
        optional("amount", Shape::Money),
        optional("currency", Shape::Id),
        optional("quantity", FINITE),
        optional("value", FINITE),
        optional("subject", Shape::Id),
        optional("attributes", Shape::Map(&Shape::Any)),
    ]);

    fn is_sound(&self) -> bool {
        let ids = [&self.account_id, &self.contact_id, &self.conversation_id, &self.currency, &self.subject];
        is_id(&self.event_id)
            && self.occurred_at.is_civil()
            && is_id(&self.event_type)
            && ids.into_iter().all(|id| is_id_or_none(id.as_ref()))
            && self.identities.iter().all(|(kind, value)| is_id(kind) && is_id(value))
            && self.ai.as_ref().is_none_or(Ai::is_sound)
            && self.request.as_ref().is_none_or(ApprovalRequest::is_sound)
            && self.attributes.iter().all(|(name, value)| is_id(name) && !value.is_null())
    }

    fn combination(&self) -> Result<(), Rejection> {
        let names_nobody = self.account_id.is_none()
            && self.identities.is_empty()
            && self.conversation_id.is_none()
            && self.subject.is_none();
        if names_nobody { Err(Rejection::new(Reason::MissingField, "account_id")) } else { Ok(()) }
    }
}

impl Event {
    /// Reads an event in the canonical shape.
    ///
    /// # Errors
    /// A [`Rejection`] with the reason and the field.
    pub fn decode(json: &[u8]) -> Result<Self, Rejection> {
        decode(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_its_number() {
        let names = (0..).map_while(Channel::at).map(|channel| (channel.place(), channel.name()));
        assert!(names.eq((0..).zip(Channel::NAMES.iter().copied())));
    }

    fn request(json: &str) -> ApprovalRequest {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_digest_is_that_of_the_canonical_json() {
        let discount = request(r#"{"percent":25.0,"action":"discount","reason":"unknown fields do not count"}"#);
        let expected = "b4f90e9d52a51130266c43f0d5b2d3e8c7f53b8a992ed25679d2e30ce12406a4";
        assert_eq!(discount.digest("acme"), expected);
        let waiver = request(
            r#"{"action":"overdraft_waiver","percent":1e-1,"currency":"USD","amount":"150.00","changes":["hardship_claim"]}"#,
        );
        let expected = "7d290303b65c70329fd6bf57a663c5570852c77c4de4fe9eda001f46ec8f75db";
        assert_eq!(waiver.digest("Müller & Söhne"), expected);
    }

    #[test]
    fn what_is_asked_for_changes_the_digest() {
        let one = request(r#"{"action":"discount","amount":"150.00"}"#);
        let other = request(r#"{"action":"discount","amount":"150.0"}"#);
        assert_ne!(one.digest("acme"), other.digest("acme"));
        assert_ne!(one.digest("acme"), one.digest("acme2"));
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let json = r#"{"action":"discount","percent":25,"amount":"0.10"}"#;
        assert_eq!(serde_json::to_string(&request(json)).unwrap(), json);
    }
}
